//! Controls and seat: whichever way they are set, one truth, shown everywhere and kept.

mod support;

use serde_json::Value;
use support::analysis::{loudest_apart, steepest};
use support::bed::{RATE_HZ, TONE_HZ};
use support::wait::wait_until;
use support::{Bed, Daemon, Options, Setup, undisturbed};

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
            let range = begin..bed.card.recorded_frames();
            for channel in 0..3 {
                let signal = bed.heard(channel, range.clone());
                for window in (0..signal.len() - RATE_HZ as usize).step_by(RATE_HZ as usize / 20) {
                    let (hz, dbfs) = loudest_apart(&signal[window..window + RATE_HZ as usize], RATE_HZ, TONE_HZ, 100.0);
                    assert!(dbfs <= -80.0, "{changes:?}, channel {channel}: {dbfs:.1} dBFS at {hz:.0} Hz");
                }
                assert!(steepest(&signal) > 0.0);
            }
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
