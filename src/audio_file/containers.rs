//! One recording in the many containers that programs write it in: for the tests of all who read WAV files.

/// What a reader should make of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Holds {
    /// All samples, to within this part of full scale.
    All(f64),
    /// The samples, but fewer than its header says.
    Less,
    /// More behind the samples.
    More,
    /// Integers of full precision that are floats in truth.
    Mislabelled,
    /// Nothing that can be read.
    Nothing,
}

pub(crate) fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = [&name[..], &(body.len() as u32).to_le_bytes(), body].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

/// `fmt ` with `extra` behind its 16 bytes.
pub(crate) fn fmt(tag: u16, channels: usize, rate_hz: u32, bits: u16, container: usize, extra: &[u8]) -> Vec<u8> {
    let frame = channels * container;
    let mut body = Vec::new();
    body.extend(tag.to_le_bytes());
    body.extend((channels as u16).to_le_bytes());
    body.extend(rate_hz.to_le_bytes());
    body.extend((rate_hz.wrapping_mul(frame as u32)).to_le_bytes());
    body.extend((frame as u16).to_le_bytes());
    body.extend(bits.to_le_bytes());
    body.extend(extra);
    chunk(b"fmt ", &body)
}

/// What `WAVE_FORMAT_EXTENSIBLE` adds.
pub(crate) fn extension(valid_bits: u16, mask: u32, tag: u16) -> Vec<u8> {
    let mut body = [22u16.to_le_bytes(), valid_bits.to_le_bytes()].concat();
    body.extend(mask.to_le_bytes());
    body.extend(tag.to_le_bytes());
    body.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    body
}

pub(crate) fn riff(parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [b"RIFF", &(body.len() as u32 + 4).to_le_bytes()[..], b"WAVE", &body].concat()
}

/// A `data` chunk whose size says `size`.
fn data_saying(size: u32, samples: &[u8]) -> Vec<u8> {
    [b"data", &size.to_le_bytes()[..], samples].concat()
}

pub(crate) fn float32(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect()
}

/// Integers of `bits`, in the upper or lower end of `container` bytes.
pub(crate) fn integers(values: &[f64], bits: u32, container: usize, upper: bool) -> Vec<u8> {
    let full = 2f64.powi(bits as i32 - 1);
    let shift = if upper { 8 * container as u32 - bits } else { 0 };
    let word = |&value: &f64| ((value * full).round().clamp(-full, full - 1.0) as i64) << shift;
    match container {
        1 => values.iter().map(|value| (word(value) + 128) as u8).collect(),
        _ => values.iter().flat_map(|value| word(value).to_le_bytes()[..container].to_vec()).collect(),
    }
}

/// `values`, interleaved frames of `channels`, in every container.
pub(crate) fn containers(values: &[f64], channels: usize, rate_hz: u32) -> Vec<(&'static str, Vec<u8>, Holds)> {
    use Holds::{All, Less, Mislabelled, More, Nothing};
    let f32s = float32(values);
    let f64s: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let data = chunk(b"data", &f32s);
    let fmt = |tag, bits, container, extra: &[u8]| fmt(tag, channels, rate_hz, bits, container, extra);
    let float = fmt(3, 32, 4, &[]);
    let ints = |bits, container, upper| chunk(b"data", &integers(values, bits, container, upper));
    let step = |bits: i32| 0.5 * 2f64.powi(1 - bits) + 1e-9;
    let half = values.len() / channels / 2 * channels * 4;
    let bytes = f32s.len() as u64;
    let long = |name: &[u8; 4]| {
        let sizes: Vec<u8> = [bytes + 72, bytes, values.len() as u64 / channels as u64]
            .iter()
            .flat_map(|size| size.to_le_bytes())
            .chain([0; 4])
            .collect();
        [&name[..], &[0xff; 4], b"WAVE", &chunk(b"ds64", &sizes), &float, &data_saying(u32::MAX, &f32s)].concat()
    };
    let odd = chunk(b"LIST", b"INFOINAM\x05\0\0\0abcde");
    let set = |mut file: Vec<u8>, size: u32| {
        file[4..8].copy_from_slice(&size.to_le_bytes());
        file
    };
    let plain = riff(&[&float, &data]);
    vec![
        ("plain", plain.clone(), All(1e-7)),
        ("fmt18", riff(&[&fmt(3, 32, 4, &[0, 0]), &data]), All(1e-7)),
        ("fact", riff(&[&float, &chunk(b"fact", &[1, 0, 0, 0]), &data]), All(1e-7)),
        ("fmt40-tag3", riff(&[&fmt(3, 32, 4, &[0; 24]), &data]), All(1e-7)),
        ("extensible", riff(&[&fmt(0xFFFE, 32, 4, &extension(32, 0, 3)), &data]), All(1e-7)),
        ("extensible-mask", riff(&[&fmt(0xFFFE, 32, 4, &extension(32, 0x3F, 3)), &data]), All(1e-7)),
        ("extensible-valid0", riff(&[&fmt(0xFFFE, 32, 4, &extension(0, 0, 3)), &data]), All(1e-7)),
        (
            "extensible-long",
            riff(&[&fmt(0xFFFE, 32, 4, &[extension(32, 0, 3), vec![0; 8]].concat()), &data]),
            All(1e-7),
        ),
        ("no-frame-size", riff(&[&fmt(3, 32, 0, &[]), &data]), All(1e-7)),
        ("list-before-fmt", riff(&[&chunk(b"LIST", b"INFOISFT\x06\0\0\0Lavf58"), &float, &data]), All(1e-7)),
        ("odd-list", riff(&[&float, &odd, &data]), All(1e-7)),
        ("odd-list-unpadded", riff(&[&float, &odd[..odd.len() - 1], &data]), All(1e-7)),
        ("junk", riff(&[&chunk(b"JUNK", &[0; 28]), &float, &chunk(b"FLLR", &[0; 4044]), &data]), All(1e-7)),
        ("bext-after", riff(&[&float, &data, &chunk(b"bext", &[b'x'; 603]), &odd]), All(1e-7)),
        ("bytes-after", [&plain[..], b"trailing bytes of some editor"].concat(), All(1e-7)),
        ("riff-size-0", set(plain.clone(), 0), All(1e-7)),
        ("pipe", set(riff(&[&float, &data_saying(u32::MAX, &f32s)]), u32::MAX), All(1e-7)),
        ("sox-pipe", set(riff(&[&float, &data_saying(0x7FFF_FFDB, &f32s)]), 0x7FFF_FFFF), All(1e-7)),
        ("sox-pipe-2", set(riff(&[&float, &data_saying(0x7FFF_F000, &f32s)]), 0x7FFF_F024), All(1e-7)),
        ("never-completed", set(riff(&[&float, &data_saying(0, &f32s)]), 36), All(1e-7)),
        ("rf64", long(b"RF64"), All(1e-7)),
        ("bw64", long(b"BW64"), All(1e-7)),
        ("float64", riff(&[&fmt(3, 64, 8, &[]), &chunk(b"data", &f64s)]), All(0.0)),
        ("float64-extensible", riff(&[&fmt(0xFFFE, 64, 8, &extension(64, 0, 3)), &chunk(b"data", &f64s)]), All(0.0)),
        ("pcm8", riff(&[&fmt(1, 8, 1, &[]), &ints(8, 1, true)]), All(step(8))),
        ("pcm16", riff(&[&fmt(1, 16, 2, &[]), &ints(16, 2, true)]), All(step(16))),
        ("pcm16-extensible", riff(&[&fmt(0xFFFE, 16, 2, &extension(16, 3, 1)), &ints(16, 2, true)]), All(step(16))),
        ("pcm24", riff(&[&fmt(1, 24, 3, &[]), &ints(24, 3, true)]), All(step(24))),
        ("pcm24-extensible", riff(&[&fmt(0xFFFE, 24, 3, &extension(24, 0, 1)), &ints(24, 3, true)]), All(step(24))),
        ("pcm20in24", riff(&[&fmt(0xFFFE, 24, 3, &extension(20, 0, 1)), &ints(20, 3, true)]), All(step(20))),
        ("pcm24in32", riff(&[&fmt(0xFFFE, 32, 4, &extension(24, 0, 1)), &ints(24, 4, true)]), All(step(24))),
        ("pcm24-alsa", riff(&[&fmt(1, 24, 4, &[]), &ints(24, 4, false)]), All(step(24))),
        ("pcm32", riff(&[&fmt(1, 32, 4, &[]), &ints(32, 4, true)]), All(step(32))),
        ("pcm32-extensible", riff(&[&fmt(0xFFFE, 32, 4, &extension(32, 4, 1)), &ints(32, 4, true)]), All(step(32))),
        ("truncated", plain[..plain.len() - 1001].to_vec(), Less),
        ("odd-tail", riff(&[&float, &chunk(b"data", &f32s[..f32s.len() - 3])]), Less),
        ("rf64-truncated", long(b"RF64")[..plain.len() - 999].to_vec(), Less),
        ("two-data", riff(&[&float, &chunk(b"data", &f32s[..half]), &chunk(b"data", &f32s[half..])]), More),
        ("two-files", [&plain[..], &plain].concat(), More),
        ("float-as-pcm32", riff(&[&fmt(1, 32, 4, &[]), &data]), Mislabelled),
        ("rate-0", riff(&[&super::containers::fmt(3, channels, 0, 32, 4, &[]), &data]), Nothing),
        ("no-channels", riff(&[&super::containers::fmt(3, 0, rate_hz, 32, 4, &[]), &data]), Nothing),
        ("float16", riff(&[&fmt(3, 16, 2, &[]), &data]), Nothing),
        ("adpcm", riff(&[&fmt(2, 4, 1, &[0; 34]), &data]), Nothing),
        ("short-fmt", riff(&[&chunk(b"fmt ", &[3, 0, 1, 0]), &data]), Nothing),
        ("no-fmt", riff(&[&data]), Nothing),
        ("no-data", riff(&[&float]), Nothing),
        ("empty", Vec::new(), Nothing),
        ("rifx", [b"RIFX", &plain[4..]].concat(), Nothing),
        ("aiff", [&b"FORM\0\0\0\x64AIFC"[..], &[0; 96]].concat(), Nothing),
        ("flac", b"fLaC and more, and more".to_vec(), Nothing),
    ]
}
