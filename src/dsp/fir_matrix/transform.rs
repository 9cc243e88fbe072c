//! Between blocks of samples and spectra, one real signal at a time.
//!
//! A block of B samples is a polynomial x(Y) of degree B − 1, and a linear convolution of two of them, 2B samples long,
//! needs no zero padding when it is taken modulo Y^B − j: what runs over the end comes back multiplied by j, so the
//! real part holds the first B samples and the imaginary part the other B (the *right-angle convolution* of Crandall and
//! Fagin, "Discrete weighted transforms and large-integer arithmetic", Math. Comp. 62, 1994). The spectrum is x at the B roots of that polynomial: B complex bins, with
//! no special case for DC or Nyquist, and no second signal to disentangle.
//!
//! It is computed by splitting Y^L − c into Y^(L/4) − ∜c (Fiduccia, "Polynomial evaluation via the division algorithm:
//! the fast Fourier transform revisited", STOC 1972), whose twiddle factors are the same for all coefficients of a node: whole vectors of neighboring samples go through all splits without a shuffle, down to one vector a node.
//! Eight nodes are then transposed, and their last splits, eight-fold, are done lane by lane. Nothing is ever put in
//! order: the bins stay where the splits leave them, on both sides of the multiplication alike.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, PI};

use super::Bins;
use super::complex::*;
use crate::dsp::simd::{Kernel, Level, Simd};

/// A complex number.
type Cplx = [f64; 2];

/// The transforms of one block length.
pub(super) struct Transform {
    level: Level,
    splits: Splits,
    /// One spectrum, or whatever is on its way to one.
    work: Vec<Bins>,
}

/// Twiddle factors of all splits.
struct Splits {
    /// Of the first split, in two or four, of Y^B − j: ζ, ζ², ζ³ (in two: ζ alone counts).
    first: [[f32; 2]; 3],
    first_in_two: bool,
    /// Of the following ones, all in four: `[split][node]`, ζ, ζ², ζ³.
    inner: Vec<Vec<[[f32; 2]; 3]>>,
    /// Of the last ones, in eight: `[eight nodes]`, η, η²…η⁷ of one node a lane.
    last: Vec<[Bins; 7]>,
}

impl Transform {
    /// For blocks of `block_frames`, a power of two, at least 16.
    pub fn new(level: Level, block_frames: usize) -> Transform {
        let vectors = block_frames / 8;
        Transform { level, splits: Splits::new(vectors), work: vec![Bins::default(); vectors.next_multiple_of(8)] }
    }

    /// Writes the spectrum of `block` to every `stride`th place of `spectrum`.
    pub fn forward(&mut self, block: &[f32], spectrum: &mut [Bins], stride: usize) {
        self.level.run(Forward { splits: &self.splits, work: &mut self.work, block, spectrum, stride });
    }

    /// Writes what `spectrum` and `tail`, the second half of the last result, give for this block, and
    /// the second half of this result to `tail`. The scale is `block_frames`.
    pub fn inverse(&mut self, spectrum: &[Bins], tail: &mut [f32], block: &mut [f32]) {
        self.level.run(Inverse { splits: &self.splits, work: &mut self.work, spectrum, tail, block });
    }

    pub fn bytes(&self) -> usize {
        let inner: usize = self.splits.inner.iter().map(|split| size_of_val(&split[..])).sum();
        size_of_val(&self.work[..]) + inner + size_of_val(&self.splits.last[..])
    }
}

/// The spectrum of at most `block_frames` samples in double precision, bins in the order of [`Transform::forward`].
pub(super) fn spectrum_f64(samples: &[f64], block_frames: usize) -> Vec<Cplx> {
    let mut values: Vec<Cplx> = vec![[0.0; 2]; block_frames];
    values.iter_mut().zip(samples).for_each(|(value, &sample)| value[0] = sample);
    split_f64(&mut values, FRAC_PI_2);
    // Node k's leaf s is lane k of vector s, eight nodes at a time.
    let nodes = block_frames / 8;
    let mut in_lanes = vec![[0.0; 2]; block_frames];
    for (index, value) in values.into_iter().enumerate() {
        let (node, leaf) = (index / 8, index % 8);
        let lanes = nodes.min(8);
        in_lanes[node / 8 * 64 + leaf * lanes + node % 8] = value;
    }
    in_lanes
}

/// A polynomial modulo Y^L − e^(jθ) into its values at the roots, by splits in two.
fn split_f64(values: &mut [Cplx], angle: f64) {
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

impl Splits {
    fn new(vectors: usize) -> Splits {
        let first_in_two = !vectors.ilog2().is_multiple_of(2);
        let in_two = |angle: f64| [angle / 2.0, angle / 2.0 + PI];
        let in_four = |angle: f64| in_two(angle).into_iter().flat_map(in_two);
        let powers = |angle: f64| [1.0, 2.0, 3.0].map(|power: f64| single(power * angle));
        let mut angles = vec![FRAC_PI_2];
        let first = powers(FRAC_PI_2 / if first_in_two { 2.0 } else { 4.0 });
        angles = if first_in_two {
            angles.into_iter().flat_map(in_two).collect()
        } else {
            angles.into_iter().flat_map(in_four).collect()
        };
        let mut inner = Vec::new();
        while angles.len() < vectors {
            inner.push(angles.iter().map(|angle| powers(angle / 4.0)).collect());
            angles = angles.into_iter().flat_map(in_four).collect();
        }
        // Fewer than eight nodes leave lanes empty.
        angles.resize(vectors.next_multiple_of(8), 0.0);
        let last = angles.chunks_exact(8).map(|nodes| {
            std::array::from_fn(|power| {
                let factor = |lane: usize| single((power + 1) as f64 * nodes[lane] / 8.0);
                Bins {
                    re: std::array::from_fn(|lane| factor(lane)[0]),
                    im: std::array::from_fn(|lane| factor(lane)[1]),
                }
            })
        });
        Splits { first, first_in_two, inner, last: last.collect() }
    }
}

fn single(angle: f64) -> [f32; 2] {
    [angle.cos() as f32, angle.sin() as f32]
}

struct Forward<'a> {
    splits: &'a Splits,
    work: &'a mut [Bins],
    block: &'a [f32],
    spectrum: &'a mut [Bins],
    stride: usize,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { splits, work, block, spectrum, stride } = self;
        let vectors = block.len() / 8;
        if splits.first_in_two {
            split_first_in_two(simd, splits.first[0], block, &mut work[..vectors]);
        } else {
            split_first_in_four(simd, splits.first, block, &mut work[..vectors]);
        }
        for nodes in &splits.inner {
            for (node, twiddles) in work[..vectors].chunks_exact_mut(vectors / nodes.len()).zip(nodes) {
                split_in_four(simd, twiddles, node);
            }
        }
        if vectors >= 8 {
            let rows = spectrum.chunks_mut(8 * stride);
            for ((nodes, twiddles), row) in work.as_chunks::<8>().0.iter().zip(&splits.last).zip(rows) {
                let leaves = split_in_eight(simd, twiddles, nodes);
                for (leaf, place) in leaves.iter().zip(row.chunks_mut(stride)) {
                    store(simd, *leaf, &mut place[0]);
                }
            }
        } else {
            let mut leaves = [Bins::default(); 8];
            let nodes = &work.as_chunks::<8>().0[0];
            for (leaf, place) in split_in_eight(simd, &splits.last[0], nodes).into_iter().zip(&mut leaves) {
                store(simd, leaf, place);
            }
            for index in 0..8 * vectors {
                let (place, lane) = (&mut spectrum[index / 8 * stride], index % 8);
                let leaf = &leaves[index / vectors];
                place.re[lane] = leaf.re[index % vectors];
                place.im[lane] = leaf.im[index % vectors];
            }
        }
    }
}

struct Inverse<'a> {
    splits: &'a Splits,
    work: &'a mut [Bins],
    spectrum: &'a [Bins],
    tail: &'a mut [f32],
    block: &'a mut [f32],
}

impl Kernel for Inverse<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Inverse { splits, work, spectrum, tail, block } = self;
        let vectors = block.len() / 8;
        if vectors >= 8 {
            let groups = spectrum.as_chunks::<8>().0.iter().zip(work.as_chunks_mut::<8>().0);
            for ((leaves, nodes), twiddles) in groups.zip(&splits.last) {
                join_eight(simd, twiddles, leaves, nodes);
            }
        } else {
            let mut leaves = [Bins::default(); 8];
            for index in 0..8 * vectors {
                let (from, leaf) = (&spectrum[index / 8], &mut leaves[index / vectors]);
                leaf.re[index % vectors] = from.re[index % 8];
                leaf.im[index % vectors] = from.im[index % 8];
            }
            join_eight(simd, &splits.last[0], &leaves, &mut work.as_chunks_mut::<8>().0[0]);
        }
        for nodes in splits.inner.iter().rev() {
            for (node, twiddles) in work[..vectors].chunks_exact_mut(vectors / nodes.len()).zip(nodes) {
                join_four(simd, twiddles, node);
            }
        }
        if splits.first_in_two {
            join_first_two(simd, splits.first[0], &work[..vectors], tail, block);
        } else {
            join_first_four(simd, splits.first, &work[..vectors], tail, block);
        }
    }
}

/// One node in four.
#[inline(always)]
fn split_in_four<S: Simd>(simd: S, twiddles: &[[f32; 2]; 3], node: &mut [Bins]) {
    let (z1, z2, z3) = (splat(simd, twiddles[0]), splat(simd, twiddles[1]), splat(simd, twiddles[2]));
    let [a0, a1, a2, a3] = quarters(node);
    for (((a0, a1), a2), a3) in a0.iter_mut().zip(a1).zip(a2).zip(a3) {
        let b1 = mul(simd, load(simd, a1), z1);
        let b2 = mul(simd, load(simd, a2), z2);
        let b3 = mul(simd, load(simd, a3), z3);
        let [r0, r1, r2, r3] = four_values(simd, [load(simd, a0), b1, b2, b3]);
        store(simd, r0, a0);
        store(simd, r1, a1);
        store(simd, r2, a2);
        store(simd, r3, a3);
    }
}

/// Four nodes into the one they came from, times four.
#[inline(always)]
fn join_four<S: Simd>(simd: S, twiddles: &[[f32; 2]; 3], node: &mut [Bins]) {
    let (z1, z2, z3) = (splat(simd, twiddles[0]), splat(simd, twiddles[1]), splat(simd, twiddles[2]));
    let [r0, r1, r2, r3] = quarters(node);
    for (((r0, r1), r2), r3) in r0.iter_mut().zip(r1).zip(r2).zip(r3) {
        let [a0, a1, a2, a3] =
            four_coefficients(simd, [load(simd, r0), load(simd, r1), load(simd, r2), load(simd, r3)]);
        store(simd, a0, r0);
        store(simd, mul_conjugate(simd, a1, z1), r1);
        store(simd, mul_conjugate(simd, a2, z2), r2);
        store(simd, mul_conjugate(simd, a3, z3), r3);
    }
}

#[inline(always)]
fn quarters<T>(all: &mut [T]) -> [&mut [T]; 4] {
    let quarter = all.len() / 4;
    let (a, rest) = all.split_at_mut(quarter);
    let (b, rest) = rest.split_at_mut(quarter);
    let (c, d) = rest.split_at_mut(quarter);
    [a, b, c, d]
}

/// Y^B − j in two, of real samples.
#[inline(always)]
fn split_first_in_two<S: Simd>(simd: S, twiddle: [f32; 2], block: &[f32], work: &mut [Bins]) {
    let [z_re, z_im] = splat(simd, twiddle);
    let (low, high) = block.as_chunks::<8>().0.split_at(work.len() / 2);
    let (first, second) = work.split_at_mut(work.len() / 2);
    for (((a, b), first), second) in low.iter().zip(high).zip(first).zip(second) {
        let (a, b) = (simd.load(a), simd.load(b));
        let im = simd.mul(b, z_im);
        store(simd, [simd.mul_add(b, z_re, a), im], first);
        store(simd, [simd.neg_mul_add(b, z_re, a), simd.sub(simd.splat(0.0), im)], second);
    }
}

#[inline(always)]
fn join_first_two<S: Simd>(simd: S, twiddle: [f32; 2], work: &[Bins], tail: &mut [f32], block: &mut [f32]) {
    let z = splat(simd, twiddle);
    let half = work.len() / 2;
    let (block_low, block_high) = block.as_chunks_mut::<8>().0.split_at_mut(half);
    let (tail_low, tail_high) = tail.as_chunks_mut::<8>().0.split_at_mut(half);
    let (first, second) = work.split_at(half);
    let low = block_low.iter_mut().zip(tail_low);
    let high = block_high.iter_mut().zip(tail_high);
    for (((first, second), (block_low, tail_low)), (block_high, tail_high)) in
        first.iter().zip(second).zip(low).zip(high)
    {
        let (r0, r1) = (load(simd, first), load(simd, second));
        give_out(simd, add(simd, r0, r1), tail_low, block_low);
        give_out(simd, mul_conjugate(simd, sub(simd, r0, r1), z), tail_high, block_high);
    }
}

/// Y^B − j in four, of real samples.
#[inline(always)]
fn split_first_in_four<S: Simd>(simd: S, twiddles: [[f32; 2]; 3], block: &[f32], work: &mut [Bins]) {
    let (z1, z2, z3) = (splat(simd, twiddles[0]), splat(simd, twiddles[1]), splat(simd, twiddles[2]));
    let quarter = work.len() / 4;
    let block = block.as_chunks::<8>().0;
    let [r0, r1, r2, r3] = quarters(work);
    for (index, (((r0, r1), r2), r3)) in r0.iter_mut().zip(r1).zip(r2).zip(r3).enumerate() {
        let a0 = [simd.load(&block[index]), simd.splat(0.0)];
        let b1 = scale(simd, z1, simd.load(&block[quarter + index]));
        let b2 = scale(simd, z2, simd.load(&block[2 * quarter + index]));
        let b3 = scale(simd, z3, simd.load(&block[3 * quarter + index]));
        let values = four_values(simd, [a0, b1, b2, b3]);
        store(simd, values[0], r0);
        store(simd, values[1], r1);
        store(simd, values[2], r2);
        store(simd, values[3], r3);
    }
}

#[inline(always)]
fn join_first_four<S: Simd>(simd: S, twiddles: [[f32; 2]; 3], work: &[Bins], tail: &mut [f32], block: &mut [f32]) {
    let (z1, z2, z3) = (splat(simd, twiddles[0]), splat(simd, twiddles[1]), splat(simd, twiddles[2]));
    let quarter = work.len() / 4;
    let [block0, block1, block2, block3] = quarters(block.as_chunks_mut::<8>().0);
    let [tail0, tail1, tail2, tail3] = quarters(tail.as_chunks_mut::<8>().0);
    for index in 0..quarter {
        let part = |part: usize| load(simd, &work[part * quarter + index]);
        let [a0, a1, a2, a3] = four_coefficients(simd, [part(0), part(1), part(2), part(3)]);
        give_out(simd, a0, &mut tail0[index], &mut block0[index]);
        give_out(simd, mul_conjugate(simd, a1, z1), &mut tail1[index], &mut block1[index]);
        give_out(simd, mul_conjugate(simd, a2, z2), &mut tail2[index], &mut block2[index]);
        give_out(simd, mul_conjugate(simd, a3, z3), &mut tail3[index], &mut block3[index]);
    }
}

/// The first half of a result onto the second half of the last one, and the second half kept.
#[inline(always)]
fn give_out<S: Simd>(simd: S, [now, later]: V<S>, tail: &mut [f32; 8], block: &mut [f32; 8]) {
    simd.store(simd.add(now, simd.load(tail)), block);
    simd.store(later, tail);
}

/// Eight nodes of eight coefficients each into the values at all their roots: leaf by leaf, one node a lane.
#[inline(always)]
fn split_in_eight<S: Simd>(simd: S, twiddles: &[Bins; 7], nodes: &[Bins; 8]) -> [V<S>; 8] {
    let mut re = [simd.splat(0.0); 8];
    let mut im = re;
    for (node, (re, im)) in nodes.iter().zip(re.iter_mut().zip(&mut im)) {
        [*re, *im] = load(simd, node);
    }
    let (re, im) = (simd.transpose(re), simd.transpose(im));
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
fn join_eight<S: Simd>(simd: S, twiddles: &[Bins; 7], leaves: &[Bins; 8], nodes: &mut [Bins; 8]) {
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
    let (re, im) = (simd.transpose(re), simd.transpose(im));
    for (index, node) in nodes.iter_mut().enumerate() {
        store(simd, [re[index], im[index]], node);
    }
}
