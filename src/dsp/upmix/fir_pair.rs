//! Two FIR filters whose outputs add up, cross-faded from one pair of responses to the next.

use crate::dsp::simd::{Kernel, Level, Simd};

/// Outputs computed together, so that a response is read once for all of them.
const TILE: usize = 16;

/// Where a run lies in a linear crossfade.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crossfade {
    /// Frames of it that are over.
    pub position: usize,
    pub frames: usize,
}

/// One pair of responses, left and right.
struct Responses {
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Responses {
    fn new(taps: usize) -> Responses {
        Responses { left: vec![0.0; taps], right: vec![0.0; taps] }
    }
}

pub(super) struct FirPair {
    level: Level,
    from: Responses,
    to: Responses,
}

impl FirPair {
    pub fn new(level: Level, taps: usize) -> FirPair {
        FirPair { level, from: Responses::new(taps), to: Responses::new(taps) }
    }

    pub fn taps(&self) -> usize {
        self.to.left.len()
    }

    pub fn reset(&mut self) {
        for responses in [&mut self.from, &mut self.to] {
            responses.left.fill(0.0);
            responses.right.fill(0.0);
        }
    }

    /// Goes on where another of as many taps is.
    pub fn resume(&mut self, old: &FirPair) {
        for (new, old) in [(&mut self.from, &old.from), (&mut self.to, &old.to)] {
            new.left.copy_from_slice(&old.left);
            new.right.copy_from_slice(&old.right);
        }
    }

    /// The present target becomes the start of the next crossfade, `gain` × (`left`, `right`) its end.
    pub fn follow(&mut self, left: &[f64], right: &[f64], gain: f64) {
        std::mem::swap(&mut self.from, &mut self.to);
        for (tap, value) in self.to.left.iter_mut().zip(left) {
            *tap = (gain * value) as f32;
        }
        for (tap, value) in self.to.right.iter_mut().zip(right) {
            *tap = (gain * value) as f32;
        }
    }

    /// Filters `output.len()` frames (a multiple of 16) that begin at `start` of both histories.
    pub fn run(&self, left: &[f32], right: &[f32], start: usize, crossfade: Crossfade, output: &mut [f32]) {
        self.level.run(Run { pair: self, left, right, start, crossfade, output });
    }
}

struct Run<'a> {
    pair: &'a FirPair,
    left: &'a [f32],
    right: &'a [f32],
    start: usize,
    crossfade: Crossfade,
    output: &'a mut [f32],
}

impl Kernel for Run<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Run { pair: FirPair { from: old, to: new, .. }, left, right, start, crossfade, output } = self;
        let step = 1.0 / crossfade.frames as f32;
        for (tile, output) in output.chunks_exact_mut(TILE).enumerate() {
            let first = start + tile * TILE;
            let (mut from, mut to) = ([0.0; TILE], [0.0; TILE]);
            accumulate(&old.left, &new.left, left, first, &mut from, &mut to);
            accumulate(&old.right, &new.right, right, first, &mut from, &mut to);
            for n in 0..TILE {
                let progress = (crossfade.position + tile * TILE + n + 1) as f32 * step;
                output[n] = from[n] + progress * (to[n] - from[n]);
            }
        }
    }
}

/// Adds the outputs `first..first + TILE` of both responses.
#[inline(always)]
fn accumulate(old: &[f32], new: &[f32], history: &[f32], first: usize, from: &mut [f32; TILE], to: &mut [f32; TILE]) {
    let (mut old_sums, mut new_sums) = (*from, *to);
    let taps = old.len();
    let history = &history[first + 1 - taps..first + TILE];
    for ((window, old), new) in history.windows(TILE).rev().zip(old).zip(new) {
        for n in 0..TILE {
            old_sums[n] += old * window[n];
            new_sums[n] += new * window[n];
        }
    }
    (*from, *to) = (old_sums, new_sums);
}
