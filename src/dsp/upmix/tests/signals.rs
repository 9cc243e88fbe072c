//! Where single sources go, and what extreme input does.

use std::f32::consts::{PI, SQRT_2};

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

#[test]
fn a_panned_source_follows_the_closed_form() {
    let source = noise(24_000, 21);
    for mode in MODES {
        let mut last = [0.0; 2];
        for degrees in (0..=45).step_by(3) {
            let angle = degrees as f32 * PI / 180.0;
            let (strong, weak) = (angle.cos(), angle.sin());
            for ((l, r), last) in [(strong, weak), (weak, strong)].into_iter().zip(&mut last) {
                let split = run(mode, 48_000, 256, &scaled(&source, l), &scaled(&source, r));
                let found = gain(&split.center[12_000..], &source[12_000..]);
                if degrees == 0 {
                    assert!(db(found) < -60.0, "{mode:?}, hard: {:.1} dB", db(found));
                    continue;
                }
                let expected = closed_form(mode, l, r);
                let error = db(found) - db(expected);
                assert!(error.abs() < 1.0, "{mode:?} at {degrees} degrees: {found}, not {expected} ({error:.2} dB)");
                assert!(found > *last, "{mode:?}: C falls at {degrees} degrees");
                *last = found;
            }
        }
    }
}

/// From 6° to 84° in 4 s, judged in windows of 2°.
#[test]
fn a_slow_sweep_has_no_steps() {
    let frames = 4 * 48_000;
    let source = noise(frames, 22);
    let angle = |n: usize| (6.0 + 78.0 * n as f32 / frames as f32) * PI / 180.0;
    let left: Vec<f32> = (0..frames).map(|n| angle(n).cos() * source[n]).collect();
    let right: Vec<f32> = (0..frames).map(|n| angle(n).sin() * source[n]).collect();
    let window = frames / 39;
    for mode in MODES {
        let center = run(mode, 48_000, 256, &left, &right).center;
        let errors: Vec<f32> = (2..39)
            .map(|index| {
                let range = index * window..(index + 1) * window;
                let angle = angle(index * window + window / 2);
                db(gain(&center[range.clone()], &source[range])) - db(closed_form(mode, angle.cos(), angle.sin()))
            })
            .collect();
        for (index, pair) in errors.windows(2).enumerate() {
            let degrees = 10 + 2 * index;
            assert!(pair[0].abs() < 1.0, "{mode:?} at {degrees} degrees: {:.2} dB", pair[0]);
            assert!((pair[1] - pair[0]).abs() < 0.5, "{mode:?} at {degrees} degrees: {pair:?} dB");
        }
    }
}

#[test]
fn anti_phase_stays_in_the_sides() {
    let source = noise(24_000, 23);
    for mode in MODES {
        let split = run(mode, 48_000, 256, &source, &scaled(&source, -1.0));
        let level = level_db(&split.center[12_000..], &source[12_000..]);
        assert!(level < -60.0, "{mode:?}: {level:.1} dB");
    }
}

/// 0.5 ms between the channels: a comb, in C where the phase difference is below a quarter turn.
#[test]
fn a_delayed_source_is_shared_by_phase() {
    let tone = |hz: f32, delay: f32| -> Vec<f32> {
        (0..48_000).map(|n| 0.3 * (2.0 * PI * hz * (n as f32 - delay) / 48_000.0).sin()).collect()
    };
    for mode in MODES {
        for (hz, center) in [(200.0, true), (1_000.0, false), (2_000.0, true), (3_000.0, false), (4_000.0, true)] {
            let (left, right) = (tone(hz, 0.0), tone(hz, 24.0));
            let split = run(mode, 48_000, 256, &left, &right);
            let level = level_db(&split.center[24_000..], &left[24_000..]);
            assert!(if center { level > -3.0 } else { level < -20.0 }, "{mode:?} at {hz} Hz: {level:.1} dB");
        }
    }
}

#[test]
fn extreme_input_stays_finite_and_bounded() {
    let frames = 24_000;
    let square: Vec<f32> = (0..frames).map(|n| if n / 240 % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let shifted: Vec<f32> = (0..frames).map(|n| if n / 170 % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let (dc, denormal, loudest) = (vec![1.0; frames], vec![1e-40; frames], scaled(&square, 16.0));
    let cases = [(&dc, &dc), (&square, &square), (&square, &shifted), (&denormal, &denormal), (&loudest, &shifted)];
    for rate in RATES {
        for mode in MODES {
            for (case, (left, right)) in cases.into_iter().enumerate() {
                let split = run(mode, rate, 256, left, right);
                let peak = |plane: &[f32]| plane.iter().fold(0.0f32, |peak, &x| peak.max(x.abs()));
                let most = 2.0 * SQRT_2 * peak(left).max(peak(right));
                for plane in [&split.left, &split.right, &split.center] {
                    assert!(plane.iter().all(|x| x.is_finite()), "{mode:?} at {rate}, case {case}");
                    assert!(peak(plane) <= most, "{mode:?} at {rate}, case {case}: {}", peak(plane));
                }
            }
        }
    }
}

/// 10 ms at full scale in one channel; 100 ms later C has its level again.
#[test]
fn recovers_from_a_burst() {
    let frames = 48_000;
    let (left, right) = program_at(0.05, frames);
    let mut burst = left.clone();
    burst[24_000..24_480].fill(1.0);
    for mode in MODES {
        let clean = run(mode, 48_000, 256, &left, &right).center;
        let after = run(mode, 48_000, 256, &burst, &right).center;
        let from = 24_480 + 4_800;
        let change = level_db(&after[from..from + 9_600], &clean[from..from + 9_600]);
        assert!(change.abs() < 1.0, "{mode:?}: {change:.2} dB");
    }
}

/// A steady center with quieter noise of their own in both channels.
fn program_at(level: f32, frames: usize) -> (Vec<f32>, Vec<f32>) {
    let center = scaled(&noise(frames, 31), level);
    let side = |seed| sum(&center, &scaled(&noise(frames, seed), 0.3 * level));
    (side(32), side(33))
}
