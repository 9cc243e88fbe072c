//! The output file: it has its name only when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io::BufWriter;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{RenderError, WavWriter};
use crate::source::Complaint;

/// Makes sure, before any work is done, that `output` may be replaced.
pub(super) fn check(input: &Path, output: &Path) -> Result<(), RenderError> {
    // What does not exist yet can be written; whether its folder lets us shows when the file is created.
    let Ok(existing) = fs::metadata(output) else {
        return Ok(());
    };
    if !existing.is_file() {
        return Err(RenderError::NotAFile { path: output.to_owned() });
    }
    let same = fs::metadata(input).is_ok_and(|input| (input.dev(), input.ino()) == (existing.dev(), existing.ino()));
    if same {
        return Err(RenderError::SameFile { path: output.to_owned() });
    }
    Ok(())
}

/// A WAV file in the making, under a hidden name beside its place. Dropped before it is finished, it disappears.
pub(super) struct OutputFile {
    /// `None` once it is finished.
    writer: Option<WavWriter<BufWriter<File>>>,
    unfinished: PathBuf,
    path: PathBuf,
}

impl OutputFile {
    pub fn create(path: &Path, channels: usize, sample_rate_hz: u32) -> Result<OutputFile, Complaint> {
        // A symbolic link stays; what it points to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let Some(name) = path.file_name() else {
            return Err(Complaint::whole(&path, "this is no name of a file; give one to write"));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let unfinished = path.with_file_name(hidden);
        let unwritable = |error: std::io::Error| Complaint::io(&path, "write it", &error);
        let file = OpenOptions::new().write(true).create_new(true).open(&unfinished).map_err(unwritable)?;
        let mut output = OutputFile { writer: None, unfinished, path: path.clone() };
        let buffered = BufWriter::with_capacity(1 << 16, file);
        output.writer = Some(WavWriter::new(buffered, channels, sample_rate_hz).map_err(unwritable)?);
        Ok(output)
    }

    /// Appends the frames `range` of `planes`.
    pub fn write(&mut self, planes: &[Vec<f32>], range: Range<usize>) -> Result<(), Complaint> {
        match &mut self.writer {
            Some(writer) => writer.write(planes, range).map_err(|error| Complaint::io(&self.path, "write it", &error)),
            None => Ok(()),
        }
    }

    /// Completes the file, gives it its name and returns the number of its frames.
    pub fn finish(mut self) -> Result<u64, Complaint> {
        let unwritable = |error: std::io::Error| Complaint::io(&self.path, "write it", &error);
        let Some(writer) = self.writer.take() else {
            return Ok(0);
        };
        let (_, frames) = writer.finish().map_err(unwritable)?;
        fs::rename(&self.unfinished, &self.path).map_err(unwritable)?;
        Ok(frames)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; otherwise nobody is left to tell.
        fs::remove_file(&self.unfinished).ok();
    }
}
