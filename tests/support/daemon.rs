//! `spatiald` in a session, on a card.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::sys::signal::{Signal, kill};
use serde_json::Value;

use super::card::Card;
use super::frozen::{Births, stopped};
use super::process::Process;
use super::session::Session;
use super::wait::{wait_for, wait_until};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_spatiald");

/// A shipped profile's folder.
pub fn shipped_profile(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles").join(name)
}

/// A daemon of its own instance name. Its sink is `spatiald.NAME`.
pub struct Daemon {
    process: Process,
    instance: String,
    command: Box<dyn Fn() -> Command>,
}

/// How a daemon is configured beyond its card.
#[derive(Clone, Debug)]
pub struct Options {
    pub instance: &'static str,
    /// A shipped profile's name, or a path, for `--profile`; empty: the option is not given.
    pub profile: &'static str,
    /// Lines for `spatiald.toml`.
    pub config: String,
}

impl Default for Options {
    fn default() -> Self {
        Options { instance: "test", profile: "cylinder", config: String::new() }
    }
}

impl Daemon {
    /// Starts it and waits until its sink is there and its device open.
    pub fn start(session: &Session, card: &Card, options: &Options) -> Daemon {
        let daemon = Daemon::launch(session, card, options);
        daemon.wait_until_ready(session);
        daemon
    }

    /// Starts it, whatever becomes of it.
    pub fn launch(session: &Session, card: &Card, options: &Options) -> Daemon {
        Daemon::launch_with(session, card, options, &[])
    }

    /// The same, with more variables in its environment.
    pub fn launch_with(
        session: &Session,
        card: &Card,
        options: &Options,
        environment: &[(&str, std::ffi::OsString)],
    ) -> Daemon {
        Daemon::launch_as(session, card, options, environment, |command| command)
    }

    /// The same; its main thread's births are caught from the first one on.
    pub fn launch_with_births(
        session: &Session,
        card: &Card,
        options: &Options,
        environment: &[(&str, std::ffi::OsString)],
    ) -> (Daemon, Births) {
        let daemon = Daemon::launch_as(session, card, options, environment, |command| stopped(&command));
        let stat = format!("/proc/{}/stat", daemon.pid());
        let is_stopped = || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "));
        assert!(wait_until(is_stopped), "it does not stop itself");
        let births = Births::of(daemon.pid());
        // Not by the process: it would look whether it has ended, and be told that it has stopped.
        kill(daemon.pid(), Signal::SIGCONT).expect("a child of ours");
        (daemon, births)
    }

    fn launch_as(
        session: &Session,
        card: &Card,
        options: &Options,
        environment: &[(&str, std::ffi::OsString)],
        change: impl FnOnce(Command) -> Command,
    ) -> Daemon {
        install_profiles(session);
        let file = session.path(&format!("{}.toml", options.instance));
        write_config(&file, card, options);
        let instance = options.instance.to_owned();
        let command = {
            let base = session.path("");
            let instance = instance.clone();
            move || {
                let mut command = super::session::in_session(PROGRAM, &base);
                let (name, value) = Card::env();
                command.env(name, value).env("RUST_LOG", "debug").args(["--instance", &instance]);
                command
            }
        };
        let mut start = command();
        start.arg("--config").arg(file).envs(environment.iter().map(|(name, value)| (name, value)));
        if !options.profile.is_empty() {
            start.args(["--profile", options.profile]);
        }
        let process = session.spawn(&format!("spatiald-{instance}"), &mut change(start));
        Daemon { process, instance, command: Box::new(command) }
    }

    /// From its next reload on, it plays on `card`.
    pub fn move_to(&self, session: &Session, card: &Card, options: &Options) {
        write_config(&session.path(&format!("{}.toml", options.instance)), card, options);
    }

    pub fn wait_until_ready(&self, session: &Session) {
        let ready = wait_until(|| {
            self.process.assert_alive();
            let state = self.try_status().map(|s| s["state"].clone());
            matches!(state, Some(Value::String(s)) if ["idle", "playing", "standby"].contains(&s.as_str()))
        });
        assert!(ready, "the daemon is not ready: {:?}\n{}", self.try_status(), self.process.output());
        wait_for("the daemon's sink", || {
            self.process.assert_alive();
            session.node(&self.sink())
        });
    }

    pub fn sink(&self) -> String {
        format!("spatiald.{}", self.instance)
    }

    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    pub fn pid(&self) -> nix::unistd::Pid {
        self.process.pid()
    }

    /// Panics, with its log, if it has ended.
    pub fn assert_alive(&self) {
        self.process.assert_alive();
    }

    pub fn log(&self) -> String {
        self.process.output()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// `spatiald --instance NAME …` beside it.
    pub fn ask(&self, arguments: &[&str]) -> Output {
        (self.command)().args(arguments).output().expect("spatiald runs")
    }

    /// The same, not waited for.
    pub fn ask_later(&self, arguments: &[&str]) -> Command {
        let mut command = (self.command)();
        command.args(arguments);
        command
    }

    pub fn try_status(&self) -> Option<Value> {
        let output = self.ask(&["--status", "--json"]);
        serde_json::from_slice(&output.stdout).ok().filter(|_| output.status.success())
    }

    pub fn status(&self) -> Value {
        wait_for("the daemon's status", || {
            self.process.assert_alive();
            self.try_status()
        })
    }

    pub fn count(&self, key: &str) -> u64 {
        self.status()[key].as_u64().unwrap_or_else(|| panic!("no count {key:?} in the status"))
    }

    /// `--reload PROFILE`, which must succeed; what it printed.
    pub fn reload(&self, profile: &str) -> String {
        let output = self.ask(&["--reload", profile]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

/// The configuration for a daemon on `card`.
fn write_config(file: &Path, card: &Card, options: &Options) {
    fs::write(file, format!("format = 1\ndevice = \"{}\"\n{}\n", card.pcm(), options.config))
        .expect("its configuration");
}

/// Copies the shipped profiles to where a user's lie, so that they are found by name and may be broken.
pub fn install_profiles(session: &Session) {
    let to = session.path("config/spatiald/profiles");
    if to.exists() {
        return;
    }
    for device in ["pair", "cylinder", "bar"] {
        for name in ["", "-wide", "-room"].map(|mode| format!("{device}{mode}")) {
            copy_folder(&shipped_profile(&name), &to.join(&name));
        }
    }
}

/// Copies a flat folder.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}
