//! Impulse responses at any frequency, and a driver measured at one point or several.

use std::path::Path;

use super::interpolation::{Places, blend};
use super::vector::Vec3;
use super::{Complex, MeasurementError, SPEED_OF_SOUND, phasor};

/// Longest response used, in samples; what lies beyond is the room, not the driver.
const MAX_SAMPLES: usize = 32_768;
/// Part of the Nyquist frequency up to which a response is believed; beyond, converters' filters are measured.
const BELIEVED: f64 = 0.9;
/// Lowest sample rate of a measurement, Hz.
pub(super) const LOWEST_RATE_HZ: f64 = 8000.0;

/// An impulse response, evaluated by its Fourier sum: any sample rate in the file will do.
#[derive(Debug, Clone)]
pub struct ImpulseResponse {
    samples: Vec<f64>,
    sample_rate_hz: f64,
    delay_s: f64,
    gain: f64,
}

impl ImpulseResponse {
    /// From samples at a rate; trailing zeros are dropped.
    pub fn new(mut samples: Vec<f64>, sample_rate_hz: f64) -> Self {
        samples.truncate(MAX_SAMPLES);
        while samples.last() == Some(&0.0) {
            samples.pop();
        }
        Self { samples, sample_rate_hz, delay_s: 0.0, gain: 1.0 }
    }

    /// The same, later by `delay_s` and louder by the factor `gain`.
    pub fn adjusted(self, delay_s: f64, gain: f64) -> Self {
        Self { delay_s: self.delay_s + delay_s, gain: self.gain * gain, ..self }
    }

    /// Frequency response for wave number `k`. Above nine tenths of its own Nyquist frequency it holds its level, with
    /// the delay of its peak.
    pub fn at(&self, k: f64) -> Complex {
        let highest = BELIEVED * std::f64::consts::PI;
        let step = k * SPEED_OF_SOUND / self.sample_rate_hz;
        let held = if step > highest { phasor(-(step - highest) * self.peak() as f64) } else { Complex::ONE };
        self.sum(step.min(highest)) * held * phasor(-k * SPEED_OF_SOUND * self.delay_s) * self.gain
    }

    /// Σ samplesₙ e^{−jn·step}, by Clenshaw's recurrence for real coefficients (Goertzel, *Amer. Math. Monthly* 65,
    /// 1958), in as many chains as keep the processor busy: each value waits for the one before it in its chain.
    fn sum(&self, step: f64) -> Complex {
        const CHAINS: usize = 8;
        let w = phasor(-(CHAINS as f64) * step);
        let twice = 2.0 * w.re;
        let (mut last, mut before) = ([0.0; CHAINS], [0.0; CHAINS]);
        let whole = self.samples.len() / CHAINS * CHAINS;
        last.iter_mut().zip(&self.samples[whole..]).for_each(|(value, sample)| *value = *sample);
        for samples in self.samples[..whole].rchunks_exact(CHAINS) {
            for i in 0..CHAINS {
                let value = samples[i] + twice * last[i] - before[i];
                before[i] = last[i];
                last[i] = value;
            }
        }
        (0..CHAINS).map(|i| (last[i] - w.conj() * before[i]) * phasor(-step * i as f64)).sum()
    }

    /// Index of the largest sample.
    fn peak(&self) -> usize {
        let loudest = |best: usize, i: usize| if self.samples[i].abs() > self.samples[best].abs() { i } else { best };
        (0..self.samples.len()).fold(0, loudest)
    }

    /// True if every sample is zero.
    pub fn is_silent(&self) -> bool {
        self.samples.is_empty()
    }

    /// Reads the first channel of a WAV file.
    ///
    /// # Errors
    /// It cannot be read, its rate is below 8 kHz, or it holds no sound or no numbers.
    pub fn from_wav(path: &Path) -> Result<Self, MeasurementError> {
        let unreadable = |error: hound::Error| MeasurementError::Unreadable {
            path: path.to_owned(),
            reason: super::in_plain_words(error),
            expected: "a WAV file with the impulse response in its first channel",
        };
        let unfit = |reason: String| Err(MeasurementError::Unfit { path: path.to_owned(), reason });
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
        let rate = f64::from(spec.sample_rate);
        if rate < LOWEST_RATE_HZ {
            return unfit(format!("its sample rate is {rate} Hz; measure with {LOWEST_RATE_HZ} Hz or more"));
        }
        if let Some(at) = samples.iter().position(|s| !s.is_finite()) {
            return unfit(format!("sample {at} is not a finite number; export the response again"));
        }
        let response = Self::new(samples, rate);
        if response.is_silent() {
            return unfit("holds only silence; expected a driver's impulse response".to_owned());
        }
        Ok(response)
    }
}

/// A driver's responses at the points where it was measured, about the device's center.
///
/// Full scale (1.0) is the pressure of a unit driver at 1 m; time zero is when the driver is fed, so that the flight
/// time is in it and drivers measured together keep their relative delays. Between the points and beyond them the
/// driver's model carries them (see [`interpolation`](super::interpolation)): with one point, the model keeps the
/// directivity and the measurement says what the driver does there.
#[derive(Debug, Clone)]
pub struct MeasuredDriver {
    places: Places,
    responses: Vec<ImpulseResponse>,
}

impl MeasuredDriver {
    /// From points (m, not the device's center) and the responses there.
    pub fn new(measurements: impl IntoIterator<Item = (Vec3, ImpulseResponse)>) -> Self {
        let (points, responses): (Vec<Vec3>, Vec<ImpulseResponse>) = measurements.into_iter().unzip();
        Self { places: Places::new(points), responses }
    }

    /// Where it was measured, m.
    pub fn points(&self) -> impl Iterator<Item = Vec3> {
        self.places.points()
    }

    /// Complex pressure at `point` for wave number `k`; `model` is the driver's model, free of nulls.
    pub fn pressure(&self, k: f64, point: Vec3, model: impl Fn(Vec3) -> Complex) -> Complex {
        blend(&self.places.around(point), |index| self.ratio(k, index, &model)) * model(point)
    }

    /// The same at many points: each measurement is evaluated once.
    pub fn pressures(&self, k: f64, points: &[Vec3], model: impl Fn(Vec3) -> Complex) -> Vec<Complex> {
        let mut ratios: Vec<Option<Complex>> = vec![None; self.responses.len()];
        let mut ratio = |index: usize| *ratios[index].get_or_insert_with(|| self.ratio(k, index, &model));
        points.iter().map(|point| blend(&self.places.around(*point), &mut ratio) * model(*point)).collect()
    }

    fn ratio(&self, k: f64, index: usize, model: impl Fn(Vec3) -> Complex) -> Complex {
        self.responses[index].at(k) / model(self.places.point(index))
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
            let measured = ImpulseResponse::from_wav(&path).unwrap();
            let turn = |samples: f64| phasor(-2.0 * std::f64::consts::PI * 1000.0 * samples / f64::from(rate));
            let expected = turn(2.0) * 0.5 - turn(4.0) * 0.25;
            assert!((measured.at(wave_number(1000.0)) - expected).norm() < 1e-9, "{rate} Hz");
        }
    }

    #[test]
    fn a_response_holds_level_and_delay_beyond_its_band() {
        let mut samples = vec![0.0; 203];
        samples[100] = 0.5;
        let response = ImpulseResponse::new(samples, 16_000.0).adjusted(1e-3, 2.0);
        for f in [100.0, 7000.0, 7500.0, 20_000.0] {
            let expected = phasor(-2.0 * std::f64::consts::PI * f * (100.0 / 16_000.0 + 1e-3));
            assert!((response.at(wave_number(f)) - expected).norm() < 1e-9, "{f} Hz");
        }
    }

    #[test]
    fn silence_and_nonsense_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("driver.wav");
        write(&path, 48_000, &[0.0; 16]);
        let says = |text: &str| {
            let error = ImpulseResponse::from_wav(&path).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        };
        says("holds only silence");
        write(&path, 48_000, &[0.1, f32::NAN]);
        says("sample 1 is not a finite number");
        write(&path, 4000, &[0.1, 0.2]);
        says("its sample rate is 4000 Hz; measure with 8000 Hz or more");
        write(&path, 48_000, &[]);
        says("holds only silence");
        std::fs::write(&path, b"no wave").unwrap();
        says("cannot be read");
    }
}
