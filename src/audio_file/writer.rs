//! A WAV writer that streams: 32-bit float, any number of channels, RF64 beyond 4 GiB.
//!
//! The header holds an empty `JUNK` chunk where RF64 wants its 64-bit sizes (EBU Tech 3306: "on the fly" conversion).
//! The samples are `WAVE_FORMAT_EXTENSIBLE` without speaker positions: channels are drivers, in the profile's order.

use std::io::{self, Seek, SeekFrom, Write};

/// Bytes before the samples.
const HEADER_BYTES: u64 = 116;
/// Largest file whose sizes fit into 32 bits.
const MAX_RIFF_BYTES: u64 = u32::MAX as u64;
/// Subformat IEEE float: {00000003-0000-0010-8000-00AA00389B71}.
const IEEE_FLOAT: [u8; 16] = [3, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];
/// Not known; in an RF64 file: see `ds64`.
const UNKNOWN: u32 = u32::MAX;

/// Writes one WAV file; [`finish`](WavWriter::finish) makes its header true.
pub struct WavWriter<W> {
    file: W,
    channels: usize,
    sample_rate_hz: u32,
    frames: u64,
    max_riff_bytes: u64,
    bytes: Vec<u8>,
}

impl<W: Write> WavWriter<W> {
    /// Writes the header of a file of `channels` channels at `sample_rate_hz`. Until [`finish`](WavWriter::finish) its
    /// sizes say "not known", which is how it stays in a pipe.
    ///
    /// # Errors
    /// What `file` returns.
    pub fn new(file: W, channels: usize, sample_rate_hz: u32) -> io::Result<WavWriter<W>> {
        WavWriter::with_limit(file, channels, sample_rate_hz, MAX_RIFF_BYTES)
    }

    /// The same with another size beyond which the file becomes RF64.
    fn with_limit(file: W, channels: usize, sample_rate_hz: u32, max_riff_bytes: u64) -> io::Result<WavWriter<W>> {
        let mut writer = WavWriter { file, channels, sample_rate_hz, frames: 0, max_riff_bytes, bytes: Vec::new() };
        writer.write_header(None)?;
        Ok(writer)
    }

    /// Frames written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Hands everything on, without a true header.
    ///
    /// # Errors
    /// What the file returns.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Appends the frames `range` of `planes`, one per channel.
    ///
    /// # Errors
    /// What the file returns.
    pub fn write(&mut self, planes: &[Vec<f32>], range: std::ops::Range<usize>) -> io::Result<()> {
        self.bytes.clear();
        for frame in range.clone() {
            for plane in planes {
                self.bytes.extend_from_slice(&plane[frame].to_le_bytes());
            }
        }
        self.frames += range.len() as u64;
        self.file.write_all(&self.bytes)
    }

    /// For `frames`; `None`: not known.
    fn write_header(&mut self, frames: Option<u64>) -> io::Result<()> {
        let frame_bytes = self.channels * 4;
        let data_bytes = frames.unwrap_or(0) * frame_bytes as u64;
        let riff_bytes = HEADER_BYTES - 8 + data_bytes;
        let is_rf64 = riff_bytes > self.max_riff_bytes;
        let size = |bytes: u64| {
            if is_rf64 || frames.is_none() {
                UNKNOWN
            } else {
                // At most `max_riff_bytes`, which fits.
                bytes as u32
            }
        };
        let mut header = Vec::with_capacity(HEADER_BYTES as usize);
        header.extend_from_slice(if is_rf64 { b"RF64" } else { b"RIFF" });
        header.extend_from_slice(&size(riff_bytes).to_le_bytes());
        header.extend_from_slice(b"WAVE");

        header.extend_from_slice(if is_rf64 { b"ds64" } else { b"JUNK" });
        header.extend_from_slice(&28u32.to_le_bytes());
        for value in [riff_bytes, data_bytes, frames.unwrap_or(0)] {
            let value = if is_rf64 { value } else { 0 };
            header.extend_from_slice(&value.to_le_bytes());
        }
        header.extend_from_slice(&0u32.to_le_bytes());

        header.extend_from_slice(b"fmt ");
        header.extend_from_slice(&40u32.to_le_bytes());
        header.extend_from_slice(&0xFFFEu16.to_le_bytes());
        header.extend_from_slice(&(self.channels as u16).to_le_bytes());
        header.extend_from_slice(&self.sample_rate_hz.to_le_bytes());
        header.extend_from_slice(&(self.sample_rate_hz * frame_bytes as u32).to_le_bytes());
        header.extend_from_slice(&(frame_bytes as u16).to_le_bytes());
        header.extend_from_slice(&32u16.to_le_bytes());
        header.extend_from_slice(&22u16.to_le_bytes());
        header.extend_from_slice(&32u16.to_le_bytes());
        header.extend_from_slice(&0u32.to_le_bytes());
        header.extend_from_slice(&IEEE_FLOAT);

        header.extend_from_slice(b"fact");
        header.extend_from_slice(&4u32.to_le_bytes());
        header.extend_from_slice(&size(frames.unwrap_or(0)).to_le_bytes());

        header.extend_from_slice(b"data");
        header.extend_from_slice(&size(data_bytes).to_le_bytes());
        debug_assert_eq!(header.len() as u64, HEADER_BYTES);
        self.file.write_all(&header)
    }
}

impl<W: Write + Seek> WavWriter<W> {
    /// Writes the sizes into the header and returns the file and its number of frames.
    ///
    /// # Errors
    /// What the file returns.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.file.seek(SeekFrom::Start(0))?;
        self.write_header(Some(self.frames))?;
        self.file.flush()?;
        Ok((self.file, self.frames))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn file(limit: u64) -> Vec<u8> {
        let mut writer = WavWriter::with_limit(Cursor::new(Vec::new()), 3, 44_100, limit).unwrap();
        let planes = [vec![9.0, 0.25, 1.5], vec![9.0, -0.5, 0.0], vec![9.0, 0.0, -1.0]];
        writer.write(&planes, 1..3).unwrap();
        writer.write(&planes, 0..0).unwrap();
        let (file, frames) = writer.finish().unwrap();
        assert_eq!(frames, 2);
        file.into_inner()
    }

    #[test]
    fn another_reader_reads_what_was_written() {
        let bytes = file(MAX_RIFF_BYTES);
        assert_eq!(bytes[4..8], (bytes.len() as u32 - 8).to_le_bytes());
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
        assert_eq!(reader.spec().channels, 3);
        assert_eq!(reader.spec().sample_rate, 44_100);
        let samples: Vec<f32> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples, [0.25, -0.5, 0.0, 1.5, 0.0, -1.0]);
    }

    #[test]
    fn beyond_the_limit_it_is_rf64() {
        let (riff, rf64) = (file(MAX_RIFF_BYTES), file(100));
        assert_eq!(riff.len(), rf64.len());
        assert_eq!(rf64[..4], *b"RF64");
        assert_eq!(rf64[4..8], [0xFF; 4]);
        assert_eq!(rf64[12..16], *b"ds64");
        let size = |at: usize| u64::from_le_bytes(rf64[at..at + 8].try_into().unwrap());
        assert_eq!(size(20), rf64.len() as u64 - 8);
        assert_eq!(size(28), 2 * 3 * 4);
        assert_eq!(size(36), 2);
        assert_eq!(rf64[112..116], [0xFF; 4]);
        assert_eq!(riff[116..], rf64[116..]);
    }
}
