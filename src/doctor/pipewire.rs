//! Whether PipeWire answers.

use std::path::Path;

use super::finding::Finding;
use crate::node::{NodeError, Survey};

const CHECK: &str = "PipeWire";

/// `survey`: what PipeWire told; `None` where even connecting took too long.
pub(super) fn check(survey: Option<&Result<Survey, NodeError>>) -> Finding {
    const RESTART: (&str, &str) = ("restart it", "systemctl --user restart pipewire wireplumber");
    match survey {
        Some(Ok(survey)) => Finding::ok(CHECK, format!("version {}", survey.version)),
        Some(Err(NodeError::Unreachable { socket, reason })) => unreachable(socket, reason)
            .typed("start it, as the user who listens", "systemctl --user start pipewire wireplumber"),
        Some(Err(NodeError::NoRuntimeFolder { socket, reason })) => unreachable(socket, reason).typed(
            "say where the sockets of the user who listens are: XDG_RUNTIME_DIR is not set",
            "export XDG_RUNTIME_DIR=/run/user/$(id -u)",
        ),
        Some(Err(error @ NodeError::Silent { .. })) => {
            Finding::fail(CHECK, error.to_string()).typed(RESTART.0, RESTART.1)
        }
        Some(Err(error)) => Finding::fail(CHECK, error.to_string()),
        None => Finding::fail(CHECK, "does not take connections").typed(RESTART.0, RESTART.1),
    }
}

fn unreachable(socket: &Path, reason: &str) -> Finding {
    Finding::fail(CHECK, format!("cannot be reached at {}: {reason}", socket.display()))
}
