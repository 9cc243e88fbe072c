//! ALSA, and nothing else: open and negotiate, the writer's state machine, sample formats.
//!
//! [`Writer`] plays a [`Player`](crate::engine::Player) on the device that a [`Request`] asks for, on threads of its own.
//! Beneath it, [`open`] turns the request into a configured [`Device`], or says in one line why it cannot.

mod device;
mod error;
pub mod formats;
mod holder;
mod mixer;
mod open;
mod reserve;
pub mod writer;

pub use device::Device;
pub use error::OutputError;
pub use holder::Holder;
pub use mixer::{MixerControl, MixerValue};
pub use open::{MAX_CHANNELS, Params, Request, card_number, open};
pub use writer::{Event, Tell, Writer};
