//! What the room gets: the power that drivers radiate together.

use std::f64::consts::PI;

use crate::acoustics::vector::Vec3;
use crate::acoustics::{Complex, wave_number};

use super::curve::LogGrid;
use super::device::Driver;
use super::hermitian::Hermitian;

/// Distance of the sphere power is taken over, m.
pub const DISTANCE_M: f64 = 2.0;
/// Directions on it: they integrate the beams of a small device to about 0.1 dB.
const DIRECTIONS: usize = 600;
/// Range and density of the frequencies it is computed at; between them it is interpolated.
const RANGE_HZ: (f64, f64) = (40.0, 16_000.0);
const PER_OCTAVE: f64 = 12.0;

/// Radiated power as a quadratic form: W(f) = mean of p* pᵀ·r² over a sphere at 2 m, so that hᴴWh is |h|² of a single
/// omnidirectional driver.
#[derive(Debug, Clone)]
pub struct RadiatedPower {
    grid: LogGrid,
    matrices: Vec<Hermitian>,
}

impl RadiatedPower {
    /// Of these drivers, wired as they are.
    pub fn new(drivers: &[Driver]) -> Self {
        let grid = LogGrid::new(RANGE_HZ.0, RANGE_HZ.1, PER_OCTAVE);
        // Mirror images in pairs: a device that is its own mirror image gets filters that are.
        let directions: Vec<Vec3> =
            lattice(DIRECTIONS / 2).into_iter().flat_map(|[x, y, z]| [[x, y, z], [x, -y, z]]).collect();
        let weight = DISTANCE_M * DISTANCE_M / DIRECTIONS as f64;
        let matrices = grid.frequencies_hz.iter().map(|f| {
            let k = wave_number(*f);
            let fields: Vec<Vec<Complex>> = drivers
                .iter()
                .map(|d| {
                    let wiring = d.wiring(*f);
                    d.radiator.pressures_on_sphere(k, &directions, DISTANCE_M).into_iter().map(|p| p * wiring).collect()
                })
                .collect();
            let mut matrix = Hermitian::zero(drivers.len());
            let mut here = vec![Complex::ZERO; drivers.len()];
            for direction in 0..directions.len() {
                here.iter_mut().zip(&fields).for_each(|(p, field)| *p = field[direction]);
                matrix.add_outer(&here, weight);
            }
            matrix
        });
        Self { matrices: matrices.collect(), grid }
    }

    /// W at a frequency.
    pub fn at(&self, frequency_hz: f64) -> Hermitian {
        let (low, part) = self.grid.place(frequency_hz);
        let mut matrix = self.matrices[low].clone();
        if part > 0.0 {
            matrix.add(&self.matrices[low], -part);
            matrix.add(&self.matrices[low + 1], part);
        }
        matrix
    }
}

/// Directions spread evenly over the sphere: a Fibonacci lattice (Swinbank & Purser, QJRMS 132, 2006).
pub fn lattice(count: usize) -> Vec<Vec3> {
    (0..count)
        .map(|i| {
            let z = 1.0 - (2.0 * i as f64 + 1.0) / count as f64;
            let turn = PI * (1.0 + 5f64.sqrt()) * (i as f64 + 0.5);
            let ring = (1.0 - z * z).sqrt();
            [ring * turn.cos(), ring * turn.sin(), z]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::free_field;
    use super::*;

    #[test]
    fn two_point_sources_radiate_what_theory_says() {
        let device = free_field(&[("0.0, 0.08, 0.0", ""), ("0.0, -0.08, 0.0", "")], "");
        let power = RadiatedPower::new(&device.drivers);
        for frequency_hz in [100.0, 700.0, 1000.0, 1900.0] {
            // In phase 2(1 + sin kd/kd), in antiphase 2(1 − sin kd/kd), re one of them.
            let kd = wave_number(frequency_hz) * 0.16;
            for sign in [1.0, -1.0] {
                let got = power.at(frequency_hz).quadratic_form(&[Complex::ONE, Complex::from(sign)]);
                let exact = 2.0 * (1.0 + sign * kd.sin() / kd);
                assert!((got - exact).abs() < 0.02 + 0.01 * exact, "{frequency_hz} Hz, {sign}: {got}, not {exact}");
            }
        }
    }
}
