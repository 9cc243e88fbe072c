//! All that the library both takes apart and decodes: FLAC, Ogg Vorbis, AAC, AIFF.

use std::path::Path;

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::{RenderError, Stream, Timeline};
use crate::render::{input::Input, wait};

/// No codec has longer packets.
const MAX_PACKET_FRAMES: usize = 1 << 16;

pub(super) struct Compressed {
    format: Box<dyn FormatReader>,
    track: Track,
    sample_rate_hz: u32,
    frames: Option<u64>,
    /// Where the next packet of this stream begins, in its own time.
    expected: Option<i64>,
    /// What follows a hole.
    behind_hole: Option<Packet>,
    planes: Vec<Vec<f32>>,
}

/// The audio track that is played.
struct Track {
    id: u32,
    decoder: Box<dyn AudioDecoder>,
    sample_rate_hz: u32,
    channels: usize,
    frames: Option<u64>,
    /// When it begins, in units of its time.
    start: i64,
    /// Seconds of a unit of its time: a fraction.
    unit: (i64, i64),
}

impl Track {
    fn of(format: &dyn FormatReader) -> Result<Track, String> {
        let track = format.default_track(TrackType::Audio).ok_or("no audio track")?;
        let parameters =
            track.codec_params.as_ref().and_then(|parameters| parameters.audio()).ok_or("unknown codec")?;
        let sample_rate_hz = parameters.sample_rate.filter(|rate_hz| *rate_hz > 0).ok_or("no sample rate")?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| error.to_string())?;
        Ok(Track {
            id: track.id,
            decoder,
            sample_rate_hz,
            channels: parameters.channels.as_ref().map_or(0, |channels| channels.count()),
            frames: track.num_frames,
            start: track.start_ts.get(),
            unit: track
                .time_base
                .map_or((1, i64::from(sample_rate_hz)), |base| (base.numer.get().into(), base.denom.get().into())),
        })
    }

    /// When its first packet should begin: known where the whole is, so that what was cut out of a longer stream does
    /// not begin with a hole.
    fn begin(&self) -> Option<i64> {
        self.frames.map(|_| self.start)
    }

    /// Frames in `units` of the track's time.
    fn frames_in(&self, units: i64) -> i64 {
        let (numerator, denominator) = self.unit;
        let exact = i128::from(units) * i128::from(numerator) * i128::from(self.sample_rate_hz);
        i64::try_from(exact / i128::from(denominator.max(1))).unwrap_or(i64::MAX)
    }
}

impl Compressed {
    /// Takes apart what begins with `start`.
    pub fn open(path: &Path, input: Input, start: &[u8]) -> Result<Compressed, RenderError> {
        let unreadable = |reason: String| RenderError::Format { path: path.to_owned(), reason };
        if start.is_empty() {
            return Err(unreadable("it is empty".into()));
        }
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let stream = MediaSourceStream::new(Box::new(input), Default::default());
        let format = symphonia::default::get_probe()
            .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| match error {
                Error::IoError(error) if wait::is_stop(&error) => RenderError::Stopped,
                Error::Unsupported(_) => unreadable("nothing in it looks like one".into()),
                error => unreadable(error.to_string()),
            })?;
        let track = Track::of(&*format).map_err(unreadable)?;
        if track.channels > 2 {
            return Err(RenderError::Channels { path: path.to_owned(), channels: track.channels });
        }
        let begin = track.begin();
        Ok(Compressed {
            format,
            sample_rate_hz: track.sample_rate_hz,
            frames: track.frames,
            track,
            expected: begin,
            behind_hole: None,
            planes: Vec::new(),
        })
    }

    /// The next packet of the track; `None` at the end.
    fn packet(&mut self, timeline: &Timeline) -> Result<Option<Packet>, RenderError> {
        loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track.id => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(Error::IoError(error)) => return Err(timeline.io(&error)),
                // Another stream follows in the same file, in its own time.
                Err(Error::ResetRequired) => {
                    self.track = Track::of(&*self.format).map_err(|reason| timeline.unreadable(reason))?;
                    timeline.accept(self.track.sample_rate_hz, self.track.channels.max(1))?;
                    self.expected = self.track.begin();
                    self.frames = self.frames.zip(self.track.frames).map(|(before, more)| before.saturating_add(more));
                }
                Err(error) => return Err(timeline.unreadable(error)),
            }
        }
    }
}

impl Stream for Compressed {
    fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    fn frames(&self) -> Option<u64> {
        self.frames
    }

    fn next(&mut self, timeline: &mut Timeline, sides: &mut [Vec<f32>; 2]) -> Result<bool, RenderError> {
        let next = match self.behind_hole.take() {
            Some(packet) => Some(packet),
            None => self.packet(timeline)?,
        };
        let Some(packet) = next else { return Ok(false) };
        let begins = packet.pts.get();
        let lost = self.expected.map_or(0, |expected| self.track.frames_in(begins.saturating_sub(expected)));
        if lost > 0 {
            timeline.hole(lost as u64)?;
            (self.expected, self.behind_hole) = (Some(begins), Some(packet));
            return Ok(true);
        }
        let parts = [packet.trim_start, packet.dur, packet.trim_end];
        let units = parts.iter().fold(0u64, |units, part| units.saturating_add(part.get()));
        self.expected = Some(begins.saturating_add_unsigned(units));
        match self.track.decoder.decode(&packet) {
            Ok(buffer) => {
                let (rate_hz, channels) = (buffer.spec().rate(), buffer.num_planes());
                to_planes(&buffer, &mut self.planes);
                timeline.accept(rate_hz, channels)?;
                sides[0].extend_from_slice(&self.planes[0]);
                sides[1].extend_from_slice(&self.planes[channels - 1]);
            }
            Err(Error::DecodeError(_) | Error::IoError(_)) => {
                let frames = self.track.frames_in(i64::try_from(packet.dur.get()).unwrap_or(0));
                timeline.hole((frames.max(0) as u64).min(MAX_PACKET_FRAMES as u64))?;
            }
            Err(error) => return Err(timeline.unreadable(error)),
        }
        Ok(true)
    }
}

/// Samples as PipeWire hands them to the daemon: integers up to 24 bits exactly, 32-bit ones by their upper 24 bits
/// (its converters drop the others).
fn to_planes(buffer: &GenericAudioBufferRef, planes: &mut Vec<Vec<f32>>) {
    let GenericAudioBufferRef::S32(integers) = buffer else {
        buffer.copy_to_vecs_planar(planes);
        return;
    };
    planes.resize_with(integers.num_planes(), Vec::new);
    for (index, plane) in planes.iter_mut().enumerate() {
        plane.clear();
        let samples = integers.plane(index).unwrap_or_default();
        plane.extend(samples.iter().map(|&s| (s >> 8) as f32 / 8_388_608.0));
    }
}
