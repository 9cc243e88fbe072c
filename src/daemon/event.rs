//! Everything that reaches the main loop, on one channel.

use std::sync::mpsc;

use super::control::Asked;
use super::prepare::{PrepareError, Prepared};
use super::signals::Signal;
use crate::{node, output};

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A signal came.
    Signal(Signal),
    /// A control client asks.
    Asked(Asked),
    /// The sink has news.
    Node(node::Event),
    /// The device has news: the one of this opening, see [`Pipeline::generation`](super::pipeline::Pipeline::generation).
    Output(u64, output::Event),
    /// The files were read and the chain is built, or not.
    Prepared(Box<Result<Prepared, PrepareError>>),
}

/// Forwards the events of one module into the main loop's channel; ends when their sender is gone.
pub fn forward<T: Send + 'static>(
    name: &str,
    into: mpsc::Sender<Event>,
    wrap: impl Fn(T) -> Event + Send + 'static,
) -> std::io::Result<mpsc::Sender<T>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new().name(name.into()).spawn(move || {
        for event in receiver {
            if into.send(wrap(event)).is_err() {
                return;
            }
        }
    })?;
    Ok(sender)
}
