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

/// As many threads hang as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{MOST} earlier requests still wait for files on a disk or share that does not answer: nothing more is read until one \
     of them ends; mount it again, or restart the daemon"
)]
pub struct TooMany;

impl FileThreads {
    /// Has a thread called `name` do `work`, whose outcome goes to `events`.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn spawn(
        &self,
        name: &str,
        events: &mpsc::Sender<Event>,
        work: impl FnOnce() -> Event + Send + 'static,
    ) -> io::Result<()> {
        let (alive, events) = (Arc::clone(&self.alive), events.clone());
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            let outcome = work();
            // First: who learns of the end may count on it.
            drop(alive);
            // The main loop is gone only when the process ends.
            drop(events.send(outcome));
        });
        thread.map(drop)
    }

    /// Whether one more may be started, asked while all that are waited for have ended.
    ///
    /// # Errors
    /// Too many were left behind.
    pub fn check(&self) -> Result<(), TooMany> {
        if Arc::strong_count(&self.alive) > MOST { Err(TooMany) } else { Ok(()) }
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
        for _ in 0..MOST {
            assert_eq!(threads.check(), Ok(()));
            let (end, wait) = mpsc::channel::<()>();
            let hang = move || {
                wait.recv().ok();
                Event::Retired
            };
            threads.spawn("hangs", &events, hang).unwrap();
            ends.push(end);
        }
        assert_eq!(threads.check(), Err(TooMany));
        assert!(TooMany.to_string().starts_with("3 earlier requests"));
        ends.pop();
        outcomes.recv().unwrap();
        assert_eq!(threads.check(), Ok(()));
    }
}
