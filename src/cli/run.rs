//! `spatiald`: the daemon, in the foreground.

use super::Failure;
use crate::daemon::{self, Options};

/// Runs until a signal asks to stop. Logs to standard error, by `RUST_LOG`; warnings and what is switched by default.
///
/// # Errors
/// Whatever keeps the daemon from starting.
pub fn run(options: Options) -> Result<(), Failure> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).format_timestamp(None).init();
    Ok(daemon::run(options)?)
}
