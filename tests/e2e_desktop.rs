//! The sink as a desktop sees it.

mod support;

use support::wait::wait_until;
use support::{Bed, Card, Daemon, Options, Session, Setup, undisturbed};

const VOLUME: &str = "Volume: 0.37 [MUTED]";

/// What `wpctl` says of the sink's volume: on the scale of desktops, the cube root of the gain.
fn volume(session: &Session, sink: &str) -> String {
    let id = session.node_id(sink).to_string();
    String::from_utf8_lossy(&session.output("wpctl", &["get-volume", &id]).stdout).trim().to_owned()
}

fn default_sink(session: &Session) -> String {
    session.text("pactl", &["get-default-sink"]).trim().to_owned()
}

/// Another sink.
fn make_sink(session: &Session, name: &str, priority: u32) {
    let sink = format!(
        "{{ factory.name=support.null-audio-sink node.name={name} media.class=Audio/Sink object.linger=true \
         audio.position=[FL FR] priority.session={priority} }}"
    );
    session.text("pw-cli", &["create-node", "adapter", &sink]);
}

/// A sink that a session manager prefers which remembers nothing.
fn make_rival(session: &Session) {
    make_sink(session, "rival", 2000);
    assert!(wait_until(|| default_sink(session) == "rival"), "{}", default_sink(session));
}

/// Turned down and muted, and stored.
fn turn(session: &Session, sink: &str) {
    let id = session.node_id(sink).to_string();
    session.text("wpctl", &["set-volume", &id, "0.37"]);
    session.text("wpctl", &["set-mute", &id, "1"]);
    assert!(wait_until(|| volume(session, sink) == VOLUME), "{}", volume(session, sink));
    let is_stored = || {
        let stored = session.stored_streams();
        let mut lines = stored.lines().filter(|line| line.contains(sink));
        let mute = stored.contains(&format!("{sink}:mute=true")) || stored.contains("\"mute\":true");
        mute && lines.any(|line| line.contains("0.05065"))
    };
    assert!(wait_until(is_stored), "0.37 cubed was not stored:\n{}", session.stored_streams());
}

#[test]
fn a_sink_that_was_never_seen_starts_low() {
    undisturbed(first_sight);
}

fn first_sight() {
    let session = Session::start();
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    // A player that is moved over as soon as the sink is there: it hears its first moment.
    make_sink(&session, "lesser", 100);
    let file = session.path("tone.wav");
    let tone = support::signal::tone(997.0, 0.1, 48_000, 30 * 48_000);
    support::signal::write_wav(&file, 48_000, support::signal::Wav::Int24, &[&tone, &tone]);
    let _player = session.spawn("pw-play", session.command("pw-play").arg(&file));
    let plays = || session.output("pw-link", &["-l"]).stdout.windows(6).any(|text| text == b"lesser");
    assert!(wait_until(plays), "the player does not play");
    let daemon = Daemon::start(&session, &card, &Options::default());
    let sink = daemon.sink();
    let bed = Bed { daemon, session, card };
    assert!(wait_until(|| bed.card.recording().first_sound().is_some()), "{}", bed.daemon.log());
    // The player's way changes once more when it is moved over.
    bed.listen(3.0);
    assert_eq!(volume(&bed.session, &sink), "Volume: 0.40");
    let peak = |samples: &[f64]| samples.iter().fold(0.0_f64, |peak, sample| peak.max(sample.abs()));
    // Of most blocks: a player that is not real time may lose a quantum, and then the upmix rates a few others anew.
    let level = |range| {
        let mut peaks: Vec<f64> = bed.heard(0, range).chunks_exact(480).map(peak).collect();
        peaks.sort_by(f64::total_cmp);
        peaks[peaks.len() / 2]
    };
    let low = level(bed.listen(0.5));
    let ever = peak(&bed.heard(0, 0..bed.card.recorded_frames()));
    bed.session.turn_up(&sink);
    bed.listen(1.5);
    let full = level(bed.listen(0.5));
    assert!(
        (low / full / 0.064 - 1.0).abs() < 0.02,
        "{low} at 40 %, {full} at 100 %, {} now\n{}",
        volume(&bed.session, &sink),
        bed.daemon.status()
    );
    // The upmix rates the first moments of a tone otherwise, by a few dB.
    assert!(ever < 2.0 * low, "{ever} in between, {low} at 40 %");
}

#[test]
fn volume_mute_and_default_are_kept_over_a_restart() {
    let mut bed = Bed::start(Setup { quantum_frames: 1024, pulse: true }, &Options::default());
    let sink = bed.daemon.sink();
    make_rival(&bed.session);
    let id = bed.session.node_id(&sink).to_string();
    bed.session.text("wpctl", &["set-default", &id]);
    turn(&bed.session, &sink);
    let is_set = |bed: &Bed| volume(&bed.session, &sink) == VOLUME && default_sink(&bed.session) == sink;
    assert!(wait_until(|| is_set(&bed)));

    let sinks = bed.session.text("pactl", &["list", "sinks"]);
    for line in ["Description: Spatial Speaker", "Sample Specification: ", "Channel Map: front-left,front-right"] {
        assert!(sinks.contains(line), "no {line:?} in\n{sinks}");
    }

    for start in 1..=5 {
        assert_eq!(bed.daemon.process().terminate().code(), Some(0), "{}", bed.daemon.log());
        bed.daemon = Daemon::start(&bed.session, &bed.card, &Options::default());
        assert!(wait_until(|| is_set(&bed)), "{start}: {}", volume(&bed.session, &sink));
    }
    bed.session.kill_wireplumber();
    bed.session.start_wireplumber();
    assert!(wait_until(|| is_set(&bed)), "WirePlumber: {}", volume(&bed.session, &sink));
}

#[test]
fn after_a_reboot_all_is_as_it_was() {
    let mut bed = Bed::start(Setup { quantum_frames: 1024, pulse: true }, &Options::default());
    let sink = bed.daemon.sink();
    let reboot = |bed: &mut Bed| {
        assert_eq!(bed.daemon.process().terminate().code(), Some(0), "{}", bed.daemon.log());
        bed.session.reboot();
        make_rival(&bed.session);
        bed.daemon = Daemon::start(&bed.session, &bed.card, &Options::default());
    };
    make_rival(&bed.session);
    turn(&bed.session, &sink);
    for chosen in [&*sink, "rival", &sink] {
        bed.session.text("pactl", &["set-default-sink", chosen]);
        let stored =
            || std::fs::read_to_string(bed.session.path("state/wireplumber/default-nodes")).unwrap_or_default();
        let is_stored = || stored().lines().any(|line| line == format!("default.configured.audio.sink={chosen}"));
        assert!(wait_until(is_stored), "{}", stored());
        reboot(&mut bed);
        assert!(wait_until(|| default_sink(&bed.session) == chosen), "{} is the default", default_sink(&bed.session));
        assert!(wait_until(|| volume(&bed.session, &sink) == VOLUME), "{}", volume(&bed.session, &sink));
    }
}

#[test]
fn twenty_deaths_of_pipewire_cost_neither_the_sink_nor_its_volume() {
    let mut bed = Bed::start(Setup::default(), &Options::default());
    let sink = bed.daemon.sink();
    let id = bed.session.node_id(&sink).to_string();
    bed.session.text("wpctl", &["set-default", &id]);
    bed.session.text("wpctl", &["set-volume", &id, "0.37"]);
    assert!(wait_until(|| bed.session.stored_streams().contains("0.05")), "0.37 cubed was not stored");
    let of_default = |bed: &Bed, what: &[&str]| {
        let output = bed.session.output("wpctl", &[what, &["@DEFAULT_AUDIO_SINK@"]].concat());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for death in 1..=20 {
        bed.session.kill_pipewire();
        assert!(wait_until(|| bed.daemon.status()["state"] == "no-pipewire"), "{death}: {}", bed.daemon.log());
        bed.session.start_pipewire();
        assert!(wait_until(|| of_default(&bed, &["inspect"]).contains(&sink)), "{death}: another default");
        assert!(wait_until(|| of_default(&bed, &["get-volume"]).trim() == "Volume: 0.37"), "{death}: the volume");
        assert!(wait_until(|| bed.daemon.status()["state"] == "idle"), "{death}: {}", bed.daemon.status());
    }
    let _player = bed.play_tone(0.1, 256, 0.5);
    let second = bed.listen(1.0);
    let heard = bed.heard(0, second);
    assert!(heard.iter().any(|x| x.abs() > 1e-3), "nothing is heard");
}

#[test]
fn players_that_name_no_sink_find_it() {
    let bed = Bed::start(Setup::default(), &Options::default());
    let file = bed.session.path("tone.wav");
    let tone = support::signal::tone(440.0, 0.1, 48_000, 96_000);
    support::signal::write_wav(&file, 48_000, support::signal::Wav::Int16, &[&tone, &tone]);
    let mut player = bed.session.spawn("pw-play", bed.session.command("pw-play").arg(&file));
    assert!(player.wait().success(), "{}", player.output());
    assert!(wait_until(|| bed.card.recording().first_sound().is_some()), "{}", bed.daemon.log());
}

#[test]
fn two_daemons_on_one_machine_keep_apart() {
    let bed = Bed::start(Setup::default(), &Options { instance: "left", ..Options::default() });
    let card = Card::with_limits("CHANNELS=2,FORMATS=S16_LE");
    let second =
        Daemon::start(&bed.session, &card, &Options { instance: "right", profile: "pair", ..Options::default() });
    assert_eq!(bed.daemon.status()["profile"]["name"], "cylinder");
    assert_eq!(second.status()["profile"]["name"], "pair");
    assert_eq!(second.status()["device"]["channels"], 2);
}
