//! Impulse responses at any frequency, and a driver measured at one point or several.

use std::io::BufReader;
use std::path::Path;

use super::interpolation::{Places, blend};
use super::vector::Vec3;
use super::{Complex, MeasurementError, SPEED_OF_SOUND, phasor};
use crate::audio_file::{SampleKind, WavError, WavReader, looks_like_float};

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

    /// Reads the first channel of a WAV file, its first 32768 frames.
    ///
    /// # Errors
    /// It cannot be read, its rate is below 8 kHz, or it holds no sound or no numbers.
    pub fn from_wav(path: &Path) -> Result<Self, MeasurementError> {
        let unfit = |reason: String| MeasurementError::Unfit { path: path.to_owned(), reason };
        let expected = "a WAV file with the impulse response in its first channel";
        let unreadable = |error: WavError| MeasurementError::Unreadable {
            path: path.to_owned(),
            reason: super::in_plain_words(error),
            expected,
        };
        let mut reader = WavReader::new(BufReader::new(super::open(path, expected)?)).map_err(unreadable)?;
        let format = reader.format();
        let (mut samples, mut frames) = (Vec::<f64>::new(), Vec::new());
        while samples.len() < MAX_SAMPLES
            && reader.read(MAX_SAMPLES - samples.len(), &mut frames).map_err(unreadable)? > 0
        {
            samples.extend(frames.iter().step_by(format.channels));
        }
        let rate = f64::from(format.sample_rate_hz);
        if rate < LOWEST_RATE_HZ {
            return Err(unfit(format!("its sample rate is {rate} Hz; measure with {LOWEST_RATE_HZ} Hz or more")));
        }
        if samples.len() < MAX_SAMPLES && reader.is_cut_short() {
            return Err(unfit(format!("it is cut short at frame {}; export the response again", samples.len())));
        }
        if let Some(at) = samples.iter().position(|s| !s.is_finite()) {
            return Err(unfit(format!("sample {at} is not a finite number; export the response again")));
        }
        if matches!(format.kind, SampleKind::Integer { bytes: 4, .. }) && looks_like_float(&samples) {
            return Err(unfit("its header says integers, but its samples are float; export the response again".into()));
        }
        let response = Self::new(samples, rate);
        if response.is_silent() {
            return Err(unfit("holds only silence; expected a driver's impulse response".to_owned()));
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
    use crate::audio_file::containers::{Holds, containers, fmt, riff};

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
        says("cannot be read: this is no WAV file; expected a WAV file");
    }

    /// The response of a driver at 2 m: silence, a pulse, and a resonance that fades.
    fn driver_response() -> Vec<f64> {
        let tone = |n: f64| 0.05 * (-n / 60.0).exp() * (0.26 * n).sin();
        (0..1024)
            .map(|n| {
                if n == 280 {
                    0.5
                } else if n > 280 {
                    tone(f64::from(n - 280))
                } else {
                    0.0
                }
            })
            .collect()
    }

    #[test]
    fn one_response_is_the_same_from_every_container() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("driver.wav");
        let samples = driver_response();
        let k = wave_number(2000.0);
        let right = ImpulseResponse::new(samples.clone(), 48_000.0).at(k);
        for (name, bytes, holds) in containers(&samples, 1, 48_000) {
            std::fs::write(&path, bytes).unwrap();
            let read = ImpulseResponse::from_wav(&path);
            match holds {
                Holds::All(step) => {
                    let found = read.unwrap_or_else(|error| panic!("{name}: {error}")).at(k);
                    // Rounding is noise: its sum over all samples stays well below one step each.
                    assert!((found - right).norm() < 1e-5 + 80.0 * step, "{name}: {found} is not {right}");
                }
                // The first part of a file is as good as any.
                Holds::More => assert!(read.is_ok(), "{name}"),
                Holds::Less | Holds::Mislabelled | Holds::Nothing => {
                    let error = read.err().unwrap_or_else(|| panic!("{name} is accepted")).to_string();
                    assert!(error.contains("driver.wav") && !error.contains('\n'), "{error}");
                }
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_huge_or_never_ends_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("driver.wav");
        // 4 GB, of which only the first samples are looked at.
        let mut head = riff(&[&fmt(1, 2, 48_000, 16, 2, &[]), b"data\xF0\xFF\xFF\xFF"]);
        head.extend(100i16.to_le_bytes());
        std::fs::write(&path, head).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(4 << 30).unwrap();
        assert!((ImpulseResponse::from_wav(&path).unwrap().at(0.0).re - 100.0 / 32_768.0).abs() < 1e-9);
        let pipe = folder.path().join("pipe.wav");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for name in ["pipe.wav", "pipe.sofa"] {
            std::fs::rename(&pipe, folder.path().join(name)).ok();
            let path = folder.path().join(name);
            let refused =
                ImpulseResponse::from_wav(&path).map(|_| ()).and(MeasuredDriver::from_sofa(&path).map(|_| ()));
            assert!(refused.unwrap_err().to_string().contains("this is not a regular file"));
            std::fs::rename(path, &pipe).unwrap();
        }
        let sofa = folder.path().join("huge.sofa");
        std::fs::File::create(&sofa).unwrap().set_len(3 << 30).unwrap();
        let error = MeasuredDriver::from_sofa(&sofa).unwrap_err().to_string();
        assert!(error.contains("huge.sofa: the file has 3072 MiB; files of at most 256 MiB are read"), "{error}");
    }
}
