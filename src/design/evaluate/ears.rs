//! Figures at the listener's ears.

use std::f64::consts::PI;

use crate::acoustics::{Complex, Head, Listener, phasor};

use super::super::device::Driver;
use super::super::fir::Bins;
use super::super::transfer;
use super::bands::{self, db, energy, per_octave};

/// Lag searched for the interaural delay, s.
const MAX_LAG_S: f64 = 0.9e-3;
const LAG_STEP_S: f64 = 0.25e-6;

/// Transfers to both ears of one listener: `[ear][driver][bin]`, bin 0 unused.
pub struct EarGrid(pub [Vec<Vec<Complex>>; 2]);

impl EarGrid {
    /// Computes them at all bins figures need.
    pub fn new(drivers: &[Driver], head: &Head, listener: &Listener, bins: Bins) -> Self {
        Self::sparse(drivers, head, listener, bins, 1)
    }

    /// The same at one bin in `every`; the others are zero.
    pub fn sparse(drivers: &[Driver], head: &Head, listener: &Listener, bins: Bins, every: usize) -> Self {
        let count = bands::highest(bins);
        let mut ears = [0, 1].map(|_| vec![vec![Complex::ZERO; count]; drivers.len()]);
        for bin in (every..count).step_by(every) {
            let vectors = transfer::to_ears(drivers, head, listener, bins.frequency_hz(bin));
            for (ear, vector) in ears.iter_mut().zip(vectors) {
                ear.iter_mut().zip(vector).for_each(|(spectrum, value)| spectrum[bin] = value);
            }
        }
        Self(ears)
    }

    /// What the filters of one input make at an ear.
    pub fn heard(&self, ear: usize, filters: &[Vec<Complex>]) -> Vec<Complex> {
        sum_of_products(&self.0[ear], filters)
    }

    /// Both ears.
    pub fn both(&self, filters: &[Vec<Complex>]) -> [Vec<Complex>; 2] {
        [self.heard(0, filters), self.heard(1, filters)]
    }
}

/// Σ over drivers of transfer × filter, at every bin of the transfers.
pub fn sum_of_products(transfers: &[Vec<Complex>], filters: &[Vec<Complex>]) -> Vec<Complex> {
    let count = transfers.first().map_or(0, Vec::len);
    (0..count).map(|bin| transfers.iter().zip(filters).map(|(c, h)| c[bin] * h[bin]).sum()).collect()
}

/// XTC = 10·log₁₀(Σ|ipsi|²/Σ|contra|²) by octave, from what both ears hear of either program.
pub fn cancellation(bins: Bins, left: &[Vec<Complex>; 2], right: &[Vec<Complex>; 2]) -> [f64; 6] {
    per_octave(bins, |o| {
        let wanted = energy(&left[0], o.clone()) + energy(&right[1], o.clone());
        let leaked = energy(&left[1], o.clone()) + energy(&right[0], o);
        db(wanted / leaked.max(1e-300))
    })
}

/// Effort = Σ|h|²·|g|²/|cᵢ·h|² of a program, mean over the octave, dB.
pub fn effort(bins: Bins, filters: &[Vec<Complex>], ipsilateral: &[Complex], omni: &[Complex]) -> [f64; 6] {
    per_octave(bins, |o| {
        let count = o.len().max(1) as f64;
        let at = |bin: usize| {
            let driven: f64 = filters.iter().map(|h| h[bin].norm_sqr()).sum();
            driven * omni[bin].norm_sqr() / ipsilateral[bin].norm_sqr().max(1e-300)
        };
        db(o.map(at).sum::<f64>() / count)
    })
}

/// ITD within ±0.9 ms, µs, of the octaves 250 Hz to 1 kHz; positive if the left ear leads. Above, the wave repeats within
/// the lags that occur, and says nothing.
pub fn interaural_delay(bins: Bins, ears: &[Vec<Complex>; 2]) -> [f64; 3] {
    [0, 1, 2].map(|octave| lag_us(bins, ears, bands::octave(bins, bands::OCTAVES_HZ[octave])))
}

/// Lag of the maximum of a band's cross-correlation within ±0.9 ms, µs.
pub fn lag_us(bins: Bins, [left, right]: &[Vec<Complex>; 2], band: std::ops::Range<usize>) -> f64 {
    let cross: Vec<(f64, Complex)> = band
        .filter(|b| *b < left.len())
        .map(|bin| (2.0 * PI * bins.frequency_hz(bin), left[bin].conj() * right[bin]))
        .filter(|(_, product)| *product != Complex::ZERO)
        .collect();
    let steps = (MAX_LAG_S / LAG_STEP_S).round() as i32;
    // A rotation a step is much cheaper than a sine a step.
    let mut turning: Vec<(Complex, Complex)> =
        cross.iter().map(|(w, c)| (c * phasor(-w * MAX_LAG_S), phasor(w * LAG_STEP_S))).collect();
    let (mut best, mut best_lag) = (f64::NEG_INFINITY, 0);
    for lag in -steps..=steps {
        let correlation: f64 = turning.iter().map(|(c, _)| c.re).sum();
        if correlation > best {
            (best, best_lag) = (correlation, lag);
        }
        turning.iter_mut().for_each(|(c, step)| *c *= *step);
    }
    f64::from(best_lag) * LAG_STEP_S * 1e6
}

/// ILD: ratio of the ears' octave energies, dB.
pub fn interaural_level(bins: Bins, [left, right]: &[Vec<Complex>; 2]) -> [f64; 6] {
    per_octave(bins, |o| db(energy(left, o.clone()) / energy(right, o).max(1e-300)))
}

/// Ear spectra of a monopole at an azimuth, unit volume acceleration, `distance_m` from the head.
pub fn ideal(bins: Bins, head: &Head, azimuth_deg: f64, distance_m: f64) -> [Vec<Complex>; 2] {
    ideal_sparse(bins, head, azimuth_deg, distance_m, 1)
}

/// The same at one bin in `every`; the others are zero.
pub fn ideal_sparse(bins: Bins, head: &Head, azimuth_deg: f64, distance_m: f64, every: usize) -> [Vec<Complex>; 2] {
    let mut ears = [0, 1].map(|_| vec![Complex::ZERO; bands::highest(bins)]);
    for bin in (every..bands::highest(bins)).step_by(every) {
        let heard = transfer::ideal_ears(head, azimuth_deg, distance_m, bins.frequency_hz(bin));
        ears.iter_mut().zip(heard).for_each(|(ear, value)| ear[bin] = value);
    }
    ears
}
