//! What the card plays: the same as `render`, to the last bit, and without a gap.

mod support;

use std::f64::consts::TAU;
use std::path::Path;
use std::process::Command;

use support::analysis::{breaks_in_tone, find_exact};
use support::bed::{RATE_HZ, TOLERANCE, TONE_HZ};
use support::card::Word;
use support::daemon::shipped_profile;
use support::signal::{Wav, music, write_wav};
use support::wait::wait_until;
use support::{Bed, Options, Setup, undisturbed};

/// A float of `render` as the daemon gives it to a 32-bit device.
fn to_s32(sample: f32) -> i32 {
    (f64::from(sample) * 2_147_483_648.0).round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
}

/// The frames of a stereo file, as a player reads 24-bit samples.
fn read_wav(path: &Path) -> Vec<[f32; 2]> {
    let mut reader = hound::WavReader::open(path).unwrap();
    let samples: Vec<f32> = reader.samples::<i32>().map(|sample| sample.unwrap() as f32 / 8_388_608.0).collect();
    samples.chunks_exact(2).map(|frame| [frame[0], frame[1]]).collect()
}

/// 30 s of music with silence around it: played by the card, and rendered.
fn played_equals_rendered(profile: &'static str, quantum_frames: u32) {
    let lead = 12_345;
    let silence = vec![0.0; lead];
    let (left, right) = music(RATE_HZ, 30 * RATE_HZ as usize);
    let whole = |side: &[f32]| [&silence, side, &silence].concat();
    let bed = Bed::start(Setup { quantum_frames, pulse: false }, &Options { profile, ..Options::default() });
    let file = bed.session.path("music.wav");
    write_wav(&file, RATE_HZ, Wav::Int24, &[&whole(&left), &whole(&right)]);

    let played_file = read_wav(&file);
    let mut frames = played_file.into_iter();
    let _player = bed.source(quantum_frames, move |left, right, _| {
        for (left, right) in left.iter_mut().zip(right) {
            [*left, *right] = frames.next().unwrap_or_default();
        }
    });
    let rendered = bed.session.path("rendered.wav");
    let output = Command::new(env!("CARGO_BIN_EXE_spatiald"))
        .args(["render", "--profile"])
        .arg(shipped_profile(profile))
        .args([&file, &rendered])
        .output()
        .expect("spatiald runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut reader = hound::WavReader::open(&rendered).unwrap();
    let drivers = usize::from(reader.spec().channels);
    let expected: Vec<i32> = reader.samples::<f32>().map(|sample| to_s32(sample.unwrap())).collect();
    let first = expected.iter().position(|&sample| sample != 0).unwrap() / drivers;
    let length = 30 * RATE_HZ as usize;
    assert!(wait_until(|| bed.card.recording().first_sound().is_some()), "{}", bed.daemon.log());
    bed.listen(31.0);

    let played = bed.card.recording();
    let start = played.first_sound().expect("sound from the card");
    for driver in 0..drivers {
        let expected: Vec<i32> =
            expected.iter().skip(driver).step_by(drivers).skip(first).take(length).copied().collect();
        let played: Vec<i32> = played.channel_raw(driver).split_off(start);
        let at = find_exact(&played[..4096], &expected, 64);
        assert_eq!(at, Some(0), "driver {driver}");
        if let Some(n) = (0..length).find(|&n| played[n] != expected[n]) {
            panic!("driver {driver}: frame {n} is {} and should be {}", played[n], expected[n]);
        }
    }
    for silent in drivers..played.channels {
        assert!(played.channel_raw(silent).iter().all(|&sample| sample == 0), "channel {silent}");
    }
    assert_eq!((bed.card.get(Word::Xruns), bed.daemon.count("xruns")), (0, 0));
}

#[test]
fn three_drivers_play_what_is_rendered() {
    undisturbed(|| {
        played_equals_rendered("cylinder", 256);
    });
}

#[test]
fn a_bar_plays_what_is_rendered() {
    undisturbed(|| {
        played_equals_rendered("bar", 1024);
    });
}

#[test]
fn a_change_of_quantum_leaves_the_tone_whole() {
    undisturbed(|| {
        let config = "period_frames = 1024".into();
        let bed = Bed::start(Setup::default(), &Options { config, ..Options::default() });
        let _player = bed.play_tone(0.1, 1024, 1.0);
        let begin = bed.card.recorded_frames();
        let has_quantum = |frames: u64| bed.daemon.count("quantum_frames") == frames;
        for quantum in [256, 64, 512] {
            // The graph runs at the smallest quantum that anybody asks for.
            let silent = bed.source(quantum, |left, right, _| {
                left.fill(0.0);
                right.fill(0.0);
            });
            assert!(wait_until(|| has_quantum(u64::from(quantum))), "{quantum}");
            bed.listen(1.0);
            drop(silent);
            assert!(wait_until(|| has_quantum(1024)), "after {quantum}");
            bed.listen(1.0);
        }
        bed.assert_whole(begin..bed.card.recorded_frames());
    });
}

/// PipeWire from 1.2 on suspends the whole graph, players included, for a quantum that is forced: the sound may break
/// off, but not with a click, and comes back.
#[test]
fn a_forced_quantum_is_taken_and_sound_goes_on() {
    undisturbed(|| {
        let bed = Bed::start(Setup { quantum_frames: 256, pulse: false }, &Options::default());
        let _player = bed.play_tone(0.1, 256, 1.0);
        let begin = bed.card.recorded_frames();
        for quantum in [256, 1024, 64, 256] {
            bed.session.force_quantum(quantum);
            assert!(wait_until(|| bed.daemon.count("quantum_frames") == u64::from(quantum)));
            let second = bed.listen(1.5);
            let tail = second.end - 24_000..second.end;
            assert!(breaks_in_tone(&bed.heard(0, tail), TONE_HZ, RATE_HZ, TOLERANCE).is_empty(), "at {quantum}");
        }
        let heard = bed.heard(0, begin..bed.card.recorded_frames());
        let steepest = TAU * TONE_HZ / f64::from(RATE_HZ) * heard.iter().fold(0.0, |peak: f64, x| peak.max(x.abs()));
        let jump = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max);
        assert!(jump < 1.2 * steepest, "a click: a step of {jump} in a tone whose steepest is {steepest}");
        assert_eq!(bed.daemon.count("xruns"), 0);
    });
}
