//! Mixer controls of a card: set while its PCM is open, put back when it closes.

use alsa::Round;
use alsa::mixer::{MilliBel, Mixer, Selem, SelemChannelId, SelemId};
use nix::libc;
use thiserror::Error;

use super::card::{card_number, card_of_pcm};
use super::chatter::Chatter;
use super::errno::explain;
use crate::config::{ControlName, MixerControl, MixerValue};

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

/// Longest name of a simple control, in bytes: alsa-lib would look for what is left of a longer one.
const NAME_BYTES: usize = 59;

/// alsa-lib's level of a step that mutes (`SND_CTL_TLV_DB_GAIN_MUTE`), in 0.01 dB.
const MUTE_MILLIBEL: i64 = -9_999_999;

/// Why a mixer control cannot be set.
#[derive(Debug, Error)]
pub enum MixerError {
    /// Nobody says on which mixer: a PCM of `asound.conf` or `plug:` says nothing of its card.
    #[error(
        "the mixer of control {control} is unknown: '{pcm}' is no card's; give its [[mixer]] the `card` whose mixer it is, like \"hw:0\""
    )]
    Unknown {
        /// The ALSA PCM.
        pcm: String,
        /// The control.
        control: ControlName,
    },
    /// The mixer, or its card, is not there.
    #[error(
        "the mixer {mixer} of control {control} does not exist; plug its card in, or give its [[mixer]] the `card` whose mixer it is, like \"hw:0\" (`aplay -l` lists cards)"
    )]
    Absent {
        /// The mixer.
        mixer: String,
        /// The control.
        control: ControlName,
    },
    /// The mixer is there and does not open.
    #[error("the mixer {mixer} of control {control} cannot be opened: {reason}")]
    Closed {
        /// The mixer.
        mixer: String,
        /// The control.
        control: ControlName,
        /// Why, and the remedy.
        reason: String,
    },
    /// The mixer does not take the control's value.
    #[error("mixer control {control} of {mixer} cannot be set: {reason}")]
    Refused {
        /// The mixer.
        mixer: String,
        /// The control.
        control: ControlName,
        /// Why, and the remedy.
        reason: String,
    },
}

impl MixerError {
    fn refused(mixer: &str, wanted: &MixerControl, reason: String) -> MixerError {
        MixerError::Refused { mixer: mixer.into(), control: wanted.control.clone(), reason }
    }
}

/// What keeps `controls` from being set when `pcm` is opened: one error for each. Sets nothing.
pub fn check_mixer(pcm: &str, controls: &[MixerControl]) -> Vec<MixerError> {
    let _chatter = Chatter::listen();
    controls.iter().filter_map(|wanted| check(pcm, wanted).err()).collect()
}

fn check(pcm: &str, wanted: &MixerControl) -> Result<(), MixerError> {
    let name = mixer_name(pcm, wanted)?;
    let mixer = open(&name, wanted)?;
    plan(&mixer, wanted).map(drop).map_err(|reason| MixerError::refused(&name, wanted, reason))
}

/// Puts the controls back when dropped.
#[derive(Debug, Default)]
pub struct MixerGuard(Vec<Before>);

/// A control as it was found: per channel.
#[derive(Debug)]
struct Before {
    mixer: Mixer,
    control: ControlName,
    volumes: Vec<(SelemChannelId, i64)>,
    switches: Vec<(SelemChannelId, i32)>,
}

impl Before {
    /// What `mixer` holds of what `wanted` changes.
    fn of(mixer: Mixer, wanted: &MixerControl) -> Result<Before, String> {
        let (mut volumes, mut switches) = (Vec::new(), Vec::new());
        let Plan { control, value } = plan(&mixer, wanted)?;
        match value {
            Raw::Volume(_) => {
                volumes = channels(&control).filter_map(|c| Some((c, control.get_playback_volume(c).ok()?))).collect();
            }
            Raw::Switch(_) => {
                switches = channels(&control).filter_map(|c| Some((c, control.get_playback_switch(c).ok()?))).collect();
            }
        }
        Ok(Before { mixer, control: wanted.control.clone(), volumes, switches })
    }
}

impl MixerGuard {
    /// Sets `controls`, each on the mixer it names, else on that of the card of `pcm`.
    ///
    /// # Errors
    /// One cannot be set: then all are as they were. The device must not be played on: a DAC may amplify by 24 dB until
    /// its mixer is set.
    pub(super) fn set(pcm: &str, controls: &[MixerControl]) -> Result<MixerGuard, MixerError> {
        let mut guard = MixerGuard::default();
        for wanted in controls {
            let name = mixer_name(pcm, wanted)?;
            let refused = |reason| MixerError::refused(&name, wanted, reason);
            // One handle sets and restores: alsa-lib writes what differs from what it remembers of it.
            let before = Before::of(open(&name, wanted)?, wanted).map_err(refused)?;
            let assigned = assign(&before.mixer, wanted);
            guard.0.push(before);
            assigned.map_err(refused)?;
            // Asked of the card, not of what alsa-lib remembers having written.
            verify(&open(&name, wanted)?, wanted).map_err(refused)?;
        }
        Ok(guard)
    }
}

impl Drop for MixerGuard {
    fn drop(&mut self) {
        // In reverse, so that a control listed twice ends as it was found. The card may be gone: then nothing is owed.
        for before in self.0.iter().rev() {
            let Some(control) = find(&before.mixer, &before.control) else { continue };
            for &(channel, volume) in &before.volumes {
                control.set_playback_volume(channel, volume).ok();
            }
            for &(channel, switch) in &before.switches {
                control.set_playback_switch(channel, switch).ok();
            }
        }
    }
}

fn mixer_name(pcm: &str, wanted: &MixerControl) -> Result<String, MixerError> {
    let control = || wanted.control.clone();
    match (&wanted.card, card_of_pcm(pcm), card_number(pcm)) {
        (Some(named), ..) => Ok(named.clone()),
        (None, _, Some(number)) => Ok(format!("hw:{number}")),
        (None, Some(id), None) => Err(MixerError::Absent { mixer: format!("hw:{id}"), control: control() }),
        (None, None, None) => Err(MixerError::Unknown { pcm: pcm.into(), control: control() }),
    }
}

fn open(name: &str, wanted: &MixerControl) -> Result<Mixer, MixerError> {
    let (mixer, control) = (name.to_owned(), wanted.control.clone());
    // The binding panics on a zero byte, and no mixer has one.
    if name.contains('\0') {
        return Err(MixerError::Absent { mixer: mixer.replace('\0', "\\0"), control });
    }
    Mixer::new(name, true).map_err(|error| match error.errno() {
        libc::ENOENT | libc::ENODEV | libc::ENXIO => MixerError::Absent { mixer, control },
        errno => MixerError::Closed { mixer, control, reason: explain(errno).to_string() },
    })
}

fn find<'m>(mixer: &'m Mixer, wanted: &ControlName) -> Option<Selem<'m>> {
    // The binding panics on a zero byte, and no control has one.
    let can_be = !wanted.name.contains('\0') && wanted.name.len() <= NAME_BYTES;
    can_be.then(|| mixer.find_selem(&SelemId::new(&wanted.name, wanted.index)))?
}

/// A control and the raw value that it is to be given.
struct Plan<'m> {
    control: Selem<'m>,
    value: Raw,
}

enum Raw {
    Volume(i64),
    Switch(i32),
}

/// How `wanted` is done on `mixer`, or why it cannot be.
fn plan<'m>(mixer: &'m Mixer, wanted: &MixerControl) -> Result<Plan<'m>, String> {
    let control = find(mixer, &wanted.control).ok_or_else(|| {
        format!("the card has no such control; `amixer scontrols` lists those it has: {}", names(mixer))
    })?;
    let value = match wanted.value {
        MixerValue::Db(_) if !control.has_playback_volume() => return Err("it has no playback volume".into()),
        MixerValue::Db(volume_db) => Raw::Volume(volume_for(&control, volume_db)?),
        MixerValue::Switch(_) if !control.has_playback_switch() => return Err("it has no playback switch".into()),
        MixerValue::Switch(on) => Raw::Switch(i32::from(on)),
    };
    Ok(Plan { control, value })
}

/// The loudest step of `control` that is not over `volume_db`.
fn volume_for(control: &Selem, volume_db: f32) -> Result<i64, String> {
    let (min, max) = control.get_playback_volume_range();
    // The range in dB reads 0 to 0 where there is no scale: a step must be asked for.
    if control.ask_playback_vol_db(max).is_err() {
        return Err("it has no dB scale; choose a control that has one (`amixer` shows dB beside its value)".into());
    }
    let wanted = MilliBel(in_millibel(volume_db));
    let (min_db, max_db) = control.get_playback_db_range();
    if !(min_db..=max_db).contains(&wanted) {
        let min = if min_db.0 <= MUTE_MILLIBEL { "mute".into() } else { min_db.to_db().to_string() };
        return Err(format!("{volume_db} dB is outside its range, {min} to {} dB", max_db.to_db()));
    }
    let refused = |error: alsa::Error| explain(error.errno()).to_string();
    let mut volume = control.ask_playback_db_vol(wanted, Round::Floor).map_err(refused)?.clamp(min, max);
    // On linear scales alsa-lib takes the nearest step, near their lower end many dB too loud.
    while volume > min && control.ask_playback_vol_db(volume).map_err(refused)? > wanted {
        volume -= 1;
    }
    Ok(volume)
}

fn in_millibel(db: f32) -> i64 {
    (f64::from(db) * 100.0).round() as i64
}

fn channels(control: &Selem) -> impl Iterator<Item = SelemChannelId> {
    CHANNELS.into_iter().filter(|&channel| control.has_playback_channel(channel))
}

fn assign(mixer: &Mixer, wanted: &MixerControl) -> Result<(), String> {
    let Plan { control, value } = plan(mixer, wanted)?;
    match value {
        Raw::Volume(volume) => control.set_playback_volume_all(volume),
        Raw::Switch(on) => control.set_playback_switch_all(on),
    }
    .map_err(|error| explain(error.errno()).to_string())
}

/// Whether the card took it: no channel may be louder than wanted.
fn verify(mixer: &Mixer, wanted: &MixerControl) -> Result<(), String> {
    let Plan { control, value } = plan(mixer, wanted)?;
    let took = channels(&control).all(|channel| match value {
        Raw::Volume(volume) => control.get_playback_volume(channel).is_ok_and(|found| found <= volume),
        Raw::Switch(on) => control.get_playback_switch(channel).is_ok_and(|found| found == on),
    });
    if took { Ok(()) } else { Err("the card keeps another value; another program or control may hold it".into()) }
}

fn names(mixer: &Mixer) -> String {
    let names: Vec<String> = mixer
        .iter()
        .filter_map(Selem::new)
        .filter_map(|control| {
            let id = control.get_id();
            Some(ControlName { name: id.get_name().ok()?.to_owned(), index: id.get_index() }.to_string())
        })
        .collect();
    if names.is_empty() { "none".into() } else { names.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(card: Option<&str>) -> MixerControl {
        let control = ControlName { name: "Master".into(), index: 0 };
        MixerControl { card: card.map(Into::into), control, value: MixerValue::Db(-6.0) }
    }

    #[test]
    fn a_mixer_that_is_not_there_is_told_from_one_that_nobody_names() {
        let error = |pcm: &str, card: Option<&str>| check_mixer(pcm, &[master(card)]).remove(0);
        for (pcm, card) in
            [("dac", Some("hw:31")), ("hw:31", None), ("plughw:CARD=Nonesuch,DEV=0", None), ("dac", Some("\0"))]
        {
            let error = error(pcm, card);
            assert!(matches!(error, MixerError::Absent { .. }), "{error}");
            assert!(error.to_string().contains("`card`"), "{error}");
        }
        for pcm in ["dac", "plug:hw:0", "default"] {
            let error = error(pcm, None);
            assert!(matches!(error, MixerError::Unknown { .. }), "{error}");
            assert!(error.to_string().contains("`card`"), "{error}");
        }
    }

    /// Unset, a DAC may amplify by 24 dB.
    #[test]
    fn a_control_that_cannot_be_set_keeps_the_device_from_playing() {
        assert!(matches!(MixerGuard::set("dac", &[master(None)]), Err(MixerError::Unknown { .. })));
        assert!(matches!(MixerGuard::set("hw:31", &[master(None)]), Err(MixerError::Absent { .. })));
        assert!(MixerGuard::set("dac", &[]).is_ok(), "nothing wanted, nothing said");
        assert!(check_mixer("dac", &[]).is_empty());
    }

    #[test]
    fn decibels_are_rounded_to_the_nearest_hundredth() {
        assert_eq!([-24.3, -103.5, 0.29, 0.0].map(in_millibel), [-2430, -10_350, 29, 0]);
    }
}
