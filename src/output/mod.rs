//! ALSA, and nothing else: open and negotiate, the writer's state machine, sample formats.

pub mod formats;

pub use formats::Format;
