//! The first half of a start or a reload, off every real-time thread: read, validate, choose, build.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Instance;
use super::control::Choice;
use crate::config::{Config, MixerValue, Places};
use crate::dsp::{Chain, SpecError};
use crate::output;
use crate::profile::choice::{Remembered, choose};
use crate::profile::machine::Machine;
use crate::profile::{self, Profile, ProfileError};
use crate::source::Complaint;

/// What the command line said.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// The last `--reload NAME` to this process, which goes before `--profile`.
    pub reloaded: Option<String>,
    /// `--instance`.
    pub instance: Instance,
}

/// Everything that is played by, read and validated.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The configuration in force.
    pub config: Config,
    /// The profile to play; `None` where nobody names one, so that nothing is played.
    pub profile: Option<Chosen>,
}

/// A profile and why it is this one.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The profile, at its own rate.
    pub profile: Profile,
    /// Who named it.
    pub chosen_by: String,
}

/// A plan and the chain built from it.
pub struct Prepared {
    /// What was read.
    pub plan: Plan,
    /// The chain of its profile, at the rate asked for.
    pub chain: Option<Box<Chain>>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// Why nothing could be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The configuration, or the memory of the last reload.
    #[error(transparent)]
    Complaint(#[from] Complaint),
    /// The profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A panic: a bug.
    #[error("reading the profile ended unexpectedly: please report this with the log")]
    Died,
    /// The chain.
    #[error("{}: {error}", folder.display())]
    Spec {
        /// The profile's folder.
        folder: PathBuf,
        /// What is wrong with it.
        error: SpecError,
    },
}

/// Reads configuration and profile as `choice` says.
///
/// # Errors
/// Whatever in them is not as it must be.
pub fn read(options: &Options, choice: &Choice) -> Result<Plan, PrepareError> {
    let places = Places::from_environment();
    let config = Config::find(options.config.as_deref(), &places)?;
    // What is asked for at run time overrides the command line.
    let (named, remembered) = match (choice, &options.reloaded) {
        (Choice::Named(name), _) | (Choice::Again, Some(name)) => (None, Some(name.clone())),
        (Choice::Again, None) => {
            (options.profile.as_deref(), Remembered::new(&places, options.instance.name()).read()?)
        }
        (Choice::Default, _) => (options.profile.as_deref(), None),
    };
    let machine = Machine::read(Path::new("/"));
    let Some(chosen) = choose(named, remembered.as_deref(), &machine, &config) else {
        return Ok(Plan { config, profile: None });
    };
    let profile = Profile::load(&profile::find(&chosen.profile, &places)?)?;
    Ok(Plan { config, profile: Some(Chosen { profile, chosen_by: chosen.reason.to_string() }) })
}

/// Reads at the start: a remembered profile that has gone or is broken is not followed, or it would keep the daemon from
/// running, and so from forgetting it.
///
/// # Errors
/// As for [`read`], without what is remembered.
pub fn read_at_start(options: &Options) -> Result<Plan, PrepareError> {
    read(options, &Choice::Again).or_else(|error| match read(options, &Choice::Default) {
        Ok(plan) => {
            log::warn!("{error}: the last --reload is not followed; spatiald --reload --default forgets it");
            Ok(plan)
        }
        Err(_) => Err(error),
    })
}

/// Reads, and builds the chain: at `rate_hz` where the device already runs at one, else at the profile's own rate.
///
/// # Errors
/// Whatever in the files is not as it must be.
pub fn prepare(options: &Options, choice: &Choice, rate_hz: Option<u32>) -> Result<Prepared, PrepareError> {
    let plan = read(options, choice)?;
    let chain = match &plan.profile {
        Some(chosen) => Some(build(&chosen.profile, rate_hz.unwrap_or(chosen.profile.sample_rate_hz))?),
        None => None,
    };
    Ok(Prepared { plan, chain })
}

/// The chain of `profile` at `rate_hz`.
///
/// # Errors
/// The profile cannot serve that rate.
pub fn build(profile: &Profile, rate_hz: u32) -> Result<Box<Chain>, PrepareError> {
    let at_rate;
    let profile = if profile.sample_rate_hz == rate_hz {
        profile
    } else {
        at_rate = profile.at_rate(rate_hz)?;
        &at_rate
    };
    Chain::new(&profile.chain_spec())
        .map(Box::new)
        .map_err(|error| PrepareError::Spec { folder: profile.folder.clone(), error })
}

/// Keeps, or forgets, what was chosen at run time.
///
/// # Errors
/// The state folder cannot be written.
pub fn remember(options: &Options, choice: &Choice) -> Result<(), Complaint> {
    let remembered = Remembered::new(&Places::from_environment(), options.instance.name());
    match choice {
        Choice::Named(name) => remembered.write(name),
        Choice::Default => remembered.forget(),
        Choice::Again => Ok(()),
    }
}

/// The device that `config` and a profile of so many channels ask for.
pub fn device_request(config: &Config, rate_hz: u32, channels: usize) -> output::Request {
    output::Request {
        pcm: config.device.clone(),
        rate_hz,
        channels,
        period_frames: config.period_frames,
        periods: config.periods,
        format: config.device_format,
        mixer: config
            .mixer
            .iter()
            .map(|control| output::MixerControl {
                card: control.card.clone(),
                control: control.control.clone(),
                value: match control.value {
                    MixerValue::Db(db) => output::MixerValue::VolumeDb(db),
                    MixerValue::Switch(on) => output::MixerValue::Switch(on),
                },
            })
            .collect(),
        reserve: true,
        suspend_after: match config.suspend_seconds {
            0 => None,
            seconds => Some(Duration::from_secs(seconds.into())),
        },
        amp_wake: Duration::from_millis(config.amp_wake_ms.into()),
    }
}
