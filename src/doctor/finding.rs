//! What one check found, and what to do about it.

use serde::Serialize;

/// How bad it is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It keeps sound away.
    Fail,
    /// It will be heard, or will be missed.
    Warn,
    /// As it must be.
    Ok,
    /// It could not be looked at, because of something that another check names.
    Skip,
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Level::Fail => "fail",
            Level::Warn => "warn",
            Level::Ok => "ok",
            Level::Skip => "skip",
        }
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// To be typed as it stands.
    pub command: Option<String>,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found, in one line.
    pub text: String,
    /// What to do about it.
    pub remedy: Option<Remedy>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Finding {
        Finding { check, level: Level::Ok, text: text.into(), remedy: None }
    }

    pub(super) fn skip(check: &'static str, text: impl Into<String>) -> Finding {
        Finding { level: Level::Skip, ..Finding::ok(check, text) }
    }

    pub(super) fn warn(check: &'static str, text: impl Into<String>) -> Finding {
        Finding { level: Level::Warn, ..Finding::ok(check, text) }
    }

    pub(super) fn fail(check: &'static str, text: impl Into<String>) -> Finding {
        Finding { level: Level::Fail, ..Finding::ok(check, text) }
    }

    /// The same, with what to do in words.
    pub(super) fn advise(self, text: impl Into<String>) -> Finding {
        Finding { remedy: Some(Remedy { text: text.into(), command: None }), ..self }
    }

    /// The same, with what to do in words and what to type.
    pub(super) fn typed(self, text: impl Into<String>, command: impl Into<String>) -> Finding {
        Finding { remedy: Some(Remedy { text: text.into(), command: Some(command.into()) }), ..self }
    }
}
