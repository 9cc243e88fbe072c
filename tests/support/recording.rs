//! What the card's DAC played, as samples.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes before the first sample (tests/card/recording.h).
const HEADER_BYTES: u64 = 68;

/// The encodings a card records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    S16,
    /// Packed in three bytes (S24_3LE).
    S24,
    /// Four bytes, left-aligned: S32, and S24 in four bytes.
    S32,
    Float,
}

/// Recorded frames: `raw[frame * channels + channel]`, integers as the device's own steps, floats as their bits.
#[derive(Clone, Debug)]
pub struct Recording {
    pub encoding: Encoding,
    pub channels: usize,
    pub rate_hz: u32,
    pub raw: Vec<i32>,
}

impl Recording {
    /// Reads a recording, also while the card still appends to it: whole frames only.
    pub fn read(path: &Path) -> Recording {
        Recording::read_from(path, 0)
    }

    /// Reads from frame `start` on.
    pub fn read_from(path: &Path, start: usize) -> Recording {
        let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut header = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut header, 0).expect("a whole header");
        let u16_at = |i: usize| u16::from_le_bytes([header[i], header[i + 1]]);
        let channels = usize::from(u16_at(22));
        let rate_hz = u32::from_le_bytes([header[24], header[25], header[26], header[27]]);
        let frame_bytes = usize::from(u16_at(32));
        let encoding = match (u16_at(34), u16_at(44)) {
            (16, 1) => Encoding::S16,
            (24, 1) => Encoding::S24,
            (32, 1) => Encoding::S32,
            (32, 3) => Encoding::Float,
            other => panic!("{}: unknown encoding {other:?}", path.display()),
        };
        let begin = HEADER_BYTES + (start * frame_bytes) as u64;
        let length =
            file.metadata().expect("metadata").len().saturating_sub(begin) as usize / frame_bytes * frame_bytes;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, begin).expect("whole frames");
        Recording { encoding, channels, rate_hz, raw: decode(encoding, &bytes) }
    }

    pub fn frames(&self) -> usize {
        self.raw.len() / self.channels
    }

    /// One channel in the device's own steps.
    pub fn channel_raw(&self, channel: usize) -> Vec<i32> {
        self.raw.iter().skip(channel).step_by(self.channels).copied().collect()
    }

    /// One channel, full scale = 1.
    pub fn channel(&self, channel: usize) -> Vec<f64> {
        let value = |raw: i32| match self.encoding {
            Encoding::S16 => f64::from(raw) / 32_768.0,
            Encoding::S24 => f64::from(raw) / 8_388_608.0,
            Encoding::S32 => f64::from(raw) / 2_147_483_648.0,
            Encoding::Float => f64::from(f32::from_bits(raw as u32)),
        };
        self.channel_raw(channel).into_iter().map(value).collect()
    }

    /// The first frame in which any channel is not zero.
    pub fn first_sound(&self) -> Option<usize> {
        self.raw.iter().position(|&s| s != 0).map(|i| i / self.channels)
    }
}

fn decode(encoding: Encoding, bytes: &[u8]) -> Vec<i32> {
    match encoding {
        Encoding::S16 => bytes.chunks_exact(2).map(|b| i32::from(i16::from_le_bytes([b[0], b[1]]))).collect(),
        Encoding::S24 => bytes.chunks_exact(3).map(|b| i32::from_le_bytes([0, b[0], b[1], b[2]]) >> 8).collect(),
        Encoding::S32 | Encoding::Float => {
            bytes.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        }
    }
}
