//! The chain over a file: the very same [`Chain`](crate::dsp::Chain) as the daemon runs, in sync with its input.
//!
//! Everything streams: memory does not depend on the length of the file. The output begins with the first frame of the
//! input (the chain's latency is removed) and ends when the chain's tail has faded; it appears under its name only when
//! it is complete.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::config::controls::Controls;
use crate::controls::{self, Aim, ControlError};
use crate::dsp::SpecError;
use crate::profile::{Profile, ProfileError};
use crate::source::{Complaint, printable};

mod decode;
mod holes;
mod input;
mod mpeg;
mod output;
mod stage;
mod wait;

use decode::Decoder;
pub use holes::Holes;
use output::OutputFile;
use stage::Stage;

/// What to render.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its chain; taken to the rate of the input.
    pub profile: &'a Profile,
    /// WAV, FLAC, MP3, AAC or Ogg Vorbis; stereo, or mono for both channels. `-`: standard input.
    pub input: &'a Path,
    /// Where the 32-bit float WAV file goes. `-`: standard output.
    pub output: &'a Path,
    /// Whether the profile's limiter is in the chain.
    pub limiter: bool,
    /// Where in the chain the output is taken.
    pub tap: Tap,
    /// Where the listener sits; `None`: where the profile was designed for.
    pub aim: Option<&'a Aim>,
    /// What the controls are.
    pub controls: Controls,
    /// Ends it, even while it waits for a pipe, once it is set.
    pub stop: Option<&'a Arc<AtomicBool>>,
}

/// Where in the chain the output is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tap {
    /// At its end: one channel per driver.
    Drivers,
    /// After the upmix: L′, R′ and C.
    Upmix,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Input frames done.
    pub frames: u64,
    /// Input frames in all, where the file says so.
    pub of: Option<u64>,
    /// The input's rate in Hz.
    pub sample_rate_hz: u32,
}

/// What was rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rate of input and output in Hz.
    pub sample_rate_hz: u32,
    /// Frames of the input.
    pub input_frames: u64,
    /// Frames of the output: those of the input and the tail.
    pub output_frames: u64,
    /// Name and highest sample of every output channel (1 = full scale).
    pub peaks: Vec<(String, f32)>,
    /// The most the limiter lowered any driver, in dB.
    pub max_gain_reduction_db: f32,
    /// What was missing in the input.
    pub holes: Holes,
    /// Whether the input ended before its header said.
    pub cut_short: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why there is no output.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The input cannot be opened, or the output not written.
    #[error(transparent)]
    File(#[from] Complaint),
    /// The input is nothing that can be decoded.
    #[error(
        "{}: this is no WAV, AIFF, FLAC, MP3, AAC or Ogg Vorbis file that can be read ({}); convert it to FLAC first",
        printable(path.display()), printable(reason)
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// The input has more than two channels.
    #[error(
        "{}: the file has {channels} channels; mix it down to stereo first, for example with `sox IN -c 2 OUT`", printable(path.display())
    )]
    Channels {
        /// The file.
        path: PathBuf,
        /// How many it has.
        channels: usize,
    },
    /// The input changes its rate on the way.
    #[error(
        "{}: the sample rate changes from {before} to {after} Hz at {seconds:.1} s; split the file there", printable(path.display())
    )]
    RateChange {
        /// The file.
        path: PathBuf,
        /// The rate until then, in Hz.
        before: u32,
        /// The rate from then on, in Hz.
        after: u32,
        /// Where in the file.
        seconds: f64,
    },
    /// There is nothing in the input.
    #[error("{}: there is no audio in this file; give one that plays", printable(path.display()))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The output would replace the input.
    #[error("{}: this is the input file; give the output another name", printable(path.display()))]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// The output is a device, a pipe or a folder.
    #[error("{}: this is no regular file; give the name of a file to write", printable(path.display()))]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// The profile cannot serve the input's rate.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The settings do not go with the profile.
    #[error(transparent)]
    Controls(#[from] ControlError),
    /// The chain cannot be built.
    #[error("the chain cannot be built: {0}")]
    Spec(#[from] SpecError),
    /// Somebody asked to stop.
    #[error("stopped before the end; no output was written")]
    Stopped,
}

/// Renders `request`, reporting to `progress` now and then; a `Break` from it stops.
///
/// # Errors
/// Anything that keeps the output from being complete; then there is none, and a file of that name is as it was.
pub fn render(
    request: &Request,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary, RenderError> {
    let started = Instant::now();
    output::check(request.input, request.output)?;
    let mut decoder = Decoder::open(request.input, request.stop)?;
    let rate_hz = decoder.sample_rate_hz();
    let profile = request.profile.at_rate(rate_hz)?;
    let mut spec = controls::chain_spec(&profile, request.aim, &request.controls)?;
    if !request.limiter {
        spec.limiter = None;
    }
    let mut stage = Stage::new(&spec, request.tap)?;
    let file = OutputFile::create(request.output, stage.channel_names().len(), rate_hz, request.stop)?;
    let mut sink = Sink::new(file, stage.channel_names(), stage.latency_frames());
    let is_stopped = || request.stop.is_some_and(|stop| stop.load(Ordering::Relaxed));

    let mut input_frames = 0u64;
    let mut sides = [Vec::new(), Vec::new()];
    while decoder.next(&mut sides)? {
        input_frames += sides[0].len() as u64;
        sink.pass(&mut stage, &sides[0], &sides[1])?;
        let done = Progress { frames: input_frames, of: decoder.frames(), sample_rate_hz: rate_hz };
        if progress(done).is_break() || is_stopped() {
            return Err(RenderError::Stopped);
        }
    }
    if input_frames == 0 {
        return Err(RenderError::Empty { path: request.input.to_owned() });
    }
    // The tail: silence until the chain has forgotten the input, and never fewer frames than its latency took.
    let silence = [0.0; CHUNK_FRAMES];
    let mut tail = stage.memory_frames().max(stage.latency_frames());
    while tail > 0 {
        let frames = tail.min(CHUNK_FRAMES);
        sink.pass(&mut stage, &silence[..frames], &silence[..frames])?;
        tail -= frames;
    }
    let max_gain_reduction_db = sink.max_gain_reduction_db;
    let (output_frames, peaks) = sink.finish()?;
    Ok(Summary {
        sample_rate_hz: rate_hz,
        input_frames,
        output_frames,
        peaks,
        max_gain_reduction_db,
        holes: decoder.holes().clone(),
        cut_short: decoder.is_cut_short(),
        elapsed: started.elapsed(),
    })
}

/// Frames processed at a time; the chain's output does not depend on it.
const CHUNK_FRAMES: usize = 1024;

/// What comes out of the stage, less its latency, on its way to the file.
struct Sink {
    file: OutputFile,
    names: Vec<String>,
    peaks: Vec<f32>,
    planes: Vec<Vec<f32>>,
    latency_left: usize,
    max_gain_reduction_db: f32,
}

impl Sink {
    fn new(file: OutputFile, names: Vec<String>, latency_frames: usize) -> Sink {
        Sink {
            file,
            peaks: vec![0.0; names.len()],
            planes: vec![vec![0.0; CHUNK_FRAMES]; names.len()],
            names,
            latency_left: latency_frames,
            max_gain_reduction_db: 0.0,
        }
    }

    /// Passes input of any length through `stage`.
    fn pass(&mut self, stage: &mut Stage, left: &[f32], right: &[f32]) -> Result<(), RenderError> {
        for (left, right) in left.chunks(CHUNK_FRAMES).zip(right.chunks(CHUNK_FRAMES)) {
            let frames = left.len();
            let mut planes: Vec<&mut [f32]> = self.planes.iter_mut().map(|plane| &mut plane[..frames]).collect();
            stage.process(left, right, &mut planes);
            self.max_gain_reduction_db = self.max_gain_reduction_db.max(stage.max_gain_reduction_db());
            let skipped = self.latency_left.min(frames);
            self.latency_left -= skipped;
            for (plane, peak) in self.planes.iter().zip(&mut self.peaks) {
                *peak = plane[skipped..frames].iter().fold(*peak, |peak, sample| peak.max(sample.abs()));
            }
            self.file.write(&self.planes, skipped..frames)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(u64, Vec<(String, f32)>), RenderError> {
        let frames = self.file.finish()?;
        Ok((frames, self.names.into_iter().zip(self.peaks).collect()))
    }
}

#[cfg(test)]
mod tests;
