//! A message bus for tests.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dbus::blocking::Connection;
use dbus::channel::Channel;

/// A message bus of its own.
pub(crate) struct Bus {
    daemon: Child,
    folder: tempfile::TempDir,
}

impl Bus {
    pub(crate) fn start() -> Bus {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--nosyslog"])
            .arg(format!("--address=unix:path={}", folder.path().join("bus").display()))
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon, of the package dbus");
        Bus { daemon, folder }
    }

    /// Another client of it.
    pub(crate) fn connect(&self) -> Connection {
        let address = format!("unix:path={}", self.folder.path().join("bus").display());
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match Channel::open_private(&address) {
                Ok(mut channel) => {
                    channel.register().unwrap();
                    return Connection::from(channel);
                }
                Err(error) => assert!(Instant::now() < deadline, "no bus: {error}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}
