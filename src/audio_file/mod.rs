//! WAV files, read and written in one place: filters, measured responses, and what `render` plays and makes.
//!
//! The reader takes what programs really write: every sample format, `WAVE_FORMAT_EXTENSIBLE`, RF64 and BW64, sizes
//! that were never filled in because the file went through a pipe, foreign chunks, missing pad bytes. What it cannot
//! take for certain it refuses: filters designed from misread samples are noise.

mod header;
mod reader;
mod samples;
mod writer;

pub use header::WavFormat;
pub use reader::{Part, WavReader};
pub use samples::{SampleKind, looks_like_float};
pub use writer::WavWriter;

use thiserror::Error;

/// Why a WAV file cannot be read: a sentence that goes on after the file's name.
#[derive(Debug, Error)]
pub enum WavError {
    /// It is another kind of file.
    #[error("this is no WAV file{0}")]
    NotWav(&'static str),
    /// Its header makes no sense.
    #[error("the WAV header is broken: {0}")]
    Header(String),
    /// Samples of a kind that is not read.
    #[error("the samples are {0}; store them as integers of 8 to 32 bits or as 32-bit float")]
    Samples(String),
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

#[cfg(test)]
pub(crate) mod containers;
#[cfg(test)]
mod tests;
