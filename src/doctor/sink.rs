//! Whether the sink is there, and where players go that name none.

use super::finding::Finding;
use crate::daemon::control::status::{State, Status};
use crate::node::Survey;

const CHECK: &str = "default sink";

pub(super) fn check(name: &str, survey: Option<&Survey>, status: Option<&Status>) -> Finding {
    let (Some(survey), Some(status)) = (survey, status) else {
        return Finding::skip(CHECK, "not known without PipeWire and the daemon");
    };
    if survey.session_manager.is_none() {
        return Finding::skip(CHECK, "not known without a session manager, which selects it");
    }
    let Some(sink) = &survey.sink else {
        let finding = match status.state {
            State::Playing | State::Idle | State::Standby => Finding::fail,
            _ => Finding::skip,
        };
        return finding(CHECK, format!("{name} is not in PipeWire's graph"));
    };
    match &survey.default_sink {
        Some(default) if default == name => Finding::ok(CHECK, name),
        other => {
            // Somebody has found it all the same.
            let finding = if status.state == State::Playing { Finding::warn } else { Finding::fail };
            let text = match other {
                Some(other) => format!("{other} is selected, not {name}: what is played goes there"),
                None => format!("no sink is selected, so not {name} either"),
            };
            finding(CHECK, text).typed("select it", format!("wpctl set-default {}", sink.id))
        }
    }
}
