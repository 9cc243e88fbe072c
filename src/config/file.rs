//! `spatiald.toml` as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_spanned::Spanned;

/// A value with its place in the file.
type At<T> = Option<Spanned<T>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub format: Spanned<i64>,
    pub profile: At<String>,
    pub device: At<String>,
    pub device_format: Option<DeviceFormat>,
    pub period_frames: At<usize>,
    pub periods: At<usize>,
    pub node_name: At<String>,
    pub description: At<String>,
    pub suspend_seconds: At<u32>,
    pub amp_wake_ms: At<u32>,
    #[serde(default)]
    pub mixer: Vec<Spanned<Mixer>>,
    #[serde(default, rename = "match")]
    pub matches: Vec<Spanned<Match>>,
    #[serde(default)]
    pub controls: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    #[serde(default)]
    pub seat: Vec<Spanned<SeatTable>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DeviceFormat {
    Auto,
    S16,
    #[serde(rename = "s24-3le")]
    S24Packed,
    S24,
    S32,
    Float,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mixer {
    pub card: At<String>,
    pub control: Spanned<String>,
    pub value_db: At<f64>,
    pub switch: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeatTable {
    pub name: Spanned<String>,
    pub azimuth_deg: Spanned<f64>,
    pub distance_m: At<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    pub card: Option<String>,
    pub hat_product: Option<String>,
    pub device_tree_model: Option<String>,
    pub dmi_product: Option<String>,
    pub dmi_vendor: Option<String>,
    pub profile: Spanned<String>,
}
