//! What players are told about the latency is when the card plays it, to a millisecond.

mod support;

use std::fs;
use std::sync::mpsc;

use support::bed::RATE_HZ;
use support::card::Word;
use support::wait::{PATIENCE, now_ns, wait_until};
use support::{Bed, Options, OtherDriver, Setup, Source, undisturbed};

/// When each impulse was promised to sound: `CLOCK_MONOTONIC`.
type Promises = mpsc::Receiver<i64>;

/// Sends an impulse twice a second, each at the beginning of a cycle.
fn impulses(bed: &Bed, quantum_frames: u32) -> (Source, Promises) {
    let (promise, promises) = mpsc::channel();
    let mut left_frames = RATE_HZ as usize;
    let source = bed.source(quantum_frames, move |left, right, time| {
        left.fill(0.0);
        right.fill(0.0);
        if left_frames > 0 || left.is_empty() {
            left_frames = left_frames.saturating_sub(left.len());
        } else if let Some(time) = time {
            (left[0], right[0]) = (0.25, 0.25);
            left_frames = RATE_HZ as usize / 2;
            promise.send(time.sounds_at_ns()).ok();
        }
    });
    (source, promises)
}

fn next(promises: &Promises) -> i64 {
    promises.recv_timeout(PATIENCE).expect("an impulse")
}

/// How late an impulse was against what its player had been promised, in frames of the card.
fn lateness_frames(bed: &Bed, promises: &Promises) -> i64 {
    let promised_ns = next(promises);
    let since_start_s = (promised_ns - bed.card.get(Word::StartNs)) as f64 * 1e-9;
    let promised = bed.card.get(Word::StartFrame) + (since_start_s * f64::from(RATE_HZ)) as i64;
    let around = RATE_HZ as i64 / 5;
    assert!(wait_until(|| bed.card.recorded_frames() as i64 > promised + around));
    let begin = (promised - around).max(0);
    let heard = bed.card.recording_from(begin as usize);
    let window = 2 * around as usize * heard.channels;
    let loudest = heard.raw.iter().take(window).enumerate().max_by_key(|(_, sample)| sample.unsigned_abs());
    let (at, _) = loudest.expect("frames");
    begin + (at / heard.channels) as i64 - promised
}

fn assert_kept(bed: &Bed, promises: &Promises, when: &str) {
    for _ in 0..3 {
        let late = lateness_frames(bed, promises);
        assert!(late.abs() <= i64::from(RATE_HZ) / 1000, "{when}: {late} frames late\n{}", bed.daemon.status());
    }
}

fn promises_are_kept(quantum_frames: u32) {
    let bed = Bed::start(Setup { quantum_frames, pulse: false }, &Options::default());
    let toml = bed.session.path("config/spatiald/profiles/cylinder-wide/profile.toml");
    let text = fs::read_to_string(&toml).unwrap();
    assert!(text.contains("mode = \"separation\""));
    fs::write(&toml, text.replace("mode = \"separation\"", "mode = \"low-latency\"")).unwrap();

    bed.session.force_quantum(quantum_frames);
    let (_source, promises) = impulses(&bed, quantum_frames);
    // The graph's clock begins with its first cycle, which may be late by a millisecond, and is even after two seconds.
    for _settling in 0..4 {
        lateness_frames(&bed, &promises);
    }
    assert_eq!(bed.daemon.count("quantum_frames"), u64::from(quantum_frames));
    assert_kept(&bed, &promises, "at the start");
    let before = bed.daemon.status()["latency"]["total_frames"].as_u64();
    bed.daemon.reload("cylinder-wide");
    while next(&promises) < now_ns() {} // those sent before the switch was over
    next(&promises);
    assert_kept(&bed, &promises, "after a reload");
    assert_ne!(bed.daemon.status()["latency"]["total_frames"].as_u64(), before);
}

#[test]
fn at_a_quantum_of_a_quarter_period() {
    undisturbed(|| promises_are_kept(64));
}

#[test]
fn at_a_small_quantum() {
    undisturbed(|| promises_are_kept(256));
}

#[test]
fn at_a_large_quantum() {
    undisturbed(|| promises_are_kept(1024));
}

#[test]
fn at_the_largest_quantum() {
    undisturbed(|| promises_are_kept(8192));
}

/// Another sink's clock drives the graph: the ring then holds more, by what cycles and periods are apart.
fn promises_are_kept_while_followed(quantum_frames: u32) {
    undisturbed(|| {
        let bed = Bed::start(Setup { quantum_frames, pulse: false }, &Options::default());
        bed.session.force_quantum(quantum_frames);
        let (_source, promises) = impulses(&bed, quantum_frames);
        lateness_frames(&bed, &promises);
        let other = OtherDriver::create(&bed);
        other.take_over();
        bed.listen(5.0);
        while next(&promises) < now_ns() {} // those of before
        next(&promises);
        assert_kept(&bed, &promises, "while another driver is followed");
    });
}

#[test]
fn another_driver_at_a_small_quantum() {
    promises_are_kept_while_followed(256);
}

#[test]
fn another_driver_at_a_large_quantum() {
    promises_are_kept_while_followed(1024);
}
