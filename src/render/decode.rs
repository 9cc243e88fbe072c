//! An audio file, decoded as a stream of stereo frames.

use std::fs::File;
use std::path::{Path, PathBuf};

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::RenderError;
use crate::source::Complaint;

/// Reads WAV, AIFF, FLAC, MP3 and Ogg Vorbis; the delay and padding that encoders add are removed.
pub(super) struct Decoder {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    sample_rate_hz: u32,
    /// As the file's header says.
    frames: Option<u64>,
    done: u64,
    damaged: u64,
    planes: Vec<Vec<f32>>,
}

impl Decoder {
    pub fn open(path: &Path) -> Result<Decoder, RenderError> {
        let open = || -> std::io::Result<File> {
            let file = File::open(path)?;
            if file.metadata()?.is_dir() {
                return Err(std::io::ErrorKind::IsADirectory.into());
            }
            Ok(file)
        };
        let file = open().map_err(|error| Complaint::io(path, "read it", &error))?;
        let unreadable = |reason: String| RenderError::Format { path: path.to_owned(), reason };
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let format = symphonia::default::get_probe()
            .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| unreadable(error.to_string()))?;
        let track = format.default_track(TrackType::Audio).ok_or_else(|| unreadable("no audio track".into()))?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .ok_or_else(|| unreadable("unknown codec".into()))?;
        let sample_rate_hz = parameters.sample_rate.ok_or_else(|| unreadable("no sample rate".into()))?;
        let channels = parameters.channels.as_ref().map_or(0, |channels| channels.count());
        if channels > 2 {
            return Err(RenderError::Channels { path: path.to_owned(), channels });
        }
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| unreadable(error.to_string()))?;
        Ok(Decoder {
            path: path.to_owned(),
            track: track.id,
            frames: track.num_frames,
            sample_rate_hz,
            decoder,
            done: 0,
            damaged: 0,
            planes: Vec::new(),
            format,
        })
    }

    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Frames in the file, where its header says so.
    pub fn frames(&self) -> Option<u64> {
        self.frames
    }

    /// Packets that could not be decoded and became silence.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Replaces `left` and `right` by the next frames; mono goes to both. `false` at the end.
    pub fn next(&mut self, left: &mut Vec<f32>, right: &mut Vec<f32>) -> Result<bool, RenderError> {
        left.clear();
        right.clear();
        while left.is_empty() {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(false),
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Ok(false);
                }
                Err(Error::IoError(error)) => {
                    return Err(Complaint::io(&self.path, "read it", &error).into());
                }
                Err(Error::ResetRequired) => {
                    return Err(RenderError::Chained { path: self.path.clone(), seconds: self.seconds() });
                }
                Err(error) => {
                    return Err(RenderError::Format {
                        path: self.path.clone(),
                        reason: format!("at {:.1} s: {error}", self.seconds()),
                    });
                }
            };
            if packet.track_id != self.track {
                continue;
            }
            match self.decoder.decode(&packet) {
                Ok(buffer) => {
                    let (rate_hz, channels) = (buffer.spec().rate(), buffer.num_planes());
                    to_planes(&buffer, &mut self.planes);
                    self.accept(rate_hz, channels)?;
                    left.extend_from_slice(&self.planes[0]);
                    right.extend_from_slice(&self.planes[channels - 1]);
                }
                // What follows stays in its place in time.
                Err(Error::DecodeError(_) | Error::IoError(_)) => {
                    self.damaged += 1;
                    let frames = usize::try_from(packet.dur.get()).unwrap_or(0);
                    left.resize(frames.min(MAX_PACKET_FRAMES), 0.0);
                    right.resize(frames.min(MAX_PACKET_FRAMES), 0.0);
                }
                Err(error) => {
                    return Err(RenderError::Format {
                        path: self.path.clone(),
                        reason: format!("at {:.1} s: {error}", self.seconds()),
                    });
                }
            }
        }
        self.done += left.len() as u64;
        Ok(true)
    }

    /// Refuses a packet of another rate, or of a number of channels that is not 1 or 2.
    fn accept(&self, rate_hz: u32, channels: usize) -> Result<(), RenderError> {
        if !(1..=2).contains(&channels) {
            return Err(RenderError::Channels { path: self.path.clone(), channels });
        }
        if rate_hz != self.sample_rate_hz {
            return Err(RenderError::RateChange {
                path: self.path.clone(),
                before: self.sample_rate_hz,
                after: rate_hz,
                seconds: self.seconds(),
            });
        }
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.done as f64 / f64::from(self.sample_rate_hz)
    }
}

/// No codec has longer packets.
const MAX_PACKET_FRAMES: usize = 1 << 16;

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

#[cfg(test)]
mod tests;
