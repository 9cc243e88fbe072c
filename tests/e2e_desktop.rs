//! The sink as a desktop sees it.

mod support;

use support::wait::wait_until;
use support::{Bed, Daemon, Options, Setup};

#[test]
fn volume_mute_and_default_are_kept_over_a_restart() {
    let mut bed = Bed::start(Setup { quantum_frames: 1024, pulse: true }, &Options::default());
    let sink = bed.daemon.sink();
    let id = bed.session.node_id(&sink).to_string();
    bed.session.text("wpctl", &["set-default", &id]);
    bed.session.text("wpctl", &["set-volume", &id, "0.37"]);
    bed.session.text("wpctl", &["set-mute", &id, "1"]);
    let is_set = |bed: &Bed| {
        let id = bed.session.node_id(&sink).to_string();
        let volume = bed.session.output("wpctl", &["get-volume", &id]);
        String::from_utf8_lossy(&volume.stdout).trim() == "Volume: 0.37 [MUTED]"
    };
    assert!(wait_until(|| is_set(&bed)));
    let is_default = |bed: &Bed| bed.session.text("pactl", &["get-default-sink"]).trim() == sink;
    assert!(wait_until(|| is_default(&bed)));

    let sinks = bed.session.text("pactl", &["list", "sinks"]);
    for line in ["Description: Spatial Speaker", "Sample Specification: ", "Channel Map: front-left,front-right"] {
        assert!(sinks.contains(line), "no {line:?} in\n{sinks}");
    }

    assert!(wait_until(|| bed.session.stored_streams().contains("mute")), "nothing was stored");
    assert_eq!(bed.daemon.process().terminate().code(), Some(0), "{}", bed.daemon.log());
    bed.daemon = Daemon::start(&bed.session, &bed.card, &Options::default());
    assert!(wait_until(|| is_set(&bed)), "the volume was forgotten");
    assert!(wait_until(|| is_default(&bed)), "the default was forgotten");
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
    let card = support::Card::with_limits("CHANNELS=2,FORMATS=S16_LE");
    let second =
        Daemon::start(&bed.session, &card, &Options { instance: "right", profile: "pair", ..Options::default() });
    assert_eq!(bed.daemon.status()["profile"]["name"], "cylinder");
    assert_eq!(second.status()["profile"]["name"], "pair");
    assert_eq!(second.status()["device"]["channels"], 2);
}
