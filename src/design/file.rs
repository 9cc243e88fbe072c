//! What a maker writes: the device description, key by key. Nothing here is checked beyond its type;
//! [`Device::load`](super::Device::load) makes a value of it that cannot be wrong.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_spanned::Spanned;

/// A device description as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Always 1; checked before the rest.
    #[serde(rename = "format")]
    pub _format: i64,
    pub device: DeviceTable,
    pub enclosure: EnclosureTable,
    #[serde(default)]
    pub driver: Vec<Spanned<DriverTable>>,
    #[serde(default)]
    pub listener: ListenerTable,
    #[serde(default)]
    pub virtualization: VirtualizationTable,
    #[serde(default)]
    pub crosstalk: CrosstalkTable,
    #[serde(default)]
    pub beam: BeamTable,
    #[serde(default)]
    pub crossover: Vec<Spanned<CrossoverTable>>,
    #[serde(default)]
    pub filters: FiltersTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceTable {
    pub name: Spanned<String>,
    #[serde(default)]
    pub description: String,
    pub sample_rate_hz: Option<Spanned<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnclosureTable {
    pub model: Spanned<EnclosureModel>,
    pub radius_m: Option<Spanned<f64>>,
}

/// What the drivers are mounted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnclosureModel {
    /// Nothing: drivers radiate as if alone.
    FreeField,
    /// A front wide against the wavelength: each driver radiates into the half-space it faces.
    Baffled,
    /// A rigid sphere around the origin.
    RigidSphere,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverTable {
    pub name: Spanned<String>,
    pub channel: Spanned<i64>,
    pub position_m: Spanned<List<f64, 3>>,
    pub axis_deg: Option<Spanned<AxisTable>>,
    pub radius_m: Option<Spanned<f64>>,
    pub directivity: Option<Spanned<Directivity>>,
    pub band_hz: Option<Spanned<List<f64, 2>>>,
    pub roles: Option<Spanned<Vec<Role>>>,
    pub polarity: Option<Spanned<i64>>,
    pub gain_db: Option<Spanned<f64>>,
    pub delay_us: Option<Spanned<f64>>,
    pub sensitivity_db: Option<Spanned<f64>>,
    pub xmax_mm: Option<Spanned<f64>>,
    pub high_pass_hz: Option<Spanned<f64>>,
    pub response: Option<Spanned<ResponseKey>>,
}

/// As many values as are meant: an array alone would pass over further ones.
#[derive(Debug, Clone, Copy)]
pub struct List<T, const N: usize>(pub [T; N]);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for List<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<T>::deserialize(deserializer)?;
        let found = values.len();
        let wanted = format!("an array of length {N}");
        values.try_into().map(List).map_err(|_| de::Error::invalid_length(found, &wanted.as_str()))
    }
}

/// What was measured in place of a driver's model.
#[derive(Debug)]
pub enum ResponseKey {
    /// A WAV file of the listening point, or a SOFA file.
    File(String),
    /// A WAV file each of several points.
    Points(Vec<Spanned<ResponseTable>>),
}

/// One response and the point it was measured at, about the device's center.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseTable {
    pub file: Spanned<String>,
    pub azimuth_deg: Spanned<f64>,
    pub elevation_deg: Option<Spanned<f64>>,
    pub distance_m: Spanned<f64>,
}

// By hand: an untagged enum would lose the places of what is wrong in it.
impl<'de> Deserialize<'de> for ResponseKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ResponseKey;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the name of a file, or a list of { file, azimuth_deg, distance_m }")
            }

            fn visit_str<E: de::Error>(self, file: &str) -> Result<ResponseKey, E> {
                Ok(ResponseKey::File(file.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ResponseKey, A::Error> {
                let mut tables = Vec::new();
                while let Some(table) = list.next_element()? {
                    tables.push(table);
                }
                Ok(ResponseKey::Points(tables))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisTable {
    #[serde(default)]
    pub azimuth: f64,
    #[serde(default)]
    pub elevation: f64,
}

/// How a driver radiates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Directivity {
    Monopole,
    Piston,
    Cap,
}

/// What a driver is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Takes part in cancellation and beam.
    Array,
    /// Plays the lows, in mono.
    Woofer,
    /// Plays the highs, in mono.
    Tweeter,
}

impl Role {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Role::Array => "array",
            Role::Woofer => "woofer",
            Role::Tweeter => "tweeter",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTable {
    pub distance_m: Option<Spanned<f64>>,
    pub head: Option<Spanned<String>>,
    pub head_radius_m: Option<Spanned<f64>>,
    pub window_m: Option<Spanned<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualizationTable {
    pub enabled: Option<bool>,
    pub angle_deg: Option<Spanned<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrosstalkTable {
    pub mode: Option<Mode>,
    pub target_db: Option<Spanned<Vec<List<f64, 2>>>>,
    pub effort_db: Option<Spanned<Vec<List<f64, 2>>>>,
    pub power_db: Option<Spanned<Vec<List<f64, 2>>>>,
}

/// How much the image may cost: power into the room, and headroom.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Up to 6 dB over what an omnidirectional driver radiates.
    #[default]
    Balanced,
    /// Up to 9 dB: wider, with less headroom and more of the room.
    Wide,
    /// Up to 4 dB: for live rooms and far listeners.
    Room,
}

impl Mode {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Balanced => "balanced",
            Mode::Wide => "wide",
            Mode::Room => "room",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeamTable {
    pub null_deg: Option<Spanned<Vec<f64>>>,
    pub null_db: Option<Spanned<f64>>,
    pub shape_db: Option<Spanned<Vec<List<f64, 2>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossoverTable {
    pub between: Spanned<List<Role, 2>>,
    pub frequency_hz: Spanned<f64>,
    /// Only one kind is known; the type rejects others.
    #[serde(rename = "kind")]
    pub _kind: Option<CrossoverKind>,
}

/// The slope of a crossover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrossoverKind {
    /// Linkwitz–Riley, 24 dB per octave.
    Lr4,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiltersTable {
    pub taps: Option<Spanned<i64>>,
    pub form: Option<Form>,
}

/// The form of the coefficient set.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A filter for every input and driver.
    #[default]
    Full,
    /// A common equalizer an input, a pure delay to its own driver, relative filters to the others.
    Rtf,
}

impl Form {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Form::Full => "full",
            Form::Rtf => "rtf",
        }
    }
}
