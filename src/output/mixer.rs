//! Mixer controls of a card: set while its PCM is open, put back when it closes.

use std::collections::BTreeMap;

use alsa::Round;
use alsa::mixer::{MilliBel, Mixer, Selem, SelemChannelId, SelemId};

use super::error::OutputError;

/// Channels a simple control can have.
const CHANNELS: [SelemChannelId; 9] = [
    SelemChannelId::FrontLeft,
    SelemChannelId::FrontRight,
    SelemChannelId::RearLeft,
    SelemChannelId::RearRight,
    SelemChannelId::FrontCenter,
    SelemChannelId::Woofer,
    SelemChannelId::SideLeft,
    SelemChannelId::SideRight,
    SelemChannelId::RearCenter,
];

/// One control to set.
#[derive(Debug, Clone, PartialEq)]
pub struct MixerControl {
    /// The mixer it belongs to, by ALSA's name for it (`hw:0`, `hw:DAC8x`); `None`: that of the PCM's own card.
    pub card: Option<String>,
    /// The simple control's name, as `amixer scontrols` shows it.
    pub control: String,
    /// What to set it to.
    pub value: MixerValue,
}

/// The value of a control.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MixerValue {
    /// Playback volume of all channels, in dB.
    VolumeDb(f32),
    /// Playback switch of all channels.
    Switch(bool),
}

/// Puts the controls back when dropped.
#[derive(Debug)]
pub struct MixerGuard {
    /// The mixers by name; `None` for one that could not be opened.
    mixers: BTreeMap<String, Option<Mixer>>,
    before: Vec<Before>,
}

/// A control as it was found: per channel.
#[derive(Debug)]
struct Before {
    mixer: String,
    control: String,
    volumes: Vec<(SelemChannelId, i64)>,
    switches: Vec<(SelemChannelId, i32)>,
}

impl MixerGuard {
    /// Sets `controls`, each on the mixer it names, else on that of `card`, which `pcm` belongs to. What could not be
    /// set is noted, one line each; the rest is set nevertheless.
    ///
    /// # Errors
    /// A control names no mixer, and `pcm` is no card's: then none is set. Such a device must not be played on: a DAC
    /// may amplify by 24 dB until its mixer is set.
    pub(super) fn set(
        pcm: &str,
        card: Option<u32>,
        controls: &[MixerControl],
        notes: &mut Vec<String>,
    ) -> Result<MixerGuard, OutputError> {
        let name_of = |wanted: &MixerControl| wanted.card.clone().or_else(|| Some(format!("hw:{}", card?)));
        let named = controls
            .iter()
            .map(|wanted| match name_of(wanted) {
                Some(mixer) => Ok((mixer, wanted)),
                None => Err(OutputError::Mixer { pcm: pcm.into(), control: wanted.control.clone() }),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut guard = MixerGuard { mixers: BTreeMap::new(), before: Vec::new() };
        for (name, wanted) in named {
            let mixer = guard.mixers.entry(name.clone()).or_insert_with(|| open(&name, notes));
            let Some(mixer) = mixer else { continue };
            match apply(mixer, &name, wanted) {
                Ok(before) => guard.before.push(before),
                Err(reason) => {
                    notes.push(format!("mixer control '{}' of {name} was not set: {reason}", wanted.control));
                }
            }
        }
        Ok(guard)
    }
}

/// The mixer `name`; that it cannot be opened is noted.
fn open(name: &str, notes: &mut Vec<String>) -> Option<Mixer> {
    // The binding panics on a zero byte.
    let opened = if name.contains('\0') {
        Err("its name has a zero byte".into())
    } else {
        Mixer::new(name, true).map_err(|error| error.to_string())
    };
    opened
        .map_err(|reason| {
            notes.push(format!(
                "the mixer {name} cannot be opened, so no control of it was set: {reason}; give its [[mixer]] the `card` whose mixer it is, like \"hw:0\""
            ));
        })
        .ok()
}

impl Drop for MixerGuard {
    fn drop(&mut self) {
        // In reverse, so that a control listed twice ends as it was found. The card may be gone: then nothing is owed.
        for before in self.before.iter().rev() {
            let mixer = self.mixers.get(&before.mixer).and_then(Option::as_ref);
            let Some(control) = mixer.and_then(|mixer| find(mixer, &before.control)) else {
                continue;
            };
            for &(channel, volume) in &before.volumes {
                control.set_playback_volume(channel, volume).ok();
            }
            for &(channel, switch) in &before.switches {
                control.set_playback_switch(channel, switch).ok();
            }
        }
    }
}

fn find<'m>(mixer: &'m Mixer, name: &str) -> Option<Selem<'m>> {
    // The binding panics on a zero byte, and no control has one.
    (!name.contains('\0')).then(|| mixer.find_selem(&SelemId::new(name, 0)))?
}

fn apply(mixer: &Mixer, name: &str, wanted: &MixerControl) -> Result<Before, String> {
    let control = find(mixer, &wanted.control).ok_or_else(|| {
        format!("the card has no such control; `amixer scontrols` lists those it has: {}", names(mixer))
    })?;
    let channels = || CHANNELS.into_iter().filter(|&channel| control.has_playback_channel(channel));
    let (mixer, control_name) = (name.to_owned(), wanted.control.clone());
    let mut before = Before { mixer, control: control_name, volumes: Vec::new(), switches: Vec::new() };
    match wanted.value {
        MixerValue::VolumeDb(volume_db) => {
            if !control.has_playback_volume() {
                return Err("it has no playback volume".into());
            }
            before.volumes = channels().filter_map(|c| Some((c, control.get_playback_volume(c).ok()?))).collect();
            let (min, max) = control.get_playback_db_range();
            if !(min.to_db()..=max.to_db()).contains(&volume_db) {
                return Err(format!("{volume_db} dB is outside {} to {} dB", min.to_db(), max.to_db()));
            }
            control.set_playback_db_all(MilliBel::from_db(volume_db), Round::Floor).map_err(|e| e.to_string())?;
        }
        MixerValue::Switch(on) => {
            if !control.has_playback_switch() {
                return Err("it has no playback switch".into());
            }
            before.switches = channels().filter_map(|c| Some((c, control.get_playback_switch(c).ok()?))).collect();
            control.set_playback_switch_all(i32::from(on)).map_err(|e| e.to_string())?;
        }
    }
    Ok(before)
}

fn names(mixer: &Mixer) -> String {
    let names: Vec<String> = mixer
        .iter()
        .filter_map(Selem::new)
        .filter_map(|control| control.get_id().get_name().map(|name| format!("'{name}'")).ok())
        .collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(card: Option<&str>) -> MixerControl {
        MixerControl { card: card.map(Into::into), control: "Master".into(), value: MixerValue::VolumeDb(-6.0) }
    }

    fn notes(card: Option<u32>, controls: &[MixerControl]) -> Result<Vec<String>, OutputError> {
        let mut notes = Vec::new();
        MixerGuard::set("dac", card, controls, &mut notes).map(|_| notes)
    }

    #[test]
    fn a_mixer_that_cannot_be_opened_is_one_note() {
        let notes = notes(Some(31), &[master(None), master(None)]).unwrap();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("mixer hw:31") && notes[0].contains("`card`"), "{}", notes[0]);
    }

    #[test]
    fn a_control_goes_to_the_card_it_names() {
        for card in [None, Some(30)] {
            let notes = notes(card, &[master(Some("hw:31")), master(Some("\0"))]).unwrap();
            assert_eq!(notes.len(), 2, "{notes:?}");
            assert!(notes[0].contains("mixer hw:31"), "{}", notes[0]);
        }
    }

    /// Unset, a DAC may amplify by 24 dB.
    #[test]
    fn a_control_without_a_mixer_keeps_the_device_from_playing() {
        let error = notes(None, &[master(Some("hw:31")), master(None)]).unwrap_err();
        assert!(matches!(error, OutputError::Mixer { .. }), "{error}");
        assert!(notes(None, &[]).unwrap().is_empty(), "nothing wanted, nothing said");
    }
}
