//! How loud a driver can be before its cone leaves the room it has.

use std::f64::consts::PI;

/// Density of air at 20 °C, kg/m³.
const AIR_DENSITY: f64 = 1.204;
/// Reference of sound pressure levels, Pa.
const REFERENCE_PA: f64 = 20e-6;

/// The volume a driver can displace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Excursion {
    /// Effective radius of its piston, m.
    pub radius_m: f64,
    /// Largest linear excursion to one side, m.
    pub peak_m: f64,
}

impl Excursion {
    /// Level of the loudest sine, dB re 20 µPa (rms), where a driver of unit volume acceleration makes the pressure
    /// `unit_pressure` (1/r in free field, 2/r in front of a baffle).
    ///
    /// A piston of area S moving by x at ω has the volume acceleration Sω²x, and a small source of volume acceleration Q
    /// makes p = ρQ/4πr (Small, "Direct-radiator loudspeaker system analysis", JAES 20, 1972; Beranek, *Acoustics*,
    /// §4.3).
    pub fn level_db(&self, frequency_hz: f64, unit_pressure: f64) -> f64 {
        let acceleration = PI * self.radius_m.powi(2) * (2.0 * PI * frequency_hz).powi(2) * self.peak_m;
        let rms_pa = AIR_DENSITY * acceleration / (4.0 * PI) * unit_pressure / std::f64::consts::SQRT_2;
        20.0 * (rms_pa / REFERENCE_PA).log10()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_the_textbooks() {
        // Half-space, 1 m: SPL = 108.5 dB + 20 log(V f²), V the peak volume in m³.
        let driver = Excursion { radius_m: 0.065, peak_m: 0.005 };
        let volume = PI * 0.065f64.powi(2) * 0.005;
        for frequency_hz in [40.0, 50.0, 100.0] {
            let expected = 108.5 + 20.0 * (volume * frequency_hz * frequency_hz).log10();
            assert!((driver.level_db(frequency_hz, 2.0) - expected).abs() < 0.1);
        }
        // An octave up, 12 dB more; twice as far, 6 dB less.
        let octave = driver.level_db(100.0, 1.0) - driver.level_db(50.0, 1.0);
        assert!(
            (octave - 12.04).abs() < 0.01
                && (driver.level_db(50.0, 1.0) - driver.level_db(50.0, 0.5) - 6.02).abs() < 0.01
        );
    }
}
