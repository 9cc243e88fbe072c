//! `spatiald doctor` on systems that are broken in one place each.

mod support;

use nix::sys::signal::Signal;
use serde_json::Value;
use support::card::Word;
use support::daemon::PROGRAM;
use support::wait::wait_until;
use support::{Bed, Card, Daemon, Options, Session, Setup};

struct Diagnosis {
    code: Option<i32>,
    report: Value,
}

impl Diagnosis {
    fn of(session: &Session, arguments: &[&str]) -> Diagnosis {
        let mut command = session.command(PROGRAM);
        let (name, value) = Card::env();
        command.env(name, value).args(["doctor", "--json", "--instance", "test", "--config"]);
        let output = command.arg(session.path("test.toml")).args(arguments).output().expect("spatiald runs");
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        Diagnosis { code: output.status.code(), report }
    }

    fn cause(&self) -> &str {
        self.report["cause"].as_str().expect("a cause")
    }

    /// What is to be typed first.
    fn command(&self) -> &str {
        self.report["findings"][0]["remedy"]["command"].as_str().expect("a command")
    }

    fn is_healthy(&self) -> bool {
        self.code == Some(0)
    }
}

/// Waits until what is to be found is what is found: a cause that begins so.
fn expect(session: &Session, arguments: &[&str], cause: &str) -> Diagnosis {
    let mut last = Diagnosis::of(session, arguments);
    let found = wait_until(|| {
        last = Diagnosis::of(session, arguments);
        last.cause().starts_with(cause)
    });
    assert!(found, "{cause:?} is not the cause: {:#}", last.report);
    assert_eq!(last.code, Some(1), "{:#}", last.report);
    last
}

fn expect_health(session: &Session) {
    let mut last = Diagnosis::of(session, &[]);
    let well = wait_until(|| {
        last = Diagnosis::of(session, &[]);
        last.is_healthy()
    });
    assert!(well, "{:#}", last.report);
}

#[test]
fn what_is_turned_away_or_down_is_set_right_by_what_it_says() {
    let bed = Bed::start(Setup::default(), &Options::default());
    expect_health(&bed.session);
    let id = bed.session.node_id(&bed.daemon.sink()).to_string();
    let other = "{ factory.name=support.null-audio-sink node.name=other media.class=Audio/Sink object.linger=true \
                 audio.position=[FL FR] }";
    bed.session.text("pw-cli", &["create-node", "adapter", other]);
    let other_id = bed.session.node_id("other").to_string();
    for (breaks, cause) in [
        (["set-volume", &*id, "0"], "volume: the sink is at 0 %"),
        (["set-mute", &id, "1"], "volume: the sink is muted"),
        (["set-default", &other_id, ""], "default sink: other is selected, not spatiald.test"),
    ] {
        let breaks: Vec<&str> = breaks.into_iter().filter(|word| !word.is_empty()).collect();
        bed.session.text("wpctl", &breaks);
        let diagnosis = expect(&bed.session, &[], cause);
        bed.session.text("sh", &["-c", diagnosis.command()]);
        expect_health(&bed.session);
    }
}

#[test]
fn what_is_not_running_is_named_in_the_order_to_start_it() {
    let mut bed = Bed::start(Setup::default(), &Options::default());
    bed.session.kill_wireplumber();
    expect(&bed.session, &[], "session manager: none is running");
    bed.session.signal_pipewire(Signal::SIGSTOP);
    expect(&bed.session, &[], "PipeWire: PipeWire at ");
    bed.session.signal_pipewire(Signal::SIGCONT);
    bed.session.kill_pipewire();
    expect(&bed.session, &[], "PipeWire: cannot be reached at ");
    bed.session.start_pipewire();
    expect_health(&bed.session);
    bed.daemon.process().terminate();
    expect(&bed.session, &["--profile", "cylinder"], "daemon: instance test is not running");
}

#[test]
fn a_device_that_is_not_played_on_is_the_cause() {
    let session = Session::start();
    let mut cards = Vec::new();
    for (limits, busy, control, cause) in [
        ("CHANNELS=8", 1, "", "card: ALSA PCM 'testcard:"),
        ("CHANNELS=2", 0, "", "card: testcard:"),
        ("CHANNELS=8", 0, "digital", "mixer: mixer control 'digital',0 of testmixer:"),
    ] {
        let card = Card::with_limits(limits);
        card.set(Word::Busy, busy);
        let mixer = format!("testmixer:DIR={}", card.folder().display());
        let config = match control {
            "" => String::new(),
            control => format!("[[mixer]]\ncard = \"{mixer}\"\ncontrol = \"{control}\"\nvalue_db = -20.0"),
        };
        let daemon = Daemon::launch(&session, &card, &Options { config, ..Options::default() });
        let diagnosis = expect(&session, &[], cause);
        let reason = ["is busy", "has 2 channels, and the profile cylinder needs", "no such control"][cards.len()];
        assert!(diagnosis.cause().contains(reason), "{:#}", diagnosis.report);
        drop(daemon);
        cards.push(card);
    }
}

#[test]
fn a_profile_that_is_not_there_is_the_cause() {
    let (session, card) = (Session::start(), Card::new());
    let nobody = Options { profile: "", ..Options::default() };
    let silent = Daemon::launch(&session, &card, &nobody);
    expect(&session, &[], "profile: none is named, so nothing is played");
    drop(silent);
    let arguments = ["--profile", "cylindre"];
    let diagnosis = expect(&session, &arguments, "profile: there is no profile `cylindre`");
    assert!(diagnosis.cause().contains("installed are bar, "), "{:#}", diagnosis.report);
    std::fs::write(session.path("test.toml"), "format = 1\nprofil = \"bar\"\n").expect("a configuration");
    expect(&session, &[], "configuration: ");
}
