//! Life of the process: start, the reload transaction, signals, the control socket, status.
//!
//! | file | what it holds |
//! |---|---|
//! | `life` | the main loop: one event at a time |
//! | [`prepare`] | read, validate, choose, build: the first half of a start or a reload |
//! | `pipeline` | sink, ring, writer and device, as one |
//! | [`reload`] | who waits for which switch |
//! | [`control`] | the socket behind `--reload` and `--status` |
//! | `status` | how the daemon fares, for `--status` |
//! | [`signals`] | SIGHUP, SIGTERM, SIGINT |

pub mod control;
mod event;
mod instance;
mod life;
mod memory;
mod pipeline;
pub mod prepare;
pub mod reload;
pub mod signals;
mod status;

pub use instance::{BadInstance, Instance};
pub use life::{DaemonError, run};
pub use prepare::Options;
