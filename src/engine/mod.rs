//! What stands between the sink and the device: the ring, the lock-free hand-over of chains, the counters, and the
//! [`Player`] that turns one into the other.
//!
//! ```text
//!  PipeWire's data thread          ring           ALSA writer thread                          device
//!  process(): push quantum  ──▶  L, R frames  ──▶  Player: chain, fades  ──▶  format  ──▶  writei
//!          ▲                                             │
//!          └────────── Pace: "one more cycle" ───────────┘   (the device's clock drives the graph)
//! ```
//!
//! # Where the chain lives
//!
//! On the writer thread, inside the [`Player`], and nowhere else:
//!
//! - The device sets the pace, so the only deadline that matters is the device's. PipeWire's data thread serves every
//!   client of the graph; a millisecond of convolution there would be taken from all of them.
//! - The ring carries two channels instead of sixteen, and every driver's samples are written by the thread that
//!   hands them to the card: fades, crossfades and recovery act on what the card really gets.
//! - Ahead of it stands a [`resample::Resampler`]: bit-transparent while the device drives the graph, and for the time
//!   in which another driver does, the bridge between the two clocks.
//! - When the graph pauses, the chain still runs out its tail, because the writer never stops.
//! - One owner: no chain is ever seen by two threads. New ones arrive by [`handover::Sender`], old ones leave the same way.

pub mod counters;
pub mod cycle_clock;
mod cycle_request;
mod delay_reading;
pub mod fade;
pub mod feed;
pub mod handover;
pub mod join;
pub mod pace;
pub mod player;
pub mod probe;
pub mod rate_meter;
pub mod realtime;
pub mod resample;
pub mod ring;
mod stage;
pub mod wires;

pub use counters::{Counters, Scheduling, Snapshot};
pub use cycle_clock::CycleClock;
pub use handover::handover;
pub use join::join_by;
pub use pace::Pace;
pub use player::{Player, Stage};
pub use rate_meter::RateMeter;
pub use ring::{RingReader, RingWriter, ring};
pub use wires::Wires;
