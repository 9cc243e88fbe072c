//! `spatiald design`: from a device description to a profile, or the figures of a profile again.

use std::io::IsTerminal;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::Failure;
use super::report::print;
use crate::config::Places;
use crate::design::shortfalls::shortfalls;
use crate::design::table::Table;
use crate::design::{Device, Figures, designer, evaluate, folder};
use crate::profile::{self, Profile};

/// Design a profile for a device, and predict what it does.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Description of the device
    #[arg(value_name = "DEVICE.toml")]
    device: PathBuf,
    /// Folder of the profile to write
    #[arg(short, long, value_name = "DIR", required_unless_present = "evaluate", conflicts_with = "evaluate")]
    output: Option<PathBuf>,
    /// Length of the filters in samples, in place of the description's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(64..=8192), conflicts_with = "evaluate")]
    taps: Option<u16>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Design nothing: print the figures of this profile on the device
    #[arg(long, value_name = "PROFILE")]
    evaluate: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// The description or the profile is wrong, or the folder cannot be written. Then nothing is written.
pub fn run(args: Args) -> Result<(), Failure> {
    let mut device = Device::load(&args.device)?;
    if let Some(name) = &args.evaluate {
        let profile = Profile::load(&profile::find(name, &Places::from_environment())?)?;
        let (device, filters) = folder::played_on(&profile, &device)?;
        let figures = evaluate::evaluate(&device, &filters);
        return show(&device, &figures, &shortfalls(&device, &figures), args.json);
    }
    if let Some(taps) = args.taps {
        device.taps = usize::from(taps);
    }
    let bar = progress_bar();
    let design = designer::design(&device, &|done| bar.set_position((done * 100.0) as u64));
    bar.finish_and_clear();
    if let Some(output) = &args.output {
        folder::profile(&device, &design)?.save(output)?;
    }
    show(&device, &design.figures, &design.notes, args.json)?;
    if let (Some(output), false) = (&args.output, args.json) {
        print(&format!("written: {}\n", output.display()))?;
    }
    Ok(())
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(100);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("designing [{bar:40}] {percent:>3} %") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn show(device: &Device, figures: &Figures, notes: &[String], as_json: bool) -> Result<(), Failure> {
    if as_json {
        let value = json!({ "device": device.name, "taps": device.taps, "notes": notes, "figures": figures });
        print(&format!("{}\n", serde_json::to_string_pretty(&value)?))?;
    } else {
        print(&Table { device, figures, notes }.to_string())?;
    }
    Ok(())
}
