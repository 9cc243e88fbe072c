//! What the integration tests share: a sound card, a private PipeWire session, the daemon in it, signals and their
//! analysis. A test uses a part of it, hence the allowance.
#![allow(dead_code, unused_imports)]

pub mod card;
pub mod recording;
pub mod wait;

pub use card::Card;
pub use recording::Recording;
