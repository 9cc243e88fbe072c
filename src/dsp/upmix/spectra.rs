//! The last K frames of a stereo signal and their spectra, both channels by one complex transform.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::geometry::Geometry;
use crate::dsp::simd::{Kernel, Level, Simd};

/// A half spectrum, bins 0 to Nyquist, real and imaginary parts apart.
pub(super) struct Spectrum {
    pub re: Vec<f32>,
    pub im: Vec<f32>,
}

impl Spectrum {
    pub fn new(bins: usize) -> Spectrum {
        Spectrum { re: vec![0.0; bins], im: vec![0.0; bins] }
    }
}

/// Spectra of both channels.
pub(super) struct Spectra {
    pub left: Spectrum,
    pub right: Spectrum,
}

/// Collects a stereo stream hop by hop and transforms its windowed last K frames.
pub(super) struct Analyzer {
    level: Level,
    geometry: Geometry,
    window: Vec<f32>,
    /// The last K frames once a hop is full; its last `hop_frames` places are filled chunk by chunk.
    left: Vec<f32>,
    right: Vec<f32>,
    filled: usize,
    fft: Arc<dyn Fft<f32>>,
    windowed: Vec<Complex<f32>>,
    transformed: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    pub spectra: Spectra,
}

impl Analyzer {
    pub fn new(geometry: Geometry) -> Analyzer {
        let frames = geometry.analysis_frames;
        let fft = FftPlanner::new().plan_fft_forward(frames);
        Analyzer {
            level: Level::detect(),
            geometry,
            window: geometry.analysis_window().iter().map(|&weight| weight as f32).collect(),
            left: vec![0.0; frames],
            right: vec![0.0; frames],
            filled: 0,
            windowed: vec![Complex::default(); frames],
            transformed: vec![Complex::default(); frames],
            scratch: vec![Complex::default(); fft.get_outofplace_scratch_len()],
            fft,
            spectra: Spectra { left: Spectrum::new(geometry.bins()), right: Spectrum::new(geometry.bins()) },
        }
    }

    pub fn reset(&mut self) {
        self.left.fill(0.0);
        self.right.fill(0.0);
        self.filled = 0;
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
        self.geometry.analysis_frames - self.geometry.hop_frames + self.filled
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
        self.left.copy_within(self.geometry.hop_frames.., 0);
        self.right.copy_within(self.geometry.hop_frames.., 0);
        self.filled = 0;
    }

    /// Transforms the last K frames into `spectra`.
    pub fn transform(&mut self) {
        self.level.run(Windowed { input: [&self.left, &self.right], window: &self.window, output: &mut self.windowed });
        self.fft.process_outofplace_with_scratch(&mut self.windowed, &mut self.transformed, &mut self.scratch);
        self.level.run(Split { transform: &self.transformed, spectra: &mut self.spectra });
    }
}

/// `output = window · (left + j·right)`
struct Windowed<'a> {
    input: [&'a [f32]; 2],
    window: &'a [f32],
    output: &'a mut [Complex<f32>],
}

impl Kernel for Windowed<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let frames = self.output.len();
        let [left, right] = self.input.map(|channel| &channel[..frames]);
        let window = &self.window[..frames];
        for n in 0..frames {
            self.output[n] = Complex::new(window[n] * left[n], window[n] * right[n]);
        }
    }
}

/// From the transform Z of L + jR: `L[k] = (Z[k] + Z*[K−k])/2`, `R[k] = (Z[k] − Z*[K−k])/2j`.
struct Split<'a> {
    transform: &'a [Complex<f32>],
    spectra: &'a mut Spectra,
}

impl Kernel for Split<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (transform, Spectra { left, right }) = (self.transform, self.spectra);
        let half = transform.len() / 2;
        let (low, high) = (&transform[1..half], &transform[half + 1..]);
        let (l_re, l_im) = (&mut left.re[1..half], &mut left.im[1..half]);
        let (r_re, r_im) = (&mut right.re[1..half], &mut right.im[1..half]);
        let count = half - 1;
        for k in 0..count {
            let (z, mirrored) = (low[k], high[count - 1 - k]);
            l_re[k] = 0.5 * (z.re + mirrored.re);
            l_im[k] = 0.5 * (z.im - mirrored.im);
            r_re[k] = 0.5 * (z.im + mirrored.im);
            r_im[k] = 0.5 * (mirrored.re - z.re);
        }
        for bin in [0, half] {
            (left.re[bin], left.im[bin]) = (transform[bin].re, 0.0);
            (right.re[bin], right.im[bin]) = (transform[bin].im, 0.0);
        }
    }
}
