//! The multiplications: for every block of bins, the sum over inputs and partitions of input spectrum times FIR
//! spectrum, for several outputs at once.

use super::plan::Pass;
use crate::dsp::simd::{Kernel, Simd};
use crate::dsp::transform::Bins;

/// One pass over all bins.
pub(super) struct Accumulate<'a> {
    pub pass: &'a Pass,
    pub history: &'a [Bins],
    /// Length of one row of the history: all slots of all inputs.
    pub stride: usize,
    /// Spectra of the outputs, one after the other.
    pub sums: &'a mut [Bins],
}

impl Kernel for Accumulate<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match (self.pass.outputs.len(), self.pass.groups) {
            (1, 4) => self.sum::<S, 1, 4>(simd),
            (1, 2) => self.sum::<S, 1, 2>(simd),
            (1, 1) => self.sum::<S, 1, 1>(simd),
            (2, 2) => self.sum::<S, 2, 2>(simd),
            (2, 1) => self.sum::<S, 2, 1>(simd),
            (3, 2) => self.sum::<S, 3, 2>(simd),
            (4, 1) => self.sum::<S, 4, 1>(simd),
            (5, 1) => self.sum::<S, 5, 1>(simd),
            (6, 1) => self.sum::<S, 6, 1>(simd),
            (outputs, groups) => unreachable!("no pass of {outputs} outputs and {groups} blocks of bins is planned"),
        }
    }
}

impl Accumulate<'_> {
    #[inline(always)]
    fn sum<S: Simd, const OUTPUTS: usize, const GROUPS: usize>(self, simd: S) {
        if const { OUTPUTS > S::MAX_OUTPUTS } {
            unreachable!("no pass has more outputs than the registers hold");
        }
        let Accumulate { pass, history, stride, sums } = self;
        let blocks_of_bins = history.len() / stride;
        let row_spectra = pass.offsets.len() * GROUPS * OUTPUTS;
        let rows = history.chunks_exact(stride * GROUPS).zip(pass.spectra.chunks_exact(row_spectra));
        for ((row, spectra), first_block) in rows.zip((0..).step_by(GROUPS)) {
            let place = |output: usize, group: usize| pass.outputs[output] * blocks_of_bins + first_block + group;
            let mut row_sums = [[[simd.splat(0.0); 2]; OUTPUTS]; GROUPS];
            if pass.adds {
                for (group, group_sums) in row_sums.iter_mut().enumerate() {
                    for (output, sum) in group_sums.iter_mut().enumerate() {
                        let before = &sums[place(output, group)];
                        *sum = [simd.load(&before.re), simd.load(&before.im)];
                    }
                }
            }
            multiply::<S, OUTPUTS, GROUPS>(simd, row, stride, &pass.offsets, spectra, &mut row_sums);
            for (group, group_sums) in row_sums.into_iter().enumerate() {
                for (output, [re, im]) in group_sums.into_iter().enumerate() {
                    let sum = &mut sums[place(output, group)];
                    simd.store(re, &mut sum.re);
                    simd.store(im, &mut sum.im);
                }
            }
        }
    }
}

/// Adds all terms, for `GROUPS` blocks of bins.
#[inline(always)]
fn multiply<S: Simd, const OUTPUTS: usize, const GROUPS: usize>(
    simd: S,
    row: &[Bins],
    stride: usize,
    offsets: &[u32],
    spectra: &[Bins],
    sums: &mut [[[S::V; 2]; OUTPUTS]; GROUPS],
) {
    for (&offset, spectra) in offsets.iter().zip(spectra.chunks_exact(GROUPS * OUTPUTS)) {
        for group in 0..GROUPS {
            let x = &row[group * stride + offset as usize];
            let (x_re, x_im) = (simd.load(&x.re), simd.load(&x.im));
            for output in 0..OUTPUTS {
                let h = &spectra[group * OUTPUTS + output];
                let (h_re, h_im) = (simd.load(&h.re), simd.load(&h.im));
                let [re, im] = &mut sums[group][output];
                *re = simd.mul_add(x_re, h_re, *re);
                *im = simd.mul_add(x_im, h_re, *im);
                *re = simd.neg_mul_add(x_im, h_im, *re);
                *im = simd.mul_add(x_re, h_im, *im);
            }
        }
    }
}
