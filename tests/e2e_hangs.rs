//! Whatever hangs below the daemon, it answers, says so, and ends when it is told to.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use support::card::Word;
use support::frozen::Births;
use support::wait::wait_until;
use support::{Bed, Card, Daemon, Frozen, Options, Session, Setup, undisturbed};

const WRITER: &str = "output-writer";
/// The daemon promises 200 ms; the machine that tests it is shared. A loop that waits for a device or a server waits for
/// seconds.
const ANSWER: Duration = Duration::from_secs(1);
/// The daemon promises two seconds.
const END: Duration = Duration::from_secs(3);

fn bed() -> Bed {
    Bed::start(Setup { quantum_frames: 256, pulse: false }, &Options::default())
}

/// One answer, and how long the daemon took for it.
fn ask(session: &Session) -> (Value, Duration) {
    let asked = Instant::now();
    let mut stream = UnixStream::connect(session.path("run/spatiald/test.sock")).expect("the daemon listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
    stream.write_all(b"\"status\"\n").expect("it reads");
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).expect("it answers");
    let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
    (answer["status"].take(), asked.elapsed())
}

/// Asks fifty times, over a second or more; the last answer.
fn assert_answers(session: &Session, while_what: &str) -> Value {
    let mut last = Value::Null;
    let mut times: Vec<Duration> = (0..50)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let (answer, time) = ask(session);
            last = answer;
            time
        })
        .collect();
    times.sort();
    println!("{while_what}: answers after {:?}, at most {:?}", times[25], times[49]);
    assert!(times[49] < ANSWER, "{while_what}: {times:?}");
    last
}

fn wait_for_state(session: &Session, daemon: &Daemon, state: &str) {
    let reached = wait_until(|| {
        daemon.assert_alive();
        ask(session).0["state"] == state
    });
    assert!(reached, "{}\n{}", ask(session).0, daemon.log());
}

/// Ends it by SIGTERM; `meanwhile` is called until it has ended.
fn assert_ends(daemon: &mut Daemon, while_what: &str, mut meanwhile: impl FnMut()) {
    let asked = Instant::now();
    daemon.signal(Signal::SIGTERM);
    let ended = wait_until(|| {
        meanwhile();
        daemon.process().ended().is_some()
    });
    println!("{while_what}: ended after {:?}", asked.elapsed());
    assert!(ended && asked.elapsed() < END, "{while_what}: {:?}\n{}", asked.elapsed(), daemon.log());
}

#[test]
fn a_frozen_writer_is_told_of_and_hangs_nothing_else() {
    undisturbed(|| {
        let mut bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        let pid = bed.daemon.process().pid();
        let writer = Frozen::thread_of(pid, WRITER);
        wait_for_state(&bed.session, &bed.daemon, "stalled");
        let status = assert_answers(&bed.session, "a frozen writer");
        assert!(status["problems"][0].as_str().unwrap().contains("does not move"), "{status}");
        drop(writer);
        wait_for_state(&bed.session, &bed.daemon, "playing");
        assert!(bed.daemon.log().contains("sound moves again"));
        let writer = Frozen::thread_of(pid, WRITER);
        assert_ends(&mut bed.daemon, "a frozen writer", || writer.reap());
    });
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut bed = bed();
    let pid = bed.daemon.process().pid();
    let writer = Frozen::thread_of(pid, WRITER);
    bed.daemon.signal(Signal::SIGTERM);
    // The first one has come: it waits for the writer now.
    std::thread::sleep(Duration::from_millis(300));
    assert!(bed.daemon.process().ended().is_none(), "it did not wait for the writer:\n{}", bed.daemon.log());
    let asked = Instant::now();
    bed.daemon.signal(Signal::SIGTERM);
    assert!(wait_until(|| {
        writer.reap();
        bed.daemon.process().ended().is_some()
    }));
    println!("a second SIGTERM: ended after {:?}", asked.elapsed());
    assert_eq!(bed.daemon.process().wait().code(), Some(1));
    assert!(asked.elapsed() < ANSWER, "{:?}", asked.elapsed());
}

#[test]
fn a_pipewire_that_stands_still_is_told_of_and_recovers() {
    undisturbed(|| {
        let mut bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        bed.session.signal_pipewire(Signal::SIGSTOP);
        // On 1.4 sink and player wake each other and play on without PipeWire's own thread; on 0.3.65 the graph stands still.
        let cycles = || ask(&bed.session).0["cycles"].as_u64().expect("a number");
        let before = cycles();
        bed.listen(2.0);
        let plays_on = cycles() > before + 300;
        let told = plays_on || wait_until(|| ask(&bed.session).0["state"] == "stalled");
        assert!(told, "{}\n{}", ask(&bed.session).0, bed.daemon.log());
        assert_answers(&bed.session, "a stopped PipeWire");
        bed.session.signal_pipewire(Signal::SIGCONT);
        wait_for_state(&bed.session, &bed.daemon, "playing");
        let after = bed.listen(1.0);
        assert!(bed.heard(0, after).iter().any(|sample| sample.abs() > 1e-3), "silence");
        bed.session.signal_pipewire(Signal::SIGSTOP);
        assert_ends(&mut bed.daemon, "a stopped PipeWire", || {});
        bed.session.signal_pipewire(Signal::SIGCONT);
    });
}

#[test]
fn a_pipewire_that_accepts_and_never_answers_hangs_nothing() {
    let mut session = Session::start();
    session.kill_pipewire();
    let socket = session.path("run/pipewire-0");
    std::fs::remove_file(&socket).expect("a socket that was left over");
    let _mute = UnixListener::bind(&socket).expect("its place");
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    let mut daemon = Daemon::launch(&session, &card, &Options::default());
    assert!(wait_until(|| daemon.try_status().is_some()), "{}", daemon.log());
    assert_answers(&session, "a PipeWire that never answers");
    wait_for_state(&session, &daemon, "no-pipewire");
    assert_ends(&mut daemon, "a PipeWire that never answers", || {});
}

#[test]
fn a_card_that_opens_slowly_hangs_nothing() {
    let session = Session::start();
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    card.set(Word::OpenDelayMs, 8000);
    let mut daemon = Daemon::launch(&session, &card, &Options::default());
    assert!(wait_until(|| daemon.try_status().is_some()), "{}", daemon.log());
    let status = assert_answers(&session, "a card that takes 8 s to open");
    assert_eq!((&status["state"], card.get(Word::Opens)), (&"starting".into(), 0));
    assert_ends(&mut daemon, "a card that takes 8 s to open", || {});
}

#[test]
fn what_is_missing_at_the_start_is_waited_for_with_its_remedy() {
    let mut session = Session::start();
    session.kill_pipewire();
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    card.unplug();
    let daemon = Daemon::launch(&session, &card, &Options::default());
    assert!(wait_until(|| daemon.try_status().is_some()), "{}", daemon.log());
    wait_for_state(&session, &daemon, "no-device");
    let problems = |session: &Session| ask(session).0["problems"].to_string();
    let told = |session: &Session| problems(session).contains("PipeWire") && problems(session).contains("testcard");
    assert!(wait_until(|| told(&session)), "{}", problems(&session));
    card.replug();
    wait_for_state(&session, &daemon, "no-pipewire");
    session.start_pipewire();
    daemon.wait_until_ready(&session);
    assert_eq!(problems(&session), "[]");
}

/// A device that opens and does not start: opened now and then, told once, with what the system said.
#[test]
fn a_card_that_opens_and_does_not_start_is_left_in_peace() {
    let session = Session::start();
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    card.set(Word::StartErrno, i64::from(nix::libc::ENOSPC));
    let daemon = Daemon::launch(&session, &card, &Options::default());
    assert!(wait_until(|| card.get(Word::Opens) >= 5), "{}", daemon.log());
    let (opens, begin) = (card.get(Word::Opens), Instant::now());
    std::thread::sleep(Duration::from_secs(5));
    let opened = (card.get(Word::Opens) - opens) as f64 / begin.elapsed().as_secs_f64();
    assert!(opened <= 2.5, "opened {opened:.1} times a second:\n{}", daemon.log());
    let (status, _) = ask(&session);
    assert_eq!(status["state"], "no-device", "{status}");
    assert!(daemon.log().lines().count() < 200, "{}", daemon.log());
    card.set(Word::StartErrno, 0);
    daemon.wait_until_ready(&session);
}

/// A card of another rate, by a reload and in the old one's place: the profile is resampled to what it takes.
#[test]
fn a_card_of_another_rate_is_played_on() {
    let options = Options::default();
    let mut bed = Bed::with_card(
        Card::with_limits("CHANNELS=8,FORMATS=S32_LE,RATES=48000"),
        Setup { quantum_frames: 256, pulse: false },
        &options,
    );
    let _player = bed.play_tone(0.1, 256, 0.5);
    let other = Card::with_limits("CHANNELS=8,FORMATS=S32_LE,RATES=44100");
    bed.daemon.move_to(&bed.session, &other, &options);
    bed.daemon.reload("cylinder");
    assert_eq!(bed.daemon.status()["rate_hz"], 44_100);
    bed.card = other;
    assert!(wait_until(|| bed.card.recording().first_sound().is_some()), "{}", bed.daemon.log());
    // And back, although the other one's rate was what it ran at.
    let first = Card::with_limits("CHANNELS=8,FORMATS=S32_LE,RATES=96000");
    bed.daemon.move_to(&bed.session, &first, &options);
    bed.daemon.reload("cylinder");
    assert_eq!(bed.daemon.status()["rate_hz"], 96_000);
    bed.card = first;
    assert!(wait_until(|| bed.card.recording().first_sound().is_some()), "{}", bed.daemon.log());
}

/// SIGSTOP and SIGCONT of the daemon itself: its main loop may look before the threads that carry sound have run.
#[test]
fn a_daemon_that_was_stopped_itself_tells_of_no_standstill() {
    undisturbed(|| {
        let bed = bed();
        let _player = bed.play_tone(0.1, 256, 1.0);
        for seconds in [1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 10.0] {
            bed.daemon.signal(Signal::SIGSTOP);
            std::thread::sleep(Duration::from_secs_f64(seconds));
            bed.daemon.signal(Signal::SIGCONT);
            bed.listen(1.0);
            assert!(!bed.daemon.log().contains("stalled: "), "{}", bed.daemon.log());
        }
        wait_for_state(&bed.session, &bed.daemon, "playing");
        let after = bed.listen(1.0);
        assert!(bed.heard(0, after).iter().any(|sample| sample.abs() > 1e-3), "silence");
    });
}

/// Each reload that waits for a file in vain leaves a thread; a few may do so. Their thread stands for one in `read` on a
/// share that is gone: nothing else can end it either. What is set meanwhile needs no file but the one that keeps it.
#[test]
fn files_that_never_answer_cost_a_few_threads_and_the_next_request_is_told() {
    let bed = bed();
    let pid = bed.daemon.pid();
    let set = |change: &str| {
        let output = bed.daemon.ask(&["--set", change]);
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success() && !told.contains("will not outlast"), "{change}: {told}");
    };
    set("seat=10");
    std::fs::remove_file(bed.session.path("config/spatiald/profiles/cylinder/device.toml")).expect("its description");
    let births = Births::of(pid);
    let mut frozen: Vec<Frozen> = Vec::new();
    let reload = |name: String| bed.session.spawn(&name, &mut bed.daemon.ask_later(&["--reload", "cylinder-wide"]));
    for attempt in 0..3 {
        let mut client = reload(format!("reload-{attempt}"));
        frozen.push(births.next());
        assert_eq!(client.wait().code(), Some(1));
        assert!(client.output().contains("has not ended within 10 s"), "{}", client.output());
    }
    drop(births);
    let threads = support::frozen::threads(pid).len();
    for attempt in 0..20 {
        let mut client = reload(format!("refused-{attempt}"));
        assert_eq!(client.wait().code(), Some(1));
        assert!(client.output().contains("3 earlier requests still wait for files"), "{}", client.output());
    }
    assert_eq!(support::frozen::threads(pid).len(), threads);
    for change in ["center_db=2", "seat=-10", "center_db=-2", "mono=on"] {
        set(change);
    }
    let (status, _) = ask(&bed.session);
    let is = (&status["controls"]["center_db"]["value"], &status["seat"]["azimuth_deg"], &status["problems"]);
    assert_eq!(is, (&"-2".into(), &(-10.0).into(), &Value::Array(Vec::new())));
    frozen.pop();
    assert!(wait_until(|| reload("again".into()).wait().code() == Some(0)), "{}", bed.daemon.log());
}

/// The card asks for another rate, and the files that it takes do not answer in time: what they give is taken later.
#[test]
fn a_card_of_another_rate_is_played_on_when_late_files_answer() {
    let bed = bed();
    let _player = bed.play_tone(0.1, 256, 1.0);
    bed.card.unplug();
    wait_for_state(&bed.session, &bed.daemon, "no-device");
    bed.card.set(Word::OnlyRateHz, 44_100);
    let births = Births::of(bed.daemon.pid());
    bed.card.replug();
    let reader = births.next();
    let reason = "profile has not ended within 10 s";
    assert!(wait_until(|| bed.daemon.log().contains(reason)), "{}", bed.daemon.log());
    std::thread::sleep(Duration::from_secs(3));
    assert!(births.try_next().is_none(), "another thread reads the same");
    drop(births);
    let status = assert_answers(&bed.session, "late files");
    assert!(status["problems"].to_string().contains(reason), "{status}");
    drop(reader);
    wait_for_state(&bed.session, &bed.daemon, "playing");
    let (status, _) = ask(&bed.session);
    assert_eq!((&status["rate_hz"], &status["problems"]), (&44_100.into(), &Value::Array(Vec::new())));
}

/// A daemon whose profile lies on a share that does not answer: its reading thread.
fn late_start(session: &Session, card: &Card) -> (Daemon, Frozen) {
    let environment = [("NOTIFY_SOCKET", session.path("run/notify").into_os_string())];
    let (daemon, births) = Daemon::launch_with_births(session, card, &Options::default(), &environment);
    // Before it reads, it listens for signals and at its socket.
    drop([births.next(), births.next()]);
    let reader = births.next();
    drop(births);
    let is_told = || daemon.try_status().is_some_and(|it| it["problems"].to_string().contains("within 10 s"));
    assert!(wait_until(is_told), "{:?}\n{}", daemon.try_status(), daemon.log());
    (daemon, reader)
}

#[test]
fn a_start_whose_files_never_answer_is_told_of_and_goes_on_when_they_do() {
    let session = Session::start();
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    let mut manager = ServiceManager::bind(&session);
    let (daemon, reader) = late_start(&session, &card);
    let status = assert_answers(&session, "a start whose files never answer");
    assert_eq!(status["state"], "starting", "{status}");
    let reason = "reading configuration and profile has not ended within 10 s";
    assert!(wait_until(|| manager.count(&format!("STATUS=starting: {reason}")) == 1), "{:?}", manager.heard);
    assert_eq!(manager.count("READY=1"), 1, "as for a card that is missing: {:?}", manager.heard);
    assert_eq!(daemon.log().matches(reason).count(), 1, "{}", daemon.log());
    let set = daemon.ask(&["--set", "mono=on"]);
    let told = String::from_utf8_lossy(&set.stderr).into_owned();
    assert!(set.status.code() == Some(1) && told.contains(reason), "{told}");
    drop(reader);
    daemon.wait_until_ready(&session);
    assert_eq!(ask(&session).0["profile"]["name"], "cylinder");
}

#[test]
fn a_start_whose_files_never_answer_is_overtaken_by_a_reload_and_ends_when_told_to() {
    let session = Session::start();
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    let _manager = ServiceManager::bind(&session);
    std::fs::create_dir_all(session.path("state/spatiald/test")).expect("a folder");
    std::fs::write(session.path("state/spatiald/test/settings"), "center_db=3\n").expect("what was set before");
    let (mut daemon, reader) = late_start(&session, &card);
    daemon.reload("cylinder-wide");
    daemon.wait_until_ready(&session);
    let (status, _) = ask(&session);
    assert_eq!((&status["problems"], &status["state"]), (&Value::Array(Vec::new()), &"idle".into()));
    assert_eq!(status["controls"]["center_db"]["value"], "3");
    drop(reader);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(ask(&session).0["profile"]["name"], "cylinder-wide", "what comes later is older");
    assert_eq!(daemon.process().terminate().code(), Some(0));

    let (mut daemon, reader) = late_start(&session, &card);
    assert_ends(&mut daemon, "a start whose files never answer", || reader.reap());
}

/// What a service manager hears. Its socket's buffer is the kernel's: nothing is lost as long as it reads.
struct ServiceManager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl ServiceManager {
    fn bind(session: &Session) -> ServiceManager {
        let socket = UnixDatagram::bind(session.path("run/notify")).expect("its socket");
        socket.set_nonblocking(true).expect("no waiting");
        ServiceManager { socket, heard: Vec::new() }
    }

    fn listen(&mut self) -> &[String] {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        &self.heard
    }

    fn count(&mut self, what: &str) -> usize {
        self.listen().iter().filter(|line| line.starts_with(what)).count()
    }
}

/// A daemon whose service manager wants a sign of life every `watchdog`.
fn managed(session: &Session, card: &Card, watchdog: Duration) -> Daemon {
    let environment = [
        ("NOTIFY_SOCKET", session.path("run/notify").into_os_string()),
        ("WATCHDOG_USEC", watchdog.as_micros().to_string().into()),
    ];
    Daemon::launch_with(session, card, &Options::default(), &environment)
}

/// A session with such a daemon, which is ready; a sign of life is wanted every 1.5 s.
fn managed_bed() -> (Bed, ServiceManager) {
    let session = Session::with(Setup { quantum_frames: 256, pulse: false });
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    let manager = ServiceManager::bind(&session);
    let daemon = managed(&session, &card, Duration::from_millis(1500));
    daemon.wait_until_ready(&session);
    (Bed { daemon, session, card }, manager)
}

#[test]
fn the_service_manager_hears_what_is_so() {
    undisturbed(|| {
        let (mut bed, mut manager) = managed_bed();
        let _player = bed.play_tone(0.1, 256, 0.5);
        assert!(wait_until(|| manager.count("STATUS=playing: profile cylinder") > 0), "{:?}", manager.heard);
        assert_eq!(manager.count("READY=1"), 1, "{:?}", manager.heard);

        // A third of 1.5 s: six in three seconds, and no word more.
        let before = (manager.count("WATCHDOG=1"), manager.listen().len());
        bed.listen(3.0);
        let told = manager.count("WATCHDOG=1") - before.0;
        assert!((3..=7).contains(&told), "{told} signs of life in 3 s");
        assert_eq!(manager.listen().len() - before.1, told, "{:?}", &manager.heard[before.1..]);

        bed.daemon.signal(Signal::SIGHUP);
        assert!(wait_until(|| manager.count("READY=1") == 2), "{:?}", manager.heard);
        let reloading: Vec<&String> = manager.heard.iter().filter(|line| line.starts_with("RELOADING=1")).collect();
        let since = reloading[0].lines().nth(1).and_then(|line| line.strip_prefix("MONOTONIC_USEC="));
        let since: i64 = since.expect("since when").parse().expect("a number");
        assert!((0..60_000_000).contains(&(support::wait::now_ns() / 1000 - since)), "{reloading:?}");

        let pid = bed.daemon.process().pid();
        let writer = Frozen::thread_of(pid, WRITER);
        assert!(wait_until(|| manager.count("STATUS=stalled") > 0), "{:?}", manager.heard);
        let before = manager.count("WATCHDOG=1");
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(manager.count("WATCHDOG=1"), before, "a sign of life although no sound moves");
        drop(writer);
        assert!(wait_until(|| manager.count("WATCHDOG=1") > before), "{:?}", manager.heard);
        assert_eq!(bed.daemon.process().terminate().code(), Some(0));
        assert_eq!(manager.count("STOPPING=1"), 1);
    });
}

/// A daemon that is started anew would find the same PipeWire.
#[test]
fn a_pipewire_that_stands_still_costs_no_restart() {
    undisturbed(|| {
        let (bed, mut manager) = managed_bed();
        let _player = bed.play_tone(0.1, 256, 0.5);
        bed.session.signal_pipewire(Signal::SIGSTOP);
        // By then it is told to stand still, where it does (PipeWire 0.3).
        bed.listen(2.0);
        let before = manager.count("WATCHDOG=1");
        assert!(wait_until(|| manager.count("WATCHDOG=1") >= before + 3), "{:?}", manager.heard);
        bed.session.signal_pipewire(Signal::SIGCONT);
        wait_for_state(&bed.session, &bed.daemon, "playing");
    });
}

#[test]
fn a_service_manager_that_does_not_read_hangs_nothing() {
    let session = Session::start();
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    let _deaf = ServiceManager::bind(&session);
    // A sign of life every tick fills its buffer soon.
    let mut daemon = managed(&session, &card, Duration::from_millis(3));
    daemon.wait_until_ready(&session);
    for _ in 0..200 {
        daemon.signal(Signal::SIGHUP);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(wait_until(|| daemon.log().contains("was not told")), "its buffer never was full");
    assert_answers(&session, "a deaf service manager");
    assert_ends(&mut daemon, "a deaf service manager", || {});
}

/// Any program may set a sink's properties: that is no way to have it read any file.
#[test]
fn the_sinks_properties_take_no_path() {
    let bed = bed();
    let id = bed.session.node_id(&bed.daemon.sink()).to_string();
    let folder = bed.session.path("elsewhere");
    support::daemon::copy_folder(&support::daemon::shipped_profile("cylinder-wide"), &folder);
    for path in [folder.to_str().unwrap(), "../profiles/cylinder-wide", "."] {
        let wish = format!("{{ params = [ \"spatiald:profile\" \"{path}\" ] }}");
        bed.session.text("pw-cli", &["set-param", &id, "Props", &wish]);
        assert!(wait_until(|| bed.daemon.log().contains(&format!("asked for {path:?}"))), "{}", bed.daemon.log());
    }
    let (status, _) = ask(&bed.session);
    assert_eq!(status["profile"]["name"], "cylinder");
    assert!(!bed.daemon.log().contains(" → "), "{}", bed.daemon.log());
}
