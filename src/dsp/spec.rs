//! What a chain is built from: plain numbers, validated, with no file behind them.

use super::biquad::{BiquadKind, BiquadSpec};
use super::coefficients::Coefficients;
use super::error::SpecError;
use super::limits::{
    BLOCK_FRAMES, INPUTS, MAX_CHANNELS, MAX_DELAY_FRAMES, MAX_DRIVERS, MAX_GAIN_DB, SAMPLE_RATES_HZ, input_name,
};
pub use super::upmix::{UpmixMode, UpmixSpec};

/// Everything a [`Chain`](super::Chain) is built from.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainSpec {
    /// Rate of the input and of every driver, in Hz ([`SAMPLE_RATES_HZ`]).
    pub sample_rate_hz: u32,
    /// Frames processed at a time and partition of the FIR matrix: a power of two in [`BLOCK_FRAMES`].
    pub block_frames: usize,
    /// How stereo becomes L′, R′ and C.
    pub upmix: UpmixSpec,
    /// Delays of L′, R′ and C ahead of the matrix, in frames: align the faster path with the slower one.
    pub path_delay_frames: [usize; INPUTS],
    /// The 3×N FIRs.
    pub coefficients: Coefficients,
    /// One entry per driver, in the order of the coefficients.
    pub drivers: Vec<DriverSpec>,
    /// Gain of the whole device ahead of the limiter, in dB.
    pub makeup_gain_db: f32,
    /// The last stage; `None` leaves the output unlimited.
    pub limiter: Option<LimiterSpec>,
}

/// What follows the FIR matrix on one driver.
#[derive(Debug, Clone, PartialEq)]
pub struct DriverSpec {
    /// Shown in messages and in the status.
    pub name: String,
    /// The device's channel it is wired to, from 0; no two drivers share one.
    pub channel: usize,
    /// Gain in dB.
    pub gain_db: f32,
    /// Delay in frames.
    pub delay_frames: usize,
    /// Equalizer sections, applied in order.
    pub eq: Vec<BiquadSpec>,
    /// Drivers of one group share the limiter's gain: an array keeps its pattern while it is limited.
    pub limiter_group: usize,
}

impl DriverSpec {
    /// A driver on `channel` with no gain, delay or equalizer, in limiter group 0.
    pub fn flat(name: impl Into<String>, channel: usize) -> DriverSpec {
        DriverSpec { name: name.into(), channel, gain_db: 0.0, delay_frames: 0, eq: Vec::new(), limiter_group: 0 }
    }
}

/// The look-ahead true-peak limiter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimiterSpec {
    /// Highest peak that leaves the chain, in dB re full scale: −60…0.
    pub ceiling_dbfs: f32,
    /// How long before a peak the gain begins to fall, in ms: 0.1…20.
    pub lookahead_ms: f32,
    /// Time constant of the gain's return after a transient, in ms: 1…5000. After sustained level it takes 1 s, or this
    /// where it is longer.
    pub release_ms: f32,
}

impl Default for LimiterSpec {
    /// −1 dBFS, 1.5 ms look-ahead, 20 ms release.
    fn default() -> LimiterSpec {
        LimiterSpec { ceiling_dbfs: -1.0, lookahead_ms: 1.5, release_ms: 20.0 }
    }
}

impl LimiterSpec {
    /// The default behind an upmix of `mode`: with 1.0 ms of look-ahead behind a low-latency one, where every part of the
    /// delay counts.
    pub fn behind(mode: UpmixMode) -> LimiterSpec {
        let default = LimiterSpec::default();
        match mode {
            UpmixMode::LowLatency => LimiterSpec { lookahead_ms: 1.0, ..default },
            UpmixMode::Separation | UpmixMode::SeparationShort | UpmixMode::Off => default,
        }
    }
}

impl ChainSpec {
    /// Checks every value; [`Chain::new`](super::Chain::new) does so itself.
    pub fn validate(&self) -> Result<(), SpecError> {
        if !SAMPLE_RATES_HZ.contains(&self.sample_rate_hz) {
            return Err(SpecError::SampleRate(self.sample_rate_hz));
        }
        if !BLOCK_FRAMES.contains(&self.block_frames) || !self.block_frames.is_power_of_two() {
            return Err(SpecError::BlockFrames(self.block_frames));
        }
        if self.drivers.len() != self.coefficients.drivers() {
            return Err(SpecError::DriverMismatch {
                described: self.drivers.len(),
                filtered: self.coefficients.drivers(),
            });
        }
        for (input, &frames) in self.path_delay_frames.iter().enumerate() {
            check_delay(frames, || format!("the {} path", input_name(input)))?;
        }
        check_gain(self.makeup_gain_db, || "make-up gain".into())?;
        for (k, driver) in self.drivers.iter().enumerate() {
            driver.validate(self.sample_rate_hz)?;
            if let Some(first) = self.drivers[..k].iter().find(|other| other.channel == driver.channel) {
                return Err(SpecError::SharedChannel {
                    first: first.name.clone(),
                    second: driver.name.clone(),
                    channel: driver.channel,
                });
            }
        }
        self.limiter.map_or(Ok(()), |limiter| limiter.validate())
    }
}

impl DriverSpec {
    fn validate(&self, sample_rate_hz: u32) -> Result<(), SpecError> {
        check_gain(self.gain_db, || format!("gain of driver `{}`", self.name))?;
        if self.channel >= MAX_CHANNELS {
            return Err(SpecError::Channel { driver: self.name.clone(), channel: self.channel });
        }
        check_delay(self.delay_frames, || format!("driver `{}`", self.name))?;
        if self.limiter_group >= MAX_DRIVERS {
            return Err(SpecError::LimiterGroup { driver: self.name.clone(), group: self.limiter_group });
        }
        for (section, eq) in self.eq.iter().enumerate() {
            let refuse =
                |what, value, remedy| SpecError::Eq { driver: self.name.clone(), section, what, value, remedy };
            let nyquist_hz = sample_rate_hz as f32 / 2.0;
            if !(eq.frequency_hz >= 1.0 && eq.frequency_hz < nyquist_hz) {
                return Err(refuse(
                    "frequency in Hz",
                    eq.frequency_hz,
                    "use at least 1 Hz and less than half the sample rate",
                ));
            }
            if !(0.05..=50.0).contains(&eq.q) {
                return Err(refuse("Q", eq.q, "use 0.05 to 50"));
            }
            let uses_gain = !matches!(eq.kind, BiquadKind::LowPass | BiquadKind::HighPass);
            if !eq.gain_db.is_finite() || uses_gain && eq.gain_db.abs() > 40.0 {
                return Err(refuse("gain in dB", eq.gain_db, "use -40 to 40 dB"));
            }
        }
        Ok(())
    }
}

impl LimiterSpec {
    /// Checks every value.
    pub fn validate(&self) -> Result<(), SpecError> {
        let within = |what, value: f32, allowed: std::ops::RangeInclusive<f32>, range| {
            if allowed.contains(&value) { Ok(()) } else { Err(SpecError::Limiter { what, value, range }) }
        };
        within("ceiling in dBFS", self.ceiling_dbfs, -60.0..=0.0, "-60 to 0 dBFS")?;
        within("look-ahead in ms", self.lookahead_ms, 0.1..=20.0, "0.1 to 20 ms")?;
        within("release in ms", self.release_ms, 1.0..=5000.0, "1 to 5000 ms")
    }
}

fn check_gain(value: f32, what: impl FnOnce() -> String) -> Result<(), SpecError> {
    if value.abs() <= MAX_GAIN_DB { Ok(()) } else { Err(SpecError::Gain { what: what(), value }) }
}

fn check_delay(frames: usize, what: impl FnOnce() -> String) -> Result<(), SpecError> {
    if frames <= MAX_DELAY_FRAMES { Ok(()) } else { Err(SpecError::Delay { what: what(), frames }) }
}

/// An amplitude ratio from decibels.
pub fn db_to_gain(db: f32) -> f64 {
    10f64.powf(f64::from(db) / 20.0)
}
