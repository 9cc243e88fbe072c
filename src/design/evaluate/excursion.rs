//! The level excursion allows.

use std::f64::consts::SQRT_2;

use serde::Serialize;

use crate::acoustics::wave_number;

use super::super::device::Driver;

/// Octaves in which excursion may be what limits a driver, Hz.
const OCTAVES_HZ: [f64; 6] = [31.5, 63.0, 125.0, 250.0, 500.0, 1000.0];

/// The loudest sine a driver can play at the listener's place without a head, within its linear excursion.
#[derive(Debug, Clone, Serialize)]
pub struct ExcursionLimit {
    /// The driver's name.
    pub driver: String,
    /// Centers of the octaves its band reaches into, Hz.
    pub octaves_hz: Vec<f64>,
    /// What all of an octave can have, so at its lower end or the band's: dB re 20 µPa, by octave.
    pub level_db: Vec<f64>,
}

/// The limits of the drivers whose excursion is stated.
pub fn limits(drivers: &[Driver], distance_m: f64) -> Vec<ExcursionLimit> {
    let limit = |driver: &Driver| {
        let excursion = driver.excursion?;
        let (octaves_hz, level_db) = OCTAVES_HZ
            .into_iter()
            .filter(|center| driver.band_hz.0 < center * SQRT_2 && driver.band_hz.1 > center / SQRT_2)
            .map(|center| {
                let lowest_hz = driver.band_hz.0.max(center / SQRT_2);
                let unit = driver.radiator.unit_pressure(wave_number(lowest_hz), [distance_m, 0.0, 0.0]);
                (center, excursion.level_db(lowest_hz, unit.norm()))
            })
            .unzip();
        Some(ExcursionLimit { driver: driver.name.clone(), octaves_hz, level_db })
    };
    drivers.iter().filter_map(limit).collect()
}
