//! What the writer thread must not do itself: open and close devices, and tell the rest of the program what happened.
//! A thread of its own.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::engine::realtime::{WRITER_PRIORITY, rtkit};
use crate::engine::{Counters, Pace, Scheduling, join::PATIENCE, join_by};

use super::super::errno::explain;
use super::super::error::OutputError;
use super::super::open::open;
use super::super::request::Request;
use super::channel::{Cause, Delivery, KeeperEnd, LoopEnd, Message, Notice, channel};
use super::power::PowerPolicy;
use super::promotion::Promotion;
use super::{Event, Tell};

/// First and longest pause between two attempts to open, and before a device that was lost is opened again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Longest pause where the device did not even open: to ask costs nothing, and who plugs it in waits for sound.
const ABSENT: Duration = Duration::from_millis(500);

/// What the keeper is asked for.
pub(super) enum Order<C> {
    /// To play on another device, with another chain.
    Use(Wanted<C>),
    /// To ask for this from the next opening on.
    Later(Request),
}

pub(super) struct Wanted<C> {
    pub request: Request,
    pub chain: Box<C>,
}

/// The keeper's thread; ends when dropped.
#[derive(Debug)]
pub(super) struct Keeper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts it: it opens the device of `request` at once.
    pub(super) fn spawn<C: Send + 'static>(
        request: Request,
        orders: mpsc::Receiver<Order<C>>,
        pace: Arc<Pace>,
        counters: Arc<Counters>,
        tell: Tell,
    ) -> Result<(Keeper, LoopEnd<C>), OutputError> {
        let (mut loop_end, keeper_end) = channel(pace);
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work {
            request,
            orders,
            wanted: None,
            channel: keeper_end,
            counters,
            tell,
            stop: Arc::clone(&stop),
            next_attempt: Some(Instant::now()),
            backoff: BACKOFF.0,
            is_lost: false,
            promotion: None,
        };
        let name = "output-keeper";
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || work.run())
            .map_err(|source| OutputError::Thread { name, source })?;
        loop_end.keeper = Some(thread.thread().clone());
        Ok((Keeper { stop, thread: Some(thread) }, loop_end))
    }

    /// To wake it by.
    pub(super) fn thread(&self) -> Option<Thread> {
        self.thread.as_ref().map(|thread| thread.thread().clone())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            join_by(thread, Instant::now() + PATIENCE, "device-opening");
        }
    }
}

struct Work<C> {
    /// What is played on.
    request: Request,
    orders: mpsc::Receiver<Order<C>>,
    /// What is to be played on as soon as the writer has left the device before.
    wanted: Option<Wanted<C>>,
    channel: KeeperEnd<C>,
    counters: Arc<Counters>,
    tell: Tell,
    stop: Arc<AtomicBool>,
    /// When to try to open; `None` = not wanted.
    next_attempt: Option<Instant>,
    /// Grows with each opening, and falls back only when a device has played: one that opens and does not start must
    /// not be opened twenty times a second.
    backoff: Duration,
    /// The device was lost, and not closed because nothing played.
    is_lost: bool,
    /// Asks for real time for the writer's thread, which ends after this.
    promotion: Option<Promotion>,
}

impl<C: Send + 'static> Work<C> {
    fn run(mut self) {
        loop {
            while let Some(message) = self.channel.next() {
                self.handle(message);
            }
            while let Ok(order) = self.orders.try_recv() {
                match order {
                    // One is under way at a time: whoever gives the next has been answered.
                    Order::Use(wanted) => {
                        self.wanted = Some(wanted);
                        self.next_attempt = None;
                        self.channel.ask_to_leave();
                    }
                    Order::Later(request) => self.request = request,
                }
            }
            if self.stop.load(SeqCst) {
                return;
            }
            match self.next_attempt.map(|due| due.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => self.attempt(),
                Some(left) => std::thread::park_timeout(left),
                None => std::thread::park(),
            }
        }
    }

    fn handle(&mut self, message: Message<C>) {
        match message {
            Message::Notice(Notice::Running) => {
                self.backoff = BACKOFF.0;
                self.is_lost = false;
                (self.tell)(Event::Running);
            }
            Message::Notice(Notice::Scheduled(thread, scheduling)) => self.scheduled(thread, scheduling),
            Message::Notice(Notice::Xrun) => (self.tell)(Event::Xrun),
            Message::Notice(Notice::Stalled) => (self.tell)(Event::Stalled),
            Message::Notice(Notice::Suspended) => (self.tell)(Event::Suspended),
            Message::Open => self.open_in(Duration::ZERO),
            Message::Replace(device, cause) => {
                drop(device);
                self.is_lost = true;
                (self.tell)(Event::Lost(reason(cause)));
                self.open_in(self.backoff);
                self.backoff = (2 * self.backoff).min(BACKOFF.1);
            }
            Message::Close(device) => {
                drop(device);
                (self.tell)(Event::Standby);
            }
            Message::Yielded(device, delivery) => {
                drop((device, delivery));
                match self.wanted.take() {
                    Some(wanted) => self.exchange(wanted),
                    None => self.open_in(Duration::ZERO),
                }
            }
        }
    }

    /// The writer's thread runs. What its limits did not grant is asked of rtkit.
    fn scheduled(&mut self, thread: Pid, scheduling: Scheduling) {
        if scheduling.is_realtime() {
            return (self.tell)(Event::Scheduled(scheduling));
        }
        let (tell, counters) = (Arc::clone(&self.tell), Arc::clone(&self.counters));
        let started = Promotion::start(
            move || rtkit::promote(thread, WRITER_PRIORITY),
            move |scheduling| {
                counters.set_writer_thread(scheduling);
                tell(Event::Scheduled(scheduling));
            },
        );
        match started {
            Ok(promotion) => self.promotion = Some(promotion),
            // No thread is left to ask by.
            Err(_) => (self.tell)(Event::Scheduled(scheduling)),
        }
    }

    /// Unless another device is wanted: then the place is that one's.
    fn open_in(&mut self, pause: Duration) {
        if self.wanted.is_none() {
            self.next_attempt = Some(Instant::now() + pause);
        }
    }

    /// The old device is closed: opens the new one, or the old one again.
    fn exchange(&mut self, wanted: Wanted<C>) {
        match open(&wanted.request) {
            Ok(device) => {
                self.request = wanted.request;
                self.hand(device, Some(wanted.chain));
            }
            Err(error) => {
                (self.tell)(Event::Refused(error));
                self.open_in(Duration::ZERO);
            }
        }
    }

    fn attempt(&mut self) {
        self.next_attempt = None;
        match open(&self.request) {
            Ok(device) => {
                if self.is_lost {
                    self.counters.add_reopen();
                }
                self.hand(device, None);
            }
            Err(error) => {
                (self.tell)(Event::Waiting(error));
                self.open_in(self.backoff.min(ABSENT));
                self.backoff = (2 * self.backoff).min(BACKOFF.1);
            }
        }
    }

    fn hand(&mut self, device: super::super::Device, chain: Option<Box<C>>) {
        for note in device.notes() {
            (self.tell)(Event::Note(note.clone()));
        }
        (self.tell)(Event::Opened { params: device.params().clone(), is_another: chain.is_some() });
        self.channel.hand(Delivery { device: Box::new(device), power: PowerPolicy::of(&self.request), chain });
    }
}

/// In the user's words.
fn reason(cause: Cause) -> String {
    match cause {
        Cause::Fault(errno) => explain(errno).to_string(),
        Cause::NoProgress => "it takes nothing although it is open: is its clock running?".into(),
        Cause::ReleaseRequested => "another program has claimed the card: it is taken again when that has left".into(),
    }
}
