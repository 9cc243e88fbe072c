//! The RTF form (own driver + relative transfer functions) folded into full FIRs.

use std::path::Path;

use super::{Form, Own, Profile};
use crate::dsp::Coefficients;
use crate::dsp::limits::{INPUTS, MAX_TAPS};
use crate::source::Complaint;

/// A tail is dropped where the energy in it is this small beside the whole: −150 dB, below the rounding of `f32`.
const NEGLIGIBLE: f64 = 1e-15;

impl Profile {
    /// The 3×N FIRs at the profile's own rate.
    ///
    /// In the RTF form with the common equalizer `e` and the delay `d` of an input: `e` delayed by `d` for the own
    /// driver, `e * w` for a driver with the relative transfer function `w`.
    ///
    /// # Errors
    /// The folded FIRs are longer or larger than a chain takes. Never of a profile that was loaded.
    pub fn full_coefficients(&self) -> Result<Coefficients, Complaint> {
        fold(self, &self.folder.join("coefficients.wav"))
    }
}

/// [`Profile::full_coefficients`] of coefficients that came from `path`, which is blamed where they do not fold.
pub(super) fn fold(profile: &Profile, path: &Path) -> Result<Coefficients, Complaint> {
    let own = match &profile.form {
        Form::Full => return Ok(profile.coefficients.clone()),
        Form::Rtf(own) => own,
    };
    let firs = folded(&profile.coefficients, own);
    let taps = firs.iter().map(Vec::len).max().unwrap_or(1);
    if taps > MAX_TAPS {
        return Err(Complaint::whole(
            path,
            format!("equalizer and relative transfer functions together have {taps} taps; use at most {MAX_TAPS}"),
        ));
    }
    pack(&firs, profile.coefficients.drivers(), taps).map_err(|error| {
        Complaint::whole(
            path,
            format!("equalizer times relative transfer function is too large: {error}; lower the gain of one of them"),
        )
    })
}

/// The full FIRs, input-major, each of its own length.
fn folded(stored: &Coefficients, own: &[Own; INPUTS]) -> Vec<Vec<f32>> {
    let mut firs = Vec::with_capacity(INPUTS * stored.drivers());
    for (input, own) in own.iter().enumerate() {
        let equalizer = stored.fir(input, own.driver);
        for driver in 0..stored.drivers() {
            let full = if driver == own.driver {
                let mut delayed = vec![0.0; own.delay_frames];
                delayed.extend_from_slice(equalizer);
                delayed
            } else {
                convolve(equalizer, stored.fir(input, driver))
            };
            firs.push(trimmed(full));
        }
    }
    firs
}

/// Linear convolution by the definition, in double precision: offline, and at most 8192 × 8192.
fn convolve(a: &[f32], b: &[f32]) -> Vec<f32> {
    let mut sum = vec![0.0f64; a.len() + b.len() - 1];
    for (i, &x) in a.iter().enumerate().filter(|&(_, &x)| x != 0.0) {
        for (y, &b) in sum[i..].iter_mut().zip(b) {
            *y += f64::from(x) * f64::from(b);
        }
    }
    sum.into_iter().map(|y| y as f32).collect()
}

/// Without the tail that nobody can hear.
pub(super) fn trimmed(mut fir: Vec<f32>) -> Vec<f32> {
    let energy = |v: &f32| f64::from(*v) * f64::from(*v);
    let whole: f64 = fir.iter().map(energy).sum();
    let mut tail = 0.0;
    let kept = fir
        .iter()
        .rposition(|v| {
            tail += energy(v);
            tail > whole * NEGLIGIBLE
        })
        .map_or(1, |last| last + 1);
    fir.truncate(kept);
    fir
}

/// FIRs of any lengths as one set of `taps` taps.
pub(super) fn pack(firs: &[Vec<f32>], drivers: usize, taps: usize) -> Result<Coefficients, crate::dsp::SpecError> {
    let mut samples = vec![0.0; firs.len() * taps];
    for (row, fir) in samples.chunks_exact_mut(taps).zip(firs) {
        let length = fir.len().min(taps);
        row[..length].copy_from_slice(&fir[..length]);
    }
    Coefficients::new(drivers, taps, samples)
}
