//! What is asked of device and sink: from the configuration and a profile, at the start and at a reload alike.

use std::time::Duration;

use super::Instance;
use crate::config::Config;
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
    /// What the card was asked for in vain since a device was last open: it may offer what it then refuses.
    refused_hz: Vec<u32>,
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

    /// The card has taken what it was asked for.
    pub fn taken(&mut self) {
        self.refused_hz.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_rate_is_replaced_by_one_that_is_offered_and_remembered_for_that_card() {
        let mut rates = Rates::default();
        assert_eq!(rates.on("hw:0", 48_000), 48_000);
        assert_eq!(rates.refused("hw:0", 48_000, 48_000, &[44_100, 96_000]), Some(44_100));
        rates.taken();
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
        rates.taken();
        assert_eq!(rates.refused("hw:0", 48_000, 44_100, &[48_000]), Some(48_000));
        assert_eq!(rates.on("hw:0", 48_000), 48_000);
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
