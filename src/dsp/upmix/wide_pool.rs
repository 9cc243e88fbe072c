//! Sums over many neighboring bands.

use super::pool::{reach, windows};
use crate::dsp::simd::Simd;

/// For wide windows and two signals at once: sums of 1, 2, 4… neighbors, and of these as few as make up a window. Nothing
/// is ever subtracted, so a strong bass leaves the treble its own.
pub(super) struct WidePool {
    /// Terms of every eight bands.
    counts: Vec<usize>,
    terms: Vec<Term>,
    /// Zeros around the bands, so that loads of eight fit.
    margin: usize,
    /// Length of a level: the bands and both margins.
    stride: usize,
    /// One signal after the other, level by level: place k of a level holds the sum of the 2^level bands from k − `margin`
    /// on.
    sums: Vec<f32>,
}

/// Eight neighboring sums of one level, of which each counts in its lane or not.
struct Term {
    at: usize,
    weight: [f32; 8],
}

impl WidePool {
    /// For a multiple of eight bands.
    pub fn new(centers_hz: &[f64], half_width_erb: f64) -> WidePool {
        let windows = windows(centers_hz, half_width_erb);
        let widest = windows.iter().map(|(first, last)| last - first + 1).max().unwrap_or(1);
        let eights = || (0..).step_by(8).zip(windows.as_chunks::<8>().0);
        let uncommon = |(start, eight): (usize, &[(usize, usize); 8])| {
            let ((least_before, most_before), (least_after, most_after)) = reach(start, eight);
            (most_before - least_before).max(most_after - least_after)
        };
        let margin = eights().map(uncommon).max().unwrap_or(0).next_multiple_of(8);
        let stride = windows.len() + 2 * margin;
        let sums = vec![0.0; 2 * (widest.ilog2() as usize + 1) * stride];
        let mut pool = WidePool { counts: Vec::new(), terms: Vec::new(), margin, stride, sums };
        for (start, eight) in eights() {
            let terms = pool.terms.len();
            pool.push(start, eight);
            pool.counts.push(pool.terms.len() - terms);
        }
        pool
    }

    /// The terms of the eight bands from `start` on.
    fn push(&mut self, start: usize, windows: &[(usize, usize); 8]) {
        let ((least_before, most_before), (least_after, most_after)) = reach(start, windows);
        // The first band itself.
        let own = start + self.margin;
        // What all eight windows have in common, in parts of powers of two.
        let (mut place, mut width) = (own - least_before, least_before + 1 + least_after);
        while width > 0 {
            let level = width.ilog2() as usize;
            self.terms.push(Term { at: level * self.stride + place, weight: [1.0; 8] });
            place += 1 << level;
            width -= 1 << level;
        }
        // And what only some have, one by one.
        for place in (own - most_before..own - least_before).chain(own + least_after + 1..=own + most_after) {
            let weight = std::array::from_fn(|lane| {
                let (first, last) = windows[lane];
                let is_in = (first + self.margin..=last + self.margin).contains(&(place + lane));
                if is_in { 1.0 } else { 0.0 }
            });
            self.terms.push(Term { at: place, weight });
        }
    }

    /// `values` become the sums around each band. Inlined into the caller's instruction set.
    #[inline(always)]
    pub fn apply<S: Simd>(&mut self, simd: S, mut values: [&mut [f32]; 2]) {
        let half = self.sums.len() / 2;
        for (values, sums) in values.iter().zip(self.sums.chunks_exact_mut(half)) {
            sums[self.margin..][..values.len()].copy_from_slice(values);
            let (mut below, mut above) = sums.split_at_mut(self.stride);
            let mut bands = 1;
            while !above.is_empty() {
                let (level, rest) = above.split_at_mut(self.stride);
                for ((sum, a), b) in level.iter_mut().zip(&*below).zip(&below[bands..]) {
                    *sum = a + b;
                }
                (below, above) = (level, rest);
                bands *= 2;
            }
        }
        let mut terms = &self.terms[..];
        for (index, &count) in self.counts.iter().enumerate() {
            let (own, rest) = terms.split_at(count);
            terms = rest;
            let mut sums = [simd.splat(0.0); 2];
            for Term { at, weight } in own {
                let from = &self.sums[*at..][..half + 8];
                let (Some(first), Some(second)) = (from.first_chunk(), from[half..].first_chunk()) else { return };
                let weight = simd.load(weight);
                sums[0] = simd.mul_add(simd.load(first), weight, sums[0]);
                sums[1] = simd.mul_add(simd.load(second), weight, sums[1]);
            }
            for (values, sum) in values.iter_mut().zip(sums) {
                simd.store(sum, &mut values.as_chunks_mut().0[index]);
            }
        }
    }
}
