//! The output: a file that has its name only when it is complete, or standard output.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::input::STANDARD_STREAM;
use super::{RenderError, wait};
use crate::audio_file::WavWriter;
use crate::source::{Complaint, Replacement};

/// Makes sure, before any work is done, that `output` may be replaced.
pub(super) fn check(input: &Path, output: &Path) -> Result<(), RenderError> {
    // What does not exist yet can be written; whether its folder lets us shows when the file is created.
    let Some(existing) = Some(output).filter(|path| !is_stream(path)).and_then(|path| fs::metadata(path).ok()) else {
        return Ok(());
    };
    if !existing.is_file() {
        return Err(RenderError::NotAFile { path: output.to_owned() });
    }
    if !is_stream(input) && fs::metadata(input).is_ok_and(|input| same_file(&input, &existing)) {
        return Err(RenderError::SameFile { path: output.to_owned() });
    }
    Ok(())
}

fn is_stream(path: &Path) -> bool {
    path == Path::new(STANDARD_STREAM)
}

#[cfg(unix)]
fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Other systems do not say; the input stays whole until the output is complete.
#[cfg(not(unix))]
fn same_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

/// A WAV file in the making. Dropped before it is finished, it disappears.
pub(super) struct OutputFile {
    writer: WavWriter<BufWriter<Pipe>>,
    /// What it will be; `None` for standard output.
    replacement: Option<Replacement>,
    path: PathBuf,
}

impl OutputFile {
    pub fn create(
        path: &Path,
        channels: usize,
        sample_rate_hz: u32,
        stop: Option<&Arc<AtomicBool>>,
    ) -> Result<OutputFile, RenderError> {
        let failed = |error: io::Error| write_error(path, &error);
        let replacement = if is_stream(path) { None } else { Some(Replacement::create(path)?) };
        let file = match &replacement {
            Some(replacement) => replacement.file().try_clone(),
            None => standard_output(),
        };
        let file = Pipe { file: file.map_err(failed)?, stop: stop.cloned(), waits: replacement.is_none() };
        let buffered = BufWriter::with_capacity(1 << 16, file);
        let writer = WavWriter::new(buffered, channels, sample_rate_hz).map_err(failed)?;
        Ok(OutputFile { writer, replacement, path: path.to_owned() })
    }

    /// Appends the frames `range` of `planes`.
    pub fn write(&mut self, planes: &[Vec<f32>], range: Range<usize>) -> Result<(), RenderError> {
        self.writer.write(planes, range).map_err(|error| write_error(&self.path, &error))
    }

    /// Completes the file, gives it its name and returns the number of its frames.
    pub fn finish(mut self) -> Result<u64, RenderError> {
        let frames = self.writer.frames();
        let finished = match self.replacement {
            Some(replacement) => self.writer.finish().and_then(|_| replacement.finish()),
            None => self.writer.flush(),
        };
        finished.map(|()| frames).map_err(|error| write_error(&self.path, &error))
    }
}

fn write_error(path: &Path, error: &io::Error) -> RenderError {
    if wait::is_stop(error) { RenderError::Stopped } else { Complaint::io(path, "write it", error).into() }
}

#[cfg(unix)]
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn standard_output() -> io::Result<File> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "standard output cannot be written on this system"))
}

/// A file, or a pipe whose reader may keep us waiting until `stop` is set.
struct Pipe {
    file: File,
    stop: Option<Arc<AtomicBool>>,
    waits: bool,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// Once a pipe can be written to, so much does not wait (POSIX `PIPE_BUF`, on Linux).
        const PIPE_BYTES: usize = 4096;
        if !self.waits {
            return self.file.write(bytes);
        }
        wait::writable(&self.file, self.stop.as_deref())?;
        self.file.write(&bytes[..bytes.len().min(PIPE_BYTES)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl io::Seek for Pipe {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
