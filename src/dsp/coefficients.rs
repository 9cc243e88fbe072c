//! The coefficient set: one FIR from each of L′, R′ and C to each driver.

use super::error::SpecError;
use super::limits::{INPUTS, MAX_DRIVERS, MAX_TAPS, input_name};

/// 3×N FIRs of one length, input-major: L′→driver 0…N−1, then R′→…, then C→….
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    drivers: usize,
    taps: usize,
    samples: Vec<f32>,
}

impl Coefficients {
    /// Takes `3 · drivers · taps` samples: the FIR from `input` to `driver` begins at
    /// `(input · drivers + driver) · taps`.
    ///
    /// # Errors
    /// Driver count beyond 1…16, taps beyond 1…8192, a wrong number of samples, a value that is not finite or beyond ±1e6.
    pub fn new(drivers: usize, taps: usize, samples: Vec<f32>) -> Result<Coefficients, SpecError> {
        if !(1..=MAX_DRIVERS).contains(&drivers) {
            return Err(SpecError::DriverCount(drivers));
        }
        if !(1..=MAX_TAPS).contains(&taps) {
            return Err(SpecError::Taps(taps));
        }
        let wanted = INPUTS * drivers * taps;
        if samples.len() != wanted {
            return Err(SpecError::CoefficientCount { drivers, taps, found: samples.len(), wanted });
        }
        if let Some(at) = samples.iter().position(|v| v.is_nan() || v.abs() > 1e6) {
            return Err(SpecError::Coefficient {
                input: input_name(at / (drivers * taps)),
                driver: at / taps % drivers,
                tap: at % taps,
                value: samples[at],
            });
        }
        Ok(Coefficients { drivers, taps, samples })
    }

    /// Number of drivers, 1…16.
    pub fn drivers(&self) -> usize {
        self.drivers
    }

    /// Length of every FIR, 1…8192.
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// The FIR from `input` (0 = L′, 1 = R′, 2 = C) to `driver`.
    ///
    /// # Panics
    /// If there is no such input or driver.
    pub fn fir(&self, input: usize, driver: usize) -> &[f32] {
        assert!(input < INPUTS && driver < self.drivers, "no FIR from input {input} to driver {driver}");
        let start = (input * self.drivers + driver) * self.taps;
        &self.samples[start..start + self.taps]
    }

    /// All samples, input-major.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firs_lie_input_major() {
        let (drivers, taps) = (2, 3);
        let set = Coefficients::new(drivers, taps, (0..18).map(|v| v as f32).collect()).unwrap();
        assert_eq!(set.fir(0, 0), [0.0, 1.0, 2.0]);
        assert_eq!(set.fir(1, 0), [6.0, 7.0, 8.0]);
        assert_eq!(set.fir(2, 1), [15.0, 16.0, 17.0]);
    }

    #[test]
    fn a_bad_value_is_named() {
        let mut samples = vec![0.0; 18];
        samples[16] = f32::NAN;
        let error = Coefficients::new(2, 3, samples).unwrap_err().to_string();
        assert!(error.contains("from center to driver 1"), "{error}");
        assert!(error.contains("tap 1"), "{error}");
        assert!(Coefficients::new(0, 1, vec![]).is_err());
        assert!(Coefficients::new(17, 1, vec![0.0; 51]).is_err());
        assert!(Coefficients::new(1, 8193, vec![0.0; 3 * 8193]).is_err());
        assert!(Coefficients::new(1, 4, vec![0.0; 11]).is_err());
    }
}
