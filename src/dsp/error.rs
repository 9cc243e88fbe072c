//! Why a chain cannot be built.

use thiserror::Error;

use super::upmix::UpmixError;

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
