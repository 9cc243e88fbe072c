use std::fmt;

/// A sample format of the device, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleFormat {
    /// 16-bit integers, dithered.
    S16,
    /// 24-bit integers in three bytes.
    S24Packed,
    /// 24-bit integers in the low three bytes of four.
    S24,
    /// 32-bit integers.
    S32,
    /// 32-bit IEEE floats, full scale ±1.
    Float,
}

impl SampleFormat {
    /// Every format, the one to prefer first: what a device offers beyond 24 bits it takes exactly.
    pub const PREFERENCE: [SampleFormat; 5] =
        [SampleFormat::S32, SampleFormat::Float, SampleFormat::S24, SampleFormat::S24Packed, SampleFormat::S16];

    /// Bytes one sample occupies.
    pub fn bytes(self) -> usize {
        match self {
            SampleFormat::S16 => 2,
            SampleFormat::S24Packed => 3,
            SampleFormat::S24 | SampleFormat::S32 | SampleFormat::Float => 4,
        }
    }
}

impl fmt::Display for SampleFormat {
    /// ALSA's name of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SampleFormat::S16 => "S16_LE",
            SampleFormat::S24Packed => "S24_3LE",
            SampleFormat::S24 => "S24_LE",
            SampleFormat::S32 => "S32_LE",
            SampleFormat::Float => "FLOAT_LE",
        })
    }
}
