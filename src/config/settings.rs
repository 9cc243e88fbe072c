//! What is set: controls and seat, by whom, and how it is kept.

use std::fmt;

use super::NamedSeat;
use super::controls::{BadSetting, Controls, DEFAULT_WORD, Key, Partly, SEAT_KEY, quoted};

/// Farthest to a side a seat may be, degrees.
pub const MAX_AZIMUTH_DEG: f64 = 30.0;
/// Farthest away a seat may be, m.
pub const MAX_DISTANCE_M: f64 = 6.0;
/// The word that takes a seat back.
const RESET_WORD: &str = "reset";

/// A place in front of the device. Nearer than the cabinet's edge is refused where the device is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seat {
    /// From the device's axis, positive to the left of who faces it, degrees.
    pub azimuth_deg: f64,
    /// From the device's middle, m; `None`: as the profile was designed.
    pub distance_m: Option<f64>,
}

/// A seat as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum SeatChoice {
    /// A place.
    At(Seat),
    /// A `[[seat]]` of the configuration.
    Named(String),
}

impl Seat {
    /// A seat within the bounds that hold for every device.
    ///
    /// # Errors
    /// It is outside.
    pub fn new(azimuth_deg: f64, distance_m: Option<f64>) -> Result<Seat, BadSetting> {
        if !(-MAX_AZIMUTH_DEG..=MAX_AZIMUTH_DEG).contains(&azimuth_deg) {
            return Err(BadSetting(format!(
                "a seat at {azimuth_deg}° is too far aside; use {} to {MAX_AZIMUTH_DEG} degrees, above 0 to the left of who faces the device",
                -MAX_AZIMUTH_DEG
            )));
        }
        match distance_m {
            Some(distance) if !(distance > 0.0 && distance <= MAX_DISTANCE_M) => {
                Err(BadSetting(format!("a seat at {distance} m; use at most {MAX_DISTANCE_M} m, clear of the cabinet")))
            }
            _ => Ok(Seat { azimuth_deg: azimuth_deg + 0.0, distance_m }),
        }
    }
}

impl std::str::FromStr for Seat {
    type Err = BadSetting;

    /// `AZIMUTH_DEG[,DISTANCE_M]`.
    fn from_str(text: &str) -> Result<Seat, BadSetting> {
        let (azimuth, distance) = text.split_once(',').map_or((text, None), |(a, d)| (a, Some(d)));
        let number = |text: &str| text.trim().parse::<f64>().ok();
        match (number(azimuth), distance.map(number)) {
            (Some(azimuth), None) => Seat::new(azimuth, None),
            (Some(azimuth), Some(Some(distance))) => Seat::new(azimuth, Some(distance)),
            _ => Err(BadSetting(format!("\"{}\" is no seat; use AZIMUTH_DEG[,DISTANCE_M], like 10,1.5", quoted(text)))),
        }
    }
}

/// As it is parsed.
impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.azimuth_deg)?;
        self.distance_m.map_or(Ok(()), |distance| write!(f, ",{distance}"))
    }
}

impl fmt::Display for SeatChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeatChoice::At(seat) => seat.fmt(f),
            SeatChoice::Named(name) => f.write_str(name),
        }
    }
}

/// Why `name` cannot be a seat's: it has to be told from a place, and to stay in its line.
pub(super) fn bad_seat_name(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > 64 {
        Some("is empty or longer than 64 characters")
    } else if !name.starts_with(char::is_alphabetic) || !name.chars().all(allowed) {
        Some("is not made of letters, digits, `-`, `_` and `.`, a letter first")
    } else if name.parse::<f64>().is_ok() {
        Some("is a number")
    } else if [DEFAULT_WORD, RESET_WORD, "tune"].contains(&name) {
        Some("means something else to --seat")
    } else {
        None
    }
}

/// What there is instead of a `[[seat]]` that is asked for.
pub(super) fn unknown_seat(name: &str, seats: &[NamedSeat]) -> BadSetting {
    let names: Vec<&str> = seats.iter().map(|seat| seat.name.as_str()).collect();
    let there = match names.is_empty() {
        true => "spatiald.toml has no [[seat]]: add one, or give AZIMUTH_DEG[,DISTANCE_M]".to_owned(),
        false => format!("there are {}", names.join(", ")),
    };
    BadSetting(format!("there is no seat \"{}\"; {there}", quoted(name)))
}

/// One thing to set, or to take back.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A control.
    Control(Key, Option<f32>),
    /// Where the listener sits.
    Seat(Option<SeatChoice>),
}

impl Change {
    /// Whether both set the same thing.
    pub fn is_of_same_key(&self, other: &Change) -> bool {
        match (self, other) {
            (Change::Control(one, _), Change::Control(other, _)) => one == other,
            (Change::Seat(_), Change::Seat(_)) => true,
            _ => false,
        }
    }
}

impl std::str::FromStr for Change {
    type Err = BadSetting;

    /// `KEY=VALUE`, `KEY=default`, `seat=10,1.5`, `seat=NAME`, `seat=reset`.
    fn from_str(text: &str) -> Result<Change, BadSetting> {
        let Some((key, value)) = text.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
            return Err(BadSetting(format!("\"{}\" sets nothing; write KEY=VALUE, like center_db=3", quoted(text))));
        };
        if key != SEAT_KEY {
            let key = Key::named(key)?;
            let value = if value == DEFAULT_WORD { None } else { Some(key.entry().parse(value)?) };
            return Ok(Change::Control(key, value));
        }
        Ok(Change::Seat(match value {
            DEFAULT_WORD | RESET_WORD => None,
            name if bad_seat_name(name).is_none() => Some(SeatChoice::Named(name.into())),
            place => Some(SeatChoice::At(place.parse()?)),
        }))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Control(key, Some(value)) => write!(f, "{key}={}", key.entry().shown(*value)),
            Change::Control(key, None) => write!(f, "{key}={DEFAULT_WORD}"),
            Change::Seat(Some(seat)) => write!(f, "{SEAT_KEY}={seat}"),
            Change::Seat(None) => write!(f, "{SEAT_KEY}={DEFAULT_WORD}"),
        }
    }
}

/// What was set, by a person or by the configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Controls.
    pub controls: Partly,
    /// Where the listener sits.
    pub seat: Option<SeatChoice>,
}

impl Settings {
    /// Sets one thing, or takes it back.
    pub fn change(&mut self, change: &Change) {
        match change {
            Change::Control(key, value) => self.controls.set(*key, *value),
            Change::Seat(seat) => self.seat.clone_from(seat),
        }
    }

    /// Every control's value, where `self` goes before `under`, and that before the defaults.
    pub fn controls_over(&self, under: &Settings) -> Controls {
        Controls::default().with(&under.controls).with(&self.controls)
    }

    /// What it takes to set the same again.
    pub fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        let controls = super::controls::TABLE
            .iter()
            .filter_map(|entry| Some(Change::Control(entry.key, Some(self.controls.get(entry.key)?))));
        controls.chain(self.seat.clone().map(|seat| Change::Seat(Some(seat))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_survive_being_written_and_read() {
        let mut settings = Settings::default();
        for text in ["center_db=3", "width=50", "bypass=on", "seat=-12.5,1.5", "delay_ms=0.1", "width=default"] {
            settings.change(&text.parse().unwrap());
        }
        let mut again = Settings::default();
        settings.changes().for_each(|change| again.change(&change.to_string().parse().unwrap()));
        assert_eq!(again, settings);
        assert_eq!(settings.changes().count(), 4);
        settings.change(&"seat=reset".parse().unwrap());
        assert_eq!(settings.seat, None);
    }

    #[test]
    fn who_sets_goes_before_the_configuration_and_that_before_the_defaults() {
        let (mut kept, mut configured) = (Settings::default(), Settings::default());
        configured.change(&"center_db=2".parse().unwrap());
        configured.change(&"trim_db=-3".parse().unwrap());
        kept.change(&"center_db=-4".parse().unwrap());
        let controls = kept.controls_over(&configured);
        assert_eq!([Key::CenterDb, Key::TrimDb, Key::WidthPercent].map(|key| controls.get(key)), [-4.0, -3.0, 100.0]);
        kept.change(&"center_db=default".parse().unwrap());
        assert_eq!(kept.controls_over(&configured).get(Key::CenterDb), 2.0);
    }

    #[test]
    fn seats_out_of_reach_are_refused_in_one_line() {
        let refused = |text: &str| text.parse::<Change>().unwrap_err().to_string();
        assert!(refused("seat=31").starts_with("a seat at 31° is too far aside; use -30 to 30 degrees"));
        assert_eq!(refused("seat=0,7"), "a seat at 7 m; use at most 6 m, clear of the cabinet");
        assert!(refused("seat=0,-1").starts_with("a seat at -1 m"));
        assert!(refused("seat=nan").starts_with("a seat at NaN°"));
        assert_eq!(refused("seat=10,x"), "\"10,x\" is no seat; use AZIMUTH_DEG[,DISTANCE_M], like 10,1.5");
        assert_eq!(refused("seat="), "\"\" is no seat; use AZIMUTH_DEG[,DISTANCE_M], like 10,1.5");
        assert_eq!(refused("center_db"), "\"center_db\" sets nothing; write KEY=VALUE, like center_db=3");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_leave_its_line(text in "\\PC{0,80}|(seat|center_db|mono)=\\PC{0,80}|[\\x00-\\x1f=]{0,9}") {
            match text.parse::<Change>() {
                Ok(change) => prop_assert_eq!(change.to_string().parse::<Change>(), Ok(change)),
                Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
            }
        }
    }
}
