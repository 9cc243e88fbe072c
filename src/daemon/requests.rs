//! What is asked of device and sink: from the configuration and a profile, at the start and at a reload alike.

use std::time::Duration;

use super::Instance;
use super::prepare::NotAtRate;
use crate::config::Config;
use crate::output::OutputError;
use crate::{node, output};

/// Rates tried, in this order, where a card refuses the profile's own.
const OTHER_RATES_HZ: [u32; 4] = [48_000, 44_100, 96_000, 192_000];

/// The device that `config` and a profile of so many channels ask for, at `rate_hz`.
pub fn device(config: &Config, rate_hz: u32, channels: usize) -> output::Request {
    output::Request {
        pcm: config.device.clone(),
        rate_hz,
        channels,
        period_frames: config.period_frames,
        periods: config.periods,
        format: config.device_format,
        mixer: config.mixer.clone(),
        reserve: true,
        suspend_after: match config.suspend_seconds {
            0 => None,
            seconds => Some(Duration::from_secs(seconds.into())),
        },
        amp_wake: Duration::from_millis(config.amp_wake_ms.into()),
    }
}

/// The sink that `config` asks for, at `rate_hz`.
pub fn sink(config: &Config, instance: &Instance, rate_hz: u32) -> node::Request {
    node::Request {
        node_name: config.node_name.clone().unwrap_or_else(|| instance.node_name()),
        description: config.description.clone(),
        rate_hz,
        latency_frames: u32::try_from(config.period_frames).unwrap_or(u32::MAX),
        suspend_seconds: config.suspend_seconds,
        socket: None,
    }
}

/// Rates that cards took instead of those they refused: remembered, so that they are not asked again at each reload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates {
    instead: Vec<Instead>,
    /// What the card was asked for in vain since a device was last open or asked for: it may offer what it then refuses.
    refused_hz: Vec<u32>,
    /// Why a profile cannot be had at a rate that the card would take.
    useless: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Instead {
    pcm: String,
    own_hz: u32,
    used_hz: u32,
}

impl Rates {
    /// The rate to play a profile of `own_hz` at on `pcm`.
    pub fn on(&self, pcm: &str, own_hz: u32) -> u32 {
        let known = self.instead.iter().find(|known| known.pcm == pcm && known.own_hz == own_hz);
        known.map_or(own_hz, |known| known.used_hz)
    }

    /// `pcm` has refused to run at `asked_hz` and offers others: the one to play a profile of `own_hz` at, if there is one
    /// that it has not refused before.
    pub fn refused(&mut self, pcm: &str, own_hz: u32, asked_hz: u32, offered_hz: &[u32]) -> Option<u32> {
        if !self.refused_hz.contains(&asked_hz) {
            self.refused_hz.push(asked_hz);
        }
        let is_left = |rate: &u32| offered_hz.contains(rate) && !self.refused_hz.contains(rate);
        // The profile's own rate first: what was refused may have been asked of a card that takes it.
        let used_hz = [own_hz].into_iter().chain(OTHER_RATES_HZ).find(is_left)?;
        self.instead.retain(|known| known.pcm != pcm || known.own_hz != own_hz);
        self.instead.push(Instead { pcm: pcm.into(), own_hz, used_hz });
        Some(used_hz)
    }

    /// That rate is not asked for again until a device is open.
    pub fn give_up(&mut self, unusable: &NotAtRate) {
        let NotAtRate { pcm, own_hz, rate_hz, error } = unusable;
        self.instead.retain(|known| known.pcm != *pcm || known.own_hz != *own_hz || known.used_hz != *rate_hz);
        if !self.refused_hz.contains(rate_hz) {
            self.refused_hz.push(*rate_hz);
        }
        self.useless = Some(format!("at {rate_hz} Hz the profile cannot be played: {error}"));
    }

    /// `error`, and what keeps the profile from being played at another rate.
    pub fn explain(&self, error: &OutputError) -> String {
        match (error, &self.useless) {
            (OutputError::Rate { .. }, Some(reason)) => format!("{error}; {reason}"),
            _ => error.to_string(),
        }
    }

    /// A card has taken what it was asked for, or all is asked for anew.
    pub fn forget_refusals(&mut self) {
        self.refused_hz.clear();
        self.useless = None;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::profile::ProfileError;
    use crate::source::Complaint;

    #[test]
    fn a_refused_rate_is_replaced_by_one_that_is_offered_and_remembered_for_that_card() {
        let mut rates = Rates::default();
        assert_eq!(rates.on("hw:0", 48_000), 48_000);
        assert_eq!(rates.refused("hw:0", 48_000, 48_000, &[44_100, 96_000]), Some(44_100));
        rates.forget_refusals();
        assert_eq!(rates.on("hw:0", 48_000), 44_100);
        assert_eq!((rates.on("hw:1", 48_000), rates.on("hw:0", 96_000)), (48_000, 96_000));
        assert_eq!(rates.refused("hw:1", 48_000, 48_000, &[8_000]), None);
        assert_eq!(rates.refused("hw:1", 48_000, 48_000, &[96_000]), Some(96_000));
        assert_eq!(rates.on("hw:0", 48_000), 44_100, "each card has its own");
    }

    #[test]
    fn another_card_in_its_place_may_take_the_profile_s_own_rate() {
        let mut rates = Rates::default();
        rates.refused("hw:0", 48_000, 48_000, &[44_100]);
        rates.forget_refusals();
        assert_eq!(rates.refused("hw:0", 48_000, 44_100, &[48_000]), Some(48_000));
        assert_eq!(rates.on("hw:0", 48_000), 48_000);
    }

    #[test]
    fn a_rate_that_the_profile_cannot_be_had_at_is_not_asked_for_again() {
        let mut rates = Rates::default();
        assert_eq!(rates.refused("hw:0", 48_000, 48_000, &[44_100]), Some(44_100));
        let error = ProfileError::from(Complaint::whole(Path::new("coefficients-44100.wav"), "it is another design's"));
        rates.give_up(&NotAtRate { pcm: "hw:0".into(), own_hz: 48_000, rate_hz: 44_100, error });
        assert_eq!(rates.on("hw:0", 48_000), 48_000);
        assert_eq!(rates.refused("hw:0", 48_000, 48_000, &[44_100]), None);
        let refusal = OutputError::Rate { pcm: "hw:0".into(), rate_hz: 48_000, offered_hz: vec![44_100] };
        let why = rates.explain(&refusal);
        assert!(
            why.ends_with("at 44100 Hz the profile cannot be played: coefficients-44100.wav: it is another design's"),
            "{why}"
        );
        assert_eq!(rates.refused("hw:0", 48_000, 48_000, &[44_100, 96_000]), Some(96_000));
        rates.forget_refusals();
        assert_eq!(rates.explain(&refusal), refusal.to_string());
    }

    #[test]
    fn a_card_that_refuses_what_it_offers_is_not_asked_in_circles() {
        let mut rates = Rates::default();
        let offered = [44_100, 48_000, 96_000];
        assert_eq!(rates.refused("hw:0", 48_000, 48_000, &offered), Some(44_100));
        assert_eq!(rates.refused("hw:0", 48_000, 44_100, &offered), Some(96_000));
        assert_eq!(rates.refused("hw:0", 48_000, 96_000, &offered), None);
    }
}
