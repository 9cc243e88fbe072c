//! `spatiald --check [FILE]`: what is wrong with configuration and profiles.

use std::path::{Path, PathBuf};

use super::Failure;
use super::report::print;
use super::show::counted;
use crate::config::{Config, Places};
use crate::design::{Device, is_description};
#[cfg(feature = "daemon")]
use crate::output::{MixerError, check_mixer};
use crate::profile::{Profile, find, installed, is_path};
use crate::source::{Source, is_there, printable};

/// Validates `file` (a `spatiald.toml`, a device description, a profile's folder or its `profile.toml`; where there is no
/// such file, the installed profile of that name), or the
/// configuration in force and all profiles that it names or that are installed. Mixer controls are looked for on their
/// cards, where those are there.
/// Prints a line for each: `ok`, or what is wrong and what would be right.
///
/// # Errors
/// Something is wrong: how many files are.
pub fn run(file: Option<&Path>, config: Option<&Path>) -> Result<(), Failure> {
    let mut report = Report::default();
    let places = Places::from_environment();
    match file {
        Some(path) if is_profile(path) => {
            report.profile(&find(&with_slash(path), &places)?);
        }
        Some(path) if path.extension().is_some_and(|is| is == "wav") => {
            report.fault(format_args!("{}: filters are checked with their profile; give its folder", path.display()));
        }
        Some(path) if !is_there(path)? && !is_path(&path.to_string_lossy()) => {
            match find(&path.to_string_lossy(), &places) {
                Ok(folder) => report.profile(&folder),
                Err(error) => report.fault(format_args!("there is no file {} here; and {error}", path.display())),
            }
        }
        Some(path) => match Source::read(path) {
            Ok(source) if is_description(source.text()) => report.device(&source),
            _ => report.config(Some(path), &places),
        },
        None => {
            report.config(config, &places);
            for (_, folder) in installed(&places) {
                report.profile(&folder);
            }
        }
    }
    print(&report.text)?;
    match report.faults {
        0 => Ok(()),
        1 => Err("1 file is not as it must be".into()),
        faults => Err(format!("{faults} files are not as they must be").into()),
    }
}

/// A folder, or a file of that name, is a profile; anything else is told apart by what stands in it.
fn is_profile(path: &Path) -> bool {
    path.is_dir() || path.file_name().is_some_and(|name| name == "profile.toml")
}

/// A path that is not taken for a name.
fn with_slash(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains('/') { text.into_owned() } else { format!("./{text}") }
}

#[derive(Default)]
struct Report {
    /// A line for each file.
    text: String,
    faults: usize,
    /// Folders that were looked at.
    done: Vec<PathBuf>,
}

impl Report {
    fn line(&mut self, line: impl std::fmt::Display) {
        self.text.push_str(&format!("{}\n", printable(line)));
    }

    fn fault(&mut self, message: impl std::fmt::Display) {
        self.line(message);
        self.faults += 1;
    }

    /// The configuration in force and the profiles that it names.
    fn config(&mut self, named: Option<&Path>, places: &Places) {
        let config = match Config::find(named, places) {
            Ok(config) => config,
            Err(complaint) => return self.fault(complaint),
        };
        let place = match &config.path {
            Some(path) => path.display().to_string(),
            None => "no spatiald.toml (defaults)".into(),
        };
        if self.mixer(&place, &config) {
            self.line(format_args!("{place}: ok"));
        }
        let rules = config.matches.iter().map(|rule| rule.profile.as_str());
        for profile in config.profile.as_deref().into_iter().chain(rules) {
            match find(profile, places) {
                Ok(folder) => self.profile(&folder),
                Err(error) => self.fault(format!("{place}: {error}")),
            }
        }
    }

    fn device(&mut self, source: &Source) {
        match Device::from_source(source) {
            Ok(device) => self.line(format_args!(
                "{}: ok (device {}: {} on {}, {} taps at {} Hz, form {})",
                source.path().display(),
                device.name,
                counted(device.drivers.len(), "driver"),
                counted(device.channels_needed(), "channel"),
                device.taps,
                device.sample_rate_hz,
                device.form.word(),
            )),
            Err(complaint) => self.fault(complaint),
        }
    }

    /// Without ALSA, there is no card to look at.
    #[cfg(not(feature = "daemon"))]
    fn mixer(&mut self, _place: &str, _config: &Config) -> bool {
        true
    }

    /// Whether the mixer controls of `config`, as far as their cards are there, can be set.
    #[cfg(feature = "daemon")]
    fn mixer(&mut self, place: &str, config: &Config) -> bool {
        let (absent, refused): (Vec<_>, Vec<_>) = check_mixer(&config.device, &config.mixer)
            .into_iter()
            .partition(|error| matches!(error, MixerError::Absent { .. }));
        for error in absent {
            self.line(format_args!("{place}: not checked: {error}"));
        }
        for error in &refused {
            self.line(format_args!("{place}: {error}"));
        }
        self.faults += usize::from(!refused.is_empty());
        refused.is_empty()
    }

    fn profile(&mut self, folder: &Path) {
        if self.done.iter().any(|done| done == folder) {
            return;
        }
        self.done.push(folder.to_owned());
        let checked = Profile::load(folder).and_then(|profile| profile.check_other_rates().map(|()| profile));
        match checked {
            Ok(profile) => {
                self.line(format_args!(
                    "{}: ok ({}: {} on {}, {} taps at {} Hz)",
                    folder.display(),
                    profile.name,
                    counted(profile.drivers.len(), "driver"),
                    counted(profile.channels_needed(), "channel"),
                    profile.coefficients.taps(),
                    profile.sample_rate_hz,
                ));
                if let Some(files) = profile.untied() {
                    self.line(format_args!(
                        "{}: note: nothing tells a mixture of two designs; add to profile.toml, above [provenance]:",
                        folder.display()
                    ));
                    self.text.push_str(&format!("[files]\n{files}\n"));
                }
            }
            Err(error) => self.fault(error),
        }
    }
}
