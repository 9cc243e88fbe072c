//! MP3 files: our own walk through the frames, the library's decoding of each.

use std::io;

use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::{RenderError, Stream, Timeline};
use crate::render::input::Input;
use crate::render::mpeg::{Header, Info, MpegFrames, Step};

pub(super) struct Mp3 {
    walk: MpegFrames<Input>,
    decoder: Box<dyn AudioDecoder>,
    /// The step that told the rate.
    first: Option<Step>,
    sample_rate_hz: u32,
    frames: Option<u64>,
    /// Channels of the frames before.
    channels: usize,
    /// Frames of this file to leave out yet, at its beginning.
    skip: u64,
    /// Frames of this file yet to come, where it says so.
    left: Option<u64>,
    planes: Vec<Vec<f32>>,
}

pub(super) enum OpenError {
    Io(io::Error),
    Decoder(String),
}

impl Mp3 {
    pub fn open(input: Input) -> Result<Mp3, OpenError> {
        let mut walk = MpegFrames::new(input);
        let mut info = Info { skipped: 0, frames: None };
        let (header, first) = loop {
            match walk.next().map_err(OpenError::Io)? {
                Some(Step::Info(found)) => info = found,
                Some(Step::Hole(_)) => {}
                Some(Step::Frame(header, bytes)) => break (header, Step::Frame(header, bytes)),
                None => return Err(OpenError::Decoder("there is no audio in it".into())),
            }
        };
        Ok(Mp3 {
            walk,
            decoder: decoder().map_err(OpenError::Decoder)?,
            first: Some(first),
            sample_rate_hz: header.sample_rate_hz,
            frames: info.frames,
            channels: header.channels,
            skip: info.skipped,
            left: info.frames,
            planes: Vec::new(),
        })
    }

    fn decode(
        &mut self,
        header: Header,
        bytes: Vec<u8>,
        timeline: &mut Timeline,
        sides: &mut [Vec<f32>; 2],
    ) -> Result<(), RenderError> {
        timeline.accept(header.sample_rate_hz, header.channels)?;
        if header.channels != self.channels {
            // The library's decoder keeps the channels of its first frame.
            self.channels = header.channels;
            self.decoder = decoder().map_err(|reason| timeline.unreadable(reason))?;
        }
        let packet = Packet::new(0, Timestamp::ZERO, Duration::new(header.frames as u64), bytes);
        let Ok(buffer) = self.decoder.decode(&packet) else {
            return self.missing(header.frames as u64, timeline);
        };
        buffer.copy_to_vecs_planar(&mut self.planes);
        let (Some(left), Some(right)) = (self.planes.first(), self.planes.last()) else { return Ok(()) };
        let mut range = 0..left.len();
        let skipped = self.skip.min(range.len() as u64);
        self.skip -= skipped;
        range.start = skipped as usize;
        if let Some(left) = &mut self.left {
            range.end = range.end.min(range.start + usize::try_from(*left).unwrap_or(usize::MAX).min(range.len()));
            *left -= range.len() as u64;
        }
        for (side, plane) in sides.iter_mut().zip([left, right]) {
            side.extend_from_slice(&plane[range.clone()]);
        }
        Ok(())
    }

    /// Silence for `frames`, within what the file says that it has.
    fn missing(&mut self, frames: u64, timeline: &mut Timeline) -> Result<(), RenderError> {
        let skipped = self.skip.min(frames);
        self.skip -= skipped;
        let frames = (frames - skipped).min(self.left.unwrap_or(u64::MAX));
        if let Some(left) = &mut self.left {
            *left -= frames;
        }
        timeline.hole(frames)
    }
}

fn decoder() -> Result<Box<dyn AudioDecoder>, String> {
    let parameters = AudioCodecParameters { codec: CODEC_ID_MP3, ..AudioCodecParameters::new() };
    symphonia::default::get_codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .map_err(|error| error.to_string())
}

impl Stream for Mp3 {
    fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    fn frames(&self) -> Option<u64> {
        self.frames
    }

    fn next(&mut self, timeline: &mut Timeline, sides: &mut [Vec<f32>; 2]) -> Result<bool, RenderError> {
        let step = match self.first.take() {
            Some(step) => Some(step),
            None => self.walk.next().map_err(|error| timeline.io(&error))?,
        };
        match step {
            None => return Ok(false),
            Some(Step::Frame(header, bytes)) => self.decode(header, bytes, timeline, sides)?,
            Some(Step::Hole(frames)) => {
                // What follows must not be decoded with what came before.
                self.decoder.reset();
                self.missing(frames, timeline)?;
            }
            Some(Step::Info(info)) => {
                self.decoder.reset();
                (self.skip, self.left) = (info.skipped, info.frames);
            }
        }
        Ok(true)
    }
}
