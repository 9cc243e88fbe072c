//! A private PipeWire session: its own runtime, configuration and state folders, its own bus.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Real-time graphs share two cores badly: one session at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const POLICY: &str = "context.properties = {
    default.clock.min-quantum = 32
    default.clock.max-quantum = 8192
    vm.overrides = { default.clock.min-quantum = 32 }
}";

pub struct Session {
    folder: TempDir,
    children: Vec<(&'static str, Child)>,
    _turn: MutexGuard<'static, ()>,
}

impl Session {
    /// Bus, PipeWire and WirePlumber, ready for clients.
    pub fn start() -> Session {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("spatiald-node.").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let drop_ins = folder.path().join("config/pipewire/pipewire.conf.d");
        std::fs::create_dir_all(&drop_ins).unwrap();
        std::fs::write(drop_ins.join("quantum.conf"), POLICY).unwrap();
        let mut session = Session { folder, children: Vec::new(), _turn: turn };
        let bus = format!("--address={}", session.bus());
        session.launch("dbus-daemon", &["--session", "--nofork", &bus]);
        wait_for("the bus", || session.folder.path().join("bus").exists());
        session.start_pipewire();
        session
    }

    /// PipeWire and WirePlumber (again).
    pub fn start_pipewire(&mut self) {
        // A killed PipeWire leaves its socket behind; the file may not exist.
        std::fs::remove_file(self.socket()).ok();
        self.launch("pipewire", &[]);
        wait_for("PipeWire's socket", || self.socket().exists());
        self.launch("wireplumber", &[]);
        wait_for("WirePlumber", || self.tool("wpctl", &["status"]).contains("WirePlumber"));
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("pipewire-0")
    }

    /// Runs a command-line tool in the session and returns what it prints.
    pub fn tool(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// SIGKILL to every process of this name.
    pub fn kill(&mut self, name: &str) {
        for (_, child) in self.children.iter_mut().filter(|(program, _)| *program == name) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.children.retain(|(program, _)| *program != name);
    }

    /// Sends `signal` to every process of this name.
    pub fn signal(&self, name: &str, signal: Signal) {
        for (_, child) in self.children.iter().filter(|(program, _)| *program == name) {
            kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        }
    }

    /// A file of WirePlumber's state; empty while there is none.
    pub fn state(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("state/wireplumber").join(name)).unwrap_or_default()
    }

    pub fn force_quantum(&self, frames: u32) {
        self.tool("pw-metadata", &["-n", "settings", "0", "clock.force-quantum", &frames.to_string()]);
    }

    fn bus(&self) -> String {
        format!("unix:path={}", self.folder.path().join("bus").display())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let folder = |name: &str| -> PathBuf { Path::join(self.folder.path(), name) };
        command
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("XDG_CONFIG_HOME", folder("config"))
            .env("XDG_STATE_HOME", folder("state"))
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus())
            .env_remove("PIPEWIRE_RUNTIME_DIR")
            .env_remove("PIPEWIRE_REMOTE")
            .stdin(Stdio::null());
        command
    }

    fn launch(&mut self, program: &'static str, arguments: &[&str]) {
        let log = std::fs::File::create(self.folder.path().join(format!("{program}.log"))).unwrap();
        let child = self.command(program).args(arguments).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.children.push((program, child));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for (_, child) in self.children.iter_mut().rev() {
            // Already gone: fine. A stopped one must run to end.
            kill(Pid::from_raw(child.id() as i32), Signal::SIGCONT).ok();
            kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).ok();
            child.wait().ok();
        }
    }
}

/// Polls until `done`; panics after 20 s.
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "waited 20 s for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
