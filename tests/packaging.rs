//! What systemd says of the service units: nothing wrong, and little exposed.

use std::fs;
use std::process::{Command, ExitStatus};

const UNITS: [(&str, &str); 2] = [
    ("--user", include_str!("../systemd/user/spatiald.service")),
    ("--system", include_str!("../systemd/system/spatiald.service")),
];
/// `systemd-analyze security` counts from 0 (nothing to reach) to 10; this is in tenths.
const MAX_EXPOSURE_TENTHS: &str = "20";

/// Runs `systemd-analyze` on `unit`, with the program built here in place of the installed one. Nothing where the machine
/// has no systemd.
fn analyze(manager: &str, unit: &str, arguments: &[&str]) -> Option<(ExitStatus, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spatiald.service");
    fs::write(&file, unit.replace("/usr/bin/spatiald", env!("CARGO_BIN_EXE_spatiald"))).unwrap();
    let mut command = Command::new("systemd-analyze");
    command.args([manager, "--no-pager"]).args(arguments).arg(&file);
    let output = match command.env("XDG_RUNTIME_DIR", folder.path()).env("SYSTEMD_COLORS", "0").output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("not tried: there is no systemd-analyze");
            return None;
        }
        output => output.unwrap(),
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status, String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    for (manager, unit) in UNITS {
        // An unknown key is only a warning, with exit code 0.
        let Some((status, said)) = analyze(manager, unit, &["--man=no", "verify"]) else { return };
        assert!(status.success() && said.is_empty(), "{manager}: {status}: {said}");
    }
}

#[test]
fn the_units_expose_little() {
    let threshold = format!("--threshold={MAX_EXPOSURE_TENTHS}");
    for (manager, unit) in UNITS {
        let Some((status, said)) = analyze(manager, unit, &["--offline=yes", &threshold, "security"]) else { return };
        assert!(status.success() && said.contains("Overall exposure level"), "{manager}: {status}: {said}");
    }
}

/// Both options make systemd-analyze happier, the system call refuse `SCHED_FIFO`, and nobody say so. The third hides
/// /proc/asound.
#[test]
fn nothing_in_the_units_takes_real_time_or_the_cards_away() {
    for (manager, unit) in UNITS {
        let settings: Vec<&str> = unit.lines().filter(|line| !line.starts_with('#')).collect();
        for hazard in ["RestrictRealtime=", "@resources", "ProcSubset=", "PrivateDevices="] {
            assert!(!settings.iter().any(|line| line.contains(hazard)), "{manager}: {hazard}");
        }
        assert!(settings.contains(&"SystemCallFilter=@system-service"), "{manager}");
        assert!(settings.contains(&"DeviceAllow=char-alsa rw"), "{manager}");
    }
}
