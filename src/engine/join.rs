//! Waiting for a thread's end, but not for ever.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than any fade-out and any teardown takes; short enough that no service manager need kill.
pub const PATIENCE: Duration = Duration::from_millis(1500);

/// Joins `thread`, the one of `name`, until `deadline`; leaves it behind when it has not ended by then: a driver or a
/// server that hangs must not hang who waits for it. `None` too when it had panicked, which has been printed then.
pub fn join_by<T>(thread: JoinHandle<T>, deadline: Instant, name: &str) -> Option<T> {
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            log::error!("the {name} thread hangs and is left behind");
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    thread.join().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_is_joined_and_what_hangs_is_left() {
        let soon = || Instant::now() + Duration::from_secs(30);
        assert_eq!(join_by(std::thread::spawn(|| 7), soon(), "quick"), Some(7));
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let hangs = std::thread::spawn(move || wait.recv());
        assert!(join_by(hangs, Instant::now(), "hanging").is_none());
        drop(end);
    }
}
