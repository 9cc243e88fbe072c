//! Mixer controls of a card: set while its PCM is open, put back when it closes.

use alsa::Round;
use alsa::mixer::{MilliBel, Mixer, Selem, SelemChannelId, SelemId};

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
    mixer: Mixer,
    before: Vec<Before>,
}

/// A control as it was found: per channel.
#[derive(Debug)]
struct Before {
    control: String,
    volumes: Vec<(SelemChannelId, i64)>,
    switches: Vec<(SelemChannelId, i32)>,
}

impl MixerGuard {
    /// Sets `controls` on card `card`. What could not be set is noted, one line each; the rest is set nevertheless.
    pub(super) fn set(card: u32, controls: &[MixerControl], notes: &mut Vec<String>) -> Option<MixerGuard> {
        if controls.is_empty() {
            return None;
        }
        let mixer = match Mixer::new(&format!("hw:{card}"), true) {
            Ok(mixer) => mixer,
            Err(error) => {
                notes.push(format!("the mixer of card {card} cannot be opened, so no control was set: {error}"));
                return None;
            }
        };
        let before = controls
            .iter()
            .filter_map(|wanted| match apply(&mixer, wanted) {
                Ok(before) => Some(before),
                Err(reason) => {
                    notes.push(format!("mixer control '{}' of card {card} was not set: {reason}", wanted.control));
                    None
                }
            })
            .collect();
        Some(MixerGuard { mixer, before })
    }
}

impl Drop for MixerGuard {
    fn drop(&mut self) {
        // In reverse, so that a control listed twice ends as it was found. The card may be gone: then nothing is owed.
        for before in self.before.iter().rev() {
            let Some(control) = find(&self.mixer, &before.control) else {
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

fn apply(mixer: &Mixer, wanted: &MixerControl) -> Result<Before, String> {
    let control = find(mixer, &wanted.control).ok_or_else(|| {
        format!("the card has no such control; `amixer scontrols` lists those it has: {}", names(mixer))
    })?;
    let channels = || CHANNELS.into_iter().filter(|&channel| control.has_playback_channel(channel));
    let mut before = Before { control: wanted.control.clone(), volumes: Vec::new(), switches: Vec::new() };
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

    #[test]
    fn a_card_without_mixer_is_a_note() {
        let mut notes = Vec::new();
        let wanted = [MixerControl { control: "Master".into(), value: MixerValue::VolumeDb(-6.0) }];
        assert!(MixerGuard::set(31, &wanted, &mut notes).is_none());
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("card 31"), "{}", notes[0]);
        assert!(MixerGuard::set(31, &[], &mut notes).is_none());
        assert_eq!(notes.len(), 1, "nothing wanted, nothing said");
    }
}
