//! A first configuration: what is here, and what its owner says, make a `spatiald.toml`. `spatiald setup` asks and writes.
//!
//! Which loudspeaker is connected only its owner knows, and a wrong profile can destroy a tweeter: it is never guessed. A
//! `[[match]]` rule for this machine, and what the configuration says already, are offered.

use std::path::Path;

use crate::config::Config;
use crate::config::edit::{Key, edited};
use crate::source::{Complaint, Source};

mod decide;

#[cfg(test)]
mod tests;

pub use decide::decide;

/// What was said beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// The device: id or number of its card, or ALSA's name for it.
    pub card: Option<String>,
    /// How many of its channels have a driver.
    pub channels: Option<u32>,
    /// The profile, or the description to make one from, by its name.
    pub profile: Option<String>,
}

/// One thing to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is to be known before, a line each.
    pub notes: Vec<String>,
    /// The question itself.
    pub text: String,
    /// The option that says it beforehand.
    pub option: &'static str,
    /// What it is called, and what there is to know about it, in columns. Without columns, choices speak for themselves.
    pub choices: Vec<(String, Vec<String>)>,
    /// Which of them is taken where nothing is said; `None`: something must be.
    pub default: Option<usize>,
}

/// Asks: the index of what is chosen, or `None` where nobody can be asked and there is no default.
pub type Ask<'a> = dyn FnMut(&Question) -> Result<Option<usize>, SetupError> + 'a;

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The device; `None`: it stays as it is written.
    pub device: Option<String>,
    /// The profile.
    pub profile: String,
    /// The description that it must be made from first.
    pub description: Option<String>,
    /// The `[[match]]` rule that names the profile on this machine, from 1; it goes before the key `profile`.
    pub rule: Option<usize>,
}

/// Why there is nothing to write.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No sound card.
    #[error(
        "no sound card is here that can play: plug it in, or enable it (on a Raspberry Pi by its dtoverlay in \
         /boot/firmware/config.txt), and restart; spatiald list shows it then"
    )]
    NoDevice,
    /// None with enough channels.
    #[error(
        "no sound card here has the {needed} channels that {who} needs: {found}; connect a multichannel one, \
         and look for it with spatiald list"
    )]
    NoneFits {
        /// Fewest that would do.
        needed: u32,
        /// For which profile.
        who: String,
        /// What is here.
        found: String,
    },
    /// Neither a profile nor a description.
    #[error(
        "no profile is installed: describe your loudspeaker, and let spatiald design DEVICE.toml -o ./DIR make one, then \
         spatiald setup --profile ./DIR"
    )]
    NothingInstalled,
    /// No such card.
    #[error("there is no sound card {name:?}; here are {here}")]
    UnknownCard {
        /// What was asked for.
        name: String,
        /// What is here.
        here: String,
    },
    /// It is there, and does not open.
    #[error("{pcm} cannot be used: {reason}")]
    Closed {
        /// The device.
        pcm: String,
        /// Why, and the remedy.
        reason: String,
    },
    /// More or fewer channels than the card has.
    #[error("{pcm} has no {channels} channels; use 1 to {most}")]
    Channels {
        /// The device.
        pcm: String,
        /// What was asked for.
        channels: u32,
        /// Most it offers.
        most: u32,
    },
    /// No such profile.
    #[error("there is no profile {name:?}; here are {here}")]
    UnknownProfile {
        /// What was asked for.
        name: String,
        /// What is here.
        here: String,
    },
    /// The profile is not as it must be.
    #[error("the profile {name} cannot be used: {error}")]
    Broken {
        /// The profile.
        name: String,
        /// What is wrong.
        error: String,
    },
    /// The profile needs more channels.
    #[error(
        "the profile {name} needs {needed} channels, and {pcm} has {most}; choose another profile or card (spatiald list)"
    )]
    TooFew {
        /// The profile.
        name: String,
        /// What it needs.
        needed: u32,
        /// The device.
        pcm: String,
        /// What there is.
        most: u32,
    },
    /// Nobody to ask.
    #[error("this is no terminal to ask on: say it by {option}; here are {here}")]
    Unsaid {
        /// The option that says it.
        option: &'static str,
        /// What could be said.
        here: String,
    },
    /// The answers ended before the questions did.
    #[error("nothing was written: the answers ended")]
    Ended,
    /// The terminal failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// `base`, which says `config`, as the decision wants it, to be written to `target`. What was not asked for stays as it is.
///
/// # Errors
/// It would not say the same there: a relative path in it leads elsewhere.
pub fn draft(base: &Source, config: &Config, target: &Path, decision: &Decision) -> Result<Source, Complaint> {
    let mut wanted = Config { path: Some(target.to_owned()), ..config.clone() };
    let mut changes = Vec::new();
    if let Some(device) = &decision.device {
        changes.push((Key::Device, device.as_str()));
        wanted.device.clone_from(device);
    }
    let rule = decision.rule.and_then(|rule| Some((rule, wanted.matches.get_mut(rule.checked_sub(1)?)?)));
    let (key, named) = match rule {
        Some((rule, written)) => (Key::RuleProfile(rule), &mut written.profile),
        None => (Key::Profile, wanted.profile.get_or_insert_default()),
    };
    if *named != decision.profile {
        changes.push((key, decision.profile.as_str()));
        named.clone_from(&decision.profile);
    }
    let draft = edited(&Source::new(target, base.text()), &changes)?;
    if Config::from_source(&draft)? == wanted {
        return Ok(draft);
    }
    Err(Complaint::whole(
        base.path(),
        format!(
            "it names profiles by relative paths, which mean others in {}; write them absolute, or name the file to change with --config",
            target.display()
        ),
    ))
}
