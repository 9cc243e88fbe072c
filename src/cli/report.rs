//! How a failure reads: one line to the user, the causes behind it on lines of their own.

use std::error::Error;
use std::fmt::Write;

/// One line that names the thing, the value and the remedy, then a line for each cause.
pub fn report(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("spatiald: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  because: {error}");
        cause = error.source();
    }
    text
}
