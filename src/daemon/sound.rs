//! Sounds by which people tell drivers apart, for `spatiald identify`: what may be asked for, how it is built, and how it
//! lasts as long as the client that asked for it.

use std::sync::Weak;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::control::Answer;
use crate::dsp::burst::burst;
use crate::engine::probe::{Part, Probe, Sounding};
use crate::output::MAX_DEVICE_CHANNELS;

/// The largest sample of a sound, in dB re full scale, before `trim_db`.
pub const PEAK_DBFS: f32 = -24.0;
/// A burst, the pause between two that are compared, and the one before the next round.
const BURST_S: f64 = 0.7;
const GAP_S: f64 = 0.3;
const PAUSE_S: f64 = 0.6;
/// Lowest and highest frequency of a band, in Hz.
const FREQUENCIES_HZ: std::ops::RangeInclusive<f64> = 10.0..=96_000.0;

/// A burst on one channel of the device, over and over; or two bursts on two channels, of which the second has the other
/// channel's polarity turned over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sound {
    /// What it keeps within, low and high, in Hz.
    pub band_hz: [f64; 2],
    /// The channel, from 0.
    pub channel: usize,
    /// Another one that plays with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<Other>,
}

/// The other channel of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// The channel, from 0.
    pub channel: usize,
    /// Turned over in the first burst, instead of the second.
    pub is_inverted: bool,
}

/// Why a sound is not played.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// Not two frequencies that sound can have.
    #[error("{0:?} is no band; give two frequencies of 10 to 96000 Hz, the lower one first")]
    Band([f64; 2]),
    /// A channel with itself.
    #[error("channel {0} cannot be compared with itself; name two")]
    Same(usize),
    /// A channel that no device has.
    #[error("the device has channels 0 to {}; {channel} is none of them", channels.saturating_sub(1))]
    Channel {
        /// What was asked for.
        channel: usize,
        /// How many there are.
        channels: usize,
    },
    /// Nothing plays.
    #[error("the device plays nothing now: {0}")]
    NotPlaying(String),
}

impl Sound {
    /// Whether it can be played on a device of so many channels.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, channels: usize) -> Result<(), SoundError> {
        let [low, high] = self.band_hz;
        if !(FREQUENCIES_HZ.contains(&low) && FREQUENCIES_HZ.contains(&high) && low < high) {
            return Err(SoundError::Band(self.band_hz));
        }
        let other = self.with.map(|other| other.channel);
        if other == Some(self.channel) {
            return Err(SoundError::Same(self.channel));
        }
        match [Some(self.channel), other].into_iter().flatten().find(|channel| *channel >= channels) {
            Some(channel) => Err(SoundError::Channel { channel, channels }),
            None => Ok(()),
        }
    }

    /// How long a round is, in s.
    pub fn round_s(&self) -> f64 {
        BURST_S + PAUSE_S + self.with.map_or(0.0, |_| GAP_S + BURST_S)
    }

    /// Builds it for a device at `rate_hz`; `peak` is its largest sample. Takes some milliseconds.
    pub fn build(&self, peak: f32, rate_hz: u32) -> (Probe, Sounding) {
        let frames = |seconds: f64| (seconds * f64::from(rate_hz)) as usize;
        let burst = burst(self.band_hz, rate_hz, frames(BURST_S), peak);
        let part = |channel: usize, signs: &[f32]| {
            let mut samples = Vec::with_capacity(frames(self.round_s()));
            for sign in signs {
                samples.resize(samples.len().next_multiple_of(frames(BURST_S + GAP_S)), 0.0);
                samples.extend(burst.iter().map(|sample| sign * sample));
            }
            samples.resize(frames(self.round_s()), 0.0);
            Part { channel, samples: samples.into() }
        };
        let parts = match self.with {
            None => vec![part(self.channel, &[1.0])],
            Some(other) => {
                let sign = if other.is_inverted { -1.0 } else { 1.0 };
                vec![part(self.channel, &[1.0, 1.0]), part(other.channel, &[sign, -sign])]
            }
        };
        Probe::new(parts, rate_hz)
    }
}

/// The largest sample of any sound where `trim_db` is set and the limiter holds `ceiling_dbfs`.
pub fn peak(trim_db: f32, ceiling_dbfs: f32) -> f32 {
    10f32.powf((PEAK_DBFS + trim_db).min(ceiling_dbfs) / 20.0)
}

/// The sound that a client has.
pub(super) struct Identify {
    pub ticket: u64,
    /// Gone with the client.
    pub lease: Weak<()>,
    /// By when the writer has to have it.
    pub deadline: Instant,
    /// The client's answer, until the writer has the sound.
    pub reply: Option<Answer>,
    /// Built, and not handed over yet.
    pub probe: Option<Box<Probe>>,
    /// Lasts as long as this.
    pub sounding: Option<Sounding>,
}

/// What the wire may ask for, of whatever device.
pub(super) fn check_request(sound: &Sound) -> Result<(), SoundError> {
    sound.check(MAX_DEVICE_CHANNELS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(channel: usize, with: Option<Other>) -> Sound {
        Sound { band_hz: [500.0, 4000.0], channel, with }
    }

    #[test]
    fn a_sound_that_cannot_be_played_is_refused_in_a_line() {
        let other = |channel| Some(Other { channel, is_inverted: false });
        assert!(sound(3, other(0)).check(4).is_ok());
        for (sound, reason) in [
            (sound(4, None), "the device has channels 0 to 3; 4 is none of them"),
            (sound(0, other(9)), "the device has channels 0 to 3; 9 is none of them"),
            (sound(2, other(2)), "channel 2 cannot be compared with itself; name two"),
            (
                Sound { band_hz: [4000.0, f64::NAN], ..sound(0, None) },
                "[4000.0, NaN] is no band; give two frequencies of 10 to 96000 Hz, the lower one first",
            ),
        ] {
            assert_eq!(sound.check(4).unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn it_is_quiet_and_obeys_trim_and_ceiling() {
        let db = |trim_db, ceiling_dbfs| (200.0 * peak(trim_db, ceiling_dbfs).log10()).round() / 10.0;
        assert_eq!([db(0.0, -1.0), db(-6.0, -1.0), db(0.0, -40.0)], [-24.0, -30.0, -40.0]);
    }
}
