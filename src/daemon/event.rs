//! Everything that reaches the main loop, on one channel.

use super::control::Asked;
use super::prepare::{PrepareError, Prepared};
use super::signals::Signal;
use crate::engine::probe::{Probe, Sounding};
use crate::{node, output};

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A signal came.
    Signal(Signal),
    /// A control client asks.
    Asked(Asked),
    /// The sink of this pipeline has news, see [`Pipeline::generation`](super::pipeline::Pipeline::generation).
    Node(u64, node::Event),
    /// The device of this pipeline has news.
    Output(u64, output::Event),
    /// What was to be prepared under this number is ready, or not.
    Prepared(u64, Box<Result<Prepared, PrepareError>>),
    /// The choice was stored, or why not, under the same number.
    Stored(u64, Option<String>),
    /// The sound of this number is built.
    Built(u64, Box<(Probe, Sounding)>),
    /// The pipeline before has ended: its device is closed and its sink gone.
    Retired,
}
