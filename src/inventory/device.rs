//! Sound devices, and what they can be opened with.

use std::path::Path;

use serde::Serialize;

use super::within::{Begun, begin};
use crate::output::{MAX_DEVICE_CHANNELS, Offer, OutputError, Playback, offer, playback_of_pcm, playbacks};

/// A device that sound can be played on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// ALSA's name for it.
    pub pcm: String,
    /// Id of its card; empty where it is no card's.
    pub card: String,
    /// Number of its card.
    pub number: Option<u32>,
    /// What it is called.
    pub name: String,
    /// It is the one that the configuration names.
    pub is_configured: bool,
    /// How it was found.
    pub state: State,
}

/// How a device was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum State {
    /// Nobody plays on it.
    Free {
        /// Fewest channels.
        channels_min: u32,
        /// Most channels. What a card can take need not have a socket.
        channels_max: u32,
        /// ALSA's names of its formats, the one to prefer first.
        formats: Vec<String>,
        /// Which of the common rates.
        rates_hz: Vec<u32>,
    },
    /// Somebody has it open: what else it can take is not known.
    Held {
        /// Who.
        by: String,
        /// With so many channels.
        channels: Option<u32>,
    },
    /// It cannot be opened.
    Closed {
        /// Why, and the remedy.
        reason: String,
    },
}

impl State {
    /// Whether it has so many channels; `None`: not known before it is free.
    pub fn has_channels(&self, wanted: u32) -> Option<bool> {
        match self {
            State::Free { channels_max, .. } => Some(wanted <= *channels_max),
            State::Held { channels, .. } => channels.is_some_and(|open| wanted <= open).then_some(true),
            State::Closed { .. } => Some(false),
        }
    }

    /// How many channels, and what else there is to say.
    pub fn words(&self) -> [String; 2] {
        match self {
            State::Free { channels_min, channels_max, formats, rates_hz } => {
                let rates = match (rates_hz.first(), rates_hz.last()) {
                    (Some(least), Some(most)) if least != most => format!(", {least}-{most} Hz"),
                    (Some(only), _) => format!(", {only} Hz"),
                    _ => String::new(),
                };
                let least = if channels_min == channels_max { String::new() } else { format!("{channels_min}-") };
                [format!("{least}{channels_max} channels"), format!("{}{rates}", formats.join(" "))]
            }
            State::Held { by, channels: Some(channels) } => [format!("open with {channels}"), format!("held by {by}")],
            State::Held { by, channels: None } => ["in use".into(), format!("held by {by}")],
            State::Closed { .. } => ["closed".into(), String::new()],
        }
    }

    fn of(seen: Option<Result<Offer, OutputError>>, open_channels: Option<u32>) -> State {
        match seen {
            Some(Ok(Offer { channels: (channels_min, channels_max), formats, rates_hz })) => State::Free {
                channels_min,
                // Plugins offer any number.
                channels_max: channels_max.min(MAX_DEVICE_CHANNELS as u32),
                formats: formats.iter().map(ToString::to_string).collect(),
                rates_hz,
            },
            Some(Err(OutputError::Busy { holder, .. })) => {
                let by = holder.map_or_else(|| "another program".into(), |holder| holder.to_string());
                State::Held { by, channels: open_channels }
            }
            Some(Err(error)) => State::Closed { reason: error.to_string() },
            None => {
                State::Closed { reason: "it does not open and does not fail: unplug it and plug it in again".into() }
            }
        }
    }
}

impl Device {
    /// Whether somebody may mean it by `name`: ALSA's name for it, or the id or number of its card.
    pub fn is_called(&self, name: &str) -> bool {
        self.pcm == name || self.number.is_some_and(|number| self.card == name || name.parse() == Ok(number))
    }

    /// Whether it cannot be opened.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// The device that ALSA calls so, whether or not it is a card's.
    pub(super) fn named(pcm: &str, is_configured: bool) -> Device {
        let state = State::of(ask(pcm).wait(), None);
        Device { pcm: pcm.into(), card: String::new(), number: None, name: String::new(), is_configured, state }
    }
}

/// Begins to ask what `pcm` can be opened with.
pub(crate) fn ask(pcm: &str) -> Begun<Result<Offer, OutputError>> {
    let pcm = pcm.to_owned();
    begin(move || offer(&pcm))
}

/// The playback devices of all cards below `root`, and the `configured` one where it is none of them.
pub(super) fn look(root: &Path, configured: &str) -> Vec<Device> {
    // All at once: one that hangs holds up none of the others.
    let asked: Vec<_> = playbacks(root).into_iter().map(|playback| (ask(&playback.pcm()), playback)).collect();
    let in_use = playback_of_pcm(configured);
    let device = |(seen, playback): (Begun<_>, Playback)| Device {
        pcm: playback.pcm(),
        is_configured: in_use.is_some_and(|(card, device)| playback.is(card, device)),
        state: State::of(seen.wait(), playback.open_channels),
        card: playback.card.id,
        number: Some(playback.card.number),
        name: playback.card.name,
    };
    let mut devices: Vec<Device> = asked.into_iter().map(device).collect();
    if !devices.iter().any(|device| device.is_configured) {
        devices.push(Device::named(configured, true));
    }
    devices
}
