//! The level of the center's sound around a device, in the horizontal plane.

use spatiald::acoustics::vector::direction;
use spatiald::acoustics::{Complex, wave_number};
use spatiald::design::fir::Bins;
use spatiald::design::{Device, FilterSet};

/// The input whose sound it is, of L′, R′, C.
const CENTER: usize = 2;
/// What is heard of a voice; frequencies are spaced evenly in it over the octaves, as pink noise spreads its energy.
pub const BAND_HZ: [f64; 2] = [250.0, 4000.0];
const FREQUENCIES: usize = 48;
const AZIMUTH_STEP_DEG: f64 = 2.0;
/// Distances are spaced evenly by ratio.
const DISTANCES: usize = 90;
const FARTHEST_M: f64 = 6.0;

/// Levels over azimuth and distance, in dB re the listener's place.
pub struct Field {
    azimuths_deg: Vec<f64>,
    distances_m: Vec<f64>,
    /// `[azimuth][distance]`.
    level_db: Vec<Vec<f64>>,
}

impl Field {
    /// The field of a cabinet of radius `nearest_m` about the device's center, without room or listener.
    pub fn new(device: &Device, set: &FilterSet, nearest_m: f64) -> Field {
        let bins = Bins { length: 16_384, sample_rate_hz: f64::from(set.sample_rate_hz) };
        let filters = &set.responses(bins)[CENTER];
        let azimuths_deg: Vec<f64> =
            (0..(360.0 / AZIMUTH_STEP_DEG) as usize).map(|i| AZIMUTH_STEP_DEG * i as f64).collect();
        let directions: Vec<_> = azimuths_deg.iter().map(|azimuth| direction(*azimuth, 0.0)).collect();
        let energies = |distance_m: f64, directions: &[_]| {
            let mut energies = vec![0.0; directions.len()];
            for index in 0..FREQUENCIES {
                let part = (index as f64 + 0.5) / FREQUENCIES as f64;
                let bin = (BAND_HZ[0] * (BAND_HZ[1] / BAND_HZ[0]).powf(part) / bins.frequency_hz(1)).round() as usize;
                let frequency_hz = bins.frequency_hz(bin);
                let mut pressures = vec![Complex::ZERO; directions.len()];
                for (driver, filter) in device.drivers.iter().zip(filters) {
                    let heard = driver.wiring(frequency_hz) * filter[bin];
                    let field = driver.radiator.pressures_on_sphere(wave_number(frequency_hz), directions, distance_m);
                    pressures.iter_mut().zip(field).for_each(|(sum, pressure)| *sum += pressure * heard);
                }
                energies.iter_mut().zip(pressures).for_each(|(sum, pressure)| *sum += pressure.norm_sqr());
            }
            energies
        };
        let reference = energies(device.listener.distance_m, &[direction(0.0, 0.0)])[0];
        let ratio = (FARTHEST_M / nearest_m).powf(1.0 / (DISTANCES - 1) as f64);
        let distances_m: Vec<f64> = (0..DISTANCES).map(|i| nearest_m * ratio.powi(i as i32)).collect();
        let mut level_db = vec![Vec::with_capacity(DISTANCES); azimuths_deg.len()];
        for distance_m in &distances_m {
            let around = energies(*distance_m, &directions);
            level_db.iter_mut().zip(around).for_each(|(row, energy)| row.push(10.0 * (energy / reference).log10()));
        }
        Field { azimuths_deg, distances_m, level_db }
    }

    /// Where the level falls to `level_db` for the last time, on the way outwards: (azimuth in degrees, distance in m).
    pub fn contour(&self, level_db: f64) -> Vec<(f64, f64)> {
        self.azimuths_deg
            .iter()
            .zip(&self.level_db)
            .map(|(azimuth, row)| (*azimuth, self.last(row, level_db)))
            .collect()
    }

    fn last(&self, row: &[f64], level_db: f64) -> f64 {
        let Some(inside) = row.iter().rposition(|level| *level >= level_db) else { return self.distances_m[0] };
        let Some(outside) = self.distances_m.get(inside + 1) else { return self.distances_m[inside] };
        let part = (row[inside] - level_db) / (row[inside] - row[inside + 1]);
        self.distances_m[inside] * (outside / self.distances_m[inside]).powf(part)
    }

    /// The level at an azimuth of the list and the listener's distance, far from the cabinet, re that on the axis.
    pub fn beside_db(&self, azimuth_deg: f64) -> f64 {
        let index = (azimuth_deg / AZIMUTH_STEP_DEG).round() as usize % self.azimuths_deg.len();
        self.level_db[index][DISTANCES - 1] - self.level_db[0][DISTANCES - 1]
    }
}
