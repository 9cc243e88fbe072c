//! Standard error as systemd's journal reads it: `<N>` at the beginning of a line is its priority (sd-daemon(3)), by which
//! `journalctl --priority` and `spatiald doctor` find it.

/// Priorities of syslog(3).
pub const ERROR: u8 = 3;
#[cfg(feature = "daemon")]
pub const WARNING: u8 = 4;
#[cfg(feature = "daemon")]
pub const INFO: u8 = 6;
#[cfg(feature = "daemon")]
pub const DEBUG: u8 = 7;

/// Whether standard error is the journal's, as systemd says in the environment (systemd.exec(5)).
#[cfg(unix)]
pub fn is_stderr() -> bool {
    let Ok(told) = std::env::var("JOURNAL_STREAM") else { return false };
    nix::sys::stat::fstat(std::io::stderr()).is_ok_and(|is| told == format!("{}:{}", is.st_dev, is.st_ino))
}

/// There is no journal.
#[cfg(not(unix))]
pub fn is_stderr() -> bool {
    false
}

/// `text` with the priority before each of its lines.
pub fn marked(text: &str, priority: u8) -> String {
    text.lines().map(|line| format!("<{priority}>{line}\n")).collect()
}
