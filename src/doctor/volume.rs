//! Whether the sink is turned up.

use super::finding::Finding;
use crate::node::Survey;

const CHECK: &str = "volume";

pub(super) fn check(survey: Option<&Survey>) -> Finding {
    let Some(sink) = survey.and_then(|survey| survey.sink) else {
        return Finding::skip(CHECK, "not known without the sink");
    };
    if sink.mute {
        return Finding::fail(CHECK, "the sink is muted").typed("unmute it", format!("wpctl set-mute {} 0", sink.id));
    }
    match sink.volume {
        None => Finding::skip(CHECK, "the sink does not tell"),
        Some(volume) if volume <= 0.0 => {
            Finding::fail(CHECK, "the sink is at 0 %").typed("turn it up", format!("wpctl set-volume {} 0.4", sink.id))
        }
        // As desktops and wpctl show it: the cube root.
        Some(volume) => Finding::ok(CHECK, format!("{:.0} %", 100.0 * volume.cbrt())),
    }
}
