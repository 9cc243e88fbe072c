//! Playing a file into a sink.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::process::Process;
use super::session::Session;

/// Starts `pw-cat` on a file, toward the sink named `target`, at a quantum of `quantum_frames` (0: the session's).
pub fn play(session: &Session, target: &str, file: &Path, quantum_frames: u32) -> Process {
    // Its file-reading thread is not real-time: on a busy machine it, not the sink, would leave gaps.
    let mut command = if may_be_realtime() {
        let mut command = session.command("chrt");
        command.args(["-f", "60", "pw-cat"]);
        command
    } else {
        session.command("pw-cat")
    };
    command.args(["--playback", "--target", target]);
    if quantum_frames > 0 {
        command.args(["--latency", &quantum_frames.to_string()]);
    }
    session.spawn("pw-cat", command.arg(file))
}

fn may_be_realtime() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| {
        let mut command = Command::new("chrt");
        command.args(["-f", "60", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
