//! What `--check` looks at beyond loading: the other files of a folder.

use std::path::{Path, PathBuf};

use super::Profile;
use super::error::ProfileError;
use super::files::{COEFFICIENTS, DESCRIPTION, Files, MAX_BYTES, sha256};
use crate::source::read_regular;

impl Profile {
    /// What `[files]` should say where it is missing; `None` where it is there.
    pub fn untied(&self) -> Option<Files> {
        let mut files = Files::default();
        for path in
            self.wav_files().into_iter().chain([self.folder.join(DESCRIPTION)]).filter(|_| self.files.is_empty())
        {
            // What cannot be read has no digest.
            if let (Some(name), Ok(bytes)) = (path.file_name(), read_regular(&path, MAX_BYTES, "")) {
                files.insert(&name.to_string_lossy(), &sha256(&bytes));
            }
        }
        Some(files).filter(|files| !files.is_empty())
    }

    /// Reads the coefficients of all other rates that lie in the folder.
    ///
    /// # Errors
    /// As [`Profile::load`], of any of them.
    pub fn check_other_rates(&self) -> Result<(), ProfileError> {
        for path in self.wav_files() {
            if let Some(rate_hz) = rate_of(&path) {
                self.at_rate(rate_hz)?;
            }
        }
        Ok(())
    }

    /// `coefficients.wav` and all `coefficients-RATE.wav` of the folder.
    fn wav_files(&self) -> Vec<PathBuf> {
        // A folder that cannot be listed, though its files were read, shows no others.
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.ends_with(COEFFICIENTS) || rate_of(path).is_some())
            .collect();
        files.sort();
        files
    }
}

/// The rate of `coefficients-RATE.wav`.
fn rate_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("coefficients-")?.strip_suffix(".wav")?.parse().ok()
}
