//! What the integration tests share: a sound card, a private PipeWire session, the daemon in it, signals and their
//! analysis. A test uses a part of it, hence the allowance.
#![allow(dead_code, unused_imports)]

pub mod analysis;
pub mod bed;
pub mod card;
pub mod daemon;
pub mod frozen;
pub mod other_driver;
pub mod player;
pub mod process;
pub mod recording;
pub mod rtp;
pub mod session;
pub mod signal;
pub mod source;
pub mod step;
pub mod wait;
pub mod witness;

pub use bed::Bed;
pub use card::Card;
pub use daemon::{Daemon, Options};
pub use frozen::Frozen;
pub use other_driver::OtherDriver;
pub use process::Process;
pub use recording::Recording;
pub use session::{Session, Setup};
pub use source::Source;
pub use witness::undisturbed;
