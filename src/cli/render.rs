//! `spatiald render`: the chain over a file.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Failure;
use super::report::{note, print};
use crate::config::controls::Key;
use crate::config::{Change, Places, Seat, SeatChoice, Settings};
use crate::controls::Aim;
use crate::profile::{Profile, find};
use crate::render::{Progress, Request, Summary, Tap, render};
use crate::source::printable;

/// Play a file through a profile's chain into another file
///
/// Reads WAV, AIFF, FLAC, MP3, AAC (also in MP4) and Ogg Vorbis, stereo or mono. Writes one channel per driver as 32-bit
/// float WAV, in sync with the input: its latency is removed, its tail kept.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Profile to render with, by name or folder
    #[arg(long, value_name = "PROFILE")]
    profile: String,
    /// Leave out the profile's limiter
    #[arg(long)]
    no_limiter: bool,
    /// Set a control, as with spatiald --set; once for each
    #[arg(long, value_name = "KEY=VALUE", num_args = 1)]
    set: Vec<String>,
    /// Where the listener sits: degrees from the device's axis and meters from its middle
    #[arg(long, value_name = "AZIMUTH_DEG[,DISTANCE_M]", allow_hyphen_values = true)]
    seat: Option<String>,
    /// Stop after this stage: `upmix` writes left, right and center
    #[arg(long, value_name = "STAGE")]
    tap: Option<TapArg>,
    /// File to read; - is standard input
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// File to write; - is standard output
    #[arg(value_name = "OUT.wav")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TapArg {
    /// Left, right and center as the upmix splits them
    Upmix,
}

/// Runs the command and prints one line about what was rendered.
///
/// # Errors
/// No such profile, input that cannot be read, output that cannot be written, an interrupt.
pub fn run(args: &Args) -> Result<(), Failure> {
    let profile = Profile::load(&find(&args.profile, &Places::from_environment())?)?;
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let bar = progress_bar();
    let mut settings = Settings::default();
    for change in &args.set {
        settings.change(&change.parse::<Change>()?);
    }
    if settings.controls.get(Key::DelayMs).is_some() {
        return Err(
            "delay_ms is the daemon's, for lip sync; a rendered file is in sync with its input: leave it out".into()
        );
    }
    let seat = args.seat.as_ref().map(|seat| seat.parse::<Seat>()).transpose()?;
    let aim = match (seat, settings.seat.clone()) {
        (Some(seat), _) | (None, Some(SeatChoice::At(seat))) => Some(Aim::load(&profile, seat)?),
        (None, Some(SeatChoice::Named(name))) => {
            return Err(format!("the seat {name} is a daemon's; give it as --seat AZIMUTH_DEG[,DISTANCE_M]").into());
        }
        (None, None) => None,
    };
    let request = Request {
        profile: &profile,
        aim: aim.as_ref(),
        controls: settings.controls_over(&Settings::default()),
        input: &args.input,
        output: &args.output,
        limiter: !args.no_limiter,
        tap: match args.tap {
            None => Tap::Drivers,
            Some(TapArg::Upmix) => Tap::Upmix,
        },
        stop: Some(&stop),
    };
    let mut show = |progress: Progress| {
        let rate = u64::from(progress.sample_rate_hz).max(1);
        if let Some(frames) = progress.of {
            bar.set_length(frames / rate);
        }
        bar.set_position(progress.frames / rate);
        ControlFlow::Continue(())
    };
    let outcome = render(&request, &mut show);
    bar.finish_and_clear();
    let summary = outcome?;
    let said = format!("{}: {}", printable(args.output.display()), line(&summary));
    if args.output == Path::new("-") {
        // Standard output has the sound.
        note(&said);
    } else {
        print(&format!("{said}\n"))?;
    }
    for warning in warnings(&summary) {
        note(&format!("{}: {warning}", args.input.display()));
    }
    Ok(())
}

/// On a terminal only, and there on standard error.
fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // The template is a constant that parses; without it the bar has its plain looks.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} s, {eta} left") {
        bar.set_style(style);
    }
    bar
}

fn line(summary: &Summary) -> String {
    let seconds = summary.input_frames as f64 / f64::from(summary.sample_rate_hz);
    let elapsed = summary.elapsed.as_secs_f64().max(1e-6);
    let peaks: Vec<String> = summary
        .peaks
        .iter()
        .map(
            |(name, peak)| {
                if *peak > 0.0 { format!("{name} {:.1}", 20.0 * peak.log10()) } else { format!("{name} silent") }
            },
        )
        .collect();
    let limited = if summary.max_gain_reduction_db > 0.0 {
        format!(", limited by up to {:.1} dB", summary.max_gain_reduction_db)
    } else {
        String::new()
    };
    format!(
        "{} channels at {} Hz, {seconds:.1} s in {elapsed:.2} s ({:.0} x real time), peaks in dBFS: {}{limited}",
        summary.peaks.len(),
        summary.sample_rate_hz,
        seconds / elapsed,
        peaks.join(", "),
    )
}

fn warnings(summary: &Summary) -> Vec<String> {
    let mut warnings = Vec::new();
    let holes = &summary.holes;
    if holes.count > 0 {
        let seconds = |frames: u64| frames as f64 / f64::from(summary.sample_rate_hz);
        let named: Vec<String> = holes
            .first
            .iter()
            .map(|&(at, frames)| format!("{:.3} s at {:.3} s", seconds(frames), seconds(at)))
            .collect();
        let more = if holes.count > named.len() as u64 { " and later" } else { "" };
        warnings.push(format!(
            "{} damaged or missing stretches, {:.3} s in all, became silence: {}{more}; check the file",
            holes.count,
            seconds(holes.frames),
            named.join(", ")
        ));
    }
    if summary.cut_short {
        warnings.push("the file ends before its header says; what there is was rendered".into());
    }
    warnings
}
