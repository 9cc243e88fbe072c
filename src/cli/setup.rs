//! `spatiald setup`: a first configuration by questions.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::Failure;
use super::design::{designed, uninterrupted};
use super::report::{note, print};
use super::show::table;
use crate::config::{Config, Places};
use crate::daemon::Instance;
use crate::design::{Device, folder};
use crate::doctor::{ask_status, config_option, has_service, start_command};
use crate::inventory::Inventory;
use crate::profile::{self, Profile};
use crate::setup::{Answers, Decision, Question, SetupError, decide, draft};
use crate::source::{Complaint, Source, is_there, printable, write_atomically};

/// What a configuration begins as.
const SHIPPED: &str = include_str!("../../conf/spatiald.toml");
const ETC: &str = "/etc/spatiald";

/// Write a first spatiald.toml, by questions
///
/// Asks for the sound card and the loudspeaker's profile among those that are here, shows the file, and writes it on yes:
/// that in force, where this user may, else the user's own. What it does not ask for stays as it is, comments too. Options
/// answer beforehand; where there is no terminal, they must, together with --yes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File to write [default: the one in force, else spatiald/spatiald.toml in $XDG_CONFIG_HOME]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sound card: id or number, or an ALSA PCM; spatiald list shows them
    #[arg(long, value_name = "CARD")]
    card: Option<String>,
    /// How many of its channels have a driver
    #[arg(long, value_name = "N")]
    channels: Option<u32>,
    /// Profile, by name or folder, or a device description by its name: spatiald list shows them
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Write without asking
    #[arg(long)]
    yes: bool,
}

/// Asks, shows, writes.
///
/// # Errors
/// The configuration is wrong, nothing here fits, somebody says no, or the file cannot be written. Then the configuration
/// is as it was.
pub fn run(args: Args) -> Result<(), Failure> {
    let places = Places::from_environment();
    let config = match &args.config {
        Some(path) if !is_there(path)? => Config::default(),
        named => Config::find(named.as_deref(), &places)?,
    };
    let base = match &config.path {
        Some(path) => Source::read(path)?,
        None => Source::new(Path::new("spatiald.toml"), SHIPPED),
    };
    let mut inventory = Inventory::look(&config, &places);
    let answers = Answers {
        profile: args.profile.map(|name| named_profile(&name, &mut inventory, &places)).transpose()?,
        card: args.card,
        channels: args.channels,
    };
    if let Some(card) = answers.card.as_deref().filter(|card| !inventory.devices.iter().any(|d| d.is_called(card))) {
        inventory.add_device(card);
    }
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let decision = decide(&inventory, &answers, &mut |question| match is_terminal {
        true => answer(question, &mut io::stdin().lock(), &mut io::stdout().lock()).map(Some),
        false => taken(question, &mut io::stdout().lock()),
    })?;
    let target = target(args.config.as_deref(), &config, &places);
    let draft = draft(&base, &config, &target, &decision)?;
    let is_new = config.path.as_ref() != Some(&target);
    if !is_new && draft.text() == base.text() && decision.description.is_none() {
        print(&format!("{} says so already.\n", printable(target.display())))?;
    } else {
        print(&shown(&draft, &base, is_new))?;
        if !args.yes {
            agree(is_terminal)?;
        }
        write(&draft, &decision, &places)?;
    }
    if let Some(warning) = unreadable(&target, &decision.profile) {
        note(&warning);
    }
    Ok(print(&next(args.config.as_deref(), &target))?)
}

/// The name by which a profile is in the inventory; one that is named by its path is taken in.
fn named_profile(name: &str, inventory: &mut Inventory, places: &Places) -> Result<String, Failure> {
    if !profile::is_path(name) {
        let mut known = inventory.profiles.iter().chain(&inventory.descriptions);
        if !known.any(|item| item.name == name) && Path::new(name).join("profile.toml").is_file() {
            let name = printable(name);
            return Err(format!("no profile {name} is installed; for the folder here write ./{name}").into());
        }
        return Ok(name.to_owned());
    }
    let folder = profile::find(name, places)?;
    if folder.is_file() {
        return Err(format!(
            "{} is no profile's folder; spatiald design makes one from a device description: spatiald design {0} -o ./DIR, then spatiald setup --profile ./DIR",
            printable(name)
        )
        .into());
    }
    Ok(inventory.add_profile(&folder))
}

/// The file to write: the one named, the one in force where this user may write beside it, else the user's own.
fn target(named: Option<&Path>, config: &Config, places: &Places) -> PathBuf {
    let in_force = || config.path.clone().filter(|path| path.parent().is_some_and(may_write));
    let own = || places.config_folders().first().map(|folder| folder.join("spatiald.toml"));
    named.map(Path::to_owned).or_else(in_force).or_else(own).unwrap_or_else(|| Path::new(ETC).join("spatiald.toml"))
}

fn may_write(folder: &Path) -> bool {
    access(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }, AccessFlags::W_OK).is_ok()
}

/// Asks until an answer is one.
///
/// # Errors
/// The answers end, or the terminal fails.
fn answer(question: &Question, input: &mut impl BufRead, output: &mut impl Write) -> Result<usize, SetupError> {
    let is_menu = question.choices.iter().any(|(_, columns)| !columns.is_empty());
    let notes = question.notes.iter().map(|note| format!("{}\n", printable(note)));
    let row = |(index, (name, columns)): (usize, &(String, Vec<String>))| {
        let cells = [(index + 1).to_string(), name.clone()].into_iter().chain(columns.iter().cloned());
        cells.collect::<Vec<String>>()
    };
    let rows: Vec<Vec<String>> = question.choices.iter().enumerate().filter(|_| is_menu).map(row).collect();
    write!(output, "\n{}{}", notes.collect::<String>(), table(&rows))?;
    let usual = question.default.and_then(|index| question.choices.get(index));
    let usual = usual.map_or_else(String::new, |(name, _)| format!(" [{}]", printable(name)));
    loop {
        write!(output, "{}{usual} ", question.text)?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            writeln!(output)?;
            return Err(SetupError::Ended);
        }
        let said = line.trim();
        let by_name = || question.choices.iter().position(|(name, _)| name == said);
        let by_number = || said.parse::<usize>().ok()?.checked_sub(1).filter(|&index| is_menu && index < rows.len());
        let usual = question.default.filter(|_| said.is_empty());
        if let Some(index) = usual.or_else(by_name).or_else(by_number) {
            return Ok(index);
        }
        let (first, last) = (question.choices.first(), question.choices.last());
        let names = first
            .zip(last)
            .map(|((first, _), (last, _))| {
                format!("{first} {} {last}", if question.choices.len() == 2 { "or" } else { "to" })
            })
            .unwrap_or_default();
        let wanted = if is_menu { format!("a number from 1 to {}, or a name", rows.len()) } else { names };
        writeln!(output, "Please say {}.", printable(wanted))?;
    }
}

/// What is offered, where nobody can be asked; and why it is.
fn taken(question: &Question, output: &mut impl Write) -> Result<Option<usize>, SetupError> {
    if let Some((name, _)) = question.default.and_then(|index| question.choices.get(index)) {
        let notes = question.notes.iter().map(|note| format!("{}\n", printable(note)));
        write!(output, "\n{}{} {}\n", notes.collect::<String>(), question.text, printable(name))?;
    }
    Ok(question.default)
}

/// What the file would say.
fn shown(draft: &Source, base: &Source, is_new: bool) -> String {
    let says = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let before: Vec<&str> = if is_new { Vec::new() } else { base.text().lines().collect() };
    let line = |line: &str| {
        let mark = if before.contains(&line) { ' ' } else { '+' };
        format!("  {mark} {}\n", printable(line))
    };
    let lines: String = draft.text().lines().filter(says).map(line).collect();
    format!("\n{}, without its comments (+: new):\n{lines}", printable(draft.path().display()))
}

/// # Errors
/// Anything but yes.
fn agree(is_terminal: bool) -> Result<(), Failure> {
    if !is_terminal {
        return Err("nothing was written: give --yes, or run it on a terminal".into());
    }
    let choices = ["yes", "no"].map(|word| (word.to_owned(), Vec::new())).into();
    let question = Question { notes: Vec::new(), text: "Write it?".into(), option: "--yes", choices, default: Some(0) };
    match answer(&question, &mut io::stdin().lock(), &mut io::stdout().lock())? {
        0 => Ok(()),
        _ => Err("nothing was written, as you said".into()),
    }
}

/// Makes the profile, where it must be made first, then writes the file.
fn write(draft: &Source, decision: &Decision, places: &Places) -> Result<(), Failure> {
    let made = decision.description.as_deref().map(|path| made(path, draft.path(), places)).transpose()?;
    make_folder(draft.path().parent())?;
    uninterrupted(|| {
        if let Some(Made { profile, folder, description }) = &made {
            make_folder(folder.parent())?;
            profile.save(folder, Some(description.text()))?;
        }
        write_atomically(draft.path(), draft.text().as_bytes())
    })??;
    let folder = made.iter().map(|made| made.folder.as_path());
    let written: String =
        folder.chain([draft.path()]).map(|path| format!("written: {}\n", printable(path.display()))).collect();
    Ok(print(&format!("\n{written}"))?)
}

/// A profile that is not on the disk yet.
struct Made {
    profile: Profile,
    folder: PathBuf,
    description: Source,
}

/// Designs the profile of the description at `path`, for the folder of profiles beside `target`, else the user's own.
fn made(path: &str, target: &Path, places: &Places) -> Result<Made, Failure> {
    let description = Source::read(Path::new(path))?;
    let device = Device::from_source(&description)?;
    let beside = target.parent().map(|folder| folder.join("profiles"));
    let searched = places.profile_folders();
    let folder = searched.iter().find(|folder| beside.as_ref() == Some(folder)).or(searched.first());
    let folder = folder.map_or_else(PathBuf::new, |folder| folder.join(&device.name));
    Ok(Made { profile: folder::profile(&device, &designed(&device))?, folder, description })
}

fn make_folder(folder: Option<&Path>) -> Result<(), Complaint> {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Complaint::io(folder, "make the folder", &error))
}

/// What the system's service may not read, though root can: it plays as a user of its own.
fn unreadable(target: &Path, profile: &str) -> Option<String> {
    let is_public = ["/etc", "/usr"].iter().any(|folder| Path::new(profile).starts_with(folder));
    (target.starts_with(ETC) && profile::is_path(profile) && !is_public).then(|| {
        format!("the system's service has a user of its own, which may not read {profile}: put it into {ETC}/profiles")
    })
}

/// The commands that come next.
fn next(named: Option<&Path>, target: &Path) -> String {
    let instance = Instance::default();
    let is_service = has_service(Path::new("/"));
    let is_running = ask_status(&instance).wait().is_some_and(|answer| answer.is_ok());
    let config = named.map(config_option).unwrap_or_default();
    let play = if is_running {
        ["spatiald --reload --default".to_owned(), "let the running daemon follow it".into()]
    } else if is_service && target.starts_with(ETC) {
        ["sudo systemctl enable --now spatiald".to_owned(), "start it, here and at boot".into()]
    } else if is_service && named.is_none() {
        [start_command(&instance, is_service), "start it, here and whenever you log in".into()]
    } else {
        [format!("{}{config}", start_command(&instance, false)), "start it".into()]
    };
    let rows = [
        play,
        [format!("spatiald identify{config}"), "let each driver sound: a swapped wire spoils the image".into()],
        [format!("spatiald doctor{config}"), "find out what keeps sound away".into()],
    ];
    format!("\nNext:\n{}", table(&rows.map(Vec::from)))
}

#[cfg(test)]
#[path = "setup_tests.rs"]
mod tests;
