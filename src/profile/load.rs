//! A folder → a [`Profile`].

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::file::File;
use super::{Profile, coefficients, rate, validate};
use crate::dsp::{SpecError, spec::MAX_TAPS};
use crate::source::{Complaint, Source};

/// Why there is no profile.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ProfileError {
    /// Something in its files is wrong; or they cannot be read.
    #[error(transparent)]
    Complaint(#[from] Complaint),
    /// No folder of the search path holds it.
    #[error("there is no profile `{name}` in {searched}; {remedy}")]
    NotFound {
        /// The name.
        name: String,
        /// Where it was looked for.
        searched: String,
        /// What would be right.
        remedy: String,
    },
    /// It is neither a name nor a path.
    #[error("\"{name}\" cannot be the name of a profile: it {fault}; give a name, or a path with a `/` in it")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Its values do not fit together.
    #[error("{}: {error}", folder.display())]
    Spec {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        error: SpecError,
    },
    /// Its FIRs do not fit at another rate.
    #[error(
        "{}: at {rate_hz} Hz the FIRs need {taps} taps, more than {MAX_TAPS}; put shorter ones into coefficients-{rate_hz}.wav", folder.display()
    )]
    TooLong {
        /// The folder.
        folder: PathBuf,
        /// The rate in Hz.
        rate_hz: u32,
        /// Taps of each FIR.
        taps: usize,
    },
    /// The rate is outside of what a chain runs at.
    #[error("{rate_hz} Hz is no rate that a profile can serve; use 8000 to 192000 Hz")]
    Rate {
        /// The rate in Hz.
        rate_hz: u32,
    },
}

impl Profile {
    /// Loads and validates the profile in `folder`.
    ///
    /// # Errors
    /// Anything in `profile.toml` or `coefficients.wav` that is not as it must be, with the place and the remedy.
    pub fn load(folder: &Path) -> Result<Profile, ProfileError> {
        let path = folder.join("profile.toml");
        let source = Source::read(&path)?;
        let file: File = source.parse()?;
        let settings = validate::validate(&source, file)?;
        let coefficients = coefficients::read_coefficients(
            &folder.join("coefficients.wav"),
            settings.drivers.len(),
            settings.sample_rate_hz,
        )?;
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
            predicted: settings.predicted,
            provenance: settings.provenance,
        };
        profile.full_coefficients()?;
        profile.chain_spec().validate().map_err(|error| ProfileError::Spec { folder: folder.to_owned(), error })?;
        Ok(profile)
    }

    /// The same profile at another rate: with the coefficients of `coefficients-RATE.wav` where the folder has them,
    /// else with its own, resampled (within 0.1 dB to 20 kHz). All delays keep their time to a fraction of a frame.
    ///
    /// # Errors
    /// A rate beyond 8000…192000 Hz, a bad `coefficients-RATE.wav`, FIRs that grow beyond 8192 taps.
    pub fn at_rate(&self, rate_hz: u32) -> Result<Profile, ProfileError> {
        rate::at_rate(self, rate_hz)
    }
}
