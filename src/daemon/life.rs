//! The main loop: everything that happens to the daemon comes by here, one event at a time.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::control::status::State;
use super::control::{self, Asked, Choice, Reply, Request, Server, Switched};
use super::event::Event;
use super::memory;
use super::pipeline::{Pipeline, PipelineError};
use super::prepare::{self, Chosen, Options, Plan, PrepareError, Prepared};
use super::reload::{Reloads, Waiting};
use super::signals::{Signal, Watch};
use crate::profile::choice::NO_PROFILE;
use crate::{node, output};

/// How often the writer's counters are looked at.
const TICK: Duration = Duration::from_millis(20);
/// Pause between attempts to reach PipeWire.
const RECONNECT: Duration = Duration::from_millis(500);
/// A crossfade takes a tenth of this; longer means that the device plays nothing.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the daemon ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Configuration or profile.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Device or PipeWire.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The control socket.
    #[error(transparent)]
    Listen(#[from] control::ListenError),
    /// Signals cannot be received.
    #[error("cannot receive signals")]
    Signals(#[source] std::io::Error),
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error("{NO_PROFILE}")]
    NoProfile,
    #[error("the device plays nothing now ({0}): the profile is switched to as soon as it does")]
    NotPlaying(String),
}

/// Who waits for a reload.
enum Waiter {
    /// A control client.
    Client(mpsc::Sender<Reply>),
    /// Nobody: a signal or a property; the outcome goes to the log.
    Log,
}

/// A switch that was handed over and has not ended.
struct InFlight {
    plan: Plan,
    choice: Choice,
    from: String,
    since: Instant,
}

/// The daemon.
pub(super) struct Daemon {
    options: Options,
    pub(super) plan: Plan,
    pub(super) pipeline: Option<Pipeline>,
    /// What is wrong with device and PipeWire now, and its remedy.
    pub(super) device_problem: Option<String>,
    pub(super) node_problem: Option<String>,
    pub(super) playing: bool,
    /// The device is closed until something plays.
    pub(super) standby: bool,
    reloads: Reloads<Waiter>,
    preparing: Option<Choice>,
    in_flight: Option<InFlight>,
    reconnect_at: Instant,
    events: mpsc::Sender<Event>,
}

/// Runs until a signal asks to stop.
///
/// # Errors
/// Whatever keeps it from starting: configuration, profile, device, PipeWire, control socket.
pub fn run(options: Options) -> Result<(), DaemonError> {
    let (events, receiver) = mpsc::channel();
    let send = |wrap: fn(Signal) -> Event| {
        let events = events.clone();
        // The main loop is gone only when the process ends.
        move |signal| drop(events.send(wrap(signal)))
    };
    let _signals = Watch::start(send(Event::Signal)).map_err(DaemonError::Signals)?;
    let asked = events.clone();
    let _server = Server::open(&options.instance, move |request| drop(asked.send(Event::Asked(request))))?;

    let plan = prepare::read_at_start(&options)?;
    let pipeline = match &plan.profile {
        Some(chosen) => Some(Pipeline::start(&plan.config, chosen, &options.instance, &events)?),
        None => {
            log::warn!("{NO_PROFILE}");
            None
        }
    };
    log_start(&plan, pipeline.as_ref());
    memory::give_back();
    let mut daemon = Daemon {
        options,
        plan,
        pipeline,
        device_problem: None,
        node_problem: None,
        playing: false,
        standby: false,
        reloads: Reloads::default(),
        preparing: None,
        in_flight: None,
        reconnect_at: Instant::now(),
        events,
    };
    notify(&[sd_notify::NotifyState::Ready]);
    let ended = daemon.main_loop(&receiver);
    notify(&[sd_notify::NotifyState::Stopping]);
    ended
}

impl Daemon {
    fn main_loop(&mut self, receiver: &mpsc::Receiver<Event>) -> Result<(), DaemonError> {
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(Event::Signal(Signal::Stop)) => return Ok(()),
                Ok(Event::Signal(Signal::Reload)) => self.ask(Choice::Again, Waiter::Log),
                Ok(Event::Asked(Asked { request: Request::Reload(choice), reply })) => {
                    self.ask(choice, Waiter::Client(reply));
                }
                Ok(Event::Asked(Asked { request: Request::Status, reply })) => {
                    // A client that has left needs no answer.
                    reply.send(Reply::Status(Box::new(self.status()))).ok();
                }
                Ok(Event::Node(event)) => self.on_node(event)?,
                Ok(Event::Output(generation, event)) => self.on_output(generation, event),
                Ok(Event::Prepared(prepared)) => self.on_prepared(*prepared)?,
                Err(RecvTimeoutError::Timeout) => {}
                // Cannot be: this end holds a sender too.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.tick()?;
        }
    }

    /// What has to be looked at again and again.
    fn tick(&mut self) -> Result<(), PipelineError> {
        if let Some(pipeline) = &mut self.pipeline {
            if pipeline.is_broken() {
                return Err(PipelineError::Died("device"));
            }
            let ended = pipeline.reclaim();
            pipeline.publish_latency();
            if !pipeline.is_connected() && Instant::now() >= self.reconnect_at {
                self.reconnect_at = Instant::now() + RECONNECT;
                match pipeline.connect() {
                    Ok(()) => {
                        self.node_problem = None;
                        log::info!("PipeWire is back");
                    }
                    Err(PipelineError::Node(error)) => self.node_problem = Some(error.to_string()),
                    Err(fatal) => return Err(fatal),
                }
            }
            if ended {
                self.switch_ended();
            }
        }
        self.give_up_waiting();
        notify_watchdog();
        Ok(())
    }

    fn ask(&mut self, choice: Choice, waiter: Waiter) {
        self.reloads.ask(choice, waiter);
        self.start_reload();
    }

    /// Begins the next reload, unless one is under way: reads and builds on a thread of its own.
    fn start_reload(&mut self) {
        if self.in_flight.is_some() {
            return;
        }
        let Some(choice) = self.reloads.start() else { return };
        let (options, events) = (self.options.clone(), self.events.clone());
        let rate_hz = self.pipeline.as_ref().map(Pipeline::rate_hz);
        self.preparing = Some(choice.clone());
        let started = std::thread::Builder::new().name("prepare".into()).spawn(move || {
            let prepare = AssertUnwindSafe(|| prepare::prepare(&options, &choice, rate_hz));
            // Whoever waits must be answered, whatever happened. The panic has been printed.
            let prepared = std::panic::catch_unwind(prepare).unwrap_or(Err(PrepareError::Died));
            // The main loop is gone only when the process ends.
            drop(events.send(Event::Prepared(Box::new(prepared))));
        });
        if let Err(source) = started {
            self.refuse(&PipelineError::System { what: "a thread", source }.into());
        }
    }

    /// The chain is built, or not: hand it over, or say why the old one stays.
    fn on_prepared(&mut self, prepared: Result<Prepared, PrepareError>) -> Result<(), PipelineError> {
        match prepared.map_err(ReloadError::from).and_then(|prepared| self.hand_over(prepared)) {
            Ok(()) => Ok(()),
            // Not a refusal but the end: nothing plays any more.
            Err(ReloadError::Pipeline(fatal @ PipelineError::Died(_))) => Err(fatal),
            Err(error) => {
                self.refuse(&error);
                Ok(())
            }
        }
    }

    fn hand_over(&mut self, prepared: Prepared) -> Result<(), ReloadError> {
        let Prepared { plan, chain } = prepared;
        let (Some(chosen), Some(chain)) = (&plan.profile, chain) else { return Err(ReloadError::NoProfile) };
        let from = self.profile_name();
        let choice = self.preparing.take().unwrap_or(Choice::Again);
        let Some(pipeline) = &mut self.pipeline else {
            self.pipeline = Some(Pipeline::start(&plan.config, chosen, &self.options.instance, &self.events)?);
            log_start(&plan, self.pipeline.as_ref());
            self.in_flight = Some(InFlight { plan, choice, from, since: Instant::now() });
            self.switch_ended();
            return Ok(());
        };
        if !pipeline.serves(&plan.config, chosen.profile.channels()) {
            log::info!("{} is opened for profile {}", plan.config.device, chosen.profile.name);
            pipeline.reopen(&plan.config, &chosen.profile, chain)?;
            // Whatever was wrong was wrong with the device before.
            self.device_problem = None;
            self.standby = false;
            if pipeline.is_connected() {
                self.node_problem = None;
            }
        } else if pipeline.switch(chain, &chosen.profile.name).is_err() {
            // The queue was empty: one switch at a time is begun. So the device did not take its chain.
            return Err(ReloadError::NotPlaying(self.problem()));
        }
        match pipeline.present(&plan.config, &self.options.instance) {
            Ok(()) => {}
            // It is tried again.
            Err(PipelineError::Node(error)) => self.node_problem = Some(error.to_string()),
            Err(fatal) => return Err(fatal.into()),
        }
        self.in_flight = Some(InFlight { plan, choice, from, since: Instant::now() });
        Ok(())
    }

    /// The new chain plays alone.
    fn switch_ended(&mut self) {
        let Some(InFlight { plan, choice, from, .. }) = self.in_flight.take() else { return };
        self.plan = plan;
        if let Err(error) = prepare::remember(&self.options, &choice) {
            log::warn!("{error}: this choice will not outlast a restart");
        }
        match choice {
            Choice::Named(name) => self.options.reloaded = Some(name),
            Choice::Default => self.options.reloaded = None,
            Choice::Again => {}
        }
        let to = self.profile_name();
        let latency_frames = self.pipeline.as_ref().map_or(0, Pipeline::published_frames);
        let waiting = self.reloads.end();
        log::info!("profile {from} → {to}");
        memory::give_back();
        let requests = waiting.len();
        for Waiting { waiter, since } in waiting {
            if let Waiter::Client(reply) = waiter {
                let took_ms = since.elapsed().as_secs_f64() * 1e3;
                let (from, to) = (from.clone(), to.clone());
                // A client that has left needs no answer.
                reply.send(Reply::Switched(Switched { from, to, took_ms, requests, latency_frames })).ok();
            }
        }
        self.start_reload();
    }

    /// The old profile plays on: tell why.
    fn refuse(&mut self, error: &ReloadError) {
        self.preparing = None;
        let reply = Reply::refused(error);
        if let Reply::Refused { reason, causes } = &reply {
            let causes: String = causes.iter().map(|cause| format!(": {cause}")).collect();
            log::warn!("profile {} stays: {reason}{causes}", self.profile_name());
        }
        answer(self.reloads.end(), &reply);
        if let (Some(pipeline), Some(chosen)) = (&mut self.pipeline, &self.plan.profile) {
            // Where a property asked for the switch, it shows the truth again.
            pipeline.show_profile(&chosen.profile.name);
        }
        self.start_reload();
    }

    /// A switch that does not end because the device plays nothing: let nobody wait for it.
    fn give_up_waiting(&mut self) {
        if self.in_flight.as_ref().is_some_and(|switch| switch.since.elapsed() > SWITCH_TIMEOUT) {
            let error = ReloadError::NotPlaying(self.problem());
            answer(self.reloads.dismiss(), &Reply::refused(&error));
        }
    }

    fn on_node(&mut self, event: node::Event) -> Result<(), PipelineError> {
        log::debug!("sink: {event:?}");
        match event {
            node::Event::Streaming => self.playing = true,
            node::Event::Paused | node::Event::Suspended => self.playing = false,
            node::Event::Resumed => {}
            node::Event::DriverWon => log::info!("the device's clock drives the graph"),
            node::Event::DriverLost => log::warn!("another device drives the graph: its rate is followed"),
            node::Event::Feedback(stream) => {
                let text = format!(
                    "the device plays into the sink itself (stream {stream}): set `device` to the card, not to PipeWire"
                );
                log::error!("{text}");
                self.node_problem = Some(text);
            }
            node::Event::ProfileRequested(name) => {
                let wanted = Choice::Named(name);
                let plays = self.plan.profile.as_ref().map(|chosen| Choice::Named(chosen.profile.name.clone()));
                if self.reloads.goal().or(plays.as_ref()) != Some(&wanted) {
                    self.ask(wanted, Waiter::Log);
                }
            }
            node::Event::Disconnected(reason) => {
                log::warn!("PipeWire is gone ({reason}): it is tried again");
                self.playing = false;
                self.node_problem = Some(format!("PipeWire is gone: {reason}"));
                if let Some(pipeline) = &mut self.pipeline {
                    pipeline.disconnect()?;
                }
            }
        }
        Ok(())
    }

    fn on_output(&mut self, generation: u64, event: output::Event) {
        let Some(pipeline) = self.pipeline.as_mut().filter(|pipeline| pipeline.generation() == generation) else {
            return;
        };
        let pcm = pipeline.pcm().to_owned();
        match event {
            output::Event::Scheduled(scheduling) if scheduling.is_realtime() => {
                log::info!("device thread: {scheduling:?}");
            }
            output::Event::Scheduled(scheduling) => log::warn!(
                "device thread: {scheduling:?}, not real time: allow it (limits.d: @audio - rtprio 95) or expect dropouts"
            ),
            output::Event::Xrun => log::warn!("{pcm}: xrun, restarted"),
            output::Event::Stalled => log::warn!("{pcm}: took nothing for too long, restarted"),
            output::Event::Suspended => log::info!("{pcm}: suspended with the system"),
            output::Event::Lost => {
                log::warn!("{pcm}: gone; it is opened again when it is back");
                self.device_problem = Some(format!("{pcm} is gone: plug it in again"));
            }
            output::Event::Waiting(reason) => {
                log::warn!("{reason}; it is tried again");
                self.device_problem = Some(reason);
            }
            output::Event::Opened(params) => {
                log::info!("{pcm}: open, {} channels of {}", params.channels, params.format);
                self.device_problem = None;
                self.standby = false;
                pipeline.set_params(params);
            }
            output::Event::Note(note) => log::warn!("{note}"),
            output::Event::Standby => {
                log::info!("{pcm}: closed until something plays");
                self.standby = true;
            }
        }
    }

    /// What the daemon does now, in a word.
    pub(super) fn state(&self) -> State {
        match &self.pipeline {
            None => State::NoProfile,
            Some(_) if self.device_problem.is_some() => State::NoDevice,
            Some(pipeline) if !pipeline.is_connected() => State::NoPipewire,
            Some(_) if self.playing => State::Playing,
            Some(_) if self.standby => State::Standby,
            Some(_) => State::Idle,
        }
    }

    /// What is wrong now, in a line.
    fn problem(&self) -> String {
        let known = self.device_problem.clone().or_else(|| self.node_problem.clone());
        known.unwrap_or_else(|| self.state().to_string())
    }

    fn profile_name(&self) -> String {
        self.plan.profile.as_ref().map_or_else(|| "nothing".into(), |chosen| chosen.profile.name.clone())
    }

    /// The instance's name.
    pub(super) fn instance(&self) -> &str {
        self.options.instance.name()
    }
}

/// Tells everybody who waits the same.
fn answer(waiting: Vec<Waiting<Waiter>>, reply: &Reply) {
    for Waiting { waiter, .. } in waiting {
        if let Waiter::Client(client) = waiter {
            // A client that has left needs no answer.
            client.send(reply.clone()).ok();
        }
    }
}

fn log_start(plan: &Plan, pipeline: Option<&Pipeline>) {
    let (Some(Chosen { profile, chosen_by }), Some(pipeline)) = (&plan.profile, pipeline) else { return };
    let params = pipeline.params();
    log::info!(
        "profile {} ({chosen_by}) on {}: {} Hz, {} channels of {}, periods of {} in {} frames",
        profile.name,
        params.pcm,
        params.rate_hz,
        params.channels,
        params.format,
        params.period_frames,
        params.buffer_frames
    );
}

/// Tells systemd, where it listens.
fn notify(state: &[sd_notify::NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        log::debug!("systemd was not told {state:?}: {error}");
    }
}

fn notify_watchdog() {
    notify(&[sd_notify::NotifyState::Watchdog]);
}
