//! Opening devices on the test card and its mixer: what is refused and why, and what is played on although it is unusual.

mod support;

use std::process::Command;
use std::sync::Arc;

use spatiald::config::{ControlName, MixerControl, MixerValue};
use spatiald::engine::{Counters, Pace, Player, Wires, handover, ring};
use spatiald::output::{OutputError, Request, Writer, open};
use support::Card;
use support::card::{Word, use_in_this_process};
use support::daemon::PROGRAM;
use support::wait::wait_until;

const RATE_HZ: u32 = 48_000;

fn request(card: &Card, channels: usize) -> Request {
    use_in_this_process();
    Request { pcm: card.pcm(), rate_hz: RATE_HZ, channels, periods: 16, ..Request::default() }
}

fn refusal(request: &Request) -> OutputError {
    let error = open(request).err().unwrap_or_else(|| panic!("{} was opened", request.pcm));
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

/// Channels 0 to 2 play the left input times 2^−channel, the others nothing.
const STEPS: Wires = Wires {
    drivers: 3,
    route: |channel, left, _right, plane| {
        plane.iter_mut().zip(left).for_each(|(out, sample)| *out = sample * gain(channel));
    },
};

fn gain(channel: usize) -> f32 {
    [1.0, 0.5, 0.25].get(channel).copied().unwrap_or(0.0)
}

/// A tone of 480 Hz.
fn tone(i: usize) -> f32 {
    0.5 * (std::f32::consts::TAU * (i % 100) as f32 / 100.0).sin()
}

/// Has a writer play the tone on `card` and checks that the first three channels hold it, each at its level, in 24 bits or
/// the 16 that there are, and the others nothing.
fn assert_plays(card: &Card, what: &str) {
    let request = request(card, 3);
    drop(open(&request).unwrap_or_else(|error| panic!("{what}: {error}")));
    let pace = Pace::new(RATE_HZ).unwrap();
    let counters = Arc::new(Counters::default());
    let (mut writer, reader) = ring(16_384);
    let (_chains, receiver) = handover();
    let player = Player::new(reader, STEPS, receiver, pace.clone(), counters.clone());
    pace.set_driving(true);
    pace.set_streaming(true);
    let output = Writer::spawn(player, request, pace, counters, std::sync::Arc::new(|_| {})).unwrap();
    let mut sent = 0;
    let played = wait_until(|| {
        while writer.fill_frames() < 8_192 {
            let left: Vec<f32> = (sent..sent + 1_000).map(tone).collect();
            writer.push(&left, &left);
            sent += left.len();
        }
        card.recorded_frames() > 16_000
    });
    assert!(played, "{what}: it stands still");
    drop(output);
    let recording = card.recording();
    let first = recording.channel(0);
    let begin = first.iter().position(|sample| sample.abs() > 0.2).expect("sound") + 4_800;
    let tolerance = if what.contains("S16") { 2.0 / 32_768.0 } else { 1e-6 };
    let phase = (0..100).find(|&at| (0..500).all(|i| (first[begin + i] - f64::from(tone(i + at))).abs() < tolerance));
    let phase = phase.unwrap_or_else(|| panic!("{what}: no tone"));
    for channel in 0..recording.channels {
        let (gain, samples) = (f64::from(gain(channel)), recording.channel(channel));
        let is_right = (0..500).all(|i| (samples[begin + i] - gain * f64::from(tone(i + phase))).abs() < tolerance);
        assert!(is_right, "{what}: channel {channel}");
    }
}

#[test]
fn cards_of_either_layout_and_byte_order_are_played_on() {
    for limits in [
        "CHANNELS=4,ACCESS=RW_NONINTERLEAVED",
        "CHANNELS=4,FORMATS=S32_BE",
        "CHANNELS=4,FORMATS=S24_3BE,ACCESS=RW_NONINTERLEAVED",
        "CHANNELS=4,FORMATS=S16_BE",
    ] {
        assert_plays(&Card::with_limits(limits), limits);
    }
    let card = Card::with_limits("CHANNELS=4,FORMATS=FLOAT_BE,ACCESS=RW_NONINTERLEAVED");
    let device = open(&request(&card, 3)).unwrap();
    assert_eq!(device.params().format.to_string(), "FLOAT_BE");
    assert!(device.params().format.is_planar);
}

#[test]
fn a_card_with_more_channels_than_there_can_be_drivers_is_played_on() {
    let card = Card::with_limits("CHANNELS=128/64");
    assert_plays(&card, "64 channels");
    assert_eq!(card.get(Word::Channels), 64, "the fewest that serve");
    // What the device turned out to have is what it is opened with from then on.
    assert!(open(&request(&card, 64)).is_ok());
}

#[test]
fn a_card_that_takes_samples_by_mapping_alone_is_told_what_helps() {
    let card = Card::with_limits("ACCESS=MMAP_INTERLEAVED");
    let error = refusal(&request(&card, 3));
    assert!(matches!(error, OutputError::Access { .. }) && error.to_string().contains("plug:"), "{error}");
    let through_plug = Request { pcm: format!("plug:'{}'", card.pcm()), ..request(&card, 3) };
    assert!(open(&through_plug).is_ok(), "the advice holds");
}

#[test]
fn a_plug_hides_no_missing_driver() {
    let stereo = Card::with_limits("CHANNELS=2");
    let plug = |card: &Card, channels| Request { pcm: format!("plug:'{}'", card.pcm()), ..request(card, channels) };
    match refusal(&plug(&stereo, 3)) {
        OutputError::Channels { needed: 3, offered, .. } => assert_eq!(offered, "2"),
        other => panic!("{other}"),
    }
    assert!(open(&plug(&stereo, 2)).is_ok());
    let eight = Card::with_limits("CHANNELS=8");
    assert_eq!(open(&plug(&eight, 3)).unwrap().params().channels, 8);
}

#[test]
fn another_rate_is_not_sent_to_a_plug() {
    let card = Card::with_limits("RATES=44100");
    for pcm in [card.pcm(), format!("plug:'{}'", card.pcm())] {
        let error = refusal(&Request { pcm, ..request(&card, 3) });
        assert!(matches!(&error, OutputError::Rate { offered_hz, .. } if *offered_hz == [44_100]), "{error}");
        assert!(!error.to_string().contains("that converts"), "{error}");
    }
}

#[test]
fn error_numbers_come_with_their_remedy() {
    for (word, errno, expected) in [
        (Word::OpenErrno, 524, "HDMI"),
        (Word::ConfigureErrno, 524, "HDMI"),
        (Word::OpenErrno, nix::libc::ENOSPC, "USB"),
        (Word::ConfigureErrno, nix::libc::ENOSPC, "USB"),
        (Word::ConfigureErrno, nix::libc::EINVAL, "`period_frames`"),
    ] {
        let card = Card::new();
        card.set(word, errno.into());
        let error = refusal(&request(&card, 3));
        assert!(matches!(error, OutputError::Alsa { errno: found, .. } if found == errno), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        card.set(word, 0);
        assert!(open(&request(&card, 3)).is_ok());
    }
}

/// A card and, in its folder, its mixer.
struct Mixed {
    card: Card,
}

impl Mixed {
    fn new() -> Mixed {
        Mixed { card: Card::new() }
    }

    fn mixer(&self) -> String {
        format!("testmixer:DIR={}", self.card.folder().display())
    }

    fn control(&self, control: &str, value: MixerValue) -> MixerControl {
        MixerControl { card: Some(self.mixer()), control: ControlName::parse(control), value }
    }

    fn request(&self, controls: &[(&str, MixerValue)]) -> Request {
        let mixer = controls.iter().map(|&(control, value)| self.control(control, value)).collect();
        Request { mixer, ..request(&self.card, 3) }
    }

    /// What the element, named `INDEX NAME`, holds.
    fn held(&self, element: &str) -> String {
        let held = std::fs::read_to_string(self.card.folder().join("mixer")).unwrap_or_default();
        let values = held.lines().find_map(|line| line.strip_prefix(element)?.strip_prefix(": "));
        values.unwrap_or("as at first").to_owned()
    }
}

#[test]
fn controls_are_set_while_the_device_is_open() {
    for (control, value, element, open_value, closed_value) in [
        ("Digital", MixerValue::Db(-20.0), "0 Digital Playback Volume", "167 167", "207 207"),
        ("Digital", MixerValue::Db(-20.3), "0 Digital Playback Volume", "166 166", "207 207"),
        ("PCM,1", MixerValue::Db(-30.0), "1 PCM Playback Volume", "50 50", "100 100"),
        ("'PCM',0", MixerValue::Db(-30.0), "0 PCM Playback Volume", "50 50", "100 100"),
        ("Padded ", MixerValue::Db(-60.0), "0 Padded  Playback Volume", "0", "100"),
        ("'Padded ',0", MixerValue::Db(-6.0), "0 Padded  Playback Volume", "90", "100"),
        (
            "Eight",
            MixerValue::Db(-30.0),
            "0 Eight Playback Volume",
            "50 50 50 50 50 50 50 50",
            "100 100 100 100 100 100 100 100",
        ),
        ("Speaker", MixerValue::Switch(false), "0 Speaker Playback Switch", "0 0", "1 1"),
        // 20·lg(1/127) + 24 = −18.08 dB is the lowest step that sounds: −19 dB is nearer to it than to silence.
        ("Master", MixerValue::Db(-19.0), "0 Master Playback Volume", "0 0", "127 127"),
        ("Master", MixerValue::Db(-18.0), "0 Master Playback Volume", "1 1", "127 127"),
    ] {
        let mixed = Mixed::new();
        let device = open(&mixed.request(&[(control, value)])).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(mixed.held(element), open_value, "{control} at {value:?}");
        drop(device);
        assert_eq!(mixed.held(element), closed_value, "{control} afterwards");
    }
}

const REFUSED: [(&str, MixerValue, &str); 10] = [
    ("digital", MixerValue::Db(-20.0), "no such control; `amixer scontrols` lists those it has: "),
    ("PCM,2", MixerValue::Db(-20.0), "'PCM',1"),
    ("Padded", MixerValue::Db(-20.0), "'Padded ',0"),
    ("Unscaled", MixerValue::Db(0.0), "no dB scale"),
    ("Stuck", MixerValue::Db(-20.0), "keeps another value"),
    ("Digital", MixerValue::Db(1.0), "1 dB is outside its range, mute to 0 dB"),
    ("PCM", MixerValue::Db(-60.5), "-60.5 dB is outside its range, -60 to 0 dB"),
    ("Digital", MixerValue::Switch(true), "no playback switch"),
    ("Speaker", MixerValue::Db(-20.0), "no playback volume"),
    ("a\0b", MixerValue::Db(-20.0), "no such control"),
];

/// Whatever protects a driver fails safe: what cannot be set is not played at.
#[test]
fn a_control_that_cannot_be_set_refuses_the_device() {
    for (control, value, reason) in REFUSED {
        let mixed = Mixed::new();
        let error = refusal(&mixed.request(&[("PCM,1", MixerValue::Db(-30.0)), (control, value)]));
        assert!(matches!(error, OutputError::Mixer { .. }), "{error}");
        let text = error.to_string();
        let named = ControlName::parse(control).to_string();
        assert!([&named, &mixed.mixer(), reason].iter().all(|part| text.contains(*part)), "{text}");
        assert_eq!(mixed.held("1 PCM Playback Volume"), "100 100", "the others are as they were");
    }
    let mixed = Mixed::new();
    let absent =
        MixerControl { card: Some("testmixer:DIR=/nowhere".into()), ..mixed.control("PCM", MixerValue::Db(0.0)) };
    let error = refusal(&Request { mixer: vec![absent], ..mixed.request(&[]) });
    assert!(matches!(error, OutputError::Mixer { .. }) && error.to_string().contains("does not exist"), "{error}");
}

/// `--check` says the same of a card that is there, sets nothing, and lets one that is not there be.
#[test]
fn check_looks_at_the_mixer_where_it_is_there() {
    let check = |mixed: &Mixed, mixer: &str, control: &str, line: &str| {
        let file = mixed.card.folder().join("spatiald.toml");
        let pcm = mixed.card.pcm();
        let text =
            format!("format = 1\ndevice = \"{pcm}\"\n[[mixer]]\ncard = \"{mixer}\"\ncontrol = \"{control}\"\n{line}\n");
        std::fs::write(&file, text).unwrap();
        let (name, value) = Card::env();
        let output = Command::new(PROGRAM).arg("--check").arg(&file).env(name, value).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let mixed = Mixed::new();
    for (control, value, reason) in REFUSED {
        let line = match value {
            _ if control.contains('\0') || control == "Stuck" => continue,
            MixerValue::Db(db) => format!("value_db = {db:?}"),
            MixerValue::Switch(on) => format!("switch = {on}"),
        };
        let (code, text) = check(&mixed, &mixed.mixer(), control, &line);
        assert_eq!(code, Some(1), "{control}: {text}");
        assert!(text.contains(reason) && text.lines().count() == 1, "{text}");
    }
    let (code, text) = check(&mixed, &mixed.mixer(), "'PCM',1", "value_db = -30.0");
    assert!(code == Some(0) && text.contains("spatiald.toml: ok"), "{text}");
    assert_eq!(mixed.held("1 PCM Playback Volume"), "as at first", "nothing is set");
    let (code, text) = check(&mixed, "hw:31", "Master", "switch = true");
    assert!(code == Some(0) && text.contains("not checked") && text.contains("hw:31"), "{text}");
}
