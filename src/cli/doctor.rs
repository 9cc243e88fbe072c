//! `spatiald doctor`: what keeps sound away, and the remedy.

use super::Failure;
use super::report::print;
use super::show::json;
use super::started::Started;
use crate::doctor::examine;

/// Find out what keeps sound away, and what to do about it
///
/// The first line is the cause; below it a line for each check, worst first, then what to type, and the service's last
/// warnings in the journal. Changes nothing, and plays nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    started: Started,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Examines and prints.
///
/// # Errors
/// Something keeps sound away: how many checks say so.
pub fn run(args: &Args) -> Result<(), Failure> {
    let report = examine(&args.started.options());
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
