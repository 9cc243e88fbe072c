//! What a chain can be: numbers of inputs, drivers and taps, and the ranges of values.

/// Program inputs of the FIR matrix: L′, R′ and C.
pub const INPUTS: usize = 3;
/// Most drivers a chain can feed.
pub const MAX_DRIVERS: usize = 16;
/// Most channels a device can have.
pub const MAX_CHANNELS: usize = 32;
/// Longest FIR, in taps.
pub const MAX_TAPS: usize = 8192;
/// Smallest and largest processing block, in frames; blocks are powers of two.
pub const BLOCK_FRAMES: std::ops::RangeInclusive<usize> = 16..=8192;
/// Sample rates a chain accepts, in Hz.
pub const SAMPLE_RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// Longest delay of a path or a driver, in frames: what a profile may say, and half a second at the highest rate.
pub const MAX_DELAY_FRAMES: usize = 114_688;
/// Gains beyond ± this many decibels are taken for a mistake.
pub const MAX_GAIN_DB: f32 = 60.0;

/// Names of the inputs, as messages show them.
const INPUT_NAMES: [&str; INPUTS] = ["left", "right", "center"];

/// The name of input `input` in messages.
pub(super) fn input_name(input: usize) -> &'static str {
    INPUT_NAMES.get(input).copied().unwrap_or("?")
}
