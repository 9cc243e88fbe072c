//! The command line: one file a command. Each parses its arguments, calls the library and prints; none decides.
//!
//! | command | file |
//! |---|---|
//! | `spatiald` | [`run`] |
//! | `spatiald design DEVICE.toml -o DIR` | [`design`] |
//! | `spatiald --reload [PROFILE]` | [`reload`] |
//! | `spatiald --status [--json \| --metrics]` | [`status`] |
//! | `spatiald --set [KEY=VALUE…]` | [`set`] |
//! | `spatiald --seat SEAT` | [`seat`] |
//! | `spatiald --check [FILE]` | [`check`] |
//! | `spatiald render` | [`render`] |
//! | `spatiald doctor` | [`doctor`] |
//! | `spatiald list` | [`list`] |
//! | `spatiald setup` | [`setup`] |
//! | `spatiald identify [DRIVER]` | [`identify`] |

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[cfg(feature = "daemon")]
use crate::daemon::{Instance, Options};

#[cfg(feature = "daemon")]
mod asked;
pub mod check;
pub mod design;
#[cfg(feature = "daemon")]
pub mod doctor;
#[cfg(feature = "daemon")]
pub mod identify;
mod journal;
#[cfg(feature = "daemon")]
pub mod list;
#[cfg(feature = "daemon")]
pub mod reload;
pub mod render;
pub mod report;
#[cfg(feature = "daemon")]
pub mod run;
#[cfg(feature = "daemon")]
pub mod seat;
#[cfg(feature = "daemon")]
pub mod set;
#[cfg(feature = "daemon")]
pub mod setup;
// Without a daemon there is less to show.
#[cfg_attr(not(feature = "daemon"), allow(dead_code))]
mod show;
#[cfg(feature = "daemon")]
mod started;
#[cfg(feature = "daemon")]
pub mod status;

/// Spatial audio for Linux speakers: a PipeWire sink that turns stereo into a room-filling image.
///
/// Without a command, runs the daemon in the foreground. RUST_LOG sets what it logs to standard error.
#[derive(Debug, Parser)]
#[command(version = env!("SPATIALD_VERSION"), args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    ask: Ask,
    /// Configuration file [default: spatiald/spatiald.toml in $XDG_CONFIG_HOME, else in /etc]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Profile to play, by name or folder
    #[cfg(feature = "daemon")]
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["reload", "status", "set", "seat", "check"])]
    profile: Option<String>,
    /// Which daemon, where several run on one machine
    #[cfg(feature = "daemon")]
    #[arg(long, value_name = "NAME", default_value = "default")]
    instance: Instance,
    /// End, instead of waiting, where the device or PipeWire is not there at the start
    #[cfg(feature = "daemon")]
    #[arg(long, conflicts_with_all = ["reload", "status", "set", "seat", "check"])]
    no_wait: bool,
    // What conflicts with the option that it requires is named too: clap forgives what is missing beside a conflict.
    /// With --status: print JSON
    #[cfg(feature = "daemon")]
    #[arg(long, requires = "status", conflicts_with_all = ["reload", "set", "seat", "check"])]
    json: bool,
    /// With --status: print OpenMetrics text
    #[cfg(feature = "daemon")]
    #[arg(long, requires = "status", conflicts_with_all = ["json", "reload", "set", "seat", "check"])]
    metrics: bool,
    /// With --reload: forget the remembered profile
    #[cfg(feature = "daemon")]
    #[arg(long, requires = "reload", conflicts_with_all = ["status", "set", "seat", "check"])]
    default: bool,
}

/// Questions to the running daemon, and to its files; at most one at a time.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Ask {
    /// Ask the running daemon to read its configuration again and switch, to PROFILE if named
    #[cfg(feature = "daemon")]
    #[arg(long, value_name = "PROFILE", num_args = 0..=1)]
    reload: Option<Option<String>>,
    /// Show how the running daemon fares
    #[cfg(feature = "daemon")]
    #[arg(long)]
    status: bool,
    /// Set controls of the running daemon, until set otherwise; KEY=default forgets. Without any, show them all
    #[cfg(feature = "daemon")]
    #[arg(long, value_name = "KEY=VALUE", num_args = 0.., long_help = set_help())]
    set: Option<Vec<String>>,
    /// Say where the listener sits.
    #[cfg(feature = "daemon")]
    #[arg(
        long,
        value_name = "SEAT",
        allow_hyphen_values = true,
        help = "Say where the listener sits: AZIMUTH_DEG[,DISTANCE_M], the name of a [[seat]], reset, or tune to find it by ear"
    )]
    seat: Option<String>,
    /// Validate the configuration and the profiles it can find, or FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    check: Option<Option<PathBuf>>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Design(design::Args),
    Render(render::Args),
    #[cfg(feature = "daemon")]
    Doctor(doctor::Args),
    #[cfg(feature = "daemon")]
    List(list::Args),
    #[cfg(feature = "daemon")]
    Setup(setup::Args),
    #[cfg(feature = "daemon")]
    Identify(identify::Args),
}

/// Anything a command can fail with: printed by [`report::complain`], exit code 1.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Cli {
    /// Runs what the command line asks for.
    ///
    /// # Errors
    /// Whatever the command refused or failed at.
    pub fn run(self) -> Result<(), Failure> {
        refuse_large_files_by_error()?;
        match self.command {
            Some(Command::Design(args)) => return design::run(args),
            Some(Command::Render(args)) => return render::run(&args),
            #[cfg(feature = "daemon")]
            Some(Command::Doctor(args)) => return doctor::run(&args),
            #[cfg(feature = "daemon")]
            Some(Command::List(args)) => return list::run(&args),
            #[cfg(feature = "daemon")]
            Some(Command::Setup(args)) => return setup::run(args),
            #[cfg(feature = "daemon")]
            Some(Command::Identify(args)) => return identify::run(&args),
            None => {}
        }
        if let Some(file) = &self.ask.check {
            return check::run(file.as_deref(), self.config.as_deref());
        }
        #[cfg(feature = "daemon")]
        return self.run_daemon();
        #[cfg(not(feature = "daemon"))]
        Err("this build has no daemon; it knows design, render and --check (--help shows them)".into())
    }

    /// The daemon itself, and questions to one that runs.
    #[cfg(feature = "daemon")]
    fn run_daemon(self) -> Result<(), Failure> {
        if let Some(profile) = self.ask.reload {
            return reload::run(&self.instance, profile, self.default);
        }
        if let Some(changes) = &self.ask.set {
            return set::run(&self.instance, changes);
        }
        if let Some(seat) = &self.ask.seat {
            return seat::run(&self.instance, seat);
        }
        if self.ask.status {
            let form = match (self.json, self.metrics) {
                (true, _) => status::Form::Json,
                (_, true) => status::Form::Metrics,
                _ => status::Form::Text,
            };
            return status::run(&self.instance, form);
        }
        run::run(Options {
            config: self.config,
            profile: self.profile,
            instance: self.instance,
            no_wait: self.no_wait,
            ..Options::default()
        })
    }
}

/// All controls, from their table.
#[cfg(feature = "daemon")]
fn set_help() -> String {
    let row = |entry: &crate::config::controls::Entry| format!("{:<11} {}: {}", entry.name, entry.wanted(), entry.help);
    let rows: Vec<String> = crate::config::controls::TABLE.iter().map(row).collect();
    format!(
        "Set controls of the running daemon, until set otherwise; KEY=default forgets. Without any, show them all\n\n{}",
        rows.join("\n")
    )
}

/// A file beyond `ulimit -f` fails to be written, like one beyond the disk, instead of ending the process with its
/// unfinished files left behind.
#[cfg(unix)]
fn refuse_large_files_by_error() -> std::io::Result<()> {
    // Nobody reads the flag: the failed write says it all.
    let unread = std::sync::Arc::<std::sync::atomic::AtomicBool>::default();
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, unread).map(|_| ())
}

#[cfg(not(unix))]
fn refuse_large_files_by_error() -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, feature = "daemon"))]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_passed_over_is_refused() {
        for line in [
            "--profile bar --check",
            "--profile bar --status",
            "--no-wait --check",
            "--json --check",
            "--check --metrics",
            "--default --status",
            "--json",
            "design device.toml -o dir --seat 3",
            "design device.toml -o dir --device other.toml",
        ] {
            let words = ["spatiald"].into_iter().chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err_and(|refused| refused.use_stderr()), "{line}");
        }
        for line in
            ["--config a --check", "--instance a --status --json", "--reload --default", "--no-wait --profile a"]
        {
            Cli::try_parse_from(["spatiald"].into_iter().chain(line.split(' '))).unwrap();
        }
    }
}
