//! `spatiald identify` on a device that is wired wrong: somebody who hears what the card's converters play answers, and
//! the description comes out right.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::analysis::steepest;
use support::card::Word;
use support::daemon::{PROGRAM, copy_folder, shipped_profile};
use support::wait::wait_until;
use support::{Bed, Card, Options, Session, Setup, undisturbed};

const RATE_HZ: usize = 48_000;
/// −24 dBFS, and what rounding adds.
const PEAK: f64 = 0.0631 + 1e-6;
/// The shortest pause between two rounds, and the longest between two bursts of one.
const BETWEEN_ROUNDS: usize = RATE_HZ / 2;

/// How the loudspeaker is wired in truth: by driver, its channel, and whether its wires are swapped.
#[derive(Clone, Copy)]
struct Truth([(&'static str, usize, f64); 3]);

const SWAPPED: Truth = Truth([("left", 1, 1.0), ("right", 0, -1.0), ("front", 4, 1.0)]);

impl Truth {
    fn driver_on(&self, channel: usize) -> &'static str {
        self.0.iter().find(|(_, on, _)| *on == channel).map_or("none", |(name, ..)| name)
    }

    /// What arrives in front of the loudspeaker from the first two channels that sound.
    fn in_air(&self, heard: &[(usize, Vec<f64>)]) -> Vec<f64> {
        let sign = |channel: usize| self.0.iter().find(|(_, on, _)| *on == channel).expect("a driver").2;
        let [(a, first), (b, second)] = heard else { panic!("{} channels sound", heard.len()) };
        first.iter().zip(second).map(|(x, y)| sign(*a) * x + sign(*b) * y).collect()
    }
}

/// Who sits before the loudspeaker, and answers.
struct Maker<'a> {
    child: Child,
    card: &'a Card,
    truth: Truth,
    transcript: String,
}

impl<'a> Maker<'a> {
    fn start(command: &mut Command, card: &'a Card, truth: Truth) -> Maker<'a> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Maker { child: command.spawn().expect("spatiald runs"), card, truth, transcript: String::new() }
    }

    /// The next question, or nothing more.
    fn question(&mut self) -> Option<String> {
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"] ") {
            if self.child.stdout.as_mut().expect("piped").read(&mut byte).expect("a pipe") == 0 {
                self.transcript += &String::from_utf8_lossy(&text);
                return None;
            }
            text.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        self.transcript += &text;
        Some(text.lines().last().unwrap_or_default().to_owned())
    }

    fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("piped"), "{line}").expect("a pipe");
    }

    /// What sounds, by channel, from a moment on in which nothing of what was before is left.
    fn heard(&self, frames: usize) -> Vec<(usize, Vec<f64>)> {
        let begin = self.card.recorded_frames() + RATE_HZ / 5;
        assert!(wait_until(|| self.card.recorded_frames() >= begin + frames), "the card stands still");
        let recording = self.card.recording_from(begin);
        let channels = (0..recording.channels).map(|channel| (channel, recording.channel(channel)));
        channels.filter(|(_, signal)| signal.iter().any(|v| *v != 0.0)).collect()
    }

    /// The same, for long enough that a burst is in it: quiet, and without a click.
    fn listen(&self, frames: usize) -> Vec<(usize, Vec<f64>)> {
        let heard = self.heard(frames);
        for (channel, signal) in &heard {
            let most = signal.iter().fold(0.0f64, |most, v| most.max(v.abs()));
            assert!(most > 0.3 * PEAK && most <= PEAK, "channel {channel}: {most}");
            // The steepest that a sine of this peak is at 4 kHz.
            assert!(steepest(signal) < PEAK * 0.53, "channel {channel} clicks");
        }
        heard
    }

    /// `1` or `2`: which of the two sounds of a round has more power in the air.
    fn fuller(&self) -> &'static str {
        let heard = self.listen(6 * RATE_HZ);
        let is_silent = |n: usize| heard.iter().all(|(_, signal)| signal[n] == 0.0);
        let mut silent = 0;
        let begin = (0..heard[0].1.len()).find(|n| {
            let begins = !is_silent(*n) && silent >= BETWEEN_ROUNDS;
            silent = if is_silent(*n) { silent + 1 } else { 0 };
            begins
        });
        let begin = begin.expect("a round begins");
        let air = self.truth.in_air(&heard);
        let power = |from: usize| -> f64 { air[from..from + 7 * RATE_HZ / 10].iter().map(|v| v * v).sum() };
        let (first, second) = (power(begin), power(begin + RATE_HZ));
        assert!(first.max(second) > 100.0 * first.min(second), "{first} and {second}");
        if first > second { "1" } else { "2" }
    }

    /// Answers everything by what is heard; the last question by `file`.
    fn answer_all(mut self, file: &str) -> (Output, String) {
        while let Some(question) = self.question() {
            if question.contains("which driver sounds?") {
                let heard = self.listen(2 * RATE_HZ);
                assert_eq!(heard.len(), 1, "{question}: channels {:?}", heard.iter().map(|h| h.0).collect::<Vec<_>>());
                let driver = self.truth.driver_on(heard[0].0);
                self.say(driver);
            } else if question.contains("which is fuller") {
                let fuller = self.fuller();
                self.say(fuller);
            } else {
                self.say(file);
            }
        }
        let output = self.child.wait_with_output().expect("it ends");
        (output, self.transcript)
    }

    fn end(mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }
}

/// The cylinder's description, with a remark that must stay.
fn description() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/devices/cylinder.toml");
    fs::read_to_string(path).expect("a description").replace("channel = 1", "channel = 1    # the blue wire")
}

/// The same as [`SWAPPED`] is: left on 1, right on 0 and turned over, front on 4.
fn right_description() -> String {
    description()
        .replace("channel = 0", "channel = X")
        .replace("channel = 1    # the blue wire", "channel = 0    # the blue wire\npolarity = -1")
        .replace("channel = X", "channel = 1")
        .replace("channel = 2", "channel = 4")
}

/// `spatiald identify …` in the session, in its folder.
fn identify(session: &Session, arguments: &[&str]) -> Command {
    let mut command = session.command(PROGRAM);
    let (name, value) = Card::env();
    command.env(name, value).current_dir(session.path("")).arg("identify").args(arguments);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn through_the_daemon_swapped_wires_are_found_while_music_is_silent_and_comes_back() {
    undisturbed(|| {
        let bed = Bed::start(Setup::default(), &Options::default());
        let _music = bed.play_tone(0.1, 1024, 0.5);
        fs::write(bed.session.path("device.toml"), description()).unwrap();
        let arguments = ["--instance", "test", "--device", "device.toml"];
        let maker = Maker::start(&mut identify(&bed.session, &arguments), &bed.card, SWAPPED);
        let (output, transcript) = maker.answer_all("y");
        eprintln!("{transcript}");
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(fs::read_to_string(bed.session.path("device.toml")).unwrap(), right_description());
        for said in [
            "device.toml:15: channel = 0 → channel = 1",
            "channel = 1    # the blue wire → channel = 0    # the blue wire",
            "+ polarity = -1",
            "channel = 2 → channel = 4",
            "spatiald --instance test --reload",
        ] {
            assert!(transcript.contains(said), "{said:?} is not in it");
        }
        let begin = bed.card.recorded_frames();
        let is_back = || bed.card.recording_from(begin).channel(0).iter().any(|v| v.abs() > 0.01);
        assert!(wait_until(is_back), "the music is back");
        bed.listen(0.5);
        bed.assert_whole(bed.listen(1.0));
    });
}

#[test]
fn without_a_daemon_the_device_itself_is_played_on() {
    let (session, card) = (Session::start(), Card::with_limits("CHANNELS=8,FORMATS=S32_LE"));
    let profile = session.path("config/spatiald/profiles/mine");
    copy_folder(&shipped_profile("cylinder"), &profile);
    let settings = "profile = \"mine\"\n[controls]\ntrim_db = -3";
    let config = format!("format = 1\ndevice = \"{}\"\n{settings}\n", card.pcm());
    fs::write(session.path("config/spatiald/spatiald.toml"), config).unwrap();
    let truth = Truth([("left", 0, 1.0), ("right", 1, 1.0), ("front", 2, -1.0)]);
    let (output, transcript) = Maker::start(&mut identify(&session, &[]), &card, truth).answer_all("mended.toml");
    assert!(output.status.success(), "{transcript}{}", text(&output.stderr));
    let before = fs::read_to_string(profile.join("device.toml")).unwrap();
    let mended = fs::read_to_string(session.path("mended.toml")).unwrap();
    assert_eq!(mended, before.replace("channel = 2\n", "channel = 2\npolarity = -1\n"), "{transcript}");
    assert!(session.output(PROGRAM, &["--check", session.path("mended.toml").to_str().unwrap()]).status.success());

    let ask = |arguments: &[&str]| {
        let output = identify(&session, arguments).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    // Nobody is there to end it: it plays three rounds.
    let begin = card.recorded_frames();
    let (code, said, _) = ask(&["2"]);
    assert_eq!((code, &*said), (Some(0), "right on channel 1, 500 to 4000 Hz\n"));
    let recording = card.recording_from(begin);
    let sounds = |channel: &usize| recording.channel(*channel).iter().any(|v| *v != 0.0);
    assert_eq!((0..8).filter(sounds).collect::<Vec<_>>(), [1]);
    let (code, _, reason) = ask(&[]);
    assert_eq!((code, &*reason), (Some(1), "spatiald: ended before the last answer: nothing is written\n"));
    let (code, _, reason) = ask(&["back"]);
    assert_eq!(code, Some(1));
    assert_eq!(reason, "spatiald: there is no driver `back`; there are left, right, front\n");
    card.set(Word::Busy, 1);
    let (code, _, reason) = ask(&["left"]);
    assert!(code == Some(1) && reason.contains("is busy"), "{reason}");
}

#[test]
fn one_at_a_time_and_no_longer_than_who_asked_for_it() {
    let bed = Bed::start(Setup::default(), &Options::default());
    let start = || Maker::start(&mut identify(&bed.session, &["--instance", "test"]), &bed.card, SWAPPED);
    for end in ["SIGKILL", "SIGINT", "SIGTERM", "Ctrl-D"] {
        let mut first = start();
        first.question().expect("a question");
        assert_eq!(first.listen(2 * RATE_HZ).len(), 1, "it sounds");
        let second = identify(&bed.session, &["--instance", "test", "front"]).output().unwrap();
        let reason = text(&second.stderr);
        assert_eq!((second.status.code(), reason.lines().count()), (Some(1), 1), "{reason}");
        assert!(reason.contains("another spatiald identify is under way"), "{reason}");
        match end {
            "Ctrl-D" => drop(first.child.stdin.take()),
            signal => kill(Pid::from_raw(first.child.id() as i32), signal.parse::<Signal>().unwrap()).unwrap(),
        }
        assert!(!first.child.wait().unwrap().success(), "{end}");
        assert!(wait_until(|| first.heard(2 * RATE_HZ).is_empty()), "{end}: it sounds on");
    }
    // There is room for another one at once.
    let mut last = start();
    assert!(last.question().is_some());
    last.end();
}

#[test]
fn a_device_in_standby_wakes_for_it_and_sleeps_again() {
    let options = Options { config: "suspend_seconds = 1".into(), ..Options::default() };
    let bed = Bed::start(Setup::default(), &options);
    let is_asleep = || bed.daemon.status()["state"] == "standby";
    assert!(wait_until(is_asleep), "{}", bed.daemon.log());
    let mut maker = Maker::start(&mut identify(&bed.session, &["--instance", "test"]), &bed.card, SWAPPED);
    maker.question().expect("a question");
    assert!(wait_until(|| bed.daemon.status()["device"].is_object()), "{}", bed.daemon.log());
    assert_eq!(maker.listen(2 * RATE_HZ).len(), 1);
    maker.end();
    assert!(wait_until(is_asleep), "{}", bed.daemon.log());
}
