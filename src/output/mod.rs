//! ALSA, and nothing else: open and negotiate, the writer's state machine, sample formats.
//!
//! [`Writer`] plays a [`Player`](crate::engine::Player) on the device that a [`Request`] asks for, on threads of its own.
//! Beneath it, [`open()`] turns the request into a configured [`Device`], or says in one line why it cannot.

mod card;
mod chatter;
mod device;
mod errno;
mod error;
pub mod formats;
mod holder;
mod mixer;
mod open;
mod playback;
mod request;
mod reserve;
pub mod writer;

pub use card::{card_number, playback_of_pcm};
pub use device::Device;
pub use errno::{Explanation, explain};
pub use error::OutputError;
pub use holder::Holder;
pub use mixer::{MixerError, check_mixer};
pub use open::{Offer, offer, open};
pub use playback::{Playback, playbacks};
pub use request::{MAX_DEVICE_CHANNELS, Params, Request};
pub use writer::{Event, Tell, Writer};
