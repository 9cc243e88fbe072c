//! `spatiald --status [--json]`: how the running daemon fares.

use super::Failure;
use super::reload::Refused;
use super::report::print;
use crate::daemon::Instance;
use crate::daemon::control::{Reply, Request, ask};

/// Asks and prints.
///
/// # Errors
/// No daemon there, or none that answers.
pub fn run(instance: &Instance, json: bool) -> Result<(), Failure> {
    match ask(instance, &Request::Status)? {
        Reply::Status(status) if json => print(&format!("{}\n", serde_json::to_string_pretty(&status)?))?,
        Reply::Status(status) => print(&status.to_string())?,
        Reply::Refused { reason, causes } => return Err(Refused::new(reason, causes).into()),
        Reply::Switched(_) => {
            return Err("the daemon answered another question: restart it, it is of another version".into());
        }
    }
    Ok(())
}
