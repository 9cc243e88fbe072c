//! `coefficients.wav`: 32-bit float, 3·N channels, input-major (L′→driver 0…N−1, R′→…, C→…), one frame a tap.

use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;

use crate::dsp::Coefficients;
use crate::dsp::spec::{INPUTS, MAX_TAPS};
use crate::source::Complaint;

/// No coefficient file is larger: 3 × 16 channels, 8192 taps, 4 bytes, and room for other chunks.
const MAX_BYTES: u64 = 4 << 20;
const INPUT_NAMES: [&str; INPUTS] = ["left", "right", "center"];

/// Reads the coefficients of `drivers` drivers at `sample_rate_hz` from `path`.
///
/// # Errors
/// The file cannot be read, is no WAV file, is cut short, has another rate, sample format or channel count, has no or
/// more than 8192 taps, or holds a value that is not finite.
pub fn read_coefficients(path: &Path, drivers: usize, sample_rate_hz: u32) -> Result<Coefficients, Complaint> {
    let refuse = |message: String| Complaint::whole(path, message);
    let unreadable = |error: std::io::Error| Complaint::io(path, "read the coefficients", &error);
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(refuse("this is not a file; put the WAV file of the coefficients here".into()));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(format!("the file is larger than any coefficient set; use at most {MAX_TAPS} taps")));
    }
    parse(&bytes, drivers, sample_rate_hz).map_err(refuse)
}

/// The same from bytes; errors are messages without the path.
pub(super) fn parse(bytes: &[u8], drivers: usize, sample_rate_hz: u32) -> Result<Coefficients, String> {
    let mut reader = hound::WavReader::new(Cursor::new(bytes))
        .map_err(|error| format!("this is not a WAV file that can be read ({error}); store 32-bit float WAV"))?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    if spec.sample_format != hound::SampleFormat::Float || spec.bits_per_sample != 32 {
        return Err(format!(
            "the samples are {}-bit {}; store 32-bit float",
            spec.bits_per_sample,
            match spec.sample_format {
                hound::SampleFormat::Float => "float",
                hound::SampleFormat::Int => "integer",
            }
        ));
    }
    if channels != INPUTS * drivers {
        return Err(format!(
            "the file has {channels} channels; {} are needed: 3 inputs (left, right, center) x {drivers} drivers",
            INPUTS * drivers
        ));
    }
    if spec.sample_rate != sample_rate_hz {
        return Err(format!(
            "the sample rate is {} Hz; {sample_rate_hz} Hz is needed, as profile.toml or the file's name says",
            spec.sample_rate
        ));
    }
    let taps = reader.duration() as usize;
    if !(1..=MAX_TAPS).contains(&taps) {
        return Err(format!("the FIRs have {taps} taps; use 1 to {MAX_TAPS} frames"));
    }
    let mut samples = vec![0.0f32; channels * taps];
    for (index, value) in reader.samples::<f32>().enumerate() {
        let (tap, channel) = (index / channels, index % channels);
        let value =
            value.map_err(|_| format!("the file is cut short at frame {tap} of {taps}; copy or design it again"))?;
        if !value.is_finite() || value.abs() > 1e6 {
            return Err(format!(
                "frame {tap} of channel {channel} ({} to driver {}) is {value}; every coefficient must be finite and within ±1e6",
                INPUT_NAMES[channel / drivers],
                channel % drivers
            ));
        }
        samples[channel * taps + tap] = value;
    }
    Coefficients::new(drivers, taps, samples).map_err(|error| error.to_string())
}

/// Writes `coefficients` to `path`, replacing what is there.
///
/// # Errors
/// The file cannot be written.
pub fn write_coefficients(path: &Path, coefficients: &Coefficients, sample_rate_hz: u32) -> Result<(), Complaint> {
    let channels = INPUTS * coefficients.drivers();
    let spec = hound::WavSpec {
        channels: channels as u16,
        sample_rate: sample_rate_hz,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let write = || -> Result<(), hound::Error> {
        let mut writer = hound::WavWriter::create(path, spec)?;
        for tap in 0..coefficients.taps() {
            for channel in 0..channels {
                writer.write_sample(coefficients.samples()[channel * coefficients.taps() + tap])?;
            }
        }
        writer.finalize()
    };
    write().map_err(|error| match error {
        hound::Error::IoError(error) => Complaint::io(path, "write the coefficients", &error),
        error => Complaint::whole(path, format!("cannot write the coefficients: {error}")),
    })
}
