//! What a filter that follows the music must not be caught at: pumping, and steps.

use std::f64::consts::TAU;

use super::*;

/// Claps: bursts of noise that decay within 1 ms, at random moments and levels, `per_second` on average, at the power
/// of `like`.
fn applause(frames: usize, rate: u32, per_second: f32, seed: u64, like: &[f32]) -> Vec<f32> {
    let mut random = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let decay = (-1.0 / (0.001 * rate as f32)).exp();
    let mut level = 0.0;
    let claps: Vec<f32> = (0..frames)
        .map(|_| {
            if random.next().abs() < per_second / rate as f32 {
                level = 0.2 + 0.8 * random.next().abs();
            }
            level *= decay;
            level * random.next()
        })
        .collect();
    scaled(&claps, (power(like) / power(&claps)).sqrt() as f32)
}

/// Least-squares gain of `source` in every window of `signal`, dB.
fn gains_db(signal: &[f32], source: &[f32], window: usize) -> Vec<f64> {
    let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let windows = signal.chunks_exact(window).zip(source.chunks_exact(window));
    windows.map(|(signal, source)| 20.0 * (inner(signal, source) / inner(source, source)).abs().log10()).collect()
}

/// Greatest distance from the mean.
fn spread(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max)
}

/// Dense decorrelated clicks, alone and around a steady center of the same power. Alone they stay in the sides, whose
/// level does not move; the center keeps its gain, by windows of 50 ms.
#[test]
fn applause_does_not_pump() {
    for rate in RATES {
        let frames = 2 * rate as usize;
        let center = scaled(&noise(frames, 41), 0.2);
        let [left, right] = [42, 43].map(|seed| applause(frames, rate, 3_000.0, seed, &center));
        for mode in MODES {
            let alone = run(mode, rate, 256, &left, &right);
            let leaked = level_db(settled(&alone.center, rate), settled(&left, rate)) - 3.01;
            assert!(leaked <= -27.0, "{mode:?} at {rate}: applause in C {leaked:.1} dB");
            let side = spread(&gains_db(settled(&alone.left, rate), settled(&left, rate), rate as usize / 20));
            assert!(side <= 0.2, "{mode:?} at {rate}: the side moves by {side:.2} dB");
            let mixed = run(mode, rate, 256, &sum(&center, &left), &sum(&center, &right));
            let held = gains_db(settled(&mixed.center, rate), settled(&center, rate), rate as usize / 20);
            let moved = spread(&held);
            assert!(moved <= 1.2, "{mode:?} at {rate}: the center moves by {moved:.2} dB");
        }
    }
}

/// A tone in the middle, and within 10 ms a three times louder one of the same pitch, a quarter turn apart, on the left:
/// the gains fall to less than half. What is left of C after the tone's own recursion, x[n] = 2cos(ω)x[n−1] − x[n−2], is
/// what its gain's change adds: a step of the gain by 1 % would show as 1 %.
#[test]
fn a_transient_leaves_no_steps() {
    for rate in RATES {
        let frames = rate as usize / 2;
        let step = TAU * 997.0 / f64::from(rate);
        let (onset, rise) = (frames / 2 + 77, 0.01 * f64::from(rate));
        let envelope = |n: usize| (n.saturating_sub(onset) as f64 / rise).min(1.0);
        let center = |n: usize| 0.1 * (step * n as f64).sin();
        let side = |n: usize| 0.3 * (0.5 - 0.5 * (0.5 * TAU * envelope(n)).cos()) * (step * n as f64).cos();
        let left: Vec<f32> = (0..frames).map(|n| (center(n) + side(n)) as f32).collect();
        let right: Vec<f32> = (0..frames).map(|n| center(n) as f32).collect();
        for mode in MODES {
            // The signal's own ends are steps: they are left out.
            let center = &run(mode, rate, 256, &left, &right).center[frames / 4..7 * frames / 8];
            let (before, after) = (&center[..frames / 8], &center[center.len() - frames / 8..]);
            let change = level_db(after, before);
            assert!(change < -6.0, "{mode:?} at {rate}: the gain changes by {change:.1} dB");
            let bend = |w: &[f32]| f64::from(w[2]) + f64::from(w[0]) - 2.0 * step.cos() * f64::from(w[1]);
            let largest = center.windows(3).map(|w| bend(w).abs()).fold(0.0, f64::max) / 0.1;
            assert!(largest < 0.005, "{mode:?} at {rate}: a step of {:.2} %", 100.0 * largest);
        }
    }
}
