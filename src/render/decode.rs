//! An audio file, decoded as a stream of stereo frames. What is damaged keeps its place in time: a hole is silence of
//! its length, and is counted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::input::Input;
use super::mpeg::{is_mpeg, tag_bytes};
use super::{Holes, RenderError, wait};
use crate::audio_file::WavError;
use crate::source::Complaint;

mod compressed;
mod mp3;
mod wav;

/// Bytes looked at to tell what a file is.
const PROBED_BYTES: usize = 1 << 15;
/// Frames of silence handed out at a time.
const SILENCE_FRAMES: u64 = 1 << 14;

/// Reads WAV, AIFF, FLAC, MP3, AAC (ADTS or MP4) and Ogg Vorbis; the delay and padding that encoders add are removed
/// where the file tells them.
pub(super) struct Decoder {
    stream: Box<dyn Stream>,
    timeline: Timeline,
}

/// What reads one kind of file.
trait Stream {
    /// The rate of the first frames.
    fn sample_rate_hz(&self) -> u32;
    /// Frames in all, as the file says.
    fn frames(&self) -> Option<u64>;
    /// Whether the file lacks what its header says.
    fn is_cut_short(&self) -> bool {
        false
    }
    /// Appends the next frames to the two sides, or tells of a hole that comes first; `false` at the end.
    fn next(&mut self, timeline: &mut Timeline, sides: &mut [Vec<f32>; 2]) -> Result<bool, RenderError>;
}

/// How far a file has been decoded, and what is to be said of it.
struct Timeline {
    path: PathBuf,
    sample_rate_hz: u32,
    frames: u64,
    holes: Holes,
    /// Frames of silence that come next, in place of what is missing.
    silence: u64,
}

impl Timeline {
    /// Refuses frames of another rate, or of a number of channels that is not 1 or 2.
    fn accept(&self, rate_hz: u32, channels: usize) -> Result<(), RenderError> {
        if !(1..=2).contains(&channels) {
            return Err(RenderError::Channels { path: self.path.clone(), channels });
        }
        if rate_hz != self.sample_rate_hz {
            return Err(RenderError::RateChange {
                path: self.path.clone(),
                before: self.sample_rate_hz,
                after: rate_hz,
                seconds: self.seconds(),
            });
        }
        Ok(())
    }

    /// Puts silence in place of `frames` that are missing; whatever a stream appends next comes behind it.
    fn hole(&mut self, frames: u64) -> Result<(), RenderError> {
        /// Nobody mends a file by so much silence; its times are wrong.
        const MAX_SECONDS: u64 = 3600;
        if frames == 0 {
            return Ok(());
        }
        if frames > MAX_SECONDS * u64::from(self.sample_rate_hz) {
            return Err(self.unreadable("more than an hour is missing there"));
        }
        self.holes.add(self.frames, frames);
        self.silence += frames;
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.frames as f64 / f64::from(self.sample_rate_hz)
    }

    /// The file cannot be decoded further.
    fn unreadable(&self, reason: impl std::fmt::Display) -> RenderError {
        RenderError::Format { path: self.path.clone(), reason: format!("at {:.1} s: {reason}", self.seconds()) }
    }

    fn io(&self, error: &io::Error) -> RenderError {
        read_error(&self.path, error)
    }
}

fn read_error(path: &Path, error: &io::Error) -> RenderError {
    if wait::is_stop(error) { RenderError::Stopped } else { Complaint::io(path, "read it", error).into() }
}

impl Decoder {
    /// Opens the file at `path`, or standard input for `-`; reading ends once `stop` is set.
    pub fn open(path: &Path, stop: Option<&Arc<AtomicBool>>) -> Result<Decoder, RenderError> {
        let unreadable = |reason: String| RenderError::Format { path: path.to_owned(), reason };
        let failed = |error: io::Error| read_error(path, &error);
        let mut input = Input::open(path, stop)?;
        let mut start = input.peek(PROBED_BYTES).map_err(failed)?;
        let is_wav =
            start.len() >= 12 && matches!(&start[..4], b"RIFF" | b"RF64" | b"BW64") && &start[8..12] == b"WAVE";
        if is_wav {
            let stream = wav::Wav::open(input).map_err(|error| match error {
                WavError::Io(error) => failed(error),
                error => unreadable(error.to_string()),
            })?;
            return Ok(Decoder::of(path, Box::new(stream)));
        }
        // Tags may be larger than anything that is looked at ahead.
        while let Some(bytes) = tag_bytes(&start).filter(|_| start.starts_with(b"ID3")) {
            input.skip(bytes).map_err(failed)?;
            start = input.peek(PROBED_BYTES).map_err(failed)?;
        }
        let known = start.starts_with(b"fLaC") || start.starts_with(b"OggS") || start.starts_with(b"FORM");
        if !known && is_mpeg(&start) {
            let stream = mp3::Mp3::open(input).map_err(|error| match error {
                mp3::OpenError::Io(error) => failed(error),
                mp3::OpenError::Decoder(reason) => unreadable(reason),
            })?;
            return Ok(Decoder::of(path, Box::new(stream)));
        }
        if start.windows(8).take(64).any(|bytes| bytes == b"OpusHead") {
            return Err(unreadable("it holds Opus".into()));
        }
        let stream = compressed::Compressed::open(path, input, &start)?;
        Ok(Decoder::of(path, Box::new(stream)))
    }

    fn of(path: &Path, stream: Box<dyn Stream>) -> Decoder {
        let timeline = Timeline {
            path: path.to_owned(),
            sample_rate_hz: stream.sample_rate_hz(),
            frames: 0,
            holes: Holes::default(),
            silence: 0,
        };
        Decoder { stream, timeline }
    }

    pub fn sample_rate_hz(&self) -> u32 {
        self.timeline.sample_rate_hz
    }

    /// Frames in the file, where it says so.
    pub fn frames(&self) -> Option<u64> {
        self.stream.frames()
    }

    /// What was missing so far.
    pub fn holes(&self) -> &Holes {
        &self.timeline.holes
    }

    /// Whether the file ended before its header says. Known at the end.
    pub fn is_cut_short(&self) -> bool {
        self.stream.is_cut_short() || self.stream.frames().is_some_and(|frames| self.timeline.frames < frames)
    }

    /// Replaces `sides`, left and right, by the next frames; mono goes to both. `false` at the end.
    pub fn next(&mut self, sides: &mut [Vec<f32>; 2]) -> Result<bool, RenderError> {
        sides.iter_mut().for_each(Vec::clear);
        while sides[0].is_empty() {
            if self.timeline.silence > 0 {
                // A hole may be long: its silence comes in pieces.
                let frames = self.timeline.silence.min(SILENCE_FRAMES);
                self.timeline.silence -= frames;
                sides.iter_mut().for_each(|side| side.resize(frames as usize, 0.0));
            } else if !self.stream.next(&mut self.timeline, sides)? {
                return Ok(false);
            }
        }
        self.timeline.frames += sides[0].len() as u64;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
