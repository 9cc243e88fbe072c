//! A card that fails, and the end of the process: the sound comes back, and goes without a pop.

mod support;

use std::fs;

use nix::sys::signal::Signal;
use support::analysis::steepest;
use support::bed::{RATE_HZ, TOLERANCE, TONE_HZ};
use support::card::Word;
use support::wait::wait_until;
use support::{Bed, Options, Setup, undisturbed};

fn bed() -> Bed {
    Bed::start(Setup { quantum_frames: 256, pulse: false }, &Options::default())
}

#[test]
fn an_xrun_is_counted_and_gone_within_a_second() {
    undisturbed(|| {
        let bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        bed.card.force_xrun();
        assert!(wait_until(|| bed.card.get(Word::ForcedXruns) == 1 && bed.card.get(Word::Starts) >= 2));
        bed.listen(1.0);
        let after = bed.listen(2.0);
        let signal = bed.heard(0, after);
        let breaks = support::analysis::breaks_in_tone(&signal, TONE_HZ, RATE_HZ, TOLERANCE);
        assert!(breaks.is_empty(), "{breaks:?}");
        assert_eq!(bed.daemon.count("xruns"), 1);
    });
}

#[test]
fn a_card_pulled_out_and_put_back_fades_in_and_plays_on() {
    undisturbed(|| {
        let bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        let steady = steepest(&bed.heard(0, bed.listen(0.5)));
        bed.card.unplug();
        assert!(wait_until(|| bed.daemon.status()["state"] == "no-device"), "{}", bed.daemon.log());
        // The graph goes on meanwhile: players are not held up.
        let cycles = bed.daemon.count("cycles");
        assert!(wait_until(|| bed.daemon.count("cycles") > cycles + 20), "the graph stands still");
        let (starts, silent_until) = (bed.card.get(Word::Starts), bed.card.recorded_frames());
        bed.card.replug();
        assert!(wait_until(|| bed.card.get(Word::Starts) > starts), "{}", bed.daemon.log());
        bed.listen(1.5);
        let signal = bed.heard(0, bed.listen(2.0));
        assert!(signal.iter().any(|sample| sample.abs() > 1e-3), "silence after the replug");
        let breaks = support::analysis::breaks_in_tone(&signal, TONE_HZ, RATE_HZ, TOLERANCE);
        assert!(breaks.is_empty(), "{breaks:?}");
        let returning = bed.heard(0, silent_until..silent_until + RATE_HZ as usize / 2);
        assert!(steepest(&returning) <= 1.05 * steady, "a step of {}, and {steady} in the tone", steepest(&returning));
    });
}

/// The device of the configuration stays the same; what is plugged in is another.
#[test]
fn a_card_put_back_as_one_of_another_rate_is_played_on() {
    undisturbed(|| {
        let bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        for rate_hz in [44_100, 96_000, 48_000] {
            bed.card.unplug();
            assert!(wait_until(|| bed.daemon.status()["state"] == "no-device"), "{}", bed.daemon.log());
            bed.card.set(Word::OnlyRateHz, rate_hz);
            bed.card.replug();
            let plays = || {
                let status = bed.daemon.status();
                status["state"] == "playing" && status["rate_hz"] == rate_hz
            };
            assert!(wait_until(plays), "{rate_hz} Hz: {}\n{}", bed.daemon.status(), bed.daemon.log());
            bed.listen(2.0 * rate_hz as f64 / f64::from(RATE_HZ));
            let heard = bed.heard(0, bed.listen(1.0));
            let breaks = support::analysis::breaks_in_tone(&heard, TONE_HZ, rate_hz as u32, TOLERANCE);
            let is_heard = heard.iter().any(|sample| sample.abs() > 1e-3);
            assert!(breaks.is_empty() && is_heard, "{rate_hz} Hz: {breaks:?}");
            let status = bed.daemon.status();
            assert_eq!(status["problems"].to_string(), "[]");
            assert_eq!(status["device"]["channels"], 8);
        }
    });
}

/// Of a rate at which the profile cannot be had: that is tried once, told with its reason, and forgotten with the card.
#[test]
fn a_card_of_a_rate_that_the_profile_cannot_be_had_at_is_waited_for() {
    undisturbed(|| {
        let bed = bed();
        let folder = bed.session.path("config/spatiald/profiles/cylinder");
        fs::write(folder.join("coefficients-44100.wav"), "no audio").unwrap();
        let _player = bed.play_tone(0.1, 256, 1.0);
        let put_in_its_place = |rate_hz: i64| {
            bed.card.unplug();
            assert!(wait_until(|| bed.daemon.status()["state"] == "no-device"), "{}", bed.daemon.log());
            bed.card.set(Word::OnlyRateHz, rate_hz);
            bed.card.replug();
        };
        put_in_its_place(44_100);
        let why = "at 44100 Hz the profile cannot be played: ";
        assert!(wait_until(|| bed.daemon.status()["problems"].to_string().contains(why)), "{}", bed.daemon.status());
        let refused = bed.card.get(Word::Opens);
        assert!(wait_until(|| bed.card.get(Word::Opens) >= refused + 4), "{}", bed.daemon.log());
        assert!(bed.daemon.status()["problems"].to_string().contains(why), "{}", bed.daemon.status());
        let log = bed.daemon.log();
        assert_eq!(log.matches("reads and builds: Restore").count(), 1, "{log}");
        put_in_its_place(48_000);
        assert!(wait_until(|| bed.daemon.status()["state"] == "playing"), "{}", bed.daemon.log());
        assert_eq!(bed.daemon.status()["problems"].to_string(), "[]");
        bed.daemon.reload("cylinder");
        assert_eq!(bed.daemon.status()["rate_hz"], 48_000);
    });
}

/// WirePlumber 0.4 by itself links neither a sink nor a player that its predecessor has configured.
#[test]
fn a_session_manager_that_dies_and_returns_finds_sink_and_player_again() {
    undisturbed(|| {
        let mut bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        bed.session.kill_wireplumber();
        let gone = wait_until(|| bed.daemon.status()["state"] != "playing");
        assert!(gone, "it plays on without links: {}", bed.daemon.status());
        bed.session.start_wireplumber();
        let back = wait_until(|| bed.daemon.status()["state"] == "playing");
        assert!(back, "{}\n{}", bed.daemon.status(), bed.daemon.log());
        bed.listen(1.0);
        let heard = bed.heard(0, bed.listen(1.0));
        let breaks = support::analysis::breaks_in_tone(&heard, TONE_HZ, RATE_HZ, TOLERANCE);
        assert!(breaks.is_empty() && heard.iter().any(|sample| sample.abs() > 1e-3), "{breaks:?}");
        assert_eq!((bed.daemon.count("xruns"), bed.daemon.count("underruns")), (0, 0), "{}", bed.daemon.log());
    });
}

#[test]
fn the_end_fades_out() {
    undisturbed(|| {
        let mut bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        let steady = steepest(&bed.heard(0, bed.listen(0.5)));
        let begin = bed.card.recorded_frames();
        bed.daemon.signal(Signal::SIGTERM);
        assert_eq!(bed.daemon.process().wait().code(), Some(0), "{}", bed.daemon.log());
        let end = bed.heard(0, begin..bed.card.recorded_frames());
        assert!(steepest(&end) <= 1.05 * steady, "a step of {} where the tone has {steady}", steepest(&end));
        let last = end.last().expect("frames after the signal").abs();
        assert!(last < 1e-4, "cut off at {last}");
    });
}
