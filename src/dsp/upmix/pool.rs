//! Averages over neighboring bands, a constant width on the ERB-rate scale.

use crate::dsp::simd::Simd;

/// ERB-rate of a frequency (Glasberg and Moore 1990).
fn erb_rate(hz: f64) -> f64 {
    21.4 * (1.0 + 0.00437 * hz).log10()
}

/// First and last of the bands whose middle is within `half_width_erb` of each band's.
pub(super) fn windows(centers_hz: &[f64], half_width_erb: f64) -> Vec<(usize, usize)> {
    let rates: Vec<f64> = centers_hz.iter().map(|&hz| erb_rate(hz)).collect();
    let window = |(k, rate): (usize, &f64)| {
        let near = |other: &f64| (other - rate).abs() <= half_width_erb;
        (rates.iter().position(near).unwrap_or(k), rates.iter().rposition(near).unwrap_or(k))
    };
    rates.iter().enumerate().map(window).collect()
}

/// How far at least and at most the windows of the eight bands from `start` on reach to both sides.
pub(super) fn reach(start: usize, windows: &[(usize, usize); 8]) -> ((usize, usize), (usize, usize)) {
    let bounds = |(least, most): (usize, usize), distance: usize| (least.min(distance), most.max(distance));
    let lanes = || (start..).zip(windows);
    let before = lanes().map(|(band, (first, _))| band - first).fold((usize::MAX, 0), bounds);
    (before, lanes().map(|(band, (_, last))| last - band).fold((usize::MAX, 0), bounds))
}

/// For windows of a few bands: weighted sums of their neighbors, eight bands at a time.
pub(super) struct Pool {
    eights: Vec<Eight>,
    /// Of each neighbor of eight bands in turn: the inverse of a window's width, 0 where the neighbor is not in it.
    weights: Vec<[f32; 8]>,
}

/// Eight neighboring bands.
struct Eight {
    /// The first band.
    start: usize,
    /// How many of their neighbors come before a band, at most, and how many neighbors a band has.
    before: usize,
    neighbors: usize,
    /// At the edges: loads of eight neighbors would not all fit.
    at_edge: bool,
}

/// Longest stretch of neighbors of eight bands at the edges.
const EDGE: usize = 128;

impl Pool {
    /// For a multiple of eight bands, and windows of less than a hundred.
    pub fn new(centers_hz: &[f64], half_width_erb: f64) -> Pool {
        let windows = windows(centers_hz, half_width_erb);
        let (mut eights, mut weights) = (Vec::new(), Vec::new());
        for (start, eight) in (0..).step_by(8).zip(windows.as_chunks::<8>().0) {
            let ((_, before), (_, after)) = reach(start, eight);
            let at_edge = before > start || start + 8 + after > windows.len();
            eights.push(Eight { start, before, neighbors: before + after + 1, at_edge });
            weights.extend((0..before + after + 1).map(|neighbor| -> [f32; 8] {
                std::array::from_fn(|lane| {
                    let (first, last) = eight[lane];
                    let is_in = (first + before..=last + before).contains(&(start + neighbor + lane));
                    if is_in { 1.0 / (last - first + 1) as f32 } else { 0.0 }
                })
            }));
        }
        Pool { eights, weights }
    }

    /// `pooled[plane][k]` becomes the average of `values[plane]` around band k. Inlined into the caller's instruction
    /// set.
    #[inline(always)]
    pub fn apply<S: Simd, const PLANES: usize>(
        &self,
        simd: S,
        values: [&[f32]; PLANES],
        mut pooled: [&mut [f32]; PLANES],
    ) {
        let mut weights = &self.weights[..];
        for eight in &self.eights {
            let (own, rest) = weights.split_at(eight.neighbors);
            weights = rest;
            let sums = if eight.at_edge {
                let mut near = [[0.0; EDGE]; PLANES];
                for (near, values) in near.iter_mut().zip(values) {
                    // Zeros stand for what is not there.
                    let missing = eight.before.saturating_sub(eight.start);
                    let from = eight.start + missing - eight.before;
                    let end = (from + eight.neighbors + 7 - missing).min(values.len());
                    near[missing..missing + end - from].copy_from_slice(&values[from..end]);
                }
                average_any(simd, &near.each_ref().map(|near| &near[..]), 0, own)
            } else {
                let from = eight.start - eight.before;
                // The counts that there are at the usual rates, so that each compiles to a sequence without a loop.
                match own.len() {
                    1 => average::<S, PLANES, 1>(simd, &values, from, own),
                    3 => average::<S, PLANES, 3>(simd, &values, from, own),
                    5 => average::<S, PLANES, 5>(simd, &values, from, own),
                    7 => average::<S, PLANES, 7>(simd, &values, from, own),
                    _ => average_any(simd, &values, from, own),
                }
            };
            for (pooled, sum) in pooled.iter_mut().zip(sums) {
                simd.store(sum, &mut pooled.as_chunks_mut().0[eight.start / 8]);
            }
        }
    }
}

/// [`average`] for any number of neighbors.
#[inline(always)]
fn average_any<S: Simd, const PLANES: usize>(
    simd: S,
    values: &[&[f32]; PLANES],
    from: usize,
    weights: &[[f32; 8]],
) -> [S::V; PLANES] {
    let mut sums = [simd.splat(0.0); PLANES];
    for (neighbor, weight) in weights.chunks_exact(1).enumerate() {
        let part = average::<S, PLANES, 1>(simd, values, from + neighbor, weight);
        for (sum, part) in sums.iter_mut().zip(part) {
            *sum = simd.add(*sum, part);
        }
    }
    sums
}

/// Weighted sums of the `NEIGHBORS` neighbors from `from` on, eight bands of every plane.
#[inline(always)]
fn average<S: Simd, const PLANES: usize, const NEIGHBORS: usize>(
    simd: S,
    values: &[&[f32]; PLANES],
    from: usize,
    weights: &[[f32; 8]],
) -> [S::V; PLANES] {
    let weights = &weights[..NEIGHBORS];
    let mut sums = [simd.splat(0.0); PLANES];
    for (sum, values) in sums.iter_mut().zip(values) {
        let near = &values[from..from + NEIGHBORS + 7];
        for (neighbor, weight) in weights.iter().enumerate() {
            if let Some(eight) = near[neighbor..].first_chunk() {
                *sum = simd.mul_add(simd.load(eight), simd.load(weight), *sum);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::wide_pool::WidePool;
    use super::*;
    use crate::dsp::simd::{Kernel, Level};

    struct Apply<'a>(&'a Pool, &'a [f32], &'a mut [f32]);

    impl Kernel for Apply<'_> {
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            self.0.apply(simd, [self.1], [self.2]);
        }
    }

    struct ApplyWide<'a>(&'a mut WidePool, &'a mut [f32], &'a mut [f32]);

    impl Kernel for ApplyWide<'_> {
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            self.0.apply(simd, [self.1, self.2]);
        }
    }

    fn near(centers_hz: &[f64], half_width: f64, k: usize) -> Vec<usize> {
        let rate = |k: usize| erb_rate(centers_hz[k]);
        (0..centers_hz.len()).filter(|&j| (rate(j) - rate(k)).abs() <= half_width).collect()
    }

    #[test]
    fn pools_equal_the_plain_average() {
        let mut centers_hz: Vec<f64> = (0..100).map(|k| 31.25 * k as f64).collect();
        centers_hz.extend((0..60).map(|k| 3_140.0 * 2f64.powf(k as f64 / 24.0)));
        let value = |k: usize| ((k * 7919) % 101) as f32 * 10f32.powi(-((k / 20) as i32));
        let input: Vec<f32> = (0..centers_hz.len()).map(value).collect();
        for half_width in [0.125, 0.2, 0.25, 0.9, 3.0] {
            let pool = Pool::new(&centers_hz, half_width);
            let pooled = Level::available().into_iter().map(|level| {
                let mut pooled = vec![f32::NAN; input.len()];
                level.run(Apply(&pool, &input, &mut pooled));
                pooled
            });
            let pooled: Vec<Vec<f32>> = pooled.collect();
            let (mut sums, mut doubled) = (input.clone(), input.iter().map(|x| 2.0 * x).collect::<Vec<f32>>());
            let mut wide_pool = WidePool::new(&centers_hz, half_width);
            Level::detect().run(ApplyWide(&mut wide_pool, &mut sums, &mut doubled));
            for k in 0..input.len() {
                let near = near(&centers_hz, half_width, k);
                let sum: f64 = near.iter().map(|&j| f64::from(input[j])).sum();
                let mean = sum / near.len() as f64;
                for pooled in &pooled {
                    assert!((f64::from(pooled[k]) - mean).abs() <= 1e-6 * mean, "band {k}: {}, not {mean}", pooled[k]);
                }
                assert!((f64::from(sums[k]) - sum).abs() <= 1e-6 * sum, "band {k}: {}, not {sum}", sums[k]);
                assert!((f64::from(doubled[k]) - 2.0 * sum).abs() <= 2e-6 * sum);
            }
        }
    }
}
