//! The bands in which powers are estimated: a bin each in the bass, then 2, 4 and 8 bins, octave by octave.
//!
//! Averages over a part of an ERB follow anyway, so nothing is lost against a band a bin (measured: under 0.01 dB), and
//! a third of the work is left.

use super::geometry::Geometry;
use super::spectra::Spectra;
use crate::dsp::simd::Simd;

/// Up to here, or the next power of two in bins, every bin is a band of its own, Hz.
const SINGLE_UP_TO_HZ: f64 = 2_000.0;
/// Bins of the widest bands.
const WIDEST: usize = 8;

/// Powers of both channels and the real part of their cross power, one value a band.
pub(super) struct Covariance {
    pub left: Vec<f32>,
    pub right: Vec<f32>,
    pub cross: Vec<f32>,
}

impl Covariance {
    pub fn new(bands: usize) -> Covariance {
        Covariance { left: vec![0.0; bands], right: vec![0.0; bands], cross: vec![0.0; bands] }
    }
}

/// Bands of equal width; each count is a multiple of 8.
#[derive(Debug, Clone, Copy)]
struct Run {
    first_bin: usize,
    first_band: usize,
    bands: usize,
    width: usize,
}

/// Which bins make up which band. The Nyquist bin is in none; it takes the last band's values.
pub(super) struct Bands {
    runs: Vec<Run>,
}

impl Bands {
    pub fn new(geometry: &Geometry) -> Bands {
        let bins = geometry.bins() - 1;
        let single = (SINGLE_UP_TO_HZ / geometry.bin_hz()).ceil() as usize;
        let mut end = single.next_power_of_two().min(bins);
        let mut runs = vec![Run { first_bin: 0, first_band: 0, bands: end, width: 1 }];
        let (mut count, mut width) = (end, 1);
        while end < bins {
            width = (2 * width).min(WIDEST);
            let bands = end / width;
            runs.push(Run { first_bin: end, first_band: count, bands, width });
            count += bands;
            end *= 2;
        }
        Bands { runs }
    }

    /// Number of bands.
    pub fn count(&self) -> usize {
        self.runs.last().map_or(0, |run| run.first_band + run.bands)
    }

    /// Middle of every band, in bins.
    pub fn centers(&self) -> Vec<f64> {
        let middle =
            |run: &Run, band: usize| (run.first_bin + band * run.width) as f64 + 0.5 * (run.width as f64 - 1.0);
        self.runs.iter().flat_map(|run| (0..run.bands).map(move |band| middle(run, band))).collect()
    }

    /// The mean over each band's bins of this frame's powers.
    #[inline(always)]
    pub fn covariance<S: Simd>(&self, simd: S, spectra: &Spectra, covariance: &mut Covariance) {
        for run in &self.runs {
            let scale = simd.splat(1.0 / run.width as f32);
            for band in (0..run.bands).step_by(8) {
                let bin = run.first_bin + band * run.width;
                let sums = match run.width {
                    1 => products(simd, spectra, bin),
                    2 => pairs(simd, spectra, bin),
                    4 => quads(simd, spectra, bin),
                    _ => octets(simd, spectra, bin),
                };
                let planes = [&mut covariance.left, &mut covariance.right, &mut covariance.cross];
                for (plane, sum) in planes.into_iter().zip(sums) {
                    simd.store(simd.mul(scale, sum), eight_mut(plane, run.first_band + band));
                }
            }
        }
    }

    /// Each band's value for its bins, and the last one for the Nyquist bin.
    #[inline(always)]
    pub fn expand<S: Simd>(&self, simd: S, bands: &[f32], bins: &mut [f32]) {
        for run in &self.runs {
            let bins = &mut bins[run.first_bin..][..run.bands * run.width];
            for band in (0..run.bands).step_by(8) {
                let values = simd.load(eight(bands, run.first_band + band));
                let bin = band * run.width;
                match run.width {
                    1 => simd.store(values, eight_mut(bins, bin)),
                    2 => twice(simd, values, bins, bin),
                    4 => four_times(simd, values, bins, bin),
                    _ => eight_times(simd, values, bins, bin),
                }
            }
        }
        if let ([.., last], [.., nyquist]) = (bands, bins) {
            *nyquist = *last;
        }
    }
}

/// Each lane twice, to the bins from `start` on.
#[inline(always)]
fn twice<S: Simd>(simd: S, values: S::V, bins: &mut [f32], start: usize) {
    let (low, high) = simd.interleave(values, values);
    simd.store(low, eight_mut(bins, start));
    simd.store(high, eight_mut(bins, start + 8));
}

#[inline(always)]
fn four_times<S: Simd>(simd: S, values: S::V, bins: &mut [f32], start: usize) {
    let (low, high) = simd.interleave(values, values);
    twice(simd, low, bins, start);
    twice(simd, high, bins, start + 16);
}

#[inline(always)]
fn eight_times<S: Simd>(simd: S, values: S::V, bins: &mut [f32], start: usize) {
    let (low, high) = simd.interleave(values, values);
    four_times(simd, low, bins, start);
    four_times(simd, high, bins, start + 32);
}

/// |L|², |R|² and Re L·R* of eight bins.
#[inline(always)]
fn products<S: Simd>(simd: S, spectra: &Spectra, bin: usize) -> [S::V; 3] {
    let at = |plane: &[f32]| simd.load(eight(plane, bin));
    let (l_re, l_im) = (at(&spectra.left.re), at(&spectra.left.im));
    let (r_re, r_im) = (at(&spectra.right.re), at(&spectra.right.im));
    let inner = |a_re, a_im, b_re, b_im| simd.mul_add(a_re, b_re, simd.mul(a_im, b_im));
    [inner(l_re, l_im, l_re, l_im), inner(r_re, r_im, r_re, r_im), inner(l_re, l_im, r_re, r_im)]
}

/// Sums of two neighbors, from eight lanes and the following eight.
#[inline(always)]
fn halve<S: Simd>(simd: S, low: [S::V; 3], high: [S::V; 3]) -> [S::V; 3] {
    let halve = |low, high| {
        let (even, odd) = simd.deinterleave(low, high);
        simd.add(even, odd)
    };
    [halve(low[0], high[0]), halve(low[1], high[1]), halve(low[2], high[2])]
}

#[inline(always)]
fn pairs<S: Simd>(simd: S, spectra: &Spectra, bin: usize) -> [S::V; 3] {
    halve(simd, products(simd, spectra, bin), products(simd, spectra, bin + 8))
}

#[inline(always)]
fn quads<S: Simd>(simd: S, spectra: &Spectra, bin: usize) -> [S::V; 3] {
    halve(simd, pairs(simd, spectra, bin), pairs(simd, spectra, bin + 16))
}

#[inline(always)]
fn octets<S: Simd>(simd: S, spectra: &Spectra, bin: usize) -> [S::V; 3] {
    halve(simd, quads(simd, spectra, bin), quads(simd, spectra, bin + 32))
}

/// Eight values from `start` on.
#[inline(always)]
fn eight(from: &[f32], start: usize) -> &[f32; 8] {
    let eight = &from[start..start + 8];
    // Cannot fail: the slice has eight elements.
    eight.try_into().unwrap_or_else(|_| unreachable!())
}

#[inline(always)]
fn eight_mut(from: &mut [f32], start: usize) -> &mut [f32; 8] {
    let eight = &mut from[start..start + 8];
    // Cannot fail: the slice has eight elements.
    eight.try_into().unwrap_or_else(|_| unreachable!())
}

#[cfg(test)]
mod tests {
    use super::super::spectra::Spectrum;
    use super::*;
    use crate::dsp::simd::{Kernel, Level};

    struct RoundTrip<'a>(&'a Bands, &'a Spectra, &'a mut Covariance, &'a mut [f32]);

    impl Kernel for RoundTrip<'_> {
        fn run<S: Simd>(self, simd: S) {
            self.0.covariance(simd, self.1, self.2);
            self.0.expand(simd, &self.2.cross, self.3);
        }
    }

    #[test]
    fn bands_hold_the_means_of_their_bins() {
        for (rate, analysis) in [(8_000, 1024), (44_100, 2048), (48_000, 1024), (48_000, 2048), (192_000, 2048)] {
            let geometry = Geometry::new(rate, analysis, 0, 128, 32);
            let plane = |seed: usize| (0..geometry.bins()).map(|k| ((k * seed) % 101) as f32 - 50.0).collect();
            let spectrum = |seed| Spectrum { re: plane(seed), im: plane(seed + 6) };
            let spectra = Spectra { left: spectrum(7919), right: spectrum(7907) };
            let bands = Bands::new(&geometry);
            for level in Level::available() {
                let mut covariance = Covariance::new(bands.count());
                let mut bins = vec![f32::NAN; geometry.bins()];
                level.run(RoundTrip(&bands, &spectra, &mut covariance, &mut bins));
                let mut start = 0;
                for (band, center) in bands.centers().iter().enumerate() {
                    let width = (2.0 * (center - start as f64) + 1.0) as usize;
                    let own = start..start + width;
                    let mean = |f: &dyn Fn(usize) -> f32| own.clone().map(f).sum::<f32>() / width as f32;
                    let (l, r) = (&spectra.left, &spectra.right);
                    let expected = [
                        mean(&|k| l.re[k] * l.re[k] + l.im[k] * l.im[k]),
                        mean(&|k| r.re[k] * r.re[k] + r.im[k] * r.im[k]),
                        mean(&|k| l.re[k] * r.re[k] + l.im[k] * r.im[k]),
                    ];
                    let found = [covariance.left[band], covariance.right[band], covariance.cross[band]];
                    for (found, expected) in found.iter().zip(expected) {
                        assert!((found - expected).abs() < 1e-2, "{rate} Hz, band {band}: {found}, not {expected}");
                    }
                    assert!(bins[own].iter().all(|&value| value == covariance.cross[band]), "band {band}");
                    start += width;
                }
                assert_eq!(start + 1, geometry.bins());
                assert_eq!(bins[start], bins[start - 1]);
            }
        }
    }
}
