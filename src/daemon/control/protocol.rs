//! What is said over the control socket: one line of JSON each way, then the connection closes.

use serde::{Deserialize, Serialize};

use super::status::Status;

/// What a client asks of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Read the configuration again and switch.
    Reload(Choice),
    /// Say how things stand.
    Status,
}

/// Which profile a reload switches to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "choice", content = "profile", rename_all = "kebab-case")]
pub enum Choice {
    /// Whatever the configuration (or the remembered choice) says now.
    Again,
    /// This one, by name or absolute folder; remembered.
    Named(String),
    /// Forget the remembered choice, then as the configuration says.
    Default,
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Reply {
    /// The reload's end: the crossfade is over.
    Switched(Switched),
    /// The reload failed, the old profile plays on: the reason, and the causes behind it.
    Refused {
        /// One line to the user.
        reason: String,
        /// What stands behind it, outermost first.
        causes: Vec<String>,
    },
    /// How things stand.
    Status(Box<Status>),
}

/// A reload that took effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Switched {
    /// The profile that played before.
    pub from: String,
    /// The profile that plays now; another than asked for where a later request overtook this one.
    pub to: String,
    /// From the request's arrival to the end of the crossfade.
    pub took_ms: f64,
    /// How many requests this one switch answered.
    pub requests: usize,
    /// The published latency now, in frames.
    pub latency_frames: usize,
    /// What did not work out beside it.
    #[serde(default)]
    pub note: Option<String>,
}

impl Reply {
    /// A refusal from an error and the causes behind it.
    pub fn refused(error: &dyn std::error::Error) -> Reply {
        let causes = std::iter::successors(error.source(), |e| e.source()).map(|e| e.to_string()).collect();
        Reply::Refused { reason: error.to_string(), causes }
    }
}
