//! Whether the card is there, free, and has the channels that the profile needs.

use super::finding::Finding;
use super::profile::Loaded;
use crate::output::OutputError;

const CHECK: &str = "card";

/// Those that open every card, and give it up when spatiald asks on the session bus.
const GIVES_UP: [&str; 2] = ["wireplumber", "pipewire"];

/// What was found of a card.
#[derive(Debug)]
pub(super) enum Found {
    /// The configuration cannot be read: nobody knows which it is.
    Unknown,
    /// The daemon has it open, with so many channels.
    Played(u32),
    /// It was opened, and can have so many channels.
    Free(u32),
    /// It cannot be opened.
    Closed(OutputError),
    /// It does not open within the time given.
    Stuck,
}

pub(super) fn check(pcm: &str, found: &Found, profile: Option<&Loaded>, is_running: bool) -> Finding {
    let choose = |text: &str| format!("{text}, or set `device` in spatiald.toml to one of these cards");
    match found {
        Found::Unknown => Finding::skip(CHECK, "not known without the configuration"),
        Found::Played(channels) => Finding::ok(CHECK, format!("{pcm}: {channels} channels, held by spatiald")),
        Found::Free(channels) => free(pcm, *channels, profile),
        Found::Closed(OutputError::Busy { holder: Some(holder), .. })
            if !is_running && GIVES_UP.contains(&holder.name.as_str()) =>
        {
            Finding::ok(CHECK, format!("{pcm}: held by {holder}, until spatiald asks for it"))
        }
        Found::Closed(error @ OutputError::Busy { holder: Some(holder), .. }) => {
            let finding = Finding::fail(CHECK, error.to_string());
            if GIVES_UP.contains(&holder.name.as_str()) {
                finding.advise("give WirePlumber the rule in /usr/share/spatiald/wireplumber (docs/installing.md)")
            } else {
                finding.typed("end the program that holds it", format!("kill {}", holder.pid))
            }
        }
        Found::Closed(error @ OutputError::Busy { holder: None, .. }) => Finding::fail(CHECK, error.to_string())
            .typed("end the program that holds it; root can see which it is", "sudo fuser -v /dev/snd/pcmC*p"),
        Found::Closed(error @ OutputError::Permission { .. }) => Finding::fail(CHECK, error.to_string())
            .typed("join the group that may, then log in anew", "sudo adduser $USER audio"),
        Found::Closed(error) => Finding::fail(CHECK, error.to_string()).typed(choose("plug it in"), "spatiald list"),
        Found::Stuck => {
            Finding::fail(CHECK, format!("{pcm} does not open and does not fail: it, or its driver, hangs"))
                .typed(choose("unplug it and plug it in again"), "spatiald list")
        }
    }
}

fn free(pcm: &str, channels: u32, profile: Option<&Loaded>) -> Finding {
    match profile {
        Some(profile) if profile.channels_needed > channels as usize => Finding::fail(
            CHECK,
            format!("{pcm} has {channels} channels, and the profile {} needs {}", profile.name, profile.channels_needed),
        )
        .typed(
            "set `device` in spatiald.toml to a card that has them (these are there), or `profile` to one for this card",
            "spatiald list",
        ),
        _ => Finding::ok(CHECK, format!("{pcm}: up to {channels} channels, free")),
    }
}
