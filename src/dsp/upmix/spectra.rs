//! The last K frames of a stereo signal and their spectra.

use std::ops::Range;

use super::geometry::Geometry;
use crate::dsp::simd::{Level, Simd};
use crate::dsp::transform::complex::{V, mul};
use crate::dsp::transform::{Bins, Coefficient, Source, Transform};

/// Spectra of both channels, K/2 bins each, as the transform leaves them: the even ones and, mirrored, the odd ones, each
/// vector of eight in its own place. Bin k is at (k + ½)/K of the sample rate; the odd ones are conjugates, in both
/// channels alike, which neither powers nor real gains can tell.
pub(super) struct Spectra {
    pub left: Vec<Bins>,
    pub right: Vec<Bins>,
}

impl Spectra {
    pub fn new(bins: usize) -> Spectra {
        Spectra { left: vec![Bins::default(); bins / 8], right: vec![Bins::default(); bins / 8] }
    }
}

/// Collects a stereo stream hop by hop and transforms its windowed last K frames.
pub(super) struct Analyzer {
    geometry: Geometry,
    /// Its first half as real, its second as imaginary parts.
    window: Vec<Bins>,
    /// From `oldest` on the last K frames, once a hop is full; the last hop of them is filled chunk by chunk. Twice as
    /// long, so that only every K/hop-th hop moves them back to the beginning.
    left: Vec<f32>,
    right: Vec<f32>,
    oldest: usize,
    filled: usize,
    pub transform: Transform,
    pub spectra: Spectra,
}

impl Analyzer {
    pub fn new(level: Level, geometry: Geometry) -> Analyzer {
        let frames = geometry.analysis_frames;
        let window: Vec<f32> = geometry.analysis_window().iter().map(|&weight| weight as f32).collect();
        let (early, late) = window.split_at(frames / 2);
        let halves = early.as_chunks().0.iter().zip(late.as_chunks().0);
        Analyzer {
            geometry,
            window: halves.map(|(&re, &im)| Bins { re, im }).collect(),
            left: vec![0.0; 2 * frames],
            right: vec![0.0; 2 * frames],
            oldest: 0,
            filled: 0,
            transform: Transform::new(level, geometry.bins()),
            spectra: Spectra::new(geometry.bins()),
        }
    }

    pub fn reset(&mut self) {
        self.left.fill(0.0);
        self.right.fill(0.0);
        (self.oldest, self.filled) = (0, 0);
    }

    /// Goes on where another of the same geometry is.
    pub fn resume(&mut self, old: &Analyzer) {
        self.left.copy_from_slice(&old.left);
        self.right.copy_from_slice(&old.right);
        (self.oldest, self.filled) = (old.oldest, old.filled);
    }

    /// Appends a chunk that divides the hop.
    pub fn push(&mut self, left: &[f32], right: &[f32]) {
        let start = self.end();
        self.left[start..][..left.len()].copy_from_slice(left);
        self.right[start..][..right.len()].copy_from_slice(right);
        self.filled += left.len();
    }

    /// Index after the newest frame in [`left`](Analyzer::left) and [`right`](Analyzer::right).
    pub fn end(&self) -> usize {
        self.oldest + self.geometry.analysis_frames - self.geometry.hop_frames + self.filled
    }

    pub fn is_full(&self) -> bool {
        self.filled == self.geometry.hop_frames
    }

    /// Frames of the current hop so far.
    pub fn filled(&self) -> usize {
        self.filled
    }

    pub fn left(&self) -> &[f32] {
        &self.left
    }

    pub fn right(&self) -> &[f32] {
        &self.right
    }

    /// Makes room for the next hop.
    pub fn advance(&mut self) {
        let (frames, hop) = (self.geometry.analysis_frames, self.geometry.hop_frames);
        self.oldest += hop;
        self.filled = 0;
        if self.oldest + frames > self.left.len() {
            let kept = self.oldest..self.oldest + frames - hop;
            self.left.copy_within(kept.clone(), 0);
            self.right.copy_within(kept, 0);
            self.oldest = 0;
        }
    }

    /// Transforms the last K frames into `spectra`.
    pub fn analyze(&mut self) {
        let Spectra { left, right } = &mut self.spectra;
        let frames = self.geometry.analysis_frames;
        for (channel, spectrum) in [(&self.left, left), (&self.right, right)] {
            let (early, late) = channel[self.oldest..][..frames].split_at(frames / 2);
            let windowed = Windowed { window: &self.window, early: early.as_chunks().0, late: late.as_chunks().0 };
            self.transform.forward(windowed, spectrum, 1);
        }
    }
}

/// K samples times the window as K/2 complex coefficients.
#[derive(Clone, Copy)]
struct Windowed<'a> {
    window: &'a [Bins],
    early: &'a [[f32; 8]],
    late: &'a [[f32; 8]],
}

impl Source for Windowed<'_> {
    #[inline(always)]
    fn part(self, part: Range<usize>) -> impl Iterator<Item = impl Coefficient> {
        self.window[part.clone()].iter().zip(self.early[part.clone()].iter().zip(&self.late[part]))
    }
}

impl Coefficient for (&Bins, (&[f32; 8], &[f32; 8])) {
    #[inline(always)]
    fn plain<S: Simd>(self, simd: S) -> V<S> {
        let (window, (early, late)) = self;
        [simd.mul(simd.load(&window.re), simd.load(early)), simd.mul(simd.load(&window.im), simd.load(late))]
    }
    #[inline(always)]
    fn turned<S: Simd>(self, simd: S, factor: V<S>) -> V<S> {
        mul(simd, self.plain(simd), factor)
    }
}

/// Where the transform leaves bin `bin` of `bins`.
#[cfg(test)]
pub(super) fn place(bin: usize, bins: usize) -> usize {
    let index = if bin.is_multiple_of(2) { bin / 2 } else { bins - 1 - bin / 2 };
    8 * crate::dsp::transform::place(index / 8, bins / 8) + index % 8
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    #[test]
    fn spectra_are_those_of_the_windowed_frames() {
        let geometry = Geometry::new(48_000, 1024, 0, 128, 32);
        let window = geometry.analysis_window();
        let channel = |seed: usize| (0..1024).map(|n| ((n * seed) % 97) as f32 / 48.0 - 1.0).collect::<Vec<f32>>();
        let (left, right) = (channel(7919), channel(7907));
        for level in Level::available() {
            let mut analyzer = Analyzer::new(level, geometry);
            // Once around, and these frames at the end.
            for hop in 0..19 {
                let hop = 128 * ((hop + 5) % 8);
                analyzer.advance();
                analyzer.push(&left[hop..][..128], &right[hop..][..128]);
            }
            analyzer.analyze();
            for (channel, spectrum) in [(&left, &analyzer.spectra.left), (&right, &analyzer.spectra.right)] {
                for bin in [0, 1, 2, 3, 7, 100, 101, 255, 256, 510, 511] {
                    let (mut re, mut im) = (0.0, 0.0);
                    for (n, (&sample, weight)) in channel.iter().zip(&window).enumerate() {
                        let phase = 2.0 * PI * (bin as f64 + 0.5) * n as f64 / 1024.0;
                        re += f64::from(sample) * weight * phase.cos();
                        im += f64::from(sample) * weight * phase.sin();
                    }
                    im = if bin % 2 == 0 { im } else { -im };
                    let place = place(bin, geometry.bins());
                    let found = spectrum[place / 8];
                    let error = (f64::from(found.re[place % 8]) - re).hypot(f64::from(found.im[place % 8]) - im);
                    assert!(error < 1e-4, "{}, bin {bin}: off by {error} from {re} + {im}j", level.name());
                }
            }
        }
    }
}
