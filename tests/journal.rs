//! What spatiald says to systemd's journal, and what `doctor` reads there; neither systemd, PipeWire nor a daemon is needed.

#![cfg(target_os = "linux")]

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

/// The program in an empty home, with `PATH` as it is there.
fn spatiald(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spatiald"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME"] {
        command.env(variable, home);
    }
    command
}

#[test]
fn doctor_ends_with_what_the_journal_holds_and_nothing_of_it_moves_a_terminal() {
    let home = tempfile::tempdir().unwrap();
    let doctor = |options: &[&str]| {
        let mut command = spatiald(home.path(), &[&["doctor"], options].concat());
        let output = command.env("PATH", home.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "there is no PipeWire: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap()["journal"].clone();
    assert_eq!(said(&doctor(&["--json"])), serde_json::json!([]), "there is no journal");

    let reader = home.path().join("journalctl");
    // The last is "evil \x1b[2J\n" and a ü, as bytes.
    let script = r#"#!/bin/sh
echo '{"__REALTIME_TIMESTAMP":"1764415200000000","PRIORITY":"4","MESSAGE":"hw:0 is gone"}'
echo '{"__REALTIME_TIMESTAMP":"1764415260000000","PRIORITY":"3","MESSAGE":[101,118,105,108,27,91,50,74,10,195,188]}'
"#;
    fs::write(&reader, script).unwrap();
    fs::set_permissions(&reader, Permissions::from_mode(0o755)).unwrap();
    let text = doctor(&[]);
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert!(last[1].starts_with("journal: warning, ") && last[1].ends_with(" days ago: hw:0 is gone"), "{text}");
    assert!(last[0].starts_with("journal: error, ") && last[0].ends_with(" ago: evil\\u{1b}[2J\\nü"), "{text}");
    let entries = said(&doctor(&["--json"]));
    assert_eq!((&entries[0]["level"], &entries[0]["text"]), (&"warning".into(), &"hw:0 is gone".into()));
    assert_eq!(entries[1]["text"], "evil\u{1b}[2J\nü");
    assert_eq!(said(&doctor(&["--json", "--instance", "other"])), serde_json::json!([]), "no service runs it");
}

/// What the program says on standard error, a pipe, and whether that is the journal's.
fn complaint(home: &Path, arguments: &[&str], is_journal: bool) -> String {
    let (reader, writer) = nix::unistd::pipe().unwrap();
    let (mut reader, writer) = (File::from(reader), File::from(writer));
    let pipe = writer.metadata().unwrap();
    let told = format!("{}:{}", pipe.dev(), pipe.ino() + u64::from(!is_journal));
    let mut command = spatiald(home, arguments);
    let status = command.env("JOURNAL_STREAM", told).stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
    // Its end of the pipe is held by the command.
    drop(command);
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn the_journal_is_told_how_bad_it_is() {
    let home = tempfile::tempdir().unwrap();
    let plain = complaint(home.path(), &["--reload"], false);
    assert!(plain.starts_with("spatiald: "), "{plain}");
    let marked: String = plain.lines().map(|line| format!("<3>{line}\n")).collect();
    assert_eq!(complaint(home.path(), &["--reload"], true), marked);
    // The daemon too: what it logs, and why it ends.
    let daemon = complaint(home.path(), &["--no-wait", "--profile", "absent"], true);
    assert!(daemon.lines().any(|line| line.starts_with("<3>spatiald: ")), "{daemon}");
}
