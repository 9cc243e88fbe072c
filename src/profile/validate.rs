//! `File` → the parts of a [`Profile`](super::Profile): every value within its range, every name unique, every
//! complaint with its place.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_spanned::Spanned;

use super::file::{self, File};
use super::files::Files;
use super::{BYPASS_LEVELS, BYPASS_OCTAVE_LEVELS, Bypass, Driver, Form, Own, Provenance};
use crate::dsp::limits::{BLOCK_FRAMES, MAX_DRIVERS, MAX_GAIN_DB, SAMPLE_RATES_HZ};
use crate::dsp::{BiquadKind, BiquadSpec, LimiterSpec, UpmixMode, UpmixSpec};
use crate::source::{Complaint, Source};

/// Longest delay of a path or a driver, in frames: more aligns nothing.
pub(super) const MAX_DELAY_FRAMES: usize = 16_384;
/// Highest ALSA channel a driver may use.
const MAX_CHANNEL: usize = 31;
/// Most EQ sections per driver: beyond it they belong into the FIRs.
const MAX_EQ_SECTIONS: usize = 32;

/// What `profile.toml` says, validated; the coefficients are still to come.
pub(super) struct Settings {
    pub name: String,
    pub description: String,
    pub sample_rate_hz: u32,
    pub block_frames: usize,
    pub form: Form,
    pub makeup_gain_db: f32,
    pub upmix: UpmixSpec,
    pub path_delay_frames: [usize; 3],
    pub limiter: LimiterSpec,
    pub drivers: Vec<Driver>,
    pub bypass: Option<Bypass>,
    pub files: Files,
    pub predicted: toml::Table,
    pub provenance: Provenance,
}

/// Validates `file`, which was parsed from `source`.
pub(super) fn validate(source: &Source, file: File) -> Result<Settings, Complaint> {
    let check = Check { source };
    let name = check.name("the profile's name", &file.name)?;
    let sample_rate_hz = *file.sample_rate_hz.get_ref();
    if !SAMPLE_RATES_HZ.contains(&sample_rate_hz) {
        return Err(check.at(&file.sample_rate_hz, format!("`sample_rate_hz` is {sample_rate_hz}; use 8000 to 192000")));
    }
    let block_frames = check.block_frames(file.block_frames.as_ref())?;
    let drivers = check.drivers(&file.driver, sample_rate_hz)?;
    let form = check.form(&file, &drivers)?;
    let upmix = UpmixSpec::default();
    let mode = file.upmix.mode.map_or(upmix.mode, upmix_mode);
    let limiter = LimiterSpec::behind(mode);
    Ok(Settings {
        name,
        description: file.description,
        sample_rate_hz,
        block_frames,
        form,
        makeup_gain_db: check.gain("makeup_gain_db", file.makeup_gain_db.as_ref())?,
        upmix: UpmixSpec {
            mode,
            center_width: check.number(
                "center_width",
                file.upmix.center_width.as_ref(),
                upmix.center_width,
                0.0..=1.0,
            )?,
        },
        path_delay_frames: [
            check.delay("left_delay_frames", file.paths.left_delay_frames.as_ref())?,
            check.delay("right_delay_frames", file.paths.right_delay_frames.as_ref())?,
            check.delay("center_delay_frames", file.paths.center_delay_frames.as_ref())?,
        ],
        limiter: LimiterSpec {
            ceiling_dbfs: check.number(
                "ceiling_dbfs",
                file.limiter.ceiling_dbfs.as_ref(),
                limiter.ceiling_dbfs,
                -60.0..=0.0,
            )?,
            lookahead_ms: check.number(
                "lookahead_ms",
                file.limiter.lookahead_ms.as_ref(),
                limiter.lookahead_ms,
                0.1..=20.0,
            )?,
            release_ms: check.number(
                "release_ms",
                file.limiter.release_ms.as_ref(),
                limiter.release_ms,
                1.0..=5000.0,
            )?,
        },
        bypass: file.bypass.as_ref().map(|written| check.bypass(written, drivers.len())).transpose()?,
        drivers,
        files: check.files(&file.files)?,
        predicted: file.predicted,
        provenance: Provenance {
            device: file.provenance.device,
            version: file.provenance.version,
            digest: file.provenance.digest,
            note: file.provenance.note,
        },
    })
}

fn upmix_mode(mode: file::UpmixMode) -> UpmixMode {
    match mode {
        file::UpmixMode::Separation => UpmixMode::Separation,
        file::UpmixMode::SeparationShort => UpmixMode::SeparationShort,
        file::UpmixMode::LowLatency => UpmixMode::LowLatency,
        file::UpmixMode::Off => UpmixMode::Off,
    }
}

fn biquad_kind(kind: file::EqKind) -> BiquadKind {
    match kind {
        file::EqKind::Peaking => BiquadKind::Peaking,
        file::EqKind::LowShelf => BiquadKind::LowShelf,
        file::EqKind::HighShelf => BiquadKind::HighShelf,
        file::EqKind::LowPass => BiquadKind::LowPass,
        file::EqKind::HighPass => BiquadKind::HighPass,
    }
}

/// Why `name` is no name, if it is none: names become folders and node properties.
pub(super) fn bad_name(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Some("is empty")
    } else if name.chars().count() > 64 {
        Some("is longer than 64 characters")
    } else if name.starts_with('.') || !name.chars().all(allowed) {
        Some("is not made of a to z, A to Z, digits, `.`, `_` and `-`")
    } else {
        None
    }
}

struct Check<'a> {
    source: &'a Source,
}

impl Check<'_> {
    fn at<T>(&self, value: &Spanned<T>, message: String) -> Complaint {
        self.source.at(&value.span(), message)
    }

    fn name(&self, what: &str, name: &Spanned<String>) -> Result<String, Complaint> {
        match bad_name(name.get_ref()) {
            None => Ok(name.get_ref().clone()),
            Some(fault) => Err(self.at(
                name,
                format!(
                    "{what} \"{}\" {fault}; use up to 64 of these, like \"front-left\"",
                    name.get_ref().escape_debug()
                ),
            )),
        }
    }

    fn number(
        &self,
        key: &str,
        value: Option<&Spanned<f64>>,
        default: f32,
        allowed: RangeInclusive<f32>,
    ) -> Result<f32, Complaint> {
        let Some(value) = value else {
            return Ok(default);
        };
        let number = *value.get_ref() as f32;
        if allowed.contains(&number) {
            return Ok(number);
        }
        Err(self.at(value, format!("`{key}` is {}; use {} to {}", value.get_ref(), allowed.start(), allowed.end())))
    }

    fn gain(&self, key: &str, value: Option<&Spanned<f64>>) -> Result<f32, Complaint> {
        self.number(key, value, 0.0, -MAX_GAIN_DB..=MAX_GAIN_DB)
    }

    fn delay(&self, key: &str, value: Option<&Spanned<usize>>) -> Result<usize, Complaint> {
        match value {
            None => Ok(0),
            Some(value) if *value.get_ref() <= MAX_DELAY_FRAMES => Ok(*value.get_ref()),
            Some(value) => {
                Err(self.at(value, format!("`{key}` is {}; use at most {MAX_DELAY_FRAMES}", value.get_ref())))
            }
        }
    }

    fn block_frames(&self, value: Option<&Spanned<usize>>) -> Result<usize, Complaint> {
        let Some(value) = value else {
            return Ok(256);
        };
        let frames = *value.get_ref();
        if frames.is_power_of_two() && BLOCK_FRAMES.contains(&frames) {
            return Ok(frames);
        }
        Err(self.at(
            value,
            format!(
                "`block_frames` is {frames}; use a power of two from {} to {}, like 256",
                BLOCK_FRAMES.start(),
                BLOCK_FRAMES.end()
            ),
        ))
    }

    fn drivers(&self, written: &Spanned<Vec<file::Driver>>, sample_rate_hz: u32) -> Result<Vec<Driver>, Complaint> {
        let count = written.get_ref().len();
        if !(1..=MAX_DRIVERS).contains(&count) {
            return Err(self.at(written, format!("there are {count} drivers; describe 1 to {MAX_DRIVERS}")));
        }
        let mut drivers: Vec<Driver> = Vec::with_capacity(count);
        for driver in written.get_ref() {
            let name = self.name("the driver's name", &driver.name)?;
            if drivers.iter().any(|other| other.name == name) {
                return Err(self.at(&driver.name, format!("two drivers are named \"{name}\"; give each its own name")));
            }
            let channel = *driver.channel.get_ref();
            if channel > MAX_CHANNEL {
                return Err(
                    self.at(&driver.channel, format!("`channel` is {channel}; channels count from 0 to {MAX_CHANNEL}"))
                );
            }
            if let Some(other) = drivers.iter().find(|other| other.channel == channel) {
                return Err(self.at(
                    &driver.channel,
                    format!(
                        "channel {channel} already feeds driver \"{}\"; give each driver its own channel",
                        other.name
                    ),
                ));
            }
            drivers.push(Driver {
                channel,
                gain_db: self.gain("gain_db", driver.gain_db.as_ref())?,
                delay_frames: self.delay("delay_frames", driver.delay_frames.as_ref())?,
                array: match &driver.array {
                    Some(array) => self.name("the array's name", array)?,
                    None => "main".into(),
                },
                eq: self.equalizer(&driver.eq, sample_rate_hz)?,
                name,
            });
        }
        Ok(drivers)
    }

    fn equalizer(&self, written: &[Spanned<file::Eq>], sample_rate_hz: u32) -> Result<Vec<BiquadSpec>, Complaint> {
        if let Some(beyond) = written.get(MAX_EQ_SECTIONS) {
            return Err(self.at(
                beyond,
                format!(
                    "this driver has {} EQ sections; use at most {MAX_EQ_SECTIONS}, or fold them into the FIRs",
                    written.len()
                ),
            ));
        }
        let section = |written: &Spanned<file::Eq>| {
            let eq = written.get_ref();
            let kind = biquad_kind(eq.kind);
            let passes = matches!(kind, BiquadKind::LowPass | BiquadKind::HighPass);
            if let (true, Some(gain)) = (passes, &eq.gain_db) {
                return Err(self.at(gain, "a low-pass or high-pass has no `gain_db`; remove the key".into()));
            }
            if let (false, None) = (passes, &eq.gain_db) {
                return Err(
                    self.at(written, "this EQ section has no `gain_db`; say by how many dB it raises or lowers".into())
                );
            }
            // 45 % of the rate: a section keeps its shape, and its pole stays inside the circle.
            let highest_hz = (f64::from(sample_rate_hz) * 0.45).floor() as f32;
            Ok(BiquadSpec {
                kind,
                frequency_hz: self.number("frequency_hz", Some(&eq.frequency_hz), 1000.0, 1.0..=highest_hz)?,
                q: self.number("q", eq.q.as_ref(), std::f32::consts::FRAC_1_SQRT_2, 0.05..=50.0)?,
                gain_db: self.number("gain_db", eq.gain_db.as_ref(), 0.0, -40.0..=40.0)?,
            })
        };
        written.iter().map(section).collect()
    }

    fn form(&self, file: &File, drivers: &[Driver]) -> Result<Form, Complaint> {
        let form = file.form.as_ref().map_or(file::Form::Full, |form| *form.get_ref());
        match (form, &file.rtf, &file.form) {
            (file::Form::Full, None, _) => Ok(Form::Full),
            (file::Form::Full, Some(rtf), _) => {
                Err(self.at(rtf, "`[rtf]` belongs to `form = \"rtf\"`; write that, or remove this table".into()))
            }
            (file::Form::Rtf, Some(rtf), _) => {
                let rtf = rtf.get_ref();
                Ok(Form::Rtf([
                    self.own(&rtf.left, drivers)?,
                    self.own(&rtf.right, drivers)?,
                    self.own(&rtf.center, drivers)?,
                ]))
            }
            (file::Form::Rtf, None, written) => {
                let message = "`form = \"rtf\"` needs a table `[rtf]` that names each input's own driver; add it, or write `form = \"full\"`";
                Err(written.as_ref().map_or_else(
                    || Complaint::whole(self.source.path(), message),
                    |form| self.at(form, message.into()),
                ))
            }
        }
    }

    fn bypass(&self, written: &file::Bypass, drivers: usize) -> Result<Bypass, Complaint> {
        let gains = written.gains.get_ref();
        if gains.len() != drivers {
            let message = format!("`gains` has {} values; give one for each of the {drivers} drivers", gains.len());
            return Err(self.at(&written.gains, message));
        }
        if let Some(gain) = gains.iter().find(|gain| !(-1000.0..=1000.0).contains(*gain)) {
            return Err(self.at(&written.gains, format!("a gain of {gain} is no factor; use -1000 to 1000, like 1.0")));
        }
        Ok(Bypass {
            sides_db: self.bypass_levels("sides_db", &written.sides_db)?,
            center_db: self.bypass_levels("center_db", &written.center_db)?,
            gains: gains.iter().map(|gain| *gain as f32).collect(),
        })
    }

    fn bypass_levels(&self, key: &str, written: &Spanned<Vec<f64>>) -> Result<Vec<f32>, Complaint> {
        let levels: Vec<f32> = written.get_ref().iter().map(|level| *level as f32).collect();
        if let Some(level) = levels.iter().find(|level| !(-MAX_GAIN_DB..=MAX_GAIN_DB).contains(*level)) {
            let message = format!("`{key}` has a level of {level}; use -{MAX_GAIN_DB} to {MAX_GAIN_DB}");
            return Err(self.at(written, message));
        }
        if ![BYPASS_LEVELS, BYPASS_OCTAVE_LEVELS].contains(&levels.len()) {
            let message = format!(
                "`{key}` has {} levels; give {BYPASS_LEVELS}, one each sixth of an octave from 62.5 Hz to 8 kHz, or {BYPASS_OCTAVE_LEVELS}, one each octave",
                levels.len()
            );
            return Err(self.at(written, message));
        }
        Ok(levels)
    }

    fn files(&self, written: &BTreeMap<Spanned<String>, Spanned<String>>) -> Result<Files, Complaint> {
        let mut files = Files::default();
        for (name, digest) in written {
            if bad_name(name.get_ref()).is_some() || name.get_ref() == "profile.toml" {
                let message = "`[files]` lists the other files of this folder, like \"coefficients.wav\"".into();
                return Err(self.at(name, message));
            }
            if !files.insert(name.get_ref(), digest.get_ref()) {
                let message = "this is no SHA-256 in 64 hexadecimal digits; `spatiald --check` says what belongs here";
                return Err(self.at(digest, message.into()));
            }
        }
        Ok(files)
    }

    fn own(&self, written: &file::Own, drivers: &[Driver]) -> Result<Own, Complaint> {
        let name = written.own.get_ref();
        let Some(driver) = drivers.iter().position(|driver| &driver.name == name) else {
            let names: Vec<&str> = drivers.iter().map(|driver| driver.name.as_str()).collect();
            return Err(self.at(
                &written.own,
                format!("no driver is named \"{}\"; the drivers are {}", name.escape_debug(), names.join(", ")),
            ));
        };
        Ok(Own { driver, delay_frames: self.delay("delay_frames", written.delay_frames.as_ref())? })
    }
}
