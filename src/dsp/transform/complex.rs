//! Complex arithmetic on eight lanes, and the butterflies of four made of it.

use super::Bins;
use crate::dsp::simd::Simd;

/// A complex vector: real and imaginary parts.
pub type V<S> = [<S as Simd>::V; 2];

#[inline(always)]
pub fn load<S: Simd>(simd: S, from: &Bins) -> V<S> {
    [simd.load(&from.re), simd.load(&from.im)]
}

#[inline(always)]
pub fn store<S: Simd>(simd: S, [re, im]: V<S>, to: &mut Bins) {
    simd.store(re, &mut to.re);
    simd.store(im, &mut to.im);
}

#[inline(always)]
pub fn splat<S: Simd>(simd: S, factor: [f32; 2]) -> V<S> {
    [simd.splat(factor[0]), simd.splat(factor[1])]
}

#[inline(always)]
pub fn add<S: Simd>(simd: S, a: V<S>, b: V<S>) -> V<S> {
    [simd.add(a[0], b[0]), simd.add(a[1], b[1])]
}

#[inline(always)]
pub fn sub<S: Simd>(simd: S, a: V<S>, b: V<S>) -> V<S> {
    [simd.sub(a[0], b[0]), simd.sub(a[1], b[1])]
}

/// `a + jb`
#[inline(always)]
pub fn add_turned<S: Simd>(simd: S, a: V<S>, b: V<S>) -> V<S> {
    [simd.sub(a[0], b[1]), simd.add(a[1], b[0])]
}

/// `a − jb`
#[inline(always)]
pub fn sub_turned<S: Simd>(simd: S, a: V<S>, b: V<S>) -> V<S> {
    [simd.add(a[0], b[1]), simd.sub(a[1], b[0])]
}

#[inline(always)]
pub fn mul<S: Simd>(simd: S, a: V<S>, b: V<S>) -> V<S> {
    [simd.neg_mul_add(a[1], b[1], simd.mul(a[0], b[0])), simd.mul_add(a[1], b[0], simd.mul(a[0], b[1]))]
}

#[inline(always)]
pub fn scale<S: Simd>(simd: S, a: V<S>, b: S::V) -> V<S> {
    [simd.mul(a[0], b), simd.mul(a[1], b)]
}

/// `a · b*`
#[inline(always)]
pub fn mul_conjugate<S: Simd>(simd: S, a: V<S>, b: V<S>) -> V<S> {
    [simd.mul_add(a[1], b[1], simd.mul(a[0], b[0])), simd.neg_mul_add(a[0], b[1], simd.mul(a[1], b[0]))]
}

/// Four values at ζ·(1, −1, j, −j) of a polynomial whose coefficients have been multiplied by the powers of ζ.
#[inline(always)]
pub fn four_values<S: Simd>(simd: S, [a0, a1, a2, a3]: [V<S>; 4]) -> [V<S>; 4] {
    let (even, odd) = (add(simd, a0, a2), add(simd, a1, a3));
    let (even_turned, odd_turned) = (sub(simd, a0, a2), sub(simd, a1, a3));
    [
        add(simd, even, odd),
        sub(simd, even, odd),
        add_turned(simd, even_turned, odd_turned),
        sub_turned(simd, even_turned, odd_turned),
    ]
}

/// The inverse of [`four_values`], times four.
#[inline(always)]
pub fn four_coefficients<S: Simd>(simd: S, [r0, r1, r2, r3]: [V<S>; 4]) -> [V<S>; 4] {
    let (even, odd) = (add(simd, r0, r1), sub(simd, r0, r1));
    let (even_turned, odd_turned) = (add(simd, r2, r3), sub(simd, r2, r3));
    [
        add(simd, even, even_turned),
        sub_turned(simd, odd, odd_turned),
        sub(simd, even, even_turned),
        add_turned(simd, odd, odd_turned),
    ]
}
