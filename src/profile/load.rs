//! A folder → a [`Profile`].

use std::path::Path;

use super::coefficients::read_tied;
use super::error::ProfileError;
use super::file::File;
use super::files::COEFFICIENTS;
use super::{Profile, validate};
use crate::source::Source;

impl Profile {
    /// Loads and validates the profile in `folder`.
    ///
    /// # Errors
    /// Anything in `profile.toml` or `coefficients.wav` that is not as it must be, with the place and the remedy; or files
    /// of several designs.
    pub fn load(folder: &Path) -> Result<Profile, ProfileError> {
        let path = folder.join("profile.toml");
        let source = Source::read(&path)?;
        let file: File = source.parse()?;
        let settings = validate::validate(&source, file)?;
        let coefficients =
            read_tied(&folder.join(COEFFICIENTS), &settings.files, settings.drivers.len(), settings.sample_rate_hz)?;
        settings.files.check_others(folder)?;
        let profile = Profile {
            name: settings.name,
            description: settings.description,
            folder: folder.to_owned(),
            sample_rate_hz: settings.sample_rate_hz,
            block_frames: settings.block_frames,
            form: settings.form,
            makeup_gain_db: settings.makeup_gain_db,
            upmix: settings.upmix,
            path_delay_frames: settings.path_delay_frames,
            limiter: settings.limiter,
            drivers: settings.drivers,
            coefficients,
            bypass: settings.bypass,
            files: settings.files,
            predicted: settings.predicted,
            provenance: settings.provenance,
        };
        profile.full_coefficients()?;
        profile.chain_spec().validate().map_err(|error| ProfileError::Spec { folder: folder.to_owned(), error })?;
        Ok(profile)
    }
}
