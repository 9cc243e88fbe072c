//! Threads that read and write files. One whose file lies on a disk or share that does not answer cannot be ended: whoever
//! waits for it gives up, and it stays behind. A few of them, not one for each request.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use super::event::Event;

/// Threads that may hang.
const MOST: usize = 3;

/// See the module.
#[derive(Debug, Default)]
pub struct FileThreads {
    /// Held by each of them.
    alive: Arc<()>,
}

/// Why no thread was started.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// As many hang as may.
    #[error(
        "{MOST} earlier requests still wait for files on a disk or share that does not answer: nothing more is read until \
         one of them ends; mount it again, or restart the daemon"
    )]
    TooMany,
    /// The system has none left.
    #[error("the system has nothing left for a thread: raise its limits (ulimit -a)")]
    System(#[from] io::Error),
}

impl FileThreads {
    /// Has a thread called `name` do `work`, whose outcome goes to `events`. Only to be called while all that are waited
    /// for have ended.
    ///
    /// # Errors
    /// Too many were left behind, or the system has no thread left.
    pub fn spawn(
        &self,
        name: &str,
        events: &mpsc::Sender<Event>,
        work: impl FnOnce() -> Event + Send + 'static,
    ) -> Result<(), NotStarted> {
        if Arc::strong_count(&self.alive) > MOST {
            return Err(NotStarted::TooMany);
        }
        let (alive, events) = (Arc::clone(&self.alive), events.clone());
        thread::Builder::new().name(name.into()).spawn(move || {
            let outcome = work();
            // First: who learns of the end may count on it.
            drop(alive);
            // The main loop is gone only when the process ends.
            drop(events.send(outcome));
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_may_hang_and_one_that_ends_makes_room() {
        let (events, outcomes) = mpsc::channel();
        let threads = FileThreads::default();
        let mut ends = Vec::new();
        let mut hang = || {
            let (end, wait) = mpsc::channel::<()>();
            ends.push(end);
            let work = move || {
                wait.recv().ok();
                Event::Retired
            };
            threads.spawn("hangs", &events, work)
        };
        for _ in 0..MOST {
            assert!(hang().is_ok());
        }
        let refused = hang().unwrap_err();
        assert!(matches!(refused, NotStarted::TooMany));
        assert!(refused.to_string().starts_with("3 earlier requests"));
        ends.remove(0);
        outcomes.recv().unwrap();
        assert!(threads.spawn("ends", &events, || Event::Retired).is_ok());
    }
}
