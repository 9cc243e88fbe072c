//! `spatiald`: a PipeWire sink that takes the system's stereo, splits it into left, right and center, virtualizes a
//! ±30° pair through crosstalk cancellation, beams the center into the room, and plays the result on the drivers of
//! one loudspeaker cabinet.
//!
//! # The map
//!
//! Imports run one way, downwards in this list; a module knows nothing of those above it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | one file a command: parse, call the library, print |
//! | [`setup`] | a first configuration: what is here and what its owner says → `spatiald.toml` |
//! | [`doctor`] | what keeps sound away, and the remedy: one check a file |
//! | [`inventory`] | what is here: profiles, descriptions, sound devices, rules; and what fits what |
//! | [`daemon`] | life of the process: start, reload transaction, signals, control socket, status |
//! | [`node`] | PipeWire, and nothing else: the sink, its thread, events out, commands in |
//! | [`output`] | ALSA, and nothing else: open and negotiate, the writer's state machine, sample formats |
//! | [`engine`] | between them: ring, lock-free hand-over of chains, counters |
//! | [`render`] | the chain over a file |
//! | [`controls`] | (profile, seat, controls) → what the chain is built from |
//! | [`design`] | device description → coefficient set and its predicted figures (f64) |
//! | [`acoustics`] | how drivers radiate and heads hear (f64) |
//! | [`profile`] | the profile: what was written → validated value; search; matching |
//! | [`config`] | the same for `spatiald.toml` |
//! | [`audio_file`] | WAV files: filters, measured responses and what `render` plays and makes |
//! | [`source`] | files read within bounds and replaced whole; where a value stands, so that every complaint can point at it |
//! | [`dsp`] | the signal path: pure, f32, no I/O, nothing allocated after construction |
//!
//! [`setup`], [`doctor`], [`inventory`], [`daemon`], [`node`], [`output`] and [`engine`] are the Linux half, behind the feature `daemon` (on by default);
//! without it `design`, `--check` and `render` build with no PipeWire, ALSA or D-Bus.
//!
//! Data flows one way: a file is read into a `File` (what was written), validated into a value that cannot be wrong,
//! and from that an engine is allocated. The daemon, `render` and the tests run the same [`dsp::Chain`].
//!
//! Crosstalk cancellation is *designed* in [`design`], *runs* in [`dsp::fir_matrix`], and its *figures* come from
//! [`mod@design::evaluate`].

#![warn(missing_docs)]

pub mod acoustics;
pub mod audio_file;
pub mod cli;
pub mod config;
pub mod controls;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod design;
#[cfg(feature = "daemon")]
pub mod doctor;
pub mod dsp;
#[cfg(feature = "daemon")]
pub mod engine;
#[cfg(feature = "daemon")]
pub mod inventory;
#[cfg(feature = "daemon")]
pub mod node;
#[cfg(feature = "daemon")]
pub mod output;
pub mod profile;
pub mod render;
#[cfg(feature = "daemon")]
pub mod setup;
pub mod source;
#[cfg(all(test, feature = "daemon"))]
mod test_bus;
