//! `profile.toml` as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_spanned::Spanned;

/// A value with its place in the file.
type At<T> = Option<Spanned<T>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(rename = "format")]
    pub _format: i64,
    pub name: Spanned<String>,
    #[serde(default)]
    pub description: String,
    pub sample_rate_hz: Spanned<u32>,
    pub block_frames: At<usize>,
    pub form: At<Form>,
    pub makeup_gain_db: At<f64>,
    #[serde(default)]
    pub upmix: Upmix,
    #[serde(default)]
    pub paths: Paths,
    #[serde(default)]
    pub limiter: Limiter,
    pub driver: Spanned<Vec<Driver>>,
    pub rtf: At<Rtf>,
    pub bypass: Option<Bypass>,
    #[serde(default)]
    pub files: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub predicted: toml::Table,
    #[serde(default)]
    pub provenance: Provenance,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    Full,
    Rtf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upmix {
    pub mode: Option<UpmixMode>,
    pub center_width: At<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UpmixMode {
    Separation,
    SeparationShort,
    LowLatency,
    Off,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paths {
    pub left_delay_frames: At<usize>,
    pub right_delay_frames: At<usize>,
    pub center_delay_frames: At<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limiter {
    pub ceiling_dbfs: At<f64>,
    pub lookahead_ms: At<f64>,
    pub release_ms: At<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Driver {
    pub name: Spanned<String>,
    pub channel: Spanned<usize>,
    pub gain_db: At<f64>,
    pub delay_frames: At<usize>,
    pub array: At<String>,
    #[serde(default)]
    pub eq: Vec<Spanned<Eq>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Eq {
    pub kind: EqKind,
    pub frequency_hz: Spanned<f64>,
    pub q: At<f64>,
    pub gain_db: At<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EqKind {
    Peaking,
    LowShelf,
    HighShelf,
    LowPass,
    HighPass,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rtf {
    pub left: Own,
    pub right: Own,
    pub center: Own,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    pub own: Spanned<String>,
    pub delay_frames: At<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bypass {
    pub sides_db: Spanned<Vec<f64>>,
    pub center_db: Spanned<Vec<f64>>,
    pub gains: Spanned<Vec<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provenance {
    #[serde(default)]
    pub device: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub digest: String,
    #[serde(default)]
    pub note: String,
    /// For the designer that would replace the file: it reads the text.
    #[serde(default, rename = "profile_digest")]
    pub _profile_digest: String,
}
