//! The writer's thread on devices and chains that never let it wait: at real-time priority it must not take a processor
//! for good, nor longer than rtkit allows.

mod support;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use spatiald::engine::pace::now_ns;
use spatiald::engine::{Counters, Pace, Player, Scheduling, Wires, handover, ring};
use spatiald::output::{Event, Request, Writer};
use support::Card;
use support::card::use_in_this_process;
use support::wait::wait_until;

const RATE_HZ: u32 = 48_000;
/// What rtkit allows a thread to run without sleeping, in µs.
const RTKIT_US: u64 = 200_000;

fn write(request: Request, route: fn(usize, &[f32], &[f32], &mut [f32])) -> (Writer<Wires>, Arc<Counters>) {
    let pace = Pace::new(RATE_HZ).unwrap();
    let counters = Arc::new(Counters::default());
    let (_writer, reader) = ring(4096);
    let (_chains, receiver) = handover();
    let player = Player::new(reader, Wires { drivers: 2, route }, receiver, pace.clone(), counters.clone());
    let (sender, events) = mpsc::channel();
    let tell = Arc::new(move |event| drop(sender.send(event)));
    let writer = Writer::spawn(player, request, pace, counters.clone(), tell).unwrap();
    loop {
        if matches!(events.recv_timeout(Duration::from_secs(20)).expect("an event"), Event::Running) {
            return (writer, counters);
        }
    }
}

/// `null` takes whatever it is given.
#[test]
fn a_device_that_is_always_ready_is_fed_in_real_time() {
    let request = Request { pcm: "null".into(), rate_hz: RATE_HZ, ..Request::default() };
    let (writer, counters) = write(request, |_, _, _, plane| plane.fill(0.0));
    let (begun, before) = (Instant::now(), counters.snapshot().frames_out);
    std::thread::sleep(Duration::from_secs(1));
    let frames = (counters.snapshot().frames_out - before) as f64;
    let played = begun.elapsed().as_secs_f64() * f64::from(RATE_HZ);
    assert!(frames > 0.5 * played && frames < 1.01 * played + 2048.0, "{frames} frames in {played} frames' time");
    writer.stop(Instant::now() + Duration::from_secs(30));
}

/// A chain that takes a little longer than it plays: the card's buffer lasts for seconds, and nothing is ever waited for. Nor
/// is it without a card.
#[test]
fn a_writer_with_too_much_to_do_sleeps_now_and_then() {
    let warned = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(nix::libc::SIGXCPU, Arc::clone(&warned)).unwrap();
    let (_, hard) = getrlimit(Resource::RLIMIT_RTTIME).unwrap();
    setrlimit(Resource::RLIMIT_RTTIME, RTKIT_US.min(hard), hard).unwrap();
    let card = Card::new();
    use_in_this_process();
    let request = Request { pcm: card.pcm(), rate_hz: RATE_HZ, channels: 2, periods: 16, ..Request::default() };
    let (writer, counters) = write(request, |channel, _, _, plane| {
        plane.fill(0.0);
        if channel == 0 {
            let until_ns = now_ns() + plane.len() as u64 * 1_020_000_000 / u64::from(RATE_HZ);
            while now_ns() < until_ns {
                std::hint::spin_loop();
            }
        }
    });
    let snapshot = counters.snapshot();
    wait_until(|| counters.snapshot().frames_out > snapshot.frames_out + u64::from(RATE_HZ));
    let is_real_time = matches!(snapshot.writer_thread, Scheduling::Fifo(_));
    assert!(is_real_time || !warned.load(SeqCst));
    if !is_real_time {
        eprintln!("no real time is allowed here: nothing is shown");
    }
    assert!(!warned.load(SeqCst), "it ran for {RTKIT_US} µs without sleeping");
    card.unplug();
    std::thread::sleep(Duration::from_secs(1));
    assert!(!warned.load(SeqCst), "without a card it ran for {RTKIT_US} µs without sleeping");
    writer.stop(Instant::now() + Duration::from_secs(30));
}
