use super::*;
use std::f64::consts::TAU;

const RATE_HZ: f64 = 48_000.0;

/// Runs `calls` of `frames` on a sine; `steer` is called before each. Returns the output and the place in the input, in
/// frames, of each output frame.
fn run(
    resampler: &mut Resampler,
    frequency_hz: f64,
    calls: usize,
    frames: usize,
    mut steer: impl FnMut(usize, &mut Resampler),
) -> (Vec<f32>, Vec<f64>) {
    let sine = |i: i64| (TAU * frequency_hz * i as f64 / RATE_HZ).sin() as f32;
    let (mut fed, mut place) = (0i64, -(LATENCY_FRAMES as f64));
    let (mut output, mut places) = (Vec::new(), Vec::new());
    for call in 0..calls {
        steer(call, resampler);
        let needed = resampler.input_frames(frames);
        let input: Vec<f32> = (fed..fed + needed as i64).map(sine).collect();
        fed += needed as i64;
        let (mut left, mut right) = (vec![f32::NAN; frames], vec![f32::NAN; frames]);
        resampler.process([&input, &input], [&mut left, &mut right]);
        assert_eq!(left, right);
        places.extend((0..frames).map(|i| place + i as f64 * resampler.step));
        place += frames as f64 * resampler.step;
        output.extend(left);
    }
    (output, places)
}

fn worst_error(output: &[f32], places: &[f64], frequency_hz: f64) -> f64 {
    let pairs = output.iter().zip(places).skip(TAPS);
    pairs.map(|(y, place)| (f64::from(*y) - (TAU * frequency_hz * place / RATE_HZ).sin()).abs()).fold(0.0, f64::max)
}

#[test]
fn at_ratio_one_every_bit_passes() {
    let mut resampler = Resampler::new(256);
    let input: Vec<f32> = (0..1000).map(|i| f32::from_bits(0x3e00_0000 + i * 7919)).collect();
    let mut output = Vec::new();
    for part in input.chunks(100) {
        assert_eq!(resampler.input_frames(part.len()), part.len());
        let (mut left, mut right) = (vec![0.0; part.len()], vec![0.0; part.len()]);
        resampler.process([part, part], [&mut left, &mut right]);
        output.extend(left);
    }
    assert_eq!(output[..LATENCY_FRAMES], [0.0; LATENCY_FRAMES]);
    assert_eq!(output[LATENCY_FRAMES..], input[..1000 - LATENCY_FRAMES]);
}

#[test]
fn a_sine_stays_a_sine_at_other_ratios() {
    for (frequency_hz, tolerance_db) in [(997.0, -95.0), (10_000.0, -90.0), (18_000.0, -80.0)] {
        for offset in [200e-6, -300e-6, MAX_OFFSET] {
            let mut resampler = Resampler::new(256);
            let (output, places) = run(&mut resampler, frequency_hz, 200, 256, |_, r| r.set_offset(offset));
            let error_db = 20.0 * worst_error(&output, &places, frequency_hz).log10();
            assert!(error_db < tolerance_db, "{frequency_hz} Hz at {offset}: {error_db:.1} dB");
        }
    }
}

#[test]
fn the_ratio_may_change_with_every_call() {
    let mut resampler = Resampler::new(256);
    let (output, places) = run(&mut resampler, 997.0, 400, 100, |call, r| {
        r.set_offset(1e-3 * (call as f64 * 0.7).sin());
    });
    assert!(worst_error(&output, &places, 997.0) < 2e-5);
}

#[test]
fn it_glides_back_to_exactness_without_a_jump() {
    for offset in [170e-6, -170e-6] {
        let mut resampler = Resampler::new(256);
        let (output, places) =
            run(
                &mut resampler,
                997.0,
                300,
                256,
                |call, r| {
                    if call < 100 { r.set_offset(offset) } else { r.glide(256) }
                },
            );
        assert!(resampler.is_transparent(), "{}", resampler.fraction);
        assert!(worst_error(&output, &places, 997.0) < 2e-5);
        // Exact again: the last call holds input samples themselves.
        let last = &output[output.len() - 256..];
        let at = places[output.len() - 256].round() as i64;
        let exact = (at..at + 256).map(|i| (TAU * 997.0 * i as f64 / RATE_HZ).sin() as f32);
        assert!(last.iter().copied().eq(exact));
    }
}

/// A graph of quantum `quantum` on a clock that is `drift(time in s)` fast, a device of period 256, wake-ups up to 1 ms
/// late. `look` is given the time in s, the error and the ring's fill in frames, period by period.
fn simulate(quantum: f64, drift: impl Fn(f64) -> f64, seconds: f64, mut look: impl FnMut(f64, f64, f64)) -> RateLoop {
    let period = 256.0;
    let target = quantum + 1.5 * period;
    let mut rate_loop = RateLoop::default();
    let mut offset = 0.0;
    let (mut ring, mut next_cycle, mut last_cycle) = (target, quantum, 0.0);
    let mut seed = 1u32;
    let mut time = 0.0;
    while time < seconds * RATE_HZ {
        time += period;
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let now = time + f64::from(seed >> 16) / 65_536.0 * 48.0;
        while next_cycle <= now {
            ring += quantum;
            last_cycle = next_cycle;
            next_cycle += quantum / (1.0 + drift(time / RATE_HZ));
        }
        let error = ring + (now - last_cycle) - target;
        offset = rate_loop.update(error, RATE_HZ, period / RATE_HZ);
        ring -= period * (1.0 + offset);
        look(time / RATE_HZ, error, ring);
    }
    assert!(offset.abs() < MAX_OFFSET);
    rate_loop
}

#[test]
fn the_loop_finds_the_drift_and_never_runs_dry() {
    for quantum in [64.0, 256.0, 1024.0] {
        for drift in [500e-6, -500e-6, 0.0] {
            let (mut least, mut worst) = (f64::MAX, 0.0f64);
            let rate_loop = simulate(
                quantum,
                |_| drift,
                120.0,
                |time_s, error, ring| {
                    least = least.min(ring);
                    if time_s > 60.0 {
                        worst = worst.max(error.abs());
                    }
                },
            );
            let found = rate_loop.drift();
            assert!((found - drift).abs() < 10e-6, "{drift}: found {found}");
            assert!(least > -256.0, "the device's own buffer covers it: {least}");
            assert!(worst < 80.0, "{worst} frames off after a minute");
        }
    }
}

/// As a room warms up and cools down: the deviation goes from one end to the other and back every hour.
#[test]
fn for_days_it_follows_clocks_that_stand_apart_and_one_that_wanders() {
    const DAYS: f64 = 2.0;
    let wandering = |time_s: f64| 400e-6 * (TAU * time_s / 3600.0).sin();
    let clocks: [&dyn Fn(f64) -> f64; 3] = [&|_| 500e-6, &|_| -500e-6, &wandering];
    for drift in clocks {
        let (mut least, mut worst) = (f64::MAX, 0.0f64);
        simulate(256.0, drift, DAYS * 86_400.0, |time_s, error, ring| {
            least = least.min(ring);
            if time_s > 60.0 {
                worst = worst.max(error.abs());
            }
        });
        assert!(least > -256.0, "the device's own buffer covers it: {least}");
        assert!(worst < 80.0, "{worst} frames off");
    }
}

/// Total harmonic distortion and noise of what is followed: all but a tone and ±20 Hz around it, against the tone, while
/// the loop steers by wake-ups that come up to 1 ms late.
#[test]
fn while_it_follows_distortion_and_noise_stay_100_db_down() {
    const FRAMES: usize = 256;
    let length = 1 << 18;
    for drift in [200e-6, -300e-6] {
        let mut errors = Vec::new();
        simulate(FRAMES as f64, |_| drift, 30.0 + length as f64 / RATE_HZ, |_, error, _| errors.push(error));
        let mut rate_loop = RateLoop::default();
        let steer = |error| rate_loop.update(error, RATE_HZ, FRAMES as f64 / RATE_HZ);
        let offsets: Vec<f64> = errors.into_iter().map(steer).collect();
        let settled = &offsets[offsets.len() - length / FRAMES..];
        let mut resampler = Resampler::new(FRAMES);
        let (output, _) = run(&mut resampler, 997.0, settled.len(), FRAMES, |call, r| r.set_offset(settled[call]));
        // Blackman-Harris: what leaks from the tone is far below all else.
        let window = |n: usize| {
            let phase = TAU * n as f64 / length as f64;
            0.35875 - 0.48829 * phase.cos() + 0.14128 * (2.0 * phase).cos() - 0.01168 * (3.0 * phase).cos()
        };
        let mut spectrum: Vec<rustfft::num_complex::Complex64> =
            output.iter().enumerate().map(|(n, y)| (f64::from(*y) * window(n)).into()).collect();
        rustfft::FftPlanner::new().plan_fft_forward(length).process(&mut spectrum);
        let is_tone = |bin: usize| (bin as f64 * RATE_HZ / length as f64 - 997.0).abs() <= 20.0;
        let power = |tone: bool| {
            // From 20 Hz on, as such meters look.
            let bins = (20 * length / 48_000..length / 2).filter(|bin| is_tone(*bin) == tone);
            bins.map(|bin| spectrum[bin].norm_sqr()).sum::<f64>()
        };
        let thd_n_db = 10.0 * (power(false) / power(true)).log10();
        println!("{drift}: {thd_n_db:.1} dB");
        assert!(thd_n_db <= -100.0, "{drift}: {thd_n_db:.1} dB");
    }
}

#[test]
fn the_integral_stays_within_belief() {
    let mut rate_loop = RateLoop::default();
    for _ in 0..100_000 {
        assert_eq!(rate_loop.update(1e6, RATE_HZ, 0.005), MAX_OFFSET);
    }
    assert!(rate_loop.drift() <= MAX_DRIFT);
    let mut periods = 0;
    while rate_loop.update(-100.0, RATE_HZ, 0.005) > 0.0 {
        periods += 1;
        assert!(periods < 5_000, "wound up");
    }
}
