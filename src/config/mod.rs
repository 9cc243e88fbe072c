//! `spatiald.toml`: `File` (what was written) → [`Config`] (validated), and the folders everything is kept in.

use std::path::{Path, PathBuf};

use crate::source::{Complaint, Source};

mod control_name;
pub mod controls;
pub mod edit;
mod file;
mod places;
mod sample_format;
mod settings;
mod validate;

pub use control_name::ControlName;
pub use places::Places;
pub use sample_format::SampleFormat;
pub use settings::{Change, MAX_AZIMUTH_DEG, MAX_DISTANCE_M, Seat, SeatChoice, Settings};

/// The validated configuration. [`Config::default`] is what an empty file means.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from; `None` for the defaults.
    pub path: Option<PathBuf>,
    /// The profile to play: a name, or the path of a folder. `None`: none is named.
    pub profile: Option<String>,
    /// The ALSA PCM to play on.
    pub device: String,
    /// Sample format of the device; `None`: the best it offers.
    pub device_format: Option<SampleFormat>,
    /// Frames per period of the device.
    pub period_frames: usize,
    /// Periods in the device's buffer.
    pub periods: usize,
    /// Name of the PipeWire node; `None`: `spatiald.INSTANCE`.
    pub node_name: Option<String>,
    /// What people read in their sound settings.
    pub description: String,
    /// Seconds of idleness after which the device is closed; 0: never.
    pub suspend_seconds: u32,
    /// Silence played before the first sound after the device was opened, for amplifiers that wake slowly, in ms.
    pub amp_wake_ms: u32,
    /// Mixer controls to set while the device is open.
    pub mixer: Vec<MixerControl>,
    /// Which profile belongs to which machine; the first rule that fits is taken.
    pub matches: Vec<MatchRule>,
    /// What the controls and the seat are where nobody sets them otherwise.
    pub settings: Settings,
    /// Places by name.
    pub seats: Vec<NamedSeat>,
}

/// A `[[seat]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSeat {
    /// Its name, unique.
    pub name: String,
    /// Where it is.
    pub seat: Seat,
}

/// A mixer control: set when the device is opened, restored when it is closed.
#[derive(Debug, Clone, PartialEq)]
pub struct MixerControl {
    /// The mixer, by ALSA's name for it (`hw:0`, `hw:DAC8x`); `None`: that of the card of the configuration's `device`.
    pub card: Option<String>,
    /// The control, as `amixer scontrols` shows it.
    pub control: ControlName,
    /// What to set.
    pub value: MixerValue,
}

/// What to set a mixer control to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MixerValue {
    /// Playback volume of all channels, in dB.
    Db(f32),
    /// Playback switch of all channels.
    Switch(bool),
}

/// A `[[match]]` rule: every key that is given must fit; `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchRule {
    /// Id of a sound card.
    pub card: Option<String>,
    /// Product in the EEPROM of a Raspberry Pi's HAT.
    pub hat_product: Option<String>,
    /// Model in the device tree.
    pub device_tree_model: Option<String>,
    /// Product name in the firmware of a PC (DMI).
    pub dmi_product: Option<String>,
    /// Vendor in the firmware of a PC (DMI).
    pub dmi_vendor: Option<String>,
    /// The profile to play there.
    pub profile: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            path: None,
            profile: None,
            device: "hw:0".into(),
            device_format: None,
            period_frames: 256,
            periods: 3,
            node_name: None,
            description: "Spatial Speaker".into(),
            suspend_seconds: 0,
            amp_wake_ms: 0,
            mixer: Vec::new(),
            matches: Vec::new(),
            settings: Settings::default(),
            seats: Vec::new(),
        }
    }
}

impl Config {
    /// Loads and validates the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, or something in it is not as it must be: with the place and the remedy.
    pub fn load(path: &Path) -> Result<Config, Complaint> {
        Config::from_source(&Source::read(path)?)
    }

    /// Validates a file whose text is in memory; relative paths in it start at the source's folder.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_source(source: &Source) -> Result<Config, Complaint> {
        let file: file::File = source.parse()?;
        validate::validate(source, file)
    }

    /// The configuration in force: the file that `named` (from `--config`) gives, else the first `spatiald.toml` of
    /// [`Places::config_folders`], else the defaults.
    ///
    /// # Errors
    /// The named file is missing; or the file in force is wrong, or cannot be read or looked for: only where there is none
    /// do the defaults hold.
    pub fn find(named: Option<&Path>, places: &Places) -> Result<Config, Complaint> {
        match named {
            Some(path) => Config::load(path),
            None => match places.config_file()? {
                Some(path) => Config::load(&path),
                None => Ok(Config::default()),
            },
        }
    }

    /// The place that is asked for.
    ///
    /// # Errors
    /// No `[[seat]]` has this name.
    pub fn seat(&self, choice: &SeatChoice) -> Result<Seat, controls::BadSetting> {
        match choice {
            SeatChoice::At(seat) => Ok(*seat),
            SeatChoice::Named(name) => {
                let found = self.seats.iter().find(|named| named.name == *name);
                found.map(|named| named.seat).ok_or_else(|| settings::unknown_seat(name, &self.seats))
            }
        }
    }
}

#[cfg(test)]
mod tests;
