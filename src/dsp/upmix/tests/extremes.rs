//! What extreme input does, and how soon it is over.

use std::f32::consts::SQRT_2;

use super::*;

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
    for rate in RATES {
        let ms = rate as usize / 1000;
        let (left, right) = program_at(0.05, 1000 * ms);
        let mut burst = left.clone();
        burst[500 * ms..510 * ms].fill(1.0);
        for mode in MODES {
            let clean = run(mode, rate, 256, &left, &right).center;
            let after = run(mode, rate, 256, &burst, &right).center;
            let window = 610 * ms..810 * ms;
            let change = level_db(&after[window.clone()], &clean[window]);
            assert!(change.abs() < 1.0, "{mode:?} at {rate}: {change:.2} dB");
        }
    }
}

/// From the first sample on, and for ever: zeros with either sign, no denormals.
#[test]
fn silence_from_the_start_is_exact_silence() {
    for rate in RATES {
        let silence = vec![0.0; rate as usize / 2];
        for mode in MODES {
            let split = run(mode, rate, 256, &silence, &silence);
            for plane in [split.left, split.right, split.center] {
                assert!(plane.iter().all(|x| x.to_bits() << 1 == 0), "{mode:?} at {rate}");
            }
        }
    }
}

/// A steady center with quieter noise of their own in both channels.
fn program_at(level: f32, frames: usize) -> (Vec<f32>, Vec<f32>) {
    let center = scaled(&noise(frames, 31), level);
    let side = |seed| sum(&center, &scaled(&noise(frames, seed), 0.3 * level));
    (side(32), side(33))
}
