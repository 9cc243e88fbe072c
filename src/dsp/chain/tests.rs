mod upmix_modes;

use super::*;
use crate::dsp::spec::db_to_gain;
use crate::dsp::{BiquadKind, BiquadSpec, Coefficients, DriverSpec, LimiterSpec, Switcher, UpmixMode, UpmixSpec};

const RATE_HZ: u32 = 48_000;

/// Deterministic noise in ±`amplitude`.
fn noise(frames: usize, seed: u32, amplitude: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * (state as i32 as f32 / i32::MAX as f32)
        })
        .collect()
}

/// A chain with noise for FIRs, upmix off, so that its output is known.
fn spec(drivers: usize, taps: usize, block_frames: usize) -> ChainSpec {
    ChainSpec {
        sample_rate_hz: RATE_HZ,
        block_frames,
        upmix: UpmixSpec { mode: UpmixMode::Off, center_width: 0.0 },
        path_delay_frames: [0; INPUTS],
        coefficients: Coefficients::new(drivers, taps, noise(INPUTS * drivers * taps, 7, 0.1)).unwrap(),
        drivers: (0..drivers).map(|k| DriverSpec::flat(format!("driver {k}"), k)).collect(),
        makeup_gain_db: 0.0,
        limiter: None,
    }
}

/// Runs a fresh chain over `left` and `right` in calls of the given lengths, repeated.
fn run(spec: &ChainSpec, left: &[f32], right: &[f32], calls: &[usize]) -> Vec<Vec<f32>> {
    run_on(&mut Chain::new(spec).unwrap(), left, right, calls)
}

fn run_on(chain: &mut Chain, left: &[f32], right: &[f32], calls: &[usize]) -> Vec<Vec<f32>> {
    let mut out = vec![vec![f32::NAN; left.len()]; chain.drivers()];
    let (mut at, mut calls) = (0, calls.iter().cycle());
    while at < left.len() {
        let frames = calls.next().unwrap().min(&(left.len() - at)).to_owned();
        let mut planes: Vec<&mut [f32]> = out.iter_mut().map(|plane| &mut plane[at..at + frames]).collect();
        chain.process(&left[at..at + frames], &right[at..at + frames], &mut planes);
        at += frames;
    }
    out
}

/// Σ over the inputs of x∗h, in f64.
fn direct(spec: &ChainSpec, inputs: [&[f32]; 2], driver: usize) -> Vec<f64> {
    let mut out = vec![0.0; inputs[0].len()];
    for (input, x) in inputs.iter().enumerate() {
        for (tap, &h) in spec.coefficients.fir(input, driver).iter().enumerate() {
            for n in tap..out.len() {
                out[n] += f64::from(h) * f64::from(x[n - tap]);
            }
        }
    }
    out
}

#[test]
fn output_is_the_convolution_one_block_later() {
    for (drivers, taps, block) in [(1, 1, 16), (3, 700, 256), (16, 100, 64), (2, 33, 1024)] {
        let spec = spec(drivers, taps, block);
        let (left, right) = (noise(4000, 1, 0.5), noise(4000, 2, 0.5));
        let out = run(&spec, &left, &right, &[256]);
        let chain = Chain::new(&spec).unwrap();
        assert_eq!(chain.latency().block_frames, block);
        for (k, plane) in out.iter().enumerate() {
            let expected = direct(&spec, [&left, &right], k);
            let error: f64 = (block..4000).map(|n| (f64::from(plane[n]) - expected[n - block]).powi(2)).sum();
            let power: f64 = expected[..4000 - block].iter().map(|y| y * y).sum();
            assert!(10.0 * (error / power).log10() < -125.0, "{drivers} drivers, {taps} taps, block {block}");
            assert!(plane[..block].iter().all(|&sample| sample == 0.0));
        }
    }
}

#[test]
fn calls_of_any_length_give_the_same_samples() {
    for mode in UpmixMode::ALL {
        let spec = ChainSpec {
            upmix: UpmixSpec { mode, center_width: 0.0 },
            limiter: Some(LimiterSpec::default()),
            makeup_gain_db: 6.0,
            path_delay_frames: [3, 3, 0],
            ..spec(3, 300, 128)
        };
        let (left, right) = (noise(20_000, 3, 0.9), noise(20_000, 4, 0.9));
        let whole = run(&spec, &left, &right, &[20_000]);
        for calls in [&[1usize][..], &[7, 128, 1000], &[8192, 1], &[127]] {
            assert_eq!(run(&spec, &left, &right, calls), whole, "{mode:?}, calls of {calls:?}");
        }
    }
}

#[test]
fn music_after_silence_meets_the_same_grid_as_music_at_once() {
    for mode in UpmixMode::ALL {
        let spec = ChainSpec {
            upmix: UpmixSpec { mode, center_width: 0.0 },
            limiter: Some(LimiterSpec::default()),
            ..spec(2, 200, 256)
        };
        let (left, right) = (noise(10_000, 5, 0.8), noise(10_000, 6, 0.8));
        let at_once = run(&spec, &left, &right, &[256]);
        let mut chain = Chain::new(&spec).unwrap();
        for silence in [1, 77, 60_000 + 123] {
            run_on(&mut chain, &vec![0.0; 60_000], &vec![0.0; 60_000], &[480]);
            assert!(chain.is_resting(), "{mode:?}: silence outlasts every memory");
            let later = |signal: &[f32]| [vec![0.0; silence], signal.to_vec()].concat();
            let out = run_on(&mut chain, &later(&left), &later(&right), &[441]);
            assert!(!chain.is_resting());
            for (plane, at_once) in out.iter().zip(&at_once) {
                assert_eq!(plane[silence..], at_once[..], "{mode:?} after {silence} frames");
            }
        }
    }
}

#[test]
fn what_is_no_number_becomes_silence_and_leaves_no_trace() {
    // In anti-phase at full scale, what is no number in between, then a constant.
    let mut left = noise(48_000, 8, 1.0);
    let mut right: Vec<f32> = left.iter().map(|x| -x).collect();
    for (n, bad) in [(100, f32::NAN), (200, f32::INFINITY), (300, -f32::INFINITY), (400, 1e38), (500, 1e-40)] {
        left[n] = bad;
        right[n + 20] = bad;
    }
    left[24_000..36_000].fill(1.0);
    right[24_000..36_000].fill(1.0);
    for mode in UpmixMode::ALL {
        let spec = ChainSpec {
            upmix: UpmixSpec { mode, center_width: 0.0 },
            limiter: Some(LimiterSpec::behind(mode)),
            makeup_gain_db: 20.0,
            ..spec(3, 512, 256)
        };
        let out = run(&spec, &left, &right, &[1024]);
        let ceiling = db_to_gain(-1.0) as f32;
        assert!(out.iter().flatten().all(|sample| sample.abs() <= ceiling), "{mode:?}");
        assert!(out[0][40_000..].iter().any(|&sample| sample != 0.0), "{mode:?}");
    }
}

#[test]
fn low_latency_adds_at_most_five_milliseconds_to_the_block() {
    let upmix = UpmixSpec { mode: UpmixMode::LowLatency, center_width: 0.0 };
    // The modelling delay of the shipped profiles, a quarter of 512 taps.
    let mut taps = vec![0.0; INPUTS * 2 * 512];
    taps.chunks_exact_mut(512).for_each(|fir| fir[128] = 1.0);
    let limiter = Some(LimiterSpec::behind(upmix.mode));
    let coefficients = Coefficients::new(2, 512, taps).unwrap();
    let latency = Chain::new(&ChainSpec { upmix, limiter, coefficients, ..spec(2, 512, 256) }).unwrap().latency();
    assert_eq!((latency.upmix_frames, latency.filter_frames, latency.limiter_frames), (48, 128, 54));
    assert!(latency.total_frames() - latency.block_frames <= 240);
}

/// One waits for the other's converter: they sound together.
#[test]
fn of_two_drivers_alike_the_longer_delay_is_the_latency() {
    let mut taps = vec![0.0; INPUTS * 2 * 8];
    (taps[5], taps[8 + 5]) = (1.0, 0.999);
    let mut spec = ChainSpec { coefficients: Coefficients::new(2, 8, taps).unwrap(), ..spec(2, 8, 16) };
    let mut filter_frames = |delays: [usize; 2]| {
        spec.drivers.iter_mut().zip(delays).for_each(|(driver, frames)| driver.delay_frames = frames);
        Chain::new(&spec).unwrap().latency().filter_frames
    };
    assert_eq!([filter_frames([0, 239]), filter_frames([239, 0])], [5 + 239; 2]);
}

#[test]
fn gains_delays_and_latency_are_where_they_are_said_to_be() {
    let mut taps = vec![0.0; INPUTS * 2 * 8];
    taps[5] = 1.0; // left → driver 0, tap 5
    taps[8] = 0.5; // left → driver 1, tap 0
    let mut spec = ChainSpec { coefficients: Coefficients::new(2, 8, taps).unwrap(), ..spec(2, 8, 16) };
    spec.path_delay_frames = [4, 0, 0];
    spec.makeup_gain_db = 6.0;
    spec.drivers[0].gain_db = -6.0;
    spec.drivers[0].delay_frames = 3;
    let chain = Chain::new(&spec).unwrap();
    assert_eq!(chain.latency(), Latency { block_frames: 16, filter_frames: 4 + 5 + 3, ..Latency::default() });
    let mut impulse = vec![0.0; 64];
    impulse[0] = 1.0;
    let out = run(&spec, &impulse, &[0.0; 64], &[64]);
    assert!((out[0][chain.latency_frames()] - 1.0).abs() < 1e-6);
    assert!((out[1][16 + 4] - 0.5 * db_to_gain(6.0) as f32).abs() < 1e-6);
}

#[test]
fn a_switch_has_no_step_and_spreads_no_spectrum() {
    // −12 dBFS at 997 Hz through two chains of different delay, gain and number of drivers.
    let step = 2.0 * std::f64::consts::PI * 997.0 / f64::from(RATE_HZ);
    let tone: Vec<f32> = (0..96_000).map(|n| (0.251 * (step * f64::from(n)).sin()) as f32).collect();
    let chain = |drivers: usize, tap: usize, gain: f32, lookahead_ms: f32| {
        let mut taps = vec![0.0; INPUTS * drivers * 64];
        (0..drivers).for_each(|k| taps[k * 64 + tap] = gain);
        Box::new(
            Chain::new(&ChainSpec {
                coefficients: Coefficients::new(drivers, 64, taps).unwrap(),
                limiter: Some(LimiterSpec { lookahead_ms, ..LimiterSpec::default() }),
                ..spec(drivers, 64, 256)
            })
            .unwrap(),
        )
    };
    let mut switcher = Switcher::new(chain(1, 3, 1.0, 1.5));
    let mut out = vec![vec![0.0f32; tone.len()]; 4];
    let mut at = 0;
    for call in [1usize, 255, 300, 1024].into_iter().cycle() {
        if at >= tone.len() {
            break;
        }
        if at > 40_000 && switcher.switches() == 0 && !switcher.is_switching() {
            assert!(switcher.install(chain(3, 20, -0.8, 4.0)).is_ok());
            assert!(switcher.install(chain(3, 20, -0.8, 4.0)).is_err(), "one at a time");
        }
        let frames = call.min(tone.len() - at);
        let mut planes: Vec<&mut [f32]> = out.iter_mut().map(|plane| &mut plane[at..at + frames]).collect();
        switcher.process(&tone[at..at + frames], &[0.0; 2048][..frames], &mut planes);
        at += frames;
    }
    assert_eq!((switcher.switches(), switcher.current().drivers()), (1, 3));
    assert!(switcher.take_retired().is_some_and(|old| old.drivers() == 1));
    assert!(out[3].iter().all(|&sample| sample == 0.0), "a channel no driver uses");
    let largest_step = 0.251 * step * 1.01;
    let steps = out[0][1000..].windows(2).map(|pair| f64::from((pair[1] - pair[0]).abs()));
    assert!(steps.fold(0.0, f64::max) <= largest_step);

    // 1 s Hann window around the transition; a sine's amplitude a shows as a.
    let around = &out[0][19_000..67_000];
    let mut spectrum: Vec<_> = around
        .iter()
        .enumerate()
        .map(|(n, &x)| {
            let hann = 0.5 - 0.5 * (2.0 * std::f64::consts::PI * n as f64 / 48_000.0).cos();
            rustfft::num_complex::Complex64::new(f64::from(x) * hann, 0.0)
        })
        .collect();
    rustfft::FftPlanner::new().plan_fft_forward(spectrum.len()).process(&mut spectrum);
    let level = |bin: usize| 20.0 * (4.0 * spectrum[bin].norm() / 48_000.0).log10();
    assert!(level(997) > -40.0, "the tone is there");
    let worst = (0..24_000usize).filter(|bin| bin.abs_diff(997) > 100).map(level).fold(f64::MIN, f64::max);
    assert!(worst <= -80.0, "{worst:.1} dBFS outside ±100 Hz");
}

#[test]
fn a_folded_equalizer_sounds_like_a_running_one() {
    let section = |kind, frequency_hz, gain_db| BiquadSpec { kind, frequency_hz, q: 0.9, gain_db };
    let eq = vec![section(BiquadKind::Peaking, 3000.0, 5.0), section(BiquadKind::HighPass, 150.0, 0.0)];
    let mut spec = spec(1, 200, 256);
    spec.drivers[0].eq = eq.clone();
    let (left, right) = (noise(20_000, 1, 0.5), noise(20_000, 2, 0.5));
    assert!(Folded::new(&spec).drivers[0].eq.is_empty());
    let folded = run(&spec, &left, &right, &[20_000]);
    spec.drivers[0].eq.clear();
    let mut running = run(&spec, &left, &right, &[20_000]);
    eq.iter().for_each(|section| Biquad::new(section.coefficients(RATE_HZ)).process(&mut running[0]));
    let energy = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v) * f64::from(v)).sum::<f64>();
    let error = energy(&mut folded[0].iter().zip(&running[0]).map(|(a, b)| a - b));
    let error_db = 10.0 * (error / energy(&mut running[0].iter().copied())).log10();
    assert!(error_db < -120.0, "{error_db} dB");
    // A sharp resonance is run.
    spec.drivers[0].eq = vec![BiquadSpec { kind: BiquadKind::Peaking, frequency_hz: 50.0, q: 20.0, gain_db: 6.0 }];
    assert_eq!(Folded::new(&spec).drivers[0].eq.len(), 1);
}

#[test]
fn delays_are_folded_where_the_firs_have_room() {
    let mut spec = spec(2, 100, 64);
    spec.path_delay_frames = [5, 64 + 28, 0];
    spec.drivers[1].delay_frames = 3;
    let folded = Folded::new(&spec);
    assert_eq!(folded.path_delay_frames, spec.path_delay_frames);
    assert_eq!(folded.drivers[1].delay_frames, 0);
    spec.path_delay_frames[1] = 64 + 25;
    let folded = Folded::new(&spec);
    assert_eq!(folded.path_delay_frames, [0; 3]);
    assert_eq!(folded.firs[1][1].len(), 64 + 25 + 3 + 100);
    let (left, right) = (noise(2000, 1, 0.5), noise(2000, 2, 0.5));
    let out = run(&spec, &left, &right, &[2000]);
    let delayed: Vec<f32> = [vec![0.0; 5], left].concat();
    let delayed_right: Vec<f32> = [vec![0.0; 64 + 25], right].concat();
    let exact = direct(&spec, [&delayed[..2000], &delayed_right[..2000]], 1);
    for n in 67..2000 {
        assert!((f64::from(out[1][n]) - exact[n - 67]).abs() < 1e-5);
    }
}
