//! Controls and seat: whichever way they are set, one truth, shown everywhere and kept.

mod support;

use std::cell::Cell;

use serde_json::Value;
use spatiald::design::{Device, design};
use spatiald::source::Source;
use support::analysis::{loudest_apart, steepest};
use support::bed::{RATE_HZ, TONE_HZ};
use support::wait::wait_until;
use support::{Bed, Card, Daemon, Options, Setup, undisturbed};

fn bed() -> Bed {
    let config = "[controls]\ntrim_db = -3\n[[seat]]\nname = \"sofa\"\nazimuth_deg = 12.5\ndistance_m = 1.5".to_owned();
    Bed::start(Setup { quantum_frames: 256, pulse: false }, &Options { config, ..Options::default() })
}

/// `--set`, which must succeed.
fn set(daemon: &Daemon, changes: &[&str]) {
    let output = daemon.ask(&[&["--set"], changes].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the status says of a control.
fn value(status: &Value, name: &str) -> String {
    status["controls"][name]["value"].as_str().unwrap_or_else(|| panic!("no control {name}: {status}")).to_owned()
}

/// What the sink's properties say of it.
fn shown(bed: &Bed, name: &str) -> Option<String> {
    let key = format!("spatiald:{name}");
    let node = bed.session.node(&bed.daemon.sink())?;
    let params = node["info"]["params"]["Props"].as_array()?.iter().find_map(|props| {
        let params = props["params"].as_array()?;
        params.iter().any(|value| value == key.as_str()).then(|| params.clone())
    })?;
    let at = params.iter().position(|value| value == key.as_str())?;
    params.get(at + 1)?.as_str().map(str::to_owned)
}

fn set_by_props(bed: &Bed, key: &str, value: &str) {
    let id = bed.session.node_id(&bed.daemon.sink()).to_string();
    let props = format!("{{ params = [ \"spatiald:{key}\" {value} ] }}");
    bed.session.text("pw-cli", &["s", &id, "Props", &props]);
}

#[test]
fn every_way_to_set_ends_in_one_truth_that_is_kept() {
    undisturbed(|| {
        let mut bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        assert_eq!(value(&bed.daemon.status(), "trim_db"), "-3", "as the configuration says");

        set(&bed.daemon, &["center_db=3", "mono=on", "seat=sofa"]);
        let status = bed.daemon.status();
        assert_eq!([value(&status, "center_db"), value(&status, "mono")], ["3", "on"]);
        assert_eq!((&status["seat"]["azimuth_deg"], &status["seat"]["set"]), (&12.5.into(), &"sofa".into()));
        assert!(wait_until(|| shown(&bed, "center_db").as_deref() == Some("3")), "{:?}", shown(&bed, "center_db"));
        assert_eq!(shown(&bed, "seat").as_deref(), Some("sofa"));

        for (key, written, read) in [("center_db", "-2.5", "-2.5"), ("mono", "false", "off"), ("width", "\"50\"", "50")]
        {
            set_by_props(&bed, key, written);
            let is_set = || value(&bed.daemon.status(), key) == read && shown(&bed, key).as_deref() == Some(read);
            assert!(wait_until(is_set), "{key}: {:?}\n{}", shown(&bed, key), bed.daemon.log());
        }
        set_by_props(&bed, "center_db", "99");
        assert!(
            wait_until(|| bed.daemon.log().contains("center_db is \"99\"; use -9 to 9 dB")),
            "{}",
            bed.daemon.log()
        );

        let before = bed.daemon.status();
        for bad in [
            &["--set", "trim_db=-6", "center_db=10"][..],
            &["--set", "bass=3"],
            &["--seat", "40"],
            &["--seat", "0,0.1"],
            &["--seat", "chair"],
        ] {
            let refused = bed.daemon.ask(bad);
            let reason = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!((refused.status.code(), reason.lines().count()), (Some(1), 1), "{bad:?}: {reason}");
        }
        let after = bed.daemon.status();
        assert_eq!((&after["controls"], &after["seat"]), (&before["controls"], &before["seat"]), "nothing has changed");

        set(&bed.daemon, &["trim_db=-6"]);
        set(&bed.daemon, &["width=default"]);
        // The state folder and the socket are the session's: the next daemon finds what this one kept.
        assert!(bed.daemon.process().terminate().success());
        bed.daemon = Daemon::start(
            &bed.session,
            &bed.card,
            &Options { config: "[[seat]]\nname = \"sofa\"\nazimuth_deg = -4".into(), ..Options::default() },
        );
        let status = bed.daemon.status();
        let all = ["center_db", "mono", "width", "trim_db"].map(|name| value(&status, name));
        assert_eq!(all, ["-2.5", "off", "100", "-6"]);
        assert_eq!(status["seat"]["azimuth_deg"], -4.0, "the name is kept, and where it is, is the configuration's");
        set(&bed.daemon, &["center_db=default", "seat=reset", "trim_db=default", "mono=default"]);
        let status = bed.daemon.status();
        assert_eq!((value(&status, "trim_db").as_str(), &status["seat"]), ("0", &Value::Null));
    });
}

/// The loudest beside the tone on the first `channels`, each of which must sound: the channel, Hz, dBFS.
fn loudest_beside_the_tone(bed: &Bed, channels: usize, range: std::ops::Range<usize>) -> (usize, f64, f64) {
    let second = RATE_HZ as usize;
    let mut loudest = (0, 0.0, f64::NEG_INFINITY);
    for channel in 0..channels {
        let signal = bed.heard(channel, range.clone());
        assert!(steepest(&signal) > 0.0, "channel {channel} is silent");
        for at in (0..signal.len() - second).step_by(second / 20) {
            let (hz, dbfs) = loudest_apart(&signal[at..at + second], RATE_HZ, TONE_HZ, 100.0);
            if dbfs > loudest.2 {
                loudest = (channel, hz, dbfs);
            }
        }
    }
    loudest
}

#[test]
fn settings_under_a_tone_make_no_click_and_follow_the_latency() {
    undisturbed(|| {
        let bed = bed();
        let _player = bed.play_tone(0.251, 256, 2.0);
        let published = || bed.daemon.status()["latency"]["total_ms"].as_f64().unwrap();
        let before = published();
        for changes in
            [&["center_db=6"][..], &["seat=-10,1.2"], &["bypass=on"], &["bypass=off", "delay_ms=100", "seat=reset"]]
        {
            let begin = bed.card.recorded_frames() - RATE_HZ as usize;
            set(&bed.daemon, changes);
            bed.listen(1.2);
            let (channel, hz, dbfs) = loudest_beside_the_tone(&bed, 3, begin..bed.card.recorded_frames());
            assert!(dbfs <= -80.0, "{changes:?}, channel {channel}: {dbfs:.1} dBFS at {hz:.0} Hz");
        }
        assert!(wait_until(|| (published() - before - 100.0).abs() < 2.0), "{before} ms, then {}", published());
        assert_eq!((bed.daemon.count("xruns"), bed.daemon.count("underruns")), (0, 0));
    });
}

#[test]
fn settings_that_pile_up_are_all_answered_and_end_in_one_state() {
    undisturbed(|| {
        let bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        let clients: Vec<_> = (0..24)
            .map(|index| {
                let change = match index % 3 {
                    0 => format!("center_db={}", f64::from(index) / 4.0),
                    1 => format!("seat={},1.{index:02}", index - 12),
                    _ => format!("width={}", 50 + index),
                };
                let mut command = bed.daemon.ask_later(&["--set", &change]);
                command.stdout(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for client in clients {
            assert!(client.wait_with_output().unwrap().status.success());
        }
        let status = bed.daemon.status();
        for name in ["center_db", "width"] {
            assert!(wait_until(|| shown(&bed, name) == Some(value(&status, name))), "{name}: {:?}", shown(&bed, name));
        }
        let kept = std::fs::read_to_string(bed.session.path("state/spatiald/test/settings")).unwrap();
        for line in ["center_db", "width"].map(|name| format!("{name}={}", value(&status, name))) {
            assert!(kept.lines().any(|kept| kept == line), "{line}: {kept}");
        }
        assert!(kept.contains(&format!("seat={}", status["seat"]["set"].as_str().unwrap())), "{kept}");
    });
}

/// Seats and controls in turn, one in 0.6 s, under a tone that is in all paths. `SPATIALD_SETTINGS=100` makes it a minute of
/// fifty each.
#[test]
fn many_seats_and_controls_make_no_click_and_keep_memory_flat() {
    let settings: u64 = std::env::var("SPATIALD_SETTINGS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let bed = bed();
    let _player = bed.play_tones([0.1, 0.04], 256, 2.0);
    let amplitudes = || {
        let range = bed.listen(1.0);
        [0, 1, 2].map(|channel| bed.heard(channel, range.clone()).iter().fold(0.0, |peak: f64, v| peak.max(v.abs())))
    };
    let before = amplitudes();
    let loudest = Cell::new((0, 0.0, f64::NEG_INFINITY));
    let mut memory_kb = Vec::new();
    for batch in 0..settings / 10 {
        undisturbed(|| {
            let heard = ten_settings(&bed, batch);
            if heard.2 > loudest.get().2 {
                loudest.set(heard);
            }
        });
        memory_kb.push(memory_kb_of(&bed));
    }
    let all = ["seat", "center_db", "width", "balance_db", "mono", "trim_db", "bypass", "delay_ms"];
    set(&bed.daemon, &all.map(|key| format!("{key}=default")).each_ref().map(String::as_str));
    bed.listen(0.5);
    for (channel, (now, then)) in amplitudes().into_iter().zip(before).enumerate() {
        assert!((now / then - 1.0).abs() < 0.01, "channel {channel}: {now}, was {then}");
    }
    let (channel, hz, dbfs) = loudest.get();
    println!("{settings} settings: at most {dbfs:.1} dBFS apart from the tone ({hz:.0} Hz, channel {channel})");
    println!("memory after each ten, kB: {memory_kb:?}");
    let (first, last) = (memory_kb[0], memory_kb[memory_kb.len() - 1]);
    assert!(last <= first + 512, "from {first} to {last} kB");
}

/// Ten changes; the loudest that is heard beside the tone meanwhile.
fn ten_settings(bed: &Bed, batch: u64) -> (usize, f64, f64) {
    const STEP_FRAMES: usize = 28_800;
    let lost = || (bed.daemon.count("xruns"), bed.daemon.count("underruns"));
    bed.listen(0.5);
    let (begin, lost_before, mut dice) = (bed.card.recorded_frames(), lost(), batch + 1);
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for n in 0..10 {
        let (key, value) = match if n % 2 == 0 { 0 } else { 1 + roll(7) } {
            0 => ("seat", format!("{},{}", roll(61) as f64 - 30.0, 1.0 + 0.25 * roll(9) as f64)),
            1 => ("center_db", format!("{}", roll(19) as f64 - 9.0)),
            2 => ("width", format!("{}", 10 * roll(16))),
            3 => ("balance_db", format!("{}", roll(25) as f64 - 12.0)),
            4 => ("trim_db", format!("-{}", roll(13))),
            5 => ("delay_ms", format!("{}", 10 * roll(6))),
            6 => ("mono", ["on", "off"][roll(2) as usize].to_owned()),
            _ => ("bypass", ["on", "off"][roll(2) as usize].to_owned()),
        };
        set(&bed.daemon, &[&format!("{key}={value}")]);
        let status = bed.daemon.status();
        let is = if key == "seat" {
            status["seat"]["set"].as_str().unwrap_or_default().to_owned()
        } else {
            self::value(&status, key)
        };
        assert_eq!(is, value, "{n}: {key}");
        while bed.card.recorded_frames() < begin + (n + 1) * STEP_FRAMES {
            bed.listen(0.02);
        }
    }
    bed.listen(1.0);
    let loudest = loudest_beside_the_tone(bed, 3, begin..bed.card.recorded_frames());
    assert_eq!(lost(), lost_before, "{}", bed.daemon.log());
    let (channel, hz, dbfs) = loudest;
    assert!(dbfs <= -80.0, "batch {batch}, channel {channel}: {dbfs:.1} dBFS at {hz:.0} Hz");
    loudest
}

/// What the daemon has in memory now.
fn memory_kb_of(bed: &Bed) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bed.daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sixteen unlike drivers, 512 taps.
fn sixteen_drivers(folder: &std::path::Path) {
    let mut text = "format = 1\n[device]\nname = \"long\"\n[enclosure]\nmodel = \"baffled\"\n".to_owned();
    for index in 0..16 {
        let (left_m, up_m) = (0.05 * (f64::from(index) - 7.3), 0.01 * f64::from(index % 3));
        text += &format!(
            "[[driver]]\nname = \"d{index}\"\nchannel = {index}\nposition_m = [0.0, {left_m}, {up_m}]\nradius_m = 0.02\ndirectivity = \"piston\"\nband_hz = [150.0, 20000.0]\n"
        );
    }
    let description = Source::new(std::path::Path::new("long.toml"), text);
    let device = Device::from_source(&description).unwrap();
    let profile = spatiald::design::folder::profile(&device, &design(&device, &|_| ())).unwrap();
    profile.save(folder, Some(description.text())).unwrap();
}

#[test]
fn sixteen_drivers_follow_a_seat_without_a_click() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("long");
    sixteen_drivers(&profile);
    let profile: &'static str = Box::leak(profile.to_string_lossy().into_owned().into_boxed_str());
    let card = Card::with_limits("CHANNELS=16,FORMATS=S32_LE");
    let setup = Setup { quantum_frames: 256, pulse: false };
    let bed = Bed::with_card(card, setup, &Options { profile, ..Options::default() });
    let _player = bed.play_tones([0.1, 0.04], 256, 2.0);
    undisturbed(|| {
        let begin = bed.card.recorded_frames();
        for place in ["10,1.5", "-20,3", "30,1.2", "reset", "5", "-5"] {
            let asked = bed.card.recorded_frames();
            set(&bed.daemon, &[&format!("seat={place}")]);
            println!("seat {place}: answered after {} frames", bed.card.recorded_frames() - asked);
            bed.listen(0.4);
        }
        bed.listen(1.0);
        let (channel, hz, dbfs) = loudest_beside_the_tone(&bed, 16, begin..bed.card.recorded_frames());
        assert!(dbfs <= -80.0, "channel {channel}: {dbfs:.1} dBFS at {hz:.0} Hz");
        println!("at most {dbfs:.1} dBFS apart from the tone");
    });
}
