//! Whether somebody links players with sinks.

use super::finding::Finding;
use crate::node::Survey;

const CHECK: &str = "session manager";

pub(super) fn check(survey: Option<&Survey>) -> Finding {
    match survey {
        None => Finding::skip(CHECK, "not known without PipeWire"),
        Some(Survey { session_manager: Some(name), .. }) => Finding::ok(CHECK, name),
        Some(_) => Finding::fail(CHECK, "none is running: nothing links players with a sink")
            .typed("start it (package wireplumber)", "systemctl --user start wireplumber"),
    }
}
