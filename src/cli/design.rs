//! `spatiald design`: from a device description to a profile, or the figures of a profile again.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::Failure;
use super::report::print;
use crate::config::controls::Controls;
use crate::config::{Places, Seat};
use crate::controls::{self, Aim};
use crate::design::crosstalk::Lowered;
use crate::design::designer::{self, Design};
use crate::design::people::{self, PeopleFigures, PeopleTable, Person};
use crate::design::shortfalls::shortfalls;
use crate::design::table::Table;
use crate::design::{Device, Figures, FilterSet, evaluate, folder, seat};
use crate::profile::{self, Profile};
use crate::source::{Source, printable};

/// Design a profile for a device, and predict what it does.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Description of the device
    #[arg(value_name = "DEVICE.toml", required_unless_present = "evaluate")]
    description: Option<PathBuf>,
    /// Folder of the profile to write
    #[arg(short, long, value_name = "DIR", required_unless_present = "evaluate", conflicts_with = "evaluate")]
    output: Option<PathBuf>,
    /// Length of the filters in samples, in place of the description's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(64..=8192), conflicts_with = "evaluate")]
    taps: Option<u16>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Print all figures, not only what a maker must know first
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// Design nothing: print the figures of this profile on the device
    #[arg(long, value_name = "PROFILE")]
    evaluate: Option<String>,
    /// With --evaluate: description of the device, in place of the profile's own device.toml
    #[arg(long, value_name = "DEVICE.toml", requires = "evaluate", conflicts_with = "description")]
    device: Option<PathBuf>,
    /// With --evaluate: print the direct figures of a listener in this seat, with the filters turned to it and without
    #[arg(
        long,
        value_name = "AZIMUTH_DEG[,DISTANCE_M]",
        requires = "evaluate",
        allow_hyphen_values = true,
        conflicts_with_all = ["heads", "output"]
    )]
    seat: Option<String>,
    /// Add the figures over all measured heads (SOFA files) in this folder
    #[arg(long, value_name = "FOLDER")]
    heads: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// The description or the profile is wrong, or the folder cannot be written. Then nothing is written.
pub fn run(args: Args) -> Result<(), Failure> {
    let named = args.description.as_ref().or(args.device.as_ref());
    if let Some(name) = &args.evaluate {
        let folder = profile::find(name, &Places::from_environment())?;
        let profile = Profile::load(&folder)?;
        let device = Device::load(&description_of(&folder, named)?)?;
        if let Some(seat) = &args.seat {
            let seat: Seat = seat.parse()?;
            return in_seat(&profile, Aim::new(folder::in_order_of(&profile, &device)?, seat)?, seat, args.json);
        }
        let heads = heads(&args, &device)?;
        let (device, filters) = folder::played_on(&profile, &device)?;
        let figures = evaluate::evaluate(&device, &filters);
        let people = over_people(&device, &profile, heads.as_deref())?;
        // What its design gave up, a profile says in its own notes.
        let notes = shortfalls(&device, &figures, Lowered::default());
        return show(&device, &figures, &notes, people.as_ref(), &args);
    }
    // Without --evaluate the parser asks for a description.
    let description = Source::read(named.map_or(Path::new(""), PathBuf::as_path))?;
    let mut device = Device::from_source(&description)?;
    if let Some(taps) = args.taps {
        device.taps = usize::from(taps);
    }
    let heads = heads(&args, &device)?;
    let design = designed(&device);
    let profile = folder::profile(&device, &design)?;
    if let Some(output) = &args.output {
        uninterrupted(|| profile.save(output, Some(description.text())))??;
    }
    let people = over_people(&device, &profile, heads.as_deref())?;
    show(&device, &design.figures, &design.notes, people.as_ref(), &args)?;
    if let (Some(output), false) = (&args.output, args.json) {
        print(&written(output))?;
    }
    Ok(())
}

/// Where the profile is, and how it is used; by its name, where it lies among those that are searched by name.
fn written(output: &Path) -> String {
    let folder = printable(output.display()).to_string();
    if !cfg!(feature = "daemon") {
        return format!("written: {folder}\n");
    }
    let places = Places::from_environment();
    let is_searched = output.parent().is_some_and(|parent| places.profile_folders().iter().any(|f| f == parent));
    let named = match output.file_name().filter(|_| is_searched) {
        Some(name) => printable(name.to_string_lossy()).to_string(),
        None if profile::is_path(&folder) => folder.clone(),
        None => format!("./{folder}"),
    };
    format!("written: {folder}; use it: spatiald setup --profile {named}\n")
}

/// Designs, with a bar on a terminal.
pub(super) fn designed(device: &Device) -> Design {
    let bar = progress_bar("designing");
    let design = designer::design(device, &|done| bar.set_position((done * 100.0) as u64));
    bar.finish_and_clear();
    design
}

/// The direct figures in a seat: of the filters as they were designed, and turned to it.
fn in_seat(profile: &Profile, aim: Aim, seat: Seat, json: bool) -> Result<(), Failure> {
    let spec = controls::chain_spec(profile, Some(&aim), &Controls::default())?;
    let [plain, turned] = [&profile.chain_spec(), &spec]
        .map(|spec| seat::at(aim.device(), &FilterSet::from_chain_spec(spec), &aim.listener()));
    if json {
        let value =
            json!({ "device": aim.device().name, "seat": seat.to_string(), "not_turned": plain, "turned": turned });
        return Ok(print(&format!("{}\n", serde_json::to_string_pretty(&value)?))?);
    }
    Ok(print(&seat::table(&seat.to_string(), &plain, &turned))?)
}

/// The description a profile was made from: the one named, else the one in its folder.
fn description_of(folder: &Path, named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let inside = folder.join("device.toml");
    match named {
        Some(path) => Ok(path.clone()),
        None if inside.exists() => Ok(inside),
        None => Err(format!(
            "{}: holds no device.toml, the description it was made from; name it with --device DEVICE.toml",
            folder.display()
        )
        .into()),
    }
}

/// The heads asked for; read before anything is designed.
fn heads(args: &Args, device: &Device) -> Result<Option<Vec<Person>>, Failure> {
    let read = |folder: &PathBuf| people::load(folder, device.listener.head.radius_m());
    Ok(args.heads.as_ref().map(read).transpose()?)
}

fn over_people(device: &Device, profile: &Profile, heads: Option<&[Person]>) -> Result<Option<PeopleFigures>, Failure> {
    let Some(heads) = heads else { return Ok(None) };
    let bar = progress_bar("measured heads");
    let seated = controls::seated(profile, device)?;
    let figures = people::people(device, &seated, heads, &|done| bar.set_position((done * 100.0) as u64));
    bar.finish_and_clear();
    Ok(Some(figures))
}

/// Runs `write`; a signal that would end the process waits until it is done, so that nothing stays half written.
#[cfg(unix)]
pub(super) fn uninterrupted<T>(write: impl FnOnce() -> T) -> std::io::Result<T> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let (asked, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&done))?;
        signal_hook::flag::register(signal, Arc::clone(&asked))?;
    }
    let written = write();
    done.store(true, Ordering::Relaxed);
    if asked.load(Ordering::Relaxed) {
        return Err(std::io::Error::new(std::io::ErrorKind::Interrupted, "stopped, once it was written"));
    }
    Ok(written)
}

#[cfg(not(unix))]
pub(super) fn uninterrupted<T>(write: impl FnOnce() -> T) -> std::io::Result<T> {
    Ok(write())
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(doing: &str) -> ProgressBar {
    let bar = ProgressBar::new(100);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template(&format!("{doing} [{{bar:40}}] {{percent:>3}} %")) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn show(
    device: &Device,
    figures: &Figures,
    notes: &[String],
    people: Option<&PeopleFigures>,
    args: &Args,
) -> Result<(), Failure> {
    if args.json {
        let mut value = json!({ "device": device.name, "taps": device.taps, "notes": notes, "figures": figures });
        if let Some(people) = people {
            value["people"] = json!(people);
        }
        return Ok(print(&format!("{}\n", serde_json::to_string_pretty(&value)?))?);
    }
    print(&Table { device, figures, notes, all: args.all }.to_string())?;
    if let Some(people) = people {
        print(&PeopleTable(people).to_string())?;
    }
    Ok(())
}
