//! The program and its files, from outside: interrupts, pipes, full disks, foreign names. No sound card, no session.

#![cfg(unix)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_spatiald");

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles").join(name)
}

fn description(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/devices").join(name)
}

fn render(profile: &Path, input: &Path, output: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("render").arg("--profile").arg(profile).args([input, output]);
    command
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Exit 1 and one line, which has all of `words` and nothing that moves a terminal.
fn assert_refused(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(!text.trim_end().contains(char::is_control), "{text:?}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text:?}");
    }
}

fn write_wav(path: &Path, seconds: usize) {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..seconds * 48_000 {
        let sample = (8000.0 * (n as f64 * 0.05).sin()) as i16;
        writer.write_sample(sample).unwrap();
        writer.write_sample(-sample).unwrap();
    }
    writer.finalize().unwrap();
}

/// Sends `signal` once `child` sleeps with nothing left to do, and waits for its end.
fn interrupted(child: Child, signal: Signal) -> Output {
    let pid = child.id();
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).map(str::to_owned)
    };
    let mut idle = 0;
    while idle < 20 {
        idle = if state().as_deref() == Some("S") { idle + 1 } else { 0 };
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    kill(Pid::from_raw(pid as i32), signal).unwrap();
    child.wait_with_output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn whatever_it_waits_for_a_signal_ends_it_and_nothing_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_wav(&path("in.wav"), 2);
    nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let profile = shipped("pair");
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // A pipe that nobody opens.
        let child = render(&profile, &path("pipe"), &path("out.wav")).stderr(Stdio::piped()).spawn().unwrap();
        assert_refused(&interrupted(child, signal), &["stopped before the end"]);
        // One that pauses in the midst of the sound.
        let mut child = render(&profile, Path::new("-"), &path("out.wav"))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&fs::read(path("in.wav")).unwrap()[..200_000]).unwrap();
        assert_refused(&interrupted(child, signal), &["stopped before the end"]);
        drop(stdin);
        // One that nobody reads from.
        let child = render(&profile, &path("in.wav"), Path::new("-"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = interrupted(child, signal);
        assert_refused(&output, &["stopped before the end"]);
        assert_eq!(names(folder.path()), ["in.wav", "pipe"]);
    }
}

#[test]
fn it_renders_from_pipe_to_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
    write_wav(&input, 1);
    let profile = shipped("pair");
    let direct = render(&profile, &input, &output).output().unwrap();
    assert!(direct.status.success(), "{direct:?}");
    let mut child = render(&profile, Path::new("-"), Path::new("-"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = fs::read(&input).unwrap();
    let feeder = std::thread::spawn(move || stdin.write_all(&bytes));
    let mut piped = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut piped).unwrap();
    feeder.join().unwrap().unwrap();
    let finished = child.wait_with_output().unwrap();
    assert!(finished.status.success(), "{finished:?}");
    assert!(String::from_utf8_lossy(&finished.stderr).contains("2 channels at 48000 Hz"));
    // The same samples behind a header that knows no sizes.
    let whole = fs::read(&output).unwrap();
    assert_eq!(piped.len(), whole.len());
    assert_eq!(piped[116..], whole[116..]);
}

#[test]
fn it_renders_where_nobody_reads_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.wav");
    write_wav(&input, 1);
    let (reader, writer) = nix::unistd::pipe().unwrap();
    drop(reader);
    let output = render(&shipped("pair"), &input, Path::new("-")).stderr(writer).output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert!(output.stdout.len() > 2 * 4 * 48_000);
}

/// As on a full disk: the write fails, the reason is said, and nothing stays, whatever the file would have replaced.
#[test]
fn a_file_that_may_not_grow_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_wav(&path("in.wav"), 4);
    fs::write(path("old.wav"), "keep me").unwrap();
    let limited = |command: &Command| {
        // 64 blocks of 512 bytes or of 1 KiB: less than any output here.
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -f 64; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
        shell.output().unwrap()
    };
    let profile = shipped("pair");
    for output in ["new.wav", "old.wav"] {
        let refused = limited(&render(&profile, &path("in.wav"), &path(output)));
        assert_refused(&refused, &[output, "cannot write it: file too large"]);
    }
    let mut design = Command::new(PROGRAM);
    design.arg("design").arg(description("cylinder.toml")).arg("-o").arg(path("new")).args(["--taps", "4096"]);
    assert_refused(&limited(&design), &["new", "file too large"]);
    assert_eq!(fs::read(path("old.wav")).unwrap(), b"keep me");
    assert_eq!(names(folder.path()), ["in.wav", "old.wav"]);
}

#[test]
fn what_others_named_reaches_no_terminal_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let evil = folder.path().join("a\u{1b}[2J\nb\u{9b}c");
    let none = evil.join("none");
    let output = |arguments: &[&Path]| Command::new(PROGRAM).args(arguments).output().unwrap();
    let escaped = "a\\u{1b}[2J\\nb\\u{9b}c";
    let good = shipped("pair");
    let (check, config) = (Path::new("--check"), Path::new("--config"));
    assert_refused(&render(&good, &none, &none).output().unwrap(), &[escaped]);
    assert_refused(&render(&none, &none, &none).output().unwrap(), &[escaped]);
    assert_refused(&output(&[Path::new("design"), &none, Path::new("-o"), &none]), &[escaped]);
    // What is checked is listed on standard output, in lines of its own.
    fs::create_dir(&evil).unwrap();
    for arguments in [&[check, evil.as_path()][..], &[config, none.as_path(), check]] {
        let output = output(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(escaped), "{text:?}");
        assert!(text.lines().all(|line| !line.contains(char::is_control)), "{text:?}");
    }
    fs::write(evil.join("text"), "no sound").unwrap();
    assert_refused(
        &render(&good, &evil.join("text"), &evil.join("out")).output().unwrap(),
        &[escaped, "this is no WAV"],
    );
}

#[test]
fn a_design_waits_for_no_pipe_and_follows_no_link_at_its_temporary_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    nix::unistd::mkfifo(&path("pipe.wav"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let text = fs::read_to_string(description("pair.toml")).unwrap();
    fs::write(path("device.toml"), text.replacen("roles =", "response = \"pipe.wav\"\nroles =", 1)).unwrap();
    let mut design = Command::new(PROGRAM);
    design.arg("design").arg(path("device.toml")).arg("-o").arg(path("out"));
    assert_refused(&design.output().unwrap(), &["device.toml:", "pipe.wav", "not a regular file"]);
    fs::remove_file(path("pipe.wav")).unwrap();

    // What the folder's owner laid where temporary files were once.
    fs::write(path("victim"), "keep me").unwrap();
    fs::create_dir(path("out")).unwrap();
    for name in [".coefficients.wav.new", ".profile.toml.new"] {
        std::os::unix::fs::symlink(path("victim"), path("out").join(name)).unwrap();
    }
    let mut design = Command::new(PROGRAM);
    design.arg("design").arg(description("pair.toml")).arg("-o").arg(path("out")).args(["--taps", "64"]);
    let done = design.output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(fs::read(path("victim")).unwrap(), b"keep me");
    assert_eq!(fs::read(path("out/device.toml")).unwrap(), fs::read(description("pair.toml")).unwrap());
    let checked = Command::new(PROGRAM).arg("--check").arg(path("out")).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

/// `--check FILE` in a home of its own.
fn check(file: &Path) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(PROGRAM).arg("--check").arg(file).env("XDG_CONFIG_HOME", home.path()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_device_description_is_checked_as_one() {
    for name in fs::read_dir(description("")).unwrap().map(|entry| entry.unwrap().path()) {
        let (code, said) = check(&name);
        assert_eq!(code, Some(0), "{said}");
    }
    let (_, said) = check(&description("cylinder.toml"));
    let wanted = "cylinder.toml: ok (device cylinder: 3 drivers on 3 channels, 512 taps at 48000 Hz, form full)\n";
    assert!(said.ends_with(wanted), "{said}");

    // Wrong ones are complained of as descriptions: a value, a key, and one that is no TOML.
    let text = fs::read_to_string(description("cylinder.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    for (from, to, place, words) in [
        ("channel = 1", "channel = 0", "mine.toml:25:11: ", "channel"),
        ("model = \"rigid-sphere\"", "modell = \"rigid-sphere\"", "mine.toml:10:", "modell"),
        ("radius_m = 0.09", "radius_m = ", "mine.toml:11:", ""),
    ] {
        assert!(text.contains(from));
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let (code, said) = check(&file);
        assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(place) && said.contains(words) && !said.contains("unknown field `device`"), "{said}");
    }

    // A configuration still is one.
    fs::write(&file, "format = 1\ndevice = \"hw:7\"\n").unwrap();
    assert_eq!(check(&file), (Some(0), format!("{}: ok\n", file.display())));
}
