//! The bands in which powers are estimated: a bin each in the bass, then 2, 4 and 8 bins, octave by octave.
//!
//! Averages over a part of an ERB follow anyway, so nothing is lost against a band a bin (measured: under 0.01 dB), and
//! a third of the work is left.

use super::geometry::Geometry;
use super::spectra::Spectra;
use crate::dsp::simd::Simd;
use crate::dsp::transform::complex::load;
use crate::dsp::transform::{Bins, place};

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

/// Bands of equal width; each count is a multiple of 8, of 16 where a bin is a band.
#[derive(Debug, Clone, Copy)]
struct Run {
    first_bin: usize,
    first_band: usize,
    bands: usize,
    width: usize,
}

/// Which bins make up which band.
///
/// Bins come as [`Spectra`] hold them: of eight pairs of bins, 2i and 2i + 1, the even ones are one vector, the odd ones
/// another, reversed and as far from the end.
pub(super) struct Bands {
    runs: Vec<Run>,
    /// Where the even bins of eight pairs lie, from the lowest pairs to the highest.
    places: Vec<usize>,
}

impl Bands {
    pub fn new(geometry: &Geometry) -> Bands {
        let bins = geometry.bins();
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
        let vectors = bins / 8;
        Bands { runs, places: (0..vectors / 2).map(|vector| place(vector, vectors)).collect() }
    }

    /// Number of bands.
    pub fn count(&self) -> usize {
        self.runs.last().map_or(0, |run| run.first_band + run.bands)
    }

    /// Middle of every band, in distances of bins; bin k is at k + ½.
    pub fn centers(&self) -> Vec<f64> {
        let middle = |run: &Run, band: usize| run.first_bin as f64 + (band as f64 + 0.5) * run.width as f64;
        self.runs.iter().flat_map(|run| (0..run.bands).map(move |band| middle(run, band))).collect()
    }

    /// The mean over each band's bins of this frame's powers.
    #[inline(always)]
    pub fn covariance<S: Simd>(&self, simd: S, spectra: &Spectra, covariance: &mut Covariance) {
        let Covariance { left, right, cross } = covariance;
        let (left, right) = (left.as_chunks_mut::<8>().0, right.as_chunks_mut().0);
        let cross = cross.as_chunks_mut().0;
        let mut write = |index: usize, [ll, rr, x]: [S::V; 3]| {
            simd.store(ll, &mut left[index]);
            simd.store(rr, &mut right[index]);
            simd.store(x, &mut cross[index]);
        };
        for run in &self.runs {
            let scale = simd.splat(1.0 / run.width as f32);
            let mut index = run.first_band / 8;
            for places in run.places(&self.places) {
                let [ll, rr, x] = match *places {
                    [place] if run.width == 1 => {
                        let (even, odd) = products(simd, spectra, place);
                        let ll = simd.interleave(even[0], odd[0]);
                        let rr = simd.interleave(even[1], odd[1]);
                        let x = simd.interleave(even[2], odd[2]);
                        write(index, [ll.0, rr.0, x.0]);
                        write(index + 1, [ll.1, rr.1, x.1]);
                        index += 2;
                        continue;
                    }
                    [place] => pairs(simd, spectra, place),
                    [a, b] => quads(simd, spectra, [a, b]),
                    [a, b, c, d] => halve(simd, quads(simd, spectra, [a, b]), quads(simd, spectra, [c, d])),
                    _ => continue,
                };
                write(index, [simd.mul(ll, scale), simd.mul(rr, scale), simd.mul(x, scale)]);
                index += 1;
            }
        }
    }

    /// Each band's value for its bins.
    #[inline(always)]
    pub fn expand<S: Simd>(&self, simd: S, bands: &[f32], bins: &mut [f32]) {
        let (bands, bins) = (bands.as_chunks().0, bins.as_chunks_mut().0);
        for run in &self.runs {
            let mut index = run.first_band / 8;
            for places in run.places(&self.places) {
                let values = simd.load(&bands[index]);
                index += 1;
                match *places {
                    [place] if run.width == 1 => {
                        let (even, odd) = simd.deinterleave(values, simd.load(&bands[index]));
                        index += 1;
                        store_pairs(simd, even, odd, bins, place);
                    }
                    [place] => store_pairs(simd, values, values, bins, place),
                    [a, b] => twice(simd, values, bins, [a, b]),
                    [a, b, c, d] => {
                        let (low, high) = simd.interleave(values, values);
                        twice(simd, low, bins, [a, b]);
                        twice(simd, high, bins, [c, d]);
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Run {
    /// The places of the pairs that make up eight bands each, or sixteen where a bin is a band.
    #[inline(always)]
    fn places<'a>(&self, places: &'a [usize]) -> std::slice::ChunksExact<'a, usize> {
        let bins = self.first_bin..self.first_bin + self.bands * self.width;
        places[bins.start / 16..bins.end / 16].chunks_exact((self.width / 2).max(1))
    }
}

/// Eight pairs of bins, to `place` and its mirror.
#[inline(always)]
fn store_pairs<S: Simd>(simd: S, even: S::V, odd: S::V, bins: &mut [[f32; 8]], place: usize) {
    let mirror = bins.len() - 1 - place;
    simd.store(even, &mut bins[place]);
    simd.store(simd.reverse(odd), &mut bins[mirror]);
}

/// Each lane for two pairs of bins.
#[inline(always)]
fn twice<S: Simd>(simd: S, values: S::V, bins: &mut [[f32; 8]], [a, b]: [usize; 2]) {
    let (low, high) = simd.interleave(values, values);
    store_pairs(simd, low, low, bins, a);
    store_pairs(simd, high, high, bins, b);
}

/// |L|², |R|² and Re L·R* of eight bins.
#[inline(always)]
fn powers<S: Simd>(simd: S, left: &Bins, right: &Bins) -> [S::V; 3] {
    let ([l_re, l_im], [r_re, r_im]) = (load(simd, left), load(simd, right));
    let inner = |a_re, a_im, b_re, b_im| simd.mul_add(a_re, b_re, simd.mul(a_im, b_im));
    [inner(l_re, l_im, l_re, l_im), inner(r_re, r_im, r_re, r_im), inner(l_re, l_im, r_re, r_im)]
}

/// The same of eight pairs: of the even ones, which lie at `place`, and of the odd ones.
#[inline(always)]
fn products<S: Simd>(simd: S, spectra: &Spectra, place: usize) -> ([S::V; 3], [S::V; 3]) {
    let mirror = spectra.left.len() - 1 - place;
    let even = powers(simd, &spectra.left[place], &spectra.right[place]);
    let [ll, rr, x] = powers(simd, &spectra.left[mirror], &spectra.right[mirror]);
    (even, [simd.reverse(ll), simd.reverse(rr), simd.reverse(x)])
}

#[inline(always)]
fn pairs<S: Simd>(simd: S, spectra: &Spectra, place: usize) -> [S::V; 3] {
    let (even, odd) = products(simd, spectra, place);
    [simd.add(even[0], odd[0]), simd.add(even[1], odd[1]), simd.add(even[2], odd[2])]
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
fn quads<S: Simd>(simd: S, spectra: &Spectra, [a, b]: [usize; 2]) -> [S::V; 3] {
    halve(simd, pairs(simd, spectra, a), pairs(simd, spectra, b))
}

#[cfg(test)]
mod tests {
    use super::super::spectra::place;
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
            let count = geometry.bins();
            let plane = |seed: usize| (0..count).map(|k| ((k * seed) % 101) as f32 - 50.0).collect::<Vec<f32>>();
            let [l_re, l_im, r_re, r_im] = [7919, 7925, 7907, 7913].map(plane);
            let mut spectra = Spectra::new(count);
            for k in 0..count {
                let place = place(k, count);
                let (vector, lane) = (place / 8, place % 8);
                (spectra.left[vector].re[lane], spectra.left[vector].im[lane]) = (l_re[k], l_im[k]);
                (spectra.right[vector].re[lane], spectra.right[vector].im[lane]) = (r_re[k], r_im[k]);
            }
            let bands = Bands::new(&geometry);
            for level in Level::available() {
                let mut covariance = Covariance::new(bands.count());
                let mut bins = vec![f32::NAN; count];
                level.run(RoundTrip(&bands, &spectra, &mut covariance, &mut bins));
                let mut start = 0;
                for (band, center) in bands.centers().iter().enumerate() {
                    let width = (2.0 * (center - start as f64)) as usize;
                    let own = start..start + width;
                    let mean = |f: &dyn Fn(usize) -> f32| own.clone().map(f).sum::<f32>() / width as f32;
                    let expected = [
                        mean(&|k| l_re[k] * l_re[k] + l_im[k] * l_im[k]),
                        mean(&|k| r_re[k] * r_re[k] + r_im[k] * r_im[k]),
                        mean(&|k| l_re[k] * r_re[k] + l_im[k] * r_im[k]),
                    ];
                    let found = [covariance.left[band], covariance.right[band], covariance.cross[band]];
                    for (found, expected) in found.iter().zip(expected) {
                        assert!((found - expected).abs() < 1e-2, "{rate} Hz, band {band}: {found}, not {expected}");
                    }
                    let all_alike = own.clone().all(|k| bins[place(k, count)] == covariance.cross[band]);
                    assert!(all_alike, "{rate} Hz, band {band}");
                    start += width;
                }
                assert_eq!(start, count);
            }
        }
    }
}
