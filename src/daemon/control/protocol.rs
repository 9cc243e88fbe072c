//! What is said over the control socket: one line of JSON each way, then the connection closes, unless
//! what was asked for lasts as long as it.

use serde::{Deserialize, Serialize};

use super::status::Status;
use crate::config::Change;
use crate::daemon::sound::{Sound, check_request};
use crate::source::printable;

/// Linux takes no longer path.
const MAX_NAME_BYTES: usize = 4096;
/// Of a reason that quotes what somebody sent.
const MAX_REASON_CHARS: usize = 200;

/// What a client asks of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Read the configuration again and switch.
    Reload(Choice),
    /// Set controls or the seat: each as `--set` takes it, `KEY=VALUE`.
    Set {
        /// What is set.
        changes: Vec<String>,
    },
    /// Say how things stand.
    Status,
    /// Play this in place of the music, until the connection ends or [`MAX_SOUND`](super::MAX_SOUND) is over.
    Identify(Sound),
}

/// Which profile a reload switches to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[serde(rename_all = "kebab-case")]
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
    /// The sound is on its way to the device.
    Sounding {
        /// Channels that the device has.
        channels: usize,
    },
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

/// Reads a request from the line that a client sent, with or without its newline.
///
/// # Errors
/// Whatever is no request of this version: why, in one line of bounded length.
pub(super) fn parse(line: &[u8]) -> Result<Request, String> {
    let request = serde_json::from_slice(line).map_err(|error| {
        // The parser quotes what it does not know.
        let reason = printable(error).to_string();
        let end = reason.char_indices().nth(MAX_REASON_CHARS).map_or(reason.len(), |(at, _)| at);
        format!("not a request of this version: {}{}", &reason[..end], if end < reason.len() { " …" } else { "" })
    })?;
    match &request {
        // Whatever is said of it repeats it.
        Request::Reload(Choice::Named(name)) if name.len() > MAX_NAME_BYTES => {
            Err(format!("a profile's name or path has at most {MAX_NAME_BYTES} bytes; this one has {}", name.len()))
        }
        Request::Set { changes } if changes.is_empty() => Err("nothing is set; say what, like center_db=3".into()),
        Request::Set { changes } => match changes.iter().find_map(|change| change.parse::<Change>().err()) {
            Some(error) => Err(error.to_string()),
            None => Ok(request),
        },
        Request::Identify(sound) => check_request(sound).map(|()| request.clone()).map_err(|error| error.to_string()),
        _ => Ok(request),
    }
}

impl Reply {
    /// What those are told who still wait when the daemon ends.
    pub(super) fn stopping() -> Reply {
        Reply::because("spatiald is stopping")
    }

    /// A refusal with nothing behind it.
    pub(super) fn because(reason: impl Into<String>) -> Reply {
        Reply::Refused { reason: reason.into(), causes: Vec::new() }
    }

    /// A refusal from an error and the causes behind it.
    pub fn refused(error: &dyn std::error::Error) -> Reply {
        let causes = std::iter::successors(error.source(), |e| e.source()).map(|e| e.to_string()).collect();
        Reply::Refused { reason: error.to_string(), causes }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::daemon::sound::Other;

    #[test]
    fn what_is_said_on_the_wire_stays() {
        assert_eq!(parse(br#""status""#), Ok(Request::Status));
        assert_eq!(parse(br#"{"reload":"again"}"#), Ok(Request::Reload(Choice::Again)));
        assert_eq!(parse(br#"{"reload":{"named":"a"}}"#), Ok(Request::Reload(Choice::Named("a".into()))));
        let set = Request::Set { changes: vec!["center_db=3".into(), "seat=10,1.5".into()] };
        assert_eq!(parse(br#"{"set":{"changes":["center_db=3","seat=10,1.5"]}}"#), Ok(set));
        let bad = parse(br#"{"set":{"changes":["mono=on","center_db=30"]}}"#).unwrap_err();
        assert_eq!(bad, "center_db is \"30\"; use -9 to 9 dB, or default (0)");
        let sound = br#"{"identify":{"band_hz":[500,4000],"channel":1,"with":{"channel":0,"is_inverted":true}}}"#;
        let with = Some(Other { channel: 0, is_inverted: true });
        assert_eq!(parse(sound), Ok(Request::Identify(Sound { band_hz: [500.0, 4000.0], channel: 1, with })));
        let bad = parse(br#"{"identify":{"band_hz":[500,4000],"channel":1000}}"#).unwrap_err();
        assert!(bad.contains("1000 is none of them"), "{bad}");
        let long = serde_json::to_vec(&Request::Reload(Choice::Named("x".repeat(5000)))).unwrap();
        assert!(parse(&long).unwrap_err().contains("5000"));
    }

    proptest! {
        #[test]
        fn whatever_is_no_request_is_refused_in_one_short_line(
            line in prop_oneof![
                any::<Vec<u8>>(),
                "\\PC{0,400}".prop_map(String::into_bytes),
                // What the parser quotes.
                any::<String>().prop_map(|word| serde_json::json!(word.repeat(50)).to_string().into_bytes()),
                (0_usize..5000).prop_map(|depth| b"[".repeat(depth)),
            ]
        ) {
            if let Err(reason) = parse(&line) {
                prop_assert_eq!(printable(&reason).to_string(), reason.clone());
                prop_assert!(reason.chars().count() < MAX_REASON_CHARS + 50, "{}", reason);
            }
        }
    }
}
