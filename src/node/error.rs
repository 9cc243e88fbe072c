//! What can keep the sink from coming up, each with its remedy.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no sink.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// No PipeWire answers on its socket.
    #[error(
        "cannot reach PipeWire at {socket}: {reason}; is it running? systemctl --user start pipewire wireplumber; a \
         system service also needs PIPEWIRE_RUNTIME_DIR=/run/user/UID of the user whose PipeWire it joins",
        socket = socket.display()
    )]
    Unreachable {
        /// The socket that was tried.
        socket: PathBuf,
        /// What PipeWire's library said.
        reason: String,
    },
    /// The same where nobody has said in which folder the socket is.
    #[error(
        "cannot reach PipeWire at {socket}: {reason}; neither XDG_RUNTIME_DIR nor PIPEWIRE_RUNTIME_DIR is set: set \
         PIPEWIRE_RUNTIME_DIR=/run/user/UID of the user whose PipeWire it joins",
        socket = socket.display()
    )]
    NoRuntimeFolder {
        /// The socket that was tried.
        socket: PathBuf,
        /// What PipeWire's library said.
        reason: String,
    },
    /// PipeWire accepted the connection but never created the node.
    #[error(
        "PipeWire did not create the node {node} within {seconds} s; restart it: systemctl --user restart pipewire"
    )]
    Timeout {
        /// Name of the node.
        node: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Somebody listens on its socket, and does not answer.
    #[error("PipeWire at {socket} does not answer within {seconds} s; restart it: systemctl --user restart pipewire", socket = socket.display())]
    Silent {
        /// The socket.
        socket: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// PipeWire refused the node.
    #[error("PipeWire refused the node {node}: {reason}; look at: journalctl --user -u pipewire")]
    Refused {
        /// Name of the node.
        node: String,
        /// What PipeWire said.
        reason: String,
    },
    /// The sink was there and is gone.
    #[error("PipeWire is gone, or took the sink {node} away: {reason}; the sink comes back with it")]
    Lost {
        /// Name of the node.
        node: String,
        /// What PipeWire said.
        reason: String,
    },
    /// A string of the request cannot be a property.
    #[error("{field} {value:?} contains a NUL character; remove it")]
    Nul {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// PipeWire's library could not be set up in this process.
    #[error("cannot create PipeWire's {what}: {reason}; is the package pipewire-bin installed?")]
    Setup {
        /// The object that failed.
        what: &'static str,
        /// What the library said.
        reason: String,
    },
    /// The thread for PipeWire's main loop could not be started.
    #[error("cannot start the PipeWire thread: {0}; too many threads or too little memory?")]
    Thread(#[from] std::io::Error),
}

impl NodeError {
    /// The error for a failed connection, naming the socket that was asked for or that PipeWire's library looks for.
    pub(super) fn unreachable(socket: Option<&Path>, reason: String) -> Self {
        match socket {
            Some(socket) => NodeError::Unreachable { socket: socket.to_owned(), reason },
            None if runtime_folder().is_none() => NodeError::NoRuntimeFolder { socket: usual_socket(), reason },
            None => NodeError::Unreachable { socket: usual_socket(), reason },
        }
    }

    /// The error for a PipeWire that takes connections and says nothing.
    pub(super) fn silent(waited: Duration) -> Self {
        NodeError::Silent { socket: usual_socket(), seconds: waited.as_secs() }
    }
}

/// Where PipeWire's library looks.
fn usual_socket() -> PathBuf {
    runtime_folder().unwrap_or_else(|| "/run/pipewire".into()).join(remote_name())
}

fn runtime_folder() -> Option<PathBuf> {
    let named = ["PIPEWIRE_RUNTIME_DIR", "XDG_RUNTIME_DIR"].into_iter().filter_map(std::env::var_os);
    named.into_iter().find(|folder| !folder.is_empty()).map(PathBuf::from)
}

fn remote_name() -> std::ffi::OsString {
    std::env::var_os("PIPEWIRE_REMOTE").filter(|name| !name.is_empty()).unwrap_or_else(|| "pipewire-0".into())
}

/// PipeWire's constructors leave the reason in `errno`; the crate's error only says that they failed.
pub(super) fn last_os_error(error: &pipewire::Error) -> String {
    match error {
        pipewire::Error::CreationFailed => nix::errno::Errno::last().desc().to_string(),
        other => other.to_string(),
    }
}
