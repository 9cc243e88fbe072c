//! What the writer thread must not do itself: open and close devices, and tell the rest of the program what happened.
//! A thread of its own, to which the writer hands over by rings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::engine::{Counters, Pace, Scheduling};

use super::super::device::Device;
use super::super::error::OutputError;
use super::super::open::{Params, Request, open};

/// First and longest pause between two attempts to open.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Messages that may wait for the keeper.
const MESSAGES: usize = 64;

/// What happened on the output side, for the log and the status.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The writer thread runs, scheduled like this.
    Scheduled(Scheduling),
    /// The device ran out of frames and was restarted.
    Xrun,
    /// The device took nothing for too long and was restarted.
    Stalled,
    /// The card slept with the system.
    Suspended,
    /// The device is gone, given away, or past recovery; it is being opened again.
    Lost,
    /// It cannot be opened for the reason given; attempts go on. Sent once per reason.
    Waiting(String),
    /// It is open again.
    Opened(Params),
    /// Something about the open device that did not work out.
    Note(String),
    /// It was closed because nothing played.
    Standby,
}

/// What the writer reports; the part of [`Event`] that needs no memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Notice {
    Scheduled(Scheduling),
    Xrun,
    Stalled,
    Suspended,
}

/// Orders from the writer.
#[derive(Debug)]
enum Message {
    Notice(Notice),
    Open,
    /// Close, and open again.
    Replace(Box<Device>),
    Close(Box<Device>),
}

/// The writer's side. No call allocates, frees or waits.
#[derive(Debug)]
pub(super) struct Line {
    messages: Producer<Message>,
    devices: Consumer<Box<Device>>,
    keeper: Thread,
}

impl Line {
    /// A report; dropped when the keeper is far behind, as counters tell the same.
    pub(super) fn report(&mut self, notice: Notice) {
        // Full: the keeper is opening a device and 64 reports wait already.
        self.messages.push(Message::Notice(notice)).ok();
        self.keeper.unpark();
    }

    /// Has the device opened.
    pub(super) fn open(&mut self) {
        self.order(Message::Open);
    }

    /// Has `device` closed and opened again.
    pub(super) fn replace(&mut self, device: Box<Device>) {
        self.order(Message::Replace(device));
    }

    /// Has `device` closed.
    pub(super) fn close(&mut self, device: Box<Device>) {
        self.order(Message::Close(device));
    }

    /// A device that was opened.
    pub(super) fn take_device(&mut self) -> Option<Box<Device>> {
        self.devices.pop().ok()
    }

    fn order(&mut self, mut message: Message) {
        // Orders are rare and must arrive; when the ring is full of reports, the device is lost and nothing is due.
        while let Err(rtrb::PushError::Full(refused)) = self.messages.push(message) {
            message = refused;
            self.keeper.unpark();
            std::thread::yield_now();
        }
        self.keeper.unpark();
    }
}

/// The keeper's thread; ends when dropped.
#[derive(Debug)]
pub(super) struct Keeper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts it. With `open_now`, it opens the device at once.
    pub(super) fn spawn(
        request: Request,
        open_now: bool,
        pace: Arc<Pace>,
        counters: Arc<Counters>,
        events: mpsc::Sender<Event>,
    ) -> Result<(Keeper, Line), OutputError> {
        let (to_keeper, messages) = RingBuffer::new(MESSAGES);
        let (devices, from_keeper) = RingBuffer::new(1);
        let stop = Arc::new(AtomicBool::new(false));
        let desk = Desk {
            request,
            messages,
            devices,
            pace,
            counters,
            events,
            stop: Arc::clone(&stop),
            next_attempt: open_now.then(Instant::now),
            backoff: BACKOFF.0,
            last_reason: String::new(),
        };
        let name = "output-keeper";
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || desk.run())
            .map_err(|source| OutputError::Thread { name, source })?;
        let line = Line { messages: to_keeper, devices: from_keeper, keeper: thread.thread().clone() };
        Ok((Keeper { stop, thread: Some(thread) }, line))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there has been printed already.
            thread.join().ok();
        }
    }
}

struct Desk {
    request: Request,
    messages: Consumer<Message>,
    devices: Producer<Box<Device>>,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    events: mpsc::Sender<Event>,
    stop: Arc<AtomicBool>,
    /// When to try to open; `None` = not wanted.
    next_attempt: Option<Instant>,
    backoff: Duration,
    last_reason: String,
}

impl Desk {
    fn run(mut self) {
        loop {
            while let Ok(message) = self.messages.pop() {
                self.handle(message);
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

    fn handle(&mut self, message: Message) {
        match message {
            Message::Notice(notice) => self.tell(match notice {
                Notice::Scheduled(scheduling) => Event::Scheduled(scheduling),
                Notice::Xrun => Event::Xrun,
                Notice::Stalled => Event::Stalled,
                Notice::Suspended => Event::Suspended,
            }),
            Message::Open => self.next_attempt = Some(Instant::now()),
            Message::Replace(device) => {
                drop(device);
                self.tell(Event::Lost);
                self.next_attempt = Some(Instant::now() + self.backoff);
            }
            Message::Close(device) => {
                drop(device);
                self.tell(Event::Standby);
            }
        }
    }

    fn attempt(&mut self) {
        match open(&self.request) {
            Ok(device) => {
                for note in device.notes() {
                    self.tell(Event::Note(note.clone()));
                }
                self.tell(Event::Opened(device.params().clone()));
                self.counters.add_reopen();
                self.next_attempt = None;
                self.backoff = BACKOFF.0;
                self.last_reason.clear();
                // Never full: the writer has none, or it would not have asked.
                self.devices.push(Box::new(device)).ok();
                self.pace.wake();
            }
            Err(error) => {
                let reason = error.to_string();
                if reason != self.last_reason {
                    self.tell(Event::Waiting(reason.clone()));
                    self.last_reason = reason;
                }
                self.next_attempt = Some(Instant::now() + self.backoff);
                self.backoff = (2 * self.backoff).min(BACKOFF.1);
            }
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more: then nobody needs to know.
        self.events.send(event).ok();
    }
}
