//! The command line: one file a command. Each parses its arguments, calls the library and prints; none decides.
//!
//! | command | file |
//! |---|---|
//! | `spatiald` | [`run`] |
//! | `spatiald design DEVICE.toml -o DIR` | [`design`] |
//! | `spatiald --reload [PROFILE]` | [`reload`] |
//! | `spatiald --status [--json]` | [`status`] |
//! | `spatiald --check [FILE]` | [`check`] |
//! | `spatiald render` | [`render`] |

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::daemon::{Instance, Options};

pub mod check;
pub mod design;
pub mod reload;
pub mod render;
pub mod report;
pub mod run;

pub mod status;

/// Spatial audio for Linux speakers: a PipeWire sink that turns stereo into a room-filling image.
///
/// Without a command, runs the daemon in the foreground. RUST_LOG sets what it logs to standard error.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    ask: Ask,
    /// Configuration file [default: spatiald/spatiald.toml in $XDG_CONFIG_HOME, else in /etc]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Profile to play, by name or folder
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Which daemon, where several run on one machine
    #[arg(long, value_name = "NAME", default_value = "default")]
    instance: Instance,
    /// End, instead of waiting, where the device or PipeWire is not there at the start
    #[arg(long)]
    no_wait: bool,
    /// With --status: print JSON
    #[arg(long, requires = "status")]
    json: bool,
    /// With --reload: forget the remembered profile
    #[arg(long, requires = "reload")]
    default: bool,
}

/// Questions to the running daemon, and to its files; at most one at a time.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Ask {
    /// Ask the running daemon to read its configuration again and switch, to PROFILE if named
    #[arg(long, value_name = "PROFILE", num_args = 0..=1)]
    reload: Option<Option<String>>,
    /// Show how the running daemon fares
    #[arg(long)]
    status: bool,
    /// Validate the configuration and the profiles it can find, or FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    check: Option<Option<PathBuf>>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Design(design::Args),
    Render(render::RenderArgs),
}

/// Anything a command can fail with: printed by [`report`], exit code 1.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Cli {
    /// Runs what the command line asks for.
    ///
    /// # Errors
    /// Whatever the command refused or failed at.
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Some(Command::Design(args)) => return design::run(args),
            Some(Command::Render(args)) => return render::run(&args),
            None => {}
        }
        if let Some(file) = &self.ask.check {
            return check::run(file.as_deref(), self.config.as_deref());
        }
        if let Some(profile) = self.ask.reload {
            return reload::run(&self.instance, profile, self.default);
        }
        if self.ask.status {
            return status::run(&self.instance, self.json);
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
