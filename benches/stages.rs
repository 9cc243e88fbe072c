//! Time and share of one core of each stage and of the whole chain: `cargo bench --bench stages`.
//!
//! Every figure is the median of processor time over 41 runs; the brackets hold the first and the third quartile.

use std::hint::black_box;

use nix::time::{ClockId, clock_gettime};

use spatiald::dsp::simd::Level;
use spatiald::dsp::{
    Chain, ChainSpec, Coefficients, DriverSpec, FirMatrix, Limiter, LimiterSpec, Upmix, UpmixMode, UpmixSpec,
};

const RATE_HZ: u32 = 48_000;
const RUNS: usize = 41;

fn noise(frames: usize, seed: u32, amplitude: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * (state as i32 as f32 / i32::MAX as f32)
        })
        .collect()
}

/// Noise FIRs, non-zero to the last tap.
fn firs(inputs: usize, outputs: usize, taps: usize) -> Vec<Vec<Vec<f64>>> {
    (0..inputs)
        .map(|i| {
            let fir = |o: usize| noise(taps, (i * 16 + o) as u32, 0.05).into_iter().map(f64::from).collect();
            (0..outputs).map(fir).collect()
        })
        .collect()
}

/// This thread's processor time: what other programs take meanwhile does not count.
fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has a clock per thread");
    time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64
}

/// Median and quartiles of `RUNS` timings of `work`, in ns per frame, where one call is `frames` frames.
fn time(frames: usize, mut work: impl FnMut()) -> [f64; 3] {
    let calls = (48_000 / frames).max(1);
    for _ in 0..calls {
        work();
    }
    let mut timings: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = cpu_ns();
            for _ in 0..calls {
                work();
            }
            (cpu_ns() - start) / (calls * frames) as f64
        })
        .collect();
    timings.sort_by(f64::total_cmp);
    [timings[RUNS / 2], timings[RUNS / 4], timings[3 * RUNS / 4]]
}

fn matrix(level: Level, inputs: usize, outputs: usize, taps: usize, block: usize) {
    time_matrix(level, block, &firs(inputs, outputs, taps));
}

/// A device whose left half mirrors its right one.
fn mirrored_matrix(level: Level, outputs: usize, taps: usize, block: usize) {
    let mut firs = firs(3, outputs, taps);
    for output in 0..outputs {
        firs[1][outputs - 1 - output] = firs[0][output].clone();
        firs[2][outputs - 1 - output] = firs[2][output].clone();
    }
    time_matrix(level, block, &firs);
}

fn time_matrix(level: Level, block: usize, firs: &[Vec<Vec<f64>>]) {
    let (inputs, outputs, taps) = (firs.len(), firs[0].len(), firs[0][0].len());
    let mut matrix = FirMatrix::with_level(level, block, firs);
    let x: Vec<Vec<f32>> = (0..inputs).map(|i| noise(block, i as u32, 0.5)).collect();
    let mut y = vec![vec![0.0; block]; outputs];
    let [median, low, high] = time(block, || matrix.process(black_box(&x), black_box(&mut y)));
    let each = outputs as f64;
    println!(
        "matrix {inputs}x{outputs:<2} {taps:>5} taps, block {block:>4}, {:8}  {:6.2} ns/frame/driver [{:.2} {:.2}]  {:4} KiB, {}",
        level.name(),
        median / each,
        low / each,
        high / each,
        matrix.bytes() / 1024,
        matrix.form(),
    );
}

fn limiter(drivers: usize, amplitude: f32, what: &str) {
    let block = 256;
    let mut limiter = Limiter::new(&LimiterSpec::default(), &vec![0; drivers], RATE_HZ);
    let x: Vec<Vec<f32>> = (0..drivers).map(|d| noise(block, d as u32, amplitude)).collect();
    let mut y = x.clone();
    let [median, low, high] = time(block, || {
        for (y, x) in y.iter_mut().zip(&x) {
            y.copy_from_slice(x);
        }
        let mut planes: Vec<&mut [f32]> = y.iter_mut().map(Vec::as_mut_slice).collect();
        limiter.process(black_box(&mut planes));
    });
    let each = drivers as f64;
    println!(
        "limiter {drivers} drivers, {what:16} {:6.2} ns/frame/driver [{:.2} {:.2}]",
        median / each,
        low / each,
        high / each
    );
}

fn upmix(mode: UpmixMode) -> f64 {
    let block = 256;
    let spec = UpmixSpec { mode, center_width: 0.0 };
    let Ok(mut upmix) = Upmix::new(&spec, RATE_HZ, block) else { return f64::NAN };
    let signal: Vec<Vec<f32>> = (0..2).map(|i| noise(48_000, i, 0.5)).collect();
    let mut out = vec![vec![0.0; block]; 3];
    let mut at = 0;
    let [median, low, high] = time(block, || {
        let [left, right, center] = &mut out[..] else { return };
        upmix.process(&signal[0][at..at + block], &signal[1][at..at + block], left, right, center);
        at = (at + block) % (48_000 - block);
    });
    println!("upmix {:17} {median:6.2} ns/frame [{low:.2} {high:.2}]", mode.name());
    median
}

fn chain(mode: UpmixMode, drivers: usize, taps: usize, block: usize, amplitude: f32) {
    let spec = ChainSpec {
        sample_rate_hz: RATE_HZ,
        block_frames: block,
        upmix: UpmixSpec { mode, center_width: 0.0 },
        path_delay_frames: [0; 3],
        coefficients: Coefficients::new(drivers, taps, noise(3 * drivers * taps, 1, 0.02)).unwrap(),
        drivers: (0..drivers).map(|d| DriverSpec::flat(format!("driver {d}"), d)).collect(),
        makeup_gain_db: 0.0,
        limiter: Some(LimiterSpec::default()),
    };
    let mut chain = Chain::new(&spec).unwrap();
    let signal: Vec<Vec<f32>> = (0..2).map(|i| noise(48_000, i, amplitude)).collect();
    let mut y = vec![vec![0.0; block]; drivers];
    let mut at = 0;
    let [median, low, high] = time(block, || {
        let mut planes: Vec<&mut [f32]> = y.iter_mut().map(Vec::as_mut_slice).collect();
        chain.process(&signal[0][at..at + block], &signal[1][at..at + block], &mut planes);
        at = (at + block) % (48_000 - block);
    });
    println!(
        "chain {:17} 3x{drivers} {taps:>5} taps, block {block:>4}, gain reduction {:4.1} dB  {median:7.2} ns/frame [{low:.2} {high:.2}]  {:.2} % of a core",
        mode.name(),
        chain.gain_reduction_db(0),
        median * f64::from(RATE_HZ) * 1e-7,
    );
}

fn main() {
    let best = Level::detect();
    for level in Level::available() {
        matrix(level, 3, 6, 2048, 256);
    }
    for (taps, block) in [(1024, 64), (2048, 64), (1024, 256), (4096, 256), (1024, 1024), (2048, 1024), (4096, 1024)] {
        matrix(best, 3, 6, taps, block);
    }
    for outputs in [1, 2, 3, 4, 5, 7, 8, 16] {
        matrix(best, 3, outputs, 2048, 256);
    }
    for (outputs, taps) in [(6, 2048), (4, 512), (3, 512), (2, 512)] {
        matrix(best, 3, outputs, taps, 256);
        mirrored_matrix(best, outputs, taps, 256);
    }
    limiter(6, 0.1, "far below");
    limiter(6, 0.8, "just below");
    limiter(6, 2.0, "limiting");
    for mode in UpmixMode::ALL {
        upmix(mode);
    }
    for mode in UpmixMode::ALL {
        chain(mode, 6, 2048, 256, 0.2);
    }
    chain(UpmixMode::Separation, 6, 2048, 256, 4.0);
    chain(UpmixMode::Separation, 3, 512, 256, 0.2);
}
