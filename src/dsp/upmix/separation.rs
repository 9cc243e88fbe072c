//! Separation: a Wiener filter per bin, analyzed over K frames and synthesized over the newest Ns only.

use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner};
use rustfft::num_complex::Complex;

use super::geometry::Geometry;
use super::spectra::{Analyzer, Spectra};
use super::split::{Outputs, split};
use super::statistics::{Powers, Statistics};
use crate::dsp::simd::{Kernel, Level, Simd};

pub(super) struct Separation {
    level: Level,
    geometry: Geometry,
    chunk_frames: usize,
    center_gain: f32,
    analyzer: Analyzer,
    statistics: Statistics,
    center: Vec<Complex<f32>>,
    weights: Weights,
    inverse: Arc<dyn ComplexToReal<f32>>,
    scratch: Vec<Complex<f32>>,
    time: Vec<f32>,
    /// Synthesis window, with the 1/K of the inverse transform.
    window: Vec<f32>,
    /// Ns frames of C; the first hop of them is complete.
    overlap: Vec<f32>,
}

impl Separation {
    pub fn new(sample_rate_hz: u32, synthesis: usize, block_frames: usize, center_gain: f32) -> Separation {
        let geometry = Geometry::new(sample_rate_hz, 2048, synthesis, synthesis / 2, 64);
        let inverse = RealFftPlanner::new().plan_fft_inverse(geometry.analysis_frames);
        let normalization = 1.0 / geometry.analysis_frames as f64;
        let statistics = Statistics::new(&geometry);
        Separation {
            level: Level::detect(),
            geometry,
            chunk_frames: block_frames.min(geometry.hop_frames),
            center_gain,
            analyzer: Analyzer::new(geometry),
            weights: Weights::new(statistics.bands().count(), geometry.bins()),
            statistics,
            center: inverse.make_input_vec(),
            scratch: inverse.make_scratch_vec(),
            time: inverse.make_output_vec(),
            inverse,
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
        self.analyzer.transform();
        self.level.run(Estimate {
            statistics: &mut self.statistics,
            spectra: &self.analyzer.spectra,
            gain: self.center_gain,
            weights: &mut self.weights,
            center: &mut self.center,
        });
        // Only wrong lengths can fail, and they are the planner's own.
        if self.inverse.process_with_scratch(&mut self.center, &mut self.time, &mut self.scratch).is_err() {
            self.time.fill(0.0);
        }
        let (hop, frames) = (self.geometry.hop_frames, self.geometry.synthesis_frames);
        self.overlap.copy_within(hop.., 0);
        self.overlap[frames - hop..].fill(0.0);
        let newest = &self.time[self.geometry.analysis_frames - frames..];
        for ((sum, value), weight) in self.overlap.iter_mut().zip(newest).zip(&self.window) {
            *sum += value * weight;
        }
    }
}

/// The center's spectrum from both channels'.
struct Estimate<'a> {
    statistics: &'a mut Statistics,
    spectra: &'a Spectra,
    gain: f32,
    weights: &'a mut Weights,
    center: &'a mut [Complex<f32>],
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
        filter(bins, self.spectra, self.center);
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
fn filter([from_left, from_right]: &[Vec<f32>; 2], spectra: &Spectra, center: &mut [Complex<f32>]) {
    let bins = center.len();
    let (from_left, from_right) = (&from_left[..bins], &from_right[..bins]);
    let (l_re, l_im) = (&spectra.left.re[..bins], &spectra.left.im[..bins]);
    let (r_re, r_im) = (&spectra.right.re[..bins], &spectra.right.im[..bins]);
    for k in 0..bins {
        center[k] = Complex::new(
            from_left[k] * l_re[k] + from_right[k] * r_re[k],
            from_left[k] * l_im[k] + from_right[k] * r_im[k],
        );
    }
}
