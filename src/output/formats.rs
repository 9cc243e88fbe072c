//! From `f32` planes to the bytes a device takes.
//!
//! | format | bytes | how |
//! |---|---|---|
//! | `FLOAT` | 4 | the samples themselves |
//! | `S32` | 4 | `x · 2³¹`, rounded half away from zero, clamped |
//! | `S24` | 4 (the lower three) | `x · 2²³`, likewise; sign-extended into the fourth |
//! | `S24_3` | 3 | likewise, packed |
//! | `S16` | 2 | `x · 2¹⁵` + triangular dither of ±1 LSB; exact zeros stay zeros |
//!
//! Each in either byte order, frame by frame or plane by plane. 24 bits and more are not dithered: the error lies below
//! −144 dBFS, under the noise of any converter.

use std::fmt;

use crate::config::SampleFormat;

/// How samples are laid out in a device's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// What one sample is.
    pub format: SampleFormat,
    /// The most significant byte of each sample comes first.
    pub is_big_endian: bool,
    /// All samples of a channel lie together ("non-interleaved"), rather than all samples of a frame.
    pub is_planar: bool,
}

/// Little-endian and interleaved, as nearly every card takes it.
impl From<SampleFormat> for Encoding {
    fn from(format: SampleFormat) -> Encoding {
        Encoding { format, is_big_endian: false, is_planar: false }
    }
}

impl fmt::Display for Encoding {
    /// ALSA's name of the format.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.format.to_string();
        if self.is_big_endian { f.write_str(&name.replace("LE", "BE")) } else { f.write_str(&name) }
    }
}

/// Converts planes to one device's encoding. Nothing is allocated after construction.
#[derive(Debug)]
pub struct Converter {
    encoding: Encoding,
    dither: Vec<Dither>,
}

impl Converter {
    /// For a device of `channels` channels. The dither starts from a fixed seed: the same input gives the same bytes.
    pub fn new(encoding: impl Into<Encoding>, channels: usize) -> Converter {
        Converter { encoding: encoding.into(), dither: (0..channels as u64).map(Dither::new).collect() }
    }

    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> usize {
        self.dither.len() * self.sample_bytes()
    }

    /// Bytes of one sample.
    pub fn sample_bytes(&self) -> usize {
        self.encoding.format.bytes()
    }

    /// Encodes the planes into `out`: sample `i` of plane `c` becomes sample `c` of frame `i`, or sample `i` of plane
    /// `c` where the encoding is planar. Writes as many frames as `out` holds; channels without a plane, and frames
    /// beyond a plane's end, become silence. NaN becomes zero in the integer formats; `FLOAT` passes every bit.
    pub fn convert<P: AsRef<[f32]>>(&mut self, planes: &[P], out: &mut [u8]) {
        let (sample_bytes, frame_bytes) = (self.sample_bytes(), self.frame_bytes());
        let frames = out.len().checked_div(frame_bytes).unwrap_or(0);
        let Encoding { format, is_big_endian, is_planar } = self.encoding;
        for (channel, dither) in self.dither.iter_mut().enumerate() {
            let plane = planes.get(channel).map_or(&[][..], |plane| plane.as_ref());
            let (first, stride) = match is_planar {
                true => (channel * frames * sample_bytes, sample_bytes),
                false => (channel * sample_bytes, frame_bytes),
            };
            let slots = Slots { bytes: out.get_mut(first..).unwrap_or_default(), stride, frames, is_big_endian };
            match format {
                SampleFormat::S16 => slots.fill(plane, |x| dither.quantize(x).to_le_bytes()),
                SampleFormat::S24Packed => slots.fill(plane, |x| {
                    let [low, middle, high, _] = to_i24(x).to_le_bytes();
                    [low, middle, high]
                }),
                SampleFormat::S24 => slots.fill(plane, |x| to_i24(x).to_le_bytes()),
                SampleFormat::S32 => slots.fill(plane, |x| to_i32(x).to_le_bytes()),
                SampleFormat::Float => slots.fill(plane, f32::to_le_bytes),
            }
        }
    }
}

/// Where the samples of one channel go: one at the beginning of every `stride` bytes.
struct Slots<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    frames: usize,
    is_big_endian: bool,
}

impl Slots<'_> {
    /// Writes one plane, as `encode` gives it in little-endian order, and silence where the plane ends early.
    fn fill<const BYTES: usize>(self, plane: &[f32], mut encode: impl FnMut(f32) -> [u8; BYTES]) {
        let samples = plane.iter().copied().chain(std::iter::repeat(0.0));
        for (slot, sample) in self.bytes.chunks_mut(self.stride).take(self.frames).zip(samples) {
            let mut sample = encode(sample);
            if self.is_big_endian {
                sample.reverse();
            }
            slot[..BYTES].copy_from_slice(&sample);
        }
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
