//! Time of each stage and of the whole chain: `cargo bench --bench stages [-- FILTER]`.
//!
//! Processor time, as what other programs take meanwhile should not count. Throughput is given per frame, for stages
//! whose work grows with the drivers per frame and driver; the chain's name holds nothing but its job, since at 48 kHz
//! 208 ns per frame are 1 % of a core.

use std::hint::black_box;

use criterion::measurement::{Measurement, ValueFormatter};
use criterion::{BenchmarkId, Criterion, Throughput};
use nix::time::{ClockId, clock_gettime};
use spatiald::dsp::simd::Level;
use spatiald::dsp::{
    Chain, ChainSpec, Coefficients, DriverSpec, FirMatrix, Limiter, LimiterSpec, Upmix, UpmixMode, UpmixSpec,
};

const RATE_HZ: u32 = 48_000;
const BLOCK_FRAMES: usize = 256;

/// Processor time of the calling thread, in ns.
struct ThreadTime;

impl Measurement for ThreadTime {
    type Intermediate = f64;
    type Value = f64;

    fn start(&self) -> f64 {
        let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has a clock per thread");
        time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64
    }

    fn end(&self, start: f64) -> f64 {
        self.start() - start
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &PerFrame
    }
}

/// ns and, as throughput, ns per frame.
struct PerFrame;

impl ValueFormatter for PerFrame {
    fn scale_values(&self, _typical: f64, _values: &mut [f64]) -> &'static str {
        "ns"
    }

    fn scale_throughputs(&self, _typical: f64, throughput: &Throughput, values: &mut [f64]) -> &'static str {
        let frames = match *throughput {
            Throughput::Elements(frames) => frames as f64,
            _ => return "ns",
        };
        for value in values {
            *value /= frames;
        }
        "ns/frame"
    }

    fn scale_for_machines(&self, _values: &mut [f64]) -> &'static str {
        "ns"
    }
}

type Bench = Criterion<ThreadTime>;

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
fn firs(outputs: usize, taps: usize) -> Vec<Vec<Vec<f64>>> {
    (0..3)
        .map(|i| {
            let fir = |o: usize| noise(taps, (i * 16 + o) as u32, 0.05).into_iter().map(f64::from).collect();
            (0..outputs).map(fir).collect()
        })
        .collect()
}

/// FIRs of a device whose left half mirrors its right one.
fn mirrored_firs(outputs: usize, taps: usize) -> Vec<Vec<Vec<f64>>> {
    let mut firs = firs(outputs, taps);
    for output in 0..outputs {
        firs[1][outputs - 1 - output] = firs[0][output].clone();
        firs[2][outputs - 1 - output] = firs[2][output].clone();
    }
    firs
}

fn matrix(bench: &mut Bench, level: Level, block_frames: usize, firs: &[Vec<Vec<f64>>]) {
    let (inputs, outputs, taps) = (firs.len(), firs[0].len(), firs[0][0].len());
    let mut matrix = FirMatrix::with_level(level, block_frames, firs);
    let x: Vec<Vec<f32>> = (0..inputs).map(|i| noise(block_frames, i as u32, 0.5)).collect();
    let mut y = vec![vec![0.0; block_frames]; outputs];
    let job = format!(
        "{inputs}x{outputs}, {taps} taps, block {block_frames}, {}, {} ({} KiB)",
        level.name(),
        matrix.form(),
        matrix.bytes() / 1024
    );
    let mut group = bench.benchmark_group("matrix, per driver");
    group.throughput(Throughput::Elements((block_frames * outputs) as u64));
    group.bench_function(job, |b| b.iter(|| matrix.process(black_box(&x), black_box(&mut y))));
    group.finish();
}

fn matrices(bench: &mut Bench) {
    let best = Level::detect();
    for level in Level::available() {
        matrix(bench, level, 256, &firs(6, 2048));
    }
    for (taps, block_frames) in
        [(1024, 64), (2048, 64), (1024, 256), (4096, 256), (1024, 1024), (2048, 1024), (4096, 1024)]
    {
        matrix(bench, best, block_frames, &firs(6, taps));
    }
    for outputs in [1, 2, 3, 4, 5, 7, 8, 16] {
        matrix(bench, best, 256, &firs(outputs, 2048));
    }
    for (outputs, taps) in [(6, 2048), (4, 512), (3, 512), (2, 512)] {
        matrix(bench, best, 256, &firs(outputs, taps));
        matrix(bench, best, 256, &mirrored_firs(outputs, taps));
    }
}

fn limiters(bench: &mut Bench) {
    const DRIVERS: usize = 6;
    let mut group = bench.benchmark_group("limiter of 6 drivers");
    group.throughput(Throughput::Elements(BLOCK_FRAMES as u64));
    for (amplitude, what) in [(0.1, "far below the ceiling"), (0.8, "just below"), (2.0, "limiting")] {
        let mut limiter = Limiter::new(&LimiterSpec::default(), &[0; DRIVERS], RATE_HZ);
        let x: Vec<Vec<f32>> = (0..DRIVERS).map(|d| noise(BLOCK_FRAMES, d as u32, amplitude)).collect();
        let mut y = x.clone();
        group.bench_function(what, |b| {
            b.iter(|| {
                for (y, x) in y.iter_mut().zip(&x) {
                    y.copy_from_slice(x);
                }
                let [a, b, c, d, e, f] = &mut y[..] else { return };
                limiter.process(black_box(&mut [a, b, c, d, e, f]));
            });
        });
    }
    group.finish();
}

fn upmixes(bench: &mut Bench) {
    let mut group = bench.benchmark_group("upmix");
    group.throughput(Throughput::Elements(BLOCK_FRAMES as u64));
    for mode in UpmixMode::ALL {
        let spec = UpmixSpec { mode, center_width: 0.0 };
        let mut upmix = Upmix::new(&spec, RATE_HZ, BLOCK_FRAMES).expect("a sound specification");
        let signal = [noise(48_000, 0, 0.5), noise(48_000, 1, 0.5)];
        let mut out = vec![vec![0.0; BLOCK_FRAMES]; 3];
        let mut at = 0;
        group.bench_function(mode.name(), |b| {
            b.iter(|| {
                let [left, right, center] = &mut out[..] else { return };
                let part = at..at + BLOCK_FRAMES;
                upmix.process(&signal[0][part.clone()], &signal[1][part], left, right, center);
                at = (at + BLOCK_FRAMES) % (48_000 - BLOCK_FRAMES);
            });
        });
    }
    group.finish();
}

fn chain(bench: &mut Bench, mode: UpmixMode, drivers: usize, taps: usize, amplitude: f32, what: &str) {
    let spec = ChainSpec {
        sample_rate_hz: RATE_HZ,
        block_frames: BLOCK_FRAMES,
        upmix: UpmixSpec { mode, center_width: 0.0 },
        path_delay_frames: [0; 3],
        coefficients: Coefficients::new(drivers, taps, noise(3 * drivers * taps, 1, 0.02)).expect("matching lengths"),
        drivers: (0..drivers).map(|d| DriverSpec::flat(format!("driver {d}"), d)).collect(),
        makeup_gain_db: 0.0,
        limiter: Some(LimiterSpec::default()),
    };
    let mut chain = Chain::new(&spec).expect("a sound specification");
    let signal = [noise(48_000, 0, amplitude), noise(48_000, 1, amplitude)];
    let mut y = vec![vec![0.0; BLOCK_FRAMES]; drivers];
    let mut at = 0;
    let mut group = bench.benchmark_group("chain");
    group.throughput(Throughput::Elements(BLOCK_FRAMES as u64));
    group.bench_function(BenchmarkId::new(mode.name(), format!("3x{drivers}, {taps} taps, {what}")), |b| {
        let mut planes: Vec<&mut [f32]> = y.iter_mut().map(Vec::as_mut_slice).collect();
        b.iter(|| {
            let part = at..at + BLOCK_FRAMES;
            chain.process(&signal[0][part.clone()], &signal[1][part], black_box(&mut planes));
            at = (at + BLOCK_FRAMES) % (48_000 - BLOCK_FRAMES);
        });
    });
    group.finish();
}

fn main() {
    let mut bench = Criterion::default().with_measurement(ThreadTime).without_plots().configure_from_args();
    matrices(&mut bench);
    limiters(&mut bench);
    upmixes(&mut bench);
    for mode in UpmixMode::ALL {
        chain(&mut bench, mode, 6, 2048, 0.2, "not limiting");
    }
    chain(&mut bench, UpmixMode::Separation, 6, 2048, 4.0, "limiting");
    chain(&mut bench, UpmixMode::Separation, 3, 512, 0.2, "not limiting");
    bench.final_summary();
}
