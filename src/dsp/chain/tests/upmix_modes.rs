//! What holds of the whole chain in every mode of the upmix: a change of it, and what disturbs it.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex64;

use super::*;

const TONE_HZ: usize = 997;

/// L′, R′ and C each to a driver of its own, so that nothing covers an error.
fn spec(mode: UpmixMode) -> ChainSpec {
    let mut taps = vec![0.0; INPUTS * INPUTS * 16];
    (0..INPUTS).for_each(|input| taps[(input * INPUTS + input) * 16 + 3 * input] = 1.0);
    ChainSpec {
        upmix: UpmixSpec { mode, center_width: 0.0 },
        coefficients: Coefficients::new(INPUTS, 16, taps).unwrap(),
        // Full scale stays below the ceiling: the limiter is there, and what it does has its own tests.
        makeup_gain_db: -6.0,
        limiter: Some(LimiterSpec::default()),
        ..super::spec(INPUTS, 16, 256)
    }
}

/// Each mode to each under a tone off the middle, so that it is in all three outputs.
#[test]
fn a_change_of_mode_is_a_crossfade() {
    let step = 2.0 * std::f64::consts::PI * TONE_HZ as f64 / f64::from(RATE_HZ);
    let left: Vec<f32> = (0..84_000).map(|n| (0.501 * (step * f64::from(n)).sin()) as f32).collect();
    let right: Vec<f32> = left.iter().map(|x| 0.6 * x).collect();
    for (from, to) in UpmixMode::ALL.into_iter().flat_map(|from| UpmixMode::ALL.map(|to| (from, to))) {
        let mut switcher = Switcher::new(Box::new(Chain::new(&spec(from)).unwrap()));
        let mut out = vec![vec![0.0f32; left.len()]; INPUTS];
        for at in (0..left.len()).step_by(240) {
            if at == 36_000 {
                assert!(switcher.install(Box::new(Chain::new(&spec(to)).unwrap())).is_ok());
            }
            let mut planes: Vec<&mut [f32]> = out.iter_mut().map(|plane| &mut plane[at..at + 240]).collect();
            switcher.process(&left[at..at + 240], &right[at..at + 240], &mut planes);
        }
        assert_eq!(switcher.switches(), 1, "{from:?} to {to:?}");
        for (plane, name) in out.iter().zip(["L'", "R'", "C"]) {
            let worst = loudest_beside_the_tone_db(&plane[24_000..72_000]);
            assert!(worst <= -80.0, "{from:?} to {to:?}, {name}: {worst:.1} dBFS outside ±100 Hz");
        }
    }
}

/// Where only filters, delays and gains change, the upmix goes on: after a short pre-roll every sample is as if the new
/// chain had always played.
#[test]
fn a_switch_behind_the_same_upmix_leaves_nothing_to_fill_but_the_filters() {
    let (left, right) = (noise(30_000, 81, 0.3), noise(30_000, 82, 0.3));
    let paired: Vec<f32> = left.iter().zip(&right).map(|(left, right)| 0.6 * left + 0.4 * right).collect();
    for mode in UpmixMode::ALL {
        let old = spec(mode);
        let new = ChainSpec {
            coefficients: Coefficients::new(INPUTS, 600, noise(INPUTS * INPUTS * 600, 83, 0.01)).unwrap(),
            path_delay_frames: [300, 300, 7],
            ..old.clone()
        };
        let same_delay = ChainSpec { path_delay_frames: new.path_delay_frames, ..old.clone() };
        let always = run(&new, &left, &paired, &[480]);
        for (before, at, most_frames) in [(&old, 20_000, 1_800), (&old, 20_224, 1_800), (&same_delay, 20_001, 1_500)] {
            let mut playing = Chain::new(before).unwrap();
            run_on(&mut playing, &left[..at], &paired[..at], &[333]);
            let mut next = Chain::new(&new).unwrap();
            let preroll_frames = next.adopt(&playing);
            assert!(preroll_frames <= most_frames, "{mode:?} at {at}: {preroll_frames} frames");
            let out = run_on(&mut next, &left[at..], &paired[at..], &[333]);
            for (plane, always) in out.iter().zip(&always) {
                assert_eq!(plane[preroll_frames..], always[at + preroll_frames..], "{mode:?} at {at}");
            }
        }
        // At rest there is nothing to fill.
        assert_eq!(Chain::new(&new).unwrap().adopt(&Chain::new(&old).unwrap()), 0);
        let other = UpmixSpec { center_width: 0.5, ..old.upmix };
        let mut next = Chain::new(&ChainSpec { upmix: other, ..new.clone() }).unwrap();
        assert_eq!(next.adopt(&Chain::new(&old).unwrap()), next.memory_frames());
    }
}

/// In one second, Hann window; a sine's amplitude a shows as a.
fn loudest_beside_the_tone_db(second: &[f32]) -> f64 {
    let weight = |n: usize| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * n as f64 / second.len() as f64).cos();
    let mut spectrum: Vec<Complex64> =
        second.iter().enumerate().map(|(n, &x)| Complex64::new(f64::from(x) * weight(n), 0.0)).collect();
    FftPlanner::new().plan_fft_forward(spectrum.len()).process(&mut spectrum);
    let level = |bin: usize| 20.0 * (4.0 * spectrum[bin].norm() / second.len() as f64 + 1e-15).log10();
    (0..second.len() / 2).filter(|bin| bin.abs_diff(TONE_HZ) > 100).map(level).fold(f64::MIN, f64::max)
}

/// 10 ms of NaN, and of a square wave at full scale, 26 dB above the music: from 100 ms later on every output is that
/// of a run without, but for an error of less than the given level against the input.
#[test]
fn music_is_itself_100_ms_after_a_fault() {
    let shared = noise(40_000, 71, 0.05);
    let channel =
        |seed| -> Vec<f32> { shared.iter().zip(noise(40_000, seed, 0.03)).map(|(shared, own)| shared + own).collect() };
    let (left, right) = (channel(72), channel(73));
    let fault = 24_000..24_480;
    let square = |n: usize| if (n / 24).is_multiple_of(2) { 1.0f32 } else { -1.0 };
    let energy = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v) * f64::from(v)).sum::<f64>();
    for mode in UpmixMode::ALL {
        let spec = spec(mode);
        let whole = run(&spec, &left, &right, &[480]);
        let from = fault.end + 4_800 + Chain::new(&spec).unwrap().latency_frames();
        let window = from..from + 4_800;
        for (name, gains, most_db) in [
            ("NaN", [f32::NAN, f32::NAN], -45.0),
            ("both", [1.0, 1.0], -20.0),
            ("left", [1.0, 0.0], -20.0),
            ("anti-phase", [1.0, -1.0], -20.0),
        ] {
            let (mut bad_left, mut bad_right) = (left.clone(), right.clone());
            for n in fault.clone() {
                (bad_left[n], bad_right[n]) = (gains[0] * square(n), gains[1] * square(n));
            }
            let out = run(&spec, &bad_left, &bad_right, &[480]);
            let level = energy(&mut left[window.clone()].iter().copied()) * db_to_gain(-6.0).powi(2);
            for ((out, whole), path) in out.iter().zip(&whole).zip(["L'", "R'", "C"]) {
                let error = energy(&mut out[window.clone()].iter().zip(&whole[window.clone()]).map(|(a, b)| a - b));
                let error_db = 10.0 * (error / level + 1e-30).log10();
                assert!(error_db <= most_db, "{mode:?}, {name}: {path} {error_db:.1} dB");
            }
        }
    }
}
