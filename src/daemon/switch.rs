//! A switch from one profile or device to another, who waits for it, and why it is refused.

use std::time::{Duration, Instant};

use super::control::Answer;
use super::file_threads::NotStarted;
use super::pipeline::PipelineError;
use super::prepare::{Plan, PrepareError};
use super::reload::Wish;
use crate::output::OutputError;
use crate::profile::choice::NO_PROFILE;

/// A crossfade takes a tenth of this, a card's opening half; longer means that the device plays nothing.
pub(super) const SWITCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReloadError {
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("{NO_PROFILE}")]
    NoProfile,
    #[error("the device plays nothing now ({0}): the profile is switched to as soon as it does")]
    NotPlaying(String),
    #[error("the device opens, and plays nothing: {0}")]
    NeverPlayed(String),
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
}

/// Who waits for a reload.
pub(super) enum Waiter {
    /// A control client.
    Client(Answer),
    /// The service manager, after SIGHUP.
    Manager,
    /// Nobody: the outcome goes to the log.
    Log,
}

/// How a switch is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The chains are crossfaded on the open device.
    Crossfade,
    /// Another device is opened, or the same one otherwise.
    Device,
    /// All is built anew, because the rate changes.
    Anew,
    /// The new chain plays; the choice is being stored.
    Remember(u64),
}

/// A switch that was handed over and has not ended.
pub(super) struct InFlight {
    pub plan: Plan,
    pub wish: Wish,
    pub step: Step,
    /// By when the device that was opened for it should have played; `None` until it has been open once.
    pub plays_by: Option<Instant>,
    /// That device has played.
    pub has_run: bool,
    /// The old chain has come back.
    pub is_alone: bool,
    pub from: String,
    pub since: Instant,
}

impl InFlight {
    /// The device that was opened for it is open; its buffer lasts so long. What counts is the first time.
    pub fn note_open(&mut self, buffer: Duration) {
        self.plays_by.get_or_insert(Instant::now() + SWITCH_TIMEOUT + buffer);
    }

    /// The device has been open and has taken nothing yet.
    pub fn is_untried(&self) -> bool {
        matches!(self.step, Step::Device | Step::Anew) && self.plays_by.is_some() && !self.has_run
    }

    /// It has had its time.
    pub fn is_stuck(&self, now: Instant) -> bool {
        self.is_untried() && self.plays_by.is_some_and(|deadline| now > deadline)
    }

    pub fn has_ended(&self) -> bool {
        match self.step {
            Step::Crossfade => self.is_alone,
            Step::Device => self.has_run && self.is_alone,
            Step::Anew => self.has_run,
            Step::Remember(_) => false,
        }
    }
}
