//! The writer thread allocates nothing while it plays: counted, not read.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use nix::unistd::gettid;
use spatiald::dsp::{Chain, Switcher};
use spatiald::engine::probe::{Part, Probe};
use spatiald::engine::{Counters, Pace, Player, handover, ring};
use spatiald::output::{Request, Writer};
use spatiald::profile::Profile;
use support::Card;
use support::card::{Word, use_in_this_process};
use support::daemon::shipped_profile;
use support::wait::wait_until;

/// Counts what one thread allocates and frees.
struct Counting;

static WATCHED: AtomicI32 = AtomicI32::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);

fn count() {
    let watched = WATCHED.load(SeqCst);
    if watched != 0 && gettid().as_raw() == watched {
        CALLS.fetch_add(1, SeqCst);
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The chain of a shipped profile.
fn chain(profile: &str) -> Box<Chain> {
    let profile = Profile::load(&shipped_profile(profile)).unwrap();
    Box::new(Chain::new(&profile.chain_spec()).unwrap())
}

fn thread_named(name: &str) -> Option<i32> {
    std::fs::read_dir("/proc/self/task").ok()?.flatten().find_map(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        (comm.trim() == name).then(|| task.file_name().to_str()?.parse().ok())?
    })
}

/// Start, sound, a dry ring, switches between shipped profiles, a sound of our own in place of the music, another driver's clock, three forced xruns and a lost
/// card: not one call of the allocator.
#[test]
fn the_writer_thread_never_allocates() {
    use_in_this_process();
    let card = Card::new();
    let request = Request { pcm: card.pcm(), channels: 4, periods: 16, ..Request::default() };
    let pace = Pace::new(48_000).unwrap();
    let counters = Arc::new(Counters::default());
    let (frames, reader) = ring(16_384);
    let (mut chains, receiver) = handover();
    let player = Player::new(reader, Switcher::new(chain("cylinder")), receiver, pace.clone(), counters.clone());
    let (mut probes, sounds) = handover();
    let player = player.with_probes(sounds);
    let again = request.clone();
    let writer = Writer::spawn(player, request, pace.clone(), counters.clone(), Arc::new(|_| {})).unwrap();
    let played = |wanted: i64| {
        let end = card.get(Word::FramesPlayed) + wanted;
        assert!(wait_until(|| card.get(Word::FramesPlayed) >= end), "the card plays");
    };

    assert!(wait_until(|| thread_named("output-writer").is_some()));
    played(9_600);
    WATCHED.store(thread_named("output-writer").unwrap(), SeqCst);
    pace.set_driving(true);
    pace.set_streaming(true);
    // Loud and one-sided: the upmix, the filters and the limiter all have work.
    let left: [f32; 256] = std::array::from_fn(|i| if i / 24 % 2 == 0 { 0.9 } else { -0.9 });
    let right = left.map(|sample| 0.3 * sample);
    let frames = RefCell::new(frames);
    let cycle = || {
        frames.borrow_mut().push(&left, &right);
        counters.add_cycle(256, 256);
        pace.note_cycle(256);
    };
    let feed = |cycles: usize| {
        for _ in 0..cycles {
            assert!(wait_until(|| pace.take_request()), "a cycle is asked for");
            cycle();
        }
    };
    feed(100);
    for profile in ["cylinder-wide", "pair", "bar"] {
        assert!(chains.send(chain(profile)).is_ok());
        feed(150);
        assert!(chains.reclaim().is_some(), "the chain before {profile} came back");
    }
    let (probe, sounding) = Probe::new(vec![Part { channel: 3, samples: vec![0.1; 1000].into() }], 48_000);
    assert!(probes.send(Box::new(probe)).is_ok());
    feed(50);
    drop(sounding);
    feed(50);
    assert!(probes.reclaim().is_some(), "the sound came back");
    played(9_600);
    assert!(counters.snapshot().underruns > 0, "the ring ran dry");
    pace.set_driving(false);
    for _ in 0..100 {
        played(256);
        cycle();
    }
    pace.set_driving(true);
    for _ in 0..3 {
        card.force_xrun();
        played(9_600);
    }
    assert_eq!(counters.snapshot().xruns, 3);
    card.unplug();
    assert!(wait_until(|| card.get(Word::Closes) == 1));
    feed(20);
    card.replug();
    assert!(wait_until(|| card.get(Word::Opens) == 2));
    played(9_600);
    let second = Card::new();
    writer.use_device(Request { pcm: second.pcm(), ..again }, chain("pair"));
    assert!(wait_until(|| {
        if pace.take_request() {
            cycle();
        }
        second.get(Word::FramesPlayed) > 9_600 && chains.reclaim().is_some()
    }));

    let calls = CALLS.load(SeqCst);
    WATCHED.store(0, SeqCst);
    writer.stop(Instant::now() + Duration::from_secs(30));
    assert_eq!(calls, 0, "calls of the allocator on the writer thread");
}
