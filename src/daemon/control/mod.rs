//! The control socket: how `--reload` and `--status` reach the running daemon.

pub mod client;
pub mod protocol;
pub mod server;
pub mod status;

pub use client::{AskError, ask};
pub use protocol::{Choice, Reply, Request, Switched};
pub use server::{Asked, ListenError, Server};
