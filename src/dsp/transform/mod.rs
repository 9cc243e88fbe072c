//! Real signals to spectra and back, one at a time.
//!
//! B samples are a polynomial x(Y) of degree B − 1. Taken modulo Y^B − j its spectrum is its values at the B roots: B
//! complex bins, with no special case for DC or Nyquist, and no second signal to disentangle. Two uses:
//!
//! - convolution ([`Real`]): a product of two blocks, 2B samples long, needs no zero padding: what runs over the end
//!   comes back multiplied by j, so the real part holds the first B samples and the imaginary part the other B (the
//!   *right-angle convolution* of Crandall and Fagin, "Discrete weighted transforms and large-integer arithmetic", Math.
//!   Comp. 62, 1994);
//! - spectra of 2B real samples: modulo Y^B − j the second half is the first's imaginary part, and the bins are all
//!   those at odd multiples of half a bin of 2B points (an odd-frequency discrete Fourier transform).
//!
//! Bin m is the value at e^(2πj(m + ¼)/B). Real signals make X(m) the spectrum at (2m + ½)/2B cycles per sample in the
//! lower half, and the conjugate of that at (2(B − 1 − m) + 3/2)/2B in the upper: the bins of 2B real samples are 0, 2,
//! 4…, 5*, 3*, 1*.
//!
//! It is computed by splitting Y^L − c into Y^(L/4) − ∜c (Fiduccia, "Polynomial evaluation via the division algorithm:
//! the fast Fourier transform revisited", STOC 1972), whose twiddle factors are the same for all coefficients of a node:
//! whole vectors of neighboring samples go through all splits without a shuffle, down to one vector a node. Eight nodes
//! whose roots are neighbors are then transposed, and their last splits, eight-fold, are done lane by lane: eight
//! neighboring bins to a vector. The vectors stay where the splits leave them, on both sides alike: [`place`].

pub mod complex;
mod ends;
mod splits;
#[cfg(test)]
mod tests;

use std::f64::consts::{FRAC_PI_2, PI};

use super::simd::{Kernel, Level, Simd};
use complex::store;
pub use ends::{Coefficient, Real, Sink, Source};
use splits::{Splits, halves, join_all_fours, join_eight, quarters, reversed, split_all_in_four, split_in_eight};

/// Eight bins of a spectrum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Bins {
    pub re: [f32; 8],
    pub im: [f32; 8],
}

/// The transforms of one length. Nothing is allocated after construction.
pub struct Transform {
    level: Level,
    splits: Splits,
    /// One spectrum, or whatever is on its way to one.
    work: Vec<Bins>,
}

impl Transform {
    /// Of `bins` complex bins, a power of two, at least 16.
    pub fn new(level: Level, bins: usize) -> Transform {
        debug_assert!(bins.is_power_of_two() && bins >= 16, "{bins} bins");
        let vectors = bins / 8;
        Transform { level, splits: Splits::new(vectors), work: vec![Bins::default(); vectors.next_multiple_of(8)] }
    }

    /// Writes the spectrum of `source` to every `stride`th place of `spectrum`, eight neighboring bins each, in the order
    /// of [`place`].
    pub fn forward(&mut self, source: impl Source, spectrum: &mut [Bins], stride: usize) {
        let work = &mut self.work;
        self.level.run(Forward { splits: &self.splits, work, source, spectrum, stride });
    }

    /// Gives the coefficients whose values are `spectrum`, times the number of bins, to `sink`.
    pub fn inverse(&mut self, spectrum: &[Bins], sink: impl Sink) {
        self.level.run(Inverse { splits: &self.splits, work: &mut self.work, spectrum, sink });
    }

    /// Bytes that one transform touches beside its input and output.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.work[..]) + self.splits.bytes()
    }
}

/// The place among `vectors` of the eight neighboring bins from 8 · `vector` on. The eight mirrored ones lie as far from
/// the other end.
pub fn place(vector: usize, vectors: usize) -> usize {
    reversed(vector, vectors)
}

/// The spectrum of at most `bins` samples in double precision, vectors in the order of [`place`].
pub fn spectrum_f64(samples: &[f64], bins: usize) -> Vec<[f64; 2]> {
    let mut values: Vec<[f64; 2]> = vec![[0.0; 2]; bins];
    values.iter_mut().zip(samples).for_each(|(value, &sample)| value[0] = sample);
    split_f64(&mut values, FRAC_PI_2);
    let bin = |index: usize| 8 * place(index / 8, bins / 8) + index % 8;
    (0..bins).map(|index| values[reversed(bin(index), bins)]).collect()
}

/// A polynomial modulo Y^L − e^(jθ) into its values at the roots, by splits in two.
fn split_f64(values: &mut [[f64; 2]], angle: f64) {
    let half = values.len() / 2;
    if half == 0 {
        return;
    }
    let (sin, cos) = (angle / 2.0).sin_cos();
    let (low, high) = values.split_at_mut(half);
    for (a, b) in low.iter_mut().zip(high.iter_mut()) {
        let turned = [b[0] * cos - b[1] * sin, b[0] * sin + b[1] * cos];
        *b = [a[0] - turned[0], a[1] - turned[1]];
        *a = [a[0] + turned[0], a[1] + turned[1]];
    }
    split_f64(low, angle / 2.0);
    split_f64(high, angle / 2.0 + PI);
}

struct Forward<'a, I> {
    splits: &'a Splits,
    work: &'a mut [Bins],
    source: I,
    spectrum: &'a mut [Bins],
    stride: usize,
}

impl<I: Source> Kernel for Forward<'_, I> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { splits, work, source, spectrum, stride } = self;
        let vectors = splits.vectors;
        if splits.first_in_two {
            ends::split_in_two(simd, splits.first[0], source, &mut work[..vectors]);
        } else {
            ends::split_in_four(simd, splits.first, source, &mut work[..vectors]);
        }
        for nodes in &splits.inner {
            split_all_in_four(simd, nodes, &mut work[..vectors]);
        }
        if vectors < 8 {
            return few_nodes(simd, splits, work, spectrum, stride);
        }
        let [a, b, c, d, e, f, g, h] = octants(&work[..vectors]);
        for (group, (twiddles, row)) in splits.last.iter().zip(spectrum.chunks_mut(8 * stride)).enumerate() {
            let nodes = [&a[group], &e[group], &c[group], &g[group], &b[group], &f[group], &d[group], &h[group]];
            let leaves = split_in_eight(simd, twiddles, nodes);
            if stride == 1 {
                for (leaf, place) in leaves.into_iter().zip(row) {
                    store(simd, leaf, place);
                }
            } else {
                for (leaf, place) in leaves.into_iter().zip(row.chunks_mut(stride)) {
                    store(simd, leaf, &mut place[0]);
                }
            }
        }
    }
}

/// Eight parts of equal length. In the order of their nodes' roots they are the parts 0, 4, 2, 6, 1, 5, 3, 7.
#[inline(always)]
fn octants(all: &[Bins]) -> [&[Bins]; 8] {
    let length = all.len() / 8;
    let part = |index: usize| &all[index * length..][..length];
    [part(0), part(1), part(2), part(3), part(4), part(5), part(6), part(7)]
}

/// The last splits where there are fewer than eight nodes: the other lanes hold the first one's, for nothing.
#[inline(always)]
fn few_nodes<S: Simd>(simd: S, splits: &Splits, work: &[Bins], spectrum: &mut [Bins], stride: usize) {
    let vectors = splits.vectors;
    let mut nodes = [&work[0]; 8];
    for (index, node) in nodes[..vectors].iter_mut().enumerate() {
        *node = &work[reversed(index, vectors)];
    }
    let mut leaves = [Bins::default(); 8];
    for (value, leaf) in split_in_eight(simd, &splits.last[0], nodes).into_iter().zip(&mut leaves) {
        store(simd, value, leaf);
    }
    for bin in 0..8 * vectors {
        let (leaf, node) = (&leaves[reversed(bin / vectors, 8)], bin % vectors);
        let place = &mut spectrum[place(bin / 8, vectors) * stride];
        (place.re[bin % 8], place.im[bin % 8]) = (leaf.re[node], leaf.im[node]);
    }
}

struct Inverse<'a, O> {
    splits: &'a Splits,
    work: &'a mut [Bins],
    spectrum: &'a [Bins],
    sink: O,
}

impl<O: Sink> Kernel for Inverse<'_, O> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Inverse { splits, work, spectrum, sink } = self;
        let vectors = splits.vectors;
        if vectors < 8 {
            join_few_nodes(simd, splits, spectrum, work);
        } else {
            let [[a, b, c, d], [e, f, g, h]] = halves(&mut work[..vectors]).map(quarters);
            for (group, (twiddles, leaves)) in splits.last.iter().zip(spectrum.as_chunks::<8>().0).enumerate() {
                let nodes = [
                    &mut a[group],
                    &mut e[group],
                    &mut c[group],
                    &mut g[group],
                    &mut b[group],
                    &mut f[group],
                    &mut d[group],
                    &mut h[group],
                ];
                join_eight(simd, twiddles, leaves, nodes);
            }
        }
        for nodes in splits.inner.iter().rev() {
            join_all_fours(simd, nodes, &mut work[..vectors]);
        }
        if splits.first_in_two {
            ends::join_two(simd, splits.first[0], &work[..vectors], sink);
        } else {
            ends::join_four(simd, splits.first, &work[..vectors], sink);
        }
    }
}

#[inline(always)]
fn join_few_nodes<S: Simd>(simd: S, splits: &Splits, spectrum: &[Bins], work: &mut [Bins]) {
    let vectors = splits.vectors;
    let mut leaves = [Bins::default(); 8];
    for bin in 0..8 * vectors {
        let (leaf, node) = (&mut leaves[reversed(bin / vectors, 8)], bin % vectors);
        let place = &spectrum[place(bin / 8, vectors)];
        (leaf.re[node], leaf.im[node]) = (place.re[bin % 8], place.im[bin % 8]);
    }
    let mut nodes = [Bins::default(); 8];
    join_eight(simd, &splits.last[0], &leaves, nodes.each_mut());
    for (index, node) in nodes[..vectors].iter().enumerate() {
        work[reversed(index, vectors)] = *node;
    }
}
