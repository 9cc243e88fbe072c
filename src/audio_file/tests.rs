use proptest::prelude::*;

use super::containers::{Holds, chunk, containers, fmt, riff};
use super::*;

/// A decaying oscillation on `channels`, within ±1, none of it on full scale.
fn recording(channels: usize, frames: usize) -> Vec<f64> {
    (0..frames * channels)
        .map(|i| {
            let (n, channel) = ((i / channels) as f64, (i % channels) as f64);
            0.9 * (-n / 40.0).exp() * (0.3 * n + channel).sin()
        })
        .collect()
}

/// All samples in the first part, and what follows it.
fn read(bytes: &[u8]) -> Result<(Vec<f64>, bool, Part), WavError> {
    let mut reader = WavReader::new(bytes)?;
    let (mut all, mut values) = (Vec::new(), Vec::new());
    while reader.read(100, &mut values)? > 0 {
        all.extend_from_slice(&values);
    }
    Ok((all, reader.is_cut_short(), reader.next_part()?))
}

#[test]
fn one_recording_is_read_from_every_container() {
    let (channels, rate_hz) = (3, 44_100);
    let values = recording(channels, 333);
    for (name, bytes, holds) in containers(&values, channels, rate_hz) {
        match holds {
            Holds::Nothing => {
                let error = read(&bytes).map(|_| ()).unwrap_err();
                assert!(!error.to_string().contains('\n'), "{name}: {error}");
            }
            Holds::All(precision) => {
                let format = WavReader::new(&bytes[..]).unwrap_or_else(|error| panic!("{name}: {error}")).format();
                assert_eq!((format.channels, format.sample_rate_hz), (channels, rate_hz), "{name}");
                let (found, cut_short, part) = read(&bytes).unwrap();
                // Where nothing says how long it is, whatever follows would be sound.
                let more = found.len() - values.len();
                assert_eq!((more, cut_short, part), (0, false, Part::Nothing), "{name}");
                for (found, value) in found.iter().zip(&values) {
                    assert!((found - value).abs() <= precision, "{name}: {found} is not {value}");
                }
            }
            Holds::Less => {
                let (found, cut_short, part) = read(&bytes).unwrap();
                assert!(cut_short && part == Part::Nothing, "{name}");
                assert!(found.len() < values.len() && found.len() > values.len() / 2 && found.len() % 3 == 0, "{name}");
            }
            Holds::More => assert_ne!(read(&bytes).unwrap().2, Part::Nothing, "{name}"),
            Holds::Mislabelled => assert!(looks_like_float(&read(&bytes).unwrap().0), "{name}"),
        }
        if !matches!(holds, Holds::Nothing | Holds::Mislabelled) {
            assert!(!looks_like_float(&read(&bytes).unwrap().0), "{name}");
        }
    }
}

#[test]
fn parts_follow_each_other_in_their_own_format() {
    let file =
        |rate_hz: u32, value: f32| riff(&[&fmt(3, 1, rate_hz, 32, 4, &[]), &chunk(b"data", &value.to_le_bytes())]);
    let bytes = [file(44_100, 0.5), file(48_000, 0.25), chunk(b"LIST", b"abc"), file(8000, 0.125)].concat();
    let mut reader = WavReader::new(&bytes[..]).unwrap();
    let mut found = Vec::new();
    loop {
        let mut values = Vec::new();
        while reader.read(9, &mut values).unwrap() > 0 {
            found.push((reader.format().sample_rate_hz, values[0]));
        }
        if reader.next_part().unwrap() == Part::Nothing {
            break;
        }
    }
    assert_eq!(found, [(44_100, 0.5), (48_000, 0.25), (8000, 0.125)]);
    // A recording of no length, with tags.
    let none = riff(&[&fmt(1, 2, 48_000, 16, 2, &[]), &chunk(b"data", b""), &chunk(b"LIST", b"INFO")]);
    assert_eq!(read(&none).unwrap(), (vec![], false, Part::Nothing));
    let none = riff(&[&fmt(1, 2, 48_000, 16, 2, &[]), &chunk(b"data", b"")]);
    assert_eq!(read(&none).unwrap(), (vec![], false, Part::Nothing));
}

/// ITU-T G.711, tables 1a and 2a: the ends of the first and the last segment.
#[test]
fn companded_samples_are_expanded() {
    for (tag, codes, values) in [
        (6, [0xD5, 0x55, 0xAA, 0x2A], [8, -8, 32_256, -32_256]),
        (7, [0xFF, 0x7F, 0x80, 0x00], [0, 0, 32_124, -32_124]),
    ] {
        let bytes = riff(&[&fmt(tag, 1, 8000, 8, 1, &[]), &chunk(b"data", &codes)]);
        assert_eq!(read(&bytes).unwrap().0, values.map(|value| f64::from(value) / 32_768.0));
    }
}

#[test]
fn what_goes_into_a_pipe_comes_out_of_it() {
    let mut pipe = Vec::new();
    let mut writer = WavWriter::new(&mut pipe, 2, 48_000).unwrap();
    writer.write(&[vec![0.5, -0.25], vec![0.125, 1.5]], 0..2).unwrap();
    writer.flush().unwrap();
    assert_eq!(read(&pipe).unwrap(), (vec![0.5, 0.125, -0.25, 1.5], false, Part::Nothing));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_damage_makes_it_panic_or_ask_for_much(
        container in 0usize..50,
        damage in proptest::collection::vec((0usize..120, any::<u8>()), 0..6),
    ) {
        let all = containers(&recording(2, 300), 2, 48_000);
        let mut bytes = all[container % all.len()].1.clone();
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        read(&bytes).ok();
    }
}
