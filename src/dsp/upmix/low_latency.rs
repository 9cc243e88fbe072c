//! Low latency: the same statistics, served by two short causal FIR filters that follow them.

use super::fir_pair::{Crossfade, FirPair};
use super::geometry::{Geometry, scale_frames};
use super::levinson::BlockLevinson;
use super::pool::Pool;
use super::spectra::{Analyzer, Spectra};
use super::split::{Outputs, split};
use super::statistics::{Powers, Statistics};
use crate::dsp::simd::{Kernel, Level, Simd};
use crate::dsp::transform::complex::V;
use crate::dsp::transform::{Bins, Sink, Transform};

/// Part of the mean power added to the diagonal of the normal equations.
const LOADING: f64 = 1e-3;
/// Average of the refined powers, s.
const REFINED_S: f64 = 0.002;
/// λ of silence.
const FLOOR: f64 = 1e-14;

pub(super) struct LowLatency {
    level: Level,
    geometry: Geometry,
    chunk_frames: usize,
    delay_frames: usize,
    analyzer: Analyzer,
    designer: Designer,
    filters: FirPair,
    center: Vec<f32>,
}

impl LowLatency {
    pub fn new(level: Level, sample_rate_hz: u32, block_frames: usize, center_gain: f32) -> LowLatency {
        let geometry = Geometry::new(sample_rate_hz, 1024, 0, 128, 32);
        let taps = scale_frames(128, sample_rate_hz);
        let delay_frames = scale_frames(48, sample_rate_hz);
        let chunk_frames = block_frames.min(geometry.hop_frames);
        LowLatency {
            level,
            geometry,
            chunk_frames,
            delay_frames,
            analyzer: Analyzer::new(level, geometry),
            designer: Designer::new(level, &geometry, taps, delay_frames, center_gain),
            filters: FirPair::new(level, taps),
            center: vec![0.0; chunk_frames],
        }
    }

    pub fn latency_frames(&self) -> usize {
        self.delay_frames
    }

    pub fn memory_frames(&self) -> usize {
        let statistics = (Statistics::LONGEST_S * f64::from(self.geometry.sample_rate_hz)).ceil() as usize;
        self.geometry.analysis_frames + self.filters.taps() + statistics
    }

    pub fn reset(&mut self) {
        self.analyzer.reset();
        self.designer.statistics.reset();
        self.filters.reset();
    }

    pub fn adopt(&mut self, old: &LowLatency) {
        if self.geometry == old.geometry {
            self.designer.statistics.adopt(&old.designer.statistics);
        }
    }

    /// Goes on where another of the same settings is.
    pub fn resume(&mut self, old: &LowLatency) {
        self.analyzer.resume(&old.analyzer);
        self.designer.statistics.resume(&old.designer.statistics);
        self.filters.resume(&old.filters);
    }

    pub fn process(&mut self, left: &[f32], right: &[f32], mut outputs: Outputs) {
        let chunks = left.chunks_exact(self.chunk_frames).zip(right.chunks_exact(self.chunk_frames));
        for (index, (left, right)) in chunks.enumerate() {
            let position = self.analyzer.filled();
            self.analyzer.push(left, right);
            let start = self.analyzer.end() - self.chunk_frames;
            let crossfade = Crossfade { position, frames: self.geometry.hop_frames };
            self.filters.run(self.analyzer.left(), self.analyzer.right(), start, crossfade, &mut self.center);
            let delayed = start - self.delay_frames;
            split(
                &self.analyzer.left()[delayed..],
                &self.analyzer.right()[delayed..],
                &self.center,
                outputs.chunk(index, self.chunk_frames),
            );
            if self.analyzer.is_full() {
                self.analyzer.analyze();
                self.level.run(Design {
                    designer: &mut self.designer,
                    spectra: &self.analyzer.spectra,
                    filters: &mut self.filters,
                });
                self.analyzer.advance();
            }
        }
    }
}

/// From spectra to the filters of the next hop.
struct Designer {
    delay_frames: usize,
    gain: f64,
    statistics: Statistics,
    whitening_pool: Pool,
    /// `(pl + pr + 2pc)^−0.2`, pooled: evens out the weight of the bins.
    whitening: Vec<f32>,
    /// Powers to be transformed, per band and per bin.
    weighted: Vec<f32>,
    bins: Vec<f32>,
    transform: Transform,
    spectrum: Vec<Bins>,
    /// The first lags of their correlations.
    lags: Vec<f32>,
    /// Correlations `c + a`, `c`, `c + b`, taps long.
    blocks: [Vec<f64>; 3],
    target: Vec<f64>,
    solver: BlockLevinson,
}

impl Designer {
    fn new(level: Level, geometry: &Geometry, taps: usize, delay_frames: usize, center_gain: f32) -> Designer {
        let statistics = Statistics::new(geometry, REFINED_S);
        let bands = statistics.bands();
        let centers_hz: Vec<f64> = bands.centers().iter().map(|bin| bin * geometry.bin_hz()).collect();
        Designer {
            delay_frames,
            gain: f64::from(center_gain),
            whitening_pool: Pool::new(&centers_hz, 0.25),
            whitening: vec![0.0; bands.count()],
            weighted: vec![0.0; bands.count()],
            bins: vec![0.0; geometry.bins()],
            transform: Transform::new(level, geometry.bins()),
            spectrum: vec![Bins::default(); geometry.bins() / 8],
            lags: vec![0.0; taps],
            blocks: [vec![0.0; taps], vec![0.0; taps], vec![0.0; taps]],
            target: vec![0.0; taps],
            solver: BlockLevinson::new(taps),
            statistics,
        }
    }

    /// Takes in one frame. Inlined into the caller's instruction set.
    #[inline(always)]
    fn design<S: Simd>(&mut self, simd: S, spectra: &Spectra, filters: &mut FirPair) {
        self.statistics.update(simd, spectra);
        let powers = self.statistics.powers();
        whiten(simd, powers, &mut self.weighted, &mut self.whitening, &self.whitening_pool);
        for (plane, power) in self.blocks.iter_mut().zip([&powers.left, &powers.common, &powers.right]) {
            for ((value, power), weight) in self.weighted.iter_mut().zip(power).zip(&self.whitening) {
                *value = power * weight;
            }
            self.statistics.bands().expand(simd, &self.weighted, &mut self.bins);
            for (bins, values) in self.spectrum.iter_mut().zip(self.bins.as_chunks().0) {
                bins.re = *values;
            }
            self.transform.inverse(&self.spectrum, FirstLags(self.lags.as_chunks_mut().0));
            for (value, lag) in plane.iter_mut().zip(&self.lags) {
                *value = 2.0 * f64::from(*lag);
            }
        }
        let [left, common, right] = &mut self.blocks;
        for (n, target) in self.target.iter_mut().enumerate() {
            *target = common[n.abs_diff(self.delay_frames)];
        }
        let load = 0.5 * LOADING * (2.0 * common[0] + left[0] + right[0]) + FLOOR;
        for own in [&mut *left, &mut *right] {
            for (own, common) in own.iter_mut().zip(&*common) {
                *own += common;
            }
            own[0] += load;
        }
        self.solver.solve([left, common, right], &self.target);
        filters.follow(&self.solver.left, &self.solver.right, self.gain);
    }
}

/// Keeps what fits, of the first half of the K lags.
struct FirstLags<'a>(&'a mut [[f32; 8]]);

impl Sink for FirstLags<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, vector: usize, [first_half, _]: V<S>) {
        if let Some(lags) = self.0.get_mut(vector) {
            simd.store(first_half, lags);
        }
    }
}

struct Design<'a> {
    designer: &'a mut Designer,
    spectra: &'a Spectra,
    filters: &'a mut FirPair,
}

impl Kernel for Design<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.designer.design(simd, self.spectra, self.filters);
    }
}

#[inline(always)]
fn whiten<S: Simd>(simd: S, powers: &Powers, total: &mut [f32], whitening: &mut [f32], pool: &Pool) {
    let bands = whitening.len();
    let (common, left, right) = (&powers.common[..bands], &powers.left[..bands], &powers.right[..bands]);
    let total = &mut total[..bands];
    for k in 0..bands {
        total[k] = left[k] + right[k] + 2.0 * common[k];
    }
    pool.apply(simd, [total], [whitening]);
    for power in whitening.iter_mut() {
        *power = inverse_fifth_root(*power);
    }
}

/// `x^(−1/5)` within 2·10⁻⁶ for normal x > 0: a guess from the exponent, then Newton's `y(6 − x·y⁵)/5`.
#[inline(always)]
fn inverse_fifth_root(x: f32) -> f32 {
    // The bits of a float are its logarithm: 6/5 of the bias minus a fifth of x's.
    let guess = 1.276_9e9 - 0.2 * x.to_bits() as i32 as f32;
    let mut y = f32::from_bits(guess as i32 as u32);
    for _ in 0..3 {
        let squared = y * y;
        y *= 1.2 - 0.2 * x * squared * squared * y;
    }
    y
}
