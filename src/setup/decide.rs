//! From what is here and what is said to a decision.

use super::{Answers, Ask, Decision, Question, SetupError};
use crate::config::Config;
use crate::inventory::{Device, Inventory, Item, Needs, State};

/// More than a pair.
const MULTICHANNEL: u32 = 3;

/// Decides, and asks where it cannot.
///
/// # Errors
/// What was said is not here, does not fit, or nothing does; or nobody answers. See [`SetupError`].
pub fn decide(inventory: &Inventory, answers: &Answers, ask: &mut Ask) -> Result<Decision, SetupError> {
    let device = device(inventory, answers, ask)?;
    let most = channels(inventory, device, answers, ask)?;
    let (item, is_description) = item(inventory, device, most, answers, ask)?;
    let is_kept = device.is_configured && is_device_named(inventory);
    Ok(Decision {
        device: (!is_kept).then(|| device.pcm.clone()),
        profile: item.name.clone(),
        description: is_description.then(|| item.path.clone()),
        rule: inventory.rule().map(|rule| rule.rule),
    })
}

/// Everything that can be chosen, and whether it is a description.
fn items(inventory: &Inventory) -> impl Iterator<Item = (&Item, bool)> {
    let descriptions = inventory.descriptions.iter().map(|item| (item, true));
    inventory.profiles.iter().map(|item| (item, false)).chain(descriptions)
}

/// The default device is a place among the cards, and nobody's choice.
fn is_device_named(inventory: &Inventory) -> bool {
    inventory.device != Config::default().device
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// The answer to `question`.
fn asked(question: &Question, ask: &mut Ask) -> Result<usize, SetupError> {
    ask(question)?.ok_or_else(|| SetupError::Unsaid {
        option: question.option,
        here: listed(question.choices.iter().map(|(name, _)| name.as_str())),
    })
}

fn device<'a>(inventory: &'a Inventory, answers: &Answers, ask: &mut Ask) -> Result<&'a Device, SetupError> {
    let devices = &inventory.devices;
    if let Some(name) = &answers.card {
        return named_device(devices, name);
    }
    let (needed, who) = least(inventory, answers)?;
    let fitting: Vec<&Device> =
        devices.iter().filter(|device| device.state.has_channels(needed) != Some(false)).collect();
    match fitting.as_slice() {
        [] if devices.iter().all(|device| device.number.is_none()) => Err(SetupError::NoDevice),
        [] => {
            // Where none opens, that is the cause.
            if let Some(first) = devices.first().filter(|_| devices.iter().all(Device::is_closed)) {
                return named_device(devices, &first.pcm);
            }
            let found: Vec<String> =
                devices.iter().map(|device| format!("{} ({})", device.pcm, device.state.words()[0])).collect();
            Err(SetupError::NoneFits { needed, who, found: found.join("; ") })
        }
        [only] => Ok(only),
        several => Ok(several[asked(&which_device(inventory, several), ask)?]),
    }
}

fn named_device<'a>(devices: &'a [Device], name: &str) -> Result<&'a Device, SetupError> {
    let mut named = devices.iter().filter(|device| device.is_called(name));
    let first = named.clone().next();
    // Of the devices of a card, one that opens.
    match named.find(|device| !device.is_closed()).or(first) {
        Some(Device { pcm, state: State::Closed { reason }, .. }) => {
            Err(SetupError::Closed { pcm: pcm.clone(), reason: reason.clone() })
        }
        Some(device) => Ok(device),
        None if devices.iter().all(|device| device.number.is_none() && device.is_closed()) => Err(SetupError::NoDevice),
        None => {
            let here = listed(devices.iter().map(|device| device.pcm.as_str()));
            Err(SetupError::UnknownCard { name: name.to_owned(), here })
        }
    }
}

/// The fewest channels that will do, and for which profile.
fn least(inventory: &Inventory, answers: &Answers) -> Result<(u32, String), SetupError> {
    let named = |name: &String| {
        let (item, _) = items(inventory).find(|(item, _)| item.name == *name)?;
        Some((item.channels_needed()?, format!("the profile {name}")))
    };
    let smallest = || items(inventory).filter_map(|(item, _)| item.channels_needed()).min();
    let least = answers.profile.as_ref().and_then(named);
    least.or_else(|| Some((smallest()?, "the smallest profile".into()))).ok_or(SetupError::NothingInstalled)
}

/// The configured device is offered, else that of the rule for this machine, else the only one for more than a pair.
fn which_device(inventory: &Inventory, fitting: &[&Device]) -> Question {
    let is_multichannel = |device: &Device| device.state.has_channels(MULTICHANNEL) == Some(true);
    let multichannel =
        || fitting.iter().enumerate().filter(|(_, device)| is_multichannel(device)).map(|(index, _)| index);
    let in_use = fitting.iter().position(|device| device.is_configured && is_device_named(inventory));
    let card = inventory.rule().and_then(|rule| rule.card.as_deref());
    let by_rule = || fitting.iter().position(|device| card == Some(device.card.as_str()));
    let only_one = || multichannel().next().filter(|_| multichannel().count() == 1);
    let only_pairs = "None of these is known to have more than two channels: only a pair of drivers fits them.";
    let columns = |device: &Device| {
        let [channels, rest] = device.state.words();
        vec![channels, rest, device.name.clone()]
    };
    Question {
        notes: multichannel().next().is_none().then(|| only_pairs.into()).into_iter().collect(),
        text: "Which sound card are the drivers on?".into(),
        option: "--card",
        choices: fitting.iter().map(|device| (device.pcm.clone(), columns(device))).collect(),
        default: in_use.or_else(by_rule).or_else(only_one),
    }
}

/// How many channels there are for drivers; `None`: not known.
fn channels(
    inventory: &Inventory,
    device: &Device,
    answers: &Answers,
    ask: &mut Ask,
) -> Result<Option<u32>, SetupError> {
    let State::Free { channels_min: least, channels_max: most, .. } = device.state else { return Ok(answers.channels) };
    match answers.channels {
        Some(channels) if channels == 0 || channels > most => {
            return Err(SetupError::Channels { pcm: device.pcm.clone(), channels, most });
        }
        Some(channels) => return Ok(Some(channels)),
        None => {}
    }
    // Who has said the profile has said how many it needs.
    let matters =
        items(inventory).any(|(item, _)| item.channels_needed().is_some_and(|needed| least < needed && needed <= most));
    if least == most || !matters || answers.profile.is_some() {
        return Ok(Some(most));
    }
    let choices: Vec<(String, Vec<String>)> =
        (least..=most).map(|channels| (channels.to_string(), Vec::new())).collect();
    let question = Question {
        notes: vec![format!("{} can take {least} to {most} channels; it may have fewer outputs.", device.pcm)],
        text: "How many of its outputs have a driver?".into(),
        option: "--channels",
        default: choices.len().checked_sub(1),
        choices,
    };
    Ok(Some(least + asked(&question, ask)? as u32))
}

fn item<'a>(
    inventory: &'a Inventory,
    device: &Device,
    most: Option<u32>,
    answers: &Answers,
    ask: &mut Ask,
) -> Result<(&'a Item, bool), SetupError> {
    let fits = |item: &Item| item.channels_needed().is_some_and(|needed| most.is_none_or(|most| needed <= most));
    if let Some(name) = &answers.profile {
        let Some((item, is_description)) = items(inventory).find(|(item, _)| item.name == *name) else {
            let here = listed(items(inventory).map(|(item, _)| item.name.as_str()));
            return Err(SetupError::UnknownProfile { name: name.clone(), here });
        };
        return match (&item.needs, most) {
            (Needs::Broken { error }, _) => Err(SetupError::Broken { name: name.clone(), error: error.clone() }),
            (Needs::Known { channels, .. }, Some(most)) if *channels > most => {
                Err(SetupError::TooFew { name: name.clone(), needed: *channels, pcm: device.pcm.clone(), most })
            }
            _ => Ok((item, is_description)),
        };
    }
    let fitting: Vec<(&Item, bool)> = items(inventory).filter(|(item, _)| fits(item)).collect();
    if fitting.is_empty() {
        let (needed, who) = least(inventory, answers)?;
        let found = format!("{} has {}", device.pcm, most.unwrap_or_default());
        return Err(SetupError::NoneFits { needed, who, found });
    }
    Ok(fitting[asked(&which_item(inventory, &fitting), ask)?])
}

/// What the rule for this machine names is offered, else what the key `profile` names where there is no such rule.
fn which_item(inventory: &Inventory, fitting: &[(&Item, bool)]) -> Question {
    let position = |name: &str| fitting.iter().position(|(item, _)| item.name == name);
    let mut notes = Vec::new();
    let by_rule = inventory.rule().and_then(|rule| {
        let position = position(&rule.profile);
        let fit = if position.is_some() { "" } else { ", which is not installed or does not fit" };
        notes.push(format!("[[match]] rule {} is for this machine, and names {}{fit}.", rule.rule, rule.profile));
        position
    });
    notes.push(
        "A profile is for one loudspeaker: its drivers, their places, their channels. Another can destroy a tweeter."
            .into(),
    );
    notes.push(
        "None is yours? Describe it (designing.md), spatiald design DEVICE.toml -o ./DIR, spatiald setup --profile ./DIR."
            .into(),
    );
    let configured = || inventory.profile.as_deref().filter(|_| inventory.rule().is_none()).and_then(position);
    let columns = |(item, is_description): &(&Item, bool)| {
        let Needs::Known { channels, description, .. } = &item.needs else { return Vec::new() };
        let how = if *is_description { "; designed now, which takes a while" } else { "" };
        vec![format!("{channels} channels"), format!("{description}{how}")]
    };
    Question {
        notes,
        text: "Which one is this loudspeaker's?".into(),
        option: "--profile",
        choices: fitting.iter().map(|choice| (choice.0.name.clone(), columns(choice))).collect(),
        default: by_rule.or_else(configured),
    }
}
