//! True peaks of what leaves the limiter, by two measures finer or other than its own.

use super::*;
use crate::dsp::sinc::windowed_sinc;

/// Phases 0 and 1 of the four of ITU-R BS.1770-5, annex 2, table 4; 3 and 2 mirror them.
const BS1770: [[f64; 12]; 2] = [
    [
        0.0017089843750,
        0.0109863281250,
        -0.0196533203125,
        0.0332031250000,
        -0.0594482421875,
        0.1373291015625,
        0.9721679687500,
        -0.1022949218750,
        0.0476074218750,
        -0.0266113281250,
        0.0148925781250,
        -0.0083007812500,
    ],
    [
        -0.0291748046875,
        0.0292968750000,
        -0.0517578125000,
        0.0891113281250,
        -0.1665039062500,
        0.4650878906250,
        0.7797851562500,
        -0.2003173828125,
        0.1015625000000,
        -0.0582275390625,
        0.0330810546875,
        -0.0189208984375,
    ],
];

/// The largest magnitude of `signal` through each of `phases`.
fn peak_through(phases: &[Vec<f64>], signal: &[f32]) -> f64 {
    let longest = phases.iter().map(Vec::len).max().unwrap();
    let mut padded = vec![0.0; longest];
    padded.extend(signal.iter().map(|&x| f64::from(x)));
    padded.resize(padded.len() + longest, 0.0);
    let point = |taps: &[f64], seen: &[f64]| taps.iter().zip(seen).map(|(tap, x)| tap * x).sum::<f64>().abs();
    phases.iter().flat_map(|taps| padded.windows(taps.len()).map(|seen| point(taps, seen))).fold(0.0, f64::max)
}

/// Eight points a sample, by a Kaiser-windowed sinc of 1025 taps.
fn reference_phases() -> Vec<Vec<f64>> {
    let tap = |index: usize| windowed_sinc((index as f64 - 512.0) / 8.0, 64.0, 8.0);
    (0..8).map(|phase| (phase..1025).step_by(8).map(tap).collect()).collect()
}

fn bs1770_phases() -> Vec<Vec<f64>> {
    let reversed = |taps: &[f64]| taps.iter().rev().copied().collect();
    BS1770.iter().map(|taps| taps.to_vec()).chain(BS1770.iter().map(|taps| reversed(taps))).collect()
}

/// How far the true peak of what a limiter makes of `signal` is over the ceiling, in dB, by the finer measure and by BS.1770.
fn over_db(sample_rate_hz: u32, mut signal: Vec<f32>) -> [f64; 2] {
    // Heard out to its end.
    signal.resize(signal.len() + 400, 0.0);
    let mut limiter = Limiter::new(&LimiterSpec::default(), &[0], sample_rate_hz);
    let out = run(&mut limiter, &[signal], 256);
    [reference_phases(), bs1770_phases()]
        .map(|phases| 20.0 * (peak_through(&phases, &out[0]) / f64::from(ceiling())).log10())
}

/// ±3 in turn: half the sample rate. `envelope` is asked for every frame.
fn alternating(frames: usize, envelope: impl FnMut(usize) -> f32) -> Vec<f32> {
    (0..frames).map(envelope).enumerate().map(|(n, x)| if n % 2 == 0 { 3.0 * x } else { -3.0 * x }).collect()
}

/// Each sample and the one before, `sign` times.
fn paired(sign: f32, signal: &[f32]) -> Vec<f32> {
    signal.windows(2).map(|pair| pair[1] + sign * pair[0]).collect()
}

const FRAMES: usize = 6_000;

#[test]
fn true_peaks_stay_within_three_tenths_of_a_decibel_of_the_ceiling() {
    let white = noise(FRAMES, 11);
    let high = paired(-1.0, &paired(-1.0, &white));
    let low = paired(1.0, &paired(1.0, &white));
    let sweep = |n: usize| {
        let n = n as f64;
        2.0 * (std::f64::consts::FRAC_PI_2 * (n + n * n / (2.0 * FRAMES as f64))).sin()
    };
    let relative_tone = |per_frame: f64, phase: f64| -> Vec<f32> {
        (0..FRAMES).map(|n| (2.0 * (std::f64::consts::TAU * per_frame * n as f64 + phase).sin()) as f32).collect()
    };
    let signals = [
        ("white noise", white.iter().map(|x| 4.0 * x).collect()),
        ("random signs", white.iter().map(|x| 4.0 * x.signum()).collect()),
        ("high noise", high.iter().map(|x| 2.0 * x).collect()),
        ("low noise", low.clone()),
        ("low and a little high noise", low.iter().zip(&high).map(|(l, h)| l + 0.3 * h).collect()),
        (
            "bursts of noise",
            white.iter().enumerate().map(|(n, x)| if n / 500 % 2 == 0 { 4.0 * x } else { 0.1 * x }).collect(),
        ),
        ("impulses", white.iter().map(|x| if x.abs() < 0.01 { 500.0 * x } else { 0.0 }).collect()),
        ("alternating", alternating(FRAMES, |_| 1.0)),
        ("alternating at times", alternating(FRAMES, |n| if n / 700 % 2 == 0 { 1.0 } else { 0.0 })),
        ("alternating, by a sine", alternating(FRAMES, |n| (n as f32 / 30.0).sin())),
        ("a third of the rate, worst phase", relative_tone(1.0 / 3.0, 0.13)),
        ("three tenths of the rate", relative_tone(0.3, 0.1)),
        ("a quarter to half of the rate", (0..FRAMES).map(|n| sweep(n) as f32).collect()),
        ("0.46 of the rate", relative_tone(0.46, 0.0)),
    ];
    for (name, signal) in signals {
        for sample_rate_hz in [8_000, 22_050, 44_100, 48_000, 192_000] {
            let over_db = over_db(sample_rate_hz, signal.clone());
            assert!(over_db.iter().all(|&over_db| over_db <= 0.3), "{name}, {sample_rate_hz} Hz: {over_db:.3?} dB");
        }
    }
}

/// An alternation that changes its sign has, ideally interpolated, no bound at all.
#[test]
fn what_an_alternation_of_changing_sign_exceeds_is_as_documented() {
    for (sample_rate_hz, most_db) in [(8_000, 1.9), (44_100, 1.0), (48_000, 1.0), (192_000, 1.0)] {
        for frames_between in [20, 200] {
            let mut sign = 1.0;
            let mut chance = noise(FRAMES, 17).into_iter().map(|x| x.abs() * frames_between as f32);
            let signal = alternating(FRAMES, |_| {
                sign = if chance.next().is_some_and(|x| x < 1.0) { -sign } else { sign };
                sign
            });
            let over_db = over_db(sample_rate_hz, signal);
            assert!(over_db[0] <= most_db && over_db[1] <= 0.3, "{sample_rate_hz} Hz: {over_db:.3?} dB");
        }
    }
}
