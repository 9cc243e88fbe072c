//! `spatiald doctor`: what keeps sound away, and the remedy.

use std::path::PathBuf;

use super::Failure;
use super::report::print;
use super::status::json;
use crate::daemon::Instance;
use crate::doctor::{Question, examine};

/// Find out what keeps sound away, and what to do about it
///
/// The first line is the cause; below it a line for each check, worst first, then what to type. Changes nothing, and
/// plays nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file of the daemon [default: spatiald/spatiald.toml in $XDG_CONFIG_HOME, else in /etc]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Profile that the daemon is started with, by name or folder
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Which daemon, where several run on one machine
    #[arg(long, value_name = "NAME", default_value = "default")]
    instance: Instance,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Examines and prints.
///
/// # Errors
/// Something keeps sound away: how many checks say so.
pub fn run(args: Args) -> Result<(), Failure> {
    let report = examine(&Question { config: args.config, profile: args.profile, instance: args.instance });
    if args.json {
        print(&json(&report)?)?;
    } else {
        print(&report.to_string())?;
    }
    match report.failed() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} checks failed", report.findings.len()).into()),
    }
}
