//! The first half of a start or a reload, off every real-time thread: read, validate, choose, build.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Instance;
use super::control::Choice;
use super::preparing::READ_TIMEOUT;
pub use super::preparing::Reading;
use super::reload::Wish;
use super::requests::Rates;
use crate::config::controls::{BadSetting, Controls, Key};
use crate::config::{Change, Config, Places, Seat, SeatChoice, Settings};
use crate::controls::kept::Kept;
use crate::controls::{self, Aim, AimError, ControlError};
use crate::design::Device;
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
    pub profile: Arc<Profile>,
    /// Who named it.
    pub chosen_by: String,
    /// What else of its folder was needed so far. It is read once: by the time of a later setting the folder may not
    /// answer any more, or hold another design.
    device: Option<Arc<Device>>,
    at_rate: Option<Arc<Profile>>,
}

impl Chosen {
    fn device(&mut self) -> Result<Arc<Device>, AimError> {
        let device = match &self.device {
            Some(read) => Arc::clone(read),
            None => Arc::new(Aim::describe(&self.profile)?),
        };
        Ok(Arc::clone(self.device.insert(device)))
    }

    fn at_rate(&mut self, rate_hz: u32) -> Result<Arc<Profile>, ProfileError> {
        if self.profile.sample_rate_hz == rate_hz {
            return Ok(Arc::clone(&self.profile));
        }
        let at_rate = match &self.at_rate {
            Some(read) if read.sample_rate_hz == rate_hz => Arc::clone(read),
            _ => Arc::new(self.profile.at_rate(rate_hz)?),
        };
        Ok(Arc::clone(self.at_rate.insert(at_rate)))
    }
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

/// A profile that cannot be had at the rate that a card takes instead of its own.
#[derive(Debug, thiserror::Error)]
#[error("the card {pcm} takes {rate_hz} Hz and not the profile's {own_hz}: {error}")]
pub struct NotAtRate {
    /// The card.
    pub pcm: String,
    /// The profile's rate.
    pub own_hz: u32,
    /// The card's.
    pub rate_hz: u32,
    /// What is wrong with the profile at that rate.
    pub error: ProfileError,
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
    /// What the profile is to be resampled from cannot be had at the rate that the card takes.
    #[error(transparent)]
    AtRate(#[from] Box<NotAtRate>),
    /// A reload must not fall from a configuration to the defaults.
    #[error("{} was read before and is gone: put it back, or restart the daemon to run on the defaults", path.display())]
    ConfigGone {
        /// The configuration in force.
        path: PathBuf,
    },
    /// Files on a disk or share that does not answer.
    #[error("reading {0} has not ended within {after} s: does the disk or share it lies on answer?", after = READ_TIMEOUT.as_secs())]
    Late(String),
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
pub fn read(options: &Options, choice: &Choice, reading: &Reading) -> Result<Plan, PrepareError> {
    let places = Places::from_environment();
    reading.begins(match &options.config {
        Some(path) => format!("the configuration {}", path.display()),
        None => "the configuration".into(),
    });
    let config = Config::find(options.config.as_deref(), &places)?;
    // What is asked for at run time overrides the command line.
    let (named, remembered) = match (choice, &options.reloaded) {
        (Choice::Named(name), _) | (Choice::Again, Some(name)) => (None, Some(name.clone())),
        (Choice::Again, None) => {
            reading.begins("the remembered profile's name");
            (options.profile.as_deref(), Remembered::new(&places, options.instance.name()).read()?)
        }
        (Choice::Default, _) => (options.profile.as_deref(), None),
    };
    let machine = Machine::read(Path::new("/"));
    let Some(chosen) = choose(named, remembered.as_deref(), &machine, &config) else {
        return Ok(Plan { config, ..Plan::default() });
    };
    reading.begins(format!("profile {}", chosen.profile));
    let profile = Arc::new(Profile::load(&profile::find(&chosen.profile, &places)?)?);
    let profile = Some(Chosen { profile, chosen_by: chosen.reason.to_string(), device: None, at_rate: None });
    Ok(Plan { config, profile, ..Plan::default() })
}

/// Reads for a reload, in which the configuration `in_force` may have another one behind it, but not none.
///
/// # Errors
/// As for [`read`], and [`PrepareError::ConfigGone`].
pub fn read_again(
    options: &Options,
    choice: &Choice,
    in_force: Option<&Path>,
    reading: &Reading,
) -> Result<Plan, PrepareError> {
    let plan = read(options, choice, reading)?;
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
pub fn read_what_can_be(
    options: &Options,
    reading: &Reading,
) -> Result<(Plan, Option<PrepareError>), Box<[PrepareError; 2]>> {
    match read(options, &Choice::Again, reading) {
        Ok(plan) => Ok((plan, None)),
        Err(error) => match read(options, &Choice::Default, reading) {
            Ok(plan) => Ok((plan, Some(error))),
            Err(without) => Err(Box::new([error, without])),
        },
    }
}

/// Reads at the start. Neither a remembered profile nor settings that cannot be read are followed.
///
/// # Errors
/// As for [`read`], without what is remembered.
pub fn read_at_start(options: &Options, reading: &Reading) -> Result<Plan, PrepareError> {
    let (plan, ignored) = read_what_can_be(options, reading).map_err(|errors| {
        let [error, _] = *errors;
        error
    })?;
    if let Some(error) = ignored {
        log::warn!("{error}: the last --reload is not followed; spatiald --reload --default forgets it");
    }
    Ok(Plan { kept: read_kept(options, reading), ..plan })
}

/// Reads what was set at run time; what cannot be read is not followed.
pub fn read_kept(options: &Options, reading: &Reading) -> Settings {
    reading.begins("the settings of before");
    let kept = Kept::new(&Places::from_environment(), options.instance.name()).read();
    kept.unwrap_or_else(|error| {
        log::warn!("{error}: what was set is not followed");
        Settings::default()
    })
}

/// Builds the chain of what was read, for the rate that `rates` know to be played at on its device. Settings that the
/// profile cannot follow are left out and named in the plan, but for those that are `asked` for now.
///
/// # Errors
/// The profile cannot serve that rate, or not what is asked for.
pub fn prepare(mut plan: Plan, rates: &Rates, asked: &[Change], reading: &Reading) -> Result<Prepared, PrepareError> {
    plan.unfollowed.clear();
    let Some(mut chosen) = plan.profile.take() else {
        return Ok(Prepared { plan, chain: None, rate_hz: 0 });
    };
    reading.begins(format!("profile {}", chosen.profile.name));
    let rate_hz = rates.on(&plan.config.device, chosen.profile.sample_rate_hz);
    let aim = match aim(&plan, &mut chosen) {
        Ok(aim) => aim,
        Err(error) if asked.iter().any(|change| matches!(change, Change::Seat(Some(_)))) => return Err(error),
        Err(error) => {
            plan.unfollowed.push(error.to_string());
            None
        }
    };
    let at_rate = chosen.at_rate(rate_hz).map_err(|error| {
        let (pcm, own_hz) = (plan.config.device.clone(), chosen.profile.sample_rate_hz);
        Box::new(NotAtRate { pcm, own_hz, rate_hz, error })
    })?;
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
    plan.profile = Some(chosen);
    Ok(Prepared { plan, chain: Some(Box::new(chain)), rate_hz })
}

fn turns_on_bypass(change: &Change) -> bool {
    matches!(change, Change::Control(Key::Bypass, Some(value)) if *value > 0.5)
}

/// What turns the profile to the seat of `plan`, if it has one.
fn aim(plan: &Plan, chosen: &mut Chosen) -> Result<Option<Aim>, PrepareError> {
    let Some(choice) = plan.seat() else { return Ok(None) };
    let (seat, device) = (plan.config.seat(choice)?, chosen.device()?);
    Ok(Some(Aim::new(Device::clone(&device), seat)?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_nothing_again_that_was_needed_before() {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles/pair");
        for entry in std::fs::read_dir(shipped).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let profile = Arc::new(Profile::load(folder.path()).unwrap());
        let chosen = Chosen { profile, chosen_by: String::new(), device: None, at_rate: None };
        let mut plan = Plan { profile: Some(chosen), ..Plan::default() };
        let mut rates = Rates::default();
        rates.refused(&plan.config.device, 48_000, 48_000, &[44_100]);
        let mut set = |changes: &[&str]| {
            let changes: Vec<Change> = changes.iter().map(|change| change.parse().unwrap()).collect();
            changes.iter().for_each(|change| plan.kept.change(change));
            let prepared = prepare(plan.clone(), &rates, &changes, &Reading::default()).unwrap();
            plan = prepared.plan;
            (prepared.rate_hz, plan.unfollowed.clone())
        };
        assert_eq!(set(&["seat=10"]), (44_100, Vec::new()));
        folder.close().unwrap();
        assert_eq!(set(&["seat=-10", "center_db=1"]), (44_100, Vec::new()));
    }
}
