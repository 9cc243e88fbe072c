//! The splits between both ends, and the twiddle factors of all.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, PI};

use super::Bins;
use super::complex::*;
use crate::dsp::simd::Simd;

/// ζ, ζ², ζ³ of a split in four.
pub(super) type Twiddles = [[f32; 2]; 3];

/// Twiddle factors.
pub(super) struct Splits {
    /// Vectors of eight in a spectrum.
    pub vectors: usize,
    /// Of the first split, in two or four, of Y^B − j (in two ζ alone counts).
    pub first: Twiddles,
    pub first_in_two: bool,
    /// Of the following ones, all in four: `[split][node]`.
    pub inner: Vec<Vec<Twiddles>>,
    /// Of the last ones, in eight: `[eight nodes]`, η, η²…η⁷ of one node a lane.
    pub last: Vec<[Bins; 7]>,
}

/// The lowest bits of `index`, below `count`, a power of two, in reverse order: where splits leave a node.
#[inline(always)]
pub(super) fn reversed(index: usize, count: usize) -> usize {
    // In two steps, as a shift by all bits is none.
    index.reverse_bits() >> 1 >> (usize::BITS - 1 - count.trailing_zeros())
}

impl Splits {
    pub fn new(vectors: usize) -> Splits {
        let first_in_two = !vectors.ilog2().is_multiple_of(2);
        // Y^L − e^(jθ) for the node that becomes every `nodes`th bin from `bin` on.
        let angle = |bin: usize, nodes: usize| (FRAC_PI_2 + 2.0 * PI * bin as f64) / nodes as f64;
        let powers = |angle: f64| [1.0, 2.0, 3.0].map(|power: f64| single(power * angle));
        let mut nodes = if first_in_two { 2 } else { 4 };
        let first = powers(angle(0, 1) / nodes as f64);
        let mut inner = Vec::new();
        while nodes < vectors {
            inner.push((0..nodes).map(|node| powers(angle(reversed(node, nodes), nodes) / 4.0)).collect());
            nodes *= 4;
        }
        let groups = vectors.div_ceil(8);
        let last = (0..groups).map(|group| {
            // Of neighboring roots.
            let first = 8 * reversed(group, groups);
            std::array::from_fn(|power| {
                let factor = |lane: usize| single((power + 1) as f64 * angle(first + lane, vectors) / 8.0);
                Bins {
                    re: std::array::from_fn(|lane| factor(lane)[0]),
                    im: std::array::from_fn(|lane| factor(lane)[1]),
                }
            })
        });
        Splits { vectors, first, first_in_two, inner, last: last.collect() }
    }

    pub fn bytes(&self) -> usize {
        self.inner.iter().map(|split| size_of_val(&split[..])).sum::<usize>() + size_of_val(&self.last[..])
    }
}

fn single(angle: f64) -> [f32; 2] {
    [angle.cos() as f32, angle.sin() as f32]
}

/// Every node in four.
#[inline(always)]
pub(super) fn split_all_in_four<S: Simd>(simd: S, twiddles: &[Twiddles], work: &mut [Bins]) {
    let vectors = work.len() / twiddles.len();
    if vectors == 4 {
        for ([a0, a1, a2, a3], twiddles) in work.as_chunks_mut().0.iter_mut().zip(twiddles) {
            split_in_four(simd, splat_all(simd, twiddles), [a0, a1, a2, a3]);
        }
        return;
    }
    for (node, twiddles) in work.chunks_exact_mut(vectors).zip(twiddles) {
        let factors = splat_all(simd, twiddles);
        let [a0, a1, a2, a3] = quarters(node);
        for (((a0, a1), a2), a3) in a0.iter_mut().zip(a1).zip(a2).zip(a3) {
            split_in_four(simd, factors, [a0, a1, a2, a3]);
        }
    }
}

#[inline(always)]
fn split_in_four<S: Simd>(simd: S, [z1, z2, z3]: [V<S>; 3], [a0, a1, a2, a3]: [&mut Bins; 4]) {
    let b1 = mul(simd, load(simd, a1), z1);
    let b2 = mul(simd, load(simd, a2), z2);
    let b3 = mul(simd, load(simd, a3), z3);
    let [r0, r1, r2, r3] = four_values(simd, [load(simd, a0), b1, b2, b3]);
    store(simd, r0, a0);
    store(simd, r1, a1);
    store(simd, r2, a2);
    store(simd, r3, a3);
}

/// Always four nodes into the one they came from, times four.
#[inline(always)]
pub(super) fn join_all_fours<S: Simd>(simd: S, twiddles: &[Twiddles], work: &mut [Bins]) {
    let vectors = work.len() / twiddles.len();
    if vectors == 4 {
        for ([r0, r1, r2, r3], twiddles) in work.as_chunks_mut().0.iter_mut().zip(twiddles) {
            join_four(simd, splat_all(simd, twiddles), [r0, r1, r2, r3]);
        }
        return;
    }
    for (node, twiddles) in work.chunks_exact_mut(vectors).zip(twiddles) {
        let factors = splat_all(simd, twiddles);
        let [r0, r1, r2, r3] = quarters(node);
        for (((r0, r1), r2), r3) in r0.iter_mut().zip(r1).zip(r2).zip(r3) {
            join_four(simd, factors, [r0, r1, r2, r3]);
        }
    }
}

#[inline(always)]
fn join_four<S: Simd>(simd: S, [z1, z2, z3]: [V<S>; 3], [r0, r1, r2, r3]: [&mut Bins; 4]) {
    let values = [load(simd, r0), load(simd, r1), load(simd, r2), load(simd, r3)];
    let [a0, a1, a2, a3] = four_coefficients(simd, values);
    store(simd, a0, r0);
    store(simd, mul_conjugate(simd, a1, z1), r1);
    store(simd, mul_conjugate(simd, a2, z2), r2);
    store(simd, mul_conjugate(simd, a3, z3), r3);
}

#[inline(always)]
pub(super) fn splat_all<S: Simd>(simd: S, twiddles: &Twiddles) -> [V<S>; 3] {
    [splat(simd, twiddles[0]), splat(simd, twiddles[1]), splat(simd, twiddles[2])]
}

#[inline(always)]
pub(super) fn halves<T>(all: &mut [T]) -> [&mut [T]; 2] {
    let (a, b) = all.split_at_mut(all.len() / 2);
    [a, b]
}

#[inline(always)]
pub(super) fn quarters<T>(all: &mut [T]) -> [&mut [T]; 4] {
    let [low, high] = halves(all);
    let ([a, b], [c, d]) = (halves(low), halves(high));
    [a, b, c, d]
}

/// Eight nodes of eight coefficients each into the values at all their roots: leaf by leaf, one node a lane.
#[inline(always)]
pub(super) fn split_in_eight<S: Simd>(simd: S, twiddles: &[Bins; 7], nodes: [&Bins; 8]) -> [V<S>; 8] {
    let [a, b, c, d, e, f, g, h] = nodes;
    let re = simd.load_transposed([&a.re, &b.re, &c.re, &d.re, &e.re, &f.re, &g.re, &h.re]);
    let im = simd.load_transposed([&a.im, &b.im, &c.im, &d.im, &e.im, &f.im, &g.im, &h.im]);
    let turned = |power: usize| mul(simd, [re[power], im[power]], load(simd, &twiddles[power - 1]));
    let d0 = [re[0], im[0]];
    let (d1, d2, d3, d4, d5, d6, d7) = (turned(1), turned(2), turned(3), turned(4), turned(5), turned(6), turned(7));
    let even = [add(simd, d0, d4), add(simd, d1, d5), add(simd, d2, d6), add(simd, d3, d7)];
    let even = four_values(simd, even);
    let (o0, o1, o2, o3) = (sub(simd, d0, d4), sub(simd, d1, d5), sub(simd, d2, d6), sub(simd, d3, d7));
    // Times 1, √j, j, j√j.
    let root = simd.splat(FRAC_1_SQRT_2 as f32);
    let o1 = scale(simd, add_turned(simd, o1, o1), root);
    let o3 = scale(simd, add_turned(simd, o3, o3), root);
    let (sum, difference) = (add_turned(simd, o0, o2), sub_turned(simd, o0, o2));
    let (odd_sum, odd_difference) = (add_turned(simd, o1, o3), sub_turned(simd, o1, o3));
    [
        even[0],
        even[1],
        even[2],
        even[3],
        add(simd, sum, odd_sum),
        sub(simd, sum, odd_sum),
        add_turned(simd, difference, odd_difference),
        sub_turned(simd, difference, odd_difference),
    ]
}

/// The inverse of [`split_in_eight`], times eight.
#[inline(always)]
pub(super) fn join_eight<S: Simd>(simd: S, twiddles: &[Bins; 7], leaves: &[Bins; 8], nodes: [&mut Bins; 8]) {
    let leaf = |index: usize| load(simd, &leaves[index]);
    let e = four_coefficients(simd, [leaf(0), leaf(1), leaf(2), leaf(3)]);
    let [o0, o1, o2, o3] = four_coefficients(simd, [leaf(4), leaf(5), leaf(6), leaf(7)]);
    let root = simd.splat(FRAC_1_SQRT_2 as f32);
    // Times √j*; j* and j√j* follow by adding and subtracting turned.
    let o1 = scale(simd, sub_turned(simd, o1, o1), root);
    let o3 = scale(simd, sub_turned(simd, o3, o3), root);
    let d = [
        add(simd, e[0], o0),
        add(simd, e[1], o1),
        sub_turned(simd, e[2], o2),
        sub_turned(simd, e[3], o3),
        sub(simd, e[0], o0),
        sub(simd, e[1], o1),
        add_turned(simd, e[2], o2),
        add_turned(simd, e[3], o3),
    ];
    let (mut re, mut im) = ([d[0][0]; 8], [d[0][1]; 8]);
    for power in 1..8 {
        [re[power], im[power]] = mul_conjugate(simd, d[power], load(simd, &twiddles[power - 1]));
    }
    let [a, b, c, d, e, f, g, h] = nodes;
    let rows = [&mut a.re, &mut b.re, &mut c.re, &mut d.re, &mut e.re, &mut f.re, &mut g.re, &mut h.re];
    simd.store_transposed(re, rows);
    let rows = [&mut a.im, &mut b.im, &mut c.im, &mut d.im, &mut e.im, &mut f.im, &mut g.im, &mut h.im];
    simd.store_transposed(im, rows);
}
