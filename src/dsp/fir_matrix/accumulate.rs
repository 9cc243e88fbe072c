//! The multiplications: for every block of bins, the sum over inputs and partitions of input spectrum times FIR
//! spectrum, for several outputs at once.

use super::Bins;
use super::plan::Pass;
use super::transform::Spectra;
use crate::dsp::simd::{Kernel, Simd};

/// One pass over all bins.
pub(super) struct Accumulate<'a> {
    pub pass: &'a Pass,
    pub history: &'a [Bins],
    /// Length of one row of the history: all slots of all inputs.
    pub stride: usize,
    pub sums: &'a mut Spectra,
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
        let mut rows = history.chunks_exact(stride * GROUPS);
        let row_spectra = pass.offsets.len() * GROUPS * OUTPUTS;
        for (row, first_block) in rows.by_ref().zip((0..).step_by(GROUPS)) {
            let spectra = &pass.spectra[first_block / GROUPS * row_spectra..][..row_spectra];
            let row_sums = if first_block == 0 {
                row_sums::<S, OUTPUTS, GROUPS, true>(simd, row, stride, &pass.offsets, spectra)
            } else {
                row_sums::<S, OUTPUTS, GROUPS, false>(simd, row, stride, &pass.offsets, spectra)
            };
            for (group, group_sums) in row_sums.into_iter().enumerate() {
                for (&output, [re, im]) in pass.outputs.iter().zip(group_sums) {
                    sums.store(simd, output, first_block + group, re, im);
                }
            }
        }
    }
}

/// Sums over all terms, for `GROUPS` blocks of bins. `FIRST` says that lane 0 of the first block holds two real bins,
/// DC and Nyquist, instead of one complex one: its product is real times real and imaginary times imaginary.
#[inline(always)]
fn row_sums<S: Simd, const OUTPUTS: usize, const GROUPS: usize, const FIRST: bool>(
    simd: S,
    row: &[Bins],
    stride: usize,
    offsets: &[u32],
    spectra: &[Bins],
) -> [[[S::V; 2]; OUTPUTS]; GROUPS] {
    let mut sums = [[[simd.splat(0.0); 2]; OUTPUTS]; GROUPS];
    for (&offset, spectra) in offsets.iter().zip(spectra.chunks_exact(GROUPS * OUTPUTS)) {
        for group in 0..GROUPS {
            let x = &row[group * stride + offset as usize];
            let (x_re, x_im) = (simd.load(&x.re), simd.load(&x.im));
            // What multiplies the FIR's imaginary part, towards the imaginary and the real sum.
            let (across_re, across_im) = if FIRST && group == 0 {
                (simd.with_first(x_im, x_re), simd.with_first(simd.splat(0.0), x_im))
            } else {
                (x_re, x_im)
            };
            for output in 0..OUTPUTS {
                let h = &spectra[group * OUTPUTS + output];
                let (h_re, h_im) = (simd.load(&h.re), simd.load(&h.im));
                let [re, im] = &mut sums[group][output];
                *re = simd.mul_add(x_re, h_re, *re);
                *im = simd.mul_add(across_im, h_re, *im);
                *re = simd.neg_mul_add(across_im, h_im, *re);
                *im = simd.mul_add(across_re, h_im, *im);
            }
        }
    }
    sums
}
