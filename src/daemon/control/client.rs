//! The other end of the control socket: what `--reload` and `--status` use.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    self, AddressFamily, SockFlag, SockType, UnixAddr, getsockopt, setsockopt,
    sockopt::{PeerCredentials, SendTimeout},
};
use nix::sys::time::TimeVal;
use nix::unistd::Uid;

use super::connection::MAX_ANSWER_BYTES;
use super::protocol::{Reply, Request};
use crate::daemon::Instance;
use crate::daemon::instance::{RelativeFolder, socket_in};
use crate::source::printable;

/// Longer than any reload takes, short enough that a script notices a daemon that hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No socket, or nobody behind it.
    #[error("no spatiald instance {instance:?} is running here (no answer at {}): start one, or name another with --instance", printable(socket.display()))]
    NotRunning {
        /// The instance asked for.
        instance: String,
        /// Where its socket would be.
        socket: PathBuf,
        /// What connecting said.
        source: io::Error,
    },
    /// The environment names no folder to look for the socket in.
    #[error(transparent)]
    Relative(#[from] RelativeFolder),
    /// It is there, for somebody else.
    #[error("spatiald instance {instance:?} may not be asked ({}): ask as the user it runs as, or as root", printable(socket.display()))]
    Forbidden {
        /// The instance asked for.
        instance: String,
        /// Its socket.
        socket: PathBuf,
        /// What connecting said.
        source: io::Error,
    },
    /// Somebody else listens there.
    #[error("{} is answered by user {owner}, not by a daemon of user {}: set XDG_RUNTIME_DIR to a folder of yours", printable(socket.display()), Uid::effective())]
    Stranger {
        /// The socket.
        socket: PathBuf,
        /// The user id of who listens.
        owner: u32,
    },
    /// The connection stands, and nothing comes.
    #[error("spatiald instance {instance:?} did not answer within {} s: see its log", ANSWER_TIMEOUT.as_secs())]
    NoAnswer {
        /// The instance asked for.
        instance: String,
    },
    /// The connection ended before the answer did.
    #[error("spatiald instance {instance:?} ended the connection without an answer: it has just ended, or see its log")]
    Broken {
        /// The instance asked for.
        instance: String,
        /// What the socket said.
        source: io::Error,
    },
    /// An answer this version cannot read.
    #[error("spatiald instance {instance:?} answered in an unknown form: restart it, it is of another version")]
    Garbled {
        /// The instance asked for.
        instance: String,
        /// What the parser said.
        source: serde_json::Error,
    },
}

/// A connection that stays: what was asked for lasts until it is dropped.
#[derive(Debug)]
pub struct Held {
    _connection: UnixStream,
}

/// Asks the running daemon and waits for its answer, at most 30 s.
///
/// # Errors
/// [`AskError`]: nobody there, nobody of ours, no answer in time, or one that cannot be read.
pub fn ask(instance: &Instance, request: &Request) -> Result<Reply, AskError> {
    hold(instance, request).map(|(reply, _)| reply)
}

/// The same for what lasts as long as the connection.
///
/// # Errors
/// As [`ask`].
pub fn hold(instance: &Instance, request: &Request) -> Result<(Reply, Held), AskError> {
    let until = Instant::now() + ANSWER_TIMEOUT;
    let socket = socket_in(&instance.socket_folder()?, instance.name());
    let name = || instance.name().to_owned();
    let stream = connect(&socket, Patience::For(ANSWER_TIMEOUT)).map_err(|error| match error {
        // It does not even accept.
        Errno::EAGAIN => AskError::NoAnswer { instance: name() },
        Errno::EACCES | Errno::EPERM => {
            AskError::Forbidden { instance: name(), socket: socket.clone(), source: error.into() }
        }
        _ => AskError::NotRunning { instance: name(), socket: socket.clone(), source: error.into() },
    })?;
    let stream = UnixStream::from(stream);
    let broken = |source: io::Error| match source.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => AskError::NoAnswer { instance: name() },
        _ => AskError::Broken { instance: name(), source },
    };
    let (own, owner) = (Uid::effective(), getsockopt(&stream, PeerCredentials).map_err(|e| broken(e.into()))?.uid());
    if owner != own.as_raw() && owner != 0 && !own.is_root() {
        return Err(AskError::Stranger { socket, owner });
    }
    let line = exchange(&stream, request, until).map_err(broken)?;
    let reply = serde_json::from_slice(&line).map_err(|source| AskError::Garbled { instance: name(), source })?;
    Ok((reply, Held { _connection: stream }))
}

fn exchange(mut stream: &UnixStream, request: &Request, until: Instant) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    let sent = stream.write_all(&line).and_then(|()| stream.shutdown(Shutdown::Write));
    // Who is turned away may be so before the request is out: the reason is worth more than the broken pipe.
    match (read_line(stream, until), sent) {
        (Err(_), Err(error)) => Err(error),
        (answer, _) => answer,
    }
}

/// One line, whole, by `until`.
fn read_line(mut stream: &UnixStream, until: Instant) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => line.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if line.ends_with(b"\n") {
            return Ok(line);
        }
        if line.len() > MAX_ANSWER_BYTES {
            return Err(io::Error::new(ErrorKind::InvalidData, "the answer is too long"));
        }
    }
}

/// How long connecting may wait for a place in the queue of a daemon that does not accept.
pub(super) enum Patience {
    /// Not at all.
    None,
    /// This long; and each write after it.
    For(Duration),
}

/// Connects to the socket at `path`. `EAGAIN`: somebody listens, and accepts nobody.
pub(super) fn connect(path: &Path, patience: Patience) -> nix::Result<OwnedFd> {
    let nonblocking = match patience {
        Patience::None => SockFlag::SOCK_NONBLOCK,
        Patience::For(_) => SockFlag::empty(),
    };
    let flags = SockFlag::SOCK_CLOEXEC | nonblocking;
    let stream = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    if let Patience::For(time) = patience {
        setsockopt(&stream, SendTimeout, &TimeVal::new(time.as_secs() as i64, 0))?;
    }
    socket::connect(std::os::fd::AsRawFd::as_raw_fd(&stream), &UnixAddr::new(path)?)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use nix::sys::socket::Backlog;

    use super::*;

    #[test]
    fn nobody_waits_for_ever_for_a_daemon_that_does_not_accept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frozen.sock");
        let frozen = UnixListener::bind(&path).unwrap();
        nix::sys::socket::listen(&frozen, Backlog::new(1).unwrap()).unwrap();
        let queued: Vec<_> = std::iter::from_fn(|| connect(&path, Patience::None).ok()).take(100).collect();
        assert!((1..100).contains(&queued.len()), "the queue holds {}", queued.len());
        assert_eq!(connect(&path, Patience::None).unwrap_err(), Errno::EAGAIN);
        assert_eq!(connect(&path, Patience::For(Duration::from_secs(1))).unwrap_err(), Errno::EAGAIN);
        drop(frozen);
        assert_eq!(connect(&path, Patience::None).unwrap_err(), Errno::ECONNREFUSED);
    }

    #[test]
    fn an_answer_without_end_is_cut_off() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        // It is written to until nobody reads any more.
        let endless = std::thread::spawn(move || while theirs.write_all(&[b' '; 4096]).is_ok() {});
        let read = read_line(&ours, Instant::now() + ANSWER_TIMEOUT).unwrap_err();
        assert_eq!(read.kind(), ErrorKind::InvalidData);
        drop(ours);
        endless.join().unwrap();
    }

    #[test]
    fn a_byte_now_and_then_prolongs_nothing() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let dripping = std::thread::spawn(move || {
            while theirs.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let read = read_line(&ours, Instant::now() + Duration::from_millis(100)).unwrap_err();
        assert!(matches!(read.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock), "{read}");
        drop(ours);
        dripping.join().unwrap();
    }
}
