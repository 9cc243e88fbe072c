//! Transform lengths, hops and the asymmetric windows (Mauler and Martin 2007: long analysis, short synthesis).

use std::f64::consts::PI;

/// Lengths of one analysis grid, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub sample_rate_hz: u32,
    /// Transform and analysis window, `K`.
    pub analysis_frames: usize,
    /// Part of it that is synthesized, `Ns`; 0 without synthesis.
    pub synthesis_frames: usize,
    pub hop_frames: usize,
    /// Falling flank of the analysis window, `F`.
    pub fall_frames: usize,
}

impl Geometry {
    /// Lengths are stated for 44.1 and 48 kHz and scaled by the power of two nearest to the rate's ratio to 48 kHz.
    pub fn new(sample_rate_hz: u32, analysis: usize, synthesis: usize, hop: usize, fall: usize) -> Geometry {
        Geometry {
            sample_rate_hz,
            analysis_frames: scale_frames(analysis, sample_rate_hz),
            synthesis_frames: scale_frames(synthesis, sample_rate_hz),
            hop_frames: scale_frames(hop, sample_rate_hz),
            fall_frames: scale_frames(fall, sample_rate_hz),
        }
    }

    /// Bins of the transform, at odd multiples of half of [`bin_hz`](Geometry::bin_hz).
    pub fn bins(&self) -> usize {
        self.analysis_frames / 2
    }

    /// Distance of the bins.
    pub fn bin_hz(&self) -> f64 {
        f64::from(self.sample_rate_hz) / self.analysis_frames as f64
    }

    /// Coefficient of a one-pole average of time constant `seconds`, updated once a hop.
    pub fn one_pole(&self, seconds: f64) -> f64 {
        (-(self.hop_frames as f64) / (f64::from(self.sample_rate_hz) * seconds)).exp()
    }

    /// Slow sine rise over K − F frames, short cosine fall over the newest F.
    pub fn analysis_window(&self) -> Vec<f64> {
        let (rise, fall) = (self.analysis_frames - self.fall_frames, self.fall_frames);
        (0..self.analysis_frames)
            .map(|n| match n.checked_sub(rise) {
                None => (PI / 2.0 * n as f64 / rise as f64).sin(),
                Some(past) => (PI / 2.0 * past as f64 / fall as f64).cos(),
            })
            .collect()
    }

    /// Weights of the newest Ns frames after the inverse transform: analysis × synthesis is a Hann window that
    /// overlaps to one.
    pub fn synthesis_window(&self) -> Vec<f64> {
        let frames = self.synthesis_frames;
        let analysis = self.analysis_window();
        let newest = &analysis[self.analysis_frames - frames..];
        let overlap = self.hop_frames as f64 / (frames as f64 / 2.0);
        let hann = (0..frames).map(|j| 0.5 - 0.5 * (2.0 * PI * j as f64 / frames as f64).cos());
        hann.zip(newest).map(|(hann, analysis)| hann / analysis * overlap).collect()
    }
}

/// A length stated at 48 kHz, at another rate.
pub(super) fn scale_frames(frames: usize, sample_rate_hz: u32) -> usize {
    let octaves = (f64::from(sample_rate_hz) / 48_000.0).log2().round() as i32;
    if octaves >= 0 { frames << octaves } else { frames >> -octaves }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_rate() {
        for (rate, factor) in [(8_000, 0.125), (22_050, 0.5), (44_100, 1.0), (48_000, 1.0), (96_000, 2.0)] {
            assert_eq!(scale_frames(512, rate) as f64, 512.0 * factor, "{rate} Hz");
        }
    }

    #[test]
    fn windows_overlap_to_one() {
        for (synthesis, hop) in [(512, 256), (256, 128), (512, 64)] {
            let geometry = Geometry::new(48_000, 2048, synthesis, hop, 64);
            let analysis = geometry.analysis_window();
            let weights = geometry.synthesis_window();
            for start in 0..hop {
                let sum: f64 =
                    (start..synthesis).step_by(hop).map(|j| weights[j] * analysis[2048 - synthesis + j]).sum();
                assert!((sum - 1.0).abs() < 1e-12, "Ns {synthesis}, hop {hop}: {sum}");
            }
        }
    }
}
