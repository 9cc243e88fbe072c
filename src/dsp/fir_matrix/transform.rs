//! Between samples and packed spectra: two real channels as the real and imaginary part of one complex transform, or
//! one real channel as a complex transform of half its length.

use std::f64::consts::PI;
use std::sync::Arc;

use rustfft::{Fft, FftPlanner, num_complex::Complex};

use super::Bins;
use crate::dsp::simd::{Kernel, Level, Simd};

/// Bins past a spectrum's end, so that a reversed vector that begins at the last bin stays inside.
const MARGIN: usize = 8;

/// One or two channels and their window: the last and the current block.
pub(super) struct Channels {
    first: usize,
    count: usize,
    /// Pairs: `2 · block_frames` samples of both. Single: the same of one, two samples in one complex number.
    window: Vec<Complex<f32>>,
}

impl Channels {
    /// Channels 0…count−1 in pairs, and the last one alone if there is an odd one.
    pub fn pairs(count: usize, block_frames: usize) -> Vec<Channels> {
        (0..count)
            .step_by(2)
            .map(|first| {
                let count = 2.min(count - first);
                Channels { first, count, window: vec![Complex::default(); count * block_frames] }
            })
            .collect()
    }

    pub fn reset(&mut self) {
        self.window.fill(Complex::default());
    }

    pub fn bytes(&self) -> usize {
        size_of_val(&self.window[..])
    }
}

/// Spectra of the outputs: per output `block_frames + 1` real parts, then as many imaginary parts, each with a margin.
pub(super) struct Spectra {
    plane: usize,
    bins: Vec<f32>,
}

impl Spectra {
    pub fn new(outputs: usize, block_frames: usize) -> Spectra {
        let plane = block_frames + MARGIN;
        Spectra { plane, bins: vec![0.0; outputs * 2 * plane] }
    }

    /// Stores one block of bins.
    #[inline(always)]
    pub fn store<S: Simd>(&mut self, simd: S, output: usize, block: usize, re: S::V, im: S::V) {
        let start = output * 2 * self.plane + block * 8;
        simd.store(re, eight_mut(&mut self.bins, start));
        simd.store(im, eight_mut(&mut self.bins, start + self.plane));
    }

    /// Moves every Nyquist bin from the imaginary part of bin 0 to its own place.
    pub fn unpack_nyquist(&mut self) {
        let block_frames = self.plane - MARGIN;
        for spectrum in self.bins.chunks_exact_mut(2 * self.plane) {
            let (re, im) = spectrum.split_at_mut(self.plane);
            re[block_frames] = im[0];
            im[0] = 0.0;
        }
    }

    pub fn bytes(&self) -> usize {
        size_of_val(&self.bins[..])
    }

    fn parts(&self, output: usize) -> (&[f32], &[f32]) {
        self.bins[output * 2 * self.plane..][..2 * self.plane].split_at(self.plane)
    }
}

/// The transforms of one block length.
pub(super) struct Transform {
    level: Level,
    block_frames: usize,
    /// Of `2 · block_frames` points, for pairs, and of `block_frames`, for single channels: forward, inverse.
    pair: [Arc<dyn Fft<f32>>; 2],
    single: [Arc<dyn Fft<f32>>; 2],
    /// `e^(−jπk/block_frames)`
    twiddles: Vec<Bins>,
    /// One complex spectrum and one complex signal.
    spectrum: Vec<Complex<f32>>,
    signal: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Transform {
    pub fn new(level: Level, block_frames: usize) -> Transform {
        let mut planner = FftPlanner::new();
        let pair = [planner.plan_fft_forward(2 * block_frames), planner.plan_fft_inverse(2 * block_frames)];
        let single = [planner.plan_fft_forward(block_frames), planner.plan_fft_inverse(block_frames)];
        let scratch =
            pair.iter().chain(&single).map(|fft| fft.get_immutable_scratch_len().max(fft.get_outofplace_scratch_len()));
        let scratch = vec![Complex::default(); scratch.max().unwrap_or(0)];
        let angle = |bin: usize| -PI * bin as f64 / block_frames as f64;
        let twiddles = (0..block_frames / 8)
            .map(|block| Bins {
                re: std::array::from_fn(|lane| angle(8 * block + lane).cos() as f32),
                im: std::array::from_fn(|lane| angle(8 * block + lane).sin() as f32),
            })
            .collect();
        Transform {
            level,
            block_frames,
            pair,
            single,
            twiddles,
            spectrum: vec![Complex::default(); 2 * block_frames + MARGIN],
            signal: vec![Complex::default(); 2 * block_frames],
            scratch,
        }
    }

    /// Takes the next block of `channels` from the planes in `inputs`, and writes twice its window's spectrum to slot
    /// `slot` of the history.
    pub fn forward<I: AsRef<[f32]>>(
        &mut self,
        channels: &mut Channels,
        inputs: &[I],
        history: &mut [Bins],
        slots: usize,
        slot: usize,
    ) {
        let block = self.block_frames;
        let stride = inputs.len() * slots;
        let window = &mut channels.window;
        let length = window.len();
        window.copy_within(length / 2.., 0);
        let current = &mut window[length / 2..];
        match inputs[channels.first..].get(..channels.count) {
            Some([x, y]) => {
                for (z, (&re, &im)) in current.iter_mut().zip(x.as_ref().iter().zip(y.as_ref())) {
                    *z = Complex { re, im };
                }
            }
            Some([x]) => {
                for (z, samples) in current.iter_mut().zip(x.as_ref().as_chunks::<2>().0) {
                    *z = Complex { re: samples[0], im: samples[1] };
                }
            }
            _ => return,
        }

        let fft = if channels.count == 2 { &self.pair[0] } else { &self.single[0] };
        fft.process_immutable_with_scratch(window, &mut self.spectrum[..length], &mut self.scratch);
        self.spectrum[length] = self.spectrum[0];
        let spectrum = &self.spectrum[..length + MARGIN];
        let place = channels.first * slots + slot;
        if channels.count == 2 {
            self.level.run(SplitPair { spectrum, history, stride, places: [place, place + slots] });
            let nyquist = self.spectrum[block];
            history[place].im[0] = 2.0 * nyquist.re;
            history[place + slots].im[0] = 2.0 * nyquist.im;
        } else {
            self.level.run(SplitSingle { spectrum, twiddles: &self.twiddles, history, stride, place });
            let folded = self.spectrum[0];
            history[place].re[0] = 2.0 * (folded.re + folded.im);
            history[place].im[0] = 2.0 * (folded.re - folded.im);
        }
    }

    /// Writes the block of `channels` whose spectra are in `sums` to their planes in `outputs`.
    pub fn inverse<O: AsMut<[f32]>>(&mut self, channels: &Channels, sums: &Spectra, outputs: &mut [O]) {
        let block = self.block_frames;
        let length = channels.window.len();
        let spectrum = &mut self.spectrum[..length + MARGIN];
        let x = sums.parts(channels.first);
        let fft = if channels.count == 2 {
            let y = sums.parts(channels.first + 1);
            self.level.run(MergePair { x, y, spectrum });
            self.spectrum[block] = Complex { re: x.0[block], im: y.0[block] };
            &self.pair[1]
        } else {
            self.level.run(MergeSingle { x, twiddles: &self.twiddles, spectrum });
            &self.single[1]
        };
        let signal = &mut self.signal[..length];
        fft.process_outofplace_with_scratch(&mut self.spectrum[..length], signal, &mut self.scratch);

        let valid = &signal[length / 2..];
        match outputs[channels.first..].get_mut(..channels.count) {
            Some([x, y]) => {
                for (z, (re, im)) in valid.iter().zip(x.as_mut().iter_mut().zip(y.as_mut())) {
                    *re = z.re;
                    *im = z.im;
                }
            }
            Some([x]) => {
                for (z, samples) in valid.iter().zip(x.as_mut().as_chunks_mut::<2>().0) {
                    *samples = [z.re, z.im];
                }
            }
            _ => {}
        }
    }

    pub fn bytes(&self) -> usize {
        size_of_val(&self.twiddles[..])
            + [&self.spectrum, &self.signal, &self.scratch].map(|v| size_of_val(&v[..])).iter().sum::<usize>()
    }
}

/// Eight samples from `start` on.
#[inline(always)]
fn eight<T>(from: &[T], start: usize) -> &[T; 8] {
    let eight = &from[start..start + 8];
    // Cannot fail: the slice has eight elements.
    eight.try_into().unwrap_or_else(|_| unreachable!())
}

#[inline(always)]
fn eight_mut<T>(from: &mut [T], start: usize) -> &mut [T; 8] {
    let eight = &mut from[start..start + 8];
    // Cannot fail: the slice has eight elements.
    eight.try_into().unwrap_or_else(|_| unreachable!())
}

/// Real and imaginary parts of bins `start`…`start + 7`.
#[inline(always)]
fn load<S: Simd>(simd: S, from: &[Complex<f32>], start: usize) -> (S::V, S::V) {
    // SAFETY: `Complex<f32>` is `repr(C)` with two `f32`, so eight of them are two times eight `f32`.
    let [low, high] = unsafe { &*std::ptr::from_ref(eight(from, start)).cast::<[[f32; 8]; 2]>() };
    simd.deinterleave(simd.load(low), simd.load(high))
}

/// The same, last bin first.
#[inline(always)]
fn load_reversed<S: Simd>(simd: S, from: &[Complex<f32>], start: usize) -> (S::V, S::V) {
    let (re, im) = load(simd, from, start);
    (simd.reverse(re), simd.reverse(im))
}

#[inline(always)]
fn store<S: Simd>(simd: S, re: S::V, im: S::V, to: &mut [Complex<f32>], start: usize) {
    // SAFETY: as in `load`.
    let [low, high] = unsafe { &mut *std::ptr::from_mut(eight_mut(to, start)).cast::<[[f32; 8]; 2]>() };
    let (first, second) = simd.interleave(re, im);
    simd.store(first, low);
    simd.store(second, high);
}

/// Z = X + jY of two real signals into 2X and 2Y: X = (Z\[k\] + Z*\[−k\])/2, Y = (Z\[k\] − Z*\[−k\])/2j.
struct SplitPair<'a> {
    spectrum: &'a [Complex<f32>],
    history: &'a mut [Bins],
    stride: usize,
    places: [usize; 2],
}

impl Kernel for SplitPair<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [x, y] = self.places;
        let size = self.spectrum.len() - MARGIN;
        for (block, row) in self.history.chunks_exact_mut(self.stride).enumerate() {
            let (re, im) = load(simd, self.spectrum, 8 * block);
            let (mirror_re, mirror_im) = load_reversed(simd, self.spectrum, size - 8 * block - 7);
            simd.store(simd.add(re, mirror_re), &mut row[x].re);
            simd.store(simd.sub(im, mirror_im), &mut row[x].im);
            simd.store(simd.add(im, mirror_im), &mut row[y].re);
            simd.store(simd.sub(mirror_re, re), &mut row[y].im);
        }
    }
}

/// Z of a real signal's even and odd samples, as real and imaginary part, into 2X:
/// X = E + W·O with E = (Z\[k\] + Z*\[−k\])/2, O = (Z\[k\] − Z*\[−k\])/2j.
struct SplitSingle<'a> {
    spectrum: &'a [Complex<f32>],
    twiddles: &'a [Bins],
    history: &'a mut [Bins],
    stride: usize,
    place: usize,
}

impl Kernel for SplitSingle<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let size = self.spectrum.len() - MARGIN;
        let rows = self.history.chunks_exact_mut(self.stride).zip(self.twiddles);
        for (block, (row, twiddles)) in rows.enumerate() {
            let (w_re, w_im) = (simd.load(&twiddles.re), simd.load(&twiddles.im));
            let (re, im) = load(simd, self.spectrum, 8 * block);
            let (mirror_re, mirror_im) = load_reversed(simd, self.spectrum, size - 8 * block - 7);
            let (even_re, even_im) = (simd.add(re, mirror_re), simd.sub(im, mirror_im));
            let (odd_re, odd_im) = (simd.add(im, mirror_im), simd.sub(mirror_re, re));
            let x_re = simd.neg_mul_add(w_im, odd_im, simd.mul_add(w_re, odd_re, even_re));
            let x_im = simd.mul_add(w_im, odd_re, simd.mul_add(w_re, odd_im, even_im));
            simd.store(x_re, &mut row[self.place].re);
            simd.store(x_im, &mut row[self.place].im);
        }
    }
}

/// X and Y of two real signals into Z = X + jY, both halves of it; bin `block_frames` is left to the caller.
struct MergePair<'a> {
    x: (&'a [f32], &'a [f32]),
    y: (&'a [f32], &'a [f32]),
    spectrum: &'a mut [Complex<f32>],
}

impl Kernel for MergePair<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let size = self.spectrum.len() - MARGIN;
        // Downwards, so that the mirror image of block 0, which reaches past the end, spoils nothing.
        for block in 0..size / 16 {
            let at = |part: &[f32]| simd.load(eight(part, 8 * block));
            let (x_re, x_im, y_re, y_im) = (at(self.x.0), at(self.x.1), at(self.y.0), at(self.y.1));
            store(simd, simd.sub(x_re, y_im), simd.add(x_im, y_re), self.spectrum, 8 * block);
            let (re, im) = (simd.add(x_re, y_im), simd.sub(y_re, x_im));
            store(simd, simd.reverse(re), simd.reverse(im), self.spectrum, size - 8 * block - 7);
        }
    }
}

/// X of a real signal into the Z of its even and odd samples: 2Z = (X\[k\] + X*\[−k\]) + jW*(X\[k\] − X*\[−k\]).
struct MergeSingle<'a> {
    x: (&'a [f32], &'a [f32]),
    twiddles: &'a [Bins],
    spectrum: &'a mut [Complex<f32>],
}

impl Kernel for MergeSingle<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let size = self.spectrum.len() - MARGIN;
        for (block, twiddles) in self.twiddles.iter().enumerate() {
            let (w_re, w_im) = (simd.load(&twiddles.re), simd.load(&twiddles.im));
            let at = |part: &[f32]| simd.load(eight(part, 8 * block));
            let mirrored = |part: &[f32]| simd.reverse(simd.load(eight(part, size - 8 * block - 7)));
            let (re, im) = (at(self.x.0), at(self.x.1));
            let (mirror_re, mirror_im) = (mirrored(self.x.0), mirrored(self.x.1));
            let (even_re, even_im) = (simd.add(re, mirror_re), simd.sub(im, mirror_im));
            let (difference_re, difference_im) = (simd.sub(re, mirror_re), simd.add(im, mirror_im));
            // W* times the difference.
            let odd_re = simd.mul_add(w_im, difference_im, simd.mul(w_re, difference_re));
            let odd_im = simd.neg_mul_add(w_im, difference_re, simd.mul(w_re, difference_im));
            store(simd, simd.sub(even_re, odd_im), simd.add(even_im, odd_re), self.spectrum, 8 * block);
        }
    }
}
