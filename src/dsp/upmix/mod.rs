//! Stereo to left, right and center: C is what both channels share, and L′ + C = L, R′ + C = R always.
//!
//! ```text
//! L, R ─ last K frames ─ spectra ─ statistics (powers of C and of what is L's and R's own, per bin)
//!            │                         ├─ separation: Wiener filter per bin ─ overlap-add ─┐
//!            │                         └─ low latency: two causal FIR filters ─────────────┴─ C
//!            └─ delay ─ L, R ─ minus C ─ L′, R′
//! ```

mod bands;
mod fir_pair;
mod geometry;
mod levinson;
mod low_latency;
mod pool;
mod separation;
mod spec;
mod spectra;
mod split;
mod statistics;
#[cfg(test)]
mod tests;
mod wide_pool;

pub use spec::{UpmixError, UpmixMode, UpmixSpec};

use low_latency::LowLatency;
use separation::Separation;
use split::Outputs;

use super::simd::Level;

/// The upmix of one stream, in blocks of a constant length.
///
/// Nothing is allocated after construction. Exact silence in gives exact silence out, and nothing decays into
/// denormals. Hops start on the first sample after construction or [`reset`](Upmix::reset).
pub struct Upmix {
    spec: UpmixSpec,
    sample_rate_hz: u32,
    block_frames: usize,
    engine: Engine,
}

enum Engine {
    Off,
    Separation(Box<Separation>),
    LowLatency(Box<LowLatency>),
}

impl Upmix {
    /// An upmix for blocks of `block_frames` (a power of two, 16 to 8192) at `sample_rate_hz` (8000 to 192000).
    pub fn new(spec: &UpmixSpec, sample_rate_hz: u32, block_frames: usize) -> Result<Upmix, UpmixError> {
        Upmix::with_level(Level::detect(), spec, sample_rate_hz, block_frames)
    }

    /// The same on a chosen instruction set.
    pub fn with_level(
        level: Level,
        spec: &UpmixSpec,
        sample_rate_hz: u32,
        block_frames: usize,
    ) -> Result<Upmix, UpmixError> {
        if !(8_000..=192_000).contains(&sample_rate_hz) {
            return Err(UpmixError::SampleRate(sample_rate_hz));
        }
        if !block_frames.is_power_of_two() || !(16..=8192).contains(&block_frames) {
            return Err(UpmixError::BlockFrames(block_frames));
        }
        spec.validate()?;
        let center_gain = 1.0 - spec.center_width;
        let separation = |synthesis| {
            Engine::Separation(Box::new(Separation::new(level, sample_rate_hz, synthesis, block_frames, center_gain)))
        };
        let engine = match spec.mode {
            UpmixMode::Separation => separation(512),
            UpmixMode::SeparationShort => separation(256),
            UpmixMode::LowLatency => {
                Engine::LowLatency(Box::new(LowLatency::new(level, sample_rate_hz, block_frames, center_gain)))
            }
            UpmixMode::Off => Engine::Off,
        };
        Ok(Upmix { spec: *spec, sample_rate_hz, block_frames, engine })
    }

    /// Splits one block; every slice has `block_frames` samples. The outputs lag the input by
    /// [`latency_frames`](Upmix::latency_frames). Samples must be finite and within ±16.
    ///
    /// The outputs are the same for every `block_frames`, up to that latency.
    pub fn process(
        &mut self,
        left: &[f32],
        right: &[f32],
        out_left: &mut [f32],
        out_right: &mut [f32],
        out_center: &mut [f32],
    ) {
        debug_assert_eq!(left.len(), self.block_frames);
        debug_assert_eq!(right.len(), self.block_frames);
        let outputs = Outputs { left: out_left, right: out_right, center: out_center };
        match &mut self.engine {
            Engine::Off => {
                outputs.left.copy_from_slice(left);
                outputs.right.copy_from_slice(right);
                outputs.center.fill(0.0);
            }
            Engine::Separation(engine) => engine.process(left, right, outputs),
            Engine::LowLatency(engine) => engine.process(left, right, outputs),
        }
    }

    /// How far the outputs lag the input, in frames, beyond the block itself: Ns − min(block, hop) for separation,
    /// 1 ms for low latency, 0 for off.
    pub fn latency_frames(&self) -> usize {
        match &self.engine {
            Engine::Off => 0,
            Engine::Separation(engine) => engine.latency_frames(),
            Engine::LowLatency(engine) => engine.latency_frames(),
        }
    }

    /// Frames of silence after which the output is exactly silent and the past counts for little: window, filter and
    /// the longest time constant of the statistics.
    pub fn memory_frames(&self) -> usize {
        match &self.engine {
            Engine::Off => 0,
            Engine::Separation(engine) => engine.memory_frames(),
            Engine::LowLatency(engine) => engine.memory_frames(),
        }
    }

    /// Back to the state at construction.
    pub fn reset(&mut self) {
        match &mut self.engine {
            Engine::Off => {}
            Engine::Separation(engine) => engine.reset(),
            Engine::LowLatency(engine) => engine.reset(),
        }
    }

    /// Goes on where `old` is, to the bit, if all settings are equal: then true. Else takes over its statistics, if mode
    /// and rate are equal, so that a switch needs no new convergence.
    pub fn adopt(&mut self, old: &Upmix) -> bool {
        if self.spec.mode != old.spec.mode || self.sample_rate_hz != old.sample_rate_hz {
            return false;
        }
        let is_same = self.spec == old.spec && self.block_frames == old.block_frames;
        match (&mut self.engine, &old.engine) {
            (Engine::Off, Engine::Off) => {}
            (Engine::Separation(engine), Engine::Separation(old)) if is_same => engine.resume(old),
            (Engine::Separation(engine), Engine::Separation(old)) => engine.adopt(old),
            (Engine::LowLatency(engine), Engine::LowLatency(old)) if is_same => engine.resume(old),
            (Engine::LowLatency(engine), Engine::LowLatency(old)) => engine.adopt(old),
            _ => return false,
        }
        is_same
    }
}
