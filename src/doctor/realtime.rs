//! Whether the threads that carry sound may go before all others.

use std::path::Path;

use super::finding::Finding;
use crate::daemon::control::status::Status;
use crate::engine::Scheduling;

const CHECK: &str = "real time";

/// What this system grants it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    /// The package's limits for the group `audio`.
    Audio,
    /// PipeWire's for the group `pipewire`.
    Pipewire,
    /// Nothing yet.
    Nothing,
}

impl Grant {
    /// Looks at the limits below `root`.
    pub fn look(root: &Path) -> Grant {
        let limits = root.join("etc/security/limits.d");
        if limits.join("95-spatiald.conf").exists() {
            Grant::Audio
        } else if limits.join("25-pw-rlimits.conf").exists() {
            Grant::Pipewire
        } else {
            Grant::Nothing
        }
    }
}

/// `tried`: what a thread of this program was granted, by limits or rtkit; `limit`: its `RLIMIT_RTPRIO`.
pub(super) fn check(tried: Option<Scheduling>, limit: u64, grant: Grant, status: Option<&Status>) -> Finding {
    let threads = status.map(|status| [&status.realtime.data_thread, &status.realtime.writer_thread]);
    let is_realtime = |name: &&String| name.starts_with("FIFO") || name.starts_with("round robin");
    if let Some([data, writer]) = threads.filter(|threads| threads.iter().all(is_realtime)) {
        return Finding::ok(CHECK, format!("granted to the daemon: {data} and {writer}"));
    }
    let denied = threads.is_some_and(|threads| threads.iter().any(|name| *name == "not real time"));
    let text = match (denied, tried) {
        (true, _) => format!("the daemon was not granted it (limit here: {limit}): a busy machine will be heard"),
        (_, Some(Scheduling::Fifo(priority) | Scheduling::RoundRobin(priority))) => {
            return Finding::ok(CHECK, format!("priority {priority} is granted here"));
        }
        _ => format!("not granted here (limit: {limit}): a busy machine will be heard"),
    };
    let finding = Finding::warn(CHECK, text);
    match grant {
        Grant::Audio => finding.typed("join the group that has it, then log in anew", "sudo adduser $USER audio"),
        Grant::Pipewire => finding.typed("join the group that has it, then log in anew", "sudo adduser $USER pipewire"),
        Grant::Nothing => finding.typed("on a desktop, rtkit grants it", "sudo apt install rtkit"),
    }
}
