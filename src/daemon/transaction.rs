//! A reload, from request to answer: read and build elsewhere, hand over, crossfade, remember, answer. Whatever fails
//! leaves the old profile playing.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use super::control::{Choice, Reply, Switched};
use super::error::DaemonError;
use super::event::Event;
use super::file_threads::Work;
use super::pipeline::PipelineError;
use super::prepare::{self, Plan, PrepareError, Prepared};
use super::preparing::{Job, Reading};
use super::reload::{Waiting, Wish};
use super::state::{Daemon, DeviceState, LATE_START, SinkState};
use super::switch::{InFlight, ReloadError, SWITCH_TIMEOUT, Step, Waiter};
use crate::profile::choice::NO_PROFILE;

const DISK_HANGS: &str =
    "an earlier choice is still being stored: the disk of the state folder is slow or does not answer";

impl Daemon {
    pub(super) fn ask(&mut self, wish: impl Into<Wish>, waiter: Waiter) {
        self.reloads.ask(wish, waiter);
        self.start_reload();
    }

    /// Begins the next reload, unless one is under way.
    fn start_reload(&mut self) {
        if self.in_flight.is_some() || self.preparing.is_busy() {
            return;
        }
        if let Some(wish) = self.reloads.start() {
            if wish.choice.is_some() {
                // What was wrong with a card or a profile may be mended, or another's turn.
                self.rates.forget_refusals();
            }
            match self.late_start() {
                // There is nothing yet that could be set.
                Some(error) if wish.choice.is_none() => self.refuse(&error.into()),
                _ => self.prepare_again(wish),
            }
        }
    }

    /// What a start that is late waits for.
    pub(super) fn late_start(&self) -> Option<PrepareError> {
        self.preparing.late_start().map(PrepareError::Late)
    }

    /// Reads and builds what is to play first.
    pub(super) fn prepare_start(&mut self) {
        let (options, rates) = (self.options.clone(), self.rates.clone());
        self.prepare_by(Job::Start, Work::Read, move |reading| {
            prepare::prepare(prepare::read_at_start(&options, reading)?, &rates, &[], reading)
        });
    }

    /// Reads and builds for the reload under way, on a thread of its own. Settings alone read no configuration.
    pub(super) fn prepare_again(&mut self, wish: Wish) {
        let (options, rates, plays, wanted) =
            (self.options.clone(), self.rates.clone(), self.plan.clone(), wish.clone());
        let has_started = self.has_started;
        let work = if wish.choice.is_some() { Work::Read } else { Work::Build };
        self.prepare_by(Job::Reload(wish), work, move |reading| {
            let mut kept = if has_started { plays.kept.clone() } else { prepare::read_kept(&options, reading) };
            wanted.changes.iter().for_each(|change| kept.change(change));
            let plan = match &wanted.choice {
                Some(choice) => prepare::read_again(&options, choice, plays.config.path.as_deref(), reading)?,
                None => plays,
            };
            prepare::prepare(Plan { kept, ..plan }, &rates, &wanted.changes, reading)
        });
    }

    /// Builds what plays, or played before, once more: at another rate, or because what was to play instead is not to be
    /// had and the device before was given up.
    pub(super) fn restore(&mut self) {
        if !self.has_started {
            return self.prepare_start();
        }
        let (plan, rates) = (self.plan.clone(), self.rates.clone());
        self.prepare_by(Job::Restore, Work::Build, move |reading| prepare::prepare(plan, &rates, &[], reading));
    }

    fn prepare_by(
        &mut self,
        job: Job,
        kind: Work,
        work: impl FnOnce(&Reading) -> Result<Prepared, PrepareError> + Send + 'static,
    ) {
        log::debug!("reads and builds: {job:?}");
        let (ticket, reading) = (self.new_ticket(), Reading::default());
        let of_thread = reading.clone();
        let started = self.file_threads.spawn(kind, &self.events, move || {
            // Whoever waits must be answered, whatever happened. The panic has been printed.
            let prepared = std::panic::catch_unwind(AssertUnwindSafe(|| work(&of_thread)));
            Event::Prepared(ticket, Box::new(prepared.unwrap_or(Err(PrepareError::Died))))
        });
        match started {
            Ok(()) => self.preparing.begin(ticket, job, reading),
            Err(error) if matches!(job, Job::Reload(_)) => self.refuse(&error.into()),
            Err(error) => self.cannot_restore(&error.into()),
        }
    }

    pub(super) fn new_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// The chain is built, or not: hand it over, or say why the old one stays.
    pub(super) fn on_prepared(
        &mut self,
        ticket: u64,
        prepared: Result<Prepared, PrepareError>,
    ) -> Result<(), DaemonError> {
        let Some(job) = self.preparing.end(ticket) else {
            // Given up long ago.
            return Ok(());
        };
        if let Err(PrepareError::AtRate(unusable)) = &prepared {
            self.rates.give_up(unusable);
        }
        match (job, prepared) {
            (Job::Start, prepared) => {
                let prepared = prepared?;
                self.plan = prepared.plan.clone();
                (self.has_started, self.is_displaced) = (true, false);
                if prepared.plan.profile.is_none() {
                    log::warn!("{NO_PROFILE}");
                    self.manager.ready();
                }
                self.begin_anew(prepared)?;
                self.start_reload();
            }
            (Job::Restore, Ok(prepared)) => {
                self.plan = prepared.plan.clone();
                self.is_displaced = false;
                self.begin_anew(prepared)?;
                self.start_reload();
            }
            (Job::Restore, Err(error)) => self.cannot_restore(&error.into()),
            (Job::Reload(wish), prepared) => {
                match prepared.map_err(ReloadError::from).and_then(|prepared| self.hand_over(prepared, wish)) {
                    Ok(()) => {}
                    // Not a refusal but the end: nothing plays any more.
                    Err(ReloadError::Pipeline(fatal @ PipelineError::Died(_))) => return Err(fatal.into()),
                    Err(error) => self.refuse(&error),
                }
            }
        }
        Ok(())
    }

    fn cannot_restore(&mut self, error: &ReloadError) {
        self.log.warn(&format!("what played cannot be built again: {error}"));
        self.device.problem = Some(error.to_string());
        self.start_reload();
    }

    pub(super) fn is_starting(&self) -> bool {
        self.retiring || self.next.is_some() || self.preparing.is_starting()
    }

    fn hand_over(&mut self, prepared: Prepared, wish: Wish) -> Result<(), ReloadError> {
        let Some(chosen) = prepared.plan.profile.clone() else { return Err(ReloadError::NoProfile) };
        let (plan, from, since) = (prepared.plan.clone(), self.profile_name(), Instant::now());
        let is_running = self.pipeline.as_ref().is_some_and(|pipeline| pipeline.rate_hz() == prepared.rate_hz);
        let step = match (&mut self.pipeline, prepared.chain) {
            (Some(pipeline), Some(chain)) if is_running => {
                pipeline.present(&plan.config, &self.options.instance)?;
                if pipeline.serves(&plan.config, chosen.profile.channels_needed()) {
                    if pipeline.switch(chain, &chosen.profile.name).is_err() {
                        // One switch at a time is begun. So the device did not take its chain.
                        return Err(ReloadError::NotPlaying(self.what_is_wrong()));
                    }
                    Step::Crossfade
                } else {
                    log::info!("{} is opened for profile {}", plan.config.device, chosen.profile.name);
                    pipeline.use_device(&plan.config, &chosen.profile, chain);
                    Step::Device
                }
            }
            (_, chain) => {
                self.begin_anew(Prepared { chain, ..prepared })?;
                Step::Anew
            }
        };
        self.preparing.forget_late();
        self.in_flight =
            Some(InFlight { plan, wish, step, plays_by: None, has_run: false, is_alone: false, from, since });
        Ok(())
    }

    /// Starts a pipeline, when that before has ended.
    fn begin_anew(&mut self, prepared: Prepared) -> Result<(), PipelineError> {
        self.next = Some(prepared);
        if let Some(old) = self.pipeline.take() {
            // What was said of it, and the sound that it was lent for, end with it.
            (self.device, self.sink, self.standstill) = (DeviceState::default(), SinkState::default(), None);
            self.end_sound("it is opened anew");
            let events = self.events.clone();
            // It may take as long as the threads of the old one do.
            let retire = move || {
                drop(old);
                drop(events.send(Event::Retired));
            };
            match std::thread::Builder::new().name("retire".into()).spawn(retire) {
                Ok(_) => self.retiring = true,
                // Then it has been dropped here.
                Err(error) => log::warn!("no thread is left: {error}"),
            }
        }
        if self.retiring { Ok(()) } else { self.on_retired() }
    }

    pub(super) fn on_retired(&mut self) -> Result<(), PipelineError> {
        self.retiring = false;
        match self.next.take() {
            Some(prepared) => self.start_pipeline(prepared),
            None => Ok(()),
        }
    }

    /// When the new chain plays alone, on the device it was meant for, what was chosen is stored; then who waits is
    /// answered.
    pub(super) fn end_switch(&mut self) {
        let ticket = self.new_ticket();
        let Some(switch) = self.in_flight.as_mut().filter(|switch| switch.has_ended()) else { return };
        self.plan = switch.plan.clone();
        (self.has_started, self.is_displaced) = (true, false);
        if let (Step::Crossfade, Some(pipeline), Some(chosen)) = (switch.step, &mut self.pipeline, &self.plan.profile) {
            pipeline.open_later(&self.plan.config, chosen.profile.channels_needed());
        }
        switch.step = Step::Remember(ticket);
        switch.since = Instant::now();
        let wish = switch.wish.clone();
        self.show_settings();
        match &wish.choice {
            Some(Choice::Named(name)) => self.options.reloaded = Some(name.clone()),
            Some(Choice::Default) => self.options.reloaded = None,
            Some(Choice::Again) | None if wish.changes.is_empty() => return self.on_remembered(ticket, None),
            Some(Choice::Again) | None => {}
        }
        match self.storing.begin(&wish) {
            true => self.store(ticket, wish),
            false => self.on_remembered(ticket, Some(DISK_HANGS.into())),
        }
    }

    fn store(&mut self, ticket: u64, wish: Wish) {
        let (options, kept) = (self.options.clone(), self.plan.kept.clone());
        let store = move || {
            let problem = prepare::remember(&options, &wish, &kept).err().map(|error| error.to_string());
            Event::Stored(ticket, problem)
        };
        if let Err(error) = self.file_threads.spawn(Work::Store, &self.events, store) {
            self.on_stored(ticket, Some(error.to_string()));
        }
    }

    /// The thread that stores has ended: tells who waits for that, and stores what was chosen since.
    pub(super) fn on_stored(&mut self, ticket: u64, problem: Option<String>) {
        if self.in_flight.as_ref().is_some_and(|switch| switch.step == Step::Remember(ticket)) {
            self.on_remembered(ticket, problem);
        } else {
            match problem {
                None => log::info!("the disk of the state folder has answered: what was chosen is stored after all"),
                Some(problem) => log::warn!("what was chosen could not be stored: {problem}"),
            }
        }
        if let Some(wish) = self.storing.end() {
            let ticket = self.new_ticket();
            self.store(ticket, wish);
        }
    }

    fn on_remembered(&mut self, ticket: u64, problem: Option<String>) {
        let Some(switch) = self.in_flight.take_if(|switch| switch.step == Step::Remember(ticket)) else { return };
        let note = problem.map(|problem| format!("this choice will not outlast a restart: {problem}"));
        if let Some(note) = &note {
            self.log.warn(note);
        }
        let (from, to) = (switch.from, self.profile_name());
        let latency_frames = self.pipeline.as_ref().map_or(0, |pipeline| pipeline.published_frames());
        let waiting = self.reloads.end();
        let changes: Vec<String> = switch.wish.changes.iter().map(ToString::to_string).collect();
        let lines = [
            switch.wish.choice.is_some().then(|| format!("profile {from} → {to}")),
            (!changes.is_empty()).then(|| format!("set {}", changes.join(", "))),
        ];
        // Any client of PipeWire may set the sink's properties, for ever, and waits for no answer.
        let is_by_property = waiting.iter().all(|waiting| matches!(waiting.waiter, Waiter::Log));
        for line in lines.into_iter().flatten() {
            match is_by_property {
                true => self.log.info(&line),
                false => log::info!("{line}"),
            }
        }
        for unfollowed in &self.plan.unfollowed {
            self.log.warn(unfollowed);
        }
        let requests = waiting.len();
        self.answer(waiting, |since| {
            let took_ms = since.elapsed().as_secs_f64() * 1e3;
            let (from, to, note) = (from.clone(), to.clone(), note.clone());
            Reply::Switched(Switched { from, to, took_ms, requests, latency_frames, note })
        });
        self.start_reload();
    }

    /// The old profile plays on: tell why.
    pub(super) fn refuse(&mut self, error: &ReloadError) {
        let reply = Reply::refused(error);
        if let Reply::Refused { reason, causes } = &reply {
            let causes: String = causes.iter().map(|cause| format!(": {cause}")).collect();
            self.log.warn(&format!("profile {} stays: {reason}{causes}", self.profile_name()));
        }
        let waiting = self.reloads.end();
        self.answer(waiting, |_| reply.clone());
        if let (Some(pipeline), Some(chosen)) = (&mut self.pipeline, &self.plan.profile) {
            // Where a property asked for the switch, it shows the truth again.
            pipeline.show_profile(&chosen.profile.name);
            if let Err(error) = pipeline.present(&self.plan.config, &self.options.instance) {
                log::warn!("{error}");
            }
        }
        self.show_settings();
        if self.is_displaced && !self.preparing.is_late() {
            return self.restore();
        }
        self.start_reload();
    }

    /// Lets nobody wait for what does not end: a switch on a device that plays nothing, files that cannot be read.
    pub(super) fn give_up_waiting(&mut self) -> Result<(), DaemonError> {
        if let Some((job, what)) = self.preparing.take_late(Instant::now()) {
            let error = PrepareError::Late(what);
            match job {
                Job::Start if self.options.no_wait => return Err(error.into()),
                Job::Start => {
                    log::warn!("{error} {LATE_START}");
                    self.manager.ready();
                    self.start_reload();
                }
                Job::Restore => self.cannot_restore(&error.into()),
                Job::Reload(_) => self.refuse(&error.into()),
            }
        }
        let Some(switch) = self.in_flight.as_ref().filter(|switch| switch.since.elapsed() > SWITCH_TIMEOUT) else {
            return Ok(());
        };
        if let Step::Remember(ticket) = switch.step {
            self.on_remembered(ticket, Some("the disk of the state folder does not answer".into()));
            return Ok(());
        }
        if switch.is_stuck(Instant::now()) {
            self.give_up_switch(&ReloadError::NeverPlayed(self.what_is_wrong()));
            return Ok(());
        }
        if switch.is_untried() {
            // It is open, and has a time of its own.
            return Ok(());
        }
        let error = ReloadError::NotPlaying(self.what_is_wrong());
        let waiting = self.reloads.dismiss();
        let reply = Reply::refused(&error);
        self.answer(waiting, |_| reply.clone());
        Ok(())
    }

    /// The other device cannot be had after all; the one before is opened again, with what played on it.
    pub(super) fn give_up_switch(&mut self, error: &ReloadError) {
        self.in_flight = None;
        self.is_displaced = true;
        self.refuse(error);
    }

    /// Answers everybody who waits.
    fn answer(&mut self, waiting: Vec<Waiting<Waiter>>, reply: impl Fn(Instant) -> Reply) {
        for Waiting { waiter, since } in waiting {
            match waiter {
                // A client that has left needs no answer.
                Waiter::Client(client) => client.send(reply(since)),
                Waiter::Manager => self.manager.reloaded(),
                Waiter::Log => {}
            }
        }
    }
}
