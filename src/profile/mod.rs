//! The profile of a device: `File` (what was written) → [`Profile`] (validated); where it is searched; which one matches.
//!
//! A profile is a folder with `profile.toml` (drivers, delays, gains, limiter, upmix) and `coefficients.wav` (the 3×N
//! FIRs), tied together by digests. Everything else follows from it: [`Profile::chain_spec`] is all that a
//! [`Chain`](crate::dsp::Chain) needs, [`Profile::channels_needed`] all that the output needs.

use std::path::PathBuf;

use crate::dsp::limits::INPUTS;
use crate::dsp::{BiquadSpec, ChainSpec, Coefficients, DriverSpec, LimiterSpec, UpmixSpec};

mod check;
pub mod choice;
mod coefficients;
mod error;
mod file;
mod files;
mod folder;
mod load;
pub mod machine;
mod rate;
mod rtf;
mod save;
mod search;
mod validate;

pub use coefficients::{read_coefficients, write_coefficients};
pub use error::ProfileError;
pub use files::Files;
pub use search::{find, installed, is_path};

/// A validated profile: nothing in it can be wrong any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// The folder it was loaded from.
    pub folder: PathBuf,
    /// Rate of the coefficients and unit of all delays, in Hz.
    pub sample_rate_hz: u32,
    /// Processing block and partition size, in frames.
    pub block_frames: usize,
    /// What the coefficients are.
    pub form: Form,
    /// Gain of the whole device ahead of the limiter, in dB.
    pub makeup_gain_db: f32,
    /// How stereo becomes L′, R′ and C.
    pub upmix: UpmixSpec,
    /// Delays of L′, R′ and C ahead of the matrix, in frames.
    pub path_delay_frames: [usize; 3],
    /// The last stage.
    pub limiter: LimiterSpec,
    /// The drivers, in the order of the coefficients.
    pub drivers: Vec<Driver>,
    /// The coefficients as they are stored, in the form of [`Profile::form`].
    pub coefficients: Coefficients,
    /// How a flat downmix is as loud as the image; `None` where nobody has said.
    pub bypass: Option<Bypass>,
    /// Which other files of the folder belong to it.
    pub files: Files,
    /// What the designer predicts of this profile: any table.
    pub predicted: toml::Table,
    /// What the profile was made from.
    pub provenance: Provenance,
}

/// What the coefficients of a profile are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Three complete FIRs per driver.
    Full,
    /// Per input (L′, R′, C): one driver of its own that plays the input after a delay, and for every other driver the
    /// transfer function relative to it. The own driver's FIR is the input's common equalizer.
    Rtf([Own; 3]),
}

/// The own driver of an input in the RTF form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// Index of the driver.
    pub driver: usize,
    /// Its delay in frames.
    pub delay_frames: usize,
}

/// One driver of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Driver {
    /// Its name, unique within the profile.
    pub name: String,
    /// The ALSA channel that feeds it, from 0.
    pub channel: usize,
    /// Gain in dB.
    pub gain_db: f32,
    /// Delay in frames.
    pub delay_frames: usize,
    /// Drivers of one array share the limiter's gain.
    pub array: String,
    /// Equalizer sections, applied in order.
    pub eq: Vec<BiquadSpec>,
}

/// Levels of a [`Bypass`] by sixth of an octave, as the designer makes it; and by octave, as earlier ones did.
pub const BYPASS_LEVELS: usize = 6 * BYPASS_OCTAVES + 1;
const BYPASS_OCTAVE_LEVELS: usize = BYPASS_OCTAVES + 1;
const BYPASS_OCTAVES: usize = 7;

/// The frequencies of so many levels of a [`Bypass`], from 62.5 Hz to 8 kHz, in Hz.
pub fn bypass_hz(levels: usize) -> impl Iterator<Item = f64> {
    let step = BYPASS_OCTAVES as f64 / (levels.max(2) - 1) as f64;
    (0..levels).map(move |level| 62.5 * 2f64.powf(step * level as f64))
}

/// A downmix on the drivers of a profile, through their equalizers: as loud as its image, and with its tone.
#[derive(Debug, Clone, PartialEq)]
pub struct Bypass {
    /// What is L's alone or R's alone, re (L+R)/2, in dB at [`bypass_hz`].
    pub sides_db: Vec<f32>,
    /// What both share, in dB at [`bypass_hz`].
    pub center_db: Vec<f32>,
    /// Gain of each driver, in the order of the drivers; below 0 where its wires are swapped.
    pub gains: Vec<f32>,
}

/// What a profile was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// The device description.
    pub device: String,
    /// The version of the designer.
    pub version: String,
    /// The digest of the device description.
    pub digest: String,
    /// Anything else worth knowing.
    pub note: String,
}

impl Profile {
    /// Everything a chain is built from, at the profile's own rate; the RTF form is folded into full FIRs.
    ///
    /// One that does not fold, which loading refuses, is silent: unfolded it would be another filter altogether.
    pub fn chain_spec(&self) -> ChainSpec {
        let mut arrays: Vec<&str> = Vec::new();
        let drivers = self
            .drivers
            .iter()
            .map(|driver| {
                let limiter_group = arrays.iter().position(|&array| array == driver.array).unwrap_or_else(|| {
                    arrays.push(&driver.array);
                    arrays.len() - 1
                });
                DriverSpec {
                    name: driver.name.clone(),
                    channel: driver.channel,
                    gain_db: driver.gain_db,
                    delay_frames: driver.delay_frames,
                    eq: driver.eq.clone(),
                    limiter_group,
                }
            })
            .collect();
        ChainSpec {
            sample_rate_hz: self.sample_rate_hz,
            block_frames: self.block_frames,
            upmix: self.upmix,
            path_delay_frames: self.path_delay_frames,
            coefficients: self.full_coefficients().unwrap_or_else(|_| silence(self.coefficients.drivers())),
            drivers,
            makeup_gain_db: self.makeup_gain_db,
            limiter: Some(self.limiter),
        }
    }

    /// Channels the device must have: the highest one that a driver uses, plus one.
    pub fn channels_needed(&self) -> usize {
        self.drivers.iter().map(|driver| driver.channel + 1).max().unwrap_or(0)
    }
}

/// FIRs that pass nothing.
fn silence(drivers: usize) -> Coefficients {
    // Zeros for the drivers of another set cannot be wrong.
    Coefficients::new(drivers, 1, vec![0.0; INPUTS * drivers]).expect("one tap of zeros for 1 to 16 drivers")
}

#[cfg(test)]
mod tests;
