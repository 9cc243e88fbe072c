//! Answers, a line each, from a terminal or a pipe; asked to stop, it stops at once.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::daemon::signals::Watch;

/// Longer than any answer.
const MAX_BYTES: usize = 4096;
/// A signal may come just before a wait, or to another thread.
const LOOK_AGAIN_MS: u8 = 50;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// A line, without its end and the blanks around it.
    Line(String),
    /// No more will come: the end of the input (Ctrl-D), or a signal (Ctrl-C).
    End,
    /// The time is over.
    Nothing,
}

/// Standard input, and the signals that end everything.
pub struct Answers {
    stop: Arc<AtomicBool>,
    _watch: Watch,
    unread: Vec<u8>,
}

impl Answers {
    /// From now on, signals no longer end the process at once: [`Said::End`] tells of them.
    ///
    /// # Errors
    /// Signals cannot be received.
    pub fn listen() -> io::Result<Answers> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let watch = Watch::start(move |_| told.store(true, Relaxed))?;
        Ok(Answers { stop, _watch: watch, unread: Vec::new() })
    }

    /// The next line; waits for it `until` then, or for as long as it takes.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub fn next(&mut self, until: Option<Instant>) -> io::Result<Said> {
        loop {
            if self.stop.load(Relaxed) {
                return Ok(Said::End);
            }
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(Said::Line(String::from_utf8_lossy(&line).trim().to_owned()));
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Said::Nothing);
            }
            let stdin = io::stdin();
            match poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], PollTimeout::from(LOOK_AGAIN_MS)) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            // Not by the library's own buffer: what lies there, poll(2) does not tell.
            let mut chunk = [0; 256];
            match nix::unistd::read(stdin.as_fd(), &mut chunk) {
                // A line that was begun is no answer.
                Ok(0) => return Ok(Said::End),
                Ok(count) if self.unread.len() + count > MAX_BYTES => return Ok(Said::End),
                Ok(count) => self.unread.extend_from_slice(&chunk[..count]),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until then, whatever is said; `false`: asked to stop.
    pub fn wait(&self, until: Instant) -> bool {
        while Instant::now() < until && !self.stop.load(Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(LOOK_AGAIN_MS.into()));
        }
        !self.stop.load(Relaxed)
    }
}
