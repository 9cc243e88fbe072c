//! PipeWire, and nothing else: the sink, its thread, events out, commands in.
//!
//! ```text
//!  daemon ── Command ──▶ main-loop thread ─────────────▶ PipeWire (socket)
//!  daemon ◀── Event ───  (state, format, areas, props)
//!
//!  writer ── Pace ─────▶ data thread: clock, trigger ──▶ graph cycle ──▶ process(): planes into the ring
//! ```
//!
//! The sink is a `pw_stream` with `media.class=Audio/Sink`: volume, mute, channel mixing and resampling are its
//! adapter's, and at 100 % it hands samples through bit for bit. It is the *driver* of its graph: our device's clock
//! sets the pace (see [`Pace`]). Another driver can win (a device
//! with a higher priority that is linked with ours): then [`Event::DriverLost`] says so, and the graph's pace is
//! foreign until [`Event::DriverWon`].
//!
//! # Feedback
//! A device opened through ALSA's `pipewire` plugin is itself a stream in the graph, and a session manager moves
//! streams to the default sink: to ours, in a circle. [`alsa_plugin_guard`] prevents it; [`Event::Feedback`] tells when
//! it happens all the same.

mod clock;
mod cycle;
mod data_loop;
mod error;
mod feedback;
mod params;
mod sink;
mod thread;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use crate::engine::{Counters, Pace, RingWriter};

pub use error::{NodeError, SpawnError};
pub use params::PROFILE_KEY;

/// What the sink should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `node.name`, unique on the machine and the same on every start: volume and mute are remembered under it.
    pub node_name: String,
    /// `node.description`: what people see in their desktop's sound settings.
    pub description: String,
    /// The rate of the chain and of the device.
    pub rate_hz: u32,
    /// The graph's quantum we ask for (`node.latency`).
    pub latency_frames: u32,
    /// Idle time after which the session manager suspends the sink; 0 = never.
    pub suspend_seconds: u32,
    /// Name of the profile in use, shown under [`PROFILE_KEY`].
    pub profile: String,
    /// Latency published first (see [`Node::publish_latency`]).
    pub published_latency_frames: usize,
    /// Path of PipeWire's socket; `None`: where PipeWire's library looks (`PIPEWIRE_RUNTIME_DIR`, `XDG_RUNTIME_DIR`).
    pub socket: Option<PathBuf>,
}

/// What happens to the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A client plays: cycles run.
    Streaming,
    /// No client plays.
    Paused,
    /// After the idle time: the format was cleared, the device may be closed.
    Suspended,
    /// The format was set (at the first link, and again after [`Event::Suspended`]): playback is about to start.
    Resumed,
    /// Our clock drives the graph.
    DriverWon,
    /// Another node's clock drives the graph.
    DriverLost,
    /// Somebody asked for this profile through the `Props` parameter.
    ProfileRequested(String),
    /// A stream of our own process, of this name, was linked to the sink: the device plays into itself.
    Feedback(String),
    /// PipeWire is gone, for this reason. The node does nothing any more: drop it and spawn another.
    Disconnected(String),
}

/// What the main-loop thread is asked for.
enum Command {
    PublishLatency(usize),
    ShowProfile(String),
    /// Shows the properties again, as they are.
    ShowProps,
    Quit,
}

/// The sink. Dropping it takes it out of the graph and joins its thread.
pub struct Node {
    id: u32,
    commands: pipewire::channel::Sender<Command>,
    thread: Option<JoinHandle<Option<RingWriter>>>,
}

impl Node {
    /// Connects to PipeWire and creates the sink; returns when it is there. What happens to it later comes as
    /// `events`; frames go into `ring`, counts into `counters`; `pace` says when.
    ///
    /// Cheap to try again: nothing is left behind by a failure.
    ///
    /// # Errors
    /// [`NodeError::Unreachable`] when no PipeWire answers, others when it refuses or does not respond within 5 s;
    /// each with the ring for the next attempt.
    pub fn spawn(
        request: Request,
        ring: RingWriter,
        pace: Arc<Pace>,
        counters: Arc<Counters>,
        events: mpsc::Sender<Event>,
    ) -> Result<Node, SpawnError> {
        if let Err(error) = check(&request) {
            return Err(SpawnError { error, ring: Some(ring) });
        }
        let (commands, receiver) = pipewire::channel::channel();
        let (ready, answer) = mpsc::sync_channel(1);
        let parts =
            thread::Parts { request, ring, pace, counters, events, asked: receiver, ask: commands.clone(), ready };
        let thread = std::thread::Builder::new()
            .name("pipewire".into())
            .spawn(move || thread::run(parts))
            .map_err(|error| SpawnError { error: error.into(), ring: None })?;
        let mut node = Node { id: 0, commands, thread: Some(thread) };
        match answer.recv() {
            Ok(Ok(id)) => {
                node.id = id;
                Ok(node)
            }
            Ok(Err(error)) => Err(SpawnError { error, ring: node.stop() }),
            Err(mpsc::RecvError) => Err(SpawnError { error: NodeError::Died, ring: node.stop() }),
        }
    }

    /// The node's id in the graph, as `wpctl` and `pw-cli` show it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Publishes the latency behind the sink: frames from entering the ring to the loudspeaker. Players keep pictures
    /// in step with it.
    pub fn publish_latency(&self, frames: usize) {
        self.send(Command::PublishLatency(frames));
    }

    /// Shows the name of the profile in use under [`PROFILE_KEY`].
    pub fn show_profile(&self, name: &str) {
        // Nothing after a NUL would arrive, so it is cut here.
        let name = name.split('\0').next().unwrap_or_default();
        self.send(Command::ShowProfile(name.into()));
    }

    /// Takes the sink out of the graph and gives the ring back for the next one.
    pub fn stop(mut self) -> Option<RingWriter> {
        self.join()
    }

    fn send(&self, command: Command) {
        // It fails only when the thread has ended; the event `Disconnected` has told so.
        self.commands.send(command).ok();
    }

    fn join(&mut self) -> Option<RingWriter> {
        self.send(Command::Quit);
        self.thread.take()?.join().ok().flatten()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.join();
    }
}

fn check(request: &Request) -> Result<(), NodeError> {
    let socket = request.socket.as_ref().map(|path| path.to_string_lossy()).unwrap_or_default();
    let fields = [
        ("node name", request.node_name.as_str()),
        ("description", &request.description),
        ("profile", &request.profile),
        ("socket", &socket),
    ];
    match fields.into_iter().find(|(_, value)| value.contains('\0')) {
        Some((field, value)) => Err(NodeError::Nul { field, value: value.into() }),
        None => Ok(()),
    }
}

/// The environment variable that ALSA's `pipewire` plugin reads the properties of its streams from.
pub const ALSA_PLUGIN_VARIABLE: &str = "PIPEWIRE_ALSA";

/// The value [`ALSA_PLUGIN_VARIABLE`] must have in this process before a PCM is opened, given the `current` one: the
/// session manager then leaves our own ALSA streams where they are, instead of moving them onto our sink when that
/// becomes the default. `None` when `current` already says something about it: that is the user's decision.
///
/// Setting a variable is `unsafe` once threads run, so it is for `main` to do, first of all:
/// ```
/// use spatiald::node::{ALSA_PLUGIN_VARIABLE, alsa_plugin_guard};
/// if let Some(value) = alsa_plugin_guard(std::env::var(ALSA_PLUGIN_VARIABLE).ok().as_deref()) {
///     // SAFETY: the first statement of the program: no other thread can read the environment.
///     unsafe { std::env::set_var(ALSA_PLUGIN_VARIABLE, value) };
/// }
/// ```
pub fn alsa_plugin_guard(current: Option<&str>) -> Option<String> {
    const KEY: &str = "node.dont-reconnect";
    let current = current.unwrap_or_default().trim();
    if current.contains(KEY) {
        return None;
    }
    let inner = current.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(current).trim();
    let space = if inner.is_empty() { "" } else { " " };
    Some(format!("{{ {inner}{space}{KEY}=true }}"))
}

#[cfg(test)]
mod tests;
