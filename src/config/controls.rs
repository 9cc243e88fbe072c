//! What a listener may set: one table of keys, from which parser, help, status and the sink's properties come.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A control, by its place in [`TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A flat downmix instead of the image.
    Bypass,
    /// The center against the rest.
    CenterDb,
    /// How far the sides are apart.
    WidthPercent,
    /// The right side against the left one.
    BalanceDb,
    /// Both sides from the middle.
    Mono,
    /// The device's own level.
    TrimDb,
    /// Lip sync by hand.
    DelayMs,
}

/// What is known of a control.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub key: Key,
    /// As it is written.
    pub name: &'static str,
    /// What its value counts; empty of a switch.
    pub unit: &'static str,
    /// The smallest and the largest value; of a switch 0 and 1.
    pub range: (f32, f32),
    /// Where nobody sets it.
    pub default: f32,
    /// One line for people.
    pub help: &'static str,
}

/// All controls, in the order of [`Key`].
pub const TABLE: [Entry; 7] = [
    Entry {
        key: Key::Bypass,
        name: "bypass",
        unit: "",
        range: (0.0, 1.0),
        default: 0.0,
        help: "a flat downmix through crossovers and limiter, as loud as the image: to compare",
    },
    Entry {
        key: Key::CenterDb,
        name: "center_db",
        unit: "dB",
        range: (-9.0, 9.0),
        default: 0.0,
        help: "voices, and whatever both channels share, against the rest",
    },
    Entry {
        key: Key::WidthPercent,
        name: "width",
        unit: "%",
        range: (0.0, 150.0),
        default: 100.0,
        help: "how far the sides are apart; 0 folds them into the middle",
    },
    Entry {
        key: Key::BalanceDb,
        name: "balance_db",
        unit: "dB",
        range: (-12.0, 12.0),
        default: 0.0,
        help: "above 0 the left channel is turned down by so much, below 0 the right one",
    },
    Entry {
        key: Key::Mono,
        name: "mono",
        unit: "",
        range: (0.0, 1.0),
        default: 0.0,
        help: "(L+R)/2 from the middle: for one ear, or a listener at the side",
    },
    Entry {
        key: Key::TrimDb,
        name: "trim_db",
        unit: "dB",
        range: (-24.0, 0.0),
        default: 0.0,
        help: "this speaker's level among several",
    },
    Entry {
        key: Key::DelayMs,
        name: "delay_ms",
        unit: "ms",
        range: (0.0, 500.0),
        default: 0.0,
        help: "sound later by so much, where a screen is late and does not say so",
    },
];

/// The key under which the listener's place is set beside the controls.
pub const SEAT_KEY: &str = "seat";
/// The word that takes a setting back.
pub const DEFAULT_WORD: &str = "default";
/// Of a value that is quoted back.
const MAX_QUOTED_CHARS: usize = 40;

/// A value for every control, each within its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Controls([f32; TABLE.len()]);

/// Values for some controls.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Partly([Option<f32>; TABLE.len()]);

/// Why something cannot be set: one line that names the thing, the value and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSetting(pub(super) String);

impl Key {
    /// What is known of it.
    pub fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }

    /// The control that is written so.
    ///
    /// # Errors
    /// None is: those that are.
    pub fn named(name: &str) -> Result<Key, BadSetting> {
        TABLE.iter().find(|entry| entry.name == name).map(|entry| entry.key).ok_or_else(|| {
            let names: Vec<&str> = TABLE.iter().map(|entry| entry.name).collect();
            BadSetting(format!("there is no control \"{}\"; there are {}", quoted(name), names.join(", ")))
        })
    }
}

impl Entry {
    /// On or off, and nothing between.
    pub fn is_switch(&self) -> bool {
        self.unit.is_empty()
    }

    /// A value as people write it, without its unit.
    pub fn shown(&self, value: f32) -> String {
        match self.is_switch() {
            true if value > 0.5 => "on".into(),
            true => "off".into(),
            false => format!("{}", value + 0.0),
        }
    }

    /// What may be written.
    pub fn wanted(&self) -> String {
        match self.is_switch() {
            true => "on or off".into(),
            false => format!("{} to {} {}", self.range.0, self.range.1, self.unit),
        }
    }

    /// A value from what somebody wrote.
    ///
    /// # Errors
    /// It is none of this control's.
    pub fn parse(&self, text: &str) -> Result<f32, BadSetting> {
        let value = match (self.is_switch(), text) {
            (true, "on" | "true" | "1") => Some(1.0),
            (true, "off" | "false" | "0") => Some(0.0),
            (true, _) => None,
            (false, _) => text.parse::<f32>().ok(),
        };
        self.check(value).ok_or_else(|| {
            BadSetting(format!(
                "{} is \"{}\"; use {}, or {DEFAULT_WORD} ({})",
                self.name,
                quoted(text),
                self.wanted(),
                self.shown(self.default)
            ))
        })
    }

    /// The value, if it is within the range. A negative zero is none.
    pub(super) fn check(&self, value: Option<f32>) -> Option<f32> {
        value.filter(|value| (self.range.0..=self.range.1).contains(value)).map(|value| value + 0.0)
    }
}

/// The beginning of what somebody wrote, in one line.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_QUOTED_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTED_CHARS).is_some() {
        short.push('…');
    }
    short
}

impl Default for Controls {
    fn default() -> Controls {
        Controls(std::array::from_fn(|index| TABLE[index].default))
    }
}

impl Controls {
    /// The value of a control.
    pub fn get(&self, key: Key) -> f32 {
        self.0[key as usize]
    }

    /// Whether a switch is on.
    pub fn is_on(&self, key: Key) -> bool {
        self.get(key) > 0.5
    }

    /// The same with the values that `over` has.
    pub fn with(self, over: &Partly) -> Controls {
        Controls(std::array::from_fn(|index| over.0[index].unwrap_or(self.0[index])))
    }

    /// For lists of all of them: as shown, by name.
    pub fn shown(&self) -> impl Iterator<Item = (&'static Entry, String)> {
        let values = self.0;
        TABLE.iter().zip(values).map(|(entry, value)| (entry, entry.shown(value)))
    }
}

impl Partly {
    /// The value of a control, if there is one.
    pub fn get(&self, key: Key) -> Option<f32> {
        self.0[key as usize]
    }

    /// Sets a control, or takes it back.
    pub(super) fn set(&mut self, key: Key, value: Option<f32>) {
        self.0[key as usize] = value;
    }
}

/// A control as the status shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Its value: a number of its unit, or `on` / `off`.
    pub value: String,
    /// What the value counts; empty of a switch.
    pub unit: String,
    /// What may be set.
    pub range: String,
    /// Where nobody sets it.
    pub default: String,
    /// What it is for.
    pub help: String,
}

impl Shown {
    /// Of a control.
    pub fn new(entry: &Entry, value: String) -> Shown {
        Shown {
            value,
            unit: entry.unit.into(),
            range: entry.wanted(),
            default: entry.shown(entry.default),
            help: entry.help.into(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_its_keys_and_within_its_own_ranges() {
        for (index, entry) in TABLE.iter().enumerate() {
            assert_eq!(entry.key as usize, index);
            assert_eq!(Key::named(entry.name), Ok(entry.key));
            assert_eq!(entry.parse(&entry.shown(entry.default)), Ok(entry.default), "{}", entry.name);
            assert!(entry.parse(&entry.shown(entry.range.0)).is_ok());
            assert!(entry.parse(&entry.shown(entry.range.1)).is_ok());
        }
    }

    #[test]
    fn what_is_no_value_is_refused_in_one_line() {
        let refused = |name: &str, text: &str| Key::named(name).and_then(|key| key.entry().parse(text)).unwrap_err();
        let cases = [
            (refused("center_db", "10"), "center_db is \"10\"; use -9 to 9 dB, or default (0)"),
            (refused("center_db", "nan"), "center_db is \"nan\"; use -9 to 9 dB, or default (0)"),
            (refused("center_db", ""), "center_db is \"\"; use -9 to 9 dB, or default (0)"),
            (refused("delay_ms", "-1"), "delay_ms is \"-1\"; use 0 to 500 ms, or default (0)"),
            (refused("bypass", "maybe\n"), "bypass is \"maybe\\n\"; use on or off, or default (off)"),
            (
                refused("loudness", "1"),
                "there is no control \"loudness\"; there are bypass, center_db, width, balance_db, mono, trim_db, delay_ms",
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found.to_string(), expected);
        }
        assert!(refused("mono", &"x".repeat(1000)).to_string().len() < 120);
        assert_eq!(Key::TrimDb.entry().parse("-0").unwrap().to_bits(), 0.0f32.to_bits());
    }
}
