//! What a profile's files may say: loading, saving, and every fault with its place.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::config::Places;
use crate::dsp::{BiquadKind, UpmixMode};

mod choice;
mod files;
mod rate;
mod rtf;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles")
}

const NAMES: [&str; 9] =
    ["bar", "bar-room", "bar-wide", "cylinder", "cylinder-room", "cylinder-wide", "pair", "pair-room", "pair-wide"];

const PAIR: &str = r#"format = 1
name = "two"
sample_rate_hz = 48000

[[driver]]
name = "left"
channel = 0

[[driver]]
name = "right"
channel = 1
"#;

fn impulses(drivers: usize, taps: usize) -> Coefficients {
    let mut samples = vec![0.0; 3 * drivers * taps];
    for fir in samples.chunks_exact_mut(taps) {
        fir[taps / 4] = 1.0;
    }
    Coefficients::new(drivers, taps, samples).unwrap()
}

/// A folder with `toml` and coefficients for two drivers.
fn folder_with(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("profile.toml"), toml).unwrap();
    write_coefficients(&folder.path().join("coefficients.wav"), &impulses(2, 16), 48_000).unwrap();
    folder
}

/// The error of loading `folder`, without its path.
fn fault(folder: &Path) -> String {
    match Profile::load(folder) {
        Ok(profile) => format!("accepted: {profile:?}"),
        Err(error) => error.to_string().replace(&format!("{}/", folder.display()), ""),
    }
}

fn places(home: &Path) -> Places {
    Places::from(|name| (name == "HOME").then(|| home.into()))
}

#[test]
fn the_shipped_profiles_load() {
    for name in NAMES {
        let profile = Profile::load(&shipped().join(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(profile.name, name);
        assert_eq!(profile.sample_rate_hz, 48_000);
        assert_eq!(profile.channels_needed(), profile.drivers.len());
        let spec = profile.chain_spec();
        spec.validate().unwrap();
        assert!(spec.drivers.iter().all(|driver| driver.limiter_group == 0));
    }
}

#[test]
fn every_fault_has_its_place_and_remedy() {
    let edited = |from: &str, to: &str| {
        assert!(PAIR.contains(from));
        fault(folder_with(&PAIR.replacen(from, to, 1)).path())
    };
    let after = |rest: &str| fault(folder_with(&format!("{PAIR}{rest}")).path());
    let cases = [
        (
            edited("name = \"two\"", "name = \"\""),
            "profile.toml:2:8: the profile's name \"\" is empty; use up to 64 of these, like \"front-left\"",
        ),
        (
            edited("name = \"two\"", "name = \"../two\""),
            "profile.toml:2:8: the profile's name \"../two\" is not made of a to z, A to Z, digits, `.`, `_` and `-`; use up to 64 of these, like \"front-left\"",
        ),
        (edited("48000", "4800"), "profile.toml:3:18: `sample_rate_hz` is 4800; use 8000 to 192000"),
        (edited("48000", "-1"), "profile.toml:3:18: `sample_rate_hz` is -1; a whole number from 0 is needed"),
        (
            edited("48000\n", "48000\nblock_frames = 250\n"),
            "profile.toml:4:16: `block_frames` is 250; use a power of two from 16 to 8192, like 256",
        ),
        (
            edited("48000\n", "48000\nmakeup_gain_db = nan\n"),
            "profile.toml:4:18: `makeup_gain_db` is NaN; use -60 to 60",
        ),
        (
            edited("48000\n", "48000\nmakeup_gain_db = inf\n"),
            "profile.toml:4:18: `makeup_gain_db` is inf; use -60 to 60",
        ),
        (
            edited("48000\n", "48000\nmakeup_gain = 1.0\n"),
            "profile.toml:4:1: unknown key `makeup_gain`; did you mean `makeup_gain_db`?",
        ),
        (
            edited("48000\n", "48000\nform = \"rtf\"\n"),
            "profile.toml:4:8: `form = \"rtf\"` needs a table `[rtf]` that names each input's own driver; add it, or write `form = \"full\"`",
        ),
        (edited("\"right\"", "\"left\""), "profile.toml:10:8: two drivers are named \"left\"; give each its own name"),
        (
            edited("channel = 1", "channel = 0"),
            "profile.toml:11:11: channel 0 already feeds driver \"left\"; give each driver its own channel",
        ),
        (edited("channel = 1", "channel = 32"), "profile.toml:11:11: `channel` is 32; channels count from 0 to 31"),
        (edited("channel = 1", "chanel = 1"), "profile.toml:11:1: unknown key `chanel`; did you mean `channel`?"),
        (edited("channel = 1", ""), "profile.toml:9:1: the key `channel` is missing; add it to this table"),
        (
            after("[bypass]\nsides_db = [0, 0]\ncenter_db = [0, 0]\ngains = [1, 2, 3]\n"),
            "profile.toml:15:9: `gains` has 3 values; give one for each of the 2 drivers",
        ),
        (
            after("[bypass]\nsides_db = [0, 0]\ncenter_db = [0, 0]\ngains = [1, nan]\n"),
            "profile.toml:15:9: a gain of NaN is no factor; use -1000 to 1000, like 1.0",
        ),
        (
            after("[bypass]\nsides_db = [0, 0]\ncenter_db = [0, 0]\ngains = [1, 1]\n"),
            "profile.toml:13:12: `sides_db` has 2 levels; give 43, one each sixth of an octave from 62.5 Hz to 8 kHz, or 8, one each octave",
        ),
        (
            after("[bypass]\nsides_db = [0, 99]\ncenter_db = [0, 0]\ngains = [1, 1]\n"),
            "profile.toml:13:12: `sides_db` has a level of 99; use -60 to 60",
        ),
        (after("delay_frames = 20000\n"), "profile.toml:12:16: `delay_frames` is 20000; use at most 16384"),
        (after("gain_db = 61\n"), "profile.toml:12:11: `gain_db` is 61; use -60 to 60"),
        (
            after("[[driver.eq]]\nkind = \"low-pass\"\nfrequency_hz = 30000\n"),
            "profile.toml:14:16: `frequency_hz` is 30000; use 1 to 21600",
        ),
        (
            after("[[driver.eq]]\nkind = \"low-pass\"\nfrequency_hz = 300\ngain_db = 3\n"),
            "profile.toml:15:11: a low-pass or high-pass has no `gain_db`; remove the key",
        ),
        (
            after("[[driver.eq]]\nkind = \"peaking\"\nfrequency_hz = 300\n"),
            "profile.toml:12:1: this EQ section has no `gain_db`; say by how many dB it raises or lowers",
        ),
        (
            after("[[driver.eq]]\nkind = \"bell\"\nfrequency_hz = 300\n"),
            "profile.toml:13:8: \"bell\" is not known here; use \"peaking\" or \"low-shelf\" or \"high-shelf\" or \"low-pass\" or \"high-pass\"",
        ),
        (after("[upmix]\ncenter_width = 1.5\n"), "profile.toml:13:16: `center_width` is 1.5; use 0 to 1"),
        (after("[limiter]\nceiling_dbfs = 3\n"), "profile.toml:13:16: `ceiling_dbfs` is 3; use -60 to 0"),
        (
            after("[rtf]\nleft = { own = \"left\" }\nright = { own = \"right\" }\ncenter = { own = \"left\" }\n"),
            "profile.toml:12:1: `[rtf]` belongs to `form = \"rtf\"`; write that, or remove this table",
        ),
        (
            fault(folder_with("format = 1\nname = \"a\"\nsample_rate_hz = 48000\ndriver = []\n").path()),
            "profile.toml:4:10: there are 0 drivers; describe 1 to 16",
        ),
        (
            fault(folder_with("format = 1\nname = \"a\"\nsample_rate_hz = 48000\n").path()),
            "profile.toml:1:1: the key `driver` is missing; add it to this table",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn every_fault_of_the_coefficients_is_named() {
    let folder = folder_with(PAIR);
    let path = folder.path().join("coefficients.wav");
    let with = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        fault(folder.path())
    };
    let wav = |channels: u16, bits: u16, float: bool, rate: u32, frames: usize, value: f32| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: bits,
            sample_format: if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int },
        };
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for index in 0..frames * usize::from(channels) {
            if float {
                let value = if index == 6 * 5 + 4 { value } else { 0.5 };
                writer.write_sample(value).unwrap();
            } else {
                writer.write_sample(1i16).unwrap();
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    };
    let good = wav(6, 32, true, 48_000, 16, 0.5);
    fs::write(&path, &good).unwrap();
    Profile::load(folder.path()).unwrap();

    let cases = [
        (
            with(&wav(4, 32, true, 48_000, 16, 0.5)),
            "the file has 4 channels; 6 are needed: 3 inputs (left, right, center) x 2 drivers",
        ),
        (
            with(&wav(6, 16, false, 48_000, 16, 0.5)),
            "the samples are 16-bit integers, too coarse for filters; store 32-bit float",
        ),
        (
            with(&wav(6, 32, true, 44_100, 16, 0.5)),
            "the sample rate is 44100 Hz; 48000 Hz is needed, as profile.toml or the file's name says",
        ),
        (
            with(&wav(6, 32, true, 48_000, 16, f32::NAN)),
            "frame 5 of channel 4 (center to driver 0) is NaN; every coefficient must be finite and within ±1e6",
        ),
        (
            with(&wav(6, 32, true, 48_000, 16, f32::INFINITY)),
            "frame 5 of channel 4 (center to driver 0) is inf; every coefficient must be finite and within ±1e6",
        ),
        (with(&wav(6, 32, true, 48_000, 0, 0.5)), "the FIRs have 0 taps; use 1 to 8192 frames"),
        (with(&wav(6, 32, true, 48_000, 8193, 0.5)), "the FIRs have 8193 taps; use 1 to 8192 frames"),
        (with(&good[..good.len() - 50]), "the file is cut short at frame 13 of 16; copy or design it again"),
        (with(&vec![0; 9 << 20]), "the file is larger than 8 MiB; no coefficient set is: use at most 8192 taps"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, format!("coefficients.wav: {expected}"));
    }
    assert!(with(b"").starts_with("coefficients.wav: this is no WAV file"));
    assert!(with(b"fLaC and more").starts_with("coefficients.wav: this is no WAV file"));
    fs::remove_file(&path).unwrap();
    assert_eq!(
        fault(folder.path()),
        "coefficients.wav: this file is not there; copy it from the same design, or design the profile again"
    );
    fs::create_dir(&path).unwrap();
    assert!(fault(folder.path()).contains("this is a folder"));
}

#[test]
fn what_is_saved_loads_unchanged() {
    let mut profile = Profile::load(&shipped().join("cylinder")).unwrap();
    profile.description = "quotes \" and\nlines \\ and ö".into();
    profile.form = Form::Rtf([
        Own { driver: 0, delay_frames: 17 },
        Own { driver: 1, delay_frames: 17 },
        Own { driver: 2, delay_frames: 0 },
    ]);
    profile.path_delay_frames = [3, 4, 5];
    profile.makeup_gain_db = -0.1;
    profile.upmix.mode = UpmixMode::LowLatency;
    profile.upmix.center_width = 0.3;
    profile.drivers[1].array = "woofer".into();
    profile.drivers[1].channel = 7;
    profile.drivers[1].gain_db = 1.7;
    profile.drivers[1].eq = vec![
        BiquadSpec { kind: BiquadKind::Peaking, frequency_hz: 997.3, q: 1.1, gain_db: -3.3 },
        BiquadSpec { kind: BiquadKind::HighPass, frequency_hz: 80.0, q: 0.7, gain_db: 0.0 },
    ];
    profile.bypass = Some(Bypass {
        sides_db: vec![-1.5; BYPASS_LEVELS],
        center_db: vec![0.25; BYPASS_LEVELS],
        gains: vec![1.0, -0.5, 3.0],
    });
    profile.predicted = toml::from_str("a = 1\n[b]\nc = [1.5, 2.0]\n[[d.e]]\nf = \"g\"\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/profile");
    profile.save(&folder, None).unwrap();
    profile.folder = folder.clone();
    let loaded = Profile::load(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert!(!loaded.files.is_empty());
    profile.files = loaded.files.clone();
    assert_eq!(loaded, profile);
    assert_eq!(loaded.channels_needed(), 8);
    assert_eq!(loaded.chain_spec().drivers.iter().map(|driver| driver.channel).collect::<Vec<_>>(), [0, 7, 2]);
    assert_eq!(loaded.chain_spec().drivers[1].limiter_group, 1);
    let left: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing unfinished stays behind");
}

#[test]
fn the_look_ahead_follows_the_upmix_where_it_is_not_stated() {
    for (text, lookahead_ms) in [
        ("", 1.5),
        ("[upmix]\nmode = \"low-latency\"\n", 1.0),
        ("[upmix]\nmode = \"separation-short\"\n", 1.5),
        ("[upmix]\nmode = \"low-latency\"\n[limiter]\nlookahead_ms = 2.5\n", 2.5),
        ("[upmix]\nmode = \"low-latency\"\n[limiter]\nrelease_ms = 50\n", 1.0),
    ] {
        let folder = folder_with(&format!("{PAIR}{text}"));
        let profile = Profile::load(folder.path()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(profile.limiter.lookahead_ms, lookahead_ms, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_the_coefficients_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        at in 0usize..200,
        value in any::<u8>(),
    ) {
        coefficients::parse(&bytes, 2, 48_000).ok();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.wav");
        write_coefficients(&path, &impulses(2, 5), 48_000).unwrap();
        let mut damaged = fs::read(&path).unwrap();
        let place = at % damaged.len();
        damaged[place] = value;
        coefficients::parse(&damaged, 2, 48_000).ok();
    }

    #[test]
    fn no_text_makes_a_profile_panic(line in 0usize..14, text in "\\PC{0,40}") {
        let mut lines: Vec<&str> = PAIR.lines().collect();
        lines.insert(line.min(lines.len()), &text);
        fault(folder_with(&lines.join("\n")).path());
    }
}
