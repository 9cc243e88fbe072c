//! Every input through its own FIR to every output, by uniformly partitioned overlap-save convolution.
//!
//! The method is Gardner's partitioning with Stockham's transform ("Efficient convolution without input-output
//! delay", JAES 43-3, 1995), arranged for many outputs:
//!
//! - one forward transform per input and one inverse transform per output, whatever the number of FIRs; where there
//!   are two inputs or two outputs, one complex transform serves both as its real and imaginary part;
//! - spectra lie in blocks of eight bins, real parts then imaginary parts: one cache line, two vectors;
//! - for each block of bins the complex sums of all outputs stay in registers while every partition passes by once,
//!   in the order it lies in memory;
//! - exactly `block_frames` bins: the Nyquist bin, which is real, travels as the imaginary part of bin 0;
//! - partitions and paths that are zero cost nothing.

mod accumulate;
mod plan;
#[cfg(test)]
mod tests;
mod transform;

use accumulate::Accumulate;
use plan::Pass;
use transform::{Channels, Transform};

use super::simd::Level;

/// Eight bins of a spectrum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
struct Bins {
    re: [f32; 8],
    im: [f32; 8],
}

/// A running matrix of FIRs. Nothing is allocated after construction.
pub struct FirMatrix {
    level: Level,
    block_frames: usize,
    transform: Transform,
    inputs: Vec<Channels>,
    outputs: Vec<Channels>,
    /// Spectra of the last `slots` blocks of every input: `[block of bins][input][slot]`.
    history: Vec<Bins>,
    /// The newest slot; older ones follow it, around.
    newest: usize,
    slots: usize,
    passes: Vec<Pass>,
    /// Spectra of the outputs.
    sums: transform::Spectra,
}

impl FirMatrix {
    /// A matrix at rest, for blocks of `block_frames` (a power of two, at least 16). `firs[input][output]` may have
    /// any length; an empty one is no path. All rows have the same number of outputs.
    pub fn new(block_frames: usize, firs: &[Vec<Vec<f64>>]) -> FirMatrix {
        FirMatrix::with_level(Level::detect(), block_frames, firs)
    }

    /// The same on a chosen instruction set.
    pub fn with_level(level: Level, block_frames: usize, firs: &[Vec<Vec<f64>>]) -> FirMatrix {
        let inputs = firs.len();
        let outputs = firs.first().map_or(0, Vec::len);
        let slots = plan::partitions(firs, block_frames);
        FirMatrix {
            level,
            block_frames,
            transform: Transform::new(level, block_frames),
            inputs: Channels::pairs(inputs, block_frames),
            outputs: Channels::pairs(outputs, block_frames),
            history: vec![Bins::default(); block_frames / 8 * inputs * slots],
            newest: 0,
            slots,
            passes: plan::passes(level, block_frames, firs),
            sums: transform::Spectra::new(outputs, block_frames),
        }
    }

    /// Filters one block: a plane of `block_frames` samples per input and per output. Output sample n answers input
    /// sample n: nothing is added to the FIRs' own delay.
    pub fn process<I: AsRef<[f32]>, O: AsMut<[f32]>>(&mut self, inputs: &[I], outputs: &mut [O]) {
        debug_assert!(inputs.iter().all(|plane| plane.as_ref().len() == self.block_frames));
        let stride = inputs.len() * self.slots;
        self.newest = (self.newest + self.slots - 1) % self.slots;
        for channels in &mut self.inputs {
            self.transform.forward(channels, inputs, &mut self.history, self.slots, self.newest);
        }
        for pass in &mut self.passes {
            pass.locate(self.slots, self.newest);
            self.level.run(Accumulate { pass, history: &self.history, stride, sums: &mut self.sums });
        }
        self.sums.unpack_nyquist();
        for channels in &mut self.outputs {
            self.transform.inverse(channels, &self.sums, outputs);
        }
    }

    /// Back to the state at construction.
    pub fn reset(&mut self) {
        self.history.fill(Bins::default());
        self.inputs.iter_mut().for_each(Channels::reset);
        self.newest = 0;
    }

    /// Frames of silence after which the output is exactly silent: the partitions, whole.
    pub fn memory_frames(&self) -> usize {
        // A block of input lies in two windows.
        (self.slots + 1) * self.block_frames
    }

    /// Partitions that are multiplied per block, summed over the paths: the work that zeros did not save.
    pub fn multiplied_partitions(&self) -> usize {
        self.passes.iter().map(Pass::multiplied_partitions).sum()
    }

    /// The instruction set it runs on.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Bytes that one block of work touches.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.history[..])
            + self.passes.iter().map(Pass::bytes).sum::<usize>()
            + self.sums.bytes()
            + self.transform.bytes()
            + self.inputs.iter().chain(&self.outputs).map(Channels::bytes).sum::<usize>()
    }
}
