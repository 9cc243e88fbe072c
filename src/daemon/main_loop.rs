//! The main loop: everything that happens to the daemon comes by here, one event at a time. Nothing here waits for a
//! device, PipeWire, a file or a client: that is done elsewhere, and comes back as an event.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::control::{self, Asked, Reply, Request, Server};
use super::error::DaemonError;
use super::event::Event;
use super::file_threads::FileThreads;
use super::health::{Health, Standstill};
use super::limits::allow_open_files;
use super::memory;
use super::notify::Manager;
use super::pipeline::{Pipeline, PipelineError};
use super::prepare::{Options, Plan, Prepared};
use super::preparing::Preparing;
use super::reload::Reloads;
use super::requests::Rates;
use super::signals::{Signal, Watch};
use super::state::{Daemon, DeviceState, SinkState};
use super::storing::Storing;
use super::switch::Waiter;
use super::throttled_log::ThrottledLog;
use crate::engine::join::PATIENCE;

/// How often the counters are looked at while something plays or is switched to, and else.
const TICK: Duration = Duration::from_millis(20);
const SLOW_TICK: Duration = Duration::from_millis(100);

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
        storing: Storing::default(),
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
                Event::Stored(ticket, problem) => self.on_stored(ticket, problem),
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
}
