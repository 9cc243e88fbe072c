//! Measurements from SOFA files (AES69): the responses of heads and drivers, and where they were taken.

use std::path::Path;

use sofar::reader::{OpenOptions, Sofar};

use super::MeasurementError;
use super::measured::{ImpulseResponse, LOWEST_RATE_HZ, MeasuredDriver};
use super::vector::{Vec3, norm};

/// A point about the center, m, and the responses there, one a receiver.
pub(super) type Measurement = (Vec3, Vec<ImpulseResponse>);

/// Reads a SimpleFreeFieldHRIR file: a head's two ears for sources around it, x to the front, y to the left.
pub(super) fn head(path: &Path) -> Result<Vec<Measurement>, MeasurementError> {
    let sofa = open(path)?;
    if sofa.hrtf().r() != 2 {
        let reason = format!("has {} receivers; a head has two ears", sofa.hrtf().r());
        return Err(MeasurementError::Unfit { path: path.to_owned(), reason });
    }
    read(path, &sofa, &sofa.hrtf().source_position.values, 2)
}

impl MeasuredDriver {
    /// Reads impulse responses around the device: one receiver and many source positions, or one measurement with many
    /// receivers. The file's frame is the device's own, right-handed, x towards the listener: y is mirrored here.
    ///
    /// # Errors
    /// The file cannot be read, or holds no responses over positions.
    pub fn from_sofa(path: &Path) -> Result<Self, MeasurementError> {
        let sofa = open(path)?;
        let hrtf = sofa.hrtf();
        let many = hrtf.m() > 1;
        let mut positions = if many { &hrtf.source_position } else { &hrtf.receiver_position }.values.clone();
        if many && hrtf.r() != 1 {
            let reason =
                format!("has {} measurements of {} receivers; a driver's has one of either", hrtf.m(), hrtf.r());
            return Err(MeasurementError::Unfit { path: path.to_owned(), reason });
        }
        positions.chunks_exact_mut(3).for_each(|position| position[1] = -position[1]);
        let measurements = read(path, &sofa, &positions, 1)?;
        Ok(Self::new(
            measurements.into_iter().filter_map(|(point, responses)| Some((point, responses.into_iter().next()?))),
        ))
    }
}

fn open(path: &Path) -> Result<Sofar, MeasurementError> {
    /// Larger than any head or driver that was published; all of it is read into memory, some of it twice.
    const MAX_MIB: u64 = 256;
    let expected = "a SOFA file with impulse responses (SimpleFreeFieldHRIR or GeneralFIR)";
    let bytes = super::open(path, expected)?.metadata().map_or(0, |metadata| metadata.len());
    if bytes > MAX_MIB << 20 {
        let reason = format!(
            "the file has {} MiB; files of at most {MAX_MIB} MiB are read: leave out points or shorten the responses",
            bytes >> 20
        );
        return Err(MeasurementError::Unfit { path: path.to_owned(), reason });
    }
    // The reader would resample to a rate of its choice; a rate that equals nothing leaves the file's own.
    OpenOptions::new()
        .sample_rate(f32::NAN)
        .normalized(false)
        .open(path)
        .map_err(|error| MeasurementError::Unreadable { path: path.to_owned(), reason: reason(&error), expected })
}

/// The reader's words, but for what its parser says of bytes that it cannot take apart: that helps nobody.
fn reason(error: &sofar::reader::Error) -> String {
    let words = super::in_plain_words(error);
    match words.strip_prefix("Parse error: ") {
        Some(inner) if inner.starts_with("Parse error: ") => "its content is damaged, or of another kind".into(),
        Some(inner) => inner.to_owned(),
        None => words,
    }
}

/// Measurements of a file, `channels` responses each; `positions` are Cartesian, 3 values a measurement.
fn read(path: &Path, sofa: &Sofar, positions: &[f32], channels: usize) -> Result<Vec<Measurement>, MeasurementError> {
    let unfit = |reason: String| MeasurementError::Unfit { path: path.to_owned(), reason };
    let hrtf = sofa.hrtf();
    let (length, rate) = (hrtf.n() as usize, f64::from(hrtf.sample_rate()));
    if !(rate.is_finite() && rate >= LOWEST_RATE_HZ) || length == 0 {
        return Err(unfit(format!("sample rate {rate} Hz and length {length}; expected impulse responses")));
    }
    let data = &hrtf.data_ir.values;
    let delays = &hrtf.data_delay.values;
    let count = data.len() / (length * channels);
    if count == 0 || positions.len() < 3 * count {
        return Err(unfit(format!(
            "{count} responses but {} coordinates; expected one position each",
            positions.len()
        )));
    }
    let mut measurements = Vec::with_capacity(count);
    for index in 0..count {
        let position = [0, 1, 2].map(|i| f64::from(positions[3 * index + i]));
        if !(norm(position).is_finite() && norm(position) > 0.0) {
            return Err(unfit(format!("position of measurement {index} is not a place outside the center")));
        }
        let mut responses = Vec::with_capacity(channels);
        for channel in 0..channels {
            let start = (index * channels + channel) * length;
            let samples: Vec<f64> = data[start..start + length].iter().map(|s| f64::from(*s)).collect();
            // Delays may be given once for all measurements.
            let delay = delays.get(index * channels + channel).or(delays.get(channel)).map_or(0.0, |d| f64::from(*d));
            if !delay.is_finite() || samples.iter().any(|s| !s.is_finite()) {
                return Err(unfit(format!("measurement {index} holds numbers that are not finite")));
            }
            let response = ImpulseResponse::new(samples, rate);
            if response.is_silent() {
                return Err(unfit(format!("measurement {index} holds only silence; leave it out of the file")));
            }
            responses.push(response.adjusted(delay / rate, 1.0));
        }
        measurements.push((position, responses));
    }
    Ok(measurements)
}

#[cfg(test)]
#[path = "sofa_file_tests.rs"]
mod file_tests;
