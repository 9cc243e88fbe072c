//! Which machine this is, and which `[[match]]` rule fits it.

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
            cards: card_ids(&text("proc/asound/cards")),
            hat_product: text("proc/device-tree/hat/product"),
            device_tree_model: text("proc/device-tree/model"),
            dmi_product: text("sys/class/dmi/id/product_name"),
            dmi_vendor: text("sys/class/dmi/id/sys_vendor"),
        }
    }

    /// Whether every key that `rule` gives fits this machine. A rule without keys fits none.
    pub fn fits(&self, rule: &MatchRule) -> bool {
        let mut given = false;
        let mut wanted = |pattern: &Option<String>, values: &[&str]| {
            pattern.as_ref().is_none_or(|pattern| {
                given = true;
                values.iter().any(|value| !value.is_empty() && like(pattern, value))
            })
        };
        let cards: Vec<&str> = self.cards.iter().map(String::as_str).collect();
        let all = wanted(&rule.card, &cards)
            & wanted(&rule.hat_product, &[&self.hat_product])
            & wanted(&rule.device_tree_model, &[&self.device_tree_model])
            & wanted(&rule.dmi_product, &[&self.dmi_product])
            & wanted(&rule.dmi_vendor, &[&self.dmi_vendor]);
        all && given
    }
}

/// Card ids from `/proc/asound/cards`: ` 0 [Loopback       ]: Loopback - Loopback`.
fn card_ids(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let (number, rest) = line.split_once('[')?;
            number.trim().parse::<u32>().ok()?;
            let (id, _) = rest.split_once("]:")?;
            Some(id.trim().to_owned())
        })
        .collect()
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
        assert!(!machine.fits(&rule(Some("sndrpihifiberry"), Some("Studio*"), None)));
        assert!(!machine.fits(&rule(None, None, None)));
        assert!(!Machine::default().fits(&rule(None, Some("*"), None)));
    }

    #[test]
    fn garbage_among_the_cards_is_skipped() {
        assert!(card_ids("--- no soundcards ---").is_empty());
        assert_eq!(card_ids("x [a]: \n[ \n 3 [b c]: d [e]: f"), ["b c"]);
    }
}
