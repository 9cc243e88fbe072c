//! When the writer's thread has to sleep although its device would take more.

/// A thread at real-time priority that has not slept for 200 ms is killed where rtkit has granted it. One that has so much
/// to do that it never waits sleeps for a moment after …
const AWAKE_NS: u64 = 50_000_000;
const NAP_NS: u64 = 50_000;
/// Clocks of sound cards differ from the machine's by less than a tenth of this. What takes frames faster is no card.
const FASTEST: f64 = 1.005;

/// Keeps a thread at real-time priority from taking a processor for good.
#[derive(Debug, Default)]
pub(super) struct Restraint {
    started_ns: u64,
    slept_ns: u64,
}

impl Restraint {
    /// The device was started at `now_ns`.
    pub fn note_start(&mut self, now_ns: u64) {
        self.started_ns = now_ns;
    }

    /// The thread has slept, until `now_ns`.
    pub fn note_sleep(&mut self, now_ns: u64) {
        self.slept_ns = now_ns;
    }

    /// True where a device that has taken `frames` since it was started is ahead of any clock, as ALSA's `null` is.
    pub fn is_ahead(&self, now_ns: u64, rate_hz: u32, frames: usize, buffer_frames: usize) -> bool {
        let played = now_ns.saturating_sub(self.started_ns) as f64 * 1e-9 * f64::from(rate_hz);
        frames as f64 > FASTEST * played + 2.0 * buffer_frames as f64
    }

    /// How long a thread has to sleep that was awake for too long.
    pub fn nap_ns(&self, now_ns: u64) -> Option<u64> {
        (now_ns.saturating_sub(self.slept_ns) >= AWAKE_NS).then_some(NAP_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 48_000;
    const BUFFER_FRAMES: usize = 768;

    #[test]
    fn no_card_is_ahead_of_time_however_long_it_plays_and_null_is_at_once() {
        let mut restraint = Restraint::default();
        restraint.note_start(1_000_000_000);
        for seconds in [0u64, 1, 3600, 30 * 86_400] {
            let played = (seconds * u64::from(RATE_HZ)) as f64 * 1.0005;
            let taken = BUFFER_FRAMES + played as usize;
            assert!(!restraint.is_ahead((1 + seconds) * 1_000_000_000, RATE_HZ, taken, BUFFER_FRAMES), "{seconds} s");
        }
        assert!(restraint.is_ahead(1_001_000_000, RATE_HZ, 3 * BUFFER_FRAMES, BUFFER_FRAMES));
    }

    #[test]
    fn who_was_awake_for_too_long_naps() {
        let mut restraint = Restraint::default();
        restraint.note_sleep(1_000_000_000);
        assert_eq!(restraint.nap_ns(1_000_000_000 + AWAKE_NS - 1), None);
        assert_eq!(restraint.nap_ns(1_000_000_000 + AWAKE_NS), Some(NAP_NS));
    }
}
