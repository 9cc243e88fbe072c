//! How a failure reads: one line to the user, the causes behind it on lines of their own.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::journal;
use crate::source::printable;

/// One line that names the thing, the value and the remedy, then a line for each cause.
fn report(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("spatiald: {}", printable(error));
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  because: {}", printable(error));
        cause = error.source();
    }
    text
}

/// Says on standard error why a command failed.
pub fn complain(error: &(dyn Error + 'static)) {
    let text = report(error);
    let text = if journal::is_stderr() { journal::marked(&text, journal::ERROR) } else { format!("{text}\n") };
    // Nowhere left to say that it could not be said.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Prints the outcome of a command. A reader that has left (`| head`) wants no more, and is no failure.
///
/// # Errors
/// Standard output cannot take it: a full disk.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Says something beside the outcome of a command.
pub fn note(text: &str) {
    // Nowhere left to say that it could not be said.
    let _ = writeln!(io::stderr(), "spatiald: {}", printable(text));
}
