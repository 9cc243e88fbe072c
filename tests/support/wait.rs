//! Waiting for a condition instead of for a time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Far beyond what anything here takes on a busy machine: reaching it means "never".
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Polls until `condition` holds; false when [`PATIENCE`] has run out.
pub fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(5));
    }
    true
}

/// Polls until `attempt` gives a value; panics with `what` when [`PATIENCE`] has run out.
pub fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    let came = wait_until(|| {
        found = attempt();
        found.is_some()
    });
    assert!(came, "waited in vain for {what}");
    found.unwrap()
}

/// `CLOCK_MONOTONIC`.
pub fn now_ns() -> i64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("a clock that is always there");
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}
