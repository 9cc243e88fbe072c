//! Plain Rust: what the other instruction sets are tested against, and what remains where none of them is known.

use super::Simd;

/// No particular instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalar;

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> [f32; 8] {
    std::array::from_fn(f)
}

impl Simd for Scalar {
    type V = [f32; 8];

    const MAX_OUTPUTS: usize = 1;

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 8] {
        [value; 8]
    }
    #[inline(always)]
    fn load(self, from: &[f32; 8]) -> [f32; 8] {
        *from
    }
    #[inline(always)]
    fn store(self, v: [f32; 8], to: &mut [f32; 8]) {
        *to = v;
    }
    #[inline(always)]
    fn add(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn mul_add(self, a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        each(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn neg_mul_add(self, a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        each(|i| c[i] - a[i] * b[i])
    }
    #[inline(always)]
    fn max(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn abs(self, v: [f32; 8]) -> [f32; 8] {
        each(|i| v[i].abs())
    }
    #[inline(always)]
    fn reverse(self, v: [f32; 8]) -> [f32; 8] {
        each(|i| v[7 - i])
    }
    #[inline(always)]
    fn with_first(self, first: [f32; 8], rest: [f32; 8]) -> [f32; 8] {
        each(|i| if i == 0 { first[0] } else { rest[i] })
    }
    #[inline(always)]
    fn deinterleave(self, low: [f32; 8], high: [f32; 8]) -> ([f32; 8], [f32; 8]) {
        let at = |i: usize| if i < 8 { low[i] } else { high[i - 8] };
        (each(|i| at(2 * i)), each(|i| at(2 * i + 1)))
    }
    #[inline(always)]
    fn interleave(self, x: [f32; 8], y: [f32; 8]) -> ([f32; 8], [f32; 8]) {
        let at = |i: usize| if i.is_multiple_of(2) { x[i / 2] } else { y[i / 2] };
        (each(at), each(|i| at(i + 8)))
    }
    #[inline(always)]
    fn load_transposed(self, rows: [&[f32; 8]; 8]) -> [[f32; 8]; 8] {
        std::array::from_fn(|column| each(|row| rows[row][column]))
    }
    #[inline(always)]
    fn store_transposed(self, vectors: [[f32; 8]; 8], rows: [&mut [f32; 8]; 8]) {
        for (lane, row) in rows.into_iter().enumerate() {
            *row = each(|column| vectors[column][lane]);
        }
    }
}
