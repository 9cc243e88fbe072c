//! The engines, behind one interface.

use std::ffi::{c_int, c_uint, c_void};
use std::sync::Arc;

use fft_convolver::FFTConvolver;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::Job;
use crate::dsp::FirMatrix;

/// One block of planes in, one out.
pub trait Engine {
    fn name(&self) -> &'static str;
    fn process(&mut self, inputs: &[Vec<f32>], outputs: &mut [Vec<f32>]);
}

/// `spatiald::dsp::FirMatrix`.
pub struct Ours(FirMatrix);

impl Ours {
    pub fn new(job: &Job) -> Ours {
        let row = |row: &Vec<Vec<f32>>| row.iter().map(|fir| fir.iter().map(|&tap| tap.into()).collect()).collect();
        let firs: Vec<Vec<Vec<f64>>> = job.firs.iter().map(row).collect();
        Ours(FirMatrix::new(job.block, &firs))
    }
}

impl Engine for Ours {
    fn name(&self) -> &'static str {
        "spatiald"
    }
    fn process(&mut self, inputs: &[Vec<f32>], outputs: &mut [Vec<f32>]) {
        self.0.process(inputs, outputs);
    }
}

unsafe extern "C" {
    fn zita_new(inputs: c_uint, outputs: c_uint, taps: c_uint, block: c_uint) -> *mut c_void;
    fn zita_fir(engine: *mut c_void, input: c_uint, output: c_uint, fir: *mut f32, taps: c_int) -> c_int;
    fn zita_start(engine: *mut c_void) -> c_int;
    fn zita_input(engine: *mut c_void, input: c_uint) -> *mut f32;
    fn zita_output(engine: *mut c_void, output: c_uint) -> *mut f32;
    fn zita_process(engine: *mut c_void) -> c_int;
    fn zita_delete(engine: *mut c_void);
}

/// zita-convolver, vector mode.
pub struct Zita {
    engine: *mut c_void,
    block: usize,
}

impl Zita {
    /// `None` where it refuses the job.
    pub fn new(job: &Job) -> Option<Zita> {
        let (inputs, outputs) = (job.inputs as c_uint, job.outputs as c_uint);
        // SAFETY: plain numbers; a refusal is a null pointer.
        let engine = unsafe { zita_new(inputs, outputs, job.taps as c_uint, job.block as c_uint) };
        if engine.is_null() {
            return None;
        }
        for (input, row) in job.firs.iter().enumerate() {
            for (output, fir) in row.iter().enumerate() {
                let mut fir = fir.clone();
                // SAFETY: the engine is live and copies `taps` samples, which `fir` has.
                let refused =
                    unsafe { zita_fir(engine, input as c_uint, output as c_uint, fir.as_mut_ptr(), job.taps as c_int) };
                assert_eq!(refused, 0, "zita-convolver takes the FIR");
            }
        }
        // SAFETY: the engine is live and configured.
        assert_eq!(unsafe { zita_start(engine) }, 0, "zita-convolver starts");
        Some(Zita { engine, block: job.block })
    }
}

impl Engine for Zita {
    fn name(&self) -> &'static str {
        "zita-convolver"
    }
    fn process(&mut self, inputs: &[Vec<f32>], outputs: &mut [Vec<f32>]) {
        // SAFETY: the engine is live; its planes have `block` samples at this moment, and so have ours.
        unsafe {
            for (index, input) in inputs.iter().enumerate() {
                std::slice::from_raw_parts_mut(zita_input(self.engine, index as c_uint), self.block)
                    .copy_from_slice(input);
            }
            zita_process(self.engine);
            for (index, output) in outputs.iter_mut().enumerate() {
                let plane = std::slice::from_raw_parts(zita_output(self.engine, index as c_uint), self.block);
                output.copy_from_slice(plane);
            }
        }
    }
}

impl Drop for Zita {
    fn drop(&mut self) {
        // SAFETY: the engine is live and not used again.
        unsafe { zita_delete(self.engine) }
    }
}

/// The straightforward version: realfft, transforms shared, one multiplication after the other.
pub struct Plain {
    block: usize,
    partitions: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// `[input][output][partition]`
    filters: Vec<Vec<Vec<Vec<Complex32>>>>,
    /// `[input][slot]`
    history: Vec<Vec<Vec<Complex32>>>,
    newest: usize,
    windows: Vec<Vec<f32>>,
    time: Vec<f32>,
    sum: Vec<Complex32>,
}

impl Plain {
    pub fn new(job: &Job) -> Plain {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(2 * job.block);
        let inverse = planner.plan_fft_inverse(2 * job.block);
        let partitions = job.taps.div_ceil(job.block);
        let spectrum = |part: &[f32]| {
            let mut time = forward.make_input_vec();
            time.iter_mut().zip(part).for_each(|(time, tap)| *time = tap / (2 * job.block) as f32);
            let mut spectrum = forward.make_output_vec();
            forward.process(&mut time, &mut spectrum).expect("the lengths are the plan's");
            spectrum
        };
        let fir = |fir: &Vec<f32>| fir.chunks(job.block).map(spectrum).collect();
        Plain {
            block: job.block,
            partitions,
            filters: job.firs.iter().map(|row| row.iter().map(fir).collect()).collect(),
            history: vec![vec![forward.make_output_vec(); partitions]; job.inputs],
            newest: 0,
            windows: vec![vec![0.0; 2 * job.block]; job.inputs],
            time: forward.make_input_vec(),
            sum: forward.make_output_vec(),
            forward,
            inverse,
        }
    }
}

impl Engine for Plain {
    fn name(&self) -> &'static str {
        "plain realfft"
    }
    fn process(&mut self, inputs: &[Vec<f32>], outputs: &mut [Vec<f32>]) {
        self.newest = (self.newest + self.partitions - 1) % self.partitions;
        for ((window, input), history) in self.windows.iter_mut().zip(inputs).zip(&mut self.history) {
            window.copy_within(self.block.., 0);
            window[self.block..].copy_from_slice(input);
            self.time.copy_from_slice(window);
            self.forward.process(&mut self.time, &mut history[self.newest]).expect("the lengths are the plan's");
        }
        for (index, output) in outputs.iter_mut().enumerate() {
            self.sum.fill(Complex32::default());
            for (history, row) in self.history.iter().zip(&self.filters) {
                for (partition, h) in row[index].iter().enumerate() {
                    let x = &history[(self.newest + partition) % self.partitions];
                    self.sum.iter_mut().zip(x.iter().zip(h)).for_each(|(sum, (x, h))| *sum += x * h);
                }
            }
            self.sum[0].im = 0.0;
            self.sum[self.block].im = 0.0;
            self.inverse.process(&mut self.sum, &mut self.time).expect("the lengths are the plan's");
            output.copy_from_slice(&self.time[self.block..]);
        }
    }
}

/// The `fft-convolver` crate: one engine per path.
pub struct Convolver {
    paths: Vec<Vec<FFTConvolver<f32>>>,
    part: Vec<f32>,
}

impl Convolver {
    pub fn new(job: &Job) -> Convolver {
        let engine = |fir: &Vec<f32>| {
            let mut engine = FFTConvolver::default();
            engine.init(job.block, fir).expect("fft-convolver takes the FIR");
            engine
        };
        Convolver {
            paths: job.firs.iter().map(|row| row.iter().map(engine).collect()).collect(),
            part: vec![0.0; job.block],
        }
    }
}

impl Engine for Convolver {
    fn name(&self) -> &'static str {
        "fft-convolver"
    }
    fn process(&mut self, inputs: &[Vec<f32>], outputs: &mut [Vec<f32>]) {
        for (index, output) in outputs.iter_mut().enumerate() {
            output.fill(0.0);
            for (input, row) in inputs.iter().zip(&mut self.paths) {
                row[index].process(input, &mut self.part).expect("the lengths are the engine's");
                output.iter_mut().zip(&self.part).for_each(|(sum, part)| *sum += part);
            }
        }
    }
}
