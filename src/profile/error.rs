//! Why there is no profile.

use std::path::PathBuf;

use thiserror::Error;

use crate::dsp::SpecError;
use crate::dsp::limits::MAX_TAPS;
use crate::source::{Complaint, printable};

/// Why there is no profile.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ProfileError {
    /// Something in its files is wrong; or they cannot be read.
    #[error(transparent)]
    Complaint(#[from] Complaint),
    /// No folder of the search path holds it.
    #[error("there is no profile `{name}` in {}; {}", printable(searched), printable(remedy))]
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
    #[error("{}: {error}", printable(folder.display()))]
    Spec {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        error: SpecError,
    },
    /// Its FIRs do not fit at another rate.
    #[error(
        "{}: at {rate_hz} Hz the FIRs need {taps} taps, more than {MAX_TAPS}; put shorter ones into coefficients-{rate_hz}.wav", printable(folder.display())
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
