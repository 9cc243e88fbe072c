//! The bed the other tests stand on: the private session and the analysis.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use support::analysis::{breaks_in_tone, loudest_apart, spectrum_dbfs};
use support::session::{Session, Setup};
use support::wait::PATIENCE;
use support::{Card, Daemon, Options, signal};

#[test]
fn a_session_is_up_private_and_has_the_quantum_asked_for() {
    let session = Session::with(Setup { quantum_frames: 256, pulse: true });
    let settings = session.text("pw-metadata", &["-n", "settings"]);
    assert!(settings.contains("key:'clock.min-quantum' value:'16'"), "{settings}");
    assert!(settings.contains("key:'clock.quantum' value:'256'"), "{settings}");
    session.force_quantum(64);
    assert!(session.text("pw-metadata", &["-n", "settings"]).contains("key:'clock.force-quantum' value:'64'"));
    assert!(session.node("Dummy-Driver").is_some());
    assert!(session.path("run/pulse/native").exists());
    // Both are configured in words of their own version.
    for program in ["pipewire", "wireplumber"] {
        let log = std::fs::read_to_string(session.path("log").join(format!("{program}.log"))).unwrap();
        assert!(!log.contains("deprecated") && !log.contains("NOT supported"), "{log}");
    }
}

#[test]
fn its_programs_end_with_it() {
    let first = Session::start();
    let second = Session::start();
    let socket = first.path("run/pipewire-0");
    assert_ne!(socket, second.path("run/pipewire-0"));
    drop(first);
    assert!(!socket.exists() && second.node("Dummy-Driver").is_some());
}

#[test]
fn a_daemon_that_ends_is_not_waited_for() {
    let (session, card) = (Session::start(), Card::new());
    let options = Options { config: "nonsense = 1".to_owned(), ..Options::default() };
    let daemon = Daemon::launch(&session, &card, &options);
    let begun = Instant::now();
    let waited = catch_unwind(AssertUnwindSafe(|| daemon.wait_until_ready(&session)));
    let why = waited.expect_err("it cannot be ready");
    assert!(why.downcast_ref::<String>().is_some_and(|text| text.contains("has ended (exit status: 1)")), "{why:?}");
    assert!(begun.elapsed() < PATIENCE / 2);
}

#[test]
fn one_dropped_sample_is_one_break_and_a_clean_tone_has_none() {
    let tone: Vec<f64> = signal::tone(997.0, 0.25, 48_000, 48_000).into_iter().map(f64::from).collect();
    assert!(breaks_in_tone(&tone, 997.0, 48_000, 1e-4).is_empty());
    for cut in 20_000..20_048 {
        let mut broken = tone.clone();
        broken.remove(cut);
        assert_eq!(breaks_in_tone(&broken, 997.0, 48_000, 0.008).len(), 1, "{cut}");
    }
}

#[test]
fn a_tone_reads_its_own_level_and_leaves_the_rest_empty() {
    let tone: Vec<f64> = signal::tone(997.0, 0.25, 48_000, 48_000).into_iter().map(f64::from).collect();
    assert!((spectrum_dbfs(&tone)[997] + 12.041).abs() < 0.001);
    assert!(loudest_apart(&tone, 48_000, 997.0, 100.0).1 < -140.0);
}
