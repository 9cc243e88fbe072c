//! The virtual loudspeaker: a source at ±θ as relative ear signals.

use std::f64::consts::PI;

use crate::acoustics::{Complex, SPEED_OF_SOUND, phasor};

/// The contralateral ear relative to the ipsilateral one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relative {
    /// Level as an amplitude ratio.
    pub level: f64,
    /// How much later, as a phase that grows beyond π: rad.
    pub lag_rad: f64,
}

impl Relative {
    /// As a complex ratio.
    pub fn ratio(self) -> Complex {
        phasor(-self.lag_rad) * self.level
    }
}

/// The contralateral ear relative to the ipsilateral one for a source at ±`angle_deg`.
///
/// e^{−jωτ}·B(90°+θ)/B(90°−θ) with Woodworth's delay τ = (a/c)(θ + sin θ) and the head-shadow shelf of Brown & Duda
/// (IEEE TSAP 6, 1998). The shelf brings the low-frequency part of the delay itself.
pub fn contralateral(angle_deg: f64, head_radius_m: f64, frequency_hz: f64) -> Relative {
    let omega = 2.0 * PI * frequency_hz;
    let theta = angle_deg.to_radians();
    let delay_s = head_radius_m / SPEED_OF_SOUND * (theta + theta.sin());
    let shelf = shadow(90.0 + angle_deg, head_radius_m, omega) / shadow(90.0 - angle_deg, head_radius_m, omega);
    Relative { level: shelf.norm(), lag_rad: omega * delay_s - shelf.arg() }
}

/// B(φ) = (1 + jαω/2ω₀)/(1 + jω/2ω₀), ω₀ = c/a, α = 1.05 + 0.95·cos(1.2 φ).
fn shadow(angle_deg: f64, head_radius_m: f64, omega: f64) -> Complex {
    let relative = 0.5 * omega * head_radius_m / SPEED_OF_SOUND;
    let alpha = 1.05 + 0.95 * (1.2 * angle_deg).to_radians().cos();
    Complex::new(1.0, alpha * relative) / Complex::new(1.0, relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_frequency_delay_is_woodworth_and_shelf() {
        let f = 20.0;
        let delay_us = contralateral(30.0, 0.0875, f).lag_rad / (2.0 * PI * f) * 1e6;
        assert!((delay_us - 396.0).abs() < 2.0, "{delay_us}");
    }

    #[test]
    fn straight_ahead_both_ears_hear_the_same() {
        assert!((contralateral(0.0, 0.0875, 3000.0).ratio() - 1.0).norm() < 1e-12);
    }
}
