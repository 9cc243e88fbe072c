//! The main loop: everything that happens to the daemon comes by here, one event at a time. Nothing here waits for a
//! device, PipeWire, a file or a client: that is done elsewhere, and comes back as an event.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::control::status::State;
use super::control::{self, Asked, Reply, Request, Server};
use super::event::Event;
use super::file_threads::FileThreads;
use super::health::{Health, Standstill};
use super::identify::Identify;
use super::limits::{TooFewFiles, allow_open_files};
use super::memory;
use super::notify::Manager;
use super::pipeline::{Pipeline, PipelineError};
use super::prepare::{Options, Plan, PrepareError, Prepared};
use super::preparing::Preparing;
use super::reload::Reloads;
use super::requests::Rates;
use super::signals::{Signal, Watch};
use super::throttled_log::ThrottledLog;
use super::transaction::{InFlight, LATE_START, Waiter};
use crate::engine::join::PATIENCE;
use crate::output::OutputError;
use crate::profile::choice::NO_PROFILE;

/// How often the counters are looked at while something plays or is switched to, and else.
const TICK: Duration = Duration::from_millis(20);
const SLOW_TICK: Duration = Duration::from_millis(100);

/// Why the daemon ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Configuration or profile.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A thread has died, or the system has nothing left.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// `--no-wait`, and the device cannot be had.
    #[error(transparent)]
    Device(#[from] OutputError),
    /// `--no-wait`, and there is no sink.
    #[error("{0}")]
    Sink(String),
    /// The control socket.
    #[error(transparent)]
    Listen(#[from] control::ListenError),
    /// The system allows too little.
    #[error(transparent)]
    Limits(#[from] TooFewFiles),
    /// Signals cannot be received.
    #[error("cannot receive signals")]
    Signals(#[source] std::io::Error),
}

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
    health: Health,
}

/// Runs until a signal asks to stop.
///
/// # Errors
/// Whatever keeps it from starting: configuration, profile, control socket; later, a thread that has died.
pub fn run(options: Options) -> Result<(), DaemonError> {
    let memory_locked = memory::arrange();
    allow_open_files()?;
    let (events, receiver) = mpsc::channel();
    let send = |wrap: fn(Signal) -> Event| {
        let events = events.clone();
        // The main loop is gone only when the process ends.
        move |signal| drop(events.send(wrap(signal)))
    };
    let _signals = Watch::start(send(Event::Signal)).map_err(DaemonError::Signals)?;
    let asked = events.clone();
    let _server = Server::open(&options.instance, move |request| drop(asked.send(Event::Asked(request))))?;

    let mut daemon = Daemon {
        options,
        plan: Plan::default(),
        has_started: false,
        pipeline: None,
        generations: 0,
        device: DeviceState::default(),
        sink: SinkState::default(),
        was_open: false,
        was_up: false,
        standstill: None,
        reloads: Reloads::default(),
        file_threads: FileThreads::default(),
        preparing: Preparing::default(),
        in_flight: None,
        is_displaced: false,
        next: None,
        retiring: false,
        identify: None,
        tickets: 0,
        rates: Rates::default(),
        manager: Manager::from_environment(),
        log: ThrottledLog::default(),
        events,
        memory_locked,
        health: Health::new(Instant::now()),
    };
    daemon.prepare_start();
    let ended = daemon.main_loop(&receiver);
    daemon.manager.stopping();
    daemon.end(&receiver);
    ended
}

impl Daemon {
    fn main_loop(&mut self, receiver: &mpsc::Receiver<Event>) -> Result<(), DaemonError> {
        loop {
            self.tick()?;
            let event = match receiver.recv_timeout(self.pause()) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => continue,
                // Cannot be: this end holds a sender too.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            match event {
                Event::Signal(Signal::Stop) => return Ok(()),
                Event::Signal(Signal::Reload) => {
                    self.manager.reloading();
                    self.ask(control::Choice::Again, Waiter::Manager);
                }
                Event::Asked(Asked { request: Request::Reload(choice), reply }) => {
                    self.ask(choice, Waiter::Client(reply));
                }
                Event::Asked(Asked { request: Request::Set { changes }, reply }) => self.set(&changes, reply),
                Event::Asked(Asked { request: Request::Status, reply }) => {
                    reply.send(Reply::Status(Box::new(self.status())));
                }
                Event::Asked(Asked { request: Request::Identify(sound), reply }) => self.identify(sound, reply),
                Event::Node(generation, event) if self.is_current(generation) => self.on_node(event)?,
                Event::Output(generation, event) if self.is_current(generation) => self.on_output(event)?,
                Event::Node(..) | Event::Output(..) => {}
                Event::Prepared(ticket, prepared) => self.on_prepared(ticket, *prepared)?,
                Event::Remembered(ticket, problem) => self.on_remembered(ticket, problem),
                Event::Built(ticket, built) => self.on_built(ticket, *built),
                Event::Retired => self.on_retired()?,
            }
        }
    }

    /// Fades out and closes everything, also what is on its way out already.
    fn end(&mut self, receiver: &mpsc::Receiver<Event>) {
        self.pipeline = None;
        let deadline = Instant::now() + PATIENCE;
        while self.retiring && Instant::now() < deadline {
            if matches!(receiver.recv_timeout(TICK), Ok(Event::Retired)) {
                self.retiring = false;
            }
        }
    }

    /// What has to be looked at again and again.
    fn tick(&mut self) -> Result<(), DaemonError> {
        if let Some(pipeline) = &mut self.pipeline {
            if let Some(died) = pipeline.died() {
                return Err(died.into());
            }
            let ended = pipeline.reclaim();
            pipeline.publish_latency();
            let standstill = self.health.look(pipeline.heartbeats(), Instant::now());
            self.note_standstill(standstill);
            if let Some(switch) = self.in_flight.as_mut().filter(|_| ended) {
                switch.is_alone = true;
                self.end_switch();
            }
        }
        self.give_up_waiting()?;
        self.look_after_sound();
        self.log.tell();
        if !self.standstill.is_some_and(Standstill::is_ours) {
            self.manager.alive();
        }
        let status = self.manager_status();
        self.manager.status(&status);
        Ok(())
    }

    fn pause(&self) -> Duration {
        if self.sink.playing || self.in_flight.is_some() || self.identify.is_some() { TICK } else { SLOW_TICK }
    }

    fn note_standstill(&mut self, standstill: Option<Standstill>) {
        match standstill {
            Some(standstill) if self.standstill.is_none() => log::error!("stalled: {}", standstill.explain()),
            None if self.standstill.is_some() => log::info!("sound moves again"),
            _ => {}
        }
        self.standstill = standstill;
    }

    fn is_current(&self, generation: u64) -> bool {
        self.pipeline.as_ref().is_some_and(|pipeline| pipeline.generation() == generation)
    }

    /// Starts to play what was prepared.
    pub(super) fn start_pipeline(&mut self, prepared: Prepared) -> Result<(), PipelineError> {
        let Prepared { plan, chain: Some(chain), rate_hz } = prepared else { return Ok(()) };
        let Some(chosen) = &plan.profile else { return Ok(()) };
        self.generations += 1;
        self.device = DeviceState::default();
        self.sink = SinkState::default();
        self.standstill = None;
        self.health = Health::new(Instant::now());
        log::info!("profile {} ({}) on {} at {rate_hz} Hz", chosen.profile.name, chosen.chosen_by, plan.config.device);
        self.pipeline = Some(Pipeline::start(
            &plan.config,
            &self.options.instance,
            &chosen.profile,
            chain,
            rate_hz,
            &self.events,
            self.generations,
        )?);
        self.show_settings();
        Ok(())
    }

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
    fn manager_status(&self) -> String {
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
}
