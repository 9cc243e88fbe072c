//! What is here: profiles, device descriptions, sound devices and `[[match]]` rules, and what fits what. `spatiald list`
//! shows it, `spatiald setup` chooses from it.
//!
//! Nothing is changed, nothing plays; a device that is free is opened for the moment of the question.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::{Config, Places};
use crate::design;
use crate::profile::machine::Machine;
use crate::profile::{Profile, ProfileError, installed, is_path};

mod device;
pub(crate) mod within;

#[cfg(test)]
mod tests;

pub(crate) use device::ask;
pub use device::{Device, State};

/// Everything that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// Of this form: 1.
    pub schema: u32,
    /// The configuration in force; `None`: the defaults.
    pub configuration: Option<String>,
    /// The device that it names.
    pub device: String,
    /// The profile that it names where no rule does.
    pub profile: Option<String>,
    /// Its `[[match]]` rules.
    pub matches: Vec<Rule>,
    /// All installed profiles, and those that the configuration names by their paths.
    pub profiles: Vec<Item>,
    /// Device descriptions that no installed profile was made from.
    pub descriptions: Vec<Item>,
    /// Sound devices.
    pub devices: Vec<Device>,
}

/// A profile, or the description of a device that one can be made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is called by: its name, or its path.
    pub name: String,
    /// Folder of the profile, or file of the description.
    pub path: String,
    /// What it needs, or why it cannot be used.
    pub needs: Needs,
    /// Devices that are known to have the channels.
    pub fits: Vec<String>,
}

/// What a profile needs of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Needs {
    /// So much.
    Known {
        /// Channels that the device must have.
        channels: u32,
        /// Rate at which it was designed; at others it is resampled.
        sample_rate_hz: u32,
        /// Its drivers.
        drivers: Vec<String>,
        /// What it is, in a line.
        description: String,
    },
    /// It cannot be used.
    Broken {
        /// Why.
        error: String,
    },
}

/// A `[[match]]` rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its number, from 1.
    pub rule: usize,
    /// The profile it names.
    pub profile: String,
    /// The id of the card here that it asks for.
    pub card: Option<String>,
    /// Why it does not apply here; `None`: it does.
    pub misfit: Option<String>,
}

impl Inventory {
    /// Looks around, with `config` as the configuration in force.
    pub fn look(config: &Config, places: &Places) -> Inventory {
        let mut profiles: Vec<Item> =
            installed(places).into_iter().map(|(name, folder)| profile(name, &folder)).collect();
        for named in config.matches.iter().map(|rule| &rule.profile).chain(&config.profile).filter(|name| is_path(name))
        {
            if !profiles.iter().any(|profile| profile.name == *named) {
                profiles.push(profile(named.clone(), Path::new(named)));
            }
        }
        let mut descriptions = descriptions(places);
        descriptions.retain(|description| !profiles.iter().any(|profile| profile.name == description.name));
        let mut inventory = Inventory {
            schema: 1,
            configuration: config.path.as_ref().map(|path| path.display().to_string()),
            device: config.device.clone(),
            profile: config.profile.clone(),
            matches: rules(config, &Machine::read(Path::new("/"))),
            profiles,
            descriptions,
            devices: device::look(Path::new("/"), &config.device),
        };
        inventory.fit();
        inventory
    }

    /// The rule that applies on this machine.
    pub fn rule(&self) -> Option<&Rule> {
        self.matches.iter().find(|rule| rule.misfit.is_none())
    }

    /// Takes in the profile in `folder`, called by its absolute path, which is returned.
    pub fn add_profile(&mut self, folder: &Path) -> String {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let item = profile(folder.display().to_string(), &folder);
        let name = item.name.clone();
        self.profiles.push(item);
        self.fit();
        name
    }

    /// Takes in the device that ALSA calls `pcm`, if there may be one.
    pub fn add_device(&mut self, pcm: &str) {
        let device = Device::named(pcm, false);
        // A word that does not open is a card's id, misspelt; `hw:CARD=…` says why it does not.
        if pcm.contains(':') || !device.is_closed() {
            self.devices.push(device);
            self.fit();
        }
    }

    /// Finds out what fits what.
    fn fit(&mut self) {
        for item in self.profiles.iter_mut().chain(&mut self.descriptions) {
            let Needs::Known { channels, .. } = item.needs else { continue };
            let fitting = self.devices.iter().filter(|device| device.state.has_channels(channels) == Some(true));
            item.fits = fitting.map(|device| device.pcm.clone()).collect();
        }
    }
}

impl Item {
    /// Channels that it needs; `None`: it cannot be used.
    pub fn channels_needed(&self) -> Option<u32> {
        match self.needs {
            Needs::Known { channels, .. } => Some(channels),
            Needs::Broken { .. } => None,
        }
    }
}

fn profile(name: String, folder: &Path) -> Item {
    let needs = match Profile::load(folder) {
        Ok(profile) => Needs::Known {
            channels: profile.channels_needed() as u32,
            sample_rate_hz: profile.sample_rate_hz,
            drivers: profile.drivers.into_iter().map(|driver| driver.name).collect(),
            description: profile.description,
        },
        Err(error) => broken(error),
    };
    Item { name, path: folder.display().to_string(), needs, fits: Vec::new() }
}

fn broken(error: impl Into<ProfileError>) -> Needs {
    Needs::Broken { error: error.into().to_string() }
}

/// All descriptions; where two have a name, the one of the folder that goes before.
fn descriptions(places: &Places) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    for folder in places.description_folders() {
        // A folder that is missing or unreadable holds none.
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.into_iter().filter(|path| path.extension().is_some_and(|is| is == "toml")) {
            let item = description(&path);
            if !found.iter().any(|other| other.name == item.name) {
                found.push(item);
            }
        }
    }
    found
}

fn description(path: &Path) -> Item {
    let (name, needs) = match design::Device::load(path) {
        Ok(device) => {
            let channels = device.channels_needed() as u32;
            let drivers = device.drivers.into_iter().map(|driver| driver.name).collect();
            let (sample_rate_hz, description) = (device.sample_rate_hz, device.description);
            (device.name, Needs::Known { channels, sample_rate_hz, drivers, description })
        }
        Err(complaint) => {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            (name.unwrap_or_default(), broken(complaint))
        }
    };
    Item { name, path: path.display().to_string(), needs, fits: Vec::new() }
}

/// The first rule that fits applies.
fn rules(config: &Config, machine: &Machine) -> Vec<Rule> {
    let first = config.matches.iter().position(|rule| machine.fits(rule));
    let rule = |(index, rule): (usize, &crate::config::MatchRule)| Rule {
        rule: index + 1,
        profile: rule.profile.clone(),
        card: machine.card_of(rule).map(Into::into),
        misfit: match first {
            Some(first) if first < index => Some(format!("rule {} comes before it", first + 1)),
            _ => machine.misfit(rule),
        },
    };
    config.matches.iter().enumerate().map(rule).collect()
}
