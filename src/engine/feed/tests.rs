use super::*;
use crate::engine::ring::{RingWriter, ring};

const PERIOD: usize = 256;

struct Bench {
    writer: RingWriter,
    feed: Feed,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    played: Vec<f32>,
}

fn bench() -> Bench {
    let pace = Pace::new(48_000).unwrap();
    pace.set_period_frames(PERIOD);
    pace.set_quantum_frames(PERIOD);
    pace.set_driving(true);
    pace.set_streaming(true);
    let counters = Arc::new(Counters::default());
    let (writer, reader) = ring(8192);
    let feed = Feed::new(reader, Arc::clone(&pace), Arc::clone(&counters));
    Bench { writer, feed, pace, counters, played: Vec::new() }
}

impl Bench {
    fn push(&mut self, samples: &[f32]) {
        let right: Vec<f32> = samples.iter().map(|x| -x).collect();
        assert_eq!(self.writer.push(samples, &right), samples.len());
    }

    fn pull(&mut self, frames: usize) {
        let (mut left, mut right) = (vec![f32::NAN; frames], vec![f32::NAN; frames]);
        self.feed.pull(&mut left, &mut right);
        assert!(left.iter().zip(&right).all(|(l, r)| *l == -*r));
        self.played.extend(left);
    }

    fn underruns(&self) -> u64 {
        self.counters.snapshot().underruns
    }
}

fn tone(frames: usize) -> Vec<f32> {
    (0..frames).map(|i| 0.5 * (i as f32 * 0.05).cos()).collect()
}

fn largest_step(samples: &[f32]) -> f32 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

#[test]
fn every_frame_comes_through_exactly() {
    let mut bench = bench();
    let signal = tone(20 * PERIOD);
    bench.pull(PERIOD);
    for part in signal.chunks(PERIOD) {
        bench.push(part);
        bench.pull(PERIOD);
    }
    assert_eq!(bench.played[..PERIOD], [0.0; PERIOD]);
    assert_eq!(bench.played[PERIOD..], signal);
    assert_eq!(bench.underruns(), 0);
}

#[test]
fn nothing_plays_until_the_ring_is_filled() {
    let mut bench = bench();
    bench.pace.set_quantum_frames(64);
    let signal = tone(PERIOD);
    for part in signal.chunks(64) {
        assert!(bench.feed.is_ready(PERIOD), "nothing to wait for yet");
        bench.pull(PERIOD);
        bench.push(part);
    }
    assert!(bench.played.iter().all(|&x| x == 0.0));
    bench.played.clear();
    bench.pull(PERIOD);
    assert_eq!(bench.played, signal);
    assert_eq!(bench.underruns(), 0);
}

#[test]
fn a_dry_ring_is_one_underrun_without_a_click() {
    let mut bench = bench();
    let signal = tone(3 * PERIOD);
    bench.push(&signal[..PERIOD + 100]);
    bench.pull(PERIOD);
    assert!(!bench.feed.is_ready(PERIOD), "100 of 256 frames are there");
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    assert_eq!(bench.underruns(), 1);
    assert_eq!(bench.played[..PERIOD + 100], signal[..PERIOD + 100], "what came is untouched");
    bench.push(&signal[PERIOD + 100..]);
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    let steady = largest_step(&signal);
    assert!(largest_step(&bench.played[..5 * PERIOD]) < 1.5 * steady, "{}", largest_step(&bench.played[..5 * PERIOD]));
    assert_eq!(bench.played[PERIOD + 100 + 240..4 * PERIOD].iter().map(|x| x.abs()).fold(0.0, f32::max), 0.0);
    let resumed = &bench.played[4 * PERIOD..];
    assert_eq!(resumed[240..412], signal[PERIOD + 340..2 * PERIOD + 256], "open again after 5 ms");
}

/// The graph tells that the last client has left only after that client's last frames.
#[test]
fn after_an_end_that_is_told_late_the_next_sound_begins_exactly() {
    let mut bench = bench();
    let signal = tone(PERIOD);
    bench.push(&signal);
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    bench.pace.set_streaming(false);
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    bench.pace.set_streaming(true);
    bench.push(&signal);
    bench.pull(PERIOD);
    assert_eq!(bench.played[4 * PERIOD..], signal);
}

#[test]
fn a_pause_plays_out_what_is_there() {
    let mut bench = bench();
    let signal = tone(PERIOD + 77);
    bench.push(&signal);
    bench.pull(PERIOD);
    bench.pace.set_streaming(false);
    assert!(bench.feed.is_ready(PERIOD), "nothing more to wait for");
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    assert_eq!(bench.played[..signal.len()], signal);
    assert!(largest_step(&bench.played) < 1.5 * largest_step(&signal));
    assert_eq!(bench.underruns(), 0);
    assert!(bench.feed.is_idle());
}

#[test]
fn a_source_that_ends_in_silence_gets_nothing_added() {
    let mut bench = bench();
    let mut signal = tone(PERIOD);
    signal.push(0.0);
    bench.push(&signal);
    bench.pace.set_streaming(false);
    for _ in 0..3 {
        bench.pull(PERIOD);
    }
    assert_eq!(bench.played[..signal.len()], signal);
    assert!(bench.played[signal.len()..].iter().all(|&x| x == 0.0));
}

#[test]
fn the_next_sound_after_a_pause_is_exact_from_its_first_frame() {
    let mut bench = bench();
    bench.push(&tone(PERIOD));
    bench.pull(PERIOD);
    bench.pace.set_streaming(false);
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    bench.pace.set_streaming(true);
    bench.pull(PERIOD);
    bench.played.clear();
    bench.push(&tone(PERIOD));
    bench.pull(PERIOD);
    assert_eq!(bench.played, tone(PERIOD));
}

#[test]
fn while_held_the_ring_keeps_the_first_sound() {
    let mut bench = bench();
    let signal = tone(2 * PERIOD);
    bench.push(&signal);
    bench.feed.hold(3 * PERIOD);
    for _ in 0..3 {
        bench.pull(PERIOD);
    }
    assert!(bench.played.iter().all(|&x| x == 0.0));
    bench.played.clear();
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    assert_eq!(bench.played, signal);
}

#[test]
fn a_target_beyond_the_ring_does_not_block_for_ever() {
    let mut bench = bench();
    bench.pace.set_quantum_frames(100_000);
    bench.push(&tone(8192));
    bench.pull(PERIOD);
    assert_eq!(bench.played, tone(8192)[..PERIOD]);
}

/// Blocks shorter than the rounding-off: the break, the resumption and the rest of the rounding-off overlap.
#[test]
fn breaks_that_overlap_do_not_click() {
    let mut bench = bench();
    bench.pace.set_period_frames(32);
    bench.pace.set_quantum_frames(32);
    let signal = tone(4000);
    let mut sent = 0;
    for step in 0..300 {
        if step % 5 != 0 && sent + 32 <= signal.len() {
            bench.push(&signal[sent..sent + 32]);
            sent += 32;
        }
        bench.pull(32);
    }
    assert!(bench.underruns() > 5);
    let onset = bench.played.iter().position(|&x| x != 0.0).unwrap();
    let step = largest_step(&bench.played[onset..]);
    assert!(step < 3.0 * largest_step(&signal), "{step}");
}

#[test]
fn a_fade_in_that_was_cut_short_is_not_continued_in_the_next_sound() {
    let mut bench = bench();
    bench.push(&[0.5; PERIOD]);
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    assert_eq!(bench.underruns(), 1, "a gap, after which the input fades in");
    bench.push(&[0.5; 64]);
    bench.pace.set_streaming(false);
    bench.pull(64);
    bench.pull(PERIOD);
    bench.pace.set_streaming(true);
    let signal = tone(PERIOD);
    bench.push(&signal);
    bench.played.clear();
    bench.pull(PERIOD);
    assert_eq!(bench.played, signal, "the next sound begins as it is");
}

#[test]
fn a_hold_in_the_middle_of_a_sound_is_silent_and_does_not_click() {
    let mut bench = bench();
    let signal = tone(6 * PERIOD);
    bench.push(&signal);
    bench.pull(2 * PERIOD);
    bench.feed.hold(2 * PERIOD);
    bench.pull(PERIOD);
    bench.pull(PERIOD);
    bench.pull(2 * PERIOD);
    bench.pull(2 * PERIOD);
    assert!(bench.played[3 * PERIOD..4 * PERIOD].iter().all(|&sample| sample == 0.0), "silent after the release");
    assert_eq!(bench.played[5 * PERIOD..8 * PERIOD], signal[3 * PERIOD..], "and then all that waited, faded in");
    assert!(largest_step(&bench.played[PERIOD..]) < 1.5 * largest_step(&signal));
    assert_eq!(bench.underruns(), 0);
}
