//! The control socket: how `--reload` and `--status` reach the running daemon.
//!
//! | file | what it holds |
//! |---|---|
//! | [`protocol`] | what is said, a line of JSON each way |
//! | [`status`] | the answer to `--status` |
//! | [`metrics`] | the same as OpenMetrics text |
//! | [`client`] | the asking end |
//! | [`server`] | the daemon's end: one thread over all clients |
//! | `connection` | one client of the server, from request to answer, and what it may take of time and memory |
//! | `claim` | who is first of an instance: folder, lock, socket |
//! | [`answer`] | a request on its way to the main loop, and the answer on its way back |

pub mod answer;
mod claim;
pub mod client;
mod connection;
pub mod metrics;
pub mod protocol;
pub mod server;
pub mod status;

pub use answer::{Answer, Asked};
pub use claim::ListenError;
pub use client::{AskError, Held, ask, hold};
pub use connection::MAX_SOUND;
pub use protocol::{Choice, Reply, Request, Switched};
pub use server::Server;
