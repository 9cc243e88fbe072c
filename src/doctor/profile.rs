//! Whether a profile is named and can be loaded.

use std::path::Path;

use super::finding::Finding;
use crate::config::Places;
use crate::daemon::Options;
use crate::daemon::control::status::Status;
use crate::daemon::prepare::{self, PrepareError};
use crate::profile::{Profile, installed};

const CHECK: &str = "profile";

/// What was found of the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// The configuration cannot be read: nobody knows.
    Unknown,
    /// Nobody names one; these are installed.
    None(Vec<String>),
    /// The one that is named cannot be played.
    Broken(String),
    /// It can.
    Loaded(Loaded),
}

/// A profile that can be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loaded {
    pub name: String,
    pub chosen_by: String,
    /// Channels that its device must have.
    pub channels_needed: usize,
    /// Why the last `--reload` is not followed, where one is remembered that cannot be.
    pub ignored: Option<String>,
}

/// What the daemon plays, else what it would play if it were started with `options`.
pub(super) fn look(options: &Options, status: Option<&Status>) -> Found {
    if let Some(playing) = status.and_then(|status| status.profile.as_ref()) {
        return match Profile::load(Path::new(&playing.folder)) {
            Ok(profile) => loaded(&profile, playing.chosen_by.clone()),
            Err(error) => Found::Broken(error.to_string()),
        };
    }
    let (plan, ignored) = match prepare::read_what_can_be(options, &prepare::Reading::default()) {
        Ok((plan, ignored)) => (plan, ignored.map(|error| error.to_string())),
        Err(errors) => {
            let broken = errors.iter().find(|error| matches!(error, PrepareError::Profile(_)));
            return broken.map_or(Found::Unknown, |error| Found::Broken(error.to_string()));
        }
    };
    match plan.profile {
        None => Found::None(installed(&Places::from_environment()).into_iter().map(|(name, _)| name).collect()),
        Some(chosen) => match loaded(&chosen.profile, chosen.chosen_by) {
            Found::Loaded(loaded) => Found::Loaded(Loaded { ignored, ..loaded }),
            other => other,
        },
    }
}

fn loaded(profile: &Profile, chosen_by: String) -> Found {
    Found::Loaded(Loaded {
        name: profile.name.clone(),
        chosen_by,
        channels_needed: profile.channels_needed(),
        ignored: None,
    })
}

pub(super) fn check(found: &Found) -> Finding {
    match found {
        Found::Unknown => Finding::skip(CHECK, "not known without the configuration"),
        Found::None(installed) => {
            let installed = if installed.is_empty() { "none".into() } else { installed.join(", ") };
            let text = format!(
                "name the one made for this loudspeaker in spatiald.toml, or let this ask: another can destroy a tweeter; \
                 installed: {installed}"
            );
            Finding::fail(CHECK, "none is named, so nothing is played").typed(text, "spatiald setup")
        }
        Found::Broken(error) => Finding::fail(CHECK, error)
            .typed("mend it, or name another in spatiald.toml; this tells whether it is right", "spatiald --check"),
        Found::Loaded(Loaded { ignored: Some(error), .. }) => {
            Finding::warn(CHECK, format!("the last --reload is not followed: {error}"))
                .typed("forget it", "spatiald --reload --default")
        }
        Found::Loaded(profile) => Finding::ok(
            CHECK,
            format!("{} ({}), for {} channels", profile.name, profile.chosen_by, profile.channels_needed),
        ),
    }
}
