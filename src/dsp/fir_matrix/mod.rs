//! The 3×N FIR matrix by uniformly partitioned convolution (overlap-save): one forward transform per input, one inverse
//! per output, whatever the number of paths between them.
//!
//! Wefers, "Partitioned convolution algorithms for real-time auralization", 2015, ch. 5.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::coefficients::Coefficients;
use super::spec::INPUTS;

/// Convolves three inputs with 3×N FIRs and sums them per driver, a block at a time, with no latency beyond the block.
pub struct FirMatrix {
    block_frames: usize,
    partitions: usize,
    taps: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Spectra of the FIRs: [driver][input][partition] of `bins` each.
    filters: Vec<Vec<Complex32>>,
    /// Spectra of the past input blocks: [input], a ring of partitions.
    history: Vec<Vec<Complex32>>,
    newest: usize,
    /// The last block and the one in hand, per input.
    window: Vec<Vec<f32>>,
    time: Vec<f32>,
    sum: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl FirMatrix {
    /// A matrix of `coefficients` at rest, for blocks of `block_frames` frames.
    pub fn new(coefficients: &Coefficients, block_frames: usize) -> FirMatrix {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(2 * block_frames);
        let inverse = planner.plan_fft_inverse(2 * block_frames);
        let partitions = coefficients.taps().div_ceil(block_frames).max(1);
        let bins = block_frames + 1;
        let mut time = forward.make_input_vec();
        let mut scratch = vec![Complex32::default(); forward.get_scratch_len().max(inverse.get_scratch_len())];
        let scale = 1.0 / (2 * block_frames) as f32;
        let filters = (0..coefficients.drivers())
            .map(|driver| {
                let mut spectra = vec![Complex32::default(); INPUTS * partitions * bins];
                for (input, spectra) in spectra.chunks_mut(partitions * bins).enumerate() {
                    let parts = coefficients.fir(input, driver).chunks(block_frames);
                    for (part, spectrum) in parts.zip(spectra.chunks_mut(bins)) {
                        time.fill(0.0);
                        time.iter_mut().zip(part).for_each(|(time, tap)| *time = tap * scale);
                        transform(&*forward, &mut time, spectrum, &mut scratch);
                    }
                }
                spectra
            })
            .collect();
        FirMatrix {
            block_frames,
            partitions,
            taps: coefficients.taps(),
            filters,
            history: vec![vec![Complex32::default(); partitions * bins]; INPUTS],
            newest: 0,
            window: vec![vec![0.0; 2 * block_frames]; INPUTS],
            time,
            sum: vec![Complex32::default(); bins],
            scratch,
            forward,
            inverse,
        }
    }

    /// Taps of every FIR.
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// One block: three inputs of `block_frames` frames in, one plane a driver out.
    pub fn process(&mut self, inputs: [&[f32]; INPUTS], out: &mut [&mut [f32]]) {
        let (block, bins) = (self.block_frames, self.block_frames + 1);
        self.newest = (self.newest + self.partitions - 1) % self.partitions;
        for ((input, window), history) in inputs.iter().zip(&mut self.window).zip(&mut self.history) {
            window.copy_within(block.., 0);
            window[block..].copy_from_slice(input);
            self.time.copy_from_slice(window);
            let spectrum = &mut history[self.newest * bins..][..bins];
            transform(&*self.forward, &mut self.time, spectrum, &mut self.scratch);
        }
        for (filters, out) in self.filters.iter().zip(out) {
            self.sum.fill(Complex32::default());
            for (filters, history) in filters.chunks(self.partitions * bins).zip(&self.history) {
                for (age, filter) in filters.chunks(bins).enumerate() {
                    let past = &history[(self.newest + age) % self.partitions * bins..][..bins];
                    for ((sum, x), h) in self.sum.iter_mut().zip(past).zip(filter) {
                        *sum += x * h;
                    }
                }
            }
            // The ends of a real signal's spectrum are real.
            self.sum[0].im = 0.0;
            self.sum[block].im = 0.0;
            let done = self.inverse.process_with_scratch(&mut self.sum, &mut self.time, &mut self.scratch);
            debug_assert!(done.is_ok(), "all lengths are fixed at construction");
            out.copy_from_slice(&self.time[block..]);
        }
    }

    /// Back to silence.
    pub fn reset(&mut self) {
        self.history.iter_mut().for_each(|past| past.fill(Complex32::default()));
        self.window.iter_mut().for_each(|window| window.fill(0.0));
        self.newest = 0;
    }
}

fn transform(fft: &dyn RealToComplex<f32>, time: &mut [f32], spectrum: &mut [Complex32], scratch: &mut [Complex32]) {
    let done = fft.process_with_scratch(time, spectrum, scratch);
    debug_assert!(done.is_ok(), "all lengths are fixed at construction");
}
