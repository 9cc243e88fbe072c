//! From `f32` planes to the interleaved bytes a device takes.
//!
//! | format | bytes | how |
//! |---|---|---|
//! | `FLOAT_LE` | 4 | the samples themselves |
//! | `S32_LE` | 4 | `x · 2³¹`, rounded half away from zero, clamped |
//! | `S24_LE` | 4 (low three) | `x · 2²³`, likewise; sign-extended into the fourth |
//! | `S24_3LE` | 3 | likewise, packed |
//! | `S16_LE` | 2 | `x · 2¹⁵` + triangular dither of ±1 LSB; exact zeros stay zeros |
//!
//! 24 bits and more are not dithered: the error lies below −144 dBFS, under the noise of any converter.

use crate::config::SampleFormat;

/// Converts planes to one device's format. Nothing is allocated after construction.
#[derive(Debug)]
pub struct Converter {
    format: SampleFormat,
    dither: Vec<Dither>,
}

impl Converter {
    /// For a device of `channels` channels. The dither starts from a fixed seed: the same input gives the same bytes.
    pub fn new(format: SampleFormat, channels: usize) -> Converter {
        Converter { format, dither: (0..channels as u64).map(Dither::new).collect() }
    }

    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> usize {
        self.dither.len() * self.format.bytes()
    }

    /// Interleaves the planes into `out`: sample `i` of plane `c` becomes sample `c` of frame `i`. Writes as many
    /// frames as `out` holds; channels without a plane, and frames beyond a plane's end, become silence. NaN becomes
    /// zero in the integer formats; `FLOAT_LE` passes every bit.
    pub fn convert<P: AsRef<[f32]>>(&mut self, planes: &[P], out: &mut [u8]) {
        let frame_bytes = self.frame_bytes();
        for (channel, dither) in self.dither.iter_mut().enumerate() {
            let plane = planes.get(channel).map_or(&[][..], |plane| plane.as_ref());
            match self.format {
                SampleFormat::S16 => interleave(plane, channel, frame_bytes, out, |x| dither.quantize(x).to_le_bytes()),
                SampleFormat::S24Packed => interleave(plane, channel, frame_bytes, out, |x| {
                    let [low, middle, high, _] = to_i24(x).to_le_bytes();
                    [low, middle, high]
                }),
                SampleFormat::S24 => interleave(plane, channel, frame_bytes, out, |x| to_i24(x).to_le_bytes()),
                SampleFormat::S32 => interleave(plane, channel, frame_bytes, out, |x| to_i32(x).to_le_bytes()),
                SampleFormat::Float => interleave(plane, channel, frame_bytes, out, f32::to_le_bytes),
            }
        }
    }
}

/// Writes one plane into its place in every frame, silence where the plane ends early.
fn interleave<const BYTES: usize>(
    plane: &[f32],
    channel: usize,
    frame_bytes: usize,
    out: &mut [u8],
    mut encode: impl FnMut(f32) -> [u8; BYTES],
) {
    let place = channel * BYTES..(channel + 1) * BYTES;
    let samples = plane.iter().copied().chain(std::iter::repeat(0.0));
    for (frame, sample) in out.chunks_exact_mut(frame_bytes).zip(samples) {
        frame[place.clone()].copy_from_slice(&encode(sample));
    }
}

/// `x · 2³¹`, rounded half away from zero, clamped. The casts saturate and turn NaN into 0.
fn to_i32(x: f32) -> i32 {
    round_half_away(f64::from(x) * 2_147_483_648.0) as i32
}

/// `x · 2²³`, rounded half away from zero, clamped to 24 bits.
fn to_i24(x: f32) -> i32 {
    (round_half_away(f64::from(x) * 8_388_608.0) as i32).clamp(-8_388_608, 8_388_607)
}

/// `f64::round` without its library call, up to the final cast to an integer: exact for every scaled `f32`, whose 24
/// bits leave room for the half.
fn round_half_away(x: f64) -> f64 {
    x + 0.5_f64.copysign(x)
}

/// Triangular dither (sum of two uniform variables: Lipshitz, Wannamaker and Vanderkooy, "Quantization and Dither",
/// JAES 1992): the error's mean and power do not depend on the signal.
#[derive(Debug)]
struct Dither {
    state: u64,
}

impl Dither {
    fn new(channel: u64) -> Dither {
        // Weyl's constant sets the channels far apart in the generator's orbit.
        let mut dither = Dither { state: (channel + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) };
        dither.next_lsb();
        dither
    }

    /// The next value in ]−1, 1[, from the upper half of a 64-bit congruential generator (Knuth, MMIX).
    fn next_lsb(&mut self) -> f64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (a, b) = ((self.state >> 48) as i32, (self.state >> 32 & 0xffff) as i32);
        f64::from(a - b) / 65_536.0
    }

    fn quantize(&mut self, x: f32) -> i16 {
        if x == 0.0 {
            return 0;
        }
        (f64::from(x) * 32_768.0 + self.next_lsb() + 0.5).floor() as i16
    }
}

#[cfg(test)]
mod tests;
