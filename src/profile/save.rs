//! A [`Profile`] → a folder, for the designer: what [`Profile::load`] reads back unchanged.

use std::fmt::Write as _;
use std::path::Path;

use super::files::{self, COEFFICIENTS, DESCRIPTION, Files, PROFILE, sha256};
use super::{Form, Profile, coefficients, folder};
use crate::dsp::{BiquadKind, LimiterSpec};
use crate::source::Complaint;

impl Profile {
    /// Writes `profile.toml`, `coefficients.wav` and, as `device.toml`, the `description` it was designed from into
    /// `folder`, which is made if it is missing. A reader finds the old profile or the new one; at worst, where the
    /// system cannot exchange folders, one that is refused because its files do not belong together.
    ///
    /// # Errors
    /// A file cannot be written; or what somebody wrote there would be lost: an edited `profile.toml`, or another
    /// description, which no profile was made from.
    pub fn save(&self, folder: &Path, description: Option<&str>) -> Result<(), Complaint> {
        let coefficients = coefficients::to_bytes(&self.coefficients, self.sample_rate_hz)
            .map_err(|error| Complaint::io(&folder.join(COEFFICIENTS), "write the coefficients", &error))?;
        files::spare_edited_profile(folder)?;
        let mut files = vec![(COEFFICIENTS, coefficients)];
        if let Some(description) = description {
            files::spare_own_description(folder, description)?;
            files.push((DESCRIPTION, description.as_bytes().to_vec()));
        }
        let tied = Profile { files: Files::of(&files), ..self.clone() };
        let digest = sha256(tied.to_toml().as_bytes());
        files.push((PROFILE, tied.text(&files::digest_line(&digest)).into_bytes()));
        folder::write(folder, &files)
    }

    /// The text of `profile.toml`, without its own digest.
    pub fn to_toml(&self) -> String {
        self.text("")
    }

    /// The text of `profile.toml`, with the line that holds its digest.
    fn text(&self, digest_line: &str) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let mut line = |line: std::fmt::Arguments| {
            text.write_fmt(line).ok();
            text.push('\n');
        };
        line(format_args!("format = 1"));
        line(format_args!("name = {}", quoted(&self.name)));
        line(format_args!("description = {}", quoted(&self.description)));
        line(format_args!("sample_rate_hz = {}", self.sample_rate_hz));
        line(format_args!("block_frames = {}", self.block_frames));
        let form = match self.form {
            Form::Full => "full",
            Form::Rtf(_) => "rtf",
        };
        line(format_args!("form = \"{form}\""));
        line(format_args!("makeup_gain_db = {:?}", self.makeup_gain_db));
        line(format_args!("\n[upmix]"));
        line(format_args!("mode = \"{}\"", self.upmix.mode.name()));
        line(format_args!("center_width = {:?}", self.upmix.center_width));
        line(format_args!("\n[paths]"));
        for (input, frames) in INPUTS.iter().zip(self.path_delay_frames) {
            line(format_args!("{input}_delay_frames = {frames}"));
        }
        line(format_args!("\n[limiter]"));
        line(format_args!("ceiling_dbfs = {:?}", self.limiter.ceiling_dbfs));
        // What is not said follows the upmix's mode, also when someone changes that.
        if self.limiter.lookahead_ms != LimiterSpec::behind(self.upmix.mode).lookahead_ms {
            line(format_args!("lookahead_ms = {:?}", self.limiter.lookahead_ms));
        }
        line(format_args!("release_ms = {:?}", self.limiter.release_ms));
        for driver in &self.drivers {
            line(format_args!("\n[[driver]]"));
            line(format_args!("name = {}", quoted(&driver.name)));
            line(format_args!("channel = {}", driver.channel));
            line(format_args!("gain_db = {:?}", driver.gain_db));
            line(format_args!("delay_frames = {}", driver.delay_frames));
            line(format_args!("array = {}", quoted(&driver.array)));
            for eq in &driver.eq {
                let (kind, has_gain) = match eq.kind {
                    BiquadKind::Peaking => ("peaking", true),
                    BiquadKind::LowShelf => ("low-shelf", true),
                    BiquadKind::HighShelf => ("high-shelf", true),
                    BiquadKind::LowPass => ("low-pass", false),
                    BiquadKind::HighPass => ("high-pass", false),
                };
                line(format_args!("[[driver.eq]]"));
                line(format_args!("kind = \"{kind}\""));
                line(format_args!("frequency_hz = {:?}", eq.frequency_hz));
                line(format_args!("q = {:?}", eq.q));
                if has_gain {
                    line(format_args!("gain_db = {:?}", eq.gain_db));
                }
            }
        }
        if let Form::Rtf(own) = &self.form {
            line(format_args!("\n[rtf]"));
            for (input, own) in INPUTS.iter().zip(own) {
                let name = self.drivers.get(own.driver).map_or("", |driver| driver.name.as_str());
                line(format_args!("{input} = {{ own = {}, delay_frames = {} }}", quoted(name), own.delay_frames));
            }
        }
        if let Some(bypass) = &self.bypass {
            line(format_args!("\n[bypass]"));
            line(format_args!("sides_db = {:?}", bypass.sides_db));
            line(format_args!("center_db = {:?}", bypass.center_db));
            line(format_args!("gains = {:?}", bypass.gains));
        }
        if !self.files.is_empty() {
            line(format_args!("\n[files]\n{}", self.files));
        }
        line(format_args!("\n[provenance]"));
        line(format_args!("device = {}", quoted(&self.provenance.device)));
        line(format_args!("version = {}", quoted(&self.provenance.version)));
        line(format_args!("digest = {}", quoted(&self.provenance.digest)));
        line(format_args!("{digest_line}note = {}", quoted(&self.provenance.note)));
        if !self.predicted.is_empty() {
            let predicted =
                toml::Table::from_iter([("predicted".to_owned(), toml::Value::Table(self.predicted.clone()))]);
            line(format_args!("\n{predicted}"));
        }
        text
    }
}

const INPUTS: [&str; 3] = ["left", "right", "center"];

/// `text` as a TOML string.
fn quoted(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}
