//! `spatiald list` and `spatiald setup` in a home of their own, on ALSA's null device. No sound card, no session.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::pty::openpty;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_spatiald");
const SHIPPED: &str = include_str!("../conf/spatiald.toml");

/// A home with the profiles `pair` and `bar`.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.path("profiles")).unwrap();
        for name in ["pair", "bar"] {
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles").join(name);
            std::os::unix::fs::symlink(shipped, home.path("profiles").join(name)).unwrap();
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("spatiald").join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("spatiald.toml")
    }

    fn read(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).stdin(Stdio::null()).current_dir(self.path(""));
        for variable in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME"] {
            command.env(variable, self.0.path());
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What is in the folder of the configuration.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The program on a terminal, whose other end is returned.
    fn on_terminal(&self, arguments: &[&str]) -> (Child, File) {
        let terminal = openpty(None, None).unwrap();
        let mut command = self.command(arguments);
        let end = || terminal.slave.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end());
        // Whoever runs the tests in the background may have it ignored, and that is inherited.
        let take_interrupts = || {
            // SAFETY: no handler is installed, the default is set.
            unsafe { signal(Signal::SIGINT, SigHandler::SigDfl)? };
            Ok(())
        };
        // SAFETY: `signal` may be called between fork and exec (signal-safety(7)).
        unsafe { command.pre_exec(take_interrupts) };
        (command.spawn().unwrap(), terminal.master.into())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Exit 1 and a reason of one line with all of `words`.
fn assert_refused(output: &Output, words: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in {said:?}");
    }
}

/// Reads the terminal until `prompt` is there.
fn wait_for(terminal: &mut File, prompt: &str) -> String {
    let (mut seen, mut bytes) = (String::new(), [0; 4096]);
    while !seen.contains(prompt) {
        let read = terminal.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: no {prompt:?} in {seen}"));
        seen.push_str(&text(&bytes[..read]));
    }
    seen
}

#[test]
fn answers_by_options_make_a_configuration_that_is_right() {
    let home = Home::new();
    let answers = ["setup", "--card", "null", "--profile", "bar"];
    let shown = home.run(&answers);
    assert_refused(&shown, &["nothing was written: give --yes"]);
    assert!(text(&shown.stdout).contains("  + device = \"null\"\n"), "{shown:?}");
    assert_eq!(home.names(), ["profiles"]);

    let written = home.run(&[&answers[..], &["--yes"]].concat());
    assert!(written.status.success(), "{written:?}");
    let said = text(&written.stdout);
    for words in ["written: ", "\nNext:\n  spatiald  ", "spatiald identify", "spatiald doctor"] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    let device = SHIPPED.replace("#device = \"hw:0\"\n", "#device = \"hw:0\"\ndevice = \"null\"\n");
    let wanted = device.replace("#profile = \"pair\"\n", "#profile = \"pair\"\nprofile = \"bar\"\n");
    assert_eq!(home.read(), wanted);
    assert_eq!(home.names(), ["profiles", "spatiald.toml"]);
    let checked = home.run(&["--check"]);
    assert!(checked.status.success(), "{checked:?}");

    // Once more: nothing to do, and nothing to be asked.
    let again = home.run(&answers);
    assert!(again.status.success() && text(&again.stdout).contains("says so already"), "{again:?}");
}

#[test]
fn what_somebody_wrote_stays() {
    let home = Home::new();
    let own = "# mine\nformat = 1\nprofile = 'bar' # the old one\nperiods = 4\n\n[controls]\ncenter_db = 2.0\n";
    fs::write(home.config(), own).unwrap();
    fs::set_permissions(home.config(), Permissions::from_mode(0o640)).unwrap();
    let written = home.run(&["setup", "--card", "null", "--profile", "pair", "--yes"]);
    assert!(written.status.success(), "{written:?}");
    let wanted = own.replace("'bar'", "\"pair\"").replace("format = 1\n", "format = 1\ndevice = \"null\"\n");
    assert_eq!(home.read(), wanted);
    assert_eq!(fs::metadata(home.config()).unwrap().permissions().mode() & 0o777, 0o640);

    // One that is wrong is not touched.
    fs::write(home.config(), "format = 1\nprofil = \"bar\"\n").unwrap();
    assert_refused(
        &home.run(&["setup", "--card", "null", "--profile", "pair", "--yes"]),
        &["spatiald.toml:2:1", "profile"],
    );
    assert_eq!(home.read(), "format = 1\nprofil = \"bar\"\n");
}

#[test]
fn what_is_not_here_is_refused_and_nothing_written() {
    let home = Home::new();
    let description = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/devices/bar.toml");
    // With the default, hw:0, it would depend on the machine whether any card is here.
    let config = "format = 1\ndevice = \"null\"\n";
    fs::write(home.config(), config).unwrap();
    fs::create_dir(home.path("mine")).unwrap();
    fs::write(home.path("mine/profile.toml"), "").unwrap();
    for (arguments, words) in [
        (&["--card", "DAC8y", "--profile", "bar"][..], &["there is no sound card \"DAC8y\"; here are "][..]),
        (
            &["--card", "hw:CARD=NoSuchCard", "--profile", "bar"],
            &["hw:CARD=NoSuchCard cannot be used", "does not exist"],
        ),
        (&["--card", "null", "--profile", "bra"], &["there is no profile \"bra\"; here are bar, pair"]),
        (&["--card", "null", "--profile", "mine"], &["no profile mine is installed; for the folder here write ./mine"]),
        (&["--card", "null"], &["no terminal", "--profile", "bar, pair"]),
        (&["--card", "null", "--channels", "3", "--profile", "bar"], &["bar needs 4 channels", "has 3"]),
        (&["--card", "null", "--profile", description.to_str().unwrap()], &["spatiald design ", "bar.toml -o ./DIR"]),
    ] {
        assert_refused(&home.run(&[&["setup", "--yes"], arguments].concat()), words);
    }
    assert_eq!(
        (home.names(), home.read()),
        (vec!["mine".into(), "profiles".into(), "spatiald.toml".into()], config.into())
    );
}

#[test]
fn a_profile_is_checked_by_its_name_or_its_folder() {
    let home = Home::new();
    let checked = home.run(&["--check", "bar"]);
    assert!(checked.status.success(), "{checked:?}");
    assert!(text(&checked.stdout).contains("profiles/bar: ok (bar: 4 drivers on 4 channels, "), "{checked:?}");
    for (file, said) in [
        ("bra", "there is no file bra here; and there is no profile `bra` in "),
        ("profiles/bar/coefficients.wav", "coefficients.wav: filters are checked with their profile; give its folder"),
    ] {
        let checked = home.run(&["--check", file]);
        assert!(text(&checked.stdout).contains(said), "{checked:?}");
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    }
}

#[test]
fn a_design_says_how_it_is_used() {
    let home = Home::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/devices/pair.toml");
    let description = shipped.to_str().unwrap();
    for (output, named) in [("mine", "./mine"), (home.path("profiles/mine").to_str().unwrap(), "mine")] {
        let designed = home.run(&["design", description, "--taps", "64", "-o", output]);
        let said = text(&designed.stdout);
        assert!(
            said.ends_with(&format!("written: {output}; use it: spatiald setup --profile {named}\n")),
            "{designed:?}"
        );
        let written = home.run(&["setup", "--card", "null", "--profile", named, "--yes"]);
        assert!(written.status.success(), "{written:?}");
    }

    // What was edited since is not thrown away.
    let profile = home.path("mine/profile.toml");
    let edited = fs::read_to_string(&profile).unwrap().replace("ceiling_dbfs = -1.0", "ceiling_dbfs = -6.0");
    fs::write(&profile, &edited).unwrap();
    assert_refused(
        &home.run(&["design", description, "--taps", "64", "-o", "mine"]),
        &["mine/profile.toml: this was edited since it was designed", "name another folder with -o"],
    );
    assert_eq!(fs::read_to_string(&profile).unwrap(), edited);
}

#[test]
fn a_description_becomes_a_profile_first() {
    let home = Home::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/devices/pair.toml");
    let own = fs::read_to_string(shipped).unwrap().replace("name = \"pair\"", "name = \"mine\"");
    let own = own.replace("taps = 512", "taps = 64");
    assert!(own.contains("\"mine\"") && own.contains("taps = 64"), "{own}");
    fs::create_dir(home.path("devices")).unwrap();
    fs::write(home.path("devices/mine.toml"), &own).unwrap();
    let written = home.run(&["setup", "--card", "null", "--profile", "mine", "--yes"]);
    assert!(written.status.success(), "{written:?}");
    assert!(home.read().contains("\nprofile = \"mine\"\n"));
    assert_eq!(fs::read_to_string(home.path("profiles/mine/device.toml")).unwrap(), own);
    let checked = home.run(&["--check"]);
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn on_a_terminal_it_asks_and_whoever_leaves_has_changed_nothing() {
    let home = Home::new();
    let (mut child, mut terminal) = home.on_terminal(&["setup", "--card", "null", "--channels", "8"]);
    let menu = wait_for(&mut terminal, "Which one is this loudspeaker's? ");
    assert!(menu.contains("  1  bar   4 channels") && menu.contains("  2  pair  2 channels"), "{menu}");
    terminal.write_all(b"7\n").unwrap();
    wait_for(&mut terminal, "Please say a number from 1 to ");
    terminal.write_all(b"1\n").unwrap();
    wait_for(&mut terminal, "Write it? [yes] ");
    terminal.write_all(b"no\n").unwrap();
    wait_for(&mut terminal, "nothing was written");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(home.names(), ["profiles"]);

    // Ctrl-D, at either question; then what Ctrl-C sends.
    for answers in [&b""[..], b"bar\n"] {
        let (mut child, mut terminal) = home.on_terminal(&["setup", "--card", "null", "--channels", "8"]);
        wait_for(&mut terminal, "loudspeaker's? ");
        terminal.write_all(answers).unwrap();
        wait_for(&mut terminal, if answers.is_empty() { "" } else { "[yes] " });
        terminal.write_all(&[4]).unwrap();
        wait_for(&mut terminal, "nothing was written: the answers ended");
        assert_eq!(child.wait().unwrap().code(), Some(1));
        let (mut child, mut terminal) = home.on_terminal(&["setup", "--card", "null", "--channels", "8"]);
        wait_for(&mut terminal, "loudspeaker's? ");
        terminal.write_all(answers).unwrap();
        wait_for(&mut terminal, if answers.is_empty() { "" } else { "[yes] " });
        kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGINT as i32));
        assert_eq!(home.names(), ["profiles"]);
    }

    let (mut child, mut terminal) = home.on_terminal(&["setup", "--card", "null", "--channels", "8"]);
    wait_for(&mut terminal, "loudspeaker's? ");
    terminal.write_all(b"pair\n\n").unwrap();
    wait_for(&mut terminal, "spatiald doctor");
    assert!(child.wait().unwrap().success());
    assert!(home.read().contains("\nprofile = \"pair\"\n"));
}

#[test]
fn the_list_says_what_fits() {
    let home = Home::new();
    let rule = "[[match]]\nhat_product = \"No such board\"\nprofile = \"bar\"\n";
    fs::write(home.config(), format!("format = 1\ndevice = \"null\"\n{rule}")).unwrap();
    let output = home.run(&["list", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let named = |items: &str, key: &str, name: &str| {
        let found = list[items].as_array().unwrap().iter().find(|item| item[key] == name);
        found.unwrap_or_else(|| panic!("no {name} in {list:#}")).clone()
    };
    assert_eq!((&list["schema"], &list["device"]), (&1.into(), &"null".into()));
    let bar = named("profiles", "name", "bar");
    assert_eq!((&bar["needs"]["channels"], &bar["needs"]["sample_rate_hz"]), (&4.into(), &48_000.into()));
    assert!(bar["fits"].as_array().unwrap().contains(&"null".into()), "{bar}");
    let null = named("devices", "pcm", "null");
    assert_eq!((&null["state"]["is"], &null["is_configured"]), (&"free".into(), &true.into()));
    let misfit = named("matches", "profile", "bar")["misfit"].as_str().unwrap().to_owned();
    assert!(misfit.starts_with("hat_product is \"No such board\", and "), "{misfit}");

    let listed = text(&home.run(&["list"]).stdout);
    for words in
        ["profiles\n  bar   4 channels", "  null ", "the configuration's device", "  rule 1  bar  does not apply: "]
    {
        assert!(listed.contains(words), "no {words:?} in\n{listed}");
    }
    // A configuration that is wrong hides nothing of the rest.
    fs::write(home.config(), "format = 1\nprofil = \"bar\"\n").unwrap();
    let output = home.run(&["list"]);
    assert_refused(&output, &["spatiald.toml:2:1"]);
    let listed = text(&output.stdout);
    assert!(listed.contains("  bar   4 channels") && listed.contains("matches\n  not known: "), "{listed}");
    assert!(!listed.contains("the configuration's device"), "{listed}");
}
