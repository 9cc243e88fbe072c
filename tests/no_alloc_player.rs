//! The writer thread allocates nothing while it plays: counted, not read.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

use nix::unistd::gettid;
use spatiald::engine::pace::now_ns;
use spatiald::engine::{Counters, Pace, Player, Stage, handover, ring};
use spatiald::output::{Request, Writer, open};
use support::Card;
use support::card::{Word, use_in_this_process};
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

/// A gain that is switched within a call.
struct Gain {
    current: Box<f32>,
    old: Option<Box<f32>>,
}

impl Stage for Gain {
    type Chain = f32;

    fn process(&mut self, left: &[f32], _right: &[f32], out: &mut [&mut [f32]]) {
        for plane in out {
            plane.iter_mut().zip(left).for_each(|(y, x)| *y = *self.current * x);
        }
    }

    fn install(&mut self, next: Box<f32>) -> Result<(), Box<f32>> {
        self.old = Some(std::mem::replace(&mut self.current, next));
        Ok(())
    }

    fn is_switching(&self) -> bool {
        false
    }

    fn take_retired(&mut self) -> Option<Box<f32>> {
        self.old.take()
    }

    fn latency_frames(&self) -> usize {
        0
    }

    fn drivers(&self) -> usize {
        4
    }

    fn gain_reduction_db(&self, _driver: usize) -> f32 {
        0.0
    }

    fn is_resting(&self) -> bool {
        false
    }
}

fn thread_named(name: &str) -> Option<i32> {
    std::fs::read_dir("/proc/self/task").ok()?.flatten().find_map(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        (comm.trim() == name).then(|| task.file_name().to_str()?.parse().ok())?
    })
}

/// Start, sound, a dry ring, a switch of chains, three forced xruns and a lost card: not one call of the allocator.
#[test]
fn the_writer_thread_never_allocates() {
    use_in_this_process();
    let card = Card::new();
    let request = Request { pcm: card.pcm(), channels: 4, periods: 16, ..Request::default() };
    let pace = Pace::new(48_000).unwrap();
    let counters = Arc::new(Counters::default());
    let (mut frames, reader) = ring(16_384);
    let (mut chains, receiver) = handover();
    let stage = Gain { current: Box::new(1.0), old: None };
    let player = Player::new(reader, stage, receiver, pace.clone(), counters.clone());
    let (sender, _events) = mpsc::channel();
    let device = open(&request).unwrap();
    let writer = Writer::spawn(Some(device), player, request, pace.clone(), counters.clone(), sender).unwrap();
    let played = |wanted: i64| {
        let end = card.get(Word::FramesPlayed) + wanted;
        assert!(wait_until(|| card.get(Word::FramesPlayed) >= end), "the card plays");
    };

    assert!(wait_until(|| thread_named("output-writer").is_some()));
    played(9_600);
    WATCHED.store(thread_named("output-writer").unwrap(), SeqCst);
    pace.set_driving(true);
    pace.set_streaming(true);
    let block = [0.25; 256];
    let mut feed = |cycles: usize| {
        for _ in 0..cycles {
            assert!(wait_until(|| pace.take_request()), "a cycle is asked for");
            frames.push(&block, &block);
            counters.add_cycle(256, 256);
            pace.note_cycle(256);
        }
    };
    feed(100);
    chains.send(Box::new(0.5)).unwrap();
    feed(20);
    assert!(chains.reclaim().is_some(), "the first chain came back");
    played(9_600);
    assert!(counters.snapshot().underruns > 0, "the ring ran dry");
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

    let calls = CALLS.load(SeqCst);
    WATCHED.store(0, SeqCst);
    writer.stop();
    assert!(now_ns() > 0);
    assert_eq!(calls, 0, "calls of the allocator on the writer thread");
}
