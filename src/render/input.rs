//! Where the input comes from: a file, or a pipe that may keep us waiting and can be left at any time.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use symphonia::core::io::MediaSource;

use super::wait;
use crate::source::Complaint;

/// The name that stands for standard input and output.
pub(super) const STANDARD_STREAM: &str = "-";
/// Most bytes that can be looked at ahead.
const MAX_AHEAD: usize = 1 << 16;

/// The bytes of an input. Its start can be moved, past a tag; seeking counts from there.
pub(super) struct Input {
    file: File,
    stop: Option<Arc<AtomicBool>>,
    seekable: bool,
    /// Bytes of the file ahead of the start.
    start: u64,
    /// Bytes looked at and not yet read, of what cannot seek.
    ahead: Vec<u8>,
}

impl Input {
    /// Opens `path`, `-` being standard input. Nothing is waited for; reading ends with an error once `stop` is set.
    pub fn open(path: &Path, stop: Option<&Arc<AtomicBool>>) -> Result<Input, Complaint> {
        let unreadable = |error: io::Error| Complaint::io(path, "read it", &error);
        let file = if path == Path::new(STANDARD_STREAM) {
            standard_input().map_err(unreadable)?
        } else {
            if fs::metadata(path).map_err(unreadable)?.is_dir() {
                return Err(Complaint::whole(path, "this is a folder; name a file in it"));
            }
            wait::open(path).map_err(unreadable)?
        };
        let seekable = file.metadata().map_err(unreadable)?.is_file();
        Ok(Input { file, stop: stop.cloned(), seekable, start: 0, ahead: Vec::new() })
    }

    /// The next bytes, `count` of them at most, which are read again afterwards.
    pub fn peek(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count.min(MAX_AHEAD)];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.read(&mut bytes[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        if self.seekable {
            self.file.seek_relative(-(filled as i64))?;
        } else {
            self.ahead.splice(0..0, bytes.iter().copied());
        }
        Ok(bytes)
    }

    /// Passes `count` bytes; what follows is the start.
    pub fn skip(&mut self, count: u64) -> io::Result<()> {
        io::copy(&mut self.by_ref().take(count), &mut io::sink())?;
        if self.seekable {
            self.start = self.file.stream_position()?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn standard_input() -> io::Result<File> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "standard input cannot be read on this system"))
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            let count = buffer.len().min(self.ahead.len());
            buffer[..count].copy_from_slice(&self.ahead[..count]);
            self.ahead.drain(..count);
            return Ok(count);
        }
        loop {
            if !self.seekable {
                wait::readable(&self.file, self.stop.as_deref())?;
            }
            match self.file.read(buffer) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                read => return read,
            }
        }
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(self.start.saturating_add(at)),
            to => to,
        };
        self.file.seek(to)?.checked_sub(self.start).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

impl MediaSource for Input {
    fn is_seekable(&self) -> bool {
        self.seekable
    }

    fn byte_len(&self) -> Option<u64> {
        let bytes = self.file.metadata().ok().filter(|_| self.seekable)?.len();
        Some(bytes.saturating_sub(self.start))
    }
}
