//! The first half of a start or a reload, off every real-time thread: read, validate, choose, build.

use std::path::{Path, PathBuf};

use super::Instance;
use super::control::Choice;
use super::requests::Rates;
use crate::config::{Config, Places};
use crate::dsp::{Chain, SpecError};
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
    /// `--no-wait`: end, instead of waiting, where the device or PipeWire is not there at the start.
    pub no_wait: bool,
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
    /// The chain of its profile; `None` where there is no profile.
    pub chain: Option<Box<Chain>>,
    /// The rate it was built for.
    pub rate_hz: u32,
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
    /// A reload must not fall from a configuration to the defaults.
    #[error("{} was read before and is gone: put it back, or restart the daemon to run on the defaults", path.display())]
    ConfigGone {
        /// The configuration in force.
        path: PathBuf,
    },
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

/// Reads for a reload, in which the configuration `in_force` may have another one behind it, but not none.
///
/// # Errors
/// As for [`read`], and [`PrepareError::ConfigGone`].
pub fn read_again(options: &Options, choice: &Choice, in_force: Option<&Path>) -> Result<Plan, PrepareError> {
    let plan = read(options, choice)?;
    match (in_force, &plan.config.path) {
        (Some(path), None) => Err(PrepareError::ConfigGone { path: path.into() }),
        _ => Ok(plan),
    }
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

/// Builds the chain of what was read, for the rate that `rates` know to be played at on its device.
///
/// # Errors
/// The profile cannot serve that rate.
pub fn prepare(plan: Plan, rates: &Rates) -> Result<Prepared, PrepareError> {
    let Some(Chosen { profile, .. }) = &plan.profile else { return Ok(Prepared { plan, chain: None, rate_hz: 0 }) };
    let rate_hz = rates.on(&plan.config.device, profile.sample_rate_hz);
    let chain = Some(build(profile, rate_hz)?);
    Ok(Prepared { plan, chain, rate_hz })
}

/// The chain of `profile` at `rate_hz`.
///
/// # Errors
/// The profile cannot serve that rate.
fn build(profile: &Profile, rate_hz: u32) -> Result<Box<Chain>, PrepareError> {
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
