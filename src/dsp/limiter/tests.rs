mod release;
mod true_peak;

use super::*;

const RATE_HZ: u32 = 48_000;

fn limiter(groups: &[usize]) -> Limiter {
    limiter_looking_ahead(1.5, groups)
}

fn limiter_looking_ahead(lookahead_ms: f32, groups: &[usize]) -> Limiter {
    Limiter::new(&LimiterSpec { lookahead_ms, ..LimiterSpec::default() }, groups, RATE_HZ)
}

/// The defaults, with a low-latency upmix and with others.
const LOOKAHEADS_MS: [f32; 2] = [1.0, 1.5];

fn ceiling() -> f32 {
    db_to_gain(-1.0) as f32
}

/// Runs one signal a driver through `limiter`, in calls of `call` frames.
fn run(limiter: &mut Limiter, signals: &[Vec<f32>], call: usize) -> Vec<Vec<f32>> {
    let mut out = signals.to_vec();
    let mut parts: Vec<_> = out.iter_mut().map(|plane| plane.chunks_mut(call)).collect();
    loop {
        let mut planes: Vec<&mut [f32]> = parts.iter_mut().filter_map(Iterator::next).collect();
        if planes.is_empty() {
            return out;
        }
        limiter.process(&mut planes);
    }
}

/// Deterministic noise in ±1.
fn noise(frames: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as i32 as f32 / i32::MAX as f32
        })
        .collect()
}

/// The peak between the samples, by a long sinc at 16 points a sample.
fn true_peak(signal: &[f32]) -> f64 {
    let mut largest = 0f64;
    for n in 64..signal.len() - 64 {
        for step in 0..16 {
            let fraction = f64::from(step) / 16.0;
            let point: f64 = (-63i32..=64)
                .map(|k| {
                    let x = f64::from(k) - fraction;
                    let sinc =
                        if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
                    let window = 0.5 + 0.5 * (std::f64::consts::PI * x / 65.0).cos();
                    f64::from(signal[(n as i32 + k) as usize]) * sinc * window
                })
                .sum();
            largest = largest.max(point.abs());
        }
    }
    largest
}

fn tone(frames: usize, hz: f64, amplitude: f64, phase: f64) -> Vec<f32> {
    let step = 2.0 * std::f64::consts::PI * hz / f64::from(RATE_HZ);
    (0..frames).map(|n| (amplitude * (step * n as f64 + phase).sin()) as f32).collect()
}

#[test]
fn below_the_ceiling_samples_pass_unchanged() {
    let mut limiter = limiter(&[0]);
    let signal: Vec<f32> = noise(20_000, 1).iter().map(|x| 0.3 * x).collect();
    let out = run(&mut limiter, std::slice::from_ref(&signal), 100);
    let latency = limiter.latency_frames();
    assert_eq!(out[0][latency..], signal[..signal.len() - latency]);
    assert!(out[0][..latency].iter().all(|&x| x == 0.0));
    assert_eq!(limiter.gain_reduction_db(0), 0.0);
}

#[test]
fn nothing_leaves_above_the_ceiling() {
    let square = (0..9000).map(|n| if n / 50 % 2 == 0 { 1.0 } else { -1.0 }).collect::<Vec<f32>>();
    let mut impulses = vec![0.0f32; 9000];
    for (n, x) in impulses.iter_mut().enumerate().filter(|(n, _)| n % 311 == 7) {
        *x = n as f32;
    }
    for (name, signal) in [
        ("noise 12 dB over", noise(9000, 3).iter().map(|x| 4.0 * x).collect()),
        ("full-scale square", square),
        ("growing impulses", impulses),
        ("constant", vec![1e9; 9000]),
        ("denormals", vec![1e-42; 9000]),
    ] {
        let signals = [signal];
        for lookahead_ms in LOOKAHEADS_MS {
            let out = run(&mut limiter_looking_ahead(lookahead_ms, &[0]), &signals, 77);
            let largest = out[0].iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
            assert!(largest <= ceiling(), "{name}, {lookahead_ms} ms: {largest}");
            assert!(out[0].iter().all(|x| x.is_finite()), "{name}, {lookahead_ms} ms");
        }
    }
}

/// Four points a sample miss the crest of a tone by at most 1 − cos(π f / 4 fs): 0.17 dB at a quarter of the rate.
#[test]
fn true_peaks_stay_within_a_fifth_of_a_decibel_of_the_ceiling() {
    for (hz, phase) in [(997.0, 0.3), (5_000.0, 0.1), (11_999.0, 0.7), (12_000.0, std::f64::consts::FRAC_PI_4)] {
        for lookahead_ms in LOOKAHEADS_MS {
            let mut limiter = limiter_looking_ahead(lookahead_ms, &[0]);
            let out = run(&mut limiter, &[tone(12_000, hz, 2.0, phase)], 256);
            let over_db = 20.0 * (true_peak(&out[0][2_000..6_000]) / f64::from(ceiling())).log10();
            assert!(over_db < 0.2, "{hz} Hz, {lookahead_ms} ms: {over_db:+.3} dB");
            assert!(over_db > -0.6, "{hz} Hz, {lookahead_ms} ms: limited by {over_db:+.3} dB more than needed");
        }
    }
}

#[test]
fn a_group_shares_its_gain_and_others_do_not_hear_of_it() {
    let (loud, quiet) = (tone(9_000, 500.0, 3.0, 0.0), noise(9_000, 9).iter().map(|x| 0.3 * x).collect::<Vec<_>>());
    let mut limiter = limiter(&[0, 0, 1]);
    let out = run(&mut limiter, &[loud.clone(), quiet.clone(), quiet.clone()], 512);
    let latency = limiter.latency_frames();
    for n in 1_000..8_000 {
        let (gain_loud, gain_quiet) = (out[0][n + latency] / loud[n], out[1][n + latency] / quiet[n]);
        if loud[n].abs() > 0.1 && quiet[n].abs() > 0.01 && out[0][n + latency].abs() < ceiling() {
            assert!((gain_loud / gain_quiet - 1.0).abs() < 1e-5, "frame {n}");
        }
    }
    assert_eq!(out[2][latency..], quiet[..quiet.len() - latency]);
    assert!(limiter.gain_reduction_db(1) > 9.0);
    assert_eq!(limiter.gain_reduction_db(2), 0.0);
}

#[test]
fn the_gain_moves_smoothly_and_returns_to_exactly_one() {
    let mut signal = vec![0.25f32; 300_000];
    signal[5_000] = 8.0;
    let mut limiter = limiter(&[0]);
    let out = run(&mut limiter, &[signal], 333);
    let latency = limiter.latency_frames();
    let gains: Vec<f32> = (0..299_000).filter(|&n| n != 5_000).map(|n| out[0][n + latency] / 0.25).collect();
    let step = gains.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(step < 0.06, "largest step of the gain in a frame: {step}");
    assert_eq!(gains[298_000], 1.0);
    assert!(limiter.is_at_unity());
}

#[test]
fn calls_of_any_length_give_the_same_samples() {
    let signals = [noise(5_000, 4).iter().map(|x| 2.0 * x).collect::<Vec<_>>(), noise(5_000, 5)];
    let whole = run(&mut limiter(&[0, 0]), &signals, 5_000);
    for call in [1, 7, 64, 65, 1_000] {
        assert_eq!(run(&mut limiter(&[0, 0]), &signals, call), whole, "calls of {call}");
    }
}

#[test]
fn a_reset_limiter_is_a_new_one() {
    let signals = [noise(3_000, 6).iter().map(|x| 3.0 * x).collect::<Vec<_>>()];
    let mut used = limiter(&[0]);
    let first = run(&mut used, &signals, 100);
    used.reset();
    assert_eq!(run(&mut used, &signals, 100), first);
}

#[test]
fn every_instruction_set_gives_the_same_samples() {
    let signals = [noise(3_000, 7).iter().map(|x| 2.0 * x).collect::<Vec<_>>(), noise(3_000, 8)];
    let on =
        |level: Level| run(&mut Limiter::with_level(level, &LimiterSpec::default(), &[0, 0], RATE_HZ), &signals, 300);
    let scalar = Level::available().pop().unwrap();
    assert_eq!(scalar.name(), "scalar");
    for level in Level::available() {
        for (plane, expected) in on(level).iter().zip(on(scalar)) {
            let difference = plane.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference < 1e-6, "{}: {difference}", level.name());
        }
    }
}

#[test]
fn the_shortest_look_ahead_at_every_rate_holds_the_ceiling() {
    let spec = LimiterSpec { lookahead_ms: 0.1, ..LimiterSpec::default() };
    for sample_rate_hz in [8_000, 22_050, 44_100, 48_000, 192_000] {
        let mut limiter = Limiter::new(&spec, &[0], sample_rate_hz);
        let out = run(&mut limiter, &[tone(3_000, 997.0, 3.0, 0.3)], 77);
        assert!(out[0].iter().all(|x| x.abs() <= ceiling()), "{sample_rate_hz} Hz");
    }
}
