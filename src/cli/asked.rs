//! What a command asks of the running daemon: an answer of the kind that was asked for, or why there is none.

use super::Failure;
use crate::daemon::Instance;
use crate::daemon::control::status::Status;
use crate::daemon::control::{Reply, Request, Switched, ask};
use crate::source::printable;

/// Why the daemon leaves everything as it is.
#[derive(Debug, thiserror::Error)]
#[error("{}", printable(reason))]
pub struct Refused {
    reason: String,
    source: Option<Box<Refused>>,
}

impl Refused {
    /// The reason, and the chain of causes behind it.
    fn new(reason: String, causes: Vec<String>) -> Refused {
        let source = causes.into_iter().rev().fold(None, |source, reason| Some(Box::new(Refused { reason, source })));
        Refused { reason, source }
    }
}

/// How things stand.
///
/// # Errors
/// No daemon there, or none that answers.
pub fn status(instance: &Instance) -> Result<Status, Failure> {
    match ask(instance, &Request::Status)? {
        Reply::Status(status) => Ok(*status),
        other => Err(no_answer(other)),
    }
}

/// The end of a reload or of a change of settings.
///
/// # Errors
/// No daemon there, or one that refuses: then nothing has changed.
pub fn switched(instance: &Instance, request: &Request) -> Result<Switched, Failure> {
    match ask(instance, request)? {
        Reply::Switched(done) => Ok(done),
        other => Err(no_answer(other)),
    }
}

pub(super) fn no_answer(reply: Reply) -> Failure {
    match reply {
        Reply::Refused { reason, causes } => Refused::new(reason, causes).into(),
        Reply::Switched(_) | Reply::Status(_) | Reply::Sounding { .. } => {
            "the daemon answered another question: restart it, it is of another version".into()
        }
    }
}
