//! `spatiald`: the daemon, in the foreground.

use std::io::Write;

use log::Level;

use super::{Failure, journal};
use crate::daemon::{self, Options};

/// Runs until a signal asks to stop. Logs to standard error, by `RUST_LOG`; warnings and what is switched by default.
///
/// # Errors
/// Whatever keeps the daemon from starting.
pub fn run(options: Options) -> Result<(), Failure> {
    let mut log = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"));
    log.format_timestamp(None);
    if journal::is_stderr() {
        log.format(|out, record| {
            let priority = match record.level() {
                Level::Error => journal::ERROR,
                Level::Warn => journal::WARNING,
                Level::Info => journal::INFO,
                Level::Debug | Level::Trace => journal::DEBUG,
            };
            // Where it was said is for those who look for faults in the program.
            let text = match priority {
                journal::DEBUG => format!("{}: {}", record.target(), record.args()),
                _ => record.args().to_string(),
            };
            out.write_all(journal::marked(&text, priority).as_bytes())
        });
    }
    log.init();
    Ok(daemon::run(options)?)
}
