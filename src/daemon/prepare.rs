//! The first half of a start or a reload, off every real-time thread: read, validate, choose, build.

use std::path::{Path, PathBuf};

use super::Instance;
use super::control::Choice;
use super::reload::Wish;
use super::requests::Rates;
use crate::config::controls::{BadSetting, Controls, Key};
use crate::config::{Change, Config, Places, Seat, SeatChoice, Settings};
use crate::controls::kept::Kept;
use crate::controls::{self, Aim, AimError, ControlError};
use crate::dsp::Chain;
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
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The configuration in force.
    pub config: Config,
    /// The profile to play; `None` where nobody names one, so that nothing is played.
    pub profile: Option<Chosen>,
    /// What was set at run time; it goes before the configuration's.
    pub kept: Settings,
    /// Which settings this profile cannot follow, and the remedy.
    pub unfollowed: Vec<String>,
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
        error: ControlError,
    },
    /// A seat that is not there.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// A seat that the profile cannot follow.
    #[error(transparent)]
    Aim(#[from] AimError),
}

impl Plan {
    /// Every control's value.
    pub fn controls(&self) -> Controls {
        self.kept.controls_over(&self.config.settings)
    }

    /// Where the listener is said to sit.
    pub fn seat(&self) -> Option<&SeatChoice> {
        self.kept.seat.as_ref().or(self.config.settings.seat.as_ref())
    }

    /// The same as a place; `None` where the profile was designed for, or where nobody knows.
    pub fn place(&self) -> Option<Seat> {
        self.seat().and_then(|seat| self.config.seat(seat).ok())
    }
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
        return Ok(Plan { config, ..Plan::default() });
    };
    let profile = Profile::load(&profile::find(&chosen.profile, &places)?)?;
    let profile = Some(Chosen { profile, chosen_by: chosen.reason.to_string() });
    Ok(Plan { config, profile, ..Plan::default() })
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

/// Reads as at the start, and why what is remembered is not followed, if it is not: a profile that has gone or is broken
/// would keep the daemon from running, and so from forgetting it.
///
/// # Errors
/// As for [`read`]: with what is remembered, and without.
pub fn read_what_can_be(options: &Options) -> Result<(Plan, Option<PrepareError>), Box<[PrepareError; 2]>> {
    match read(options, &Choice::Again) {
        Ok(plan) => Ok((plan, None)),
        Err(error) => match read(options, &Choice::Default) {
            Ok(plan) => Ok((plan, Some(error))),
            Err(without) => Err(Box::new([error, without])),
        },
    }
}

/// Reads at the start. Neither a remembered profile nor settings that cannot be read are followed.
///
/// # Errors
/// As for [`read`], without what is remembered.
pub fn read_at_start(options: &Options) -> Result<Plan, PrepareError> {
    let (plan, ignored) = read_what_can_be(options).map_err(|errors| {
        let [error, _] = *errors;
        error
    })?;
    if let Some(error) = ignored {
        log::warn!("{error}: the last --reload is not followed; spatiald --reload --default forgets it");
    }
    let kept = Kept::new(&Places::from_environment(), options.instance.name()).read();
    let kept = kept.unwrap_or_else(|error| {
        log::warn!("{error}: what was set is not followed");
        Settings::default()
    });
    Ok(Plan { kept, ..plan })
}

/// Builds the chain of what was read, for the rate that `rates` know to be played at on its device. Settings that the
/// profile cannot follow are left out and named in the plan, but for those that are `asked` for now.
///
/// # Errors
/// The profile cannot serve that rate, or not what is asked for.
pub fn prepare(mut plan: Plan, rates: &Rates, asked: &[Change]) -> Result<Prepared, PrepareError> {
    plan.unfollowed.clear();
    let Some(Chosen { profile, .. }) = plan.profile.clone() else {
        return Ok(Prepared { plan, chain: None, rate_hz: 0 });
    };
    let rate_hz = rates.on(&plan.config.device, profile.sample_rate_hz);
    let aim = match aim(&plan, &profile) {
        Ok(aim) => aim,
        Err(error) if asked.iter().any(|change| matches!(change, Change::Seat(Some(_)))) => return Err(error),
        Err(error) => {
            plan.unfollowed.push(error.to_string());
            None
        }
    };
    let at_rate = if profile.sample_rate_hz == rate_hz { profile } else { profile.at_rate(rate_hz)? };
    let controls = plan.controls();
    let spec = match controls::chain_spec(&at_rate, aim.as_ref(), &controls) {
        Err(error @ ControlError::NoBypass { .. }) if !asked.iter().any(turns_on_bypass) => {
            plan.unfollowed.push(error.to_string());
            let mut without = Settings::default();
            without.change(&Change::Control(Key::Bypass, Some(0.0)));
            controls::chain_spec(&at_rate, aim.as_ref(), &controls.with(&without.controls))
        }
        spec => spec,
    };
    let refused = |error: ControlError| PrepareError::Spec { folder: at_rate.folder.clone(), error };
    let chain = Chain::new(&spec.map_err(refused)?).map_err(|error| refused(error.into()))?;
    Ok(Prepared { plan, chain: Some(Box::new(chain)), rate_hz })
}

fn turns_on_bypass(change: &Change) -> bool {
    matches!(change, Change::Control(Key::Bypass, Some(value)) if *value > 0.5)
}

/// What turns `profile` to the seat of `plan`, if it has one.
fn aim(plan: &Plan, profile: &Profile) -> Result<Option<Aim>, PrepareError> {
    let Some(choice) = plan.seat() else { return Ok(None) };
    Ok(Some(Aim::load(profile, plan.config.seat(choice)?)?))
}

/// Keeps, or forgets, what was chosen and set at run time.
///
/// # Errors
/// The state folder cannot be written.
pub fn remember(options: &Options, wish: &Wish, kept: &Settings) -> Result<(), Complaint> {
    let places = Places::from_environment();
    let remembered = Remembered::new(&places, options.instance.name());
    match &wish.choice {
        Some(Choice::Named(name)) => remembered.write(name)?,
        Some(Choice::Default) => remembered.forget()?,
        Some(Choice::Again) | None => {}
    }
    match wish.changes.is_empty() {
        true => Ok(()),
        false => Kept::new(&places, options.instance.name()).write(kept),
    }
}
