//! Separation: a Wiener filter per bin, analyzed over K frames and synthesized over the newest Ns only.

use super::geometry::Geometry;
use super::spectra::{Analyzer, Spectra};
use super::split::{Outputs, split};
use super::statistics::{Powers, Statistics};
use crate::dsp::simd::{Kernel, Level, Simd};
use crate::dsp::transform::complex::{V, add, load, scale, store};
use crate::dsp::transform::{Bins, Sink};

/// Average of the refined powers, s.
const REFINED_S: f64 = 0.007;

pub(super) struct Separation {
    level: Level,
    geometry: Geometry,
    chunk_frames: usize,
    center_gain: f32,
    analyzer: Analyzer,
    statistics: Statistics,
    center: Vec<Bins>,
    weights: Weights,
    /// Synthesis window, with the scale of the inverse transform.
    window: Vec<f32>,
    /// Ns frames of C; the first hop of them is complete.
    overlap: Vec<f32>,
}

impl Separation {
    pub fn new(
        level: Level,
        sample_rate_hz: u32,
        synthesis: usize,
        block_frames: usize,
        center_gain: f32,
    ) -> Separation {
        let geometry = Geometry::new(sample_rate_hz, 2048, synthesis, synthesis / 2, 64);
        let normalization = 1.0 / geometry.bins() as f64;
        let statistics = Statistics::new(&geometry, REFINED_S);
        Separation {
            level,
            geometry,
            chunk_frames: block_frames.min(geometry.hop_frames),
            center_gain,
            analyzer: Analyzer::new(level, geometry),
            weights: Weights::new(statistics.bands().count(), geometry.bins()),
            statistics,
            center: vec![Bins::default(); geometry.bins() / 8],
            window: geometry.synthesis_window().iter().map(|weight| (weight * normalization) as f32).collect(),
            overlap: vec![0.0; geometry.synthesis_frames],
        }
    }

    pub fn latency_frames(&self) -> usize {
        self.geometry.synthesis_frames - self.chunk_frames
    }

    pub fn memory_frames(&self) -> usize {
        let statistics = (Statistics::LONGEST_S * f64::from(self.geometry.sample_rate_hz)).ceil() as usize;
        self.geometry.analysis_frames + self.geometry.synthesis_frames + statistics
    }

    pub fn reset(&mut self) {
        self.analyzer.reset();
        self.statistics.reset();
        self.overlap.fill(0.0);
    }

    pub fn adopt(&mut self, old: &Separation) {
        if self.geometry == old.geometry {
            self.statistics.adopt(&old.statistics);
        }
    }

    /// Goes on where another of the same settings is.
    pub fn resume(&mut self, old: &Separation) {
        self.analyzer.resume(&old.analyzer);
        self.statistics.resume(&old.statistics);
        self.overlap.copy_from_slice(&old.overlap);
    }

    pub fn process(&mut self, left: &[f32], right: &[f32], mut outputs: Outputs) {
        let chunks = left.chunks_exact(self.chunk_frames).zip(right.chunks_exact(self.chunk_frames));
        for (index, (left, right)) in chunks.enumerate() {
            self.analyzer.push(left, right);
            let full = self.analyzer.is_full();
            if full {
                self.synthesize();
            }
            let oldest = self.analyzer.end() - self.geometry.synthesis_frames;
            let read = self.analyzer.filled() % self.geometry.hop_frames;
            split(
                &self.analyzer.left()[oldest..],
                &self.analyzer.right()[oldest..],
                &self.overlap[read..],
                outputs.chunk(index, self.chunk_frames),
            );
            if full {
                self.analyzer.advance();
            }
        }
    }

    /// One hop: completes the next `hop_frames` of C at the head of `overlap`.
    fn synthesize(&mut self) {
        self.analyzer.analyze();
        self.level.run(Estimate {
            statistics: &mut self.statistics,
            spectra: &self.analyzer.spectra,
            gain: self.center_gain,
            weights: &mut self.weights,
            center: &mut self.center,
        });
        let (hop, frames) = (self.geometry.hop_frames, self.geometry.synthesis_frames);
        self.overlap.copy_within(hop.., 0);
        self.overlap[frames - hop..].fill(0.0);
        let newest = OverlapAdd {
            overlap: self.overlap.as_chunks_mut().0,
            window: self.window.as_chunks().0,
            first: (self.geometry.analysis_frames / 2 - frames) / 8,
        };
        self.analyzer.transform.inverse(&self.center, newest);
    }
}

/// Adds the newest Ns of K frames, which end the second half, under the synthesis window.
struct OverlapAdd<'a> {
    overlap: &'a mut [[f32; 8]],
    window: &'a [[f32; 8]],
    /// Where they begin in that half, in vectors.
    first: usize,
}

impl Sink for OverlapAdd<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, vector: usize, [_, second_half]: V<S>) {
        // Out of both for what is too early, too.
        let index = vector.wrapping_sub(self.first);
        if let (Some(sum), Some(weight)) = (self.overlap.get_mut(index), self.window.get(index)) {
            simd.store(simd.mul_add(second_half, simd.load(weight), simd.load(sum)), sum);
        }
    }
}

/// The center's spectrum from both channels'.
struct Estimate<'a> {
    statistics: &'a mut Statistics,
    spectra: &'a Spectra,
    gain: f32,
    weights: &'a mut Weights,
    center: &'a mut [Bins],
}

/// Of the left and the right spectrum in the center's: per band, and per bin.
struct Weights {
    bands: [Vec<f32>; 2],
    bins: [Vec<f32>; 2],
}

impl Weights {
    fn new(bands: usize, bins: usize) -> Weights {
        Weights { bands: [vec![0.0; bands], vec![0.0; bands]], bins: [vec![0.0; bins], vec![0.0; bins]] }
    }
}

impl Kernel for Estimate<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.statistics.update(simd, self.spectra);
        let Weights { bands, bins } = self.weights;
        weigh(self.statistics.powers(), self.gain, bands);
        for (bands, bins) in bands.iter().zip(&mut *bins) {
            self.statistics.bands().expand(simd, bands, bins);
        }
        filter(simd, bins, self.spectra, self.center);
    }
}

/// Two-input Wiener filter, `C = (pc·pr·L + pc·pl·R) / (pc·pl + pc·pr + pl·pr)`.
#[inline(always)]
fn weigh(powers: &Powers, gain: f32, [from_left, from_right]: &mut [Vec<f32>; 2]) {
    let bands = from_left.len();
    let (common, own_left, own_right) = (&powers.common[..bands], &powers.left[..bands], &powers.right[..bands]);
    let from_right = &mut from_right[..bands];
    for k in 0..bands {
        let (pc, pl, pr) = (common[k], own_left[k], own_right[k]);
        let scale = gain * pc / (pc * (pl + pr) + pl * pr);
        (from_left[k], from_right[k]) = (scale * pr, scale * pl);
    }
}

#[inline(always)]
fn filter<S: Simd>(simd: S, [from_left, from_right]: &[Vec<f32>; 2], spectra: &Spectra, center: &mut [Bins]) {
    let left = spectra.left.iter().zip(from_left.as_chunks().0);
    let right = spectra.right.iter().zip(from_right.as_chunks().0);
    for (center, ((left, from_left), (right, from_right))) in center.iter_mut().zip(left.zip(right)) {
        let left = scale(simd, load(simd, left), simd.load(from_left));
        let right = scale(simd, load(simd, right), simd.load(from_right));
        store(simd, add(simd, left, right), center);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_center() {
        let noise = |seed: usize| (0..16_384).map(move |n| ((n * n * 31 + n * seed) % 2003) as f32 / 1001.0 - 1.0);
        let (common, own): (Vec<f32>, Vec<f32>) = (noise(7919).collect(), noise(7907).map(|x| 0.5 * x).collect());
        for rate in [22_050, 48_000, 96_000] {
            let center = |level| {
                let mut separation = Separation::new(level, rate, 512, 256, 1.0);
                let mut planes = [vec![0.0; common.len()], vec![0.0; common.len()], vec![0.0; common.len()]];
                let [left, right, center] = &mut planes;
                let mixed: Vec<f32> = common.iter().zip(&own).map(|(a, b)| a + b).collect();
                for start in (0..common.len()).step_by(256) {
                    let part = start..start + 256;
                    let outputs = Outputs {
                        left: &mut left[part.clone()],
                        right: &mut right[part.clone()],
                        center: &mut center[part.clone()],
                    };
                    separation.process(&common[part.clone()], &mixed[part], outputs);
                }
                std::mem::take(center)
            };
            let levels = Level::available();
            let expected = levels.last().map(|&level| center(level)).unwrap_or_default();
            assert!(expected.iter().any(|x| x.abs() > 0.5), "{rate} Hz");
            for level in levels {
                let difference = center(level).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(difference < 2e-5, "{} at {rate} Hz: {difference}", level.name());
            }
        }
    }
}
