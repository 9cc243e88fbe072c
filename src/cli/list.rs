//! `spatiald list [--json]`: what is here, and what fits what.

use std::path::PathBuf;

use super::Failure;
use super::report::print;
use super::show::{counted, json, table};
use crate::config::{Config, Places};
use crate::inventory::{Device, Inventory, Item, Needs, Rule, State};

/// List profiles, sound cards and match rules, and what fits
///
/// Changes nothing, and plays nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file [default: spatiald/spatiald.toml in $XDG_CONFIG_HOME, else in /etc]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists.
///
/// # Errors
/// The configuration is wrong: the rest is listed all the same.
pub fn run(args: &Args) -> Result<(), Failure> {
    let places = Places::from_environment();
    let found = Config::find(args.config.as_deref(), &places);
    let (config, complaint) =
        found.map_or_else(|complaint| (Config::default(), Some(complaint)), |config| (config, None));
    let mut inventory = Inventory::look(&config, &places);
    if complaint.is_some() {
        // Nobody knows what it names.
        inventory.devices.iter_mut().for_each(|device| device.is_configured = false);
    }
    print(&if args.json { json(&inventory)? } else { text(&inventory, complaint.is_none()) })?;
    complaint.map_or(Ok(()), |complaint| Err(complaint.into()))
}

/// `is_read`: whether the configuration could be.
fn text(inventory: &Inventory, is_read: bool) -> String {
    let mut text = String::new();
    let mut section = |title: &str, rows: Vec<Vec<String>>, none: &str| {
        let rows = if rows.is_empty() { vec![vec![none.to_owned()]] } else { rows };
        text.push_str(&format!("{}{title}\n{}", if text.is_empty() { "" } else { "\n" }, table(&rows)));
    };
    let items = |items: &[Item]| items.iter().map(|item| item_row(item, &inventory.devices)).collect();
    section("profiles", items(&inventory.profiles), "none is installed");
    if !inventory.descriptions.is_empty() {
        section("descriptions of devices, for spatiald design", items(&inventory.descriptions), "");
    }
    section("sound cards", inventory.devices.iter().map(device_row).collect(), "none is here that can play");
    let none = if is_read { "no [[match]] rule in spatiald.toml" } else { "not known: spatiald.toml cannot be read" };
    section("matches", inventory.matches.iter().map(rule_row).collect(), none);
    text
}

fn item_row(item: &Item, devices: &[Device]) -> Vec<String> {
    let mut row = vec![item.name.clone()];
    match &item.needs {
        Needs::Known { channels, sample_rate_hz, drivers, .. } => {
            let is_open = devices.iter().any(|device| device.state.has_channels(*channels).is_none());
            let fits = match (item.fits.as_slice(), is_open) {
                ([], true) => "may fit a card that is in use".into(),
                ([], false) => "fits no card here".into(),
                (fits, _) => format!("fits {}", fits.join(", ")),
            };
            row.extend([counted(*channels as usize, "channel"), counted(drivers.len(), "driver")]);
            row.extend([format!("{sample_rate_hz} Hz"), fits, item.path.clone()]);
        }
        Needs::Broken { error } => row.extend(["cannot be used:".into(), error.clone()]),
    }
    row
}

fn device_row(device: &Device) -> Vec<String> {
    let [channels, rest] = device.state.words();
    let configured = device.is_configured.then(|| "the configuration's device".to_owned());
    let reason = if let State::Closed { reason } = &device.state { Some(reason.clone()) } else { None };
    let notes: Vec<String> = configured.into_iter().chain(reason).collect();
    vec![device.pcm.clone(), channels, rest, device.name.clone(), notes.join(": ")]
}

fn rule_row(rule: &Rule) -> Vec<String> {
    let outcome = match &rule.misfit {
        None => "applies here".into(),
        Some(misfit) => format!("does not apply: {misfit}"),
    };
    vec![format!("rule {}", rule.rule), rule.profile.clone(), outcome]
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
