//! What was missing in an input.

/// Stretches of an input that are damaged or missing and became silence of their length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holes {
    /// How many.
    pub count: u64,
    /// Frames in all of them.
    pub frames: u64,
    /// The first of them: the frame at which each begins, and its length in frames.
    pub first: Vec<(u64, u64)>,
}

impl Holes {
    /// Holes that are named.
    const NAMED: usize = 8;

    /// Adds a hole at frame `at`; one that touches the last makes that longer.
    pub(super) fn add(&mut self, at: u64, frames: u64) {
        self.frames += frames;
        let is_named = self.count == self.first.len() as u64;
        if let (true, Some(last)) = (is_named, self.first.last_mut())
            && last.0 + last.1 == at
        {
            last.1 += frames;
            return;
        }
        self.count += 1;
        if self.first.len() < Self::NAMED {
            self.first.push((at, frames));
        }
    }
}
