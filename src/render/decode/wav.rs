//! WAV files: samples as PipeWire hands them to the daemon, integers up to 24 bits exactly, 32-bit ones by their upper
//! 24 bits (its converters drop the others).

use super::{RenderError, Stream, Timeline};
use crate::audio_file::{Part, SampleKind, WavError, WavReader};
use crate::render::input::Input;

/// Frames read at a time.
const READ_FRAMES: usize = 4096;
const UNITS_24_BIT: f64 = 8_388_608.0;

pub(super) struct Wav {
    reader: WavReader<Input>,
    sample_rate_hz: u32,
    /// Of the first part; others behind it are not counted.
    frames: Option<u64>,
    /// Whether any part is shorter than it says.
    cut_short: bool,
    values: Vec<f64>,
}

impl Wav {
    pub fn open(input: Input) -> Result<Wav, WavError> {
        let reader = WavReader::new(input)?;
        Ok(Wav {
            sample_rate_hz: reader.format().sample_rate_hz,
            frames: reader.frames(),
            reader,
            cut_short: false,
            values: Vec::new(),
        })
    }
}

impl Stream for Wav {
    fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    fn frames(&self) -> Option<u64> {
        self.frames
    }

    fn is_cut_short(&self) -> bool {
        self.cut_short
    }

    fn next(&mut self, timeline: &mut Timeline, sides: &mut [Vec<f32>; 2]) -> Result<bool, RenderError> {
        let failed = |error: WavError| match error {
            WavError::Io(error) => timeline.io(&error),
            error => timeline.unreadable(error),
        };
        let mut format = self.reader.format();
        timeline.accept(format.sample_rate_hz, format.channels)?;
        if self.reader.read(READ_FRAMES, &mut self.values).map_err(failed)? == 0 {
            self.cut_short |= self.reader.is_cut_short();
            if self.reader.next_part().map_err(failed)? == Part::Nothing {
                return Ok(false);
            }
            format = self.reader.format();
            timeline.accept(format.sample_rate_hz, format.channels)?;
            return Ok(true);
        }
        let upper = |value: f64| ((value * UNITS_24_BIT).floor() / UNITS_24_BIT) as f32;
        let is_wide = matches!(format.kind, SampleKind::Integer { bytes: 4, .. });
        for frame in self.values.chunks_exact(format.channels) {
            for (side, value) in sides.iter_mut().zip([frame[0], frame[format.channels - 1]]) {
                side.push(if is_wide { upper(value) } else { value as f32 });
            }
        }
        Ok(true)
    }
}
