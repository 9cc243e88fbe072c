use std::f64::consts::PI;

use proptest::prelude::*;

use super::*;

const FRAMES: usize = 12_000;

/// What the fixtures were encoded from: a chirp from 200 to 4000 Hz on the left, a rising 440 Hz tone on the right.
fn original() -> [Vec<f32>; 2] {
    let side = |sample: &dyn Fn(f64) -> f64| {
        let value = |frame: usize| (0.4 * sample(frame as f64 / 48_000.0) * 32_767.0).round() / 32_768.0;
        (0..FRAMES).map(|frame| value(frame) as f32).collect()
    };
    [
        side(&|t| (2.0 * PI * (200.0 * t + 0.5 * 3800.0 / 0.25 * t * t)).sin()),
        side(&|t| (2.0 * PI * 440.0 * t).sin() * t / 0.25),
    ]
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn decoded(path: &Path) -> Result<[Vec<f32>; 2], RenderError> {
    decoded_with_holes(path).map(|(all, _)| all)
}

fn decoded_with_holes(path: &Path) -> Result<([Vec<f32>; 2], Holes), RenderError> {
    let mut decoder = Decoder::open(path, None)?;
    let mut sides = [Vec::new(), Vec::new()];
    let mut all = [Vec::new(), Vec::new()];
    while decoder.next(&mut sides)? {
        assert_eq!(sides[0].len(), sides[1].len());
        all.iter_mut().zip(&sides).for_each(|(all, side)| all.extend_from_slice(side));
    }
    let holes = decoder.holes().clone();
    Ok((all, holes))
}

/// A folder with one file.
struct Made {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn made(name: &str, bytes: &[u8]) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Made { _folder: folder, path }
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// An ID3v2.3 tag with `size` bytes of cover art, full of what looks like frames.
fn cover_art(size: usize) -> Vec<u8> {
    let frame = [&b"APIC"[..], &(size as u32).to_be_bytes(), &[0, 0]].concat();
    let total = frame.len() + size;
    let digits = [21, 14, 7, 0].map(|shift| (total >> shift) as u8 & 127);
    let art: Vec<u8> = [0xFF, 0xFB, 0x90, 0x64, b'f', b'L', b'a', b'C'].into_iter().cycle().take(size).collect();
    [&b"ID3\x03\0\0"[..], &digits, &frame, &art].concat()
}

#[test]
fn tags_of_any_size_are_passed() {
    for name in ["chirp.mp3", "chirp.flac"] {
        let right = decoded(&fixture(name)).unwrap();
        for size in [10, 300_000, (1 << 20) + 1, 3 << 20] {
            let made = made(name, &[cover_art(size), cover_art(20), bytes_of(name)].concat());
            assert_eq!(decoded(&made.path).unwrap(), right, "{name} behind {size} bytes");
        }
    }
    // Behind the sound, too: APE and the old ID3.
    let ape = [&b"APETAGEX\xD0\x07\0\0\x40\0\0\0\0\0\0\0\0\0\0\xA0\0\0\0\0\0\0\0\0"[..], &[7; 64]].concat();
    let mut tagged = [bytes_of("chirp.mp3"), ape, b"TAG".to_vec()].concat();
    tagged.extend([0; 125]);
    assert_eq!(decoded(&made("a.mp3", &tagged).path).unwrap(), decoded(&fixture("chirp.mp3")).unwrap());
}

/// Where the frames of an MP3 file begin.
fn mp3_frames(bytes: &[u8]) -> Vec<usize> {
    use crate::render::mpeg::Header;
    let mut at = 0;
    while let Some(size) = tag_bytes(&bytes[at..]) {
        at += size as usize;
    }
    let mut frames = Vec::new();
    while let Some(header) = bytes.get(at..).and_then(Header::parse) {
        frames.push(at);
        at += header.bytes;
    }
    frames
}

#[test]
fn a_hole_in_an_mp3_keeps_its_length_and_is_named() {
    let whole = bytes_of("chirp.mp3");
    let frames = mp3_frames(&whole);
    assert!(frames.len() > 9, "{frames:?}");
    let right = decoded(&fixture("chirp.mp3")).unwrap();
    // The third and fourth frames of sound are overwritten, and cut in the midst of their headers.
    let mut damaged = whole.clone();
    damaged[frames[4]..frames[6]].fill(0);
    for bytes in [damaged.clone(), [&damaged[..frames[4] + 1], &damaged[frames[4] + 2..]].concat()] {
        let (all, holes) = decoded_with_holes(&made("a.mp3", &bytes).path).unwrap();
        assert_eq!(all[0].len(), right[0].len());
        assert_eq!((holes.count, holes.frames), (1, 2 * 1152), "{holes:?}");
        // What is far enough behind the hole is as it was, in its place.
        let behind = holes.first[0].0 as usize + 2 * 1152 + 2 * 1152;
        let error = all[0][behind..].iter().zip(&right[0][behind..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(behind < FRAMES - 1000 && error < 1e-4, "{error} from {behind}");
    }
}

#[test]
fn a_second_file_behind_the_first_is_played() {
    for name in ["chirp.mp3", "chirp.ogg"] {
        let once = decoded(&fixture(name)).unwrap();
        for between in [vec![], if name == "chirp.mp3" { cover_art(5000) } else { vec![] }] {
            let made = made(name, &[bytes_of(name), between, bytes_of(name)].concat());
            let twice = decoded(&made.path).unwrap();
            assert_eq!(twice[0].len(), 2 * FRAMES, "{name}");
            assert_eq!(twice[0][FRAMES..FRAMES + 4000], once[0][..4000], "{name}");
        }
    }
}

#[test]
fn another_rate_within_a_file_is_refused_with_its_place() {
    // Every header from the middle on says 44.1 instead of 48 kHz.
    let mut bytes = bytes_of("chirp.mp3");
    let frames = mp3_frames(&bytes);
    let half = frames[frames.len() / 2];
    let mut rest = bytes.split_off(half);
    let mut at = 0;
    while at + 4 < rest.len() {
        let Some(header) = crate::render::mpeg::Header::parse(&rest[at..]) else { break };
        rest[at + 2] &= !0x0C;
        let other = crate::render::mpeg::Header::parse(&rest[at..]).unwrap();
        rest.splice(at + header.bytes..at + header.bytes, vec![0; other.bytes - header.bytes]);
        at += other.bytes;
    }
    bytes.extend(rest);
    let error = decoded(&made("a.mp3", &bytes).path).unwrap_err().to_string();
    assert!(error.contains("the sample rate changes from 48000 to 44100 Hz at 0.1 s; split the file there"), "{error}");
}

/// A damaged frame of a FLAC file fails its checksum, the first as well as a later one.
#[test]
fn a_hole_in_a_flac_keeps_its_length_and_place() {
    const BLOCK: usize = 4096;
    let right = decoded(&fixture("chirp.flac")).unwrap();
    let whole = bytes_of("chirp.flac");
    // Fixed blocks: a frame's number is its header's fifth byte.
    let frame = |number: u8| (42..whole.len()).find(|&at| whole[at..at + 2] == [0xFF, 0xF8] && whole[at + 4] == number);
    for number in [0, 1] {
        let mut bytes = whole.clone();
        let at = frame(number).unwrap() + 100;
        bytes[at..at + 40].fill(0x55);
        let (all, holes) = decoded_with_holes(&made("a.flac", &bytes).path).unwrap();
        let begins = usize::from(number) * BLOCK;
        assert_eq!(holes, Holes { count: 1, frames: BLOCK as u64, first: vec![(begins as u64, BLOCK as u64)] });
        for (all, right) in all.iter().zip(&right) {
            assert_eq!(all.len(), FRAMES);
            assert!(all[begins..begins + BLOCK].iter().all(|sample| *sample == 0.0));
            assert_eq!(all[begins + BLOCK..], right[begins + BLOCK..]);
        }
    }
}

/// A damaged page of an Ogg file fails its checksum. The file's next page does not tell when it begins, the one behind
/// it does.
#[test]
fn a_hole_in_an_ogg_keeps_its_length() {
    let right = decoded(&fixture("tone.ogg")).unwrap();
    let whole = bytes_of("tone.ogg");
    let pages: Vec<usize> = (0..whole.len() - 4).filter(|&at| &whole[at..at + 4] == b"OggS").collect();
    let mut bytes = whole.clone();
    bytes[pages[6] + 100] ^= 0xFF;
    let (all, holes) = decoded_with_holes(&made("a.ogg", &bytes).path).unwrap();
    assert_eq!(all[0].len(), right[0].len());
    assert!(holes.count == 1 && (4000..6000).contains(&holes.frames), "{holes:?}");
    let behind = all[0].len() - 24_000;
    let error = all[0][behind..].iter().zip(&right[0][behind..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(error < 1e-4, "{error}");
}

#[test]
fn aac_is_read_and_opus_is_named() {
    let original = original();
    for name in ["chirp.m4a", "chirp.aac"] {
        let decoded = decoded(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(decoded[0].len() >= FRAMES, "{name}: {}", decoded[0].len());
        // Where the encoder's delay is not in the file it stays; the sound is there.
        let best = (0..1200).map(|lag| error_db(&decoded[0], &original[0], lag)).fold(f64::INFINITY, f64::min);
        assert!(best < -15.0, "{name}: {best} dB");
    }
    let opus = [&b"OggS\0\x02\0\0\0\0\0\0\0\0abcd\0\0\0\0crc!\x01\x13OpusHead"[..], &[1; 64]].concat();
    let error = decoded(&made("a.opus", &opus).path).unwrap_err().to_string();
    assert!(error.contains("(it holds Opus); convert it to FLAC first"), "{error}");
}

/// Error of `decoded` beside `original` in dB, where it is taken to lag by `lag` frames.
fn error_db(decoded: &[f32], original: &[f32], lag: isize) -> f64 {
    let (mut error, mut power) = (0.0f64, 0.0f64);
    for frame in 500..FRAMES - 500 {
        let found = f64::from(decoded[(frame as isize + lag) as usize]);
        let wanted = f64::from(original[frame]);
        error += (found - wanted).powi(2);
        power += wanted.powi(2);
    }
    10.0 * (error / power).log10()
}

#[test]
fn flac_is_exact() {
    assert_eq!(decoded(&fixture("chirp.flac")).unwrap(), original());
}

#[test]
fn lossy_files_have_their_length_and_place() {
    for name in ["chirp.mp3", "chirp.ogg"] {
        let decoded = decoded(&fixture(name)).unwrap();
        for (decoded, original) in decoded.iter().zip(&original()) {
            assert_eq!(decoded.len(), FRAMES, "{name}");
            let there = error_db(decoded, original, 0);
            assert!(there < -20.0, "{name}: {there} dB");
            for lag in [-2, -1, 1, 2] {
                assert!(there < error_db(decoded, original, lag) - 3.0, "{name}: at {lag}");
            }
        }
    }
}

/// Only a hole, as long as one may be.
struct Missing(u64);

impl Stream for Missing {
    fn sample_rate_hz(&self) -> u32 {
        192_000
    }

    fn frames(&self) -> Option<u64> {
        None
    }

    fn next(&mut self, timeline: &mut Timeline, _: &mut [Vec<f32>; 2]) -> Result<bool, RenderError> {
        let frames = std::mem::take(&mut self.0);
        timeline.hole(frames)?;
        Ok(frames > 0)
    }
}

/// An hour at 192 kHz would be 5 GB in one piece.
#[test]
fn a_long_hole_comes_in_pieces() {
    let frames = 3600 * 192_000;
    let mut decoder = Decoder::of(Path::new("a"), Box::new(Missing(frames)));
    let (mut sides, mut all) = ([Vec::new(), Vec::new()], 0);
    while decoder.next(&mut sides).unwrap() {
        assert!(sides[0].len() == sides[1].len() && sides[0].capacity() <= 1 << 16, "{}", sides[0].len());
        all += sides[0].len() as u64;
    }
    assert_eq!(all, frames);
    assert_eq!(decoder.holes(), &Holes { count: 1, frames, first: vec![(0, frames)] });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_damage_makes_it_panic(
        name in prop::sample::select(vec!["chirp.flac", "chirp.mp3", "chirp.ogg", "chirp.m4a", "chirp.aac"]),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        kept in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(kept.index(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        decoded(&path).ok();
    }
}
