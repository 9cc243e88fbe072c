//! Switching profiles under a tone: no click, an answer, and after any failure the old profile.

mod support;

use std::cell::Cell;
use std::fs;

use nix::sys::signal::Signal;
use support::analysis::{loudest_apart, steepest};
use support::bed::{RATE_HZ, TONE_HZ};
use support::card::Word;
use support::wait::wait_until;
use support::{Bed, Card, Daemon, Options, Process, Setup, Source, undisturbed};

/// −12 dBFS at the sink.
const AMPLITUDE: f64 = 0.251_188_643;

fn bed() -> Bed {
    Bed::start(Setup { quantum_frames: 256, pulse: false }, &Options::default())
}

fn profile_now(bed: &Bed) -> String {
    bed.daemon.status()["profile"]["name"].as_str().expect("a profile").to_owned()
}

#[test]
fn a_switch_under_a_tone_makes_no_click() {
    undisturbed(|| {
        let bed = bed();
        let _player = bed.play_tone(AMPLITUDE, 256, 2.0);
        for profile in ["cylinder-wide", "cylinder"] {
            let begin = bed.card.recorded_frames() - RATE_HZ as usize;
            let answer = bed.daemon.reload(profile);
            assert!(answer.contains(profile) && answer.contains("ms"), "{answer}");
            assert_eq!(profile_now(&bed), profile);
            bed.listen(1.2);
            let range = begin..bed.card.recorded_frames();
            for channel in 0..3 {
                let signal = bed.heard(channel, range.clone());
                let (before, after) = (&signal[..RATE_HZ as usize / 2], &signal[signal.len() - RATE_HZ as usize / 2..]);
                // A crossfade of 50 ms adds its own slope: below 1 % of the tone's.
                let allowed = 1.01 * steepest(before).max(steepest(after));
                assert!(
                    steepest(&signal) <= allowed,
                    "to {profile}, channel {channel}: a step of {}",
                    steepest(&signal)
                );
                for window in (0..signal.len() - RATE_HZ as usize).step_by(RATE_HZ as usize / 20) {
                    let stretch = &signal[window..window + RATE_HZ as usize];
                    let (frequency_hz, level_dbfs) = loudest_apart(stretch, RATE_HZ, TONE_HZ, 100.0);
                    assert!(
                        level_dbfs <= -80.0,
                        "to {profile}, channel {channel}: {level_dbfs:.1} dBFS at {frequency_hz:.0} Hz"
                    );
                }
            }
        }
        assert_eq!((bed.daemon.count("xruns"), bed.daemon.count("underruns")), (0, 0));
    });
}

#[test]
fn a_broken_profile_is_refused_with_its_line_and_never_heard() {
    undisturbed(|| {
        let bed = bed();
        let folder = bed.session.path("config/spatiald/profiles/cylinder-wide");
        let _player = bed.play_tone(0.1, 256, 1.5);
        let begin = bed.card.recorded_frames();

        let toml = fs::read_to_string(folder.join("profile.toml")).unwrap();
        let line = 1 + toml.lines().position(|line| line.starts_with("block_frames")).unwrap();
        fs::write(folder.join("profile.toml"), toml.replace("block_frames = 256", "block_frames = 257")).unwrap();
        let refused = bed.daemon.ask(&["--reload", "cylinder-wide"]);
        let reason = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{reason}");
        assert!(reason.contains(&format!("cylinder-wide/profile.toml:{line}:")), "{reason}");

        fs::write(folder.join("profile.toml"), &toml).unwrap();
        let wav = fs::read(folder.join("coefficients.wav")).unwrap();
        let mut broken = wav.clone();
        let at = broken.len() - 400;
        broken[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        fs::write(folder.join("coefficients.wav"), &broken).unwrap();
        let refused = bed.daemon.ask(&["--reload", "cylinder-wide"]);
        let reason = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{reason}");
        assert!(reason.lines().next().unwrap().contains("coefficients.wav"), "{reason}");

        assert_eq!(bed.daemon.ask(&["--reload", "no-such-profile"]).status.code(), Some(1));
        assert_eq!(profile_now(&bed), "cylinder");
        bed.listen(0.5);
        bed.assert_whole(begin..bed.card.recorded_frames());
    });
}

#[test]
fn fifty_requests_at_once_end_in_one_state() {
    undisturbed(|| {
        let bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        let names = ["cylinder-wide", "cylinder"];
        let mut requests: Vec<Process> = (0..50)
            .map(|i| bed.session.spawn(&format!("reload-{i}"), &mut bed.daemon.ask_later(&["--reload", names[i % 2]])))
            .collect();
        for request in &mut requests {
            assert!(request.wait().success(), "{}", request.output());
        }
        let settled = profile_now(&bed);
        let log = bed.daemon.log();
        let switches: Vec<&str> = log.lines().filter_map(|line| line.split(" → ").nth(1)).collect();
        assert!((1..25).contains(&switches.len()), "requests that pile up are one switch: {switches:?}");
        assert_eq!(switches.last(), Some(&settled.as_str()));
        bed.listen(0.5);
        assert_eq!(profile_now(&bed), settled);
        bed.daemon.reload("cylinder-wide");
        bed.daemon.reload("cylinder");
        bed.listen(1.0);
        let after = bed.listen(1.0);
        bed.assert_whole(after);
    });
}

#[test]
fn hangup_reads_the_profile_again() {
    undisturbed(|| {
        let bed = bed();
        let toml = bed.session.path("config/spatiald/profiles/cylinder/profile.toml");
        let louder = fs::read_to_string(&toml).unwrap().replace("[limiter]", "[limiter]\nlookahead_ms = 4.0");
        fs::write(&toml, louder).unwrap();
        let before = bed.daemon.status()["latency"]["limiter_frames"].as_u64();
        bed.daemon.signal(Signal::SIGHUP);
        assert!(wait_until(|| bed.daemon.status()["latency"]["limiter_frames"].as_u64() > before));
    });
}

#[test]
fn the_sink_takes_a_profile_by_its_properties() {
    undisturbed(|| {
        let bed = bed();
        let id = bed.session.node_id(&bed.daemon.sink()).to_string();
        let wish = r#"{ params = [ "spatiald:profile" "cylinder-wide" ] }"#;
        bed.session.text("pw-cli", &["set-param", &id, "Props", wish]);
        assert!(wait_until(|| profile_now(&bed) == "cylinder-wide"), "{}", bed.daemon.log());
        let shown = || {
            bed.session
                .node(&bed.daemon.sink())
                .is_some_and(|node| node["info"]["params"]["Props"].to_string().contains("cylinder-wide"))
        };
        assert!(wait_until(shown));
    });
}

#[test]
fn a_device_in_standby_takes_a_profile_too() {
    let options = Options { config: "suspend_seconds = 1".into(), ..Options::default() };
    let bed = Bed::start(Setup::default(), &options);
    let sleeps = || bed.daemon.status()["state"] == "standby";
    assert!(wait_until(sleeps), "{}", bed.daemon.log());
    assert!(bed.daemon.status()["device"].is_null());
    bed.daemon.reload("cylinder-wide");
    assert_eq!(profile_now(&bed), "cylinder-wide");
    assert!(sleeps());
}

#[test]
fn what_was_asked_for_at_run_time_counts_until_it_is_forgotten() {
    let mut bed = bed();
    bed.daemon.reload("cylinder-wide");
    bed.daemon.signal(Signal::SIGHUP);
    let switched = |bed: &Bed, times: usize| bed.daemon.log().matches(" → ").count() == times;
    assert!(wait_until(|| switched(&bed, 2)), "{}", bed.daemon.log());
    assert_eq!(profile_now(&bed), "cylinder-wide", "before --profile");
    let answer = bed.daemon.ask(&["--reload", "--default"]);
    assert!(answer.status.success());
    bed.daemon.signal(Signal::SIGHUP);
    assert!(wait_until(|| switched(&bed, 4)));
    assert_eq!(profile_now(&bed), "cylinder", "as the command line says");

    // Remembered over a restart; and not followed where it has gone.
    bed.daemon.reload("bar");
    let restart = |bed: &mut Bed| {
        assert_eq!(bed.daemon.process().terminate().code(), Some(0));
        let options = Options { profile: "", config: "profile = \"pair\"".into(), ..Options::default() };
        bed.daemon = Daemon::start(&bed.session, &bed.card, &options);
    };
    restart(&mut bed);
    assert_eq!(profile_now(&bed), "bar");
    fs::remove_dir_all(bed.session.path("config/spatiald/profiles/bar")).unwrap();
    restart(&mut bed);
    assert_eq!(profile_now(&bed), "pair");
    let log = bed.daemon.log();
    assert!(log.contains("there is no profile `bar`") && log.contains("--reload --default"), "{log}");
}

/// The bar plays a tone on a card of its own; another card is there.
fn beside_another_card() -> (Options, Bed, Source, Card) {
    let options = Options { profile: "bar", ..Options::default() };
    let bed = Bed::start(Setup { quantum_frames: 256, pulse: false }, &options);
    let player = bed.play_tone(0.1, 256, 1.0);
    (options, bed, player, Card::with_limits("CHANNELS=8,FORMATS=S32_LE"))
}

/// From four drivers on one card to two on another: nothing of the old chain reaches the new card.
#[test]
fn another_device_never_hears_the_old_profile() {
    undisturbed(|| {
        let (options, mut bed, _player, other) = beside_another_card();
        bed.daemon.move_to(&bed.session, &other, &options);
        bed.daemon.reload("pair");
        assert_eq!(profile_now(&bed), "pair");
        assert_eq!(bed.card.get(Word::Closes), 1);
        let matrix = bed.daemon.status()["profile"]["matrix"].to_string();
        assert!(matrix.contains("mid/side"), "the pair's form, not the bar's: {matrix}");
        bed.card = other;
        bed.listen(1.5);
        let heard = bed.card.recording();
        assert!(heard.channel(1).iter().any(|&sample| sample != 0.0), "silence:\n{}", bed.daemon.log());
        for channel in 2..heard.channels {
            assert!(heard.channel_raw(channel).iter().all(|&sample| sample == 0), "channel {channel}");
        }
        let tone = heard.channel(0);
        let steady = steepest(&tone[tone.len() - RATE_HZ as usize / 2..]);
        assert!(steepest(&tone) <= 1.01 * steady, "it fades in");

        // One that is not there changes nothing.
        let nowhere = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
        nowhere.unplug();
        bed.daemon.move_to(&bed.session, &nowhere, &options);
        assert_eq!(bed.daemon.ask(&["--reload", "bar"]).status.code(), Some(1));
        assert_eq!((profile_now(&bed).as_str(), bed.daemon.status()["state"] == "playing"), ("pair", true));
        let after = bed.listen(1.0);
        bed.listen(0.5);
        assert!(bed.heard(0, after).iter().any(|&sample| sample != 0.0));
    });
}

/// One that opens and does not start, as on a USB bus without bandwidth, changes nothing either, and keeps nobody from
/// asking for something else.
#[test]
fn a_device_that_opens_and_never_plays_is_given_up_for_the_one_before() {
    undisturbed(|| {
        let (options, bed, _player, other) = beside_another_card();
        other.set(Word::StartErrno, i64::from(nix::libc::ENOSPC));
        bed.daemon.move_to(&bed.session, &other, &options);
        let refused = bed.daemon.ask(&["--reload", "pair"]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && told.contains("opens, and plays nothing"), "{told}");
        let playing = wait_until(|| bed.daemon.status()["state"] == "playing");
        assert!(playing, "{}\n{}", bed.daemon.status(), bed.daemon.log());
        assert_eq!(profile_now(&bed), "bar");
        let after = bed.listen(1.0);
        assert!(bed.heard(0, after).iter().any(|&sample| sample != 0.0), "silence:\n{}", bed.daemon.log());
        bed.daemon.move_to(&bed.session, &bed.card, &options);
        bed.daemon.reload("pair");
        assert_eq!(profile_now(&bed), "pair");
    });
}

/// One that opens, does not start and is opened again is the one that plays then: what was played before goes back to its own
/// card, not to that one.
#[test]
fn a_device_that_starts_late_is_known_for_what_it_is() {
    undisturbed(|| {
        let (options, bed, _player, other) = beside_another_card();
        other.set(Word::StartErrno, i64::from(nix::libc::ENOSPC));
        bed.daemon.move_to(&bed.session, &other, &options);
        let mut reload = bed.session.spawn("late", &mut bed.daemon.ask_later(&["--reload", "pair"]));
        assert!(wait_until(|| other.get(Word::Opens) >= 2), "{}", bed.daemon.log());
        other.set(Word::StartErrno, 0);
        assert!(reload.wait().success(), "{}\n{}", reload.output(), bed.daemon.log());
        assert_eq!(bed.daemon.status()["pcm"], other.pcm());
        let closed = other.get(Word::Closes);
        bed.daemon.move_to(&bed.session, &bed.card, &options);
        bed.daemon.reload("bar");
        assert_eq!((bed.daemon.status()["pcm"] == bed.card.pcm(), other.get(Word::Closes)), (true, closed + 1));
        bed.listen(0.5);
        assert!(bed.heard(0, bed.listen(0.5)).iter().any(|&sample| sample != 0.0), "{}", bed.daemon.log());
    });
}

/// One that takes its time is waited for: whoever asked is told so, and it plays when it can.
#[test]
fn a_device_that_opens_late_is_switched_to_all_the_same() {
    undisturbed(|| {
        let (options, bed, _player, other) = beside_another_card();
        other.set(Word::OpenDelayMs, 7000);
        bed.daemon.move_to(&bed.session, &other, &options);
        let told = bed.daemon.ask(&["--reload", "pair"]);
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.contains("is switched to as soon as it does"), "{told}");
        let plays = || {
            let status = bed.daemon.status();
            (status["profile"]["name"] == "pair") && (status["state"] == "playing")
        };
        assert!(wait_until(plays), "{}\n{}", bed.daemon.status(), bed.daemon.log());
        assert_eq!((bed.daemon.status()["pcm"] == other.pcm(), other.get(Word::Opens)), (true, 1));
    });
}

/// Many switches under a tone, among five profiles of which two are broken and one has another number of drivers.
/// `SPATIALD_RELOADS=1000` makes it long.
#[test]
fn many_switches_under_a_tone_make_no_click_and_tell_the_truth() {
    let reloads = std::env::var("SPATIALD_RELOADS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let card = Card::with_limits("CHANNELS=4,FORMATS=S32_LE");
    let bed = Bed::with_card(card, Setup { quantum_frames: 256, pulse: false }, &Options::default());
    let profiles = bed.session.path("config/spatiald/profiles");
    fs::write(profiles.join("bar/coefficients.wav"), "no audio").unwrap();
    fs::write(profiles.join("bar-wide/profile.toml"), "format = 1\n").unwrap();
    let _player = bed.play_tone(AMPLITUDE, 256, 2.0);
    let loudest = Cell::new(f64::NEG_INFINITY);
    for batch in 0..reloads / 20 {
        undisturbed(|| loudest.set(loudest.get().max(twenty_switches(&bed, batch))));
    }
    println!("{} reloads: at most {:.1} dBFS apart from the tone", reloads / 20 * 20, loudest.get());
}

/// The loudest that is heard beside the tone meanwhile, in dBFS.
fn twenty_switches(bed: &Bed, batch: u64) -> f64 {
    let names = ["cylinder", "cylinder-wide", "pair", "bar", "bar-wide"];
    let lost = || (bed.daemon.count("xruns"), bed.daemon.count("underruns"));
    bed.listen(0.5);
    let (begin, lost_before, mut plays) = (bed.card.recorded_frames(), lost(), profile_now(bed));
    let mut dice = batch + 1;
    for n in 0..20 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let name = names[(dice >> 33) as usize % names.len()];
        let answer = bed.daemon.ask(&["--reload", name]);
        let (said, why) = (String::from_utf8_lossy(&answer.stdout), String::from_utf8_lossy(&answer.stderr));
        if name.starts_with("bar") {
            assert_eq!(answer.status.code(), Some(1), "{n}: {name}: {said}");
            assert!(why.contains(&format!("{name}/")), "{n}: {why}");
        } else {
            assert!(answer.status.success() && said.starts_with(&format!("{plays} → {name} ")), "{n}: {said}{why}");
            name.clone_into(&mut plays);
        }
        assert_eq!(profile_now(bed), plays, "{n}");
    }
    bed.listen(1.0);
    // The only driver that all of them have: the first.
    let signal = bed.heard(0, begin..bed.card.recorded_frames());
    assert_eq!(lost(), lost_before, "{}", bed.daemon.log());
    let windows = (0..signal.len() - RATE_HZ as usize).step_by(RATE_HZ as usize / 4);
    let heard = windows.map(|at| loudest_apart(&signal[at..at + RATE_HZ as usize], RATE_HZ, TONE_HZ, 100.0));
    let click = heard.fold((0.0, f64::NEG_INFINITY), |loudest, next| if next.1 > loudest.1 { next } else { loudest });
    assert!(click.1 <= -80.0, "batch {batch}: {:.1} dBFS at {:.0} Hz", click.1, click.0);
    click.1
}

#[test]
fn a_choice_that_cannot_be_kept_is_said_to_who_asked() {
    let bed = bed();
    let folder = bed.session.path("state/spatiald");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::write(&folder, "in the way").unwrap();
    let answer = bed.daemon.ask(&["--reload", "cylinder-wide"]);
    let why = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(answer.status.success(), "{why}");
    assert!(why.contains("will not outlast a restart"), "{why}");
    assert_eq!(profile_now(&bed), "cylinder-wide");
}
