//! The playback devices of this machine's cards, as the kernel lists them: nothing is opened for it.

use std::fs;
use std::path::Path;

use crate::profile::machine::{Card, cards};

/// More than any card has; the kernel's own static minors end at 8.
const MAX_DEVICES: u32 = 32;

/// A playback device of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playback {
    /// Its card.
    pub card: Card,
    /// Its number on the card.
    pub device: u32,
    /// Channels that it is open with at the moment.
    pub open_channels: Option<u32>,
}

impl Playback {
    /// Whether it is `device` of the card whose number or id is `card`.
    pub fn is(&self, card: &str, device: u32) -> bool {
        self.device == device && (self.card.id == card || card.parse() == Ok(self.card.number))
    }

    /// ALSA's name for it, which outlasts another order of the cards.
    pub fn pcm(&self) -> String {
        match self.device {
            0 => format!("hw:CARD={}", self.card.id),
            device => format!("hw:CARD={},DEV={device}", self.card.id),
        }
    }
}

/// All of them below `root` (`/`; tests give a folder), by card and device.
pub fn playbacks(root: &Path) -> Vec<Playback> {
    let mut found = Vec::new();
    for card in cards(root) {
        for device in 0..MAX_DEVICES {
            let folder = root.join(format!("proc/asound/card{}/pcm{device}p", card.number));
            if folder.is_dir() {
                found.push(Playback { card: card.clone(), device, open_channels: open_channels(&folder) });
            }
        }
    }
    found
}

/// From `channels: 8` in `sub*/hw_params` of the first substream that is open.
fn open_channels(device: &Path) -> Option<u32> {
    fs::read_dir(device).ok()?.flatten().find_map(|sub| {
        let text = fs::read_to_string(sub.path().join("hw_params")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("channels:")?.trim().parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_lists_what_can_play_and_what_it_is_open_with() {
        let root = tempfile::tempdir().unwrap();
        assert!(playbacks(root.path()).is_empty());
        let write = |path: &str, text: &str| {
            let path = root.path().join("proc/asound").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("cards", " 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0\n 2 [DAC8x          ]: a - b\n 3 [Gone ]: c - d\n");
        write("card0/pcm0c/sub0/hw_params", "channels: 2\n");
        write("card0/pcm3p/sub0/hw_params", "closed\n");
        write("card2/pcm1p/sub0/hw_params", "closed\n");
        write("card2/pcm1p/sub1/hw_params", "access: RW_INTERLEAVED\nchannels: 8\n");
        write("card2/pcm0p/info", "card: 2\n");
        let found: Vec<_> = playbacks(root.path()).iter().map(|p| (p.pcm(), p.open_channels)).collect();
        let last = &playbacks(root.path())[2];
        assert!(last.is("DAC8x", 1) && last.is("2", 1) && !last.is("2", 0) && !last.is("0", 1));
        let pcms = ["hw:CARD=vc4hdmi0,DEV=3", "hw:CARD=DAC8x", "hw:CARD=DAC8x,DEV=1"].map(String::from);
        assert_eq!(found, pcms.into_iter().zip([None, None, Some(8)]).collect::<Vec<_>>());
    }
}
