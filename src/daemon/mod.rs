//! Life of the process: start, the reload transaction, signals, the control socket, status.
//!
//! | file | what it holds |
//! |---|---|
//! | `main_loop` | the main loop: one event at a time, and none of them waits |
//! | `state` | what the daemon is at any moment |
//! | `handlers` | what device and sink tell, and what is made of it |
//! | `transaction` | a reload from request to answer |
//! | `switch` | the switch that a reload hands over, who waits for it, and why it is refused |
//! | `preparing` | what is being read and built, and what is late |
//! | `file_threads` | threads for files, of which a few may hang |
//! | `storing` | what was chosen is stored in the order in which it was |
//! | [`prepare`] | read, validate, choose, build: the first half of a start or a reload |
//! | [`requests`] | configuration → what is asked of device and sink |
//! | `pipeline` | sink, ring, writer and device, as one |
//! | [`reload`] | who waits for which switch |
//! | `settings` | controls and seat: asked for, and shown |
//! | `health` | whether sound moves |
//! | [`sound`] | sounds by which people tell drivers apart |
//! | `identify` | lends the device to a client for such a sound |
//! | [`control`] | the socket behind `--reload` and `--status`, and what is spoken on it |
//! | `status` | how the daemon fares, for `--status` |
//! | `notify` | what the service manager is told |
//! | `throttled_log` | messages that come again are counted |
//! | `limits` | what the system must allow |
//! | `memory` | kept in memory where the system allows it |
//! | `instance` | which daemon of several: names and paths that follow from it |
//! | [`signals`] | SIGHUP, SIGTERM, SIGINT |

pub mod control;
mod error;
mod event;
mod file_threads;
mod handlers;
mod health;
mod identify;
mod instance;
mod limits;
mod main_loop;
mod memory;
mod notify;
mod pipeline;
pub mod prepare;
mod preparing;
pub mod reload;
pub mod requests;
mod settings;
pub mod signals;
pub mod sound;
mod state;
mod status;
mod storing;
mod switch;
mod throttled_log;
mod transaction;

pub use error::DaemonError;
pub use instance::{BadInstance, Instance};
pub use main_loop::run;
pub use prepare::Options;
pub(crate) use throttled_log::span;
