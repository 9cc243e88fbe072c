//! How drivers radiate and how heads hear: complex pressure over frequency, in f64.
//!
//! Conventions: SI units, e^{+jωt}, so a wave that travels outwards is e^{−jkr}. Positions are `[front, left, up]` as
//! the *listener* sees the device: x towards the listener, y to the listener's left, z up, the device at the origin.
//! That frame is left-handed; data measured in a right-handed frame of the device has its y mirrored on import.
//!
//! Every driver is normalized to the same volume acceleration: |p| → 1/r at low frequency, in Pa per unit input.
//!
//! | module | what it holds |
//! |---|---|
//! | [`spherical`] | spherical Hankel functions, the two spherical-harmonic series |
//! | [`radiator`] | driver → point: monopole, piston, baffled, cap on a rigid sphere, measured |
//! | [`excursion`] | how loud a driver can be |
//! | [`head`] | point → ears: rigid sphere (Duda–Martens), near field included |
//! | [`measured`] | impulse responses, and a driver measured at points around it |
//! | [`measured_head`] | a head measured for sources around it |
//! | [`sofa`] | both from SOFA files |
//! | [`interpolation`] | between measurements and beyond them |
//! | [`nearest`] | the nearest of many points |

pub mod bessel;
pub mod excursion;
pub mod head;
pub mod interpolation;
pub mod measured;
pub mod measured_head;
pub mod nearest;
pub mod radiator;
pub mod sofa;
pub mod spherical;
pub mod vector;

use crate::source::printable;

pub use head::{Head, Listener};
pub use radiator::{Incident, Model, Radiator};
pub use vector::Vec3;

/// A complex number in double precision, as in all of the design.
pub type Complex = rustfft::num_complex::Complex<f64>;

/// Speed of sound in m/s, the one value everything is computed with.
pub const SPEED_OF_SOUND: f64 = 343.0;

/// Wave number k = ω/c in rad/m of a frequency in Hz.
pub fn wave_number(frequency_hz: f64) -> f64 {
    2.0 * std::f64::consts::PI * frequency_hz / SPEED_OF_SOUND
}

/// e^{jφ} for φ in rad.
pub fn phasor(phase_rad: f64) -> Complex {
    Complex::from_polar(1.0, phase_rad)
}

/// A reader's words without Rust's `(os error 2)`.
fn in_plain_words(error: impl std::fmt::Display) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

/// Opens a measurement for reading: a regular file, or a designer would wait for a pipe.
fn open(path: &std::path::Path, expected: &'static str) -> Result<std::fs::File, MeasurementError> {
    match crate::source::open_regular(path) {
        Ok((file, _)) => Ok(file),
        Err(complaint) => Err(MeasurementError::Unreadable {
            path: path.to_owned(),
            reason: complaint.message.trim_start_matches("cannot read it: ").to_owned(),
            expected,
        }),
    }
}

/// Why a measured response could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MeasurementError {
    /// The file cannot be read as what it claims to be.
    #[error("{}: cannot be read: {}; expected {expected}", printable(path.display()), printable(reason))]
    Unreadable {
        /// File as named in the description.
        path: std::path::PathBuf,
        /// What the reader said.
        reason: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The file reads well but cannot serve here.
    #[error("{}: {}", printable(path.display()), printable(reason))]
    Unfit {
        /// File as named in the description.
        path: std::path::PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
}

#[cfg(test)]
mod truth_tests;
