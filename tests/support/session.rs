//! A private desktop session without a desktop: D-Bus, PipeWire and WirePlumber in folders of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::process::Process;
use super::wait::{wait_for, wait_until};

/// Variables of the surrounding session that must not leak in.
const FOREIGN: [&str; 6] =
    ["PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR", "PULSE_SERVER", "PULSE_RUNTIME_PATH", "DISPLAY", "RUNTIME_DIRECTORY"];

/// What a session is started with.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The quantum players get that ask for none.
    pub quantum_frames: u32,
    /// Also run the PulseAudio server.
    pub pulse: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { quantum_frames: 1024, pulse: false }
    }
}

/// A running session. Fields are dropped in order: its programs before its folder.
pub struct Session {
    pulse: Option<Process>,
    wireplumber: Option<Process>,
    pipewire: Option<Process>,
    bus: Process,
    folder: TempDir,
    /// What PipeWire is started through.
    launcher: Vec<String>,
}

/// The smallest quantum a player gets. The stock configuration raises it inside a virtual machine.
const MIN_QUANTUM_FRAMES: &str = "16";

/// Below the session's folder, for WirePlumber 0.4: no monitor of hardware. Real cards and their mixers are not to be
/// touched, and where logind is not there (a container), Bluetooth's would end WirePlumber.
const NO_MONITORS_0_4: &[(&str, &str)] = &[
    (
        "config/wireplumber/main.lua.d/80-test.lua",
        "alsa_monitor.enabled = false\nv4l2_monitor.enabled = false\nlibcamera_monitor.enabled = false\n",
    ),
    ("config/wireplumber/bluetooth.lua.d/80-test.lua", "bluez_monitor.enabled = false\n"),
];
/// The same for later versions.
const NO_MONITORS: &[(&str, &str)] = &[(
    "config/wireplumber/wireplumber.conf.d/80-test.conf",
    "wireplumber.profiles = { main = { hardware.audio = disabled, hardware.bluetooth = disabled, \
     hardware.video-capture = disabled } }\n",
)];

impl Session {
    pub fn start() -> Session {
        Session::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Session {
        Session::configured(setup, &[], &[])
    }

    /// A session with more files of configuration, by their paths below `config/`, and PipeWire started through a
    /// launcher such as `ip netns exec NAME`.
    pub fn configured(setup: Setup, files: &[(&str, &str)], launcher: &[String]) -> Session {
        let folder = tempfile::Builder::new().prefix("session.").tempdir().expect("a temporary folder");
        for name in ["run", "config", "state", "data", "cache", "log"] {
            fs::create_dir_all(folder.path().join(name)).expect("the session's folders");
        }
        fs::set_permissions(folder.path().join("run"), fs::Permissions::from_mode(0o700)).expect("permissions");
        let pipewire = ("config/pipewire/pipewire.conf.d/50-test.conf", &*pipewire_conf(setup));
        for (name, text) in [pipewire].iter().chain(no_monitors()) {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("the session's folders");
            fs::write(file, text).expect("the session's configuration");
        }
        for (name, text) in files {
            let file = folder.path().join("config").join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("the session's folders");
            fs::write(file, text).expect("the session's configuration");
        }
        let bus = start_bus(folder.path());
        let launcher = launcher.to_owned();
        let mut session = Session { pulse: None, wireplumber: None, pipewire: None, bus, folder, launcher };
        session.start_pipewire();
        if setup.pulse {
            session.start_pulse();
        }
        session
    }

    /// Starts the PulseAudio server, anew where there is one: it does not outlive PipeWire.
    pub fn start_pulse(&mut self) {
        self.pulse = None;
        self.pulse = Some(self.run("pipewire-pulse"));
        assert!(wait_until(|| self.path("run/pulse/native").exists()), "no PulseAudio socket");
    }

    /// Ends all of it as a shutdown does, and starts it again: what is not in its folders is gone.
    pub fn reboot(&mut self) {
        let had_pulse = self.pulse.take().is_some();
        self.end_pipewire();
        self.bus.terminate();
        for folder in ["run", "cache"] {
            let folder = self.path(folder);
            for entry in fs::read_dir(&folder).expect("the session's folders").flatten() {
                let removed = if entry.path().is_dir() {
                    fs::remove_dir_all(entry.path())
                } else {
                    fs::remove_file(entry.path())
                };
                removed.unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
            }
        }
        self.bus = start_bus(self.folder.path());
        self.start_pipewire();
        if had_pulse {
            self.start_pulse();
        }
    }

    /// Starts PipeWire and WirePlumber, and waits until both answer.
    pub fn start_pipewire(&mut self) {
        let mut command = match &*self.launcher {
            [] => self.command("pipewire"),
            [program, arguments @ ..] => {
                let mut command = self.command(program);
                command.args(arguments).arg("pipewire");
                command
            }
        };
        self.pipewire = Some(self.spawn("pipewire", &mut command));
        // Not by configuration: for that, 0.3 (`vm.overrides`) and 1.x (rules) have different words.
        let settings = ["-n", "settings", "0", "clock.min-quantum", MIN_QUANTUM_FRAMES];
        assert!(wait_until(|| self.output("pw-metadata", &settings).status.success()), "no PipeWire");
        self.start_wireplumber();
    }

    /// Starts WirePlumber, and waits until it answers.
    pub fn start_wireplumber(&mut self) {
        self.wireplumber = Some(self.run("wireplumber"));
        // WirePlumber is up when its metadata is: before that, no stream is linked and no default is kept.
        assert!(
            wait_until(|| {
                let objects = self.output("pw-cli", &["ls", "Metadata"]);
                objects.status.success() && String::from_utf8_lossy(&objects.stdout).contains("\"default\"")
            }),
            "no WirePlumber"
        );
    }

    /// Ends PipeWire and WirePlumber as a crash would.
    pub fn kill_pipewire(&mut self) {
        // First: whoever outlives a session manager starts anew, and would not see this death as one.
        if let Some(pipewire) = self.pipewire.take() {
            pipewire.signal(nix::sys::signal::Signal::SIGKILL);
        }
        self.kill_wireplumber();
    }

    /// Ends PipeWire and WirePlumber as a shutdown does.
    pub fn end_pipewire(&mut self) {
        for mut program in [self.wireplumber.take(), self.pipewire.take()].into_iter().flatten() {
            program.terminate();
        }
    }

    /// Ends WirePlumber as a crash would.
    pub fn kill_wireplumber(&mut self) {
        if let Some(wireplumber) = self.wireplumber.take() {
            wireplumber.signal(nix::sys::signal::Signal::SIGKILL);
        }
    }

    /// Sends a signal to PipeWire, such as SIGSTOP and SIGCONT for one that hangs.
    pub fn signal_pipewire(&self, signal: nix::sys::signal::Signal) {
        if let Some(pipewire) = &self.pipewire {
            pipewire.signal(signal);
        }
    }

    fn run(&self, program: &str) -> Process {
        Process::start(program, &mut self.command(program), &self.path("log"))
    }

    /// What WirePlumber has stored of the volumes of sinks and streams: empty before the first change, and written a
    /// second after one.
    pub fn stored_streams(&self) -> String {
        // The name of WirePlumber 0.4, and of 0.5.
        let files = ["restore-stream", "stream-properties"];
        files
            .iter()
            .find_map(|name| fs::read_to_string(self.path("state/wireplumber").join(name)).ok())
            .unwrap_or_default()
    }

    /// A path in the session's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that will run inside the session.
    pub fn command(&self, program: &str) -> Command {
        in_session(program, self.folder.path())
    }

    /// Starts a program inside the session under a name for its log.
    pub fn spawn(&self, name: &str, command: &mut Command) -> Process {
        Process::start(name, command, &self.path("log"))
    }

    /// Runs a program inside the session to its end.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"))
    }

    /// The same, where only success will do: what it printed.
    pub fn text(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.output(program, arguments);
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The graph as PipeWire tells it.
    pub fn dump(&self) -> Vec<Value> {
        let text = self.text("pw-dump", &["--no-colors"]);
        // While objects come and go, 0.3.65 may print more than one array: the last is the newest.
        let arrays = serde_json::Deserializer::from_str(&text).into_iter::<Vec<Value>>();
        arrays.filter_map(Result::ok).last().unwrap_or_default()
    }

    /// The node of this name, if it is there.
    pub fn node(&self, name: &str) -> Option<Value> {
        self.dump().into_iter().find(|object| object["info"]["props"]["node.name"] == name)
    }

    /// Waits for the node of this name; gives its id.
    pub fn node_id(&self, name: &str) -> u64 {
        wait_for(name, || self.node(name)?["id"].as_u64())
    }

    /// Turns the sink of this name up to 100 %, where samples pass as they are. A new one starts lower.
    pub fn turn_up(&self, sink: &str) {
        let id = self.node_id(sink).to_string();
        // Before the session manager has set the sink up, it may still set what it remembers.
        let port = format!("{sink}:playback_FL");
        assert!(wait_until(|| self.text("pw-link", &["-i"]).lines().any(|line| line == port)), "no port {port}");
        self.text("wpctl", &["set-volume", &id, "1.0"]);
        assert!(wait_until(|| self.text("wpctl", &["get-volume", &id]).trim() == "Volume: 1.00"), "not turned up");
    }

    /// Forces the graph's quantum; 0 lets it float again.
    pub fn force_quantum(&self, frames: u32) {
        self.text("pw-metadata", &["-n", "settings", "0", "clock.force-quantum", &frames.to_string()]);
    }
}

fn start_bus(folder: &Path) -> Process {
    let socket = folder.join("run/bus");
    let mut command = in_session("dbus-daemon", folder);
    command.args(["--session", "--nofork", "--nopidfile", "--address"]).arg(format!("unix:path={}", socket.display()));
    let bus = Process::start("dbus-daemon", &mut command, &folder.join("log"));
    assert!(wait_until(|| socket.exists()), "no session bus");
    bus
}

fn no_monitors() -> &'static [(&'static str, &'static str)] {
    static FILES: OnceLock<&[(&str, &str)]> = OnceLock::new();
    FILES.get_or_init(|| {
        let version = Command::new("wireplumber").arg("--version").output().expect("wireplumber");
        let is_0_4 = String::from_utf8_lossy(&version.stdout).contains("wireplumber 0.4.");
        if is_0_4 { NO_MONITORS_0_4 } else { NO_MONITORS }
    })
}

fn pipewire_conf(setup: Setup) -> String {
    format!(
        "context.properties = {{\n  default.clock.rate = 48000\n  default.clock.allowed-rates = [ 44100 48000 96000 ]\n  \
         default.clock.quantum = {}\n}}\n",
        setup.quantum_frames
    )
}

/// A program whose session lies in `folder`.
pub fn in_session(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    for name in FOREIGN {
        command.env_remove(name);
    }
    command
        .env("HOME", folder)
        .env("XDG_RUNTIME_DIR", folder.join("run"))
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", folder.join("run/bus").display()))
        .env("LC_ALL", "C");
    command
}
