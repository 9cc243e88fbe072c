//! The checks over systems that are broken in one place each.

use std::io;
use std::path::Path;

use super::*;
use crate::config::{ControlName, MixerControl, MixerValue};
use crate::daemon::control::AskError;
use crate::daemon::control::status::{LatencyStatus, State, Status};
use crate::engine::Scheduling;
use crate::node::{NodeError, SinkState, Survey};
use crate::output::{Holder, MixerError, OutputError};
use crate::source::Complaint;

fn status(state: State) -> Status {
    let status = serde_json::json!({
        "schema": 1, "version": "0", "instance": "default", "state": state, "profile": null, "problems": [],
        "rate_hz": 48000, "quantum_frames": 0, "graph": { "driving": true, "correction_ppm": 0.0 },
        "latency": LatencyStatus::default(), "dsp_load": { "mean": 0.0, "max": 0.0 }, "xruns": 0, "underruns": 0,
        "cycles": 0, "frames": 0, "drift_ppm": null, "gain_reduction_db": {},
        "realtime": { "data_thread": "FIFO 88", "writer_thread": "FIFO 80" }, "device": null, "pcm": "hw:0",
    });
    serde_json::from_value(status).unwrap()
}

/// A system on which all is well.
fn healthy() -> Facts {
    let loaded =
        profile::Loaded { name: "bar".into(), chosen_by: "--profile".into(), channels_needed: 8, ignored: None };
    let sink = SinkState { id: 41, volume: Some(0.064), mute: false };
    Facts {
        config: Ok(Config::default()),
        graph: Some(Ok(Survey {
            version: "1.4.2".into(),
            session_manager: Some("WirePlumber".into()),
            default_sink: Some("spatiald.default".into()),
            sink: Some(sink),
        })),
        profile: profile::Found::Loaded(loaded),
        pcm: "hw:0".into(),
        card: card::Found::Played(8),
        mixer: Some(Vec::new()),
        daemon: daemon::Found::Running(status(State::Idle).into()),
        instance: Instance::default(),
        config_option: String::new(),
        profile_option: String::new(),
        has_service: true,
        tried: Some(Scheduling::Fifo(80)),
        limit: 95,
        grant: realtime::Grant::Audio,
        journal: Vec::new(),
    }
}

fn survey(facts: &mut Facts) -> &mut Survey {
    facts.graph.as_mut().and_then(|graph| graph.as_mut().ok()).unwrap()
}

/// The daemon waits for the device, and says so.
fn without_device(facts: &mut Facts, found: card::Found) {
    facts.card = found;
    facts.daemon = daemon::Found::Running(status(State::NoDevice).into());
    survey(facts).sink = None;
}

fn not_running(facts: &mut Facts) {
    let source = io::ErrorKind::NotFound.into();
    facts.daemon = daemon::Found::Unasked(AskError::NotRunning {
        instance: "default".into(),
        socket: "/run/user/0/spatiald/default.sock".into(),
        source,
    });
    survey(facts).sink = None;
}

/// What breaks a system, the cause that is to be named, and what is to be typed; nothing to be typed: empty.
type Case = (fn(&mut Facts), &'static str, &'static str);

const CASES: [Case; 22] = [
    (
        |facts| facts.config = Err(Complaint::whole(Path::new("/etc/spatiald/spatiald.toml"), "unknown key")),
        "configuration: /etc/spatiald/spatiald.toml: unknown key",
        "spatiald --check",
    ),
    (
        |facts| {
            let (socket, reason) = ("/run/user/0/pipewire-0".into(), "host is down".into());
            facts.graph = Some(Err(NodeError::Unreachable { socket, reason }));
            facts.daemon = daemon::Found::Running(status(State::NoPipewire).into());
        },
        "PipeWire: cannot be reached at /run/user/0/pipewire-0: host is down",
        "systemctl --user start pipewire wireplumber",
    ),
    (
        |facts| {
            let (socket, reason) = ("/run/pipewire/pipewire-0".into(), "no such file".into());
            facts.graph = Some(Err(NodeError::NoRuntimeFolder { socket, reason }));
        },
        "PipeWire: cannot be reached at /run/pipewire/pipewire-0: no such file",
        "export XDG_RUNTIME_DIR=/run/user/$(id -u)",
    ),
    (
        |facts| facts.graph = Some(Err(NodeError::Silent { socket: "/run/user/0/pipewire-0".into(), seconds: 1 })),
        "PipeWire: PipeWire at /run/user/0/pipewire-0 does not answer",
        "systemctl --user restart pipewire wireplumber",
    ),
    (|facts| facts.graph = None, "PipeWire: ", "systemctl --user restart pipewire wireplumber"),
    (
        |facts| {
            survey(facts).session_manager = None;
            survey(facts).default_sink = None;
        },
        "session manager: none is running",
        "systemctl --user start wireplumber",
    ),
    (
        |facts| {
            let holder = Some(Holder { pid: 4711, name: "jackd".into() });
            without_device(facts, card::Found::Closed(OutputError::Busy { pcm: "hw:0".into(), holder }));
        },
        "card: ALSA PCM 'hw:0' is busy: held by jackd (pid 4711)",
        "kill 4711",
    ),
    (
        |facts| {
            let holder = Some(Holder { pid: 812, name: "wireplumber".into() });
            without_device(facts, card::Found::Closed(OutputError::Busy { pcm: "hw:0".into(), holder }));
        },
        "card: ALSA PCM 'hw:0' is busy: held by wireplumber (pid 812)",
        "",
    ),
    (
        |facts| without_device(facts, card::Found::Closed(OutputError::Busy { pcm: "hw:0".into(), holder: None })),
        "card: ALSA PCM 'hw:0' is busy",
        "sudo fuser -v /dev/snd/pcmC*p",
    ),
    (
        |facts| without_device(facts, card::Found::Closed(OutputError::Permission { pcm: "hw:0".into() })),
        "card: no permission to open ALSA PCM 'hw:0'",
        "sudo adduser $USER audio",
    ),
    (|facts| without_device(facts, card::Found::Stuck), "card: hw:0 does not open and does not fail", "spatiald list"),
    (
        |facts| without_device(facts, card::Found::Free(2)),
        "card: hw:0 has 2 channels, and the profile bar needs 8",
        "spatiald list",
    ),
    (
        |facts| {
            if let profile::Found::Loaded(profile) = &mut facts.profile {
                profile.channels_needed = 12;
            }
            without_device(facts, card::Found::Free(8));
        },
        "card: hw:0 has 8 channels, and the profile bar needs 12",
        "spatiald list",
    ),
    (
        |facts| {
            facts.tried = Some(Scheduling::Other);
            facts.limit = 0;
            let denied = "not real time".to_owned();
            let mut status = status(State::Idle);
            status.realtime.writer_thread = denied;
            facts.daemon = daemon::Found::Running(status.into());
        },
        "real time: the daemon was not granted it (limit here: 0)",
        "sudo adduser $USER audio",
    ),
    (
        |facts| {
            facts.profile = profile::Found::Broken("there is no profile `bra`; installed are bar, pair".into());
            not_running(facts);
        },
        "profile: there is no profile `bra`",
        "spatiald --check",
    ),
    (
        |facts| {
            facts.profile = profile::Found::None(vec!["bar".into()]);
            facts.daemon = daemon::Found::Running(status(State::NoProfile).into());
            survey(facts).sink = None;
        },
        "profile: none is named, so nothing is played",
        "spatiald setup",
    ),
    (
        |facts| {
            if let profile::Found::Loaded(profile) = &mut facts.profile {
                profile.ignored = Some("there is no profile `gone`".into());
            }
        },
        "profile: the last --reload is not followed: there is no profile `gone`",
        "spatiald --reload --default",
    ),
    (
        |facts| {
            let control = || ControlName { name: "Mastr".into(), index: 0 };
            let wanted = MixerControl { card: None, control: control(), value: MixerValue::Db(-6.0) };
            facts.config = Ok(Config { mixer: vec![wanted], ..Config::default() });
            let reason = "the card has no such control".into();
            facts.mixer = Some(vec![MixerError::Refused { mixer: "hw:0".into(), control: control(), reason }]);
            without_device(facts, card::Found::Free(8));
        },
        "mixer: mixer control 'Mastr',0 of hw:0 cannot be set: the card has no such control",
        "spatiald --check",
    ),
    (not_running, "daemon: instance default is not running", "systemctl --user enable --now spatiald"),
    (
        |facts| survey(facts).default_sink = Some("alsa_output.hdmi".into()),
        "default sink: alsa_output.hdmi is selected, not spatiald.default",
        "wpctl set-default 41",
    ),
    (
        |facts| survey(facts).sink = Some(SinkState { id: 41, volume: Some(0.0), mute: false }),
        "volume: the sink is at 0 %",
        "wpctl set-volume 41 0.4",
    ),
    (
        |facts| survey(facts).sink = Some(SinkState { id: 41, volume: Some(1.0), mute: true }),
        "volume: the sink is muted",
        "wpctl set-mute 41 0",
    ),
];

#[test]
fn nothing_is_found_where_all_is_well() {
    let report = healthy().report();
    assert_eq!(report.cause, "nothing keeps sound away", "{report}");
    assert!(report.findings.iter().all(|finding| finding.level == Level::Ok), "{report}");
    assert!(report.to_string().contains("ok    volume           40 %\n"), "{report}");
}

#[test]
fn the_cause_comes_first_with_what_to_do() {
    for (breaks, cause, command) in CASES {
        let mut facts = healthy();
        breaks(&mut facts);
        let report = facts.report();
        assert!(report.cause.starts_with(cause), "{cause:?} is not the cause:\n{report}");
        let remedy = report.findings[0].remedy.as_ref().unwrap_or_else(|| panic!("no remedy:\n{report}"));
        assert_eq!(remedy.command.as_deref().unwrap_or_default(), command, "{report}");
        // Only what is heard, not what is missed, is no failure.
        let only_warns = ["real time", "profile: the last"].iter().any(|mild| cause.starts_with(mild));
        assert_eq!(report.failed() == 0, only_warns, "{report}");
    }
}

#[test]
fn a_card_that_wireplumber_gives_up_is_no_fault_before_it_is_asked() {
    let mut facts = healthy();
    not_running(&mut facts);
    let holder = Some(Holder { pid: 812, name: "wireplumber".into() });
    facts.card = card::Found::Closed(OutputError::Busy { pcm: "hw:0".into(), holder });
    assert!(facts.report().cause.starts_with("daemon: "), "{}", facts.report());
}

#[test]
fn who_is_heard_all_the_same_is_only_warned() {
    let mut facts = healthy();
    survey(&mut facts).default_sink = None;
    facts.daemon = daemon::Found::Running(status(State::Playing).into());
    assert_eq!(facts.report().failed(), 0);
}

#[test]
fn without_the_package_the_daemon_is_started_by_hand() {
    let mut facts = healthy();
    not_running(&mut facts);
    facts.has_service = false;
    let report = facts.report();
    let remedy = report.findings[0].remedy.as_ref().unwrap();
    assert_eq!(remedy.command.as_deref(), Some("spatiald"));
}

#[test]
fn what_is_to_be_typed_is_for_the_configuration_that_was_named() {
    let mut facts = healthy();
    not_running(&mut facts);
    facts.config_option = config_option(Path::new("/tmp/other.toml"));
    facts.profile_option = " --profile bar".into();
    facts.card = card::Found::Stuck;
    let report = facts.report();
    let command = |check: &str| {
        let finding = report.findings.iter().find(|finding| finding.check == check).unwrap();
        finding.remedy.as_ref().unwrap().command.clone().unwrap()
    };
    // The service would be started without them.
    assert_eq!(command("daemon"), "spatiald --config /tmp/other.toml --profile bar");
    assert_eq!(command("card"), "spatiald list --config /tmp/other.toml");
}

#[test]
fn what_grants_real_time_is_what_this_system_has() {
    let root = tempfile::tempdir().unwrap();
    let limits = root.path().join("etc/security/limits.d");
    std::fs::create_dir_all(&limits).unwrap();
    assert_eq!(realtime::Grant::look(root.path()), realtime::Grant::Nothing);
    std::fs::write(limits.join("25-pw-rlimits.conf"), "").unwrap();
    assert_eq!(realtime::Grant::look(root.path()), realtime::Grant::Pipewire);
    std::fs::write(limits.join("95-spatiald.conf"), "").unwrap();
    assert_eq!(realtime::Grant::look(root.path()), realtime::Grant::Audio);
}
