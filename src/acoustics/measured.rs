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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acoustics::wave_number;

    fn write(path: &Path, sample_rate: u32, samples: &[f32]) {
        let spec =
            hound::WavSpec { channels: 2, sample_rate, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        samples.iter().for_each(|v| [*v, 9.0].iter().for_each(|v| writer.write_sample(*v).unwrap()));
        writer.finalize().unwrap();
    }

    #[test]
    fn a_wav_file_of_any_rate_is_its_response() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("driver.wav");
        for rate in [44_100, 48_000, 96_000] {
            write(&path, rate, &[0.0, 0.0, 0.5, 0.0, -0.25]);
            let measured = MeasuredResponse::from_wav(&path, [2.0, 0.0, 0.0]).unwrap();
            let turn = |samples: f64| phasor(-2.0 * std::f64::consts::PI * 1000.0 * samples / f64::from(rate));
            let expected = turn(2.0) * 0.5 - turn(4.0) * 0.25;
            assert!((measured.at(wave_number(1000.0)) - expected).norm() < 1e-9, "{rate} Hz");
        }
    }

    #[test]
    fn silence_and_nonsense_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("driver.wav");
        write(&path, 48_000, &[0.0; 16]);
        let says = |text: &str| {
            let error = MeasuredResponse::from_wav(&path, [2.0, 0.0, 0.0]).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        };
        says("holds only silence");
        write(&path, 48_000, &[0.1, f32::NAN]);
        says("sample 1 is not a finite number");
        std::fs::write(&path, b"no wave").unwrap();
        says("cannot be read");
    }
}
