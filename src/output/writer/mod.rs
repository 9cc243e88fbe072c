//! The thread that feeds the device: it renders a period when the device can take one, asks the graph for the next
//! cycle, and gets over whatever happens to the device.
//!
//! | file | what it holds |
//! |---|---|
//! | [`state`] | states, events, actions: a pure function, tested by a fault table |
//! | `write_loop` | the loop: one turn per period, deadline or wake-up |
//! | `keeper` | the helper that opens and closes devices, and reports |
//! | `channel` | the way between the two, on which neither waits |
//! | `promotion` | real time for the loop's thread where the limits grant none |
//! | `restraint` | when that thread has to sleep although its device would take more |
//! | `power` | what to do with a device when nothing plays |

mod channel;
mod keeper;
mod power;
mod promotion;
mod restraint;
pub mod state;
mod write_loop;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread::{JoinHandle, Thread};
use std::time::Instant;

use crate::engine::{Counters, Pace, Player, Scheduling, Stage, join::PATIENCE, join_by};

use super::error::OutputError;
use super::request::{Params, Request};

/// What happened on the output side, for the log and the status.
#[derive(Debug)]
pub enum Event {
    /// The writer thread runs, scheduled like this.
    Scheduled(Scheduling),
    /// A device is open; it has not played yet.
    Opened {
        /// On these terms.
        params: Params,
        /// It is the one that [`Writer::use_device`] asked for.
        is_another: bool,
    },
    /// The open device has played its first buffer.
    Running,
    /// The device ran out of frames and was restarted.
    Xrun,
    /// The device took nothing for too long and was restarted.
    Stalled,
    /// The card slept with the system.
    Suspended,
    /// The device is gone, given away, or past recovery, for this reason; it is being opened again.
    Lost(String),
    /// It cannot be opened; attempts go on, with growing pauses, and each that fails is told.
    Waiting(OutputError),
    /// What [`Writer::use_device`] asked for cannot be had: the device before is opened again.
    Refused(OutputError),
    /// Something about the open device that did not work out.
    Note(String),
    /// It was closed because nothing played.
    Standby,
}

/// Where events go. Called on the keeper's thread, and on one that asks for real time; must not wait.
pub type Tell = Arc<dyn Fn(Event) + Send + Sync>;

/// A running writer. Dropping it fades out, closes the device and joins its threads.
pub struct Writer<S: Stage> {
    stop: Arc<AtomicBool>,
    pace: Arc<Pace>,
    thread: Option<JoinHandle<Player<S>>>,
    orders: mpsc::Sender<keeper::Order<S::Chain>>,
    keeper: Option<Thread>,
}

impl<S: Stage> Writer<S> {
    /// Starts to play `player` on the device of `request`, as soon as it can be opened: [`Event::Opened`] tells. A muted
    /// player fades in.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn spawn(
        player: Player<S>,
        request: Request,
        pace: Arc<Pace>,
        counters: Arc<Counters>,
        tell: Tell,
    ) -> Result<Writer<S>, OutputError> {
        let stop = Arc::new(AtomicBool::new(false));
        let power = power::PowerPolicy::of(&request);
        let (channels, period_frames) = (request.channels, request.period_frames);
        let (orders, given) = mpsc::channel();
        let (keeper, loop_end) = keeper::Keeper::spawn(request, given, Arc::clone(&pace), Arc::clone(&counters), tell)?;
        let keeper_thread = keeper.thread();
        let write_loop = write_loop::WriteLoop::new(
            player,
            write_loop::NullDevice::new(channels, period_frames),
            power,
            Arc::clone(&pace),
            counters,
            loop_end,
            Arc::clone(&stop),
        );
        let name = "output-writer";
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                let player = write_loop.run();
                drop(keeper);
                player
            })
            .map_err(|source| OutputError::Thread { name, source })?;
        Ok(Writer { stop, pace, thread: Some(thread), orders, keeper: keeper_thread })
    }

    /// Fades out, closes the device, opens that of `request` and switches to `chain` unheard: no sample of the old chain
    /// reaches the new device, whose channels may be other drivers. [`Event::Opened`] tells that it is open;
    /// [`Event::Refused`] that the device before is opened again, with the old chain. One of them has to come before the
    /// next is asked for.
    pub fn use_device(&self, request: Request, chain: Box<S::Chain>) {
        self.order(keeper::Order::Use(keeper::Wanted { request, chain }));
    }

    /// Asks for `request` from the next opening on: a chain that plays now may need more channels than the one before.
    pub fn open_later(&self, request: Request) {
        self.order(keeper::Order::Later(request));
    }

    fn order(&self, order: keeper::Order<S::Chain>) {
        // It fails only when the keeper has ended by a panic: then nothing is opened any more, which the status shows.
        self.orders.send(order).ok();
        if let Some(keeper) = &self.keeper {
            keeper.unpark();
        }
    }

    /// Fades out, closes the device and hands the player back; by `deadline`, or the thread is left behind. `None` then,
    /// and when it had panicked.
    pub fn stop(mut self, deadline: Instant) -> Option<Player<S>> {
        self.join(deadline)
    }

    /// True once the thread has ended by itself, which only a panic does.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn join(&mut self, deadline: Instant) -> Option<Player<S>> {
        self.stop.store(true, SeqCst);
        self.pace.wake();
        join_by(self.thread.take()?, deadline, "device")
    }
}

impl<S: Stage> Drop for Writer<S> {
    fn drop(&mut self) {
        self.join(Instant::now() + PATIENCE);
    }
}
