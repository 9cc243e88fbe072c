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
    fn a_card_is_named_whether_or_not_it_is_there() {
        assert_eq!(card_of_pcm("hw:NoSuchCard,0"), Some("NoSuchCard"));
        assert_eq!(card_of_pcm("plughw:DEV=1, CARD=DAC8x"), Some("DAC8x"));
        assert_eq!(card_of_pcm("hw:31"), Some("31"));
        for pcm in ["hw:", "hw", "plug:hw:0", "dmix:CARD=x", "hw:DEV=0"] {
            assert_eq!(card_of_pcm(pcm), None, "{pcm}");
        }
    }
}
