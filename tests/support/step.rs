//! Are two cards in step? The same noise, looked for in what each of them has played.

use std::ops::Range;

use realfft::RealFftPlanner;

use super::card::{Card, Word};
use super::wait::now_ns;

/// What is compared: long enough to be unmistakable, too short for two clocks to come apart in it.
const WINDOW_FRAMES: usize = 1024;

/// Smoothed noise, the same for the same seed, without end: it never repeats within a test, and its correlation has a peak
/// many frames wide, which a fraction of a frame does not flatten.
pub struct Noise {
    state: u64,
    smooth: [f32; 2],
}

impl Noise {
    pub fn new(seed: u64) -> Noise {
        Noise { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, smooth: [0.0; 2] }
    }
}

impl Iterator for Noise {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let white = (self.state >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
        self.smooth[0] += 0.2 * (0.5 * white - self.smooth[0]);
        self.smooth[1] += 0.2 * (self.smooth[0] - self.smooth[1]);
        Some(self.smooth[1])
    }
}

/// How two signals lie to each other.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// How much later the second one sounds.
    pub late_frames: f64,
    /// Their normalized correlation there: 1 where they are the same.
    pub likeness: f64,
    /// The level of the second.
    pub rms: f64,
}

/// How much later `second` sounds than `first`, as of `age_s` seconds ago, by their clocks' relation to `CLOCK_MONOTONIC`;
/// looks up to `reach_s` around. `None` where one of the two has not played then, or was silent.
pub fn step(first: &Card, second: &Card, channel: usize, age_s: f64, reach_s: f64) -> Option<Step> {
    let at_ns = now_ns() - (age_s * 1e9) as i64;
    let reach = (reach_s * rate_hz(first)) as usize;
    let (begin, center) = (frame_at(first, at_ns)?, frame_at(second, at_ns)?);
    let from = (center as usize).checked_sub(reach)?;
    let needle = heard(first, channel, begin as usize..begin as usize + WINDOW_FRAMES)?;
    let hay = heard(second, channel, from..from + 2 * reach + WINDOW_FRAMES)?;
    let (at, likeness) = find(&needle, &hay)?;
    let whole = at.round() as usize;
    let level = super::analysis::rms(&hay[whole.min(hay.len() - WINDOW_FRAMES)..][..WINDOW_FRAMES]);
    // Where each window begins between two frames counts as well.
    let late_frames = at - reach as f64 - (center.fract() - begin.fract());
    Some(Step { late_frames, likeness, rms: level })
}

/// The frame of the current recording that sounds at this time; `None` before the card's last start.
fn frame_at(card: &Card, at_ns: i64) -> Option<f64> {
    let since_s = (at_ns - card.get(Word::StartNs)) as f64 * 1e-9;
    let clock = 1.0 + card.get(Word::ClockPpm) as f64 * 1e-6;
    (since_s >= 0.0 && card.get(Word::StartNs) > 0)
        .then(|| card.get(Word::StartFrame) as f64 + since_s * rate_hz(card) * clock)
}

fn rate_hz(card: &Card) -> f64 {
    card.get(Word::RateHz) as f64
}

fn heard(card: &Card, channel: usize, range: Range<usize>) -> Option<Vec<f64>> {
    if card.recorded_frames() < range.end {
        return None;
    }
    let mut signal = card.recording_from(range.start).channel(channel);
    signal.truncate(range.len());
    (signal.len() == range.len()).then_some(signal)
}

/// Where `needle` lies in `hay`, between frames, and its normalized correlation there; `None` where either is silent.
fn find(needle: &[f64], hay: &[f64]) -> Option<(f64, f64)> {
    let length = (hay.len() + needle.len()).next_power_of_two();
    let mut planner = RealFftPlanner::new();
    let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let spectrum = |signal: &[f64]| {
        let mut padded = signal.to_vec();
        padded.resize(length, 0.0);
        let mut bins = forward.make_output_vec();
        forward.process(&mut padded, &mut bins).expect("lengths from the plan itself");
        bins
    };
    let mut bins: Vec<_> =
        spectrum(hay).iter().zip(spectrum(needle)).map(|(hay, needle)| hay * needle.conj()).collect();
    // What no real signal has there, and rounding leaves.
    let last = bins.len() - 1;
    (bins[0].im, bins[last].im) = (0.0, 0.0);
    let mut products = inverse.make_output_vec();
    inverse.process(&mut bins, &mut products).expect("lengths from the plan itself");
    let energy = |signal: &[f64]| signal.iter().map(|x| x * x).sum::<f64>();
    let own = energy(needle);
    // The energy of each stretch of `hay`, from its running sum.
    let mut sums = vec![0.0];
    sums.extend(hay.iter().scan(0.0, |sum, x| {
        *sum += x * x;
        Some(*sum)
    }));
    let likeness = |at: usize| {
        let theirs: f64 = sums[at + needle.len()] - sums[at];
        products[at] / length as f64 / (own * theirs).sqrt().max(1e-9)
    };
    let places = hay.len() - needle.len();
    let best = (0..=places).max_by(|&a, &b| likeness(a).total_cmp(&likeness(b)))?;
    if own < 1e-9 * needle.len() as f64 {
        return None;
    }
    // The top of the parabola through the three highest.
    let peak = likeness(best);
    let between = match (best.checked_sub(1).map(likeness), (best < places).then(|| likeness(best + 1))) {
        (Some(before), Some(after)) if before + after < 2.0 * peak => {
            0.5 * (before - after) / (before + after - 2.0 * peak)
        }
        _ => 0.0,
    };
    Some((best as f64 + between, peak))
}

/// The finder itself: a signal cut out of another lies where it was cut.
pub fn check_finder() {
    let hay: Vec<f64> = Noise::new(5).map(f64::from).take(30_000).collect();
    for at in [0, 1234, 25_904] {
        let (found, likeness) = find(&hay[at..at + WINDOW_FRAMES], &hay).expect("it is there");
        assert!((found - at as f64).abs() < 0.01 && likeness > 0.999, "{at}: {found}, {likeness}");
    }
    let quiet = vec![0.0; WINDOW_FRAMES];
    assert!(find(&quiet, &hay).is_none());
}
