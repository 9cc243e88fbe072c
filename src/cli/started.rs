//! Which daemon is meant, and what it was, or would be, started with.

use std::path::PathBuf;

use crate::daemon::{Instance, Options};

/// For commands that look at the daemon, or stand in for it.
#[derive(Debug, clap::Args)]
pub struct Started {
    /// Configuration file that the daemon is, or would be, started with [default: spatiald/spatiald.toml in
    /// $XDG_CONFIG_HOME, else in /etc]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Profile that it is, or would be, started with, by name or folder
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Which daemon, where several run on one machine
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub instance: Instance,
}

impl Started {
    /// As the daemon takes them.
    pub fn options(&self) -> Options {
        Options {
            config: self.config.clone(),
            profile: self.profile.clone(),
            instance: self.instance.clone(),
            ..Options::default()
        }
    }
}
