//! The control socket against clients that mean no good, and against the loss of its files: on a real Unix socket, with
//! a stand-in for the main loop.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Uid;
use spatiald::daemon::Instance;
use spatiald::daemon::control::status::Status;
use spatiald::daemon::control::{AskError, Asked, Choice, ListenError, Reply, Request, Server, ask};

/// A line of the protocol, as a client sends it.
const RELOAD: &[u8] = b"{\"reload\":\"again\"}\n";
const STATUS: &[u8] = b"\"status\"\n";
/// A request whose connection stays behind its answer.
const SOUND: &[u8] = b"{\"identify\":{\"band_hz\":[500,4000],\"channel\":0}}\n";
/// Long for a condition that comes within milliseconds, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a folder of its own, and in place of the main loop what answers status at once and keeps reloads.
struct Bed {
    // Dropped first: it waits for the thread that holds the others.
    server: Option<Server>,
    reloads: Arc<Mutex<Vec<Asked>>>,
    instance: Instance,
    _folder: tempfile::TempDir,
    // Logs, memory and file descriptors are the process's: one test at a time.
    _alone: MutexGuard<'static, ()>,
}

impl Bed {
    fn start() -> Bed {
        Bed::answering(status(1))
    }

    fn answering(status: Status) -> Bed {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let instance = Instance::default().with_socket_folder(folder.path().join("spatiald"));
        let reloads = Arc::new(Mutex::new(Vec::new()));
        let kept = reloads.clone();
        let server = Server::open(&instance, move |asked: Asked| match asked.request {
            Request::Status => {
                asked.reply.send(Reply::Status(Box::new(status.clone())));
            }
            Request::Reload(_) | Request::Set { .. } | Request::Identify(_) => kept.lock().unwrap().push(asked),
        });
        Bed { server: Some(server.unwrap()), reloads, instance, _folder: folder, _alone: alone }
    }

    fn folder(&self) -> PathBuf {
        self._folder.path().join("spatiald")
    }

    fn socket(&self) -> PathBuf {
        self.folder().join("default.sock")
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.socket()).unwrap()
    }

    fn send(&self, request: &[u8]) -> UnixStream {
        let mut client = self.connect();
        client.write_all(request).unwrap();
        client
    }

    fn assert_serves(&self) {
        let reply = ask(&self.instance, &Request::Status);
        assert!(matches!(reply, Ok(Reply::Status(_))), "no status: {reply:?}");
    }
}

/// A status whose answer takes about `bytes`.
fn status(bytes: usize) -> Status {
    let latency = r#"{"total_frames":0,"total_ms":0,"block_frames":0,"upmix_frames":0,"filter_frames":0,
        "limiter_frames":0,"resampler_frames":0,"ring_frames":0,"device_frames":0}"#;
    let json = format!(
        r#"{{"schema":1,"version":"0","instance":"default","state":"idle","profile":null,"problems":["{}"],
        "rate_hz":48000,"quantum_frames":0,"graph":{{"driving":true,"correction_ppm":0}},"latency":{latency},
        "dsp_load":{{"mean":0,"max":0}},"xruns":0,"underruns":0,"cycles":0,"frames":0,"drift_ppm":null,
        "gain_reduction_db":{{}},"realtime":{{"data_thread":"","writer_thread":""}},"device":null,"pcm":"hw:0"}}"#,
        "x".repeat(bytes)
    );
    serde_json::from_str(&json).unwrap()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "{what}: not within {} s", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(5));
    }
}

/// What the server says to this client before it closes the connection.
fn answer(client: &UnixStream) -> String {
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).expect("an answer, or the end");
    line
}

/// Lines about the control socket in the log so far.
fn logged() -> usize {
    struct Counter;
    static LINES: AtomicUsize = AtomicUsize::new(0);
    impl log::Log for Counter {
        fn enabled(&self, _: &log::Metadata) -> bool {
            true
        }
        fn log(&self, record: &log::Record) {
            if record.level() <= log::Level::Info && record.args().to_string().starts_with("control socket") {
                LINES.fetch_add(1, Ordering::Relaxed);
            }
        }
        fn flush(&self) {}
    }
    if log::set_logger(&Counter).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    LINES.load(Ordering::Relaxed)
}

fn resident_bytes() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn clients_that_left_hold_no_place() {
    let bed = Bed::start();
    for _ in 0..130 {
        drop(bed.send(RELOAD));
    }
    bed.assert_serves();
    // The main loop answers nobody who is there: and its places are free again.
    bed.reloads.lock().unwrap().clear();
    let client = bed.send(RELOAD);
    wait_until("a reload reaches the main loop", || !bed.reloads.lock().unwrap().is_empty());
    bed.reloads.lock().unwrap().pop().unwrap().reply.send(Reply::Refused { reason: "why".into(), causes: vec![] });
    assert!(answer(&client).contains("why"));
}

#[test]
fn reloads_that_wait_leave_places_for_status_and_the_rest_is_told() {
    let bed = Bed::start();
    let mut clients: Vec<_> = (0..130).map(|_| bed.send(RELOAD)).collect();
    bed.assert_serves();
    let waiting = bed.reloads.lock().unwrap().len();
    assert!((1..=96).contains(&waiting), "{waiting} reloads wait in the main loop");
    let refused = answer(&clients.pop().unwrap());
    assert!(refused.contains("try again"), "{refused:?}");
}

#[test]
fn silent_clients_give_way_and_do_not_fill_the_log() {
    let bed = Bed::start();
    let before = logged();
    let _silent: Vec<_> = (0..130).map(|_| bed.connect()).collect();
    bed.assert_serves();
    for _ in 0..3000 {
        drop(bed.connect());
    }
    bed.assert_serves();
    let lines = logged() - before;
    eprintln!("130 silent clients, 3000 that connect and leave: {lines} lines in the log");
    assert!(lines <= 10, "{lines} lines");
}

#[test]
fn a_sound_is_one_client_s_at_a_time_and_lasts_as_long_as_its_connection() {
    let bed = Bed::start();
    let asked = || {
        wait_until("it is asked for", || !bed.reloads.lock().unwrap().is_empty());
        bed.reloads.lock().unwrap().pop().unwrap()
    };
    let assert_refused = || {
        let said = answer(&bed.send(SOUND));
        assert!(said.contains("another spatiald identify is under way"), "{said:?}");
    };
    for _ in 0..2 {
        let client = bed.send(SOUND);
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let Asked { reply, .. } = asked();
        assert_refused();
        let lease = reply.lease();
        reply.send(Reply::Sounding { channels: 8 });
        assert_eq!(answer(&client), "{\"sounding\":{\"channels\":8}}\n");
        assert_refused();
        bed.assert_serves();
        assert_eq!(lease.strong_count(), 1, "it lasts");
        drop(client);
        wait_until("its end is noticed", || lease.strong_count() == 0);
    }
    // What was refused lasts no longer than that; nor does the sound of a client that left before it.
    let client = bed.send(SOUND);
    let Asked { reply, .. } = asked();
    let lease = reply.lease();
    reply.send(Reply::Refused { reason: "no".into(), causes: Vec::new() });
    assert!(answer(&client).contains("no"));
    wait_until("the refusal is over", || lease.strong_count() == 0);
    drop(bed.send(SOUND));
    let Asked { reply, .. } = asked();
    let lease = reply.lease();
    reply.send(Reply::Sounding { channels: 8 });
    wait_until("nobody has it", || lease.strong_count() == 0);
}

#[test]
fn a_byte_now_and_then_prolongs_nothing() {
    let bed = Bed::start();
    let mut client = bed.connect();
    client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut word = [0; 1024];
    for _ in 0..100 {
        // It has been let go: then nobody takes its bytes.
        let taken = client.write(b" ").is_ok();
        match client.read(&mut word) {
            Ok(count) => {
                let said = String::from_utf8_lossy(&word[..count]).into_owned();
                assert!(said.contains("no whole request"), "{said:?}");
                return;
            }
            Err(error) => assert!(taken, "let go without a word: {error}"),
        }
    }
    panic!("a client that sends a byte now and then is still there after 20 s");
}

#[test]
fn clients_that_do_not_read_cost_little_memory() {
    let bed = Bed::answering(status(458_000));
    bed.assert_serves();
    let before = resident_bytes();
    let mut clients = Vec::new();
    for _ in 0..128 {
        clients.push(bed.send(STATUS));
    }
    bed.assert_serves();
    let grown = resident_bytes().saturating_sub(before);
    eprintln!("128 clients that do not read 458 kB each: {} kB more resident", grown / 1024);
    assert!(grown < 16 << 20, "grew by {grown} bytes");
}

#[test]
fn a_removed_socket_comes_back_and_nobody_takes_its_place() {
    let bed = Bed::start();
    for remove in [(|bed: &Bed| fs::remove_file(bed.socket()).unwrap()) as fn(&Bed), |bed| {
        fs::remove_dir_all(bed.folder()).unwrap()
    }] {
        remove(&bed);
        if bed.folder().exists() {
            let second = Server::open(&bed.instance, |_| ());
            assert!(matches!(second, Err(ListenError::Running { .. })), "{second:?}");
        }
        wait_until("the socket is back", || bed.socket().exists());
        wait_until("it answers", || ask(&bed.instance, &Request::Status).is_ok());
        let second = Server::open(&bed.instance, |_| ());
        assert!(matches!(second, Err(ListenError::Running { .. })), "{second:?}");
        assert_eq!(fs::metadata(bed.socket()).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_daemon_that_died_leaves_no_obstacle() {
    let bed = Bed::start();
    let other = "other".parse::<Instance>().unwrap().with_socket_folder(bed.folder());
    drop(UnixListener::bind(bed.folder().join("other.sock")).unwrap());
    let server = Server::open(&other, |_| ()).unwrap();
    drop(server);
    assert!(!bed.folder().join("other.sock").exists());
    fs::write(bed.folder().join("other.sock"), "no socket").unwrap();
    let refused = Server::open(&other, |_| ());
    assert!(matches!(refused, Err(ListenError::Io { .. })), "{refused:?}");
    assert_eq!(fs::read(bed.folder().join("other.sock")).unwrap(), b"no socket");
}

#[test]
fn it_ends_at_once_and_leaves_the_socket_of_another() {
    let mut bed = Bed::start();
    let waits = bed.send(RELOAD);
    wait_until("the reload waits", || !bed.reloads.lock().unwrap().is_empty());
    fs::remove_file(bed.socket()).unwrap();
    let another = UnixListener::bind(bed.socket()).unwrap();
    // It looks after its socket meanwhile, and leaves this one alone.
    thread::sleep(Duration::from_millis(1500));
    let server = bed.server.take();
    let ended = thread::spawn(move || drop(server));
    wait_until("the server ends", || ended.is_finished());
    assert!(answer(&waits).contains("stopping"));
    assert!(UnixStream::connect(bed.socket()).is_ok(), "it is another's");
    drop(another);
}

#[test]
fn the_folder_is_ours_alone_or_refused() {
    // Of this process; every test here makes its files in folders of mode 700.
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    let bed = Bed::start();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&bed.folder()), mode(&bed.socket())), (0o700, 0o600));
    let open = |folder: &Path| Server::open(&Instance::default().with_socket_folder(folder.into()), |_| ());
    let other = bed._folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o755)).unwrap();
    drop(open(&other).unwrap());
    assert_eq!(mode(&other), 0o700, "nobody else looks into it");
    fs::set_permissions(&other, Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(open(&other), Err(ListenError::Writable { mode: 0o770, .. })));
    let foreign = if Uid::effective().is_root() {
        std::os::unix::fs::chown(&other, Some(65534), None).unwrap();
        &other
    } else {
        Path::new("/")
    };
    assert!(matches!(open(foreign), Err(ListenError::Foreign { .. })));
}

#[test]
fn users_other_than_its_own_and_root_are_not_served() {
    if !Uid::effective().is_root() {
        eprintln!("skipped: only root can connect as somebody else");
        return;
    }
    let bed = Bed::start();
    // As if the modes had been lost.
    fs::set_permissions(bed._folder.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(bed.folder(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(bed.socket(), Permissions::from_mode(0o666)).unwrap();
    let socket = bed.socket();
    let stranger = thread::spawn(move || {
        // SAFETY: the system call itself, unlike libc's function, changes this thread alone, and it takes numbers only.
        let changed = unsafe { nix::libc::syscall(nix::libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(changed, 0);
        let mut client = UnixStream::connect(socket).unwrap();
        // It may be closed already.
        client.write_all(STATUS).ok();
        answer(&client)
    });
    let said = stranger.join().unwrap();
    assert!(said.contains("serves nobody else"), "{said:?}");
}

#[test]
fn a_client_is_told_why() {
    let bed = Bed::start();
    let long = Request::Reload(Choice::Named("x".repeat(1 << 20)));
    match ask(&bed.instance, &long) {
        Ok(Reply::Refused { reason, .. }) => assert!(reason.contains("bytes"), "{reason}"),
        other => panic!("{other:?}"),
    }
    let unknown = answer(&bed.send(b"{\"\\u001b[2Jdance\":1}\n"));
    assert!(unknown.contains("not a request of this version") && !unknown.contains("\\u001b"), "{unknown}");
    // Somebody who accepts, and ends the connection.
    let folder = tempfile::tempdir().unwrap();
    let rude = UnixListener::bind(folder.path().join("default.sock")).unwrap();
    thread::spawn(move || drop(rude.accept()));
    let asked = ask(&Instance::default().with_socket_folder(folder.path().into()), &Request::Status);
    assert!(asked.unwrap_err().to_string().contains("ended the connection"));
    let asked = ask(&Instance::default().with_socket_folder(bed._folder.path().join("none")), &Request::Status);
    assert!(matches!(asked, Err(AskError::NotRunning { .. })));
}

#[test]
fn without_file_descriptors_a_client_is_told_and_served_once_there_are_some() {
    let bed = Bed::start();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.min(256), hard).unwrap();
    let mut taken: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    // The client's own end.
    taken.pop();
    let client = bed.connect();
    let said = answer(&client);
    assert!(said.contains("LimitNOFILE"), "{said:?}");
    drop((taken, client));
    bed.assert_serves();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
}

#[test]
fn noise_of_every_kind_harms_nothing() {
    let bed = Bed::start();
    // xorshift64*: the same noise every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    };
    let seeds = [STATUS, RELOAD, b"{\"reload\":{\"named\":\"a\"}}\n", b"[[[[[[[[\n", b"\xff\xfe\0\n"];
    for _ in 0..2000 {
        let mut line = seeds[random(seeds.len())].repeat(1 + random(2) * random(400));
        for _ in 0..random(6) {
            let at = random(line.len().max(1));
            match random(3) {
                0 if at < line.len() => line[at] = random(256) as u8,
                1 if at < line.len() => drop(line.remove(at)),
                _ => line.insert(at, random(256) as u8),
            }
        }
        let mut client = bed.connect();
        for part in line.chunks(1 + random(line.len().max(1))) {
            // It may have heard enough.
            if client.write_all(part).is_err() {
                break;
            }
        }
        if random(2) == 0 {
            client.shutdown(std::net::Shutdown::Write).ok();
            bed.reloads.lock().unwrap().clear();
        }
    }
    bed.reloads.lock().unwrap().clear();
    bed.assert_serves();
}
