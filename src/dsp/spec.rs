//! What a chain is built from: plain numbers, validated, with no file behind them.

use thiserror::Error;

use super::biquad::{BiquadKind, BiquadSpec};
use super::coefficients::Coefficients;
use super::upmix::UpmixError;
pub use super::upmix::{UpmixMode, UpmixSpec};

/// Program inputs of the FIR matrix: L′, R′ and C.
pub const INPUTS: usize = 3;
/// Most drivers a chain can feed.
pub const MAX_DRIVERS: usize = 16;
/// Most channels a device can have.
pub const MAX_CHANNELS: usize = 32;
/// Longest FIR, in taps.
pub const MAX_TAPS: usize = 8192;
/// Smallest and largest processing block, in frames; blocks are powers of two.
pub const BLOCK_FRAMES: std::ops::RangeInclusive<usize> = 16..=8192;
/// Sample rates a chain accepts, in Hz.
pub const SAMPLE_RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// Longest delay of a path or a driver, in frames: what a profile may say, and half a second at the highest rate.
pub const MAX_DELAY_FRAMES: usize = 114_688;
/// Gains beyond ± this many decibels are taken for a mistake.
pub const MAX_GAIN_DB: f32 = 60.0;

/// Names of the inputs, as messages show them.
const INPUT_NAMES: [&str; INPUTS] = ["left", "right", "center"];

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

/// Why a chain cannot be built. Each message names the thing, its value, and what would be right.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SpecError {
    /// A rate the chain cannot run at.
    #[error("sample rate {0} Hz is not supported; use 8000 to 192000 Hz")]
    SampleRate(u32),
    /// A block that is no power of two, or out of range.
    #[error("block of {0} frames is not supported; use a power of two from 16 to 8192")]
    BlockFrames(usize),
    /// No driver, or too many.
    #[error("{0} drivers are not supported; use 1 to 16")]
    DriverCount(usize),
    /// FIRs of no tap, or too long.
    #[error("FIRs of {0} taps are not supported; use 1 to 8192")]
    Taps(usize),
    /// Samples that do not fill the matrix.
    #[error("{found} coefficients do not fill 3 inputs x {drivers} drivers x {taps} taps; give {wanted}")]
    CoefficientCount {
        /// Drivers.
        drivers: usize,
        /// Taps of each FIR.
        taps: usize,
        /// How many there are.
        found: usize,
        /// How many there should be, or what was asked for.
        wanted: usize,
    },
    /// A tap that is no number, or out of range.
    #[error(
        "the FIR from {input} to driver {driver} has the value {value} at tap {tap}; every tap must be finite and within ±1e6"
    )]
    Coefficient {
        /// The input.
        input: &'static str,
        /// The driver.
        driver: usize,
        /// Index of the tap.
        tap: usize,
        /// The value found.
        value: f32,
    },
    /// More or fewer drivers than FIRs.
    #[error(
        "{described} drivers are described, but the coefficients are for {filtered}; they must be the same drivers in the same order"
    )]
    DriverMismatch {
        /// Drivers described.
        described: usize,
        /// Drivers with coefficients.
        filtered: usize,
    },
    /// A gain out of range, in dB.
    #[error("{what} of {value} dB is not supported; use -60 to 60 dB")]
    Gain {
        /// What the value is of.
        what: String,
        /// The value found.
        value: f32,
    },
    /// A delay that is too long.
    #[error("delay of {frames} frames of {what} is too long; use at most 114688 frames")]
    Delay {
        /// What the value is of.
        what: String,
        /// Frames.
        frames: usize,
    },
    /// An equalizer section out of range.
    #[error("EQ section {section} of driver `{driver}`: {what} {value} is not supported; {remedy}")]
    Eq {
        /// The driver.
        driver: String,
        /// Index of the section, from 0.
        section: usize,
        /// What the value is of.
        what: &'static str,
        /// The value found.
        value: f32,
        /// What would be right.
        remedy: &'static str,
    },
    /// A limiter setting out of range.
    #[error("limiter: {what} {value} is not supported; use {range}")]
    Limiter {
        /// What the value is of.
        what: &'static str,
        /// The value found.
        value: f32,
        /// What would be right.
        range: &'static str,
    },
    /// A limiter group out of range.
    #[error("limiter group {group} of driver `{driver}` is not supported; use 0 to 15")]
    LimiterGroup {
        /// The driver.
        driver: String,
        /// The group.
        group: usize,
    },
    /// A device channel out of range.
    #[error("driver `{driver}` is on device channel {channel}; use 0 to 31")]
    Channel {
        /// The driver.
        driver: String,
        /// The channel.
        channel: usize,
    },
    /// Two drivers on one channel.
    #[error("drivers `{first}` and `{second}` are both on device channel {channel}; give each its own")]
    SharedChannel {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// The channel.
        channel: usize,
    },
    /// The upmix refuses its settings.
    #[error(transparent)]
    Upmix(#[from] UpmixError),
}

/// The name of input `input` in messages.
pub(super) fn input_name(input: usize) -> &'static str {
    INPUT_NAMES.get(input).copied().unwrap_or("?")
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
