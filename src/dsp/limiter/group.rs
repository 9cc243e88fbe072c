//! The gain of one group of drivers, from its peaks.

use super::CHUNK_FRAMES;
use super::kernels::{Hold, Wanted};
use crate::dsp::simd::Level;

/// A gain of 1 in the fixed point of the moving averages, whose sums are exact therefore: at 192 kHz and 20 ms of
/// look-ahead they stay below 2^52.
const UNITY: u64 = 1 << 30;

pub(super) struct Group {
    /// The largest of all drivers, for the chunk in hand.
    pub peaks: [f32; CHUNK_FRAMES],
    pub gain: [f32; CHUNK_FRAMES],
    /// At its lowest within the last call.
    pub lowest_gain: f32,
    hold: SlidingMaximum,
    released: f64,
    release_per_frame: f64,
    sums: [MovingSum; 2],
    /// Inverse of what both sums make of unity.
    scale: f64,
    /// Frames for which nothing was wanted and all state stands at unity.
    unity_frames: usize,
    memory_frames: usize,
}

impl Group {
    pub fn new(lookahead_frames: usize, release_per_frame: f64) -> Group {
        // Held one frame longer, averaged over one less, than the look-ahead: so the gain is there in time for both
        // neighbors of an intersample peak.
        let first = lookahead_frames.div_ceil(2).max(1);
        let second = (lookahead_frames + 1 - first).max(1);
        Group {
            peaks: [0.0; CHUNK_FRAMES],
            gain: [1.0; CHUNK_FRAMES],
            lowest_gain: 1.0,
            hold: SlidingMaximum::new(lookahead_frames + 2),
            released: 1.0,
            release_per_frame,
            sums: [MovingSum::new(first, UNITY), MovingSum::new(second, UNITY * first as u64)],
            scale: 1.0 / (UNITY * first as u64 * second as u64) as f64,
            unity_frames: usize::MAX / 2,
            memory_frames: 2 * lookahead_frames + 4,
        }
    }

    pub fn reset(&mut self) {
        self.hold.reset();
        self.released = 1.0;
        self.sums.iter_mut().for_each(MovingSum::reset);
        self.unity_frames = usize::MAX / 2;
        self.lowest_gain = 1.0;
    }

    pub fn is_at_unity(&self) -> bool {
        self.unity_frames >= self.memory_frames
    }

    /// Whether the whole chunk just advanced over passes unchanged.
    pub fn passes(&self, frames: usize) -> bool {
        self.unity_frames >= self.memory_frames + frames
    }

    /// From `peaks`, the largest of which is `peak`, to `gain`, for `frames` frames.
    pub fn advance(&mut self, level: Level, frames: usize, peak: f32, ceiling: f32) {
        if peak <= ceiling && self.is_at_unity() {
            // All memories hold unity and would be given unity.
            self.unity_frames = self.unity_frames.saturating_add(frames);
            return;
        }
        let held = self.hold.advance(level, &self.peaks[..frames]);
        level.run(Wanted { peaks: held, ceiling, gain: &mut self.gain[..frames] });
        let [first, second] = &mut self.sums;
        // The constant makes the return end at exactly 1.
        let (kept, risen) = (1.0 - self.release_per_frame, self.release_per_frame + 1e-7);
        for (frame, gain) in self.gain[..frames].iter_mut().enumerate() {
            let returning = self.released * kept + risen;
            let wanted = f64::from(*gain);
            self.released = if wanted < returning { wanted } else { returning };
            self.unity_frames = if self.released < 1.0 { 0 } else { self.unity_frames.saturating_add(1) };
            // Of 0…1 and below 2^53: as an integer in i64, whose conversions are single instructions.
            let sum = second.push(frame, first.push(frame, (self.released * UNITY as f64) as i64 as u64));
            *gain = (sum as i64 as f64 * self.scale) as f32;
            self.lowest_gain = if *gain < self.lowest_gain { *gain } else { self.lowest_gain };
        }
        first.advance(frames);
        second.advance(frames);
        // A chunk may pass unchanged only when it began at unity.
        self.unity_frames = self.unity_frames.min(self.memory_frames);
    }
}

/// The maximum of the last `window` values, none of them below 0.
struct SlidingMaximum {
    window: usize,
    /// The last `window` − 1 values, then the chunk in hand.
    line: Vec<f32>,
    /// What becomes of them, and room for loads of eight.
    maxima: Vec<f32>,
}

impl SlidingMaximum {
    fn new(window: usize) -> SlidingMaximum {
        SlidingMaximum {
            window,
            line: vec![0.0; window - 1 + CHUNK_FRAMES],
            maxima: vec![0.0; window + CHUNK_FRAMES + 16],
        }
    }

    fn reset(&mut self) {
        self.line.fill(0.0);
    }

    /// One maximum for each of at most `CHUNK_FRAMES` further values.
    fn advance(&mut self, level: Level, values: &[f32]) -> &[f32] {
        let seen = self.window - 1 + values.len();
        self.line[self.window - 1..seen].copy_from_slice(values);
        self.maxima[..seen].copy_from_slice(&self.line[..seen]);
        level.run(Hold { values: &mut self.maxima, frames: values.len(), window: self.window });
        self.line.copy_within(values.len()..seen, 0);
        &self.maxima[..values.len()]
    }
}

/// The sum of the last `length` fixed-point values.
struct MovingSum {
    length: usize,
    /// These values, then the chunk in hand.
    line: Vec<u64>,
    sum: u64,
    rest: u64,
}

impl MovingSum {
    /// Of `length` values, each `rest` at first.
    fn new(length: usize, rest: u64) -> MovingSum {
        MovingSum { length, line: vec![rest; length + CHUNK_FRAMES], sum: rest * length as u64, rest }
    }

    fn reset(&mut self) {
        self.line.fill(self.rest);
        self.sum = self.rest * self.length as u64;
    }

    /// The sum with `value`, the chunk's value number `frame`.
    #[inline(always)]
    fn push(&mut self, frame: usize, value: u64) -> u64 {
        self.sum = self.sum + value - self.line[frame];
        self.line[self.length + frame] = value;
        self.sum
    }

    /// Begins the next chunk.
    fn advance(&mut self, frames: usize) {
        self.line.copy_within(frames..frames + self.length, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sliding_maximum_is_that_of_its_window() {
        let values: Vec<f32> = (0..2_000).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 20) as f32).collect();
        for level in Level::available() {
            for window in [2, 3, 9, 50, 74, 300, 1_000] {
                let mut maximum = SlidingMaximum::new(window);
                let mut at = 0;
                for frames in [1, 7, 256, 255, 3, 256].into_iter().cycle() {
                    let part = at..(at + frames).min(values.len());
                    for (n, &found) in part.clone().zip(maximum.advance(level, &values[part.clone()])) {
                        let seen = &values[(n + 1).saturating_sub(window)..=n];
                        let expected = seen.iter().fold(0.0, |a: f32, &b| a.max(b));
                        assert_eq!(found, expected, "{}, window {window}, value {n}", level.name());
                    }
                    at = part.end;
                    if at == values.len() {
                        break;
                    }
                }
            }
        }
    }
}
