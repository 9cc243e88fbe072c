//! Eight lanes of `f32`, on whatever the machine has.
//!
//! A kernel is written once, against [`Simd`], and compiled once per instruction set; [`Level::run`] picks the
//! compilation at run time. A `Simd` value is a token: it exists only where its instructions have been found, which is
//! what makes the methods safe to call.

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod scalar;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Operations on vectors of eight `f32`.
pub trait Simd: Copy {
    /// Eight lanes.
    type V: Copy;

    /// Most outputs whose complex sums fit the registers beside what a multiplication needs.
    const MAX_OUTPUTS: usize;

    /// All lanes alike.
    fn splat(self, value: f32) -> Self::V;
    /// Lane n from place n.
    fn load(self, from: &[f32; 8]) -> Self::V;
    /// Lane n to place n.
    fn store(self, v: Self::V, to: &mut [f32; 8]);
    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a − b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b`
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c − a · b`
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a` where it is greater, else `b`, lane by lane: `b` also where one of them is no number.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The magnitude, lane by lane.
    fn abs(self, v: Self::V) -> Self::V;
    /// Lane 7 first.
    fn reverse(self, v: Self::V) -> Self::V;
    /// Lane 0 of `first`, lanes 1…7 of `rest`.
    fn with_first(self, first: Self::V, rest: Self::V) -> Self::V;
    /// `x0 y0 x1 y1 …` in two vectors becomes `x0 x1 …` and `y0 y1 …`.
    fn deinterleave(self, low: Self::V, high: Self::V) -> (Self::V, Self::V);
    /// The inverse of [`deinterleave`](Simd::deinterleave).
    fn interleave(self, x: Self::V, y: Self::V) -> (Self::V, Self::V);
    /// Lane r of vector c from place c of row r.
    fn load_transposed(self, rows: [&[f32; 8]; 8]) -> [Self::V; 8];
    /// Lane r of vector c to place c of row r.
    fn store_transposed(self, vectors: [Self::V; 8], rows: [&mut [f32; 8]; 8]);
}

/// Eight rows of two quarters, transposed by quarters: for instruction sets of four lanes.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
fn transpose<Q: Copy>(rows: [(Q, Q); 8], quarter: impl Fn([Q; 4]) -> [Q; 4]) -> [(Q, Q); 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    let [l0, l1, l2, l3] = quarter([a.0, b.0, c.0, d.0]);
    let [l4, l5, l6, l7] = quarter([a.1, b.1, c.1, d.1]);
    let [h0, h1, h2, h3] = quarter([e.0, f.0, g.0, h.0]);
    let [h4, h5, h6, h7] = quarter([e.1, f.1, g.1, h.1]);
    [(l0, h0), (l1, h1), (l2, h2), (l3, h3), (l4, h4), (l5, h5), (l6, h6), (l7, h7)]
}

/// Work to be compiled once per instruction set. `run` must be `#[inline(always)]`.
pub trait Kernel {
    /// The work, on the vectors of `simd`.
    fn run<S: Simd>(self, simd: S);
}

/// The instruction set kernels run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Eight lanes, fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    /// Two times four lanes: what every x86-64 has.
    #[cfg(target_arch = "x86_64")]
    Sse2(x86::Sse2),
    /// Two times four lanes: what every AArch64 has.
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
    /// Plain Rust: where no other is known, and what the others are tested against.
    #[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    Scalar(scalar::Scalar),
}

impl Level {
    /// The fastest one this machine has.
    pub fn detect() -> Level {
        Level::available()[0]
    }

    /// All of this machine's, fastest first.
    pub fn available() -> Vec<Level> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(x86::Avx2::new().map(Level::Avx2));
            levels.push(Level::Sse2(x86::Sse2::new()));
        }
        #[cfg(target_arch = "aarch64")]
        levels.push(Level::Neon(neon::Neon::new()));
        #[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
        levels.push(Level::Scalar(scalar::Scalar));
        levels
    }

    /// Its name, as benchmarks and the status show it.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Level::Sse2(_) => "sse2",
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => "neon",
            #[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
            Level::Scalar(_) => "scalar",
        }
    }

    /// [`Simd::MAX_OUTPUTS`] of this instruction set.
    pub fn max_outputs(self) -> usize {
        fn of<S: Simd>(_: S) -> usize {
            S::MAX_OUTPUTS
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => of(simd),
            #[cfg(target_arch = "x86_64")]
            Level::Sse2(simd) => of(simd),
            #[cfg(target_arch = "aarch64")]
            Level::Neon(simd) => of(simd),
            #[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
            Level::Scalar(simd) => of(simd),
        }
    }

    /// Runs `kernel` as compiled for this instruction set.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => simd.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Sse2(simd) => kernel.run(simd),
            #[cfg(target_arch = "aarch64")]
            Level::Neon(simd) => kernel.run(simd),
            #[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
            Level::Scalar(simd) => kernel.run(simd),
        }
    }
}
