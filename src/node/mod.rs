//! PipeWire, and nothing else: the sink, its thread, events out, commands in.
//!
//! ```text
//!  daemon ── Command ──▶ main-loop thread ─────────────▶ PipeWire (socket)
//!  daemon ◀── Event ───  (state, format, areas, props)
//!
//!  writer ── Pace ─────▶ data thread: clock, trigger ──▶ graph cycle ──▶ process(): planes into the ring
//! ```
//!
//! [`Node::spawn`] returns at once. The node connects, and connects again with growing pauses whenever PipeWire is
//! gone; [`Event::Up`] and [`Event::Down`] tell.
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
//!
//! | file | what it holds |
//! |---|---|
//! | `thread` | the thread: one connection after the other |
//! | `persistent` | what lasts over connections |
//! | `connection` | one connection: set up, listened to, taken down |
//! | `callbacks` | what PipeWire tells, and what is made of it |
//! | `sink`, `params` | the sink's properties and parameters |
//! | `volume` | how loud a sink is that nobody has turned yet |
//! | `cycle`, `clock` | a cycle of the graph, and its clock, on the data thread |
//! | `data_loop` | reaching that thread |
//! | `feedback` | noticing that the device plays into itself |
//! | `manager` | noticing that the session manager has gone |
//! | `survey` | a look at PipeWire, for who plays nothing |

mod callbacks;
mod clock;
mod connection;
mod cycle;
mod data_loop;
mod error;
mod feedback;
mod manager;
mod params;
mod persistent;
mod sink;
mod survey;
mod thread;
mod volume;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crate::engine::{Counters, Pace, RingWriter, join::PATIENCE, join_by};

pub use error::NodeError;
pub use params::{KEY_PREFIX, PROFILE_KEY};
pub use survey::{SinkState, Survey, survey};

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
    /// Path of PipeWire's socket; `None`: where PipeWire's library looks (`PIPEWIRE_RUNTIME_DIR`, `XDG_RUNTIME_DIR`).
    pub socket: Option<PathBuf>,
}

/// What the sink shows, and may show anew at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Name of the profile in use, shown under [`PROFILE_KEY`].
    pub profile: String,
    /// Latency behind the sink: frames from entering the ring to the loudspeaker. Players keep pictures in step with it.
    pub latency_frames: usize,
}

/// What happens to the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is in the graph, under this id, as `wpctl` and `pw-cli` show it.
    Up(u32),
    /// It is not, or no longer, for this reason; told again only when the reason changes. Attempts go on.
    Down(String),
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
    /// Somebody set these through the `Props` parameter, each as `KEY=VALUE`.
    SettingsRequested(Vec<String>),
    /// A stream of our own process, of this name, was linked to the sink: the device plays into itself.
    Feedback(String),
    /// The last such link is gone.
    FeedbackEnded,
    /// PipeWire refused something, and the sink is there all the same.
    Warning(String),
}

/// Where events go. Called on the node's thread; must not wait.
pub type Tell = Box<dyn Fn(Event) + Send>;

/// What the main-loop thread is asked for.
enum Command {
    PublishLatency(usize),
    ShowProfile(String),
    ShowSettings(Vec<(String, String)>),
    /// Shows the properties again, as they are.
    ShowProps,
    /// Makes the sink anew.
    Present(Box<Request>),
    Quit,
}

/// The sink. Dropping it takes it out of the graph.
pub struct Node {
    commands: pipewire::channel::Sender<Command>,
    thread: Option<JoinHandle<()>>,
    deadline: Option<Instant>,
}

impl Node {
    /// Begins to connect to PipeWire and to create the sink. What happens comes as events; frames go into `ring`, counts
    /// into `counters`; `pace` says when.
    ///
    /// # Errors
    /// [`NodeError::Nul`] and [`NodeError::Thread`]; everything else is an [`Event::Down`].
    pub fn spawn(
        request: Request,
        shown: Shown,
        ring: RingWriter,
        pace: Arc<Pace>,
        counters: Arc<Counters>,
        tell: Tell,
    ) -> Result<Node, NodeError> {
        check(&request)?;
        let (commands, asked) = pipewire::channel::channel();
        let parts =
            thread::Parts { request, shown: shown.clipped(), ring, pace, counters, tell, ask: commands.clone(), asked };
        let thread = std::thread::Builder::new().name("pipewire".into()).spawn(move || thread::run(parts))?;
        Ok(Node { commands, thread: Some(thread), deadline: None })
    }

    /// Publishes another latency (see [`Shown::latency_frames`]).
    pub fn publish_latency(&self, frames: usize) {
        self.send(Command::PublishLatency(frames));
    }

    /// Shows another profile (see [`Shown::profile`]).
    pub fn show_profile(&self, name: &str) {
        self.send(Command::ShowProfile(before_nul(name)));
    }

    /// Shows settings, values by key, under [`KEY_PREFIX`].
    pub fn show_settings(&self, settings: Vec<(String, String)>) {
        let clipped = settings.into_iter().map(|(key, value)| (before_nul(&key), before_nul(&value)));
        self.send(Command::ShowSettings(clipped.collect()));
    }

    /// Makes the sink anew, as `request` says; its rate must be that of the running one.
    ///
    /// # Errors
    /// [`NodeError::Nul`]: the sink stays as it is.
    pub fn present(&self, request: Request) -> Result<(), NodeError> {
        check(&request)?;
        self.send(Command::Present(Box::new(request)));
        Ok(())
    }

    /// True once the thread has ended by itself, which only a panic does.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Takes the sink out of the graph; by `deadline`, or its thread is left behind.
    pub fn end(mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    fn send(&self, command: Command) {
        // It fails only when the thread has ended, by a panic, which `is_finished` tells.
        self.commands.send(command).ok();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.send(Command::Quit);
        if let Some(thread) = self.thread.take() {
            join_by(thread, self.deadline.unwrap_or_else(|| Instant::now() + PATIENCE), "PipeWire");
        }
    }
}

impl Shown {
    fn clipped(self) -> Shown {
        Shown { profile: before_nul(&self.profile), ..self }
    }
}

/// Nothing after a NUL would arrive, so it is cut here.
fn before_nul(text: &str) -> String {
    text.split('\0').next().unwrap_or_default().into()
}

fn check(request: &Request) -> Result<(), NodeError> {
    let socket = request.socket.as_ref().map(|path| path.to_string_lossy()).unwrap_or_default();
    let fields =
        [("node name", request.node_name.as_str()), ("description", &request.description), ("socket", &socket)];
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
