//! Powers of the common and the two own parts of a stereo signal, per band.
//!
//! Model: L = C + A, R = C + B with C, A and B uncorrelated. A first estimate of the three powers comes from the
//! averaged covariance of (L, R); one expectation-maximization step on the current frame sharpens it (conditional mean
//! and variance of a Gaussian model); last, bands with little center are led by their surroundings, or what is left of
//! the sides there would be isolated short tones, musical noise.

use super::bands::{Bands, Covariance};
use super::geometry::Geometry;
use super::pool::Pool;
use super::spectra::Spectra;
use super::wide_pool::WidePool;
use crate::dsp::simd::Simd;

/// Added to every own power: keeps silence defined. A full-scale sine is 174 dB above it.
const FLOOR: f32 = 1e-12;
/// Both diagonals of the covariance are loaded by this part, or a mono input would yield no center.
const LOADING: f32 = 1e-3;
/// Share of the incoherent power that a short average mistakes for common power.
const BIAS: f32 = 0.18;
/// Where the average power of neighboring bands is more than this above the frame's, what it stands for is over,
const OVER: f32 = 2.0;
/// and is forgotten with this time constant, s: a burst would otherwise rule the gains for long after its end.
const OVER_S: f64 = 0.003;
/// Bands that are judged together.
const OVER_BANDS: usize = 32;
/// Averages below this are flushed, so that nothing ever decays into denormals.
const FLUSH: f32 = 1e-20;
/// Half-width of the averages over frequency, ERB: of the covariance,
const POOL_ERB: f64 = 0.125;
/// of the refined powers,
const REFINED_POOL_ERB: f64 = 0.25;
/// and of a band's surroundings.
const SURROUNDINGS_ERB: f64 = 3.0;
/// Where the gain of the surroundings is below this, a band takes it over;
const SPARSE: f32 = 0.5;
/// where it is above this, the band keeps its own.
const DENSE: f32 = 0.9;

/// Running averages and what follows from them. All slices have one value a band.
pub(super) struct Statistics {
    bands: Bands,
    /// Part of the old average that a new one keeps: usually, of what is over, and now.
    smoothing: Vec<f32>,
    forgetting: f32,
    kept: Vec<f32>,
    /// Hops until the analysis window is full: what came before it is not over.
    hops_to_full: usize,
    hops_a_window: usize,
    refined_smoothing: f32,
    pool: Pool,
    refined_pool: Pool,
    surroundings: WidePool,
    averages: Averages,
    frame: Covariance,
    pooled: Covariance,
    powers: Powers,
    /// Pooled center power, and that with what comes with it.
    around: [Vec<f32>; 2],
}

/// What is remembered from hop to hop.
struct Averages {
    covariance: Covariance,
    refined: Powers,
}

/// Powers of the three parts, C, A (left's own) and B (right's own).
pub(super) struct Powers {
    pub common: Vec<f32>,
    pub left: Vec<f32>,
    pub right: Vec<f32>,
}

impl Powers {
    fn new(bands: usize) -> Powers {
        Powers { common: vec![0.0; bands], left: vec![0.0; bands], right: vec![0.0; bands] }
    }
}

impl Statistics {
    /// Statistics of frames of `geometry`; the refined powers are averaged over `refined_s` seconds.
    pub fn new(geometry: &Geometry, refined_s: f64) -> Statistics {
        let bands = Bands::new(geometry);
        let count = bands.count();
        let centers_hz: Vec<f64> = bands.centers().iter().map(|bin| bin * geometry.bin_hz()).collect();
        // 60 ms in the bass, where bins are few, falling to 20 ms in the treble.
        let smoothing = |hz: &f64| geometry.one_pole(0.02 + 0.04 / (1.0 + (hz / 800.0).powi(2))) as f32;
        Statistics {
            smoothing: centers_hz.iter().map(smoothing).collect(),
            forgetting: geometry.one_pole(OVER_S) as f32,
            kept: vec![0.0; count],
            hops_to_full: geometry.analysis_frames / geometry.hop_frames,
            hops_a_window: geometry.analysis_frames / geometry.hop_frames,
            refined_smoothing: geometry.one_pole(refined_s) as f32,
            pool: Pool::new(&centers_hz, POOL_ERB),
            refined_pool: Pool::new(&centers_hz, REFINED_POOL_ERB),
            surroundings: WidePool::new(&centers_hz, SURROUNDINGS_ERB),
            averages: Averages { covariance: Covariance::new(count), refined: Powers::new(count) },
            frame: Covariance::new(count),
            pooled: Covariance::new(count),
            powers: Powers::new(count),
            around: [vec![0.0; count], vec![0.0; count]],
            bands,
        }
    }

    /// Longest time constant, s.
    pub const LONGEST_S: f64 = 0.06;

    pub fn bands(&self) -> &Bands {
        &self.bands
    }

    pub fn powers(&self) -> &Powers {
        &self.powers
    }

    pub fn reset(&mut self) {
        self.hops_to_full = self.hops_a_window;
        let Averages { covariance, refined } = &mut self.averages;
        for average in [&mut covariance.left, &mut covariance.right, &mut covariance.cross] {
            average.fill(0.0);
        }
        for average in [&mut refined.common, &mut refined.left, &mut refined.right] {
            average.fill(0.0);
        }
    }

    /// Takes over the averages of another of the same geometry.
    pub fn adopt(&mut self, old: &Statistics) {
        // Plane by plane: a derived `clone_from` would allocate, and this runs on the writer's thread.
        let (new, old) = (&mut self.averages, &old.averages);
        for (new, old) in [
            (&mut new.covariance.left, &old.covariance.left),
            (&mut new.covariance.right, &old.covariance.right),
            (&mut new.covariance.cross, &old.covariance.cross),
            (&mut new.refined.common, &old.refined.common),
            (&mut new.refined.left, &old.refined.left),
            (&mut new.refined.right, &old.refined.right),
        ] {
            new.clone_from(old);
        }
    }

    /// Goes on where another of the same geometry is.
    pub fn resume(&mut self, old: &Statistics) {
        self.adopt(old);
        self.hops_to_full = old.hops_to_full;
    }

    /// Takes in one frame; [`powers`](Statistics::powers) then holds for it. Inlined into the caller's instruction set.
    #[inline(always)]
    pub fn update<S: Simd>(&mut self, simd: S, spectra: &Spectra) {
        self.bands.covariance(simd, spectra, &mut self.frame);
        let Averages { covariance, refined } = &mut self.averages;
        if self.hops_to_full == 0 {
            forget_what_is_over(covariance, &self.frame, self.forgetting, &self.smoothing, &mut self.kept);
        } else {
            self.hops_to_full -= 1;
            self.kept.copy_from_slice(&self.smoothing);
        }
        for (average, frame) in [
            (&mut covariance.left, &self.frame.left),
            (&mut covariance.right, &self.frame.right),
            (&mut covariance.cross, &self.frame.cross),
        ] {
            for ((average, frame), old) in average.iter_mut().zip(frame).zip(&self.kept) {
                *average = old * (*average - frame) + (frame + FLUSH);
            }
        }
        self.pool.apply(
            simd,
            [&covariance.left, &covariance.right, &covariance.cross],
            [&mut self.pooled.left, &mut self.pooled.right, &mut self.pooled.cross],
        );
        refine(&self.pooled, &self.frame, refined, self.refined_smoothing);
        let Powers { common, left, right } = &mut self.powers;
        self.refined_pool.apply(simd, [&refined.common, &refined.left, &refined.right], [common, left, right]);
        load(&mut self.powers, &mut self.around);
        let [common, all] = &mut self.around;
        self.surroundings.apply(simd, [&mut *common, &mut *all]);
        follow_surroundings(&mut self.powers, common, all);
    }
}

/// `kept` becomes `usual`, less where the average power of neighboring bands is over [`OVER`] times the frame's: as much
/// less as nearly brings it there, but at least `forgetting`.
#[inline(always)]
fn forget_what_is_over(average: &Covariance, frame: &Covariance, forgetting: f32, usual: &[f32], kept: &mut [f32]) {
    let bands = kept.len();
    let [left, right] = [&average.left[..bands], &average.right[..bands]].map(|plane| plane.chunks(OVER_BANDS));
    let [frame_left, frame_right] = [&frame.left[..bands], &frame.right[..bands]].map(|plane| plane.chunks(OVER_BANDS));
    let groups = kept.chunks_mut(OVER_BANDS).zip(usual.chunks(OVER_BANDS));
    for (((kept, usual), before), now) in groups.zip(left.zip(right)).zip(frame_left.zip(frame_right)) {
        let (before, now) = (sum(before), OVER * sum(now));
        let part = if before > now { now / before } else { 1.0 };
        for (kept, usual) in kept.iter_mut().zip(usual) {
            *kept = larger(part * usual, forgetting);
        }
    }
}

/// Of all values of both, which are a multiple of 8.
#[inline(always)]
fn sum((a, b): (&[f32], &[f32])) -> f32 {
    let mut lanes = [0.0f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a + b;
        }
    }
    let four: [f32; 4] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

/// One expectation-maximization step from the averaged covariance on the current frame, averaged into `refined`.
///
/// The frame's estimate Ĉ = gl·L + gr·R enters by its powers alone, so a band's covariance is all that is needed of it.
#[inline(always)]
fn refine(average: &Covariance, frame: &Covariance, refined: &mut Powers, smoothing: f32) {
    let bands = refined.common.len();
    let (left, right, cross) = (&average.left[..bands], &average.right[..bands], &average.cross[..bands]);
    let (frame_left, frame_right) = (&frame.left[..bands], &frame.right[..bands]);
    let frame_cross = &frame.cross[..bands];
    let (common, own_left, own_right) =
        (&mut refined.common[..bands], &mut refined.left[..bands], &mut refined.right[..bands]);
    let new = 1.0 - smoothing;
    for k in 0..bands {
        let (ll, rr, x) = (left[k], right[k], cross[k]);
        let x = x - BIAS * above_zero(ll * rr - x * x).sqrt();
        let pc = smaller(above_zero(x), smaller(ll, rr));
        let pl = (1.0 + LOADING) * ll - pc + FLOOR;
        let pr = (1.0 + LOADING) * rr - pc + FLOOR;
        let own = pl * pr;
        let scale = pc / (pc * (pl + pr) + own);
        let (gl, gr, variance) = (scale * pr, scale * pl, scale * own);
        let (ll, rr, x) = (frame_left[k], frame_right[k], frame_cross[k]);
        let power = |a: f32, b: f32| above_zero(a * a * ll + b * b * rr + 2.0 * a * b * x);
        common[k] = smoothing * common[k] + new * (power(gl, gr) + variance) + FLUSH;
        own_left[k] = smoothing * own_left[k] + new * (power(1.0 - gl, -gr) + variance) + FLUSH;
        own_right[k] = smoothing * own_right[k] + new * (power(-gl, 1.0 - gr) + variance) + FLUSH;
    }
}

/// Loads the own powers of both channels, or a mono input would leave a division by rounding errors; `around` becomes
/// pc and pc + h, whose quotient is the band's gain.
#[inline(always)]
fn load(powers: &mut Powers, around: &mut [Vec<f32>; 2]) {
    let bands = powers.common.len();
    let (common, left, right) = (&powers.common[..bands], &mut powers.left[..bands], &mut powers.right[..bands]);
    let [center, all] = around;
    let (center, all) = (&mut center[..bands], &mut all[..bands]);
    for k in 0..bands {
        let (pc, pl, pr) = (common[k], left[k], right[k]);
        let load = 0.5 * LOADING * (pl + pr + 2.0 * pc) + FLOOR;
        let (pl, pr) = (pl + load, pr + load);
        (left[k], right[k]) = (pl, pr);
        center[k] = pc;
        all[k] = pc + beside(pl, pr);
    }
}

/// What is left beside the center in the best sum of both channels, `h = pl·pr/(pl + pr)`: a source in the middle passes
/// the Wiener filter with the gain `pc/(pc + h)`.
#[inline(always)]
fn beside(pl: f32, pr: f32) -> f32 {
    pl * pr / (pl + pr)
}

/// Gains between the band's own and that of its surroundings: the less center is around, the more of the latter. A
/// source alone has the same gain everywhere, at any pan and with any spectrum, so it keeps it.
#[inline(always)]
fn follow_surroundings(powers: &mut Powers, common_around: &[f32], all_around: &[f32]) {
    let bands = powers.common.len();
    let (common, left, right) = (&mut powers.common[..bands], &powers.left[..bands], &powers.right[..bands]);
    let (common_around, all_around) = (&common_around[..bands], &all_around[..bands]);
    for k in 0..bands {
        let (pc, h) = (common[k], beside(left[k], right[k]));
        // Rounding must not leave less around a band than the band itself.
        let all_around = larger(all_around[k], pc + h);
        let common_around = smaller(above_zero(common_around[k]), all_around);
        let gain_around = common_around / all_around;
        let own = (gain_around - SPARSE) * (1.0 / (DENSE - SPARSE));
        let own = smaller(above_zero(own), 1.0);
        // A gain g and 1 − g, each exact where it is small.
        let (mine, around) = (own / (pc + h), (1.0 - own) / all_around);
        let gain = mine * pc + around * common_around;
        let rest = mine * h + around * larger(all_around - common_around, h);
        common[k] = h * gain / rest;
    }
}

// Plain comparisons compile to one instruction a vector; `f32::max` also has to order NaN.
#[inline(always)]
fn above_zero(a: f32) -> f32 {
    if a > 0.0 { a } else { 0.0 }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}
