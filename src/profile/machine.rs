//! Which machine this is, which sound cards it has, and which `[[match]]` rule fits it.

use std::fs;
use std::path::Path;

use crate::config::MatchRule;

/// What a machine says about itself. Empty where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// Ids of its sound cards, like `sndrpihifiberry`, in order.
    pub cards: Vec<String>,
    /// Product in the EEPROM of a Raspberry Pi's HAT. Cards of different boards share one id; this tells them apart.
    pub hat_product: String,
    /// Model in the device tree, like `Raspberry Pi 5 Model B Rev 1.0`.
    pub device_tree_model: String,
    /// Product name in the firmware of a PC (DMI).
    pub dmi_product: String,
    /// Vendor in the firmware of a PC (DMI).
    pub dmi_vendor: String,
}

impl Machine {
    /// Reads what the kernel shows below `root` (`/`; tests give a folder): `proc/asound/cards`, `proc/device-tree`,
    /// `sys/class/dmi/id`. What is missing or unreadable stays empty.
    pub fn read(root: &Path) -> Machine {
        let text = |path: &str| {
            fs::read(root.join(path)).map_or_else(
                |_| String::new(),
                |bytes| {
                    // Device-tree strings end in a NUL.
                    String::from_utf8_lossy(&bytes).trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned()
                },
            )
        };
        Machine {
            cards: cards(root).into_iter().map(|card| card.id).collect(),
            hat_product: text("proc/device-tree/hat/product"),
            device_tree_model: text("proc/device-tree/model"),
            dmi_product: text("sys/class/dmi/id/product_name"),
            dmi_vendor: text("sys/class/dmi/id/sys_vendor"),
        }
    }

    /// Whether every key that `rule` gives fits this machine. A rule without keys fits none.
    pub fn fits(&self, rule: &MatchRule) -> bool {
        self.misfit(rule).is_none()
    }

    /// The card here that `rule` asks for, if it asks for one.
    pub fn card_of(&self, rule: &MatchRule) -> Option<&str> {
        let pattern = rule.card.as_ref()?;
        self.cards.iter().find(|card| like(pattern, card)).map(String::as_str)
    }

    /// The first key of `rule` that does not fit, in words; `None`: all fit.
    pub fn misfit(&self, rule: &MatchRule) -> Option<String> {
        let one = std::slice::from_ref;
        let keys = [
            ("card", &rule.card, &self.cards[..]),
            ("hat_product", &rule.hat_product, one(&self.hat_product)),
            ("device_tree_model", &rule.device_tree_model, one(&self.device_tree_model)),
            ("dmi_product", &rule.dmi_product, one(&self.dmi_product)),
            ("dmi_vendor", &rule.dmi_vendor, one(&self.dmi_vendor)),
        ];
        let mut given = keys.into_iter().filter_map(|(key, pattern, values)| Some((key, pattern.as_ref()?, values)));
        let mut is_bare = true;
        let misfit = given.find(|(_, pattern, values)| {
            is_bare = false;
            !values.iter().any(|value| !value.is_empty() && like(pattern, value))
        });
        match misfit {
            Some((key, pattern, values)) if values.iter().all(String::is_empty) => {
                Some(format!("{key} is \"{pattern}\", and there is none here"))
            }
            Some((key, pattern, values)) => {
                Some(format!("{key} is \"{pattern}\", and here \"{}\"", values.join("\", \"")))
            }
            None => is_bare.then(|| "it names nothing to compare".into()),
        }
    }
}

/// A sound card, as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its number, which may be another after the next start.
    pub number: u32,
    /// Its id, like `sndrpihifiberry`.
    pub id: String,
    /// Its name, like `snd_rpi_hifiberry_dac8x`.
    pub name: String,
}

/// All cards in `proc/asound/cards` below `root`: ` 0 [Loopback       ]: Loopback - Loopback 1`.
pub fn cards(root: &Path) -> Vec<Card> {
    let text = fs::read(root.join("proc/asound/cards")).unwrap_or_default();
    let parsed = |line: &str| {
        let (number, rest) = line.split_once('[')?;
        let (id, name) = rest.split_once("]:")?;
        let name = name.split_once(" - ").map_or(name, |(_, name)| name);
        Some(Card { number: number.trim().parse().ok()?, id: id.trim().into(), name: name.trim().into() })
    };
    String::from_utf8_lossy(&text).lines().filter_map(parsed).collect()
}

/// Whether `value` is like `pattern`, where `*` stands for any text.
fn like(pattern: &str, value: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == value;
    };
    let Some(mut value) = value.strip_prefix(head) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return value.ends_with(part);
        }
        match value.find(part) {
            Some(at) => value = &value[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_like_values() {
        for (pattern, value) in [
            ("a", "a"),
            ("*", ""),
            ("Raspberry Pi 5*", "Raspberry Pi 5 Model B Rev 1.0"),
            ("*DAC8x", "Studio DAC8x"),
            ("a*b*c", "a--b--c"),
            ("*é*", "caféteria"),
            ("ab*b", "abb"),
        ] {
            assert!(like(pattern, value), "{pattern} {value}");
        }
        for (pattern, value) in [("a", "ab"), ("a*b", "a"), ("ab*b", "ab"), ("", "a"), ("a*b*c", "acb")] {
            assert!(!like(pattern, value), "{pattern} {value}");
        }
    }

    #[test]
    fn the_kernel_is_read_and_rules_fit() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &[u8]| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(Machine::read(root.path()), Machine::default());
        write(
            "proc/asound/cards",
            b" 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0\n                      vc4-hdmi-0\n 1 [sndrpihifiberry]: HifiberryDac8x - snd_rpi_hifiberry_dac8x\n",
        );
        write("proc/device-tree/model", b"Raspberry Pi 5 Model B Rev 1.0\0");
        write("proc/device-tree/hat/product", b"DAC8x\0");
        let machine = Machine::read(root.path());
        assert_eq!(machine.cards, ["vc4hdmi0", "sndrpihifiberry"]);
        let rule = |card: Option<&str>, hat: Option<&str>, tree: Option<&str>| MatchRule {
            card: card.map(Into::into),
            hat_product: hat.map(Into::into),
            device_tree_model: tree.map(Into::into),
            dmi_product: None,
            dmi_vendor: None,
            profile: "bar".into(),
        };
        assert!(machine.fits(&rule(Some("sndrpihifiberry"), None, None)));
        assert!(machine.fits(&rule(None, Some("DAC8x"), Some("Raspberry Pi 5*"))));
        let misfit = |card, hat, tree| machine.misfit(&rule(card, hat, tree)).unwrap();
        assert_eq!(
            misfit(Some("sndrpihifiberry"), Some("Studio*"), None),
            "hat_product is \"Studio*\", and here \"DAC8x\""
        );
        assert_eq!(misfit(Some("M4"), None, None), "card is \"M4\", and here \"vc4hdmi0\", \"sndrpihifiberry\"");
        assert_eq!(misfit(None, None, None), "it names nothing to compare");
        let none = Machine::default().misfit(&rule(None, Some("*"), None));
        assert_eq!(none.unwrap(), "hat_product is \"*\", and there is none here");
        assert_eq!(machine.card_of(&rule(Some("snd*"), None, None)), Some("sndrpihifiberry"));
        assert_eq!(machine.card_of(&rule(None, Some("DAC8x"), None)), None);
        assert!(!machine.fits(&rule(None, None, None)));
        assert!(!Machine::default().fits(&rule(None, Some("*"), None)));
    }

    #[test]
    fn garbage_among_the_cards_is_skipped() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/asound")).unwrap();
        let found = |text: &[u8]| {
            fs::write(root.path().join("proc/asound/cards"), text).unwrap();
            cards(root.path())
        };
        assert!(found(b"--- no soundcards ---").is_empty());
        let card = |number, id: &str, name: &str| Card { number, id: id.into(), name: name.into() };
        let [first, second] = [card(3, "b c", "e [f] - g"), card(4, "D\u{fffd}", "bare")];
        assert_eq!(found(b"x [a]: \n[ \n 3 [b c]: d - e [f] - g\n    e at 7\n 4 [D\xff]: bare"), [first, second]);
    }
}
