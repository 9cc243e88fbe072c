//! Where single sources go.

use std::f32::consts::PI;
use std::f64::consts::TAU;

use super::*;

/// Gain of C for a source with gains `l` and `r`: the smaller of both, less what the loading costs. The powers are loaded
/// by 0.05 % of their sum, and low latency's normal equations by as much again.
fn closed_form(mode: UpmixMode, l: f32, r: f32) -> f32 {
    let common = l.min(r);
    let (left, right) = ((l - common).powi(2), (r - common).powi(2));
    let pc = common * common;
    let loading = if mode == UpmixMode::LowLatency { 0.001 } else { 0.0005 };
    let load = loading * (left + right + 2.0 * pc);
    let (pl, pr) = (left + load, right + load);
    pc * (pr * l + pl * r) / (pc * (pl + pr) + pl * pr)
}

/// Least-squares gain from `source` to `center`.
fn gain(center: &[f32], source: &[f32]) -> f32 {
    let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    (inner(center, source) / inner(source, source)) as f32
}

fn db(ratio: f32) -> f32 {
    20.0 * (ratio.abs() + 1e-9).log10()
}

/// Every 3°; low latency, which costs most, every 9° at the two other rates.
#[test]
fn a_panned_source_follows_the_closed_form() {
    for (mode, rate) in MODES.into_iter().flat_map(|mode| RATES.map(|rate| (mode, rate))) {
        let source = noise(rate as usize / 2, 21);
        let half = source.len() / 2;
        let step = if mode == UpmixMode::LowLatency && rate != 48_000 { 9 } else { 3 };
        let mut last = [0.0; 2];
        for degrees in (0..=45).step_by(step) {
            let angle = degrees as f32 * PI / 180.0;
            let (strong, weak) = (angle.cos(), angle.sin());
            for ((l, r), last) in [(strong, weak), (weak, strong)].into_iter().zip(&mut last) {
                let split = run(mode, rate, 256, &scaled(&source, l), &scaled(&source, r));
                let found = gain(&split.center[half..], &source[half..]);
                if degrees == 0 {
                    assert!(db(found) < -60.0, "{mode:?} at {rate}, hard: {:.1} dB", db(found));
                    continue;
                }
                let error = db(found) - db(closed_form(mode, l, r));
                assert!(error.abs() < 1.0, "{mode:?} at {rate}, {degrees} degrees: {found} is {error:.2} dB off");
                assert!(found > *last, "{mode:?} at {rate}: C falls at {degrees} degrees");
                *last = found;
            }
        }
    }
}

/// From 6° to 84° in 4 s, judged in windows of 2°.
#[test]
fn a_slow_sweep_has_no_steps() {
    for rate in RATES {
        let frames = 4 * rate as usize;
        let source = noise(frames, 22);
        let angle = |n: usize| (6.0 + 78.0 * n as f32 / frames as f32) * PI / 180.0;
        let left: Vec<f32> = (0..frames).map(|n| angle(n).cos() * source[n]).collect();
        let right: Vec<f32> = (0..frames).map(|n| angle(n).sin() * source[n]).collect();
        let window = frames / 39;
        for mode in MODES {
            let center = run(mode, rate, 256, &left, &right).center;
            let errors: Vec<f32> = (2..39)
                .map(|index| {
                    let range = index * window..(index + 1) * window;
                    let angle = angle(index * window + window / 2);
                    db(gain(&center[range.clone()], &source[range])) - db(closed_form(mode, angle.cos(), angle.sin()))
                })
                .collect();
            assert!(errors.iter().all(|error| error.abs() < 1.0), "{mode:?} at {rate}: {errors:.2?} dB");
            for (index, pair) in errors.windows(2).enumerate() {
                let degrees = 10 + 2 * index;
                assert!((pair[1] - pair[0]).abs() < 0.5, "{mode:?} at {rate}, {degrees} degrees: {pair:.2?} dB");
            }
        }
    }
}

#[test]
fn anti_phase_stays_in_the_sides() {
    for rate in RATES {
        let source = noise(rate as usize / 2, 23);
        for mode in MODES {
            let split = run(mode, rate, 256, &source, &scaled(&source, -1.0));
            let level = level_db(settled(&split.center, rate), settled(&source, rate));
            assert!(level < -60.0, "{mode:?} at {rate}: {level:.1} dB");
        }
    }
}

/// Level of C against L for a tone whose channels are `phase` apart. Both channels' powers are alike and the source is
/// alone, so the filter's steps can be followed by hand: covariance, bias, one step of expectation and maximization, load.
fn delayed_closed_form_db(phase: f32) -> f32 {
    let common = (phase.cos() - 0.18 * phase.sin().abs()).max(0.0);
    let own = 1.001 - common;
    let gain = common / (2.0 * common + own);
    let variance = gain * own;
    let refined = gain * gain * (2.0 + 2.0 * phase.cos()) + variance;
    let own = (1.0 - gain - gain * phase.cos()).powi(2) + (gain * phase.sin()).powi(2) + variance;
    let own = own + 0.0005 * (2.0 * own + 2.0 * refined);
    db(2.0 * (phase / 2.0).cos() * refined / (2.0 * refined + own))
}

/// 0.5 ms between the channels: a comb, in C where the phase difference is below some 80°.
#[test]
fn a_delayed_source_is_shared_by_phase() {
    for rate in RATES {
        let frames = rate as usize / 2;
        let tone = |hz: f32, delay_s: f64| -> Vec<f32> {
            let sample = |n: usize| (TAU * f64::from(hz) * (n as f64 / f64::from(rate) - delay_s)).sin();
            (0..frames).map(|n| 0.3 * sample(n) as f32).collect()
        };
        for mode in MODES {
            for hz in [100.0, 200.0, 300.0, 400.0, 500.0, 1_000.0, 1_500.0, 1_600.0, 1_700.0, 2_000.0, 3_000.0, 4_000.0]
            {
                let (left, right) = (tone(hz, 0.0), tone(hz, 0.0005));
                let split = run(mode, rate, 256, &left, &right);
                let level = level_db(&split.center[frames / 2..], &left[frames / 2..]) as f32;
                let expected = delayed_closed_form_db(2.0 * PI * hz * 0.0005);
                let holds = if expected < -60.0 { level < -60.0 } else { (level - expected).abs() < 0.5 };
                assert!(holds, "{mode:?} at {rate}, {hz} Hz: {level:.1}, not {expected:.1} dB");
            }
        }
    }
}
