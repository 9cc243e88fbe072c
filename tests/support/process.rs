//! A child process that never outlives the test: ended by its id when dropped, also on a panic.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait::wait_until;

/// A running program with its output in a file.
pub struct Process {
    name: String,
    child: RefCell<Child>,
    pid: Pid,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; both outputs go to `folder/NAME.log`.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Process {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let pid = Pid::from_raw(child.id() as i32);
        Process { name: name.to_owned(), child: RefCell::new(child), pid, log }
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn signal(&self, signal: Signal) {
        if self.ended().is_none() {
            kill(self.pid(), signal).expect("a child of ours");
        }
    }

    /// Its status, if it has ended.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child.borrow_mut().try_wait().expect("a child of ours")
    }

    /// Panics, with what it printed, if it has ended: what is waited for will not come.
    pub fn assert_alive(&self) {
        if let Some(status) = self.ended() {
            panic!("{} has ended ({status}):\n{}", self.name, self.output());
        }
    }

    /// Waits for its end; panics, with what it printed, if it does not come.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        let ended = wait_until(|| {
            status = self.ended();
            status.is_some()
        });
        assert!(ended, "{} does not end:\n{}", self.name, self.output());
        status.unwrap()
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        if self.ended().is_none() {
            self.signal(Signal::SIGTERM);
        }
        self.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = self.output();
            let tail = output.char_indices().rev().nth(3000).map_or(0, |(i, _)| i);
            eprintln!("---- {} ----\n{}", self.name, &output[tail..]);
        }
        if self.ended().is_some() {
            return;
        }
        self.signal(Signal::SIGTERM);
        if !wait_until(|| self.ended().is_some()) {
            self.signal(Signal::SIGKILL);
            self.child.get_mut().wait().ok();
        }
    }
}
