//! Powers of the common and the two own parts of a stereo signal, per bin.
//!
//! Model: L = C + A, R = C + B with C, A and B uncorrelated. A first estimate of the three powers comes from the
//! averaged covariance of (L, R); one expectation-maximization step on the current frame sharpens it
//! (Sahani-style two-channel Wiener filtering; the conditional mean and variance of a Gaussian model).

use super::geometry::Geometry;
use super::pool::Pool;
use super::spectra::Spectra;

/// Added to every own power: keeps silence defined. A full-scale sine is 174 dB above it.
const FLOOR: f32 = 1e-12;
/// Both diagonals of the covariance are loaded by this part, or a mono input would yield no center.
const LOADING: f32 = 1e-3;
/// Share of the incoherent power that a short average mistakes for common power.
const BIAS: f32 = 0.1;
/// Averages below this are flushed, so that nothing ever decays into denormals.
const FLUSH: f32 = 1e-20;

/// Running averages and what follows from them. All slices have one value a bin.
pub(super) struct Statistics {
    averages: Averages,
    smoothing: Vec<f32>,
    refined_smoothing: f32,
    pool: Pool,
    refined_pool: Pool,
    powers: Powers,
    covariance: [Vec<f32>; 3],
}

/// What is remembered from hop to hop.
#[derive(Clone)]
struct Averages {
    left: Vec<f32>,
    right: Vec<f32>,
    cross: Vec<f32>,
    refined: Powers,
}

/// Powers of the three parts, C, A (left's own) and B (right's own).
#[derive(Clone)]
pub(super) struct Powers {
    pub common: Vec<f32>,
    pub left: Vec<f32>,
    pub right: Vec<f32>,
}

impl Powers {
    fn new(bins: usize) -> Powers {
        Powers { common: vec![0.0; bins], left: vec![0.0; bins], right: vec![0.0; bins] }
    }

    fn each_mut(&mut self) -> [&mut Vec<f32>; 3] {
        [&mut self.common, &mut self.left, &mut self.right]
    }

    fn copy_from(&mut self, other: &Powers) {
        self.common.copy_from_slice(&other.common);
        self.left.copy_from_slice(&other.left);
        self.right.copy_from_slice(&other.right);
    }
}

impl Averages {
    fn new(bins: usize) -> Averages {
        Averages { left: vec![0.0; bins], right: vec![0.0; bins], cross: vec![0.0; bins], refined: Powers::new(bins) }
    }
}

impl Statistics {
    pub fn new(geometry: &Geometry) -> Statistics {
        let (bins, bin_hz) = (geometry.bins(), geometry.bin_hz());
        // 60 ms in the bass, where bins are few, falling to 20 ms in the treble.
        let smoothing = (0..bins)
            .map(|k| {
                let octave = k as f64 * bin_hz / 800.0;
                geometry.one_pole(0.02 + 0.04 / (1.0 + octave * octave)) as f32
            })
            .collect();
        Statistics {
            averages: Averages::new(bins),
            smoothing,
            refined_smoothing: geometry.one_pole(0.008) as f32,
            pool: Pool::new(bins, bin_hz, 0.125),
            refined_pool: Pool::new(bins, bin_hz, 0.175),
            powers: Powers::new(bins),
            covariance: [vec![0.0; bins], vec![0.0; bins], vec![0.0; bins]],
        }
    }

    /// Longest time constant, s.
    pub const LONGEST_S: f64 = 0.06;

    pub fn powers(&self) -> &Powers {
        &self.powers
    }

    pub fn reset(&mut self) {
        let averages = &mut self.averages;
        for average in [&mut averages.left, &mut averages.right, &mut averages.cross] {
            average.fill(0.0);
        }
        for power in averages.refined.each_mut() {
            power.fill(0.0);
        }
    }

    /// Takes over the averages of another of the same geometry.
    pub fn adopt(&mut self, old: &Statistics) {
        self.averages.left.copy_from_slice(&old.averages.left);
        self.averages.right.copy_from_slice(&old.averages.right);
        self.averages.cross.copy_from_slice(&old.averages.cross);
        self.averages.refined.copy_from(&old.averages.refined);
    }

    /// Takes in one frame; [`powers`](Statistics::powers) then holds for it. Inlined into the caller's instruction set.
    #[inline(always)]
    pub fn update(&mut self, spectra: &Spectra) {
        average_covariance(&mut self.averages, &self.smoothing, spectra);
        let [left, right, cross] = &mut self.covariance;
        left.copy_from_slice(&self.averages.left);
        right.copy_from_slice(&self.averages.right);
        cross.copy_from_slice(&self.averages.cross);
        for covariance in [&mut *left, &mut *right, &mut *cross] {
            self.pool.apply(covariance);
        }
        refine([left, right, cross], &mut self.averages.refined, self.refined_smoothing, spectra);
        self.powers.copy_from(&self.averages.refined);
        for power in self.powers.each_mut() {
            self.refined_pool.apply(power);
        }
        load(&mut self.powers);
    }
}

/// `E|L|²`, `E|R|²` and `Re E[L R*]`, one-pole.
#[inline(always)]
fn average_covariance(averages: &mut Averages, smoothing: &[f32], spectra: &Spectra) {
    let bins = smoothing.len();
    let (left, right, cross) = (&mut averages.left[..bins], &mut averages.right[..bins], &mut averages.cross[..bins]);
    let (l_re, l_im) = (&spectra.left.re[..bins], &spectra.left.im[..bins]);
    let (r_re, r_im) = (&spectra.right.re[..bins], &spectra.right.im[..bins]);
    for k in 0..bins {
        let (old, new) = (smoothing[k], 1.0 - smoothing[k]);
        left[k] = old * left[k] + (new * (l_re[k] * l_re[k] + l_im[k] * l_im[k]) + FLUSH);
        right[k] = old * right[k] + (new * (r_re[k] * r_re[k] + r_im[k] * r_im[k]) + FLUSH);
        cross[k] = old * cross[k] + (new * (l_re[k] * r_re[k] + l_im[k] * r_im[k]) + FLUSH);
    }
}

/// One expectation-maximization step from the averaged covariance on the current frame, averaged into `refined`.
#[inline(always)]
fn refine(covariance: [&mut Vec<f32>; 3], refined: &mut Powers, smoothing: f32, spectra: &Spectra) {
    let bins = refined.common.len();
    let [left, right, cross] = covariance;
    let (left, right, cross) = (&left[..bins], &right[..bins], &cross[..bins]);
    let (l_re, l_im) = (&spectra.left.re[..bins], &spectra.left.im[..bins]);
    let (r_re, r_im) = (&spectra.right.re[..bins], &spectra.right.im[..bins]);
    let common = &mut refined.common[..bins];
    let own_left = &mut refined.left[..bins];
    let own_right = &mut refined.right[..bins];
    let new = 1.0 - smoothing;
    for k in 0..bins {
        let (ll, rr, x) = (left[k], right[k], cross[k]);
        let x = x - BIAS * above_zero(ll * rr - x * x).sqrt();
        let pc = smaller(above_zero(x), smaller(ll, rr));
        let pl = (1.0 + LOADING) * ll - pc + FLOOR;
        let pr = (1.0 + LOADING) * rr - pc + FLOOR;
        let own = pl * pr;
        let scale = pc / (pc * (pl + pr) + own);
        let (from_left, from_right) = (scale * pr, scale * pl);
        let c_re = from_left * l_re[k] + from_right * r_re[k];
        let c_im = from_left * l_im[k] + from_right * r_im[k];
        let variance = scale * own;
        let (a_re, a_im) = (l_re[k] - c_re, l_im[k] - c_im);
        let (b_re, b_im) = (r_re[k] - c_re, r_im[k] - c_im);
        common[k] = smoothing * common[k] + new * (c_re * c_re + c_im * c_im + variance) + FLUSH;
        own_left[k] = smoothing * own_left[k] + new * (a_re * a_re + a_im * a_im + variance) + FLUSH;
        own_right[k] = smoothing * own_right[k] + new * (b_re * b_re + b_im * b_im + variance) + FLUSH;
    }
}

/// Loads the own powers of both channels, or a mono input would leave a division by rounding errors.
#[inline(always)]
fn load(powers: &mut Powers) {
    let bins = powers.common.len();
    let (common, left, right) = (&powers.common[..bins], &mut powers.left[..bins], &mut powers.right[..bins]);
    for k in 0..bins {
        let load = 0.5 * LOADING * (left[k] + right[k] + 2.0 * common[k]) + FLOOR;
        left[k] += load;
        right[k] += load;
    }
}

// Plain comparisons compile to one instruction a vector; `f32::max` also has to order NaN.
#[inline(always)]
fn above_zero(a: f32) -> f32 {
    if a > 0.0 { a } else { 0.0 }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}
