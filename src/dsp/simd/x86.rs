//! AVX2 with FMA, found at run time, and SSE2, which every x86-64 has.

use std::arch::x86_64::*;

use super::{Kernel, Simd, transpose};

/// Proof that AVX2 and FMA are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// A token where the machine has both.
    pub fn new() -> Option<Avx2> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Avx2(()))
    }

    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<K: Kernel>(simd: Avx2, kernel: K) {
            kernel.run(simd);
        }
        // SAFETY: the token proves that this machine has AVX2 and FMA.
        unsafe { compiled(self, kernel) }
    }
}

#[expect(clippy::undocumented_unsafe_blocks, reason = "one argument serves them all; it stands at the first")]
impl Simd for Avx2 {
    type V = __m256;

    const MAX_OUTPUTS: usize = 6;

    // SAFETY, here and below: the token proves that this machine has AVX2 and FMA; loads and stores go through
    // references to eight `f32` and ask for no alignment.
    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f32; 8]) -> __m256 {
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, v: __m256, to: &mut [f32; 8]) {
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn neg_mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn abs(self, v: __m256) -> __m256 {
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), v) }
    }
    #[inline(always)]
    fn reverse(self, v: __m256) -> __m256 {
        unsafe { _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0)) }
    }
    #[inline(always)]
    fn with_first(self, first: __m256, rest: __m256) -> __m256 {
        unsafe { _mm256_blend_ps::<1>(rest, first) }
    }
    #[inline(always)]
    fn deinterleave(self, low: __m256, high: __m256) -> (__m256, __m256) {
        unsafe {
            let in_order = |v| _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(v)));
            (
                in_order(_mm256_shuffle_ps::<0b10_00_10_00>(low, high)),
                in_order(_mm256_shuffle_ps::<0b11_01_11_01>(low, high)),
            )
        }
    }
    #[inline(always)]
    fn interleave(self, x: __m256, y: __m256) -> (__m256, __m256) {
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(x, y), _mm256_unpackhi_ps(x, y));
            (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
        }
    }
    #[inline(always)]
    fn load_transposed(self, rows: [&[f32; 8]; 8]) -> [__m256; 8] {
        let [a, b, c, d, e, f, g, h] = rows;
        // Rows of both halves come together as they are loaded: four vectors at a time are on their way, not eight.
        let [c0, c1, c2, c3] =
            transpose_halves([load_halves(a, e), load_halves(b, f), load_halves(c, g), load_halves(d, h)]);
        let [a, b, c, d, e, f, g, h] = [&a[4..], &b[4..], &c[4..], &d[4..], &e[4..], &f[4..], &g[4..], &h[4..]];
        let [c4, c5, c6, c7] =
            transpose_halves([load_halves(a, e), load_halves(b, f), load_halves(c, g), load_halves(d, h)]);
        [c0, c1, c2, c3, c4, c5, c6, c7]
    }
    #[inline(always)]
    fn store_transposed(self, vectors: [__m256; 8], rows: [&mut [f32; 8]; 8]) {
        let [c0, c1, c2, c3, c4, c5, c6, c7] = vectors;
        let [a, b, c, d, e, f, g, h] = rows;
        let [ae, bf, cg, dh] = transpose_halves([c0, c1, c2, c3]);
        store_halves(ae, a, e);
        store_halves(bf, b, f);
        store_halves(cg, c, g);
        store_halves(dh, d, h);
        let [ae, bf, cg, dh] = transpose_halves([c4, c5, c6, c7]);
        store_halves(ae, &mut a[4..], &mut e[4..]);
        store_halves(bf, &mut b[4..], &mut f[4..]);
        store_halves(cg, &mut c[4..], &mut g[4..]);
        store_halves(dh, &mut d[4..], &mut h[4..]);
    }
}

/// The first four of `low` and of `high`. To be called with AVX2 present.
#[inline(always)]
fn load_halves(low: &[f32], high: &[f32]) -> __m256 {
    let (low, high) = (&low[..4], &high[..4]);
    // SAFETY: only `Avx2` calls it, whose existence proves that this machine has AVX2; both slices have four elements.
    unsafe { _mm256_set_m128(_mm_loadu_ps(high.as_ptr()), _mm_loadu_ps(low.as_ptr())) }
}

/// To the first four of `low` and of `high`. To be called with AVX2 present.
#[inline(always)]
fn store_halves(v: __m256, low: &mut [f32], high: &mut [f32]) {
    let (low, high) = (&mut low[..4], &mut high[..4]);
    // SAFETY: only `Avx2` calls it, whose existence proves that this machine has AVX2; both slices have four elements.
    unsafe {
        _mm_storeu_ps(low.as_mut_ptr(), _mm256_castps256_ps128(v));
        _mm_storeu_ps(high.as_mut_ptr(), _mm256_extractf128_ps::<1>(v));
    }
}

/// Both 128-bit halves of four rows, each transposed. To be called with AVX2 present.
#[inline(always)]
fn transpose_halves([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    // SAFETY: only `Avx2` calls it, whose existence proves that this machine has AVX2.
    unsafe {
        let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd),
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
        ]
    }
}

/// SSE2: part of x86-64 itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sse2(());

impl Sse2 {
    pub fn new() -> Sse2 {
        Sse2(())
    }
}

/// Lanes 0…3 and 4…7.
type Halves = (__m128, __m128);

#[expect(clippy::undocumented_unsafe_blocks, reason = "one argument serves them all; it stands at the first")]
impl Simd for Sse2 {
    type V = Halves;

    const MAX_OUTPUTS: usize = 2;

    // SAFETY, here and below: SSE2 is part of x86-64; loads and stores stay within references to eight `f32` and ask
    // for no alignment.
    #[inline(always)]
    fn splat(self, value: f32) -> Halves {
        let v = unsafe { _mm_set1_ps(value) };
        (v, v)
    }
    #[inline(always)]
    fn load(self, from: &[f32; 8]) -> Halves {
        unsafe { (_mm_loadu_ps(from.as_ptr()), _mm_loadu_ps(from[4..].as_ptr())) }
    }
    #[inline(always)]
    fn store(self, v: Halves, to: &mut [f32; 8]) {
        unsafe {
            _mm_storeu_ps(to.as_mut_ptr(), v.0);
            _mm_storeu_ps(to[4..].as_mut_ptr(), v.1);
        }
    }
    #[inline(always)]
    fn add(self, a: Halves, b: Halves) -> Halves {
        unsafe { (_mm_add_ps(a.0, b.0), _mm_add_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn sub(self, a: Halves, b: Halves) -> Halves {
        unsafe { (_mm_sub_ps(a.0, b.0), _mm_sub_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn mul(self, a: Halves, b: Halves) -> Halves {
        unsafe { (_mm_mul_ps(a.0, b.0), _mm_mul_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn mul_add(self, a: Halves, b: Halves, c: Halves) -> Halves {
        self.add(self.mul(a, b), c)
    }
    #[inline(always)]
    fn neg_mul_add(self, a: Halves, b: Halves, c: Halves) -> Halves {
        self.sub(c, self.mul(a, b))
    }
    #[inline(always)]
    fn max(self, a: Halves, b: Halves) -> Halves {
        unsafe { (_mm_max_ps(a.0, b.0), _mm_max_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn abs(self, v: Halves) -> Halves {
        unsafe {
            let sign = _mm_set1_ps(-0.0);
            (_mm_andnot_ps(sign, v.0), _mm_andnot_ps(sign, v.1))
        }
    }
    #[inline(always)]
    fn reverse(self, v: Halves) -> Halves {
        unsafe { (_mm_shuffle_ps::<0b00_01_10_11>(v.1, v.1), _mm_shuffle_ps::<0b00_01_10_11>(v.0, v.0)) }
    }
    #[inline(always)]
    fn with_first(self, first: Halves, rest: Halves) -> Halves {
        (unsafe { _mm_move_ss(rest.0, first.0) }, rest.1)
    }
    #[inline(always)]
    fn deinterleave(self, low: Halves, high: Halves) -> (Halves, Halves) {
        unsafe {
            (
                (_mm_shuffle_ps::<0b10_00_10_00>(low.0, low.1), _mm_shuffle_ps::<0b10_00_10_00>(high.0, high.1)),
                (_mm_shuffle_ps::<0b11_01_11_01>(low.0, low.1), _mm_shuffle_ps::<0b11_01_11_01>(high.0, high.1)),
            )
        }
    }
    #[inline(always)]
    fn interleave(self, x: Halves, y: Halves) -> (Halves, Halves) {
        unsafe {
            (
                (_mm_unpacklo_ps(x.0, y.0), _mm_unpackhi_ps(x.0, y.0)),
                (_mm_unpacklo_ps(x.1, y.1), _mm_unpackhi_ps(x.1, y.1)),
            )
        }
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
fn transpose_quarter([a, b, c, d]: [__m128; 4]) -> [__m128; 4] {
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        [_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab), _mm_movelh_ps(ab_high, cd_high), _mm_movehl_ps(cd_high, ab_high)]
    }
}
