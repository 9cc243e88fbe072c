//! Figures of the field around the device, without a listener's head.

use std::ops::Range;

use crate::acoustics::vector::{Vec3, direction, scale};
use crate::acoustics::{Complex, wave_number};

use super::super::device::Driver;
use super::super::fir::Bins;
use super::super::radiation::{DISTANCE_M, lattice};
use super::bands::{OCTAVES_HZ, db, highest, octave};

/// Directions on the sphere; a Fibonacci lattice integrates the beams of a small device to about 0.1 dB.
const SPHERE_POINTS: usize = 700;
/// Azimuths of the polar table, degrees.
pub const POLAR_DEG: [f64; 24] = [
    -165.0, -150.0, -135.0, -120.0, -105.0, -90.0, -75.0, -60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0,
    75.0, 90.0, 105.0, 120.0, 135.0, 150.0, 165.0, 180.0,
];
/// Bins of an octave that are computed, in the middles of as many equal parts of it. Energies near a null climb
/// steeply: with the edges among them, an octave's sum would be off by up to 1 dB.
const BINS_PER_OCTAVE: usize = 32;

/// Fields of the drivers over directions at the bins used: `[bin][direction][driver]`.
pub struct Field {
    bins: Vec<usize>,
    sphere: Vec<Vec<Vec<Complex>>>,
    circle: Vec<Vec<Vec<Complex>>>,
}

/// Energies by octave.
type PerOctave = [f64; 6];

impl Field {
    /// Computes the fields of all drivers.
    pub fn new(drivers: &[Driver], bins: Bins) -> Self {
        let lattice = lattice(SPHERE_POINTS);
        let circle: Vec<Vec3> = POLAR_DEG.iter().map(|a| direction(*a, 0.0)).collect();
        let used: Vec<usize> =
            OCTAVES_HZ.iter().flat_map(|center| middles(octave(bins, *center), BINS_PER_OCTAVE)).collect();
        let over = |directions: &[Vec3], bin: usize| -> Vec<Vec<Complex>> {
            let frequency_hz = bins.frequency_hz(bin);
            let k = wave_number(frequency_hz);
            let each: Vec<Vec<Complex>> = drivers
                .iter()
                .map(|d| {
                    let wiring = d.wiring(frequency_hz);
                    let field = d.radiator.pressures_on_sphere(k, directions, DISTANCE_M);
                    field.into_iter().map(|p| p * wiring).collect()
                })
                .collect();
            (0..directions.len()).map(|i| each.iter().map(|driver| driver[i]).collect()).collect()
        };
        Self {
            sphere: used.iter().map(|bin| over(&lattice, *bin)).collect(),
            circle: used.iter().map(|bin| over(&circle, *bin)).collect(),
            bins: used,
        }
    }

    /// Mean of `figure` over the bins of each octave.
    fn per_octave(&self, bins: Bins, figure: impl Fn(usize, usize) -> f64) -> PerOctave {
        OCTAVES_HZ.map(|center| {
            let range = octave(bins, center);
            let values: Vec<f64> = self
                .bins
                .iter()
                .enumerate()
                .filter(|(_, bin)| range.contains(bin))
                .map(|(index, bin)| figure(index, *bin))
                .collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        })
    }

    /// Mean |p|² over the sphere at one bin.
    fn mean_power(&self, index: usize, bin: usize, filters: &[Vec<Complex>]) -> f64 {
        let directions = &self.sphere[index];
        directions.iter().map(|d| superpose(d, filters, bin).norm_sqr()).sum::<f64>() / directions.len() as f64
    }

    /// Radiated power of a program, dB re an omnidirectional driver that makes the same ear pressure: mean |p|²·r² over
    /// the sphere, divided by |ipsi|²/(|D(90°)|²/r²).
    pub fn radiated_power(
        &self,
        bins: Bins,
        filters: &[Vec<Complex>],
        ipsilateral: &[Complex],
        omni: &[Complex],
    ) -> PerOctave {
        self.per_octave(bins, |index, bin| {
            let power = self.mean_power(index, bin, filters) * DISTANCE_M * DISTANCE_M;
            power * omni[bin].norm_sqr() / ipsilateral[bin].norm_sqr().max(1e-300)
        })
        .map(db)
    }

    /// Mean over the bins computed in a range of a program's radiated power times `reference`: the energy at its ears of
    /// an omnidirectional source of unit power re its own.
    pub fn power_re(&self, range: Range<usize>, filters: &[Vec<Complex>], reference: impl Fn(usize) -> f64) -> f64 {
        let used = || self.bins.iter().enumerate().filter(|(_, bin)| range.contains(bin));
        let power = |(index, bin): (usize, &usize)| {
            self.mean_power(index, *bin, filters) * DISTANCE_M * DISTANCE_M * reference(*bin)
        };
        used().map(power).sum::<f64>() / used().count().max(1) as f64
    }

    /// Octave energy at each azimuth of the polar table re on axis, dB.
    pub fn polar(&self, bins: Bins, filters: &[Vec<Complex>]) -> Vec<PerOctave> {
        let at = |direction: usize| {
            self.per_octave(bins, |index, bin| superpose(&self.circle[index][direction], filters, bin).norm_sqr())
        };
        let axis = at(axis_index());
        (0..POLAR_DEG.len())
            .map(|direction| {
                let here = at(direction);
                std::array::from_fn(|o| db(here[o] / axis[o].max(1e-300)))
            })
            .collect()
    }

    /// Directivity index: on axis over the mean over the sphere, dB by octave.
    pub fn directivity_index(&self, bins: Bins, filters: &[Vec<Complex>]) -> PerOctave {
        let axis =
            self.per_octave(bins, |index, bin| superpose(&self.circle[index][axis_index()], filters, bin).norm_sqr());
        let mean = self.per_octave(bins, |index, bin| self.mean_power(index, bin, filters));
        std::array::from_fn(|o| db(axis[o] / mean[o].max(1e-300)))
    }
}

/// The middles of `parts` equal parts of `range`; all of it where there are no more.
fn middles(range: Range<usize>, parts: usize) -> impl Iterator<Item = usize> {
    let parts = parts.min(range.len());
    (0..parts).map(move |part| range.start + (2 * part + 1) * range.len() / (2 * parts))
}

/// Index of 0° in [`POLAR_DEG`].
fn axis_index() -> usize {
    POLAR_DEG.iter().position(|a| *a == 0.0).unwrap_or(0)
}

fn superpose(drivers: &[Complex], filters: &[Vec<Complex>], bin: usize) -> Complex {
    drivers.iter().zip(filters).map(|(p, h)| p * h[bin]).sum()
}

/// Pressure on axis at the listener's distance without a head, at every bin the figures need.
pub fn on_axis(drivers: &[Driver], distance_m: f64, bins: Bins) -> Vec<Vec<Complex>> {
    let mut spectra = vec![vec![Complex::ZERO; highest(bins)]; drivers.len()];
    for bin in 1..highest(bins) {
        let frequency_hz = bins.frequency_hz(bin);
        let k = wave_number(frequency_hz);
        for (driver, spectrum) in drivers.iter().zip(&mut spectra) {
            let point = scale([1.0, 0.0, 0.0], distance_m);
            spectrum[bin] = driver.radiator.pressure(k, point) * driver.wiring(frequency_hz);
        }
    }
    spectra
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middles_weigh_both_ends_of_a_slope_alike() {
        assert_eq!(middles(10..14, 32).collect::<Vec<_>>(), [10, 11, 12, 13]);
        let found: Vec<usize> = middles(100..1060, 32).collect();
        assert_eq!((found.len(), found[0], found[31]), (32, 115, 1045));
        // Σ over all bins of a steep slope, 1 at one end and 1000 at the other, against the mean of the middles.
        let slope = |bin: usize| 1000f64.powf((bin - 100) as f64 / 960.0);
        let all = (100..1060).map(slope).sum::<f64>() / 960.0;
        let some = found.iter().copied().map(slope).sum::<f64>() / 32.0;
        assert!((db(some) - db(all)).abs() < 0.05, "{} dB", db(some) - db(all));
    }
}
