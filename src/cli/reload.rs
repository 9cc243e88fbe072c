//! `spatiald --reload [PROFILE]`: ask the running daemon to switch, and wait for the outcome.

use super::Failure;
use super::asked::switched;
use super::report::{note as note_down, print};
use crate::daemon::Instance;
use crate::daemon::control::{Choice, Request};
use crate::profile::is_path;
use crate::source::printable;

/// Asks, waits, prints what was switched and how long it took.
///
/// # Errors
/// No daemon there, or it keeps its old profile: why.
pub fn run(instance: &Instance, profile: Option<String>, default: bool) -> Result<(), Failure> {
    let choice = match profile {
        Some(profile) => Choice::Named(absolute(profile)?),
        None if default => Choice::Default,
        None => Choice::Again,
    };
    let done = switched(instance, &Request::Reload(choice))?;
    let others = match done.requests {
        0 | 1 => String::new(),
        n => format!(", together with {} other requests", n - 1),
    };
    if let Some(note) = &done.note {
        note_down(note);
    }
    let (from, to) = (printable(done.from), printable(done.to));
    Ok(print(&format!("{from} → {to} in {:.0} ms{others}\n", done.took_ms))?)
}

/// The daemon has a working folder of its own: a path must reach it whole.
fn absolute(profile: String) -> Result<String, Failure> {
    if !is_path(&profile) {
        return Ok(profile);
    }
    let whole = std::path::absolute(&profile)?;
    match whole.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => {
            Err(format!("{}: a path that is not UTF-8 cannot be sent: rename it", printable(whole.display())).into())
        }
    }
}
