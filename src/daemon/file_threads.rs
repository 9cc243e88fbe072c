//! Threads that read and write files. One whose file lies on a disk or share that does not answer cannot be ended: whoever
//! waits for it gives up, and it stays behind. A few of them, not one for each request.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use super::event::Event;

/// Threads that may hang, of each kind.
const MOST: usize = 3;

/// What a thread does with files. Each kind has places of its own: what hangs of one keeps none of another from its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Reads configuration and profile, and builds what plays them.
    Read,
    /// Builds anew from what was read; only what has not been needed so far is read.
    Build,
    /// Stores what was chosen and set.
    Store,
}

/// See the module.
#[derive(Debug, Default)]
pub struct FileThreads {
    /// Held by each of them, by kind.
    alive: [Arc<()>; 3],
}

/// Why no thread was started.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// As many hang as may.
    #[error(
        "{MOST} earlier requests still wait for files on a disk or share that does not answer, and no more may: mount it \
         again, or restart the daemon"
    )]
    TooMany,
    /// The system has none left.
    #[error("the system has nothing left for a thread: raise its limits (ulimit -a)")]
    System(#[from] io::Error),
}

impl FileThreads {
    /// Has a thread do `work`, whose outcome goes to `events`. Only to be called while all of this kind that are waited
    /// for have ended.
    ///
    /// # Errors
    /// Too many were left behind, or the system has no thread left.
    pub fn spawn(
        &self,
        kind: Work,
        events: &mpsc::Sender<Event>,
        work: impl FnOnce() -> Event + Send + 'static,
    ) -> Result<(), NotStarted> {
        let (name, alive) = match kind {
            Work::Read => ("read", &self.alive[0]),
            Work::Build => ("build", &self.alive[1]),
            Work::Store => ("store", &self.alive[2]),
        };
        if Arc::strong_count(alive) > MOST {
            return Err(NotStarted::TooMany);
        }
        let (alive, events) = (Arc::clone(alive), events.clone());
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
    fn a_few_of_a_kind_may_hang_and_one_that_ends_makes_room() {
        let (events, outcomes) = mpsc::channel();
        let threads = FileThreads::default();
        let mut ends = Vec::new();
        let mut hang = |kind| {
            let (end, wait) = mpsc::channel::<()>();
            ends.push(end);
            let work = move || {
                wait.recv().ok();
                Event::Retired
            };
            threads.spawn(kind, &events, work)
        };
        for kind in [Work::Read, Work::Build, Work::Store] {
            for _ in 0..MOST {
                assert!(hang(kind).is_ok(), "{kind:?}");
            }
            let refused = hang(kind).unwrap_err();
            assert!(matches!(refused, NotStarted::TooMany));
            assert!(refused.to_string().starts_with("3 earlier requests"));
        }
        ends.remove(0);
        outcomes.recv().unwrap();
        assert!(threads.spawn(Work::Read, &events, || Event::Retired).is_ok());
        assert!(threads.spawn(Work::Build, &events, || Event::Retired).is_err());
    }
}
