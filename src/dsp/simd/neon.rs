//! NEON: part of AArch64 itself.

use std::arch::aarch64::*;

use super::{Simd, transpose};

/// NEON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neon(());

impl Neon {
    pub fn new() -> Neon {
        Neon(())
    }
}

/// Lanes 0…3 and 4…7.
type Halves = (float32x4_t, float32x4_t);

#[expect(clippy::undocumented_unsafe_blocks, reason = "one argument serves them all; it stands at the first")]
impl Simd for Neon {
    type V = Halves;

    const MAX_OUTPUTS: usize = 6;

    // SAFETY, here and below: NEON is part of AArch64; loads and stores stay within references to eight `f32`.
    #[inline(always)]
    fn splat(self, value: f32) -> Halves {
        let v = unsafe { vdupq_n_f32(value) };
        (v, v)
    }
    #[inline(always)]
    fn load(self, from: &[f32; 8]) -> Halves {
        unsafe { (vld1q_f32(from.as_ptr()), vld1q_f32(from[4..].as_ptr())) }
    }
    #[inline(always)]
    fn store(self, v: Halves, to: &mut [f32; 8]) {
        unsafe {
            vst1q_f32(to.as_mut_ptr(), v.0);
            vst1q_f32(to[4..].as_mut_ptr(), v.1);
        }
    }
    #[inline(always)]
    fn add(self, a: Halves, b: Halves) -> Halves {
        unsafe { (vaddq_f32(a.0, b.0), vaddq_f32(a.1, b.1)) }
    }
    #[inline(always)]
    fn sub(self, a: Halves, b: Halves) -> Halves {
        unsafe { (vsubq_f32(a.0, b.0), vsubq_f32(a.1, b.1)) }
    }
    #[inline(always)]
    fn mul(self, a: Halves, b: Halves) -> Halves {
        unsafe { (vmulq_f32(a.0, b.0), vmulq_f32(a.1, b.1)) }
    }
    #[inline(always)]
    fn mul_add(self, a: Halves, b: Halves, c: Halves) -> Halves {
        unsafe { (vfmaq_f32(c.0, a.0, b.0), vfmaq_f32(c.1, a.1, b.1)) }
    }
    #[inline(always)]
    fn neg_mul_add(self, a: Halves, b: Halves, c: Halves) -> Halves {
        unsafe { (vfmsq_f32(c.0, a.0, b.0), vfmsq_f32(c.1, a.1, b.1)) }
    }
    #[inline(always)]
    fn max(self, a: Halves, b: Halves) -> Halves {
        // Not `vmaxq`: a NaN would win.
        unsafe { (vbslq_f32(vcgtq_f32(a.0, b.0), a.0, b.0), vbslq_f32(vcgtq_f32(a.1, b.1), a.1, b.1)) }
    }
    #[inline(always)]
    fn abs(self, v: Halves) -> Halves {
        unsafe { (vabsq_f32(v.0), vabsq_f32(v.1)) }
    }
    #[inline(always)]
    fn reverse(self, v: Halves) -> Halves {
        unsafe {
            let turn = |h| {
                let pairs = vrev64q_f32(h);
                vextq_f32::<2>(pairs, pairs)
            };
            (turn(v.1), turn(v.0))
        }
    }
    #[inline(always)]
    fn with_first(self, first: Halves, rest: Halves) -> Halves {
        (unsafe { vsetq_lane_f32::<0>(vgetq_lane_f32::<0>(first.0), rest.0) }, rest.1)
    }
    #[inline(always)]
    fn deinterleave(self, low: Halves, high: Halves) -> (Halves, Halves) {
        unsafe {
            (
                (vuzp1q_f32(low.0, low.1), vuzp1q_f32(high.0, high.1)),
                (vuzp2q_f32(low.0, low.1), vuzp2q_f32(high.0, high.1)),
            )
        }
    }
    #[inline(always)]
    fn interleave(self, x: Halves, y: Halves) -> (Halves, Halves) {
        unsafe { ((vzip1q_f32(x.0, y.0), vzip2q_f32(x.0, y.0)), (vzip1q_f32(x.1, y.1), vzip2q_f32(x.1, y.1))) }
    }
    #[inline(always)]
    fn load_transposed(self, rows: [&[f32; 8]; 8]) -> [Halves; 8] {
        transpose(rows.map(|row| self.load(row)), transpose_quarter)
    }
    #[inline(always)]
    fn store_transposed(self, vectors: [Halves; 8], rows: [&mut [f32; 8]; 8]) {
        for (row, to) in transpose(vectors, transpose_quarter).into_iter().zip(rows) {
            self.store(row, to);
        }
    }
}

#[inline(always)]
fn transpose_quarter([a, b, c, d]: [float32x4_t; 4]) -> [float32x4_t; 4] {
    // SAFETY: NEON is part of AArch64.
    unsafe {
        let (ab, cd) = (vtrn1q_f32(a, b), vtrn1q_f32(c, d));
        let (ab_odd, cd_odd) = (vtrn2q_f32(a, b), vtrn2q_f32(c, d));
        let wide = (vreinterpretq_f64_f32(ab), vreinterpretq_f64_f32(cd));
        let wide_odd = (vreinterpretq_f64_f32(ab_odd), vreinterpretq_f64_f32(cd_odd));
        [
            vreinterpretq_f32_f64(vtrn1q_f64(wide.0, wide.1)),
            vreinterpretq_f32_f64(vtrn1q_f64(wide_odd.0, wide_odd.1)),
            vreinterpretq_f32_f64(vtrn2q_f64(wide.0, wide.1)),
            vreinterpretq_f32_f64(vtrn2q_f64(wide_odd.0, wide_odd.1)),
        ]
    }
}
