//! Every input through its own FIR to every output, by uniformly partitioned convolution.
//!
//! The method is Gardner's partitioning with Stockham's transform ("Efficient convolution without input-output
//! delay", JAES 43-3, 1995), arranged for many outputs:
//!
//! - one forward transform per input and one inverse transform per output, whatever the number of FIRs, each of as many
//!   complex bins as a block has samples (`transform`);
//! - spectra lie in blocks of eight bins, real parts then imaginary parts: one cache line, two vectors;
//! - for each block of bins the complex sums of all outputs stay in registers while every partition passes by once,
//!   in the order it lies in memory;
//! - partitions and paths that are zero cost nothing (`plan`);
//! - a device that is its own mirror image is computed as middle and side, with half of the products (`mid_side`).

mod accumulate;
mod mid_side;
mod plan;
#[cfg(test)]
mod tests;

use std::fmt;

use accumulate::Accumulate;
use mid_side::MidSide;
use plan::{Pass, Plan};

use super::simd::{Level, Simd};
use super::transform::complex::V;
use super::transform::{Bins, Real, Sink, Transform};

/// How a matrix is computed, chosen when it is built: whatever needs least work. The output is the same within rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Left and right as middle and side, because the device is its own mirror image.
    pub mid_side: bool,
    /// Partitions that are multiplied per block, summed over the paths.
    pub multiplied_partitions: usize,
    /// What they would be if every path had all partitions.
    pub all_partitions: usize,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Form { mid_side, multiplied_partitions, all_partitions } = self;
        let form = if *mid_side { "mid/side" } else { "direct" };
        write!(f, "{form}, {multiplied_partitions} of {all_partitions} partitions multiplied")
    }
}

/// A running matrix of FIRs. Nothing is allocated after construction.
pub struct FirMatrix {
    level: Level,
    block_frames: usize,
    form: Form,
    transform: Transform,
    mid_side: Option<(MidSide, [Vec<f32>; 2])>,
    /// Spectra of the last `slots` blocks of every input: `[block of bins][input][slot]`.
    history: Vec<Bins>,
    /// The newest slot; older ones follow it, around.
    newest: usize,
    slots: usize,
    passes: Vec<Pass>,
    /// Spectra of the outputs, one after the other.
    sums: Vec<Bins>,
    /// What the last block's transform leaves for this one, one plane an output; empty where no path ends.
    tails: Vec<Vec<f32>>,
}

impl FirMatrix {
    /// A matrix at rest, for blocks of `block_frames` (a power of two, at least 16). `firs[input][output]` may have
    /// any length; an empty one is no path. All rows have the same number of outputs.
    pub fn new(block_frames: usize, firs: &[Vec<Vec<f64>>]) -> FirMatrix {
        FirMatrix::with_level(Level::detect(), block_frames, firs)
    }

    /// The same on a chosen instruction set.
    pub fn with_level(level: Level, block_frames: usize, firs: &[Vec<Vec<f64>>]) -> FirMatrix {
        let direct = Plan::new(level, block_frames, firs);
        if let Some((mid_side, firs)) = MidSide::find(firs) {
            let plan = Plan::new(level, block_frames, &firs);
            if plan.cost(level) + mid_side.cost() < direct.cost(level) {
                return FirMatrix::planned(level, block_frames, &firs, plan, Some(mid_side));
            }
        }
        FirMatrix::planned(level, block_frames, firs, direct, None)
    }

    fn planned(
        level: Level,
        block_frames: usize,
        firs: &[Vec<Vec<f64>>],
        plan: Plan,
        mid_side: Option<MidSide>,
    ) -> FirMatrix {
        let inputs = firs.len();
        let outputs = firs.first().map_or(0, Vec::len);
        let slots = plan::partitions(firs, block_frames);
        let passes = plan.passes(level, block_frames, firs);
        let is_reached = |output: usize| passes.iter().any(|pass| pass.outputs.contains(&output));
        FirMatrix {
            level,
            block_frames,
            form: Form {
                mid_side: mid_side.is_some(),
                multiplied_partitions: passes.iter().map(Pass::multiplied_partitions).sum(),
                all_partitions: inputs * outputs * slots,
            },
            transform: Transform::new(level, block_frames),
            mid_side: mid_side.map(|mirror| (mirror, [vec![0.0; block_frames], vec![0.0; block_frames]])),
            history: vec![Bins::default(); block_frames / 8 * inputs * slots],
            newest: 0,
            slots,
            sums: vec![Bins::default(); outputs * block_frames / 8],
            tails: (0..outputs).map(|output| vec![0.0; if is_reached(output) { block_frames } else { 0 }]).collect(),
            passes,
        }
    }

    /// Filters one block: a plane of `block_frames` samples per input and per output. Output sample n answers input
    /// sample n: nothing is added to the FIRs' own delay.
    pub fn process<I: AsRef<[f32]>, O: AsMut<[f32]>>(&mut self, inputs: &[I], outputs: &mut [O]) {
        debug_assert!(inputs.iter().all(|plane| plane.as_ref().len() == self.block_frames));
        let stride = inputs.len() * self.slots;
        self.newest = (self.newest + self.slots - 1) % self.slots;
        if let Some((mirror, [mid, side])) = &mut self.mid_side {
            mirror.split(inputs, mid, side);
        }
        for (index, input) in inputs.iter().enumerate() {
            let plane = match &self.mid_side {
                Some((_, mid_and_side)) if index < mid_and_side.len() => &mid_and_side[index],
                _ => input.as_ref(),
            };
            let spectrum = &mut self.history[index * self.slots + self.newest..];
            self.transform.forward(Real(plane), spectrum, stride);
        }
        for pass in &mut self.passes {
            pass.locate(self.slots, self.newest);
            self.level.run(Accumulate { pass, history: &self.history, stride, sums: &mut self.sums });
        }
        let spectra = self.sums.chunks_exact(self.block_frames / 8);
        for ((spectrum, tail), output) in spectra.zip(&mut self.tails).zip(outputs.iter_mut()) {
            if tail.is_empty() {
                output.as_mut().fill(0.0);
            } else {
                let (block, tail) = (output.as_mut().as_chunks_mut().0, tail.as_chunks_mut().0);
                self.transform.inverse(spectrum, GiveOut { block, tail });
            }
        }
        if let Some((mirror, _)) = &self.mid_side {
            mirror.join(outputs);
        }
    }

    /// Back to the state at construction.
    pub fn reset(&mut self) {
        self.history.fill(Bins::default());
        self.tails.iter_mut().for_each(|tail| tail.fill(0.0));
        self.newest = 0;
    }

    /// Frames of silence after which the output is exactly silent: the partitions, whole, and the tail of the last.
    pub fn memory_frames(&self) -> usize {
        (self.slots + 1) * self.block_frames
    }

    /// How it is computed.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The instruction set it runs on.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Bytes that one block of work touches.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.history[..])
            + self.passes.iter().map(Pass::bytes).sum::<usize>()
            + size_of_val(&self.sums[..])
            + self.transform.bytes()
            + self.tails.iter().map(|tail| size_of_val(&tail[..])).sum::<usize>()
    }
}

/// The first half of a result onto the second half of the last one, and the second half kept.
struct GiveOut<'a> {
    block: &'a mut [[f32; 8]],
    tail: &'a mut [[f32; 8]],
}

impl Sink for GiveOut<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, vector: usize, [now, later]: V<S>) {
        let tail = &mut self.tail[vector];
        simd.store(simd.add(now, simd.load(tail)), &mut self.block[vector]);
        simd.store(later, tail);
    }
}
