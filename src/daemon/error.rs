//! Why the daemon ends.

use super::control;
use super::limits::TooFewFiles;
use super::pipeline::PipelineError;
use super::prepare::PrepareError;
use crate::output::OutputError;

/// Why the daemon ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Configuration or profile.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A thread has died, or the system has nothing left.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// `--no-wait`, and the device cannot be had.
    #[error(transparent)]
    Device(#[from] OutputError),
    /// `--no-wait`, and there is no sink.
    #[error("{0}")]
    Sink(String),
    /// The control socket.
    #[error(transparent)]
    Listen(#[from] control::ListenError),
    /// The system allows too little.
    #[error(transparent)]
    Limits(#[from] TooFewFiles),
    /// Signals cannot be received.
    #[error("cannot receive signals")]
    Signals(#[source] std::io::Error),
}
