//! Impulse responses at any frequency, and a driver's measured response from a WAV file.

use std::path::Path;

use super::vector::Vec3;
use super::{Complex, MeasurementError, SPEED_OF_SOUND, phasor};

/// Longest response used, in samples; what lies beyond is the room, not the driver.
const MAX_SAMPLES: usize = 32_768;

/// An impulse response, evaluated by its Fourier sum: any sample rate in the file will do.
#[derive(Debug, Clone)]
pub struct ImpulseResponse {
    samples: Vec<f64>,
    sample_rate_hz: f64,
}

impl ImpulseResponse {
    /// From samples at a rate; trailing zeros are dropped.
    pub fn new(mut samples: Vec<f64>, sample_rate_hz: f64) -> Self {
        samples.truncate(MAX_SAMPLES);
        while samples.last() == Some(&0.0) {
            samples.pop();
        }
        Self { samples, sample_rate_hz }
    }

    /// Frequency response for wave number `k`; zero above the response's own Nyquist frequency.
    pub fn at(&self, k: f64) -> Complex {
        let step = k * SPEED_OF_SOUND / self.sample_rate_hz;
        if step > std::f64::consts::PI {
            return Complex::ZERO;
        }
        // Horner's scheme in z⁻¹ needs one complex product a sample.
        let z = phasor(-step);
        self.samples.iter().rev().fold(Complex::ZERO, |sum, s| sum * z + s)
    }

    /// True if every sample is zero.
    pub fn is_silent(&self) -> bool {
        self.samples.is_empty()
    }
}

/// A driver's response at one point, in place of its model there.
///
/// Full scale (1.0) is the pressure of a unit driver at 1 m; time zero is when the driver is fed, so that the flight
/// time is in it and drivers measured together keep their relative delays.
#[derive(Debug, Clone)]
pub struct MeasuredResponse {
    /// Where the microphone stood, m.
    pub point: Vec3,
    response: ImpulseResponse,
}

impl MeasuredResponse {
    /// From an impulse response taken at `point`.
    pub fn new(point: Vec3, response: ImpulseResponse) -> Self {
        Self { point, response }
    }

    /// Reads a mono WAV file (the first channel of several) recorded at `point`.
    pub fn from_wav(path: &Path, point: Vec3) -> Result<Self, MeasurementError> {
        let unreadable = |error: hound::Error| MeasurementError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
            expected: "a WAV file with the impulse response in its first channel",
        };
        let mut reader = hound::WavReader::open(path).map_err(unreadable)?;
        let spec = reader.spec();
        let channels = usize::from(spec.channels.max(1));
        let samples: Result<Vec<f64>, _> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().step_by(channels).map(|s| s.map(f64::from)).collect(),
            hound::SampleFormat::Int => {
                let full_scale = 2f64.powi(i32::from(spec.bits_per_sample) - 1);
                reader.samples::<i32>().step_by(channels).map(|s| s.map(|v| f64::from(v) / full_scale)).collect()
            }
        };
        let samples = samples.map_err(unreadable)?;
        if let Some(at) = samples.iter().position(|s| !s.is_finite()) {
            let reason = format!("sample {at} is not a finite number; export the response again");
            return Err(MeasurementError::Unfit { path: path.to_owned(), reason });
        }
        let response = ImpulseResponse::new(samples, f64::from(spec.sample_rate));
        if response.is_silent() {
            let reason = "holds only silence; expected a driver's impulse response".to_owned();
            return Err(MeasurementError::Unfit { path: path.to_owned(), reason });
        }
        Ok(Self::new(point, response))
    }

    /// Complex pressure at [`Self::point`] for wave number `k`.
    pub fn at(&self, k: f64) -> Complex {
        self.response.at(k)
    }
}
