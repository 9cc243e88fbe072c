//! The last stage: a look-ahead true-peak limiter, linked across the drivers of an array.
//!
//! Crosstalk cancellation lives by small differences between drivers; a limiter that turned one of them down alone
//! would destroy it. So drivers of one group share one gain, set by the loudest of them.
//!
//! ```text
//! peak of 4× oversampled |x|, over the group ─▶ maximum held over the look-ahead ─┬▶ gain wanted ─▶ release
//! |x| at the top of the band, over the group ─▶ maximum held over the look-ahead ─┘
//!     ─▶ two moving averages (as long as the look-ahead together) ─▶ gain, in time for the peak it was made for
//! ```
//!
//! The averages see only values at or below what the peak wants once it arrives, so the gain is smooth *and* never too
//! high. Below the ceiling the gain is exactly 1 and samples pass unchanged, bit for bit.
//!
//! True peak as in ITU-R BS.1770-5, annex 2 (4× oversampling), with a Kaiser-windowed sinc of 12 taps a phase. So few taps
//! miss peaks of what lies close to half the sample rate, where an ideal interpolator sums over a hundred samples. Music has
//! next to nothing there, so the limiter doesn't look for these peaks: it measures how much there is, and leaves that much
//! more room.

mod group;
mod kernels;
#[cfg(test)]
mod tests;

use super::limits::MAX_DRIVERS;
use super::simd::Level;
use super::sinc::windowed_sinc;
use super::spec::{LimiterSpec, db_to_gain};
use group::{Floors, Group, Release, Settings};
use kernels::{Allowance, Apply, Interpolator, Peak, TruePeak};

/// Frames processed at a time.
const CHUNK_FRAMES: usize = 256;
/// Taps of each phase of the interpolator.
const TAPS: usize = 12;
/// The interpolator looks at the gap behind the sample this many frames before the newest.
const CENTER: usize = TAPS / 2;
/// Frames of look-ahead with which the delay holds all that the interpolator sees.
const LEAST_LOOKAHEAD_FRAMES: usize = TAPS - 1 - CENTER;
/// Points between two samples.
const PHASES: usize = 3;
/// The top of the band begins at this part of half the sample rate.
const TOP: f64 = 0.9;
/// So much of its magnitude is left as room above the peaks found: what keeps noise of any spectrum within 0.3 dB.
const TOP_PART: f32 = 0.8;
/// Below this part of the ceiling nothing is looked for, and the top of the band counts for nothing.
const QUIET: f32 = 0.1;
/// Time constants of the sustained gain, downwards and upwards, in ms: with them dense masters keep an even gain, and lose
/// less than 1 dB of loudness by it.
const FALL_MS: f32 = 150.0;
const RISE_MS: f32 = 1000.0;

/// Holds every sample of every driver at or below the ceiling. See the module for how.
pub struct Limiter {
    level: Level,
    ceiling: f32,
    /// Up to this sample peak nothing is looked for.
    quiet_peak: f32,
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
        let lookahead_frames = (frames(spec.lookahead_ms).round() as usize).max(LEAST_LOOKAHEAD_FRAMES);
        let (phases, top) = (phases(), top());
        let gain = |taps: &[f32; TAPS]| taps.iter().map(|tap| tap.abs()).sum::<f32>();
        let ceiling = db_to_gain(spec.ceiling_dbfs) as f32;
        let quiet_peak = QUIET * ceiling;
        let floors =
            Floors { peaks: quiet_peak * phases.iter().map(gain).fold(1.0, f32::max), tops: quiet_peak * gain(&top) };
        let latency = lookahead_frames + CENTER;
        let per_frame = |ms: f32| 1.0 - (-1.0 / frames(ms)).exp();
        let settings = Settings {
            level,
            ceiling,
            allowance: Allowance { part: TOP_PART, free: floors.tops },
            floors,
            lookahead_frames,
            release: Release {
                fast: per_frame(spec.release_ms),
                fall: per_frame(FALL_MS),
                rise: per_frame(RISE_MS.max(spec.release_ms)),
            },
        };
        Limiter {
            level,
            ceiling,
            quiet_peak,
            interpolator: Interpolator::new(&phases[0], &phases[1], &top),
            lookahead_frames,
            drivers: groups.iter().map(|&group| Driver { group, line: vec![0.0; latency + CHUNK_FRAMES] }).collect(),
            groups: (0..=groups.iter().copied().max().unwrap_or(0).min(MAX_DRIVERS))
                .map(|_| Group::new(settings))
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
        self.groups.iter_mut().for_each(Group::begin);
        for (driver, plane) in self.drivers.iter_mut().zip(planes.iter()) {
            driver.line[latency..latency + frames].copy_from_slice(&plane[at..at + frames]);
            // The samples the interpolator sees in this chunk.
            let seen = &driver.line[latency + 1 - TAPS..];
            let mut peak = 0.0;
            self.level.run(Peak { samples: &seen[..frames + TAPS - 1], peak: &mut peak });
            if peak > self.quiet_peak
                && let Some(seen) = seen.first_chunk()
            {
                let Group { peaks, tops, .. } = &mut self.groups[driver.group];
                self.level.run(TruePeak { seen, interpolator: &self.interpolator, peaks, tops });
            }
        }
        self.groups.iter_mut().for_each(|group| group.advance(frames));
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

/// Kaiser-windowed sinc at ¼, ½ and ¾ of the way from one sample to the next, each phase of the same sum.
fn phases() -> [[f32; TAPS]; PHASES] {
    // Side lobes of 3 % serve as well as 0.3 %; a narrow transition, at 0.87 of half the sample rate, serves better.
    const BETA: f64 = 2.0;
    // Four points a sample miss the crest of a tone at a third of the rate by up to 0.3 dB; read so much high they miss
    // 0.05 dB less.
    const SUM: f64 = 1.006;
    std::array::from_fn(|phase| {
        let fraction = (phase + 1) as f64 / (PHASES + 1) as f64;
        let taps: [f64; TAPS] = std::array::from_fn(|tap| {
            let x = (tap + CENTER + 1) as f64 - TAPS as f64 - fraction;
            windowed_sinc(x, TAPS as f64 / 2.0, BETA)
        });
        let sum: f64 = taps.iter().sum();
        taps.map(|tap| (SUM * tap / sum) as f32)
    })
}

/// What lies at the top of the band, half-way from one sample to the next: a Kaiser-windowed low-pass moved up to half the
/// sample rate, with a gain of 1 there. It mirrors its negative.
fn top() -> [f32; TAPS] {
    const BETA: f64 = 2.0;
    let low_pass: [f64; TAPS] = std::array::from_fn(|tap| {
        let x = tap as f64 - (TAPS - 1) as f64 / 2.0;
        windowed_sinc((1.0 - TOP) * x, (1.0 - TOP) * TAPS as f64 / 2.0, BETA)
    });
    let sum: f64 = low_pass.iter().sum();
    std::array::from_fn(|tap| (if tap % 2 == 0 { low_pass[tap] } else { -low_pass[tap] } / sum) as f32)
}
