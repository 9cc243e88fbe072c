//! The sink in a real PipeWire session, with a stand-in for the device and a player that counts frames: what the
//! device is given must be the player's frames, all of them, bit for bit.

mod allocations;
mod device;
mod player;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use device::{Device, Run};
use nix::sys::signal::Signal;
use player::Player;
use spatiald::engine::{self, Counters, Pace, RingReader, RingWriter};
use spatiald::node::{Event, Node, PROFILE_KEY, Request, Shown, Tell};
use support::Session;
use support::source::Time;
use support::wait::wait_until;

const NAME: &str = "spatiald.test";

/// Real-time graphs share two cores badly: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The sink with everything around it.
struct Bed {
    node: Node,
    id: String,
    device: Device,
    events: mpsc::Receiver<Event>,
    counters: Arc<Counters>,
    pace: Arc<Pace>,
    session: Session,
    _turn: MutexGuard<'static, ()>,
}

fn request(session: &Session) -> Request {
    Request {
        node_name: NAME.into(),
        description: "Test Speaker".into(),
        rate_hz: 48_000,
        latency_frames: 256,
        suspend_seconds: 1,
        socket: Some(socket(session)),
    }
}

fn shown() -> Shown {
    Shown { profile: "cylinder".into(), latency_frames: 1000 }
}

fn tell(sender: mpsc::Sender<Event>) -> Tell {
    Box::new(move |event| drop(sender.send(event)))
}

fn socket(session: &Session) -> PathBuf {
    session.path("run/pipewire-0")
}

fn wait_for(what: &str, condition: impl FnMut() -> bool) {
    assert!(wait_until(condition), "waited in vain for {what}");
}

fn ring() -> (RingWriter, RingReader) {
    engine::ring(engine::ring::capacity_frames(48_000))
}

impl Bed {
    fn start(request_of: impl FnOnce(&Session) -> Request, period: usize, ppm: f64) -> Bed {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let session = Session::start();
        let request = request_of(&session);
        let pace = Pace::new(request.rate_hz).unwrap();
        let counters = Arc::new(Counters::default());
        let (writer, reader) = ring();
        let (sender, events) = mpsc::channel();
        let device = Device::start(reader, Arc::clone(&pace), period, ppm);
        let node =
            Node::spawn(request, shown(), writer, Arc::clone(&pace), Arc::clone(&counters), tell(sender)).unwrap();
        let mut bed = Bed { node, id: String::new(), device, events, counters, pace, session, _turn: turn };
        bed.await_up();
        bed.session.turn_up(NAME);
        bed
    }

    /// Waits until the sink is there.
    fn await_up(&mut self) {
        match self.await_event_that(|event| matches!(event, Event::Up(_))) {
            Event::Up(id) => self.id = id.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn play(&self, first: u32) -> Player {
        Player::start(&socket(&self.session), NAME, first)
    }

    /// Waits until the device was given `frames` more.
    fn run(&self, frames: u64) {
        let target = self.device.frames() + frames;
        let deadline = Instant::now() + Duration::from_secs(20 + 2 * frames / 48_000);
        while self.device.frames() < target {
            assert!(Instant::now() < deadline, "the device is not given frames: {:?}", self.device.heard());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn await_event(&self, wanted: &Event) {
        self.await_event_that(|event| event == wanted);
    }

    fn await_event_that(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut others = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) if wanted(&event) => return event,
                Ok(event) => others.push(event),
                Err(_) => panic!("not the event that was waited for: {others:?}"),
            }
        }
    }

    /// The one run that was played from `first`, without a gap.
    fn one_run(&self, first: u32) -> Run {
        let heard = self.device.heard();
        assert_eq!(heard.foreign, 0);
        assert_eq!(heard.runs.len(), 1, "gaps: {:?}", heard.runs);
        assert_eq!(heard.runs[0].first, first, "the first frames were lost");
        heard.runs[0]
    }

    fn wpctl(&self, arguments: &[&str]) -> String {
        self.session.text("wpctl", arguments)
    }
}

#[test]
fn frames_arrive_bit_for_bit_whatever_the_device_s_clock() {
    // `SPATIALD_TEST_SECONDS=60` for the long version.
    let seconds = std::env::var("SPATIALD_TEST_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(4);
    for (period, ppm) in [(256, 200.0), (1024, -300.0), (256, -300.0), (1024, 200.0)] {
        let bed = Bed::start(|session| Request { latency_frames: period as u32, ..request(session) }, period, ppm);
        let player = bed.play(1);
        bed.run(seconds * 48_000);
        drop(player);
        bed.one_run(1);
        let counts = bed.counters.snapshot();
        assert_eq!(counts.quantum_frames as usize, period);
        assert_eq!(counts.overruns, 0);
        assert!(counts.data_thread != engine::Scheduling::Unknown);
    }
}

#[test]
fn the_quantum_changes_without_a_gap() {
    let bed = Bed::start(request, 256, 200.0);
    let _player = bed.play(1);
    bed.run(12_000);
    for quantum in [256, 1024, 64, 256, 2048, 32, 8192, 0] {
        bed.session.force_quantum(quantum);
        let expected = if quantum == 0 { 256 } else { quantum };
        wait_for("the quantum", || bed.counters.snapshot().quantum_frames == expected);
        bed.run(24_000);
    }
    bed.one_run(1);
    assert!(allocations::data_thread_is_known());
    assert_eq!(allocations::on_the_data_thread(), 0);
}

#[test]
fn players_see_time_and_latency() {
    let bed = Bed::start(request, 256, 0.0);
    let player = bed.play(1);
    bed.run(24_000);
    wait_for("the published latency", || player.time().delay == 1000);
    let before = player.time().ticks;
    bed.run(48_000);
    let ticks = player.time().ticks - before;
    assert!(ticks.abs_diff(48_000) < 10_000, "{ticks} ticks in about 48000 frames");
    bed.node.publish_latency(4321);
    wait_for("the new latency", || player.time().delay == 4321);
    bed.one_run(1);
}

#[test]
fn a_sink_of_another_rate_runs_and_tells_its_latency_in_time() {
    for rate_hz in [44_100, 96_000] {
        let bed = Bed::start(|session| Request { rate_hz, ..request(session) }, 256, 0.0);
        let player = bed.play(1);
        wait_for("a second of sound", || bed.counters.snapshot().frames_in > u64::from(rate_hz));
        wait_for("the published latency", || {
            let Time { delay, rate_hz: graph_hz, .. } = player.time();
            let expected = 1000.0 * f64::from(graph_hz) / f64::from(rate_hz);
            (delay as f64 - expected).abs() <= 1.0 && expected > 0.0
        });
        bed.session.force_quantum(8192);
        wait_for("the largest quantum", || bed.counters.snapshot().quantum_frames > 7000);
        let before = bed.counters.snapshot();
        wait_for("another second", || bed.counters.snapshot().frames_in > before.frames_in + u64::from(rate_hz));
        assert_eq!(bed.counters.snapshot().overruns, 0);
    }
}

#[test]
fn the_first_sound_after_a_pause_and_after_suspension_is_not_lost() {
    let bed = Bed::start(request, 256, 200.0);
    let player = bed.play(1);
    bed.await_event(&Event::Streaming);
    bed.run(24_000);
    drop(player);
    bed.await_event(&Event::Paused);
    assert!(!bed.pace.is_streaming());
    let player = bed.play(1_000_000);
    bed.await_event(&Event::Streaming);
    bed.run(24_000);
    drop(player);
    bed.await_event(&Event::Suspended);
    let player = bed.play(2_000_000);
    bed.await_event(&Event::Resumed);
    bed.run(24_000);
    drop(player);
    let heard = bed.device.heard();
    let firsts: Vec<u32> = heard.runs.iter().map(|run| run.first).collect();
    assert_eq!(firsts, [1, 1_000_000, 2_000_000], "{:?}", heard.runs);
}

#[test]
fn volume_and_mute_work_and_are_remembered() {
    let mut bed = Bed::start(request, 256, 0.0);
    let id = bed.id.clone();
    let _player = bed.play(1);
    bed.run(12_000);
    bed.one_run(1);
    // wpctl's scale is cubic: 0.5 is a gain of 1/8.
    bed.wpctl(&["set-volume", &id, "0.5"]);
    let frames = bed.counters.snapshot().frames_in;
    wait_for("12000 frames", || bed.counters.snapshot().frames_in > frames + 12_000);
    let foreign = bed.device.heard().foreign;
    assert!(foreign > 0, "an eighth of most counts is no count");
    bed.wpctl(&["set-mute", &id, "1"]);
    wait_for("silence", || bed.device.heard().last == 0.0);
    bed.wpctl(&["set-mute", &id, "0"]);
    wait_for("sound", || bed.device.heard().last != 0.0);
    assert!(bed.wpctl(&["get-volume", &id]).contains("0.50"));

    let runs = bed.device.heard().runs.len();
    bed.wpctl(&["set-volume", &id, "1.0"]);
    wait_for("exact samples again", || {
        let heard = bed.device.heard().runs;
        heard.len() > runs && heard.last().is_some_and(|run| run.frames > 12_000)
    });
    bed.wpctl(&["set-volume", &id, "0.5"]);

    // A new node of the same name is the same speaker to its users.
    wait_for("the volume to be stored", || bed.session.stored_streams().contains("0.125"));
    bed.node.present(Request { latency_frames: 512, ..request(&bed.session) }).unwrap();
    bed.await_up();
    wait_for("the volume to be restored", || bed.wpctl(&["get-volume", &bed.id]).contains("0.50"));
}

#[test]
fn the_profile_is_shown_and_asked_for() {
    let bed = Bed::start(request, 256, 0.0);
    let id = bed.id.clone();
    let shown = || bed.session.text("pw-dump", &[&id]);
    wait_for("the profile", || shown().contains(PROFILE_KEY) && shown().contains("\"cylinder\""));
    let params = format!("{{ params = [ \"{PROFILE_KEY}\" \"wide\" ] }}");
    bed.session.text("pw-cli", &["s", &id, "Props", &params]);
    bed.await_event(&Event::ProfileRequested("wide".into()));
    bed.node.show_profile("wide");
    wait_for("the new profile", || shown().contains("\"wide\""));
    assert!(!shown().contains("\"cylinder\""));
}

#[test]
fn a_desktop_finds_a_speaker() {
    let bed = Bed::start(request, 256, 0.0);
    let id = bed.id.clone();
    bed.wpctl(&["set-default", &id]);
    let status = bed.wpctl(&["status"]);
    let line = status.lines().find(|line| line.contains("Test Speaker")).unwrap_or_else(|| panic!("{status}"));
    assert!(line.contains('*'), "not the default: {line}");
    let dump = bed.session.text("pw-dump", &[&id]);
    for property in [
        r#""media.class": "Audio/Sink""#,
        r#""node.name": "spatiald.test""#,
        r#""media.name": "spatiald.test""#,
        r#""node.rate": "1/48000""#,
        r#""node.virtual": false"#,
        r#""session.suspend-timeout-seconds": 1"#,
    ] {
        assert!(dump.contains(property), "{property} in {dump}");
    }
}

#[test]
fn another_driver_can_win_and_lose() {
    let bed = Bed::start(request, 256, 0.0);
    wait_for("the graph to be ours", || bed.pace.is_driving());
    let _player = bed.play(1);
    bed.run(12_000);
    let other = "{ factory.name=support.null-audio-sink node.name=other media.class=Audio/Sink object.linger=true
        audio.position=[FL FR] priority.driver=40000 priority.session=1 }";
    bed.session.text("pw-cli", &["create-node", "adapter", other]);
    wait_for("the other sink", || bed.session.text("pw-link", &["-i"]).contains("other:playback_FL"));
    bed.session.text("pw-link", &["spatiald.test:monitor_FL", "other:playback_FL"]);
    bed.await_event(&Event::DriverLost);
    assert!(!bed.pace.is_driving());
    bed.run(24_000);
    bed.session.text("pw-link", &["-d", "spatiald.test:monitor_FL", "other:playback_FL"]);
    bed.await_event(&Event::DriverWon);
    assert!(bed.pace.is_driving());
    bed.run(24_000);
    assert_eq!(bed.device.heard().foreign, 0);
}

#[test]
fn pipewire_s_death_is_told_and_survived() {
    let mut bed = Bed::start(request, 256, 0.0);
    let player = bed.play(1);
    bed.run(12_000);
    bed.session.kill_pipewire();
    let lost = bed.await_event_that(|event| matches!(event, Event::Down(_)));
    assert!(!bed.pace.is_streaming() && !bed.pace.is_driving());
    drop(player);
    // While it is away, the reason names the socket, and is told once.
    let away = bed.await_event_that(|event| matches!(event, Event::Down(_)));
    assert!(lost != away && format!("{away:?}").contains(socket(&bed.session).to_str().unwrap()), "{lost:?} {away:?}");
    assert!(bed.events.recv_timeout(Duration::from_secs(3)).is_err(), "told again");

    bed.session.start_pipewire();
    bed.await_up();
    bed.session.turn_up(NAME);
    let _player = bed.play(5_000_000);
    bed.run(24_000);
    let heard = bed.device.heard();
    assert_eq!(heard.foreign, 0);
    assert_eq!(heard.runs.last().unwrap().first, 5_000_000, "{:?}", heard.runs);
}

#[test]
fn a_stream_of_our_own_into_our_own_sink_is_told() {
    let bed = Bed::start(request, 256, 0.0);
    // This process plays: what the daemon must never do.
    let player = bed.play(1);
    bed.await_event(&Event::Feedback("source".into()));
    drop(player);
    bed.await_event(&Event::FeedbackEnded);
}

#[test]
fn a_pipewire_that_hangs_hangs_nobody_else() {
    let bed = Bed::start(request, 256, 0.0);
    let player = bed.play(1);
    bed.run(12_000);
    bed.session.signal_pipewire(Signal::SIGSTOP);
    let (writer, _reader) = ring();
    let (sender, events) = mpsc::channel();
    let asked = Instant::now();
    let second = Node::spawn(
        Request { node_name: "spatiald.second".into(), ..request(&bed.session) },
        shown(),
        writer,
        Pace::new(48_000).unwrap(),
        Arc::default(),
        tell(sender),
    )
    .unwrap();
    second.publish_latency(1);
    assert!(asked.elapsed() < Duration::from_secs(1), "spawning waits");
    let told = events.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(&told, Event::Down(reason) if reason.contains("did not create the node")), "{told:?}");
    bed.session.signal_pipewire(Signal::SIGCONT);
    let told = events.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(told, Event::Up(_)), "{told:?}");
    drop(player);
}
