//! How samples lie in a WAV file, and what they are worth.

/// The kind of the samples in a WAV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    /// Integers: `bytes` in the file (1 to 4), of which the upper `bits` count; one byte is unsigned.
    Integer {
        /// Bytes of the container.
        bytes: usize,
        /// Bits that are said to be valid.
        bits: u32,
        /// Bits by which a value is to be moved up: not 0 where it lies at the lower end of its container.
        shift: u32,
    },
    /// 32-bit float.
    Float32,
    /// 64-bit float.
    Float64,
    /// 8-bit A-law (ITU-T G.711).
    ALaw,
    /// 8-bit µ-law (ITU-T G.711).
    MuLaw,
}

impl SampleKind {
    /// Bytes of one sample in the file.
    pub fn bytes(self) -> usize {
        match self {
            SampleKind::Integer { bytes, .. } => bytes,
            SampleKind::Float32 => 4,
            SampleKind::Float64 => 8,
            SampleKind::ALaw | SampleKind::MuLaw => 1,
        }
    }

    /// Appends what `bytes`, whole samples, are worth to `values`: integers with full scale at ±1, exactly.
    pub(super) fn decode(self, bytes: &[u8], values: &mut Vec<f64>) {
        match self {
            SampleKind::Integer { bytes: 1, .. } => {
                values.extend(bytes.iter().map(|&byte| (f64::from(byte) - 128.0) / 128.0));
            }
            SampleKind::Integer { bytes: container, shift, .. } => {
                values.extend(bytes.chunks_exact(container).map(|sample| {
                    // Into the upper bytes of a word: one scale serves all widths, and the sign is in its place.
                    let mut word = [0; 4];
                    word[4 - container..].copy_from_slice(sample);
                    f64::from(i32::from_le_bytes(word) << shift) / 2_147_483_648.0
                }));
            }
            SampleKind::Float32 => values.extend(bytes.chunks_exact(4).map(|sample| {
                let mut word = [0; 4];
                word.copy_from_slice(sample);
                f64::from(f32::from_le_bytes(word))
            })),
            SampleKind::Float64 => values.extend(bytes.chunks_exact(8).map(|sample| {
                let mut word = [0; 8];
                word.copy_from_slice(sample);
                f64::from_le_bytes(word)
            })),
            SampleKind::ALaw => values.extend(bytes.iter().map(|&byte| f64::from(a_law(byte)) / 32_768.0)),
            SampleKind::MuLaw => values.extend(bytes.iter().map(|&byte| f64::from(mu_law(byte)) / 32_768.0)),
        }
    }
}

impl std::fmt::Display for SampleKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SampleKind::Integer { bits, .. } => write!(f, "{bits}-bit integers"),
            SampleKind::Float32 => f.write_str("32-bit float"),
            SampleKind::Float64 => f.write_str("64-bit float"),
            SampleKind::ALaw => f.write_str("A-law"),
            SampleKind::MuLaw => f.write_str("µ-law"),
        }
    }
}

/// G.711 A-law: even bits inverted, sign, 3 bits of segment, 4 of the step within it.
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (segment, step) = ((byte >> 4) & 7, i16::from(byte & 15));
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    if byte & 0x80 != 0 { magnitude } else { -magnitude }
}

/// G.711 µ-law: all bits inverted, segments of a curve that begins at −33.
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = (((i16::from(byte & 15) << 3) + 0x84) << ((byte >> 4) & 7)) - 0x84;
    if byte & 0x80 != 0 { -magnitude } else { magnitude }
}

/// Whether `values`, read as 32-bit integers, are floating-point numbers under a wrong label: their upper bytes, sign
/// and exponent, then all say "about 1e-9 to 2", while those of sound or of an impulse response are spread around zero.
pub fn looks_like_float(values: &[f64]) -> bool {
    let words = values.iter().filter(|value| **value != 0.0).map(|value| (value * 2_147_483_648.0) as i32 as u32);
    let (mut all, mut exponents) = (0usize, 0usize);
    for word in words {
        all += 1;
        exponents += usize::from((0x30..=0x40).contains(&((word >> 24) & 0x7f)));
    }
    all >= 16 && exponents * 10 >= all * 9
}
