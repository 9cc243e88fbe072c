//! A player whose samples count: frame `i` is `i / 2^24` on the left and the negative on the right, exactly.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::support::Source;
use super::support::source::Time;

/// The smallest step a sample of the counter can take.
pub const STEP: f32 = 1.0 / 16_777_216.0;

/// A longer quantum than any the sink asks for: the sink's counts.
const ANY_QUANTUM_FRAMES: u32 = 8192;

pub struct Player {
    time: Arc<Mutex<Option<Time>>>,
    _source: Source,
}

impl Player {
    /// Plays frames `first`, `first + 1`, … into the node `target` until dropped.
    pub fn start(socket: &Path, target: &str, first: u32) -> Player {
        let time = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&time);
        let mut next = first;
        let source = Source::start(socket, target, ANY_QUANTUM_FRAMES, move |left, right, time| {
            *shared.lock().unwrap() = time;
            for (left, right) in left.iter_mut().zip(right) {
                *left = next as f32 * STEP;
                *right = -*left;
                next += 1;
            }
        });
        Player { time, _source: source }
    }

    /// What it was told in its last cycle; zeros before the first.
    pub fn time(&self) -> Time {
        self.time.lock().unwrap().unwrap_or_default()
    }
}
