//! Whether the daemon runs, and what it says of itself.

use super::finding::Finding;
use crate::daemon::Instance;
use crate::daemon::control::AskError;
use crate::daemon::control::status::{State, Status};

const CHECK: &str = "daemon";

/// What was found of the daemon.
#[derive(Debug)]
pub(super) enum Found {
    /// It answered.
    Running(Box<Status>),
    /// It could not be asked.
    Unasked(AskError),
    /// It answers, but not what it was asked.
    Other,
    /// It takes too long.
    Stuck,
}

impl Found {
    pub fn status(&self) -> Option<&Status> {
        match self {
            Found::Running(status) => Some(status),
            _ => None,
        }
    }
}

/// `has_service`: whether this system has its user service, and a systemd to run it; `options`: what the daemon is to be
/// started with, which the service does not know.
pub(super) fn check(found: &Found, instance: &Instance, has_service: bool, options: &str) -> Finding {
    let is_service = has_service && *instance == Instance::default() && options.is_empty();
    let restart = |finding: Finding| match is_service {
        true => finding.typed("restart it", "systemctl --user restart spatiald"),
        false => finding.advise("end it, and start it again"),
    };
    match found {
        Found::Running(status) => running(status, restart),
        Found::Unasked(AskError::NotRunning { .. }) => {
            Finding::fail(CHECK, format!("instance {instance} is not running"))
                .typed("start it", format!("{}{options}", start_command(instance, is_service)))
        }
        Found::Unasked(error @ (AskError::Broken { .. } | AskError::Garbled { .. } | AskError::NoAnswer { .. })) => {
            restart(Finding::fail(CHECK, error.to_string()))
        }
        Found::Unasked(error) => Finding::fail(CHECK, error.to_string()),
        Found::Other => restart(Finding::fail(CHECK, "it is of another version than this program")),
        Found::Stuck => restart(Finding::fail(CHECK, format!("instance {instance} is there and does not answer"))),
    }
}

/// What starts it; `is_service`: by its user service.
pub fn start_command(instance: &Instance, is_service: bool) -> String {
    match (is_service, *instance == Instance::default()) {
        (true, _) => "systemctl --user enable --now spatiald".into(),
        (false, true) => "spatiald".into(),
        (false, false) => format!("spatiald --instance {instance}"),
    }
}

fn running(status: &Status, restart: impl FnOnce(Finding) -> Finding) -> Finding {
    let problems = status.problems.join("; ");
    let text = match problems.is_empty() {
        true => format!("version {}, {}", status.version, status.state),
        false => format!("version {}, {}: {problems}", status.version, status.state),
    };
    match status.state {
        State::Playing | State::Idle | State::Standby if problems.is_empty() => Finding::ok(CHECK, text),
        State::Playing | State::Idle | State::Standby | State::Starting => Finding::warn(CHECK, text),
        State::Stalled => restart(Finding::fail(CHECK, text)),
        // It tries again by itself, and its message has the remedy.
        State::NoProfile | State::NoDevice | State::NoPipewire => Finding::fail(CHECK, text),
    }
}
