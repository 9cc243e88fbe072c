//! `instructions JOB LEVEL BLOCKS`: computes so many blocks of 256 frames, for a tool that counts what that takes.
//!
//! Jobs: `matrix` (3×6 FIRs of 2048 taps), `mid-side` (the same, mirrored), `limiter` (6 drivers, limiting), `upmix`
//! (separation), `low-latency` (the upmix of that name), `chain` (upmix, the matrix, the limiter just not limiting).
//! `levels` prints the instruction sets of this machine.

#[allow(dead_code, unused_imports)]
#[path = "../../../src/dsp/mod.rs"]
mod dsp;

use std::hint::black_box;
use std::process::ExitCode;

use dsp::simd::Level;
use dsp::upmix::UpmixError;
use dsp::{Chain, ChainSpec, Coefficients, DriverSpec, FirMatrix, Limiter, LimiterSpec, Upmix, UpmixMode, UpmixSpec};

const BLOCK: usize = 256;
const TAPS: usize = 2048;
const DRIVERS: usize = 6;

fn noise(frames: usize, seed: usize, amplitude: f32) -> Vec<f32> {
    let mut state = (seed as u32).wrapping_mul(747_796_405).wrapping_add(1);
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * (state as i32 as f32 / i32::MAX as f32)
        })
        .collect()
}

fn planes(count: usize, amplitude: f32) -> Vec<Vec<f32>> {
    (0..count).map(|index| noise(BLOCK, index, amplitude)).collect()
}

/// Driver `DRIVERS` − 1 − d mirrors driver d, or nothing mirrors anything.
fn firs(mirrored: bool) -> Vec<Vec<Vec<f64>>> {
    let seed = |input: usize, driver: usize| match (mirrored, input) {
        (true, 1) => DRIVERS - 1 - driver,
        (true, 2) => 100 + driver.min(DRIVERS - 1 - driver),
        _ => 16 * input + driver,
    };
    let fir = |seed: usize| noise(TAPS, seed, 0.02).into_iter().map(f64::from).collect();
    (0..3).map(|input| (0..DRIVERS).map(|driver| fir(seed(input, driver))).collect()).collect()
}

fn matrix(level: Level, mirrored: bool, blocks: usize) {
    let mut matrix = FirMatrix::with_level(level, BLOCK, &firs(mirrored));
    assert_eq!(matrix.form().mid_side, mirrored);
    let (inputs, mut outputs) = (planes(3, 0.5), planes(DRIVERS, 0.0));
    for _ in 0..blocks {
        matrix.process(black_box(&inputs), black_box(&mut outputs));
    }
}

fn limiter(level: Level, blocks: usize) {
    let mut limiter = Limiter::with_level(level, &LimiterSpec::default(), &[0; DRIVERS], 48_000);
    let (inputs, mut outputs) = (planes(DRIVERS, 2.0), planes(DRIVERS, 0.0));
    for _ in 0..blocks {
        for (output, input) in outputs.iter_mut().zip(&inputs) {
            output.copy_from_slice(input);
        }
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        limiter.process(black_box(&mut slices));
    }
}

fn upmix(level: Level, mode: UpmixMode, blocks: usize) -> Result<(), UpmixError> {
    let mut upmix = Upmix::with_level(level, &UpmixSpec { mode, center_width: 0.0 }, 48_000, BLOCK)?;
    let (inputs, [mut left, mut right, mut center]) = (planes(2, 0.5), [[0.0; BLOCK]; 3]);
    for _ in 0..blocks {
        upmix.process(black_box(&inputs[0]), black_box(&inputs[1]), &mut left, &mut right, &mut center);
        black_box((&left, &right, &center));
    }
    Ok(())
}

fn chain(blocks: usize) -> Result<(), dsp::SpecError> {
    let samples: Vec<f32> = firs(false).iter().flatten().flatten().map(|&tap| tap as f32).collect();
    let mut chain = Chain::new(&ChainSpec {
        sample_rate_hz: 48_000,
        block_frames: BLOCK,
        upmix: UpmixSpec::default(),
        path_delay_frames: [0; 3],
        coefficients: Coefficients::new(DRIVERS, TAPS, samples)?,
        drivers: (0..DRIVERS).map(|driver| DriverSpec::flat(format!("driver {driver}"), driver)).collect(),
        makeup_gain_db: 0.0,
        limiter: Some(LimiterSpec::default()),
    })?;
    let (inputs, mut outputs) = (planes(2, 0.5), planes(DRIVERS, 0.0));
    for _ in 0..blocks {
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        chain.process(black_box(&inputs[0]), black_box(&inputs[1]), &mut slices);
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if arguments == ["levels"] {
        Level::available().iter().for_each(|level| println!("{}", level.name()));
        return ExitCode::SUCCESS;
    }
    let &[job, level, blocks] = &arguments[..] else { return ExitCode::from(2) };
    let level = Level::available().into_iter().find(|available| available.name() == level);
    let (Some(level), Ok(blocks)) = (level, blocks.parse()) else { return ExitCode::from(2) };
    match job {
        "matrix" => matrix(level, false, blocks),
        "mid-side" => matrix(level, true, blocks),
        "limiter" => limiter(level, blocks),
        "upmix" if upmix(level, UpmixMode::Separation, blocks).is_ok() => {}
        "low-latency" if upmix(level, UpmixMode::LowLatency, blocks).is_ok() => {}
        // The chain finds its instruction set by itself: the best one.
        "chain" if level == Level::detect() && chain(blocks).is_ok() => {}
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}
