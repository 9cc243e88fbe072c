//! The thread that feeds the device: it renders a period when the device can take one, asks the graph for the next
//! cycle, and gets over whatever happens to the device.
//!
//! | file | what it holds |
//! |---|---|
//! | [`state`] | states, events, actions: a pure function, tested by a fault table |
//! | `turn` | the loop: one turn per period, deadline or wake-up |
//! | `keeper` | the helper that opens, closes and reports |

mod keeper;
pub mod state;
mod turn;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread::JoinHandle;

use crate::engine::{Counters, Pace, Player, Stage};

use super::device::Device;
use super::error::OutputError;
use super::open::Request;

pub use keeper::Event;

/// A running writer. Dropping it fades out, closes the device and joins its threads.
pub struct Writer<S: Stage> {
    stop: Arc<AtomicBool>,
    pace: Arc<Pace>,
    thread: Option<JoinHandle<Player<S>>>,
}

impl<S: Stage> Writer<S> {
    /// Starts to play `player` on `device`; with `None`, on the device of `request` as soon as it can be opened.
    /// `request` serves to open it again, too. A muted player fades in.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn spawn(
        device: Option<Device>,
        player: Player<S>,
        request: Request,
        pace: Arc<Pace>,
        counters: Arc<Counters>,
        events: mpsc::Sender<Event>,
    ) -> Result<Writer<S>, OutputError> {
        let stop = Arc::new(AtomicBool::new(false));
        let (keeper, line) =
            keeper::Keeper::spawn(request.clone(), device.is_none(), Arc::clone(&pace), Arc::clone(&counters), events)?;
        let device = device.map(Box::new);
        let turns = turn::Turns::new(device, player, &request, Arc::clone(&pace), counters, line, Arc::clone(&stop));
        let name = "output-writer";
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                let player = turns.run();
                drop(keeper);
                player
            })
            .map_err(|source| OutputError::Thread { name, source })?;
        Ok(Writer { stop, pace, thread: Some(thread) })
    }

    /// Fades out, closes the device and hands the player back, for another device or the end. `None` when the thread
    /// panicked.
    pub fn stop(mut self) -> Option<Player<S>> {
        self.join()
    }

    /// True once the thread has ended by itself, which only a panic does.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn join(&mut self) -> Option<Player<S>> {
        self.stop.store(true, SeqCst);
        self.pace.wake();
        self.thread.take()?.join().ok()
    }
}

impl<S: Stage> Drop for Writer<S> {
    fn drop(&mut self) {
        self.join();
    }
}
