//! What the service manager is told: ready, reloading, stopping, what plays, and that sound moves.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// A line to systemd, if it listens. Nothing here waits. What a manager that does not read has to know is told again.
#[derive(Debug)]
pub struct Manager {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Watchdog>,
    status: String,
    is_ready: bool,
    /// It has not been told yet that the service is up, or has reloaded.
    owes_ready: bool,
}

#[derive(Debug)]
struct Watchdog {
    interval: Duration,
    fed: Instant,
}

impl Manager {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    pub fn from_environment() -> Manager {
        let to = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()).and_then(|name| {
            connect(name.as_bytes()).inspect_err(|error| log::warn!("the service manager cannot be told: {error}")).ok()
        });
        let text = |name| std::env::var(name).ok();
        let interval = watchdog(text("WATCHDOG_USEC").as_deref(), text("WATCHDOG_PID").as_deref(), std::process::id());
        let watchdog =
            interval.filter(|_| to.is_some()).map(|interval| Watchdog { interval: interval / 3, fed: Instant::now() });
        Manager { to, watchdog, status: String::new(), is_ready: false, owes_ready: false }
    }

    /// The service is up; told once.
    pub fn ready(&mut self) {
        if !std::mem::replace(&mut self.is_ready, true) {
            self.reloaded();
        }
    }

    /// The configuration is read again; [`Manager::reloaded`] ends it.
    pub fn reloading(&self) {
        let now_us = crate::engine::pace::now_ns() / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now_us}"));
    }

    /// The reload has ended, well or not.
    pub fn reloaded(&mut self) {
        self.owes_ready = !self.send("READY=1");
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    /// What `systemctl status` shows; sent when it changes. What the manager had no room for is sent with it.
    pub fn status(&mut self, status: &str) {
        if self.owes_ready {
            self.reloaded();
        }
        if self.status != status && self.send(&format!("STATUS={}", status.replace('\n', " "))) {
            status.clone_into(&mut self.status);
        }
    }

    /// Sound moves: feeds the watchdog, where there is one and it is time.
    pub fn alive(&mut self) {
        if let Some(watchdog) = &mut self.watchdog
            && watchdog.fed.elapsed() >= watchdog.interval
        {
            watchdog.fed = Instant::now();
            self.send("WATCHDOG=1");
        }
    }

    /// False where it has no room for it now.
    fn send(&self, text: &str) -> bool {
        let Some((socket, address)) = &self.to else { return true };
        let Err(error) = socket.send_to_addr(text.as_bytes(), address) else { return true };
        log::debug!("the service manager was not told {text:?}: {error}");
        error.kind() != io::ErrorKind::WouldBlock
    }
}

/// A leading `@` stands for the abstract namespace.
fn connect(name: &[u8]) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// How long the manager waits for a sign of life of this process; `None`: it does not.
fn watchdog(usec: Option<&str>, pid: Option<&str>, own_pid: u32) -> Option<Duration> {
    let is_ours = pid.is_none_or(|pid| pid.parse() == Ok(own_pid));
    let usec: u64 = usec?.parse().ok().filter(|usec| *usec > 0)?;
    is_ours.then(|| Duration::from_micros(usec))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(path: &std::path::Path, interval: Option<Duration>) -> Manager {
        let to = connect(path.as_os_str().as_bytes()).unwrap();
        let watchdog = interval.map(|interval| Watchdog { interval, fed: Instant::now() });
        Manager { to: Some(to), watchdog, status: String::new(), is_ready: false, owes_ready: false }
    }

    #[test]
    fn what_has_not_changed_is_not_told_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut manager = manager(&path, Some(Duration::from_secs(3600)));
        manager.ready();
        manager.ready();
        manager.status("playing");
        manager.status("playing");
        manager.alive();
        let mut told = Vec::new();
        let mut buffer = [0; 256];
        while let Ok(length) = listener.recv(&mut buffer) {
            told.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        assert_eq!(told, ["READY=1", "STATUS=playing"]);
    }

    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for_and_told_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let busy = UnixDatagram::bind(&path).unwrap();
        busy.set_nonblocking(true).unwrap();
        let mut manager = manager(&path, None);
        // More than any socket's buffer holds.
        for _ in 0..100_000 {
            manager.stopping();
        }
        manager.ready();
        manager.status("playing");
        let mut buffer = [0; 256];
        while busy.recv(&mut buffer).is_ok() {}
        manager.status("playing");
        manager.status("playing");
        let mut told =
            || busy.recv(&mut buffer).map(|length| String::from_utf8_lossy(&buffer[..length]).into_owned()).ok();
        assert_eq!([told(), told(), told()], [Some("READY=1".into()), Some("STATUS=playing".into()), None]);
    }

    #[test]
    fn the_watchdog_is_fed_only_where_it_waits_for_us() {
        assert_eq!(watchdog(Some("30000000"), None, 7), Some(Duration::from_secs(30)));
        assert_eq!(watchdog(Some("30000000"), Some("7"), 7), Some(Duration::from_secs(30)));
        for (usec, pid) in [(None, None), (Some("0"), None), (Some("x"), None), (Some("30000000"), Some("8"))] {
            assert_eq!(watchdog(usec, pid, 7), None);
        }
    }
}
