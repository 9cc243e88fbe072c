//! Where coefficients come from, where they go, and the first and last splits, which meet them there.

use std::ops::Range;

use super::Bins;
use super::complex::*;
use super::splits::{Twiddles, quarters, splat_all};
use crate::dsp::simd::Simd;

/// What is transformed: B coefficients, eight at a time.
pub trait Source: Copy {
    /// Those of the vectors of eight in `part`.
    fn part(self, part: Range<usize>) -> impl Iterator<Item = impl Coefficient>;
}

/// Eight coefficients.
pub trait Coefficient: Copy {
    /// As they are.
    fn plain<S: Simd>(self, simd: S) -> V<S>;
    /// Multiplied by `factor`.
    fn turned<S: Simd>(self, simd: S, factor: V<S>) -> V<S>;
}

/// Takes in the result of an inverse transform.
pub trait Sink {
    /// Coefficients 8 · `vector` and the next seven. Must be `#[inline(always)]`, so that what it doesn't use isn't computed.
    fn put<S: Simd>(&mut self, simd: S, vector: usize, value: V<S>);
}

/// B real samples.
#[derive(Clone, Copy)]
pub struct Real<'a>(pub &'a [f32]);

impl Source for Real<'_> {
    #[inline(always)]
    fn part(self, part: Range<usize>) -> impl Iterator<Item = impl Coefficient> {
        self.0.as_chunks::<8>().0[part].iter()
    }
}

impl Coefficient for &[f32; 8] {
    #[inline(always)]
    fn plain<S: Simd>(self, simd: S) -> V<S> {
        // Adding −0 is nothing to do, which adding 0 is not: −0 + 0 is 0.
        [simd.load(self), simd.splat(-0.0)]
    }
    #[inline(always)]
    fn turned<S: Simd>(self, simd: S, factor: V<S>) -> V<S> {
        scale(simd, factor, simd.load(self))
    }
}

/// Y^B − j in two.
#[inline(always)]
pub(super) fn split_in_two<S: Simd>(simd: S, twiddle: [f32; 2], source: impl Source, work: &mut [Bins]) {
    let z = splat(simd, twiddle);
    let vectors = work.len();
    let (first, second) = work.split_at_mut(vectors / 2);
    let coefficients = source.part(0..vectors / 2).zip(source.part(vectors / 2..vectors));
    for ((a, b), (first, second)) in coefficients.zip(first.iter_mut().zip(second)) {
        let (a, b) = (a.plain(simd), b.turned(simd, z));
        store(simd, add(simd, a, b), first);
        store(simd, sub(simd, a, b), second);
    }
}

/// Y^B − j in four.
#[inline(always)]
pub(super) fn split_in_four<S: Simd>(simd: S, twiddles: Twiddles, source: impl Source, work: &mut [Bins]) {
    let [z1, z2, z3] = splat_all(simd, &twiddles);
    let quarter = work.len() / 4;
    let part = |index: usize| source.part(index * quarter..(index + 1) * quarter);
    let coefficients = part(0).zip(part(1)).zip(part(2).zip(part(3)));
    let [r0, r1, r2, r3] = quarters(work);
    let values = r0.iter_mut().zip(r1).zip(r2.iter_mut().zip(r3));
    for (((a0, a1), (a2, a3)), ((r0, r1), (r2, r3))) in coefficients.zip(values) {
        let turned = [a0.plain(simd), a1.turned(simd, z1), a2.turned(simd, z2), a3.turned(simd, z3)];
        let [v0, v1, v2, v3] = four_values(simd, turned);
        store(simd, v0, r0);
        store(simd, v1, r1);
        store(simd, v2, r2);
        store(simd, v3, r3);
    }
}

/// Both nodes into the result.
#[inline(always)]
pub(super) fn join_two<S: Simd>(simd: S, twiddle: [f32; 2], work: &[Bins], mut sink: impl Sink) {
    let z = splat(simd, twiddle);
    let half = work.len() / 2;
    let (first, second) = work.split_at(half);
    for (index, (first, second)) in first.iter().zip(second).enumerate() {
        let (r0, r1) = (load(simd, first), load(simd, second));
        sink.put(simd, index, add(simd, r0, r1));
        sink.put(simd, half + index, mul_conjugate(simd, sub(simd, r0, r1), z));
    }
}

/// Four nodes into the result.
#[inline(always)]
pub(super) fn join_four<S: Simd>(simd: S, twiddles: Twiddles, work: &[Bins], mut sink: impl Sink) {
    let [z1, z2, z3] = splat_all(simd, &twiddles);
    let quarter = work.len() / 4;
    let (low, high) = work.split_at(2 * quarter);
    let ((r0, r1), (r2, r3)) = (low.split_at(quarter), high.split_at(quarter));
    for (index, ((r0, r1), (r2, r3))) in r0.iter().zip(r1).zip(r2.iter().zip(r3)).enumerate() {
        let values = [load(simd, r0), load(simd, r1), load(simd, r2), load(simd, r3)];
        let [a0, a1, a2, a3] = four_coefficients(simd, values);
        sink.put(simd, index, a0);
        sink.put(simd, quarter + index, mul_conjugate(simd, a1, z1));
        sink.put(simd, 2 * quarter + index, mul_conjugate(simd, a2, z2));
        sink.put(simd, 3 * quarter + index, mul_conjugate(simd, a3, z3));
    }
}
