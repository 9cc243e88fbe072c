//! Which card a PCM plays on, by its name.

use std::ffi::CString;

/// Kinds of PCMs that ALSA defines for every card.
const OF_A_CARD: [&str; 12] = [
    "hw",
    "plughw",
    "front",
    "rear",
    "center_lfe",
    "side",
    "surround21",
    "surround40",
    "surround51",
    "surround71",
    "hdmi",
    "sysdefault",
];

/// The card that a PCM name such as `hw:2,0`, `plughw:CARD=DAC8x,DEV=0` or `front:DAC8x` names, by number or id, whether
/// or not it is there; `None` for a PCM that is no card's.
pub(super) fn card_of_pcm(pcm: &str) -> Option<&str> {
    let (kind, arguments) = pcm.split_once(':')?;
    if !OF_A_CARD.contains(&kind) {
        return None;
    }
    let mut arguments = arguments.split(',').map(str::trim);
    let first = arguments.clone().next();
    arguments
        .find_map(|argument| argument.strip_prefix("CARD="))
        .or_else(|| first.filter(|argument| !argument.is_empty() && !argument.contains('=')))
}

/// The kernel's number of that card; `None` for a PCM that is no card's, or whose card is not there.
pub fn card_number(pcm: &str) -> Option<u32> {
    let card = CString::new(card_of_pcm(pcm)?).ok()?;
    let index = alsa::card::Card::from_str(&card).ok()?.get_index();
    u32::try_from(index).ok()
}

/// The card, by number or id, and the device on it that a PCM name such as `hw:2,1` or `hw:CARD=DAC8x,DEV=1` names; `None`
/// for a PCM that is no card's.
pub fn playback_of_pcm(pcm: &str) -> Option<(&str, u32)> {
    let mut arguments = pcm.split_once(':')?.1.split(',').map(str::trim);
    let second = arguments.clone().nth(1);
    let device = arguments.find_map(|argument| argument.strip_prefix("DEV=")).or(second);
    Some((card_of_pcm(pcm)?, device.and_then(|device| device.parse().ok()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_cards_have_a_number() {
        assert_eq!(card_number("null"), None);
        assert_eq!(card_number("pipewire:NODE=x"), None);
        assert_eq!(card_number("hw:NoSuchCard"), None);
        assert_eq!(card_number("hw:DEV=0"), None);
    }

    #[test]
    fn the_device_on_a_card_is_the_first_unless_it_is_said() {
        for (pcm, playback) in [
            ("hw:1", ("1", 0)),
            ("hw:1,3", ("1", 3)),
            ("plughw:DAC8x,2,0", ("DAC8x", 2)),
            ("hw:CARD=0", ("0", 0)),
            ("hw:DEV=4,CARD=DAC8x", ("DAC8x", 4)),
        ] {
            assert_eq!(playback_of_pcm(pcm), Some(playback), "{pcm}");
        }
        assert_eq!(playback_of_pcm("null"), None);
        assert_eq!(playback_of_pcm("dmix:1,3"), None);
    }

    #[test]
    fn a_card_is_named_whether_or_not_it_is_there() {
        assert_eq!(card_of_pcm("hw:NoSuchCard,0"), Some("NoSuchCard"));
        assert_eq!(card_of_pcm("plughw:DEV=1, CARD=DAC8x"), Some("DAC8x"));
        assert_eq!(card_of_pcm("hw:31"), Some("31"));
        for pcm in ["hw:", "hw", "plug:hw:0", "dmix:CARD=x", "hw:DEV=0"] {
            assert_eq!(card_of_pcm(pcm), None, "{pcm}");
        }
    }
}
