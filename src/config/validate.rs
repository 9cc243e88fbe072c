//! `File` → [`Config`]: every value within its range, every complaint with its place.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use serde_spanned::Spanned;

use super::file::{self, File};
use super::settings::{bad_seat_name, unknown_seat};
use super::{
    Change, Config, ControlName, MatchRule, MixerControl, MixerValue, NamedSeat, SampleFormat, Seat, SeatChoice,
    Settings,
};
use crate::source::{Complaint, Source};

/// Validates `file`, which was parsed from `source`.
pub(super) fn validate(source: &Source, file: File) -> Result<Config, Complaint> {
    let check = Check { source };
    let default = Config::default();
    let seats = check.seats(&file.seat)?;
    Ok(Config {
        path: Some(source.path().to_owned()),
        profile: file.profile.as_ref().map(|profile| check.profile(profile)).transpose()?,
        device: check.text("device", "an ALSA PCM, like \"hw:0\"", file.device.as_ref())?.unwrap_or(default.device),
        device_format: file.device_format.and_then(device_format),
        period_frames: check
            .whole("period_frames", file.period_frames.as_ref(), 16..=8192)?
            .unwrap_or(default.period_frames),
        periods: check.whole("periods", file.periods.as_ref(), 2..=32)?.unwrap_or(default.periods),
        node_name: check.node_name(file.node_name.as_ref())?,
        description: check
            .text("description", "a few words, like \"Spatial Speaker\"", file.description.as_ref())?
            .unwrap_or(default.description),
        suspend_seconds: check
            .whole("suspend_seconds", file.suspend_seconds.as_ref(), 0..=86_400)?
            .unwrap_or(default.suspend_seconds),
        amp_wake_ms: check.whole("amp_wake_ms", file.amp_wake_ms.as_ref(), 0..=10_000)?.unwrap_or(default.amp_wake_ms),
        mixer: file.mixer.iter().map(|mixer| check.mixer(mixer)).collect::<Result<_, _>>()?,
        matches: file.matches.iter().map(|rule| check.rule(rule)).collect::<Result<_, _>>()?,
        settings: check.settings(&file.controls, &seats)?,
        seats,
    })
}

fn device_format(written: file::DeviceFormat) -> Option<SampleFormat> {
    match written {
        file::DeviceFormat::Auto => None,
        file::DeviceFormat::S16 => Some(SampleFormat::S16),
        file::DeviceFormat::S24Packed => Some(SampleFormat::S24Packed),
        file::DeviceFormat::S24 => Some(SampleFormat::S24),
        file::DeviceFormat::S32 => Some(SampleFormat::S32),
        file::DeviceFormat::Float => Some(SampleFormat::Float),
    }
}

struct Check<'a> {
    source: &'a Source,
}

impl Check<'_> {
    fn at<T>(&self, value: &Spanned<T>, message: String) -> Complaint {
        self.source.at(&value.span(), message)
    }

    /// A whole number within `allowed`.
    fn whole<T>(
        &self,
        key: &str,
        value: Option<&Spanned<T>>,
        allowed: RangeInclusive<T>,
    ) -> Result<Option<T>, Complaint>
    where
        T: PartialOrd + Copy + std::fmt::Display,
    {
        match value {
            Some(value) if !allowed.contains(value.get_ref()) => {
                Err(self
                    .at(value, format!("`{key}` is {}; use {} to {}", value.get_ref(), allowed.start(), allowed.end())))
            }
            value => Ok(value.map(|value| *value.get_ref())),
        }
    }

    /// One line of text that is not empty.
    fn text(&self, key: &str, wanted: &str, value: Option<&Spanned<String>>) -> Result<Option<String>, Complaint> {
        let Some(value) = value else {
            return Ok(None);
        };
        let text = value.get_ref();
        let fault = if text.trim().is_empty() {
            "is empty"
        } else if text.contains(char::is_control) {
            "holds control characters"
        } else if text.chars().count() > 256 {
            "is longer than 256 characters"
        } else {
            return Ok(Some(text.clone()));
        };
        Err(self.at(value, format!("`{key}` {fault}; give {wanted}")))
    }

    fn node_name(&self, value: Option<&Spanned<String>>) -> Result<Option<String>, Complaint> {
        let name = self.text("node_name", "a name, like \"spatiald.living-room\"", value)?;
        match (value, &name) {
            (Some(value), Some(name)) if name.contains(char::is_whitespace) => Err(self.at(
                value,
                format!(
                    "`node_name` is \"{name}\", with a space; join the words by `-` or `.` (`description` is what people read)"
                ),
            )),
            _ => Ok(name),
        }
    }

    /// A profile's name, or a path: relative to the file's own folder.
    fn profile(&self, value: &Spanned<String>) -> Result<String, Complaint> {
        let wanted = "a profile's name, or the path of its folder";
        let text = self.text("profile", wanted, Some(value))?;
        let text = text.unwrap_or_default();
        if !text.contains('/') || Path::new(&text).is_absolute() {
            return Ok(text);
        }
        let beside = match self.source.path().parent() {
            Some(folder) if folder != Path::new("") => folder.join(&text),
            _ => Path::new(".").join(&text),
        };
        Ok(beside.to_string_lossy().into_owned())
    }

    fn mixer(&self, written: &Spanned<file::Mixer>) -> Result<MixerControl, Complaint> {
        let mixer = written.get_ref();
        let value = match (&mixer.value_db, mixer.switch) {
            (Some(db), None) if (-200.0..=100.0).contains(db.get_ref()) => MixerValue::Db(*db.get_ref() as f32),
            (Some(db), None) => {
                return Err(self.at(db, format!("`value_db` is {}; use -200 to 100", db.get_ref())));
            }
            (None, Some(on)) => MixerValue::Switch(on),
            (Some(_), Some(_)) => {
                return Err(
                    self.at(written, "this [[mixer]] has both `value_db` and `switch`; use a table for each".into())
                );
            }
            (None, None) => {
                return Err(self.at(written, "this [[mixer]] sets nothing; give it `value_db` or `switch`".into()));
            }
        };
        let wanted = "the name of a control, as `amixer scontrols` shows it";
        let control = self.text("control", wanted, Some(&mixer.control))?.unwrap_or_default();
        Ok(MixerControl {
            card: self.text("card", "a mixer, like \"hw:0\"", mixer.card.as_ref())?,
            control: ControlName::parse(&control),
            value,
        })
    }

    fn rule(&self, written: &Spanned<file::Match>) -> Result<MatchRule, Complaint> {
        let rule = written.get_ref();
        let keys = [&rule.card, &rule.hat_product, &rule.device_tree_model, &rule.dmi_product, &rule.dmi_vendor];
        if keys.iter().all(|key| key.is_none()) {
            return Err(self.at(
                written,
                "this [[match]] fits no machine; give it `card`, `hat_product`, `device_tree_model`, `dmi_product` or `dmi_vendor`".into(),
            ));
        }
        Ok(MatchRule {
            card: rule.card.clone(),
            hat_product: rule.hat_product.clone(),
            device_tree_model: rule.device_tree_model.clone(),
            dmi_product: rule.dmi_product.clone(),
            dmi_vendor: rule.dmi_vendor.clone(),
            profile: self.profile(&rule.profile)?,
        })
    }

    /// `[controls]`: as `--set` takes them.
    fn settings(
        &self,
        written: &BTreeMap<Spanned<String>, Spanned<toml::Value>>,
        seats: &[NamedSeat],
    ) -> Result<Settings, Complaint> {
        let mut settings = Settings::default();
        for (key, value) in written {
            let text = match value.get_ref() {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let change: Change = match format!("{}={text}", key.get_ref()).parse() {
                Ok(change) => change,
                Err(error) => return Err(self.at(value, error.to_string())),
            };
            if let Change::Seat(Some(SeatChoice::Named(name))) = &change
                && !seats.iter().any(|seat| seat.name == *name)
            {
                return Err(self.at(value, unknown_seat(name, seats).to_string()));
            }
            settings.change(&change);
        }
        Ok(settings)
    }

    fn seats(&self, written: &[Spanned<file::SeatTable>]) -> Result<Vec<NamedSeat>, Complaint> {
        let mut seats: Vec<NamedSeat> = Vec::with_capacity(written.len());
        for table in written.iter().map(Spanned::get_ref) {
            let name = table.name.get_ref();
            if let Some(fault) = bad_seat_name(name) {
                let message = format!("a seat's name {fault}; use one like \"sofa\"");
                return Err(self.at(&table.name, message));
            }
            if seats.iter().any(|seat| seat.name == *name) {
                return Err(self.at(&table.name, format!("two seats are named \"{name}\"; rename one")));
            }
            let seat = Seat::new(*table.azimuth_deg.get_ref(), table.distance_m.as_ref().map(|d| *d.get_ref()));
            let seat = seat.map_err(|error| {
                // An angle that would do with any distance leaves the distance.
                let distance =
                    table.distance_m.as_ref().filter(|_| Seat::new(*table.azimuth_deg.get_ref(), None).is_ok());
                self.at(distance.unwrap_or(&table.azimuth_deg), error.to_string())
            })?;
            seats.push(NamedSeat { name: name.clone(), seat });
        }
        Ok(seats)
    }
}
