//! How much the device had still to play, and when.

/// A reading of the device's delay in one word, so that no reader ever waits for a writer: frames in the lower 24
/// bits, the time of the reading above, in units of 1024 ns. Those 40 bits come round after 13 days, which no reading
/// outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DelayReading(pub u64);

impl DelayReading {
    const FRAME_BITS: u32 = 24;
    const TIME_MASK: u64 = u64::MAX >> Self::FRAME_BITS;

    pub fn new(frames: usize, read_ns: u64) -> DelayReading {
        let frames = (frames as u64).min((1 << Self::FRAME_BITS) - 1);
        DelayReading((read_ns >> 10 & Self::TIME_MASK) << Self::FRAME_BITS | frames)
    }

    pub fn frames(self) -> u64 {
        self.0 & ((1 << Self::FRAME_BITS) - 1)
    }

    pub fn age_ns(self, now_ns: u64) -> u64 {
        let age = (now_ns >> 10).wrapping_sub(self.0 >> Self::FRAME_BITS) & Self::TIME_MASK;
        // A reading of a moment after `now` is none that has aged.
        if age > Self::TIME_MASK / 2 { 0 } else { age << 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_reading_ages_across_the_turn_of_its_clock() {
        let turn_ns = (DelayReading::TIME_MASK + 1) << 10;
        let reading = DelayReading::new(480, turn_ns - MS);
        assert_eq!(reading.frames(), 480);
        assert!(reading.age_ns(turn_ns + MS).abs_diff(2 * MS) <= 2048);
        assert_eq!(DelayReading::new(usize::MAX, 0).frames(), (1 << 24) - 1);
    }
}
