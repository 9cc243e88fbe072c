//! The device description, validated: a value that cannot be wrong.

use std::f64::consts::PI;
use std::path::Path;

use crate::acoustics::excursion::Excursion;
use crate::acoustics::{Complex, Head, Radiator, phasor};
use crate::dsp::raised_cosine;
use crate::source::{Complaint, Source};

use super::curve::Curve;
use super::file::{File, Form, Role};

mod aims;
mod build;
mod checks;
mod response;

/// A device: its drivers, its listener, and what its filters shall do.
#[derive(Debug, Clone)]
pub struct Device {
    /// Name, also the profile's.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Rate of the filters, Hz.
    pub sample_rate_hz: u32,
    /// Drivers in the order of the description, 1 to 16.
    pub drivers: Vec<Driver>,
    /// Whom it plays to.
    pub listener: ListenerSpec,
    /// Angle of the virtual pair, ±degrees; `None` = cancellation alone.
    pub virtual_angle_deg: Option<f64>,
    /// Limits of the cancellation.
    pub crosstalk: CrosstalkSpec,
    /// What the center's beam shall do.
    pub beam: BeamSpec,
    /// Crossover between woofers and array, Hz.
    pub low_crossover_hz: Option<f64>,
    /// Crossover between array and tweeters, Hz.
    pub high_crossover_hz: Option<f64>,
    /// Length of every filter, samples.
    pub taps: usize,
    /// Form of the coefficient set.
    pub form: Form,
    /// Identifies the description's text (FNV-1a, 64 bit).
    pub digest: u64,
}

/// One driver.
#[derive(Debug, Clone)]
pub struct Driver {
    /// Name, unique.
    pub name: String,
    /// ALSA channel, unique.
    pub channel: usize,
    /// Where it is, m.
    pub position: [f64; 3],
    /// How it radiates.
    pub radiator: Radiator,
    /// Where it can serve, Hz.
    pub band_hz: (f64, f64),
    /// What it is for.
    pub roles: Vec<Role>,
    /// +1, or −1 where its wires are swapped.
    pub polarity: f64,
    /// Level of driver and amplifier against the others, dB.
    pub level_db: f64,
    /// Delay of its amplifier or converter against the others, µs.
    pub delay_us: f64,
    /// How far its cone can move, if known.
    pub excursion: Option<Excursion>,
    /// It must not be driven below this, Hz.
    pub high_pass_hz: Option<f64>,
}

/// Whom the device plays to.
#[derive(Debug, Clone)]
pub struct ListenerSpec {
    /// Distance of the head's center from the origin, m.
    pub distance_m: f64,
    /// The head.
    pub head: Head,
    /// Lateral half-width the cancellation is designed over, m.
    pub window_m: f64,
}

/// Limits of the cancellation.
#[derive(Debug, Clone)]
pub struct CrosstalkSpec {
    /// What the description asks for: a named mode, or curves of its own.
    pub mode: &'static str,
    /// Largest cancellation gain over frequency.
    pub gain_db: Curve,
    /// Largest effort over frequency.
    pub effort_db: Curve,
    /// Largest radiated power of a side's program over frequency, re an omnidirectional driver.
    pub power_db: Curve,
}

/// What the center's beam shall do.
#[derive(Debug, Clone)]
pub enum BeamSpec {
    /// As little as `null_db` below the axis, on average around these azimuths.
    Null {
        /// Azimuths, degrees.
        null_deg: Vec<f64>,
        /// On-axis power over the power around the nulls, dB.
        null_db: f64,
    },
    /// Levels over azimuth, (degrees, dB), the same on both sides.
    Shape(Vec<(f64, f64)>),
}

impl Driver {
    /// What its wiring does to every signal: polarity, level, delay.
    pub fn wiring(&self, frequency_hz: f64) -> Complex {
        let gain = self.polarity * 10f64.powf(self.level_db / 20.0);
        phasor(-2.0 * PI * frequency_hz * self.delay_us * 1e-6) * gain
    }

    /// True if it has this role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// How far it takes part in the array at a frequency: 1 in its band, falling over half an octave beyond.
    pub fn share(&self, frequency_hz: f64) -> f64 {
        let octaves_outside = (self.band_hz.0 / frequency_hz).log2().max((frequency_hz / self.band_hz.1).log2());
        1.0 - raised_cosine(octaves_outside / 0.5)
    }
}

/// Whether `text` is meant as a device description: it has a `[device]` table or a `[[driver]]`, right or wrong. In a
/// `spatiald.toml`, `device` is a string.
pub fn is_description(text: &str) -> bool {
    match text.parse::<toml::Table>() {
        Ok(table) => table.get("device").is_some_and(toml::Value::is_table) || table.contains_key("driver"),
        // What cannot be parsed is still recognized, so that the complaint is of the right kind.
        Err(_) => {
            text.lines().map(str::trim_start).any(|line| line.starts_with("[device]") || line.starts_with("[[driver]]"))
        }
    }
}

impl Device {
    /// Reads and validates a device description.
    ///
    /// # Errors
    /// Whatever is wrong with it, as `file:line:column: what is wrong; what would be right`.
    pub fn load(path: &Path) -> Result<Device, Complaint> {
        Device::from_source(&Source::read(path)?)
    }

    /// Validates a description whose text is in memory; relative paths in it start at the source's folder.
    ///
    /// # Errors
    /// As [`Device::load`].
    pub fn from_source(source: &Source) -> Result<Device, Complaint> {
        let file: File = source.parse()?;
        build::device(source, file)
    }

    /// Channels a card must have for it: the highest one that a driver uses, plus one.
    pub fn channels_needed(&self) -> usize {
        self.drivers.iter().map(|driver| driver.channel + 1).max().unwrap_or(0)
    }

    /// The drivers with a role.
    pub fn indices_of(&self, role: Role) -> Vec<usize> {
        (0..self.drivers.len()).filter(|i| self.drivers[*i].is(role)).collect()
    }

    /// Drivers that only play one end of the band, in mono.
    pub fn band_only(&self, role: Role) -> Vec<usize> {
        self.indices_of(role).into_iter().filter(|i| !self.drivers[*i].is(Role::Array)).collect()
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
