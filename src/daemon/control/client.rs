//! The other end of the control socket: what `--reload` and `--status` use.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::protocol::{Reply, Request};
use crate::daemon::Instance;

/// Longer than any reload takes, short enough that a script notices a daemon that hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No socket, or nobody behind it.
    #[error("no spatiald instance {instance:?} is running here (no answer at {}): start one, or name another with --instance", socket.display())]
    NotRunning {
        /// The instance asked for.
        instance: String,
        /// Where its socket would be.
        socket: PathBuf,
        /// What connecting said.
        source: std::io::Error,
    },
    /// The connection broke or the answer did not come.
    #[error("spatiald instance {instance:?} did not answer within {} s: see its log", ANSWER_TIMEOUT.as_secs())]
    NoAnswer {
        /// The instance asked for.
        instance: String,
        /// What the socket said.
        source: std::io::Error,
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

/// Asks the running daemon and waits for its answer.
///
/// # Errors
/// [`AskError`]: nobody there, no answer in time, or one that cannot be read.
pub fn ask(instance: &Instance, request: &Request) -> Result<Reply, AskError> {
    let socket = instance.socket_path();
    let name = || instance.name().to_owned();
    let stream =
        UnixStream::connect(&socket).map_err(|source| AskError::NotRunning { instance: name(), socket, source })?;
    let line = exchange(stream, request).map_err(|source| AskError::NoAnswer { instance: name(), source })?;
    serde_json::from_str(&line).map_err(|source| AskError::Garbled { instance: name(), source })
}

fn exchange(mut stream: UnixStream, request: &Request) -> std::io::Result<String> {
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    if BufReader::new(stream).read_line(&mut answer)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}
