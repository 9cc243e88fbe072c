//! What the limiter does to every sample of every driver, eight frames at a time.

use super::{CENTER, CHUNK_FRAMES, TAPS};
use crate::dsp::simd::{Kernel, Simd};

/// Half of the taps, each in every lane; aligned, so that SSE2 multiplies straight from memory.
#[repr(align(32))]
struct Half([[f32; 8]; TAPS / 2]);

/// Three points between two samples, by FIRs: the first and the last mirror each other, the middle one itself. So sums
/// and differences of the two samples as far from the gap on both sides are all they need. A high-pass that mirrors its
/// negative there needs nothing but the differences either.
pub(super) struct Interpolator {
    /// What the first and the last have in common, of the sums.
    even: Half,
    /// What they differ by, of the differences.
    odd: Half,
    middle: Half,
    top: Half,
}

impl Interpolator {
    /// From the FIRs of the first and the middle point and of the top of the band.
    pub fn new(first: &[f32; TAPS], middle: &[f32; TAPS], top: &[f32; TAPS]) -> Interpolator {
        let half = |tap: &dyn Fn(usize) -> f32| Half(std::array::from_fn(|index| [tap(index); 8]));
        Interpolator {
            even: half(&|tap| 0.5 * (first[tap] + first[TAPS - 1 - tap])),
            odd: half(&|tap| 0.5 * (first[tap] - first[TAPS - 1 - tap])),
            middle: half(&|tap| middle[tap]),
            top: half(&|tap| top[tap]),
        }
    }
}

/// The largest magnitude among `samples`, into `peak`.
pub(super) struct Peak<'a> {
    pub samples: &'a [f32],
    pub peak: &'a mut f32,
}

impl Kernel for Peak<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (eights, rest) = self.samples.as_chunks::<8>();
        let mut largest = simd.splat(0.0);
        for eight in eights {
            largest = simd.max(simd.abs(simd.load(eight)), largest);
        }
        let mut lanes = [0.0f32; 8];
        simd.store(largest, &mut lanes);
        *self.peak = lanes.iter().chain(rest).fold(0.0, |peak, sample| peak.max(sample.abs()));
    }
}

/// Raises `peaks[n]` to the largest of sample `n + TAPS − 1 − CENTER` of `seen` and the three points behind it, `tops[n]`
/// to what the top of the band amounts to there. `seen` reaches `TAPS` − 1 samples further than both; what it holds beyond
/// the frames in hand counts for nothing.
pub(super) struct TruePeak<'a> {
    pub seen: &'a [f32; CHUNK_FRAMES + TAPS - 1],
    pub interpolator: &'a Interpolator,
    pub peaks: &'a mut [f32; CHUNK_FRAMES],
    pub tops: &'a mut [f32; CHUNK_FRAMES],
}

impl Kernel for TruePeak<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Interpolator { even, odd, middle, top } = self.interpolator;
        let (peaks, tops) = (self.peaks.as_chunks_mut::<8>().0, self.tops.as_chunks_mut::<8>().0);
        for ((peaks, tops), start) in peaks.iter_mut().zip(tops).zip((0..).step_by(8)) {
            let Some(window) = self.seen[start..].first_chunk::<{ TAPS + 7 }>() else { return };
            let mut points = [simd.splat(0.0); 4];
            for tap in 0..TAPS / 2 {
                let (before, after) = (&window[tap..], &window[TAPS - 1 - tap..]);
                let (Some(before), Some(after)) = (before.first_chunk(), after.first_chunk()) else { return };
                let (before, after) = (simd.load(before), simd.load(after));
                let (sum, difference) = (simd.add(before, after), simd.sub(before, after));
                points[0] = simd.mul_add(sum, simd.load(&even.0[tap]), points[0]);
                points[1] = simd.mul_add(difference, simd.load(&odd.0[tap]), points[1]);
                points[2] = simd.mul_add(sum, simd.load(&middle.0[tap]), points[2]);
                points[3] = simd.mul_add(difference, simd.load(&top.0[tap]), points[3]);
            }
            let Some(sample) = window[TAPS - 1 - CENTER..].first_chunk() else { return };
            // What is no number loses against what is.
            let mut largest = simd.max(simd.abs(simd.load(sample)), simd.load(peaks));
            // Of even + odd and even − odd, the greater magnitude.
            largest = simd.max(simd.add(simd.abs(points[0]), simd.abs(points[1])), largest);
            largest = simd.max(simd.abs(points[2]), largest);
            simd.store(largest, peaks);
            simd.store(simd.max(simd.abs(points[3]), simd.load(tops)), tops);
        }
    }
}

/// The smallest of `values`, none of them over 1, into `lowest`.
pub(super) struct Lowest<'a> {
    pub values: &'a [f32],
    pub lowest: &'a mut f32,
}

impl Kernel for Lowest<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (eights, rest) = self.values.as_chunks::<8>();
        let (zero, mut largest) = (simd.splat(0.0), simd.splat(-1.0));
        for eight in eights {
            largest = simd.max(simd.sub(zero, simd.load(eight)), largest);
        }
        let mut lanes = [0.0f32; 8];
        simd.store(largest, &mut lanes);
        *self.lowest = lanes.iter().map(|lane| -lane).chain(rest.iter().copied()).fold(1.0, f32::min);
    }
}

/// Each of the first `frames` of `maxima` becomes the largest of the `window` of `values` from the same place on: of 2, of
/// 4, of 8… and, where they would be too many, of fewer more. All three must be 8 longer than `frames + window`.
pub(super) struct Hold<'a> {
    pub values: &'a [f32],
    pub maxima: &'a mut Vec<f32>,
    pub spare: &'a mut Vec<f32>,
    pub frames: usize,
    pub window: usize,
}

impl Kernel for Hold<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Hold { values, maxima, spare, frames, window } = self;
        let mut width = 2;
        greater_of_two(simd, values, maxima, 1, frames + window - width);
        while width < window {
            let more = width.min(window - width);
            width += more;
            greater_of_two(simd, maxima, spare, more, frames + window - width);
            std::mem::swap(maxima, spare);
        }
    }
}

/// The greater of `from[n]` and `from[n + step]` to `to[n]`, for `places` places and up to seven more.
#[inline(always)]
fn greater_of_two<S: Simd>(simd: S, from: &[f32], to: &mut [f32], step: usize, places: usize) {
    let places = places.next_multiple_of(8);
    let (own, ahead) = (from[..places].as_chunks::<8>().0, from[step..step + places].as_chunks::<8>().0);
    for ((own, ahead), to) in own.iter().zip(ahead).zip(to[..places].as_chunks_mut::<8>().0) {
        simd.store(simd.max(simd.load(ahead), simd.load(own)), to);
    }
}

/// The gain that brings each peak, with its allowance for the top of the band, to the ceiling, at most 1.
pub(super) struct Wanted<'a> {
    pub peaks: &'a [f32],
    pub tops: &'a [f32],
    pub allowance: Allowance,
    pub ceiling: f32,
    pub gain: &'a mut [f32],
}

impl Kernel for Wanted<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for ((gain, &peak), &top) in self.gain.iter_mut().zip(self.peaks).zip(self.tops) {
            let peak = self.allowance.over(peak, top);
            let wanted = self.ceiling / peak;
            *gain = if peak > self.ceiling { wanted } else { 1.0 };
        }
    }
}

/// How far true peaks may exceed what so short an interpolator finds: by no more than a part of what the top of the band
/// amounts to nearby.
#[derive(Clone, Copy)]
pub(super) struct Allowance {
    /// That part.
    pub part: f32,
    /// So much of the top of the band counts for nothing.
    pub free: f32,
}

impl Allowance {
    #[inline(always)]
    pub fn over(self, peak: f32, top: f32) -> f32 {
        peak + self.part * (top - self.free)
    }
}

/// `delayed · gain` to `out`, and never beyond the ceiling: the clamp takes what rounding leaves.
pub(super) struct Apply<'a> {
    pub delayed: &'a [f32],
    pub gain: &'a [f32],
    pub ceiling: f32,
    pub out: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for ((out, sample), gain) in self.out.iter_mut().zip(self.delayed).zip(self.gain) {
            *out = (sample * gain).clamp(-self.ceiling, self.ceiling);
        }
    }
}
