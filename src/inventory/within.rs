//! Looking at what may hang.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// A look that was begun.
pub(crate) struct Begun<T> {
    seen: Receiver<T>,
    until: Instant,
}

/// Looks on a thread of its own, which is left behind if it hangs: the process ends soon.
pub(crate) fn begin<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Begun<T> {
    let (tell, seen) = channel();
    let look = move || {
        // Nobody waits any more: then nobody wants to know.
        tell.send(look()).ok();
    };
    // Where no thread is to be had, `tell` is dropped, and nothing was seen.
    std::thread::Builder::new().name("look".into()).spawn(look).ok();
    Begun { seen, until: Instant::now() + PATIENCE }
}

impl<T> Begun<T> {
    /// What was seen; `None` where it took too long.
    pub fn wait(self) -> Option<T> {
        self.seen.recv_timeout(self.until.saturating_duration_since(Instant::now())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_is_left_behind() {
        let (hold, held) = channel::<()>();
        let stuck = begin(move || held.recv().is_ok());
        assert_eq!(begin(|| 7).wait(), Some(7));
        let stuck = Begun { until: Instant::now(), ..stuck };
        assert_eq!(stuck.wait(), None);
        drop(hold);
    }
}
