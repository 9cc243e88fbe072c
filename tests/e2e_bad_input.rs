//! Everything wrong that a user can hand over: one line that names it, exit 1, and nothing half done.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::card::Word;
use support::daemon::{PROGRAM, copy_folder, shipped_profile};
use support::{Card, Session};

/// Exit 1, and a first line on stderr that contains all of `words`; no trace of a panic.
fn assert_refused(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    let errors: Vec<&str> = text.lines().filter(|line| !line.starts_with('[')).collect();
    let first = errors.first().unwrap_or_else(|| panic!("nothing on stderr"));
    for word in words {
        assert!(first.contains(word), "no {word:?} in {first:?}");
    }
}

fn render(profile: &Path, input: &Path, output: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("render").arg("--profile").arg(profile).args([input, output]);
    command.output().expect("spatiald runs")
}

/// A copy of a shipped profile, changed by `change`.
fn broken(folder: &Path, change: impl Fn(&Path)) {
    copy_folder(&shipped_profile("cylinder"), folder);
    change(folder);
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from:?}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn broken_profiles_are_refused_and_leave_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.wav");
    let tone = support::signal::tone(440.0, 0.1, 48_000, 4_800);
    support::signal::write_wav(&input, 48_000, support::signal::Wav::Int16, &[&tone, &tone]);
    let output = folder.path().join("out.wav");
    let nan = |folder: &Path| {
        let path = folder.join("coefficients.wav");
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&f32::NAN.to_le_bytes());
        fs::write(path, bytes).unwrap();
    };
    type Break<'a> = (&'a str, Box<dyn Fn(&Path)>, &'a [&'a str]);
    let cases: Vec<Break> = vec![
        (
            "unknown-key",
            Box::new(|f| edit(&f.join("profile.toml"), "block_frames", "blok_frames")),
            &["profile.toml:", "blok_frames"],
        ),
        (
            "channels",
            Box::new(|f| {
                fs::copy(shipped_profile("pair").join("coefficients.wav"), f.join("coefficients.wav")).unwrap();
            }),
            &["coefficients.wav", "9"],
        ),
        ("nan", Box::new(nan), &["coefficients.wav"]),
        ("no-coefficients", Box::new(|f| fs::remove_file(f.join("coefficients.wav")).unwrap()), &["coefficients.wav"]),
        ("no-toml", Box::new(|f| fs::remove_file(f.join("profile.toml")).unwrap()), &["profile.toml"]),
        ("not-toml", Box::new(|f| fs::write(f.join("profile.toml"), "format = \n").unwrap()), &["profile.toml:1:"]),
    ];
    for (name, change, words) in cases {
        let profile = folder.path().join(name);
        broken(&profile, change);
        assert_refused(&render(&profile, &input, &output), words);
        assert!(!output.exists(), "{name}: a partial output");
    }
    assert_refused(&render(Path::new("no-such-profile"), &input, &output), &["no-such-profile"]);
    let good = shipped_profile("cylinder");
    assert_refused(&render(&good, &folder.path().join("nothing.wav"), &output), &["nothing.wav"]);
    assert_refused(&render(&good, &good.join("profile.toml"), &output), &["profile.toml"]);
    assert!(!output.exists());
    assert!(render(&good, &input, &output).status.success() && output.exists());
}

#[test]
fn the_daemon_says_why_it_does_not_start() {
    let mut session = Session::start();
    let card = Card::new();
    let run = |session: &Session, config: &str, profile: &str| {
        let file = session.path("spatiald.toml");
        fs::write(&file, config).unwrap();
        let (name, value) = Card::env();
        let mut command = session.command("timeout");
        command.args(["30", PROGRAM, "--no-wait", "--config"]).arg(file).args(["--profile", profile]).env(name, value);
        command.output().expect("spatiald runs")
    };
    let cylinder = shipped_profile("cylinder");
    let cylinder = cylinder.to_str().unwrap();
    assert_refused(&run(&session, "format = 1\ndevise = \"hw:0\"\n", cylinder), &["spatiald.toml:2:", "devise"]);
    assert_refused(
        &run(&session, &format!("format = 1\ndevice = \"{}\"\n", card.pcm()), "no-such-profile"),
        &["no-such-profile"],
    );

    let with_device = |pcm: &str| run(&session, &format!("format = 1\ndevice = \"{pcm}\"\n"), cylinder);
    assert_refused(&with_device("hw:CARD=Nonesuch"), &["hw:CARD=Nonesuch"]);
    card.set(Word::Busy, 1);
    assert_refused(&with_device(&card.pcm()), &[&card.pcm(), "busy"]);
    card.set(Word::Busy, 0);
    let narrow = Card::with_limits("CHANNELS=2");
    assert_refused(&with_device(&narrow.pcm()), &[&narrow.pcm(), "2", "3"]);
    session.kill_pipewire();
    let output = run(&session, &format!("format = 1\ndevice = \"{}\"\n", card.pcm()), cylinder);
    assert_refused(&output, &["PipeWire", "pipewire-0"]);
}
