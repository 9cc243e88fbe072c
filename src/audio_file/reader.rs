//! Samples out of a WAV file, front to back: a pipe serves as well as a file.

use std::io::Read;

use super::WavError;
use super::header::{self, DataLength, Input, WavFormat};

/// Bytes read at a time, at most.
const READ_BYTES: usize = 1 << 16;

/// Reads one WAV file.
pub struct WavReader<R> {
    input: Input<R>,
    format: WavFormat,
    length: DataLength,
    /// Bytes of samples read.
    done: u64,
    /// Whether the samples ended before the header said, or within a frame.
    cut_short: bool,
    bytes: Vec<u8>,
}

/// What follows the samples of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Nothing but tags.
    Nothing,
    /// More samples in the same file.
    Samples,
    /// Another file, put behind this one.
    File,
}

impl<R: Read> WavReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// This is no WAV file, its header makes no sense, or its samples are of a kind that is not read.
    pub fn new(input: R) -> Result<WavReader<R>, WavError> {
        let mut input = Input::new(input);
        let (format, length) = header::read(&mut input)?;
        Ok(WavReader { input, format, length, done: 0, cut_short: false, bytes: Vec::new() })
    }

    /// What the samples are.
    pub fn format(&self) -> WavFormat {
        self.format
    }

    /// Frames in all, where the header says so for certain.
    pub fn frames(&self) -> Option<u64> {
        self.length.exact.then_some(self.length.at_most.div_ceil(self.format.frame_bytes() as u64))
    }

    /// Whether the samples ended before the header said, or within a frame. Known once [`read`](WavReader::read) has
    /// returned 0.
    pub fn is_cut_short(&self) -> bool {
        self.cut_short
    }

    /// Replaces `values` by the next frames, interleaved, at most `frames` of them; integers have their full scale at
    /// ±1. Returns how many; 0 at the end.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&mut self, frames: usize, values: &mut Vec<f64>) -> Result<usize, WavError> {
        values.clear();
        let frame_bytes = self.format.frame_bytes();
        let wanted = frames.min((READ_BYTES / frame_bytes).max(1)) * frame_bytes;
        let left = self.length.at_most - self.done;
        self.bytes.resize((wanted as u64).min(left) as usize, 0);
        let filled = self.input.fill(&mut self.bytes)?;
        self.done += filled as u64;
        let frames = filled / frame_bytes;
        let whole = frames * frame_bytes;
        if frames == 0 {
            // Once more than the end may be asked for.
            self.cut_short |= filled > 0 || self.length.exact && self.done < self.length.at_most;
        } else if filled > whole {
            self.cut_short = true;
        }
        self.format.kind.decode(&self.bytes[..whole], values);
        Ok(frames)
    }

    /// Looks behind the samples, once they have been read: for more of them, which [`read`](WavReader::read) then
    /// returns in their own [`format`](WavReader::format).
    ///
    /// # Errors
    /// The file cannot be read, or another one behind it is broken.
    pub fn next_part(&mut self) -> Result<Part, WavError> {
        if self.done < self.length.at_most {
            return Ok(Part::Nothing);
        }
        self.input.pad(self.done)?;
        self.done = 0;
        self.length = DataLength { at_most: 0, exact: true };
        while let Some((name, size)) = header::chunk(&mut self.input)? {
            match &name {
                b"data" => {
                    self.length = header::data_length(&mut self.input, size, None)?;
                    return Ok(Part::Samples);
                }
                b"RIFF" | b"RF64" | b"BW64" => {
                    self.input.put_back(&[&name[..], &size.to_le_bytes()].concat());
                    (self.format, self.length) = header::read(&mut self.input)?;
                    return Ok(Part::File);
                }
                // Whatever an editor left behind.
                _ if !name.iter().all(|byte| (b' '..=b'~').contains(byte)) => break,
                _ if !self.input.skip(size.into())? => break,
                _ => {}
            }
        }
        Ok(Part::Nothing)
    }
}
