//! What the daemon is at any moment. What it does is in the files that say `impl Daemon`.

use std::sync::mpsc;

use super::control::status::State;
use super::event::Event;
use super::file_threads::FileThreads;
use super::health::{Health, Standstill};
use super::notify::Manager;
use super::pipeline::Pipeline;
use super::prepare::{Options, Plan, Prepared};
use super::preparing::Preparing;
use super::reload::Reloads;
use super::requests::Rates;
use super::sound::Identify;
use super::storing::Storing;
use super::switch::{InFlight, Waiter};
use super::throttled_log::ThrottledLog;
use crate::profile::choice::NO_PROFILE;

/// What becomes of a start that is late.
pub(super) const LATE_START: &str = "(it is waited for; spatiald --reload reads anew, another profile too)";

/// How far the device is.
#[derive(Debug, Default)]
pub(super) struct DeviceState {
    /// What is wrong with it now, and the remedy.
    pub problem: Option<String>,
    /// It is open.
    pub is_open: bool,
    /// It is closed until something plays.
    pub standby: bool,
}

/// How far the sink is.
#[derive(Debug, Default)]
pub(super) struct SinkState {
    /// What is wrong with it now, and the remedy.
    pub problem: Option<String>,
    /// The device plays into it: through this stream.
    pub feedback: Option<String>,
    /// It is in the graph.
    pub is_up: bool,
    /// Somebody plays.
    pub playing: bool,
}

/// The daemon.
pub(super) struct Daemon {
    pub(super) options: Options,
    pub(super) plan: Plan,
    /// `plan` has been read.
    pub(super) has_started: bool,
    pub(super) pipeline: Option<Pipeline>,
    pub(super) generations: u64,
    pub(super) device: DeviceState,
    pub(super) sink: SinkState,
    /// A device was open, and a sink was there, since the start.
    pub(super) was_open: bool,
    pub(super) was_up: bool,
    pub(super) standstill: Option<Standstill>,
    pub(super) reloads: Reloads<Waiter>,
    pub(super) file_threads: FileThreads,
    pub(super) storing: Storing,
    pub(super) preparing: Preparing,
    pub(super) in_flight: Option<InFlight>,
    /// The pipeline is that of a switch which was refused: what `plan` says is to be built again.
    pub(super) is_displaced: bool,
    /// What starts when the pipeline before has ended.
    pub(super) next: Option<Prepared>,
    pub(super) retiring: bool,
    /// The sound by which somebody tells drivers apart.
    pub(super) identify: Option<Identify>,
    pub(super) tickets: u64,
    pub(super) rates: Rates,
    pub(super) manager: Manager,
    pub(super) log: ThrottledLog,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) memory_locked: bool,
    pub(super) health: Health,
}

impl Daemon {
    /// What the daemon does now, in a word.
    pub(super) fn state(&self) -> State {
        match &self.pipeline {
            None if self.is_starting() => State::Starting,
            None => State::NoProfile,
            Some(_) if self.standstill.is_some() => State::Stalled,
            Some(_) if self.device.problem.is_some() => State::NoDevice,
            Some(_) if self.sink.problem.is_some() => State::NoPipewire,
            Some(_) if !self.sink.is_up || !(self.device.is_open || self.device.standby) => State::Starting,
            Some(_) if self.sink.playing => State::Playing,
            Some(_) if self.device.standby => State::Standby,
            Some(_) => State::Idle,
        }
    }

    /// What is wrong now, each in a line with its remedy.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_silent = self.plan.profile.is_none() && !self.is_starting();
        let no_profile = is_silent.then(|| NO_PROFILE.to_owned());
        let start = self.late_start().map(|error| format!("{error} {LATE_START}"));
        let standstill = self.standstill.map(|standstill| standstill.explain().to_owned());
        let feedback = self.sink.feedback.as_ref().map(|stream| {
            format!(
                "the device plays into the sink itself (stream {stream:?}): set `device` to the card, not to PipeWire"
            )
        });
        [no_profile, start, standstill, self.device.problem.clone(), self.sink.problem.clone(), feedback]
            .into_iter()
            .flatten()
            .chain(self.plan.unfollowed.iter().cloned())
            .collect()
    }

    /// What `systemctl status` shows.
    pub(super) fn manager_status(&self) -> String {
        match self.problems().into_iter().next() {
            Some(problem) => format!("{}: {problem}", self.state()),
            None => format!("{}: profile {}", self.state(), self.profile_name()),
        }
    }

    pub(super) fn profile_name(&self) -> String {
        self.plan.profile.as_ref().map_or_else(|| "nothing".into(), |chosen| chosen.profile.name.clone())
    }

    /// The instance's name.
    pub(super) fn instance(&self) -> &str {
        self.options.instance.name()
    }

    pub(super) fn what_is_wrong(&self) -> String {
        self.problems().into_iter().next().unwrap_or_else(|| self.state().to_string())
    }
}
