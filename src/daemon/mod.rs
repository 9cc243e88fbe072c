//! Life of the process: start, the reload transaction, signals, the control socket, status.

pub mod control;
mod instance;
pub mod reload;
pub mod signals;
pub mod status;

pub use instance::{BadInstance, Instance};
