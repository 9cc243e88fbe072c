//! The way between the writer's loop and its keeper: rings, on which neither waits for the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::Thread;

use nix::unistd::Pid;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::engine::{Pace, Scheduling};

use super::super::device::{Device, Errno};
use super::power::PowerPolicy;

/// Messages that may wait for the keeper, and places among them that reports leave to orders: one is under way at a time.
const MESSAGES: usize = 64;
const FOR_ORDERS: usize = 8;

/// What the writer reports; needs no memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Notice {
    /// The loop's thread, and how it is scheduled.
    Scheduled(Pid, Scheduling),
    Xrun,
    Stalled,
    Suspended,
    /// The device has taken a whole buffer for the first time.
    Running,
}

/// From the writer to the keeper.
#[derive(Debug)]
pub(super) enum Message<C> {
    Notice(Notice),
    Open,
    /// Close, because of this, and open again.
    Replace(Box<Device>, Cause),
    Close(Box<Device>),
    /// The place is free for another device: the one that was there, and one that was on its way.
    Yielded(Option<Box<Device>>, Option<Delivery<C>>),
}

/// Why a device is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The last call failed.
    Fault(Errno),
    /// It took nothing, time and again.
    NoProgress,
    /// Its card is wanted by a program with a higher claim.
    ReleaseRequested,
}

/// A device for the writer, how to treat it, and a chain to play on it instead of the present one.
#[derive(Debug)]
pub(super) struct Delivery<C> {
    pub device: Box<Device>,
    pub power: PowerPolicy,
    pub chain: Option<Box<C>>,
}

/// Both ends. `keeper` is filled in by whoever starts that thread.
pub(super) fn channel<C>(pace: Arc<Pace>) -> (LoopEnd<C>, KeeperEnd<C>) {
    let (to_keeper, messages) = RingBuffer::new(MESSAGES);
    let (to_writer, devices) = RingBuffer::new(1);
    let leave = Arc::new(AtomicBool::new(false));
    let loop_end = LoopEnd { messages: to_keeper, devices, leave: Arc::clone(&leave), unsent: None, keeper: None };
    (loop_end, KeeperEnd { messages, devices: to_writer, leave, pace })
}

/// The writer's end. No call allocates, frees or waits.
#[derive(Debug)]
pub(super) struct LoopEnd<C> {
    messages: Producer<Message<C>>,
    devices: Consumer<Delivery<C>>,
    leave: Arc<AtomicBool>,
    /// An order that found no place.
    unsent: Option<Message<C>>,
    pub(super) keeper: Option<Thread>,
}

impl<C> LoopEnd<C> {
    /// A report; dropped when the keeper is far behind, as counters tell the same.
    pub(super) fn report(&mut self, notice: Notice) {
        if self.messages.slots() > FOR_ORDERS {
            // There is room.
            self.messages.push(Message::Notice(notice)).ok();
            self.wake_keeper();
        }
    }

    /// Gives an order.
    pub(super) fn order(&mut self, message: Message<C>) {
        // Reports leave room for it. If there is none in spite of that, the next turn tries again.
        if let Err(rtrb::PushError::Full(refused)) = self.messages.push(message) {
            self.unsent = Some(refused);
        }
        self.wake_keeper();
    }

    /// Tries again what found no place.
    pub(super) fn flush(&mut self) {
        if let Some(message) = self.unsent.take() {
            self.order(message);
        }
    }

    /// A device that was opened.
    pub(super) fn take_device(&mut self) -> Option<Delivery<C>> {
        self.devices.pop().ok()
    }

    /// True once for each time another device is to be played on.
    pub(super) fn is_to_leave(&self) -> bool {
        self.leave.swap(false, SeqCst)
    }

    fn wake_keeper(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.unpark();
        }
    }
}

/// The keeper's end.
#[derive(Debug)]
pub(super) struct KeeperEnd<C> {
    messages: Consumer<Message<C>>,
    devices: Producer<Delivery<C>>,
    leave: Arc<AtomicBool>,
    pace: Arc<Pace>,
}

impl<C> KeeperEnd<C> {
    /// What the writer said.
    pub(super) fn next(&mut self) -> Option<Message<C>> {
        self.messages.pop().ok()
    }

    /// Hands a device over.
    pub(super) fn hand(&mut self, delivery: Delivery<C>) {
        // Never full: the writer has none, or it would not have asked.
        self.devices.push(delivery).ok();
        self.pace.wake();
    }

    /// Asks for the place; [`Message::Yielded`] answers.
    pub(super) fn ask_to_leave(&self) {
        self.leave.store(true, SeqCst);
        self.pace.wake();
    }
}
