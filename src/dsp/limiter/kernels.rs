//! What the limiter does to every sample of every driver, eight frames at a time.

use super::{CENTER, CHUNK_FRAMES, TAPS};
use crate::dsp::simd::{Kernel, Simd};

/// Half of the taps, each in every lane.
type Half = [[f32; 8]; TAPS / 2];

/// Three points between two samples, by FIRs: the first and the last mirror each other, the middle one itself. So sums
/// and differences of the two samples as far from the gap on both sides are all they need.
pub(super) struct Interpolator {
    /// What the first and the last have in common, of the sums.
    even: Half,
    /// What they differ by, of the differences.
    odd: Half,
    middle: Half,
}

impl Interpolator {
    /// From the FIRs of the first and the middle point.
    pub fn new(first: &[f32; TAPS], middle: &[f32; TAPS]) -> Interpolator {
        let half = |tap: &dyn Fn(usize) -> f32| std::array::from_fn(|index| [tap(index); 8]);
        Interpolator {
            even: half(&|tap| 0.5 * (first[tap] + first[TAPS - 1 - tap])),
            odd: half(&|tap| 0.5 * (first[tap] - first[TAPS - 1 - tap])),
            middle: half(&|tap| middle[tap]),
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
        let Interpolator { even, odd, middle } = self.interpolator;
        for (peaks, start) in self.peaks.as_chunks_mut::<8>().0.iter_mut().zip((0..).step_by(8)) {
            let Some(window) = self.seen[start..].first_chunk::<{ TAPS + 7 }>() else { return };
            let mut points = [simd.splat(0.0); 3];
            for tap in 0..TAPS / 2 {
                let (before, after) = (&window[tap..], &window[TAPS - 1 - tap..]);
                let (Some(before), Some(after)) = (before.first_chunk(), after.first_chunk()) else { return };
                let (before, after) = (simd.load(before), simd.load(after));
                let (sum, difference) = (simd.add(before, after), simd.sub(before, after));
                points[0] = simd.mul_add(sum, simd.load(&even[tap]), points[0]);
                points[1] = simd.mul_add(difference, simd.load(&odd[tap]), points[1]);
                points[2] = simd.mul_add(sum, simd.load(&middle[tap]), points[2]);
            }
            let Some(sample) = window[TAPS - 1 - CENTER..].first_chunk() else { return };
            // What is no number loses against what is.
            let mut largest = simd.max(simd.abs(simd.load(sample)), simd.load(peaks));
            // Of even + odd and even − odd, the greater magnitude.
            largest = simd.max(simd.add(simd.abs(points[0]), simd.abs(points[1])), largest);
            largest = simd.max(simd.abs(points[2]), largest);
            simd.store(largest, peaks);
        }
    }
}

/// Each of the first `frames` values becomes the largest of the `window` values from it on: of 2, of 4, of 8… and, where
/// they would be too many, of fewer more. There must be 16 more than `frames + window`.
pub(super) struct Hold<'a> {
    pub values: &'a mut [f32],
    pub frames: usize,
    pub window: usize,
}

impl Kernel for Hold<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Hold { values, frames, window } = self;
        let mut width = 1;
        while width < window {
            let step = width.min(window - width);
            width += step;
            for start in (0..frames + window - width).step_by(8) {
                let both = &mut values[start..start + step + 8];
                let Some(ahead) = both[step..].first_chunk() else { return };
                let ahead = simd.load(ahead);
                let Some(own) = both.first_chunk_mut() else { return };
                simd.store(simd.max(ahead, simd.load(own)), own);
            }
        }
    }
}

/// The gain that brings each peak to the ceiling, at most 1.
pub(super) struct Wanted<'a> {
    pub peaks: &'a [f32],
    pub ceiling: f32,
    pub gain: &'a mut [f32],
}

impl Kernel for Wanted<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (gain, &peak) in self.gain.iter_mut().zip(self.peaks) {
            let wanted = self.ceiling / peak;
            *gain = if peak > self.ceiling { wanted } else { 1.0 };
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
