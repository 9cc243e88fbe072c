//! `spatiald identify [DRIVER]`: which driver is wired to which channel, and which way round; by ear.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::answers::{Answers, Said};
use self::speaker::{Found, Speaker, Voice};
use self::wiring::{Pair, band, channels, pairs, safe_band, turned_over};
use super::Failure;
use super::report::print;
use super::started::Started;
use crate::config::Places;
use crate::daemon::control::MAX_SOUND;
use crate::daemon::sound::{Other, PEAK_DBFS, Sound};
use crate::design::Device;
use crate::design::mend::{Mended, Wire, mended, wires};
use crate::source::{Source, is_there, printable, write_atomically};

mod answers;
mod speaker;
mod wiring;

/// Rounds of a single driver's sound where nobody is there to end it.
const ROUNDS: f64 = 3.0;
/// To hear a sound once more.
const AGAIN: &str = "r";
/// The answer that no polarity was fuller.
const ALIKE: &str = "alike";
/// The answer that nothing sounded.
const NONE: &str = "none";

/// Tell the drivers apart by ear: which is wired to which channel, and which way round
///
/// Each driver in turn plays a quiet burst within its band, through the running daemon (music is silent meanwhile) or, where
/// none runs, on the device itself; then pairs play together. Questions are answered with a line each, from a terminal or a
/// pipe. Where the wires are not as described, the description is mended, once you have seen what changes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Play on this driver alone, by name or number, until Enter is pressed
    #[arg(value_name = "DRIVER")]
    driver: Option<String>,
    /// Description to take names and bands from, and to mend [default: the profile's own device.toml]
    #[arg(long, value_name = "DEVICE.toml")]
    device: Option<PathBuf>,
    #[command(flatten)]
    started: Started,
}

/// Why it ended before its time.
#[derive(Debug, thiserror::Error)]
#[error("ended before the last answer: nothing is written")]
struct Ended;

/// Runs the command.
///
/// # Errors
/// There is nothing to play on, the answers tell no wiring, or they end too early: then nothing is written.
pub fn run(args: &Args) -> Result<(), Failure> {
    let answers = Answers::listen()?;
    let Found { speaker, folder, profile } = Found::look(args)?;
    let inside = folder.join("device.toml");
    let path = args.device.as_ref().unwrap_or(&inside);
    if args.device.is_none() && !is_there(path)? {
        let folder = printable(folder.display());
        return Err(format!("{folder} has no device.toml: name the description with --device DEVICE.toml").into());
    }
    let source = Source::read(path)?;
    let device = Device::from_source(&source)?;
    let mut session = Session { args, speaker, answers, device, channels: 0 };
    if let Some(name) = &args.driver {
        return session.one(name);
    }
    let wires = session.find_wires()?;
    let mended = mended(&source, &wires)?;
    if mended.changes.is_empty() {
        return Ok(print("The wires are as described: there is nothing to mend.\n")?);
    }
    if let Some(path) = session.write(&source, &mended)? {
        print(&what_next(args, &path, &folder, &profile))?;
    }
    Ok(())
}

struct Session<'a> {
    args: &'a Args,
    speaker: Speaker,
    answers: Answers,
    device: Device,
    /// Of the sound card, as far as known.
    channels: usize,
}

impl Session<'_> {
    /// Plays on one driver, until somebody has heard it.
    fn one(&mut self, name: &str) -> Result<(), Failure> {
        let index = self.driver(name)?;
        let sound = self.sound(index);
        let driver = &self.device.drivers[index];
        let [low, high] = sound.band_hz;
        let (name, channel) = (&driver.name, driver.channel);
        let is_watched = io::stdin().is_terminal();
        let end = if is_watched { "; Enter ends it" } else { "" };
        print(&format!("{name} on channel {channel}, {low:.0} to {high:.0} Hz{end}\n"))?;
        let _voice = self.play(&sound)?;
        if is_watched {
            self.answers.next(Some(Instant::now() + MAX_SOUND))?;
        } else if !self.answers.wait(Instant::now() + Duration::from_secs_f64(ROUNDS * sound.round_s())) {
            return Err("ended by a signal".into());
        }
        Ok(())
    }

    /// Asks through all drivers and pairs.
    fn find_wires(&mut self) -> Result<Vec<Wire>, Failure> {
        let drivers = &self.device.drivers;
        let named: Vec<String> =
            (1..).zip(drivers).map(|(number, driver)| format!("{number} {}", driver.name)).collect();
        print(&format!(
            "{}: {}\nNo sound is louder than {PEAK_DBFS} dBFS; music is silent meanwhile. Answer with a driver's name or number, \
             {NONE},\nor {AGAIN} to hear it once more; Enter takes what stands in brackets. Ctrl-C ends, and changes nothing.\n",
            self.device.name,
            named.join(", ")
        ))?;
        let channels = self.find_channels()?;
        let mut wires = wires(&self.device);
        wires.iter_mut().zip(&channels).for_each(|(wire, channel)| wire.channel = *channel);
        let found = self.compare(&wires)?;
        let turned = turned_over(wires.len(), &found);
        wires.iter_mut().zip(turned).for_each(|(wire, turned)| wire.is_inverted ^= turned);
        Ok(wires)
    }

    fn find_channels(&mut self) -> Result<Vec<usize>, Failure> {
        let mut heard = Vec::new();
        for index in 0..self.device.drivers.len() {
            let (sound, driver) = (self.sound(index), &self.device.drivers[index]);
            let question = format!("channel {}: which driver sounds? [{}] ", driver.channel, driver.name);
            let answer = self.ask(&sound, &question, |session, line| session.heard(line, Some(index)))?;
            heard.push((sound.channel, answer));
        }
        // A driver that was not heard may be wired to a channel that nobody has described.
        let missing = |heard: &[(usize, Option<usize>)]| -> Vec<usize> {
            (0..self.device.drivers.len()).filter(|index| !heard.iter().any(|(_, on)| on == &Some(*index))).collect()
        };
        let mut left = missing(&heard);
        let free: Vec<usize> =
            (0..self.channels).filter(|channel| !heard.iter().any(|(on, _)| on == channel)).collect();
        for channel in free {
            let band = safe_band(left.iter().map(|index| &self.device.drivers[*index]));
            let Some(band_hz) = band.filter(|_| !left.is_empty()) else { break };
            let question = format!("channel {channel}: which driver sounds? [{NONE}] ");
            let sound = Sound { band_hz, channel, with: None };
            heard.push((channel, self.ask(&sound, &question, |session, line| session.heard(line, None))?));
            left.retain(|index| !heard.iter().any(|(_, on)| on == &Some(*index)));
        }
        Ok(channels(&self.device, &heard)?)
    }

    /// Which pairs are opposed, as far as anybody heard it.
    fn compare(&mut self, wires: &[Wire]) -> Result<Vec<(Pair, bool)>, Failure> {
        let pairs = pairs(&self.device);
        if !pairs.is_empty() {
            print("Now two at once, twice in a row: which of the two sounds is fuller?\n")?;
        }
        let mut found = Vec::new();
        for pair in &pairs {
            let [first, second] =
                [pair.first, pair.second].map(|index| (&self.device.drivers[index].name, wires[index]));
            let is_inverted = first.1.is_inverted != second.1.is_inverted;
            let with = Some(Other { channel: second.1.channel, is_inverted });
            let sound = Sound { band_hz: pair.band_hz, channel: first.1.channel, with };
            let question = format!("{} and {}: which is fuller, 1 or 2? [alike] ", first.0, second.0);
            let fuller = self.ask(&sound, &question, |_, line| match line {
                "" | ALIKE => Ok(None),
                "1" => Ok(Some(false)),
                "2" => Ok(Some(true)),
                other => Err(format!("`{}` is no answer here; there are 1, 2, {ALIKE} and {AGAIN}", printable(other))),
            })?;
            found.extend(fuller.map(|is_opposed| (*pair, is_opposed)));
        }
        let is_tied = |index: &usize| found.iter().any(|(pair, _)| [pair.first, pair.second].contains(index));
        let drivers = self.device.drivers.iter().enumerate();
        let untied: Vec<&str> = drivers.filter(|(i, _)| !is_tied(i)).map(|(_, driver)| driver.name.as_str()).collect();
        if !untied.is_empty() {
            print(&format!("Polarity not heard, left as described: {}\n", untied.join(", ")))?;
        }
        Ok(found)
    }

    /// Plays `sound` and takes the first line that is an answer.
    fn ask<T>(
        &mut self,
        sound: &Sound,
        question: &str,
        answer: impl Fn(&Self, &str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            let _voice = self.play(sound)?;
            loop {
                let line = self.line(question)?;
                match answer(self, &line) {
                    Ok(answer) => return Ok(answer),
                    Err(_) if line == AGAIN => break,
                    Err(reason) => print(&format!("{reason}\n"))?,
                }
            }
        }
    }

    fn line(&mut self, question: &str) -> Result<String, Failure> {
        print(question)?;
        match self.answers.next(None)? {
            Said::Line(line) => {
                // A terminal has shown the line and its end already.
                if !io::stdin().is_terminal() {
                    print(&format!("{}\n", printable(&line)))?;
                }
                Ok(line)
            }
            Said::End | Said::Nothing => {
                print("\n")?;
                Err(Ended.into())
            }
        }
    }

    fn play(&mut self, sound: &Sound) -> Result<Voice, Failure> {
        let (voice, channels) = self.speaker.play(self.args, sound)?;
        self.channels = channels;
        Ok(voice)
    }

    /// The sound by which a driver is told, on the channel that it is described on.
    fn sound(&self, index: usize) -> Sound {
        let driver = &self.device.drivers[index];
        Sound { band_hz: band(&self.device, driver), channel: driver.channel, with: None }
    }

    fn heard(&self, line: &str, expected: Option<usize>) -> Result<Option<usize>, String> {
        match line {
            "" => Ok(expected),
            // A driver may be called so.
            NONE => Ok(self.driver(NONE).ok()),
            name => self.driver(name).map(Some),
        }
    }

    /// A driver by name, or by number from 1.
    fn driver(&self, name: &str) -> Result<usize, String> {
        let drivers = &self.device.drivers;
        let numbered = || name.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < drivers.len());
        drivers.iter().position(|driver| driver.name == name).or_else(numbered).ok_or_else(|| {
            let names: Vec<&str> = drivers.iter().map(|driver| driver.name.as_str()).collect();
            format!("there is no driver `{}`; there are {}", printable(name), names.join(", "))
        })
    }

    /// Shows what changes, and writes it where it is wanted.
    fn write(&mut self, source: &Source, mended: &Mended) -> Result<Option<PathBuf>, Failure> {
        let changes: String = mended.changes.iter().map(|change| format!("  {}\n", printable(change))).collect();
        print(&format!("The wires are not as described. Mended:\n{changes}"))?;
        let path = match &self.args.device {
            Some(path) => {
                let question = format!("Write {}? y or n [n] ", printable(path.display()));
                if !matches!(&*self.line(&question)?, "y" | "yes") {
                    return Ok(None);
                }
                path.clone()
            }
            None => loop {
                let question =
                    "The profile's own description belongs to its filters. Write a mended copy to which file? [none] ";
                match &*self.line(question)? {
                    "" | NONE | "n" | "no" => return Ok(None),
                    "y" | "yes" => print("Name a file, like device.toml\n")?,
                    name if is_there(Path::new(name))? => print(&format!("{} is there already\n", printable(name)))?,
                    name => break name.into(),
                }
            },
        };
        if Source::read(source.path())?.text() != source.text() {
            return Err(
                format!("{} has changed meanwhile: nothing is written", printable(source.path().display())).into()
            );
        }
        write_atomically(&path, mended.text.as_bytes())?;
        Ok(Some(path))
    }
}

/// Filters are made for wires: what has to be typed for the others.
fn what_next(args: &Args, description: &Path, folder: &Path, profile: &str) -> String {
    let is_ours = nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK).is_ok();
    let own = Places::from_environment().profile_folders().first().map(|folder| folder.join(profile));
    let (folder, name) = match own.filter(|_| !is_ours) {
        Some(own) => (own, format!(" {profile}")),
        None => (folder.to_owned(), String::new()),
    };
    let instance = match args.started.instance.name() {
        "default" => String::new(),
        name => format!(" --instance {name}"),
    };
    let (description, folder) = (printable(description.display()), printable(folder.display()));
    format!(
        "Written: {description}. The filters are for the wires before; design them again, and switch:\n    \
         spatiald design {description} -o {folder}\n    spatiald{instance} --reload{name}\n"
    )
}
