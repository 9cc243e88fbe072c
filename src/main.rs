use std::process::ExitCode;

use clap::Parser;
use spatiald::cli::{Cli, report::complain};
#[cfg(feature = "daemon")]
use spatiald::node::{ALSA_PLUGIN_VARIABLE, alsa_plugin_guard};

/// 0 done, 1 refused or failed (the reason on standard error), 2 usage.
fn main() -> ExitCode {
    #[cfg(feature = "daemon")]
    if let Some(value) = alsa_plugin_guard(std::env::var(ALSA_PLUGIN_VARIABLE).ok().as_deref()) {
        // SAFETY: the first statement of the program: no other thread can read the environment.
        unsafe { std::env::set_var(ALSA_PLUGIN_VARIABLE, value) };
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let code = if usage.use_stderr() { 2 } else { 0 };
            // Nowhere left to say that it could not be said.
            let _ = usage.print();
            return ExitCode::from(code);
        }
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}
