//! Whether PipeWire answers.

use super::finding::Finding;
use crate::node::{NodeError, Survey};

const CHECK: &str = "PipeWire";

/// `survey`: what PipeWire told; `None` where even connecting took too long.
pub(super) fn check(survey: Option<&Result<Survey, NodeError>>) -> Finding {
    const RESTART: (&str, &str) = ("restart it", "systemctl --user restart pipewire wireplumber");
    match survey {
        Some(Ok(survey)) => Finding::ok(CHECK, format!("version {}", survey.version)),
        Some(Err(NodeError::Unreachable { socket, reason, remedy })) => {
            let finding = Finding::fail(CHECK, format!("cannot be reached at {}: {reason}", socket.display()));
            if remedy.starts_with("neither") {
                finding.typed(*remedy, "export XDG_RUNTIME_DIR=/run/user/$(id -u)")
            } else {
                finding.typed("start it, as the user who listens", "systemctl --user start pipewire wireplumber")
            }
        }
        Some(Err(error @ NodeError::Silent { .. })) => {
            Finding::fail(CHECK, error.to_string()).typed(RESTART.0, RESTART.1)
        }
        Some(Err(error)) => Finding::fail(CHECK, error.to_string()),
        None => Finding::fail(CHECK, "does not take connections").typed(RESTART.0, RESTART.1),
    }
}
