//! The last stage: a look-ahead true-peak limiter, linked across the drivers of an array.
//!
//! Crosstalk cancellation lives by small differences between drivers; a limiter that turned one of them down alone
//! would destroy it. So drivers of one group share one gain, set by the loudest of them.
//!
//! ```text
//! peak of 4× oversampled |x|, over the group ─▶ gain wanted ─▶ minimum held over the look-ahead ─▶ release
//!     ─▶ two moving averages (as long as the look-ahead together) ─▶ gain, in time for the peak it was made for
//! ```
//!
//! The averages see only values at or below what the peak wants once it arrives, so the gain is smooth *and* never too
//! high. Below the ceiling the gain is exactly 1 and samples pass unchanged, bit for bit.
//!
//! True peak as in ITU-R BS.1770-5, annex 2 (4× oversampling), with a Kaiser-windowed sinc of 12 taps a phase.

mod kernels;
#[cfg(test)]
mod tests;

use super::simd::Level;
use super::sinc::windowed_sinc;
use super::spec::{LimiterSpec, MAX_DRIVERS, db_to_gain};
use kernels::{Apply, Interpolator, Peak, TruePeak};

/// Frames processed at a time.
const CHUNK_FRAMES: usize = 256;
/// Taps of each phase of the interpolator.
const TAPS: usize = 12;
/// The interpolator looks at the gap behind the sample this many frames before the newest.
const CENTER: usize = TAPS / 2;
/// Points between two samples.
const PHASES: usize = 3;
/// A gain of 1 in the fixed point of the moving averages, whose sums are exact therefore: at 192 kHz and 20 ms of
/// look-ahead they stay below 2^52.
const UNITY: u64 = 1 << 30;

/// Holds every sample of every driver at or below the ceiling. See the module for how.
pub struct Limiter {
    level: Level,
    ceiling: f32,
    /// Below this sample peak no intersample peak can reach the ceiling.
    safe_peak: f32,
    interpolator: Interpolator,
    lookahead_frames: usize,
    drivers: Vec<Driver>,
    groups: Vec<Group>,
}

struct Driver {
    group: usize,
    /// The delay: [`Limiter::latency_frames`] of the past, then the chunk in hand.
    line: Vec<f32>,
}

struct Group {
    wanted: [f32; CHUNK_FRAMES],
    gain: [f32; CHUNK_FRAMES],
    hold: SlidingMinimum,
    released: f32,
    release_per_frame: f32,
    sums: [MovingSum; 2],
    /// What both sums make of unity.
    unity_sum: f64,
    /// Frames for which nothing was wanted and all state stands at unity.
    unity_frames: usize,
    memory_frames: usize,
    lowest_gain: f32,
}

impl Limiter {
    /// A limiter at rest for `groups.len()` drivers; drivers with equal entries share a gain.
    ///
    /// `spec` and the groups (each below [`MAX_DRIVERS`]) are taken as validated.
    pub fn new(spec: &LimiterSpec, groups: &[usize], sample_rate_hz: u32) -> Limiter {
        Limiter::with_level(Level::detect(), spec, groups, sample_rate_hz)
    }

    /// The same on a chosen instruction set.
    pub fn with_level(level: Level, spec: &LimiterSpec, groups: &[usize], sample_rate_hz: u32) -> Limiter {
        let frames = |ms: f32| f64::from(ms) * 1e-3 * f64::from(sample_rate_hz);
        let lookahead_frames = (frames(spec.lookahead_ms).round() as usize).max(2);
        let phases = phases();
        let worst = phases.iter().map(|phase| phase.iter().map(|tap| tap.abs()).sum()).fold(1.0, f32::max);
        let ceiling = db_to_gain(spec.ceiling_dbfs) as f32;
        let latency = lookahead_frames + CENTER;
        let release_per_frame = 1.0 - (-1.0 / frames(spec.release_ms)).exp() as f32;
        Limiter {
            level,
            ceiling,
            safe_peak: ceiling / worst,
            interpolator: Interpolator::new(&phases[0], &phases[1]),
            lookahead_frames,
            drivers: groups.iter().map(|&group| Driver { group, line: vec![0.0; latency + CHUNK_FRAMES] }).collect(),
            groups: (0..=groups.iter().copied().max().unwrap_or(0).min(MAX_DRIVERS))
                .map(|_| Group::new(lookahead_frames, release_per_frame))
                .collect(),
        }
    }

    /// Frames between a sample and its way out.
    pub fn latency_frames(&self) -> usize {
        self.lookahead_frames + CENTER
    }

    /// Frames of silence after which nothing of the past is left in the delay. The gain itself may still be returning:
    /// see [`Limiter::is_at_unity`].
    pub fn memory_frames(&self) -> usize {
        2 * self.lookahead_frames + TAPS
    }

    /// Whether every gain is back at exactly 1.
    pub fn is_at_unity(&self) -> bool {
        self.groups.iter().all(Group::is_at_unity)
    }

    /// Gain reduction in dB, ≥ 0, at its largest within the last call.
    pub fn gain_reduction_db(&self, driver: usize) -> f32 {
        match self.drivers.get(driver) {
            Some(driver) => (-20.0 * self.groups[driver.group].lowest_gain.log10()).max(0.0),
            None => 0.0,
        }
    }

    /// Back to the state after construction.
    pub fn reset(&mut self) {
        for driver in &mut self.drivers {
            driver.line.fill(0.0);
        }
        for group in &mut self.groups {
            group.reset();
        }
    }

    /// Limits `planes` in place, one a driver, all of the same length.
    pub fn process(&mut self, planes: &mut [&mut [f32]]) {
        let frames = planes.iter().map(|plane| plane.len()).min().unwrap_or(0);
        for group in &mut self.groups {
            group.lowest_gain = 1.0;
        }
        let mut at = 0;
        while at < frames {
            let part = (frames - at).min(CHUNK_FRAMES);
            self.process_chunk(planes, at, part);
            at += part;
        }
    }

    fn process_chunk(&mut self, planes: &mut [&mut [f32]], at: usize, frames: usize) {
        let latency = self.latency_frames();
        for group in &mut self.groups {
            group.wanted.fill(0.0);
        }
        for (driver, plane) in self.drivers.iter_mut().zip(planes.iter()) {
            driver.line[latency..latency + frames].copy_from_slice(&plane[at..at + frames]);
            // The samples the interpolator sees in this chunk.
            let seen = &driver.line[latency + 1 - TAPS..];
            let mut peak = 0.0;
            self.level.run(Peak { samples: &seen[..frames + TAPS - 1], peak: &mut peak });
            if peak > self.safe_peak
                && let Some(seen) = seen.first_chunk()
            {
                let peaks = &mut self.groups[driver.group].wanted;
                self.level.run(TruePeak { seen, interpolator: &self.interpolator, peaks });
            }
        }
        for group in &mut self.groups {
            let mut peak = 0.0;
            self.level.run(Peak { samples: &group.wanted[..frames], peak: &mut peak });
            group.advance(frames, peak, self.ceiling);
        }
        for (driver, plane) in self.drivers.iter_mut().zip(planes.iter_mut()) {
            let group = &self.groups[driver.group];
            let (out, delayed) = (&mut plane[at..at + frames], &driver.line[..frames]);
            if group.passes(frames) {
                out.copy_from_slice(delayed);
            } else {
                self.level.run(Apply { delayed, gain: &group.gain, ceiling: self.ceiling, out });
            }
            driver.line.copy_within(frames..frames + latency, 0);
        }
    }
}

impl Group {
    fn new(lookahead_frames: usize, release_per_frame: f32) -> Group {
        // Held one frame longer, averaged over one less, than the look-ahead: so the gain is there in time for both
        // neighbors of an intersample peak.
        let first = lookahead_frames.div_ceil(2).max(1);
        let second = (lookahead_frames + 1 - first).max(1);
        Group {
            wanted: [0.0; CHUNK_FRAMES],
            gain: [1.0; CHUNK_FRAMES],
            hold: SlidingMinimum::new(lookahead_frames + 2),
            released: 1.0,
            release_per_frame,
            sums: [MovingSum::new(first, UNITY), MovingSum::new(second, UNITY * first as u64)],
            unity_sum: (UNITY * first as u64 * second as u64) as f64,
            unity_frames: usize::MAX / 2,
            memory_frames: 2 * lookahead_frames + 4,
            lowest_gain: 1.0,
        }
    }

    fn reset(&mut self) {
        self.hold.reset();
        self.released = 1.0;
        self.sums.iter_mut().for_each(MovingSum::reset);
        self.unity_frames = usize::MAX / 2;
        self.lowest_gain = 1.0;
    }

    fn is_at_unity(&self) -> bool {
        self.unity_frames >= self.memory_frames
    }

    /// Whether the whole chunk just advanced over passes unchanged.
    fn passes(&self, frames: usize) -> bool {
        self.unity_frames >= self.memory_frames + frames
    }

    /// From the peaks in `wanted`, the largest of which is `peak`, to the gains in `gain`, for `frames` frames.
    fn advance(&mut self, frames: usize, peak: f32, ceiling: f32) {
        if peak <= ceiling && self.is_at_unity() {
            // All memories hold unity and would be given unity.
            self.unity_frames = self.unity_frames.saturating_add(frames);
            return;
        }
        for (peak, gain) in self.wanted[..frames].iter().zip(&mut self.gain) {
            let wanted = if *peak > ceiling { ceiling / peak } else { 1.0 };
            let held = self.hold.push(wanted);
            // The constant makes the return end at exactly 1.
            let returning = self.released + (1.0 - self.released) * self.release_per_frame + 1e-7;
            self.released = held.min(returning).min(1.0);
            let [first, second] = &mut self.sums;
            // Of 0…1 and below 2^53: as an integer in i64, whose conversions are single instructions.
            let sum = second.push(first.push((f64::from(self.released) * UNITY as f64) as i64 as u64));
            *gain = (sum as i64 as f64 / self.unity_sum) as f32;
            self.lowest_gain = self.lowest_gain.min(*gain);
            self.unity_frames = if self.released < 1.0 { 0 } else { self.unity_frames.saturating_add(1) };
        }
        // A chunk may pass unchanged only when it began at unity.
        self.unity_frames = self.unity_frames.min(self.memory_frames);
    }
}

/// Kaiser-windowed sinc at ¼, ½ and ¾ of the way from one sample to the next, each phase of unit sum.
fn phases() -> [[f32; TAPS]; PHASES] {
    const BETA: f64 = 5.0;
    std::array::from_fn(|phase| {
        let fraction = (phase + 1) as f64 / (PHASES + 1) as f64;
        let taps: [f64; TAPS] = std::array::from_fn(|tap| {
            let x = (tap + CENTER + 1) as f64 - TAPS as f64 - fraction;
            windowed_sinc(x, TAPS as f64 / 2.0, BETA)
        });
        let sum: f64 = taps.iter().sum();
        taps.map(|tap| (tap / sum) as f32)
    })
}

/// The minimum of the last `window` values, by a queue of candidates that only rise.
struct SlidingMinimum {
    window: usize,
    /// (value, when it leaves), oldest first, in a ring.
    queue: Vec<(f32, u64)>,
    first: usize,
    length: usize,
    now: u64,
}

impl SlidingMinimum {
    fn new(window: usize) -> SlidingMinimum {
        SlidingMinimum { window, queue: vec![(1.0, 0); window + 1], first: 0, length: 0, now: 0 }
    }

    fn reset(&mut self) {
        (self.first, self.length, self.now) = (0, 0, 0);
    }

    fn push(&mut self, value: f32) -> f32 {
        self.now += 1;
        while self.length > 0 && self.queue[self.first].1 <= self.now {
            self.first = self.wrapped(self.first + 1);
            self.length -= 1;
        }
        while self.length > 0 && self.queue[self.wrapped(self.first + self.length - 1)].0 >= value {
            self.length -= 1;
        }
        let last = self.wrapped(self.first + self.length);
        self.queue[last] = (value, self.now + self.window as u64);
        self.length += 1;
        self.queue[self.first].0
    }

    /// A place in the ring; `place` is below twice its size.
    fn wrapped(&self, place: usize) -> usize {
        if place < self.queue.len() { place } else { place - self.queue.len() }
    }
}

/// The sum of the last `values.len()` fixed-point values.
struct MovingSum {
    values: Vec<u64>,
    at: usize,
    sum: u64,
    rest: u64,
}

impl MovingSum {
    /// Of `length` values, each `rest` at first.
    fn new(length: usize, rest: u64) -> MovingSum {
        MovingSum { values: vec![rest; length], at: 0, sum: rest * length as u64, rest }
    }

    fn reset(&mut self) {
        self.values.fill(self.rest);
        self.at = 0;
        self.sum = self.rest * self.values.len() as u64;
    }

    fn push(&mut self, value: u64) -> u64 {
        let oldest = std::mem::replace(&mut self.values[self.at], value);
        self.sum = self.sum - oldest + value;
        self.at += 1;
        if self.at == self.values.len() {
            self.at = 0;
        }
        self.sum
    }
}
