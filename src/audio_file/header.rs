//! The chunks ahead of the samples.

use std::io::{self, Read};

use super::WavError;
use super::samples::SampleKind;

/// More channels than anybody records; it bounds what a header can ask for.
const MAX_CHANNELS: usize = 1024;
/// Sizes from here on are what programs write that cannot know them: SoX and others stay just below 2 GiB, others below
/// 4 GiB. Where a file is that long, they still end it.
const DOUBTFUL_BYTES: u64 = 0x7FFF_0000;
/// "Not known", or in RF64 "see the chunk `ds64`".
const UNKNOWN: u32 = u32::MAX;
/// What follows the samples of a recording of no length; anything else after a size of 0 are the samples.
const CHUNKS_AFTER: [&[u8; 4]; 22] = [
    b"LIST", b"INFO", b"id3 ", b"ID3 ", b"bext", b"JUNK", b"junk", b"iXML", b"axml", b"chna", b"cue ", b"smpl",
    b"fact", b"PEAK", b"_PMX", b"cart", b"inst", b"DISP", b"PAD ", b"FLLR", b"RIFF", b"RF64",
];

/// What the samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WavFormat {
    /// Channels, at least 1.
    pub channels: usize,
    /// Sample rate in Hz, not 0.
    pub sample_rate_hz: u32,
    /// How each sample is stored.
    pub kind: SampleKind,
}

impl WavFormat {
    /// Bytes of one frame.
    pub(super) fn frame_bytes(&self) -> usize {
        self.channels * self.kind.bytes()
    }
}

/// Where the samples end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DataLength {
    /// They end here at the latest.
    pub at_most: u64,
    /// Whether the file lacks something where it ends earlier.
    pub exact: bool,
}

/// Bytes of a file with some put back.
pub(super) struct Input<R> {
    inner: R,
    /// Read next, from its end.
    back: Vec<u8>,
}

impl<R: Read> Input<R> {
    pub fn new(inner: R) -> Input<R> {
        Input { inner, back: Vec::new() }
    }

    /// Puts `bytes` back: they are read next.
    pub fn put_back(&mut self, bytes: &[u8]) {
        self.back.extend(bytes.iter().rev());
    }

    /// Fills as much of `buffer` as there is.
    pub fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Reads and forgets `bytes` and a pad byte that some programs leave out; `false` where the file ends before.
    pub fn skip(&mut self, bytes: u64) -> io::Result<bool> {
        let skipped = io::copy(&mut self.by_ref().take(bytes), &mut io::sink())?;
        self.pad(bytes)?;
        Ok(skipped == bytes)
    }

    /// Passes the pad byte after a chunk of odd size. It is zero; anything else is the next chunk already.
    pub fn pad(&mut self, bytes: u64) -> io::Result<()> {
        let mut pad = [0];
        if bytes % 2 == 1 && self.fill(&mut pad)? == 1 && pad[0] != 0 {
            self.put_back(&pad);
        }
        Ok(())
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.back.is_empty() {
            return self.inner.read(buffer);
        }
        let count = buffer.len().min(self.back.len());
        for byte in &mut buffer[..count] {
            *byte = self.back.pop().unwrap_or_default();
        }
        Ok(count)
    }
}

/// Reads `RIFF`, `RF64` or `BW64` and all chunks up to the samples.
pub(super) fn read<R: Read>(input: &mut Input<R>) -> Result<(WavFormat, DataLength), WavError> {
    let mut start = [0; 12];
    let filled = input.fill(&mut start)?;
    match &start[..4] {
        b"RIFF" | b"RF64" | b"BW64" if filled == 12 && &start[8..] == b"WAVE" => {}
        b"RIFX" => return Err(WavError::NotWav(" but a big-endian one (RIFX); convert it to WAV")),
        b"FORM" => return Err(WavError::NotWav(" but AIFF; convert it to WAV")),
        b"fLaC" => return Err(WavError::NotWav(" but FLAC; convert it to WAV")),
        b"riff" => return Err(WavError::NotWav(" but Wave64; convert it to WAV")),
        _ if filled == 0 => return Err(WavError::NotWav(": it is empty")),
        _ => return Err(WavError::NotWav("")),
    }
    chunks(input)
}

/// Reads all chunks up to the samples.
fn chunks<R: Read>(input: &mut Input<R>) -> Result<(WavFormat, DataLength), WavError> {
    let mut format = None;
    let mut long_bytes = None;
    loop {
        let Some((name, size)) = chunk(input)? else {
            return Err(WavError::Header("the file ends before its samples; copy it again".into()));
        };
        match &name {
            b"fmt " => {
                let mut bytes = [0; 40];
                let wanted = bytes.len().min(size as usize);
                let filled = input.fill(&mut bytes[..wanted])?;
                input.skip(u64::from(size) - filled as u64)?;
                format = Some(parse_format(&bytes[..filled])?);
            }
            b"ds64" => {
                let mut bytes = [0; 16];
                let wanted = bytes.len().min(size as usize);
                let filled = input.fill(&mut bytes[..wanted])?;
                input.skip(u64::from(size) - filled as u64)?;
                let mut data = [0; 8];
                data.copy_from_slice(&bytes[8..]);
                long_bytes = Some(u64::from_le_bytes(data)).filter(|&bytes| bytes != 0 && bytes != u64::MAX);
            }
            b"data" => {
                let Some(format) = format else {
                    return Err(WavError::Header("nothing says what the samples are (no chunk `fmt `)".into()));
                };
                return Ok((format, data_length(input, size, long_bytes)?));
            }
            _ => {
                input.skip(size.into())?;
            }
        }
    }
}

/// The name and size of the next chunk; `None` at the end of the file.
pub(super) fn chunk<R: Read>(input: &mut Input<R>) -> io::Result<Option<([u8; 4], u32)>> {
    let mut header = [0; 8];
    if input.fill(&mut header)? < header.len() {
        return Ok(None);
    }
    let [n0, n1, n2, n3, s0, s1, s2, s3] = header;
    Ok(Some(([n0, n1, n2, n3], u32::from_le_bytes([s0, s1, s2, s3]))))
}

pub(super) fn data_length<R: Read>(input: &mut Input<R>, size: u32, long: Option<u64>) -> io::Result<DataLength> {
    if size == UNKNOWN {
        return Ok(match long {
            Some(bytes) => DataLength { at_most: bytes, exact: true },
            None => DataLength { at_most: u64::MAX, exact: false },
        });
    }
    if size == 0 {
        // A header that was never completed; or really nothing, if a chunk follows.
        let mut next = [0; 8];
        let filled = input.fill(&mut next)?;
        input.put_back(&next[..filled]);
        if filled == next.len() && !CHUNKS_AFTER.iter().any(|name| next.starts_with(*name)) {
            return Ok(DataLength { at_most: u64::MAX, exact: false });
        }
    }
    let size = u64::from(size);
    Ok(DataLength { at_most: size, exact: size < DOUBTFUL_BYTES })
}

/// The chunk `fmt `: `WAVEFORMAT`, `WAVEFORMATEX` or `WAVEFORMATEXTENSIBLE` (Microsoft, "Multiple channel audio data and
/// WAVE files", 2007).
fn parse_format(bytes: &[u8]) -> Result<WavFormat, WavError> {
    const EXTENSIBLE: u16 = 0xFFFE;
    let word = |at: usize| bytes.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let (Some(tag), Some(channels), Some(rate_low), Some(rate_high), Some(frame_bytes), Some(bits)) =
        (word(0), word(2), word(4), word(6), word(12), word(14))
    else {
        return Err(WavError::Header(format!("the chunk `fmt ` has {} bytes; it needs 16", bytes.len())));
    };
    let channels = usize::from(channels);
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return Err(WavError::Header(format!("it says {channels} channels")));
    }
    let sample_rate_hz = u32::from(rate_low) | u32::from(rate_high) << 16;
    if sample_rate_hz == 0 {
        return Err(WavError::Header("it says 0 Hz".into()));
    }
    let extensible = tag == EXTENSIBLE;
    // The subformat's first word is the tag of old.
    let tag = if extensible { word(24).unwrap_or(0) } else { tag };
    let valid_bits = word(18).filter(|&valid| extensible && (1..=bits).contains(&valid)).unwrap_or(bits);
    let frame_bytes = usize::from(frame_bytes);
    let container = match frame_bytes / channels {
        0 => usize::from(bits).div_ceil(8),
        container if container * channels == frame_bytes => container,
        _ => {
            return Err(WavError::Header(format!("it says {frame_bytes} bytes a frame, but {channels} channels")));
        }
    };
    let bits = u32::from(bits);
    let kind = match (tag, container) {
        (1, 1..=4) if (1..=8 * container as u32).contains(&bits) => SampleKind::Integer {
            bytes: container,
            bits: valid_bits.into(),
            // Extensible says where the bits lie: at the upper end. Without it, a container wider than needed is what
            // ALSA's programs write (S24_LE): at the lower end.
            shift: if extensible { 0 } else { (8 * container as u32 - bits) / 8 * 8 },
        },
        (3, 4) => SampleKind::Float32,
        (3, 8) => SampleKind::Float64,
        (6, 1) => SampleKind::ALaw,
        (7, 1) => SampleKind::MuLaw,
        (1 | 3, _) => {
            let name = if tag == 1 { "integers" } else { "float" };
            return Err(WavError::Samples(format!("{bits}-bit {name} in {container} bytes")));
        }
        _ => return Err(WavError::Samples(format!("compressed (WAV format {tag:#06x})"))),
    };
    Ok(WavFormat { channels, sample_rate_hz, kind })
}
