//! The gain of one group of drivers, from its peaks.

use super::CHUNK_FRAMES;
use super::kernels::{Allowance, Hold, Lowest, Peak, Wanted};
use crate::dsp::simd::Level;

/// A gain of 1 in the fixed point of the moving averages, whose sums are exact therefore: at 192 kHz and 20 ms of
/// look-ahead they stay below 2^52.
const UNITY: u64 = 1 << 30;

/// What a group's gain follows from, beside its peaks.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub level: Level,
    pub ceiling: f32,
    pub allowance: Allowance,
    /// What `peaks` and `tops` hold where nothing was looked for: it plays no part whatever the other one is.
    pub floors: Floors,
    pub lookahead_frames: usize,
    pub release: Release,
}

#[derive(Clone, Copy)]
pub(super) struct Floors {
    pub peaks: f32,
    pub tops: f32,
}

pub(super) struct Group {
    settings: Settings,
    /// The largest of all drivers, for the chunk in hand.
    pub peaks: [f32; CHUNK_FRAMES],
    /// The most that the top of the band amounts to in any driver.
    pub tops: [f32; CHUNK_FRAMES],
    pub gain: [f32; CHUNK_FRAMES],
    /// At its lowest within the last call.
    pub lowest_gain: f32,
    held_peaks: SlidingMaximum,
    held_tops: SlidingMaximum,
    released: Released,
    sums: [MovingSum; 2],
    /// Inverse of what both sums make of unity.
    scale: f64,
    /// Frames for which nothing was wanted and all state stands at unity.
    unity_frames: usize,
    memory_frames: usize,
}

impl Group {
    pub fn new(settings: Settings) -> Group {
        let lookahead_frames = settings.lookahead_frames;
        // Held one frame longer, averaged over one less, than the look-ahead: so the gain is there in time for both
        // neighbors of an intersample peak.
        let first = lookahead_frames.div_ceil(2).max(1);
        let second = (lookahead_frames + 1 - first).max(1);
        Group {
            settings,
            peaks: [0.0; CHUNK_FRAMES],
            tops: [0.0; CHUNK_FRAMES],
            gain: [1.0; CHUNK_FRAMES],
            lowest_gain: 1.0,
            held_peaks: SlidingMaximum::new(lookahead_frames + 2),
            held_tops: SlidingMaximum::new(lookahead_frames + 2),
            released: Released::default(),
            sums: [MovingSum::new(first, UNITY), MovingSum::new(second, UNITY * first as u64)],
            scale: 1.0 / (UNITY * first as u64 * second as u64) as f64,
            unity_frames: usize::MAX / 2,
            memory_frames: 2 * lookahead_frames + 4,
        }
    }

    pub fn reset(&mut self) {
        self.held_peaks.reset();
        self.held_tops.reset();
        self.released = Released::default();
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

    /// Before the drivers of a chunk raise them: nothing found so far.
    pub fn begin(&mut self) {
        self.peaks.fill(self.settings.floors.peaks);
        self.tops.fill(self.settings.floors.tops);
    }

    /// From `peaks` and `tops` to `gain`, for `frames` frames.
    pub fn advance(&mut self, frames: usize) {
        let Settings { level, ceiling, allowance, release, .. } = self.settings;
        self.held_peaks.push(&self.peaks[..frames]);
        self.held_tops.push(&self.tops[..frames]);
        let most = |held: &SlidingMaximum| held.largest(level, frames);
        if self.is_at_unity() && allowance.over(most(&self.held_peaks), most(&self.held_tops)) <= ceiling {
            // The averages hold unity and would be given unity.
            self.unity_frames = self.unity_frames.saturating_add(frames);
        } else {
            let (peaks, tops) = (self.held_peaks.maxima(level, frames), self.held_tops.maxima(level, frames));
            level.run(Wanted { peaks, tops, allowance, ceiling, gain: &mut self.gain[..frames] });
            let [first, second] = &mut self.sums;
            let released = first.next(frames);
            self.released.follow(release, &self.gain[..frames], released);
            self.unity_frames = match released.iter().rev().position(|&gain| gain != UNITY) {
                Some(frames) => frames,
                None => self.unity_frames.saturating_add(frames),
            };
            first.sums(second.next(frames), |sum| sum);
            // Below 2^53, as above.
            second.sums(&mut self.gain[..frames], |sum| (sum as i64 as f64 * self.scale) as f32);
            let mut lowest = 1.0;
            level.run(Lowest { values: &self.gain[..frames], lowest: &mut lowest });
            self.lowest_gain = self.lowest_gain.min(lowest);
            first.advance(frames);
            second.advance(frames);
            // A chunk may pass unchanged only when it began at unity.
            self.unity_frames = self.unity_frames.min(self.memory_frames);
        }
        self.held_peaks.advance(frames);
        self.held_tops.advance(frames);
    }
}

/// How the gain returns, as parts of the way per frame.
#[derive(Clone, Copy)]
pub(super) struct Release {
    /// After a transient.
    pub fast: f64,
    /// How the sustained gain follows the fast one downwards.
    pub fall: f64,
    /// How it returns.
    pub rise: f64,
}

/// Both returns aim a little too high, by 0.1 dB, so that they reach 1, at which they end.
const AIM: f64 = 1.01;
/// From here up to its double, numbers are multiples of 1 / [`UNITY`].
const FIXED_POINT: f64 = (1u64 << 22) as f64;

/// The gain ahead of its smoothing. One gain returns fast, as suits a lone transient. Another follows it slowly, faster
/// down than up: the gain that sustained level needs nearly all of the time. The lower of the two holds. So a transient,
/// too short to move the slow one, is over at once, and dense music stays near one gain instead of pumping around it.
#[derive(Clone, Copy)]
struct Released {
    fast: f64,
    slow: f64,
}

impl Default for Released {
    fn default() -> Released {
        Released { fast: 1.0, slow: 1.0 }
    }
}

impl Released {
    /// Follows the gains `wanted`, never above them, into `out` in fixed point.
    fn follow(&mut self, release: Release, wanted: &[f32], out: &mut [u64]) {
        let Released { mut fast, mut slow } = *self;
        let (kept, risen) = (1.0 - release.fast, release.fast * AIM);
        for (&wanted, out) in wanted.iter().zip(out) {
            let (wanted, returning) = (f64::from(wanted), fast * kept + risen);
            fast = if wanted < returning { wanted } else { returning };
            let way = fast * AIM - slow;
            let followed = slow + way * if way < 0.0 { release.fall } else { release.rise };
            slow = if followed < 1.0 { followed } else { 1.0 };
            let gain = if fast < slow { fast } else { slow };
            // Rounded by the addition: cheaper than a conversion.
            *out = (gain + FIXED_POINT).to_bits() - FIXED_POINT.to_bits();
        }
        *self = Released { fast, slow };
    }
}

/// The maximum of the last `window` values, none of them below 0.
struct SlidingMaximum {
    window: usize,
    /// The last `window` − 1 values, then the chunk in hand, then room for loads of eight.
    line: Vec<f32>,
    /// What becomes of them, here and there in turn.
    maxima: Vec<f32>,
    spare: Vec<f32>,
}

impl SlidingMaximum {
    fn new(window: usize) -> SlidingMaximum {
        let line = vec![0.0; window + CHUNK_FRAMES + 8];
        SlidingMaximum { window, maxima: line.clone(), spare: line.clone(), line }
    }

    fn reset(&mut self) {
        self.line.fill(0.0);
    }

    /// At most `CHUNK_FRAMES` further values.
    fn push(&mut self, values: &[f32]) {
        self.line[self.window - 1..][..values.len()].copy_from_slice(values);
    }

    /// The largest maximum of any of the last `frames` values.
    fn largest(&self, level: Level, frames: usize) -> f32 {
        let mut peak = 0.0;
        level.run(Peak { samples: &self.line[..self.window - 1 + frames], peak: &mut peak });
        peak
    }

    /// One maximum for each of the last `frames` values.
    fn maxima(&mut self, level: Level, frames: usize) -> &[f32] {
        let SlidingMaximum { window, line, maxima, spare } = self;
        level.run(Hold { values: line, maxima, spare, frames, window: *window });
        &self.maxima[..frames]
    }

    /// Begins the next chunk.
    fn advance(&mut self, frames: usize) {
        self.line.copy_within(frames..frames + self.window - 1, 0);
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

    /// Where the next `frames` values go.
    fn next(&mut self, frames: usize) -> &mut [u64] {
        &mut self.line[self.length..][..frames]
    }

    /// The sum with every one of the values that [`MovingSum::next`] was given, each made into an item of `out`.
    #[inline(always)]
    fn sums<T>(&mut self, out: &mut [T], made: impl Fn(u64) -> T) {
        let (leaving, coming) = (&self.line[..out.len()], &self.line[self.length..]);
        for ((out, leaving), coming) in out.iter_mut().zip(leaving).zip(coming) {
            self.sum = self.sum + coming - leaving;
            *out = made(self.sum);
        }
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
                    maximum.push(&values[part.clone()]);
                    for (n, &found) in part.clone().zip(maximum.maxima(level, part.len())) {
                        let seen = &values[(n + 1).saturating_sub(window)..=n];
                        let expected = seen.iter().fold(0.0, |a: f32, &b| a.max(b));
                        assert_eq!(found, expected, "{}, window {window}, value {n}", level.name());
                    }
                    maximum.advance(part.len());
                    at = part.end;
                    if at == values.len() {
                        break;
                    }
                }
            }
        }
    }
}
