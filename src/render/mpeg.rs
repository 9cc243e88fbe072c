//! The frames of an MP3 file: its tags are passed, whatever their size, and what is missing between frames is counted.
//!
//! A frame says how long it is (ISO 11172-3, 2.4.1.3; ISO 13818-3 for the lower rates), so the next one has its known
//! place. Where none stands there, something is damaged: the frames are found again where two headers of the same
//! stream follow each other, and the bytes between tell how many were lost.

use std::io::{self, Read};

/// Bytes of a header.
const HEADER_BYTES: usize = 4;
/// No frame is longer: 320 kbit/s at 32 kHz, and padding.
const MAX_FRAME_BYTES: usize = 1441;
const READ_BYTES: usize = 1 << 16;

/// What the header of a frame of layer III says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub sample_rate_hz: u32,
    pub channels: usize,
    /// Samples of each channel.
    pub frames: usize,
    /// Bytes of the whole frame.
    pub bytes: usize,
    /// Bytes of the side information, and of the checksum before it.
    side_bytes: usize,
}

impl Header {
    /// Reads the first four bytes of a frame.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        const V1_KBPS: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const V2_KBPS: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let &[b0, b1, b2, b3, ..] = bytes else { return None };
        if b0 != 0xFF || b1 & 0xE0 != 0xE0 || b1 & 6 != 2 {
            return None;
        }
        // Version 1; 2 has half its rates, 2.5 a quarter.
        let (first, halvings) = match (b1 >> 3) & 3 {
            3 => (true, 0),
            2 => (false, 1),
            0 => (false, 2),
            _ => return None,
        };
        let kbps = *if first { &V1_KBPS } else { &V2_KBPS }.get(usize::from(b2 >> 4)).filter(|kbps| **kbps > 0)?;
        let sample_rate_hz = *[44_100u32, 48_000, 32_000].get(usize::from((b2 >> 2) & 3))? >> halvings;
        let channels = if b3 >> 6 == 3 { 1 } else { 2 };
        let frames = if first { 1152 } else { 576 };
        let padding = usize::from((b2 >> 1) & 1);
        let side_bytes = match (first, channels) {
            (true, 2) => 32,
            (true, _) | (false, 2) => 17,
            (false, _) => 9,
        };
        Some(Header {
            sample_rate_hz,
            channels,
            frames,
            bytes: frames / 8 * kbps * 1000 / sample_rate_hz as usize + padding,
            side_bytes: side_bytes + if b1 & 1 == 0 { 2 } else { 0 },
        })
    }

    /// Whether `other` can be a frame of the same stream.
    fn continues(&self, other: &Header) -> bool {
        (self.sample_rate_hz, self.frames) == (other.sample_rate_hz, other.frames)
    }
}

/// What an encoder wrote into the first frame, which holds no sound ("Xing", "Info", LAME's extension of it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Info {
    /// Samples of each channel to leave out at the beginning: those of encoder and decoder.
    pub skipped: u64,
    /// Samples of each channel in all, without those.
    pub frames: Option<u64>,
}

/// One step through the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Another file begins.
    Info(Info),
    /// A frame.
    Frame(Header, Vec<u8>),
    /// Frames are missing: so many samples of each channel.
    Hole(u64),
}

/// Walks through the frames of an MP3 file.
pub(super) struct MpegFrames<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    /// The last frame's.
    last: Option<Header>,
    /// Of all frames, for their mean size.
    total: (u64, u64),
    /// A frame found behind a hole, which is said first.
    behind_hole: bool,
}

impl<R: Read> MpegFrames<R> {
    pub fn new(input: R) -> MpegFrames<R> {
        MpegFrames { input, buffer: Vec::new(), at: 0, ended: false, last: None, total: (0, 0), behind_hole: false }
    }

    /// The next step; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Step>> {
        loop {
            if self.pass_tag()? {
                // What follows may be another file, of any kind.
                self.last = self.last.filter(|last| self.header_at(0).is_some_and(|next| last.continues(&next)));
                continue;
            }
            self.need(MAX_FRAME_BYTES + HEADER_BYTES)?;
            match self.header_at(0) {
                Some(header) if self.behind_hole || self.is_frame(0, &header) => return Ok(self.take(header)),
                _ => {}
            }
            let lost = self.find()?;
            if self.ahead().is_empty() {
                return Ok(None);
            }
            // Nothing is missing ahead of the first frame.
            if let (Some(hole), true) = (self.hole(lost), lost > 0) {
                self.behind_hole = true;
                return Ok(Some(Step::Hole(hole)));
            }
        }
    }

    fn ahead(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    fn header_at(&self, offset: usize) -> Option<Header> {
        Header::parse(self.ahead().get(offset..)?)
    }

    /// Whether a frame with `header` stands at `offset`: the next one follows it, or nothing does.
    fn is_frame(&self, offset: usize, header: &Header) -> bool {
        if self.ahead().len() < offset + header.bytes {
            return false;
        }
        // Where the frame before said that one stands here, its header is enough.
        if offset == 0 && self.last.is_some_and(|last| last.continues(header)) {
            return true;
        }
        let behind = offset + header.bytes;
        self.header_at(behind).is_some_and(|next| header.continues(&next))
            || is_tag(&self.ahead()[behind..])
            || self.ended && self.ahead().len() == behind
    }

    /// Reads until `bytes` lie ahead, or the end.
    fn need(&mut self, bytes: usize) -> io::Result<()> {
        while !self.ended && self.ahead().len() < bytes {
            self.buffer.drain(..self.at);
            self.at = 0;
            let filled = self.buffer.len();
            self.buffer.resize(filled + READ_BYTES, 0);
            let read = match self.input.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
                Ok(read) => {
                    self.ended = read == 0;
                    read
                }
            };
            self.buffer.truncate(filled + read);
        }
        Ok(())
    }

    fn take(&mut self, header: Header) -> Option<Step> {
        self.behind_hole = false;
        if self.ahead().len() < header.bytes {
            self.at = self.buffer.len();
            return None;
        }
        let bytes = self.ahead()[..header.bytes].to_vec();
        self.at += header.bytes;
        self.last = Some(header);
        if let Some(info) = info(&header, &bytes) {
            return Some(Step::Info(info));
        }
        self.total = (self.total.0 + header.bytes as u64, self.total.1 + 1);
        Some(Step::Frame(header, bytes))
    }

    /// Moves to the next frame of the stream, or to the end; returns how many bytes were passed.
    fn find(&mut self) -> io::Result<u64> {
        let mut passed = 0;
        loop {
            self.need(2 * MAX_FRAME_BYTES + HEADER_BYTES)?;
            if self.ahead().is_empty() || is_tag(self.ahead()) {
                return Ok(passed);
            }
            let found = self.header_at(0).is_some_and(|header| {
                let same = self.last.is_none_or(|last| last.continues(&header));
                let behind = self.header_at(header.bytes).is_some_and(|next| header.continues(&next));
                same && (behind || self.ended && self.ahead().len() == header.bytes)
            });
            if found && passed > 0 {
                return Ok(passed);
            }
            self.at += 1;
            passed += 1;
        }
    }

    /// Samples that `bytes` between frames stand for.
    fn hole(&self, bytes: u64) -> Option<u64> {
        let (all, count) = self.total;
        let frames = self.last?.frames as u64;
        // To the nearest frame, and at least one.
        (count > 0).then(|| ((bytes * count + all / 2) / all.max(1)).max(1) * frames)
    }

    /// Passes an ID3v2, APE or ID3v1 tag, if one stands here.
    fn pass_tag(&mut self) -> io::Result<bool> {
        self.need(32)?;
        let Some(mut bytes) = tag_bytes(self.ahead()) else { return Ok(false) };
        while bytes > 0 {
            self.need(1)?;
            let step = bytes.min(self.ahead().len() as u64);
            if step == 0 {
                break;
            }
            self.at += step as usize;
            bytes -= step;
        }
        self.need(MAX_FRAME_BYTES + HEADER_BYTES)?;
        Ok(true)
    }
}

fn is_tag(bytes: &[u8]) -> bool {
    tag_bytes(bytes).is_some()
}

/// Bytes of the tag that begins with `bytes`, if one does.
pub(super) fn tag_bytes(bytes: &[u8]) -> Option<u64> {
    match bytes {
        // ID3v2: four times 7 bits of size; a flag says whether a footer follows.
        [b'I', b'D', b'3', version, _, flags, size @ ..]
            if *version < 0xFF && size.len() >= 4 && size[..4].iter().all(|byte| *byte < 0x80) =>
        {
            let size = size[..4].iter().fold(0u64, |size, byte| size << 7 | u64::from(*byte));
            Some(10 + size + if flags & 0x10 != 0 { 10 } else { 0 })
        }
        [b'T', b'A', b'G', ..] => Some(128),
        // APEv2: the size counts items and footer; the header, which has the flag, comes on top.
        [b'A', b'P', b'E', b'T', b'A', b'G', b'E', b'X', rest @ ..] if rest.len() >= 16 => {
            let word = |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
            let is_header = word(12) & 0x2000_0000 != 0;
            Some(if is_header { 32 + u64::from(word(4)) } else { 32 })
        }
        _ => None,
    }
}

/// What the frame tells of the whole file, if it is such a one.
fn info(header: &Header, frame: &[u8]) -> Option<Info> {
    /// Samples by which every decoder of layer III is late.
    const DECODER_DELAY: u64 = 529;
    let at = HEADER_BYTES + header.side_bytes;
    let tag = frame.get(at..at + 8)?;
    if frame.get(36..40) == Some(b"VBRI") {
        return Some(Info { skipped: 0, frames: None });
    }
    if !matches!(&tag[..4], b"Xing" | b"Info") {
        return None;
    }
    let flags = tag[7];
    let has_count = flags & 1 != 0;
    let count = frame.get(at + 8..at + 12).filter(|_| has_count);
    let count = count.map(|bytes| u64::from(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])));
    // Frames, bytes, table of contents, quality: each only where its flag is set. LAME's part follows.
    let lame = at
        + 8
        + [(1, 4), (2, 4), (4, 100), (8, 4)]
            .iter()
            .map(|(bit, size)| if flags & bit != 0 { *size } else { 0 })
            .sum::<usize>();
    let gaps = frame.get(lame + 21..lame + 24).filter(|gaps| gaps.iter().any(|byte| *byte != 0));
    let all = count.map(|count| count * header.frames as u64);
    Some(match gaps {
        None => Info { skipped: 0, frames: all },
        Some(gaps) => {
            let delay = u64::from(gaps[0]) << 4 | u64::from(gaps[1]) >> 4;
            let padding = u64::from(gaps[1] & 15) << 8 | u64::from(gaps[2]);
            Info { skipped: delay + DECODER_DELAY, frames: all.map(|all| all.saturating_sub(delay + padding)) }
        }
    })
}

/// Whether `bytes`, the beginning of a file or what follows its tags, are frames of layer III: three headers in a row.
pub(super) fn is_mpeg(bytes: &[u8]) -> bool {
    let follows = |at: usize, first: &Header| Header::parse(bytes.get(at..)?).filter(|next| first.continues(next));
    (0..bytes.len()).any(|at| {
        let Some(first) = Header::parse(&bytes[at..]) else { return false };
        let second_at = at + first.bytes;
        follows(second_at, &first).is_some_and(|second| follows(second_at + second.bytes, &first).is_some())
    })
}
