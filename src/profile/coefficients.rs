//! `coefficients.wav`: 3·N channels, input-major (L′→driver 0…N−1, R′→…, C→…), one frame a tap.

use std::io::{self, Cursor};
use std::path::Path;

use super::files::Files;
use crate::audio_file::{Part, SampleKind, WavReader, WavWriter, looks_like_float};
use crate::dsp::Coefficients;
use crate::dsp::limits::{INPUTS, MAX_TAPS};
use crate::source::{Complaint, is_there, printable, read_regular, write_atomically};

/// No coefficient file is larger: 3 × 16 channels, 8192 taps, 8 bytes, and room for other chunks.
const MAX_BYTES: u64 = 8 << 20;
/// Fewer bits fill the nulls that the filters are made for.
const LEAST_BITS: u32 = 24;
const INPUT_NAMES: [&str; INPUTS] = ["left", "right", "center"];

/// Reads the coefficients of `drivers` drivers at `sample_rate_hz` from `path`: any WAV file of float or of 24- or
/// 32-bit integers.
///
/// # Errors
/// The file cannot be read, is no WAV file, is cut short, has another rate or channel count or coarser samples, has no
/// or more than 8192 taps, or holds a value that is not finite.
pub fn read_coefficients(path: &Path, drivers: usize, sample_rate_hz: u32) -> Result<Coefficients, Complaint> {
    parse(&read_bytes(path)?, drivers, sample_rate_hz).map_err(|message| Complaint::whole(path, message))
}

/// Reads a file of coefficients, if it is the one that `files` ties to the profile.
pub(super) fn read_tied(
    path: &Path,
    files: &Files,
    drivers: usize,
    sample_rate_hz: u32,
) -> Result<Coefficients, Complaint> {
    if !is_there(path)? {
        return Err(Complaint::whole(
            path,
            "this file is not there; copy it from the same design, or design the profile again",
        ));
    }
    let bytes = read_bytes(path)?;
    let coefficients = parse(&bytes, drivers, sample_rate_hz).map_err(|message| Complaint::whole(path, message))?;
    files.check(path, &bytes)?;
    Ok(coefficients)
}

/// What stands in the file, for [`parse`].
fn read_bytes(path: &Path) -> Result<Vec<u8>, Complaint> {
    read_regular(path, MAX_BYTES, &format!("no coefficient set is: use at most {MAX_TAPS} taps"))
}

/// The same from bytes; errors are messages without the path.
pub(super) fn parse(bytes: &[u8], drivers: usize, sample_rate_hz: u32) -> Result<Coefficients, String> {
    let said = |error: crate::audio_file::WavError| printable(error).to_string();
    let mut reader = WavReader::new(bytes).map_err(said)?;
    let format = reader.format();
    let channels = format.channels;
    let kind = format.kind;
    let is_fine = match kind {
        SampleKind::Float32 | SampleKind::Float64 => true,
        SampleKind::Integer { bits, .. } => bits >= LEAST_BITS,
        SampleKind::ALaw | SampleKind::MuLaw => false,
    };
    if !is_fine {
        return Err(format!("the samples are {kind}, too coarse for filters; store 32-bit float"));
    }
    if channels != INPUTS * drivers {
        return Err(format!(
            "the file has {channels} channels; {} are needed: 3 inputs (left, right, center) x {drivers} drivers",
            INPUTS * drivers
        ));
    }
    if format.sample_rate_hz != sample_rate_hz {
        return Err(format!(
            "the sample rate is {} Hz; {sample_rate_hz} Hz is needed, as profile.toml or the file's name says",
            format.sample_rate_hz
        ));
    }
    let (mut frames, mut values) = (Vec::new(), Vec::new());
    while reader.read(MAX_TAPS, &mut values).map_err(said)? > 0 {
        frames.extend_from_slice(&values);
    }
    let taps = frames.len() / channels;
    if reader.is_cut_short() {
        let of = reader.frames().map_or(String::new(), |frames| format!(" of {frames}"));
        return Err(format!("the file is cut short at frame {taps}{of}; copy or design it again"));
    }
    if reader.next_part().map_err(said)? != Part::Nothing {
        return Err("there are more samples behind the first; keep one set of them".into());
    }
    if !(1..=MAX_TAPS).contains(&taps) {
        return Err(format!("the FIRs have {taps} taps; use 1 to {MAX_TAPS} frames"));
    }
    if let SampleKind::Integer { bytes, .. } = kind {
        if bytes == 4 && looks_like_float(&frames) {
            return Err("the header says integers, but the samples are float; store them as 32-bit float".into());
        }
        if frames.iter().any(|value| *value <= -1.0 || *value >= 8_388_607.0 / 8_388_608.0) {
            return Err("a filter reaches the integers' full scale and was clipped; store 32-bit float".into());
        }
    }
    let mut samples = vec![0.0f32; channels * taps];
    for (index, &value) in frames.iter().enumerate() {
        let (tap, channel) = (index / channels, index % channels);
        if !value.is_finite() || value.abs() > 1e6 {
            return Err(format!(
                "frame {tap} of channel {channel} ({} to driver {}) is {value}; every coefficient must be finite and within ±1e6",
                INPUT_NAMES[channel / drivers],
                channel % drivers
            ));
        }
        samples[channel * taps + tap] = value as f32;
    }
    Coefficients::new(drivers, taps, samples).map_err(|error| error.to_string())
}

/// Writes `coefficients` to `path` as 32-bit float, replacing what is there once they are complete.
///
/// # Errors
/// The file cannot be written.
pub fn write_coefficients(path: &Path, coefficients: &Coefficients, sample_rate_hz: u32) -> Result<(), Complaint> {
    let bytes = to_bytes(coefficients, sample_rate_hz)
        .map_err(|error| Complaint::io(path, "write the coefficients", &error))?;
    write_atomically(path, &bytes)
}

/// The whole file.
pub(super) fn to_bytes(coefficients: &Coefficients, sample_rate_hz: u32) -> io::Result<Vec<u8>> {
    let planes: Vec<Vec<f32>> = coefficients.samples().chunks(coefficients.taps()).map(<[f32]>::to_vec).collect();
    let mut writer = WavWriter::new(Cursor::new(Vec::new()), planes.len(), sample_rate_hz)?;
    writer.write(&planes, 0..coefficients.taps())?;
    Ok(writer.finish()?.0.into_inner())
}
