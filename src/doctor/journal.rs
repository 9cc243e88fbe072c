//! What the journal holds of the service's warnings and errors.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::daemon::span;
use crate::inventory::within::{Begun, begin};

/// systemd's reader, wherever the shell would find it.
pub(super) const READER: &str = "journalctl";
/// The last of this boot, from the user's service and the system's alike, and from systemd about them.
const ARGUMENTS: [&str; 9] = [
    "--quiet",
    "--no-pager",
    "--boot",
    "--unit=spatiald",
    "--user-unit=spatiald",
    "--priority=warning",
    "--lines=3",
    "--output=json",
    "--output-fields=MESSAGE,PRIORITY",
];
/// No answer is longer.
const MAX_BYTES: u64 = 256 << 10;

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// `error` or `warning`.
    pub level: &'static str,
    /// How long ago.
    pub age_s: u64,
    /// What was said.
    pub text: String,
}

/// A question under way.
pub(super) struct Asked {
    reader: Child,
    said: Begun<Vec<u8>>,
}

/// Begins to ask; `None` where there is no `reader`, and so no journal.
pub(super) fn ask(reader: &Path) -> Option<Asked> {
    let mut command = Command::new(reader);
    command.args(ARGUMENTS).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut reader = command.spawn().ok()?;
    let answer = reader.stdout.take()?;
    let read = || {
        let mut said = Vec::new();
        // What came before a failure counts.
        answer.take(MAX_BYTES).read_to_end(&mut said).ok();
        said
    };
    Some(Asked { reader, said: begin(read) })
}

impl Asked {
    /// The entries, the latest last; none where the answer takes too long.
    pub fn wait(mut self) -> Vec<Entry> {
        let said = self.said.wait().unwrap_or_default();
        // It has ended by itself, or it hangs.
        self.reader.kill().ok();
        self.reader.wait().ok();
        entries(&said, SystemTime::now())
    }
}

/// A line of `journalctl --output=json`.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    realtime_us: String,
    #[serde(rename = "PRIORITY")]
    priority: String,
    #[serde(rename = "MESSAGE")]
    message: Message,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    /// So where not all of it can be printed.
    Bytes(Vec<u8>),
}

/// What `said` holds; what is no entry is passed over.
fn entries(said: &[u8], now: SystemTime) -> Vec<Entry> {
    let entry = |line: &[u8]| {
        let Line { realtime_us, priority, message } = serde_json::from_slice(line).ok()?;
        let at = UNIX_EPOCH + Duration::from_micros(realtime_us.parse().ok()?);
        Some(Entry {
            // syslog(3): 4 is a warning, less is worse.
            level: if priority.parse::<u8>().ok()? < 4 { "error" } else { "warning" },
            // A clock may have been set back.
            age_s: now.duration_since(at).unwrap_or_default().as_secs(),
            text: match message {
                Message::Text(text) => text,
                Message::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            },
        })
    };
    said.split(|byte| *byte == b'\n').filter_map(entry).collect()
}

/// How long ago, as people say it.
pub(super) fn ago(age_s: u64) -> String {
    format!("{} ago", span(Duration::from_secs(age_s)))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// As journalctl of systemd 252 answers.
    const ANSWER: &str = r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1764415200000000","PRIORITY":"4","MESSAGE":"hw:0 is gone"}
{"MESSAGE":[27,91,50,74,195,188],"__REALTIME_TIMESTAMP":"1764415260000000","_BOOT_ID":"2","PRIORITY":"3"}
no JSON
{"MESSAGE":null,"__REALTIME_TIMESTAMP":"1764415260000000","PRIORITY":"3"}
{"MESSAGE":"cut sh"#;

    /// A reader that is this shell script.
    fn script(folder: &Path, text: &str) -> std::path::PathBuf {
        let path = folder.join("journalctl");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn entries_are_read_and_all_else_passed_over() {
        let now = UNIX_EPOCH + Duration::from_secs(1_764_415_500);
        let found = entries(ANSWER.as_bytes(), now);
        let warning = Entry { level: "warning", age_s: 300, text: "hw:0 is gone".into() };
        let error = Entry { level: "error", age_s: 240, text: "\u{1b}[2Jü".into() };
        assert_eq!(found, [warning, error]);
        assert_eq!(entries(ANSWER.as_bytes(), UNIX_EPOCH)[0].age_s, 0);
    }

    #[test]
    fn the_reader_is_asked_for_this_boot_s_warnings_of_both_services() {
        let folder = tempfile::tempdir().unwrap();
        let asked = folder.path().join("asked");
        let reader = script(folder.path(), &format!("echo \"$@\" >'{}'\ncat <<'E'\n{ANSWER}\nE", asked.display()));
        assert_eq!(ask(&reader).unwrap().wait().len(), 2);
        let asked = fs::read_to_string(asked).unwrap();
        for words in ["--boot", "--unit=spatiald --user-unit=spatiald", "--priority=warning", "--output=json"] {
            assert!(asked.contains(words), "{asked}");
        }
        assert!(ask(&folder.path().join("absent")).is_none());
    }

    #[test]
    fn a_reader_that_hangs_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let asked = ask(&script(folder.path(), "exec sleep 1000")).unwrap();
        let process = nix::unistd::Pid::from_raw(asked.reader.id() as i32);
        assert_eq!(asked.wait(), []);
        assert!(nix::sys::signal::kill(process, None).is_err(), "it is still there");
    }

    #[test]
    fn an_age_has_the_unit_that_people_use() {
        assert_eq!(
            [5, 119, 120, 7199, 7200, 200_000].map(ago),
            ["5 s ago", "119 s ago", "2 min ago", "119 min ago", "2 h ago", "2 days ago"]
        );
    }
}
