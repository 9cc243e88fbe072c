//! What the limiter does to every sample of every driver, eight frames at a time.

use super::{CENTER, CHUNK_FRAMES, PHASES, TAPS};
use crate::dsp::simd::{Kernel, Simd};

/// Taps of the interpolator, of each phase.
pub(super) type Interpolator = [[f32; TAPS]; PHASES];

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

/// Raises `peaks[n]` to the largest of sample `n + TAPS − 1 − CENTER` of `seen` and the three points behind it.
/// `seen` reaches `TAPS` − 1 samples further than `peaks`; what it holds beyond the frames in hand counts for nothing.
pub(super) struct TruePeak<'a> {
    pub seen: &'a [f32; CHUNK_FRAMES + TAPS - 1],
    pub interpolator: &'a Interpolator,
    pub peaks: &'a mut [f32; CHUNK_FRAMES],
}

impl Kernel for TruePeak<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [first, second, third] = self.interpolator;
        for (peaks, start) in self.peaks.as_chunks_mut::<8>().0.iter_mut().zip((0..).step_by(8)) {
            let window = &self.seen[start..start + TAPS + 7];
            let mut points = [simd.splat(0.0); PHASES];
            let mut largest = simd.load(peaks);
            for tap in 0..TAPS {
                let Some(eight) = window[tap..].first_chunk::<8>() else { return };
                let samples = simd.load(eight);
                points[0] = simd.mul_add(samples, simd.splat(first[tap]), points[0]);
                points[1] = simd.mul_add(samples, simd.splat(second[tap]), points[1]);
                points[2] = simd.mul_add(samples, simd.splat(third[tap]), points[2]);
                if tap == TAPS - 1 - CENTER {
                    largest = simd.max(simd.abs(samples), largest);
                }
            }
            // What is no number loses against what is.
            largest = simd.max(simd.abs(points[0]), largest);
            largest = simd.max(simd.abs(points[1]), largest);
            largest = simd.max(simd.abs(points[2]), largest);
            simd.store(largest, peaks);
        }
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
