//! From the ring to the chain's input: silence while nothing plays, every frame exactly as it came while something
//! does, and no click where it breaks off.

use std::sync::Arc;

use super::counters::Counters;
use super::fade::rising_curve;
use super::pace::Pace;
use super::ring::RingReader;

/// Time over which a break in the input is rounded off, in ms.
const DECLICK_MS: usize = 5;

/// What the feed is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Silence until the ring is filled; then every frame as it came.
    Idle,
    /// Frame by frame from the ring.
    Playing,
    /// Silence after a dry ring, until it is filled, then from a fade-in; or until the graph pauses.
    Gap,
}

/// Reads the ring for the chain.
///
/// A break (dry ring, or the graph paused in the middle of a sound) is continued from the last frame down to zero on a
/// raised cosine: nothing that came is changed, and a source that ends in silence adds nothing. After a gap the input
/// fades in.
#[derive(Debug)]
pub struct Feed {
    reader: RingReader,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    state: State,
    /// Rising raised cosine, used both ways.
    curve: Box<[f32]>,
    /// The last frame played.
    last: [f32; 2],
    /// The frame from which a break is being rounded off.
    broken_at: [f32; 2],
    /// Frames of the rounding-off already given; `curve.len()` = none left.
    release_position: usize,
    /// Frames of the fade-in already given; `curve.len()` = open.
    attack_position: usize,
    /// Frames of silence still owed before anything may play: the time an amplifier takes to wake.
    hold_frames: usize,
}

impl Feed {
    /// A feed at rest.
    pub fn new(reader: RingReader, pace: Arc<Pace>, counters: Arc<Counters>) -> Feed {
        let curve = rising_curve(DECLICK_MS * pace.rate_hz() as usize / 1000);
        Feed {
            reader,
            pace,
            counters,
            state: State::Idle,
            release_position: curve.len(),
            attack_position: curve.len(),
            curve,
            last: [0.0; 2],
            broken_at: [0.0; 2],
            hold_frames: 0,
        }
    }

    /// Frames waiting in the ring.
    pub fn fill_frames(&self) -> usize {
        self.reader.fill_frames()
    }

    /// True while nothing plays and nothing is owed.
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle && self.release_position == self.curve.len()
    }

    /// True while it keeps silent, whatever comes.
    pub fn is_held(&self) -> bool {
        self.hold_frames > 0
    }

    /// True while frames of the ring are played.
    pub fn is_playing(&self) -> bool {
        self.state == State::Playing
    }

    /// Drops `frames` of what waits in the ring, rounding off on both sides: the latency has grown beyond measure.
    pub fn skip(&mut self, frames: usize) {
        if self.reader.discard(frames) > 0 && self.state == State::Playing {
            self.counters.add_overrun();
            self.round_off();
            self.attack_position = 0;
        }
    }

    /// False while something plays and `frames` more are not there yet, though the graph is running: then it is worth
    /// to wait a little.
    pub fn is_ready(&self, frames: usize) -> bool {
        self.state != State::Playing || !self.pace.is_streaming() || self.fill_frames() >= frames
    }

    /// Keeps silent for the next `frames`, leaving what comes in the ring; what plays is rounded off, and fades in again.
    pub fn hold(&mut self, frames: usize) {
        self.hold_frames = frames;
        if frames > 0 && self.state == State::Playing {
            self.round_off();
            self.state = State::Gap;
        }
    }

    /// Fills both planes, of equal length.
    pub fn pull(&mut self, left: &mut [f32], right: &mut [f32]) {
        let frames = left.len().min(right.len());
        let held = self.hold_frames.min(frames);
        if self.state == State::Gap && !self.pace.is_streaming() && self.fill_frames() == 0 {
            // It was the end of the sound: the graph tells so only after its last frames. What comes next is new, and
            // begins as it is.
            self.state = State::Idle;
        }
        if self.state != State::Playing && held == 0 && self.may_start(frames) {
            // What begins anew begins as it is, even if a fade-in before it never came to its end.
            self.attack_position = if self.state == State::Gap { 0 } else { self.curve.len() };
            self.state = State::Playing;
        }
        self.hold_frames -= held;
        let mut played = 0;
        if self.state == State::Playing {
            played = self.reader.pop(&mut left[..frames], &mut right[..frames]);
            self.attack(&mut left[..played], &mut right[..played]);
        }
        left[played..].fill(0.0);
        right[played..].fill(0.0);
        // What is left of an earlier break sounds on under what plays now.
        let earlier = if self.state == State::Playing { played } else { frames };
        self.release(&mut left[..earlier], &mut right[..earlier]);
        if self.state == State::Playing {
            self.keep_last(&left[..played], &right[..played]);
            if played < frames {
                self.break_off();
                self.release(&mut left[played..], &mut right[played..]);
            }
        }
    }

    /// Enough is there to play without interruption, or no more will come.
    fn may_start(&self, frames: usize) -> bool {
        let fill = self.fill_frames();
        let target = match self.pace.is_driving() {
            true => self.pace.target_frames(),
            false => self.pace.following_target_frames(),
        };
        let target = target.max(frames).min(self.reader.capacity_frames());
        fill >= target || (fill > 0 && !self.pace.is_streaming())
    }

    fn round_off(&mut self) {
        self.broken_at = self.last;
        self.release_position = if self.broken_at == [0.0; 2] { self.curve.len() } else { 0 };
    }

    fn break_off(&mut self) {
        self.round_off();
        self.state = if self.pace.is_streaming() {
            self.counters.add_underrun();
            State::Gap
        } else {
            State::Idle
        };
    }

    fn keep_last(&mut self, left: &[f32], right: &[f32]) {
        if let (Some(&l), Some(&r)) = (left.last(), right.last()) {
            self.last = [l, r];
        }
    }

    fn attack(&mut self, left: &mut [f32], right: &mut [f32]) {
        let gains = &self.curve[self.attack_position..];
        for ((l, r), gain) in left.iter_mut().zip(right.iter_mut()).zip(gains) {
            *l *= gain;
            *r *= gain;
        }
        self.attack_position += left.len().min(gains.len());
    }

    fn release(&mut self, left: &mut [f32], right: &mut [f32]) {
        let gains = self.curve.len() - self.release_position;
        let gains = self.curve[..gains].iter().rev();
        let given = left.len().min(gains.len());
        for ((l, r), gain) in left.iter_mut().zip(right.iter_mut()).zip(gains) {
            *l += self.broken_at[0] * gain;
            *r += self.broken_at[1] * gain;
        }
        self.release_position += given;
    }
}

#[cfg(test)]
mod tests;
