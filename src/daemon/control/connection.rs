//! One client of the server, from request to answer, and what it may take of time and memory.
//!
//! Nothing here waits: the server's thread comes by when poll(2) says so. Each phase has one deadline for the whole of
//! it, which a byte now and then does not prolong.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::answer::Place;
use super::protocol::{Reply, Request, parse};

/// The longest path (4096 bytes), each byte escaped as JSON's six, and some room.
pub(super) const MAX_REQUEST_BYTES: usize = 32 * 1024;
/// More than the status of a device of 32 drivers with the longest names and paths.
pub(super) const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// From the connection to the whole request.
const ASKING_TIMEOUT: Duration = Duration::from_secs(5);
/// For the main loop to say how things stand.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than any reload takes and its client waits.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// A sound that nobody has ended by then was left alone.
pub const MAX_SOUND: Duration = Duration::from_secs(60);
/// To read the whole answer.
const ANSWERING_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that is connected.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: u64,
    stream: UnixStream,
    phase: Phase,
    since: Instant,
    /// What lasts as long as the connection.
    kept: Option<Place>,
}

#[derive(Debug)]
enum Phase {
    /// Its request comes in.
    Asking(Vec<u8>),
    /// It wants the status, and the main loop has enough to do.
    Queued,
    /// The main loop has its request.
    Waiting(Duration),
    /// Its answer goes out.
    Answering { bytes: Vec<u8>, sent: usize },
    /// It has its answer, and what it asked for lasts while it stays.
    Staying,
    /// Nothing more is to be said, or nobody is there.
    Over,
}

/// Why a client is let go before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lapse {
    /// It sent no whole request.
    Silent,
    /// The main loop did not answer.
    Unanswered,
    /// It did not read its answer.
    Unread,
}

impl Connection {
    /// A client that was just accepted; `stream` does not block.
    pub(super) fn new(id: u64, stream: UnixStream, now: Instant) -> Connection {
        Connection { id, stream, phase: Phase::Asking(Vec::new()), since: now, kept: None }
    }

    /// What poll(2) has to look for. That the client left is always seen.
    pub(super) fn interest(&self) -> PollFlags {
        match self.phase {
            Phase::Asking(_) => PollFlags::POLLIN,
            Phase::Answering { .. } => PollFlags::POLLOUT,
            Phase::Queued | Phase::Waiting(_) | Phase::Staying | Phase::Over => PollFlags::empty(),
        }
    }

    /// When it is let go, unless it comes on.
    pub(super) fn deadline(&self) -> Instant {
        self.since
            + match self.phase {
                Phase::Asking(_) => ASKING_TIMEOUT,
                Phase::Queued => STATUS_TIMEOUT,
                Phase::Waiting(timeout) => timeout,
                Phase::Answering { .. } => ANSWERING_TIMEOUT,
                Phase::Staying => MAX_SOUND,
                Phase::Over => Duration::ZERO,
            }
    }

    /// Since when it stands in the way: it has said nothing yet, or does not read. `None`: it waits for the main loop.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        matches!(self.phase, Phase::Asking(_) | Phase::Answering { .. }).then_some(self.since)
    }

    /// Bytes that its answer takes until it is read.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.phase {
            Phase::Answering { bytes, .. } => bytes.capacity(),
            _ => 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Reads what has come: the request, once it is whole, or the refusal it deserves.
    pub(super) fn read(&mut self) -> Option<Result<Request, Reply>> {
        let Phase::Asking(line) = &mut self.phase else { return None };
        let mut chunk = [0; 4096];
        loop {
            let ended = match self.stream.read(&mut chunk) {
                Ok(0) => true,
                Ok(count) => {
                    let part = &chunk[..count];
                    let newline = part.iter().position(|&byte| byte == b'\n');
                    line.extend_from_slice(&part[..newline.unwrap_or(count)]);
                    newline.is_some()
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) => {
                    log::debug!("control client: {error}");
                    self.phase = Phase::Over;
                    return None;
                }
            };
            if line.len() > MAX_REQUEST_BYTES {
                let reason = format!("a request is one line of at most {MAX_REQUEST_BYTES} bytes; this one is longer");
                return Some(Err(Reply::because(reason)));
            }
            if ended && line.is_empty() {
                // It connected, and left: a look whether anybody is there.
                self.phase = Phase::Over;
                return None;
            }
            if ended {
                return Some(parse(line).map_err(Reply::because));
            }
        }
    }

    /// Its request for the status has to wait for others'.
    pub(super) fn queue(&mut self, now: Instant) {
        (self.phase, self.since) = (Phase::Queued, now);
    }

    /// Since when it waits for others'.
    pub(super) fn queued_since(&self) -> Option<Instant> {
        matches!(self.phase, Phase::Queued).then_some(self.since)
    }

    /// Its request is with the main loop.
    pub(super) fn wait(&mut self, request: &Request, now: Instant) {
        let timeout = match request {
            Request::Reload(_) | Request::Set { .. } => RELOAD_TIMEOUT,
            Request::Status | Request::Identify(_) => STATUS_TIMEOUT,
        };
        (self.phase, self.since) = (Phase::Waiting(timeout), now);
    }

    /// Whether the main loop has its request.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting(_))
    }

    /// Lets the connection stay once its answer is read, and `place` with it.
    pub(super) fn keep(&mut self, place: Place) {
        self.kept = Some(place);
    }

    /// Begins to answer; what the client's socket takes is written at once.
    pub(super) fn answer(&mut self, reply: &Reply, now: Instant) {
        self.phase = Phase::Answering { bytes: line(reply), sent: 0 };
        self.since = now;
        self.write();
    }

    /// Writes on, as far as the client reads.
    pub(super) fn write(&mut self) {
        let Phase::Answering { bytes, sent } = &mut self.phase else { return };
        while *sent < bytes.len() {
            match self.stream.write(&bytes[*sent..]) {
                Ok(count) => *sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    log::debug!("control client: {error}");
                    return self.left();
                }
            }
        }
        self.phase = if self.kept.is_some() { Phase::Staying } else { Phase::Over };
    }

    /// The client is not there any more.
    pub(super) fn left(&mut self) {
        self.phase = Phase::Over;
    }

    /// Lets go of a client whose time is over, not without a word. Who waited for the main loop may still read that.
    pub(super) fn lapse(&mut self, now: Instant) -> Option<Lapse> {
        match &self.phase {
            Phase::Asking(_) => {
                let seconds = ASKING_TIMEOUT.as_secs();
                self.dismiss(&Reply::because(format!("no whole request came within {seconds} s")), now);
                Some(Lapse::Silent)
            }
            Phase::Queued | Phase::Waiting(_) => {
                let seconds = (self.deadline() - self.since).as_secs();
                self.answer(&Reply::because(format!("spatiald has no answer after {seconds} s: see its log")), now);
                Some(Lapse::Unanswered)
            }
            Phase::Answering { .. } => {
                self.phase = Phase::Over;
                Some(Lapse::Unread)
            }
            Phase::Staying => {
                self.phase = Phase::Over;
                None
            }
            Phase::Over => None,
        }
    }

    /// Says a last word, if the client's socket takes it at once, and is over. A half-written answer stays one.
    pub(super) fn dismiss(&mut self, reply: &Reply, now: Instant) {
        if !matches!(self.phase, Phase::Answering { .. } | Phase::Staying | Phase::Over) {
            self.answer(reply, now);
        }
        self.phase = Phase::Over;
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// A reply as it is sent. One that is too large becomes a refusal that says so.
pub(super) fn line(reply: &Reply) -> Vec<u8> {
    let why = match serde_json::to_vec(reply) {
        Ok(mut line) if line.len() < MAX_ANSWER_BYTES => {
            line.push(b'\n');
            return line;
        }
        Ok(line) => format!("the answer takes {} bytes, more than {MAX_ANSWER_BYTES}", line.len()),
        Err(error) => format!("the answer cannot be written: {error}"),
    };
    // Short and plain: this one always fits.
    line(&Reply::because(why))
}
