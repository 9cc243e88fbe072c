//! The output on the test card, in real time: a graph of one thread answers the writer's requests with a known signal,
//! and what the card's DAC played is compared with it.

mod support;

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use spatiald::config::SampleFormat;
use spatiald::engine::pace::now_ns;
use spatiald::engine::{Counters, Pace, Player, RingWriter, Wires, handover, ring};
use spatiald::output::{Event, OutputError, Request, Writer, open};
use support::Card;
use support::card::{Word, use_in_this_process};
use support::wait::wait_until;

const RATE_HZ: u32 = 48_000;

/// Left to channel 0, right to channel 1, silence to the others.
const WIRE: Wires = Wires {
    drivers: 2,
    route: |channel, left, right, plane| match channel {
        0 => plane.copy_from_slice(left),
        1 => plane.copy_from_slice(right),
        _ => plane.fill(0.0),
    },
};

/// Frame `i` of the signal: noise, so that no two places look alike, in steps of 24 bits.
fn noise(i: usize) -> f32 {
    let hash = (i as u32 + 1).wrapping_mul(2_654_435_761);
    let step = ((hash ^ hash >> 15).wrapping_mul(2_246_822_519) as i32 >> 10) | 1;
    step as f32 / 8_388_608.0
}

/// A tone of 480 Hz.
fn tone(i: usize) -> f32 {
    0.5 * (std::f32::consts::TAU * (i % 100) as f32 / 100.0).sin()
}

/// Answers requests as PipeWire's data loop does; while the writer does not drive, runs on a clock of its own, which is
/// the machine's plus 200 ppm.
struct Graph {
    quantum_frames: Arc<AtomicUsize>,
    /// Time a cycle takes, in µs.
    cycle_us: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Graph {
    fn start(mut writer: RingWriter, pace: Arc<Pace>, counters: Arc<Counters>, signal: fn(usize) -> f32) -> Graph {
        let (quantum_frames, cycle_us) = (Arc::new(AtomicUsize::new(256)), Arc::new(AtomicUsize::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (quantum_frames, cycle_us, stop) = (quantum_frames.clone(), cycle_us.clone(), stop.clone());
            std::thread::spawn(move || {
                spatiald::engine::realtime::promote(85);
                let mut sent = 0;
                let mut own_clock_ns = 0;
                while !stop.load(SeqCst) {
                    let frames = quantum_frames.load(SeqCst);
                    let follows = !pace.is_driving() && pace.is_streaming();
                    if follows {
                        let quantum_ns = frames as u64 * 1_000_000_000 / u64::from(RATE_HZ);
                        let now = now_ns();
                        own_clock_ns =
                            (own_clock_ns + quantum_ns - quantum_ns / 5000).max(now.saturating_sub(quantum_ns));
                        std::thread::sleep(Duration::from_nanos(own_clock_ns.saturating_sub(now)));
                    } else {
                        let mut descriptors = [PollFd::new(pace.fd(), PollFlags::POLLIN)];
                        poll(&mut descriptors, PollTimeout::from(20u8)).unwrap();
                        if !pace.take_request() {
                            continue;
                        }
                    }
                    std::thread::sleep(Duration::from_micros(cycle_us.load(SeqCst) as u64));
                    let left: Vec<f32> = (sent..sent + frames).map(signal).collect();
                    let right: Vec<f32> = left.iter().map(|x| -x).collect();
                    let pushed = writer.push(&left, &right);
                    sent += frames;
                    counters.add_cycle(frames, pushed);
                    pace.note_cycle(frames);
                    let now = now_ns();
                    if pace.wants_cycle(writer.fill_frames(), now) {
                        pace.request(now);
                    }
                }
            })
        };
        Graph { quantum_frames, cycle_us, stop, thread: Some(thread) }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(wait_until(condition), "waited in vain until {what}");
}

/// A card, a writer on it, and a graph that feeds it.
struct Bench {
    card: Card,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    events: mpsc::Receiver<Event>,
    writer: Option<Writer<Wires>>,
    graph: Graph,
}

fn request(card: &Card) -> Request {
    use_in_this_process();
    Request { pcm: card.pcm(), rate_hz: RATE_HZ, channels: 4, periods: 16, ..Request::default() }
}

fn tell(sender: mpsc::Sender<Event>) -> spatiald::output::Tell {
    Arc::new(move |event| drop(sender.send(event)))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn bench(adjust: impl FnOnce(&Card, &mut Request), signal: fn(usize) -> f32) -> Bench {
    let card = Card::new();
    let mut request = request(&card);
    adjust(&card, &mut request);
    let pace = Pace::new(RATE_HZ).unwrap();
    let counters = Arc::new(Counters::default());
    let (ring_writer, reader) = ring(16_384);
    let (_chains, receiver) = handover();
    let player = Player::new(reader, WIRE, receiver, pace.clone(), counters.clone());
    let (sender, events) = mpsc::channel();
    let writer = Writer::spawn(player, request, pace.clone(), counters.clone(), tell(sender)).unwrap();
    let graph = Graph::start(ring_writer, pace.clone(), counters.clone(), signal);
    Bench { card, pace, counters, events, writer: Some(writer), graph }
}

impl Bench {
    /// Lets the graph stream once the fade-in is over.
    fn stream(&self) {
        self.play_on(4000);
        self.pace.set_driving(true);
        self.pace.set_streaming(true);
    }

    /// Waits until the card played `frames` more.
    fn play_on(&self, frames: i64) {
        let end = self.card.get(Word::FramesPlayed) + frames;
        until("the card plays", || self.card.get(Word::FramesPlayed) >= end);
    }

    fn stop(&mut self) -> Option<Player<Wires>> {
        self.writer.take()?.stop(soon())
    }

    fn wait_for(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.events.recv_timeout(Duration::from_secs(20)).expect("the event in time");
            if wanted(&event) {
                return event;
            }
        }
    }

    fn assert_no_trouble(&self) {
        let snapshot = self.counters.snapshot();
        assert_eq!((snapshot.xruns, snapshot.underruns, snapshot.overruns), (0, 0, 0), "{snapshot:?}");
        assert_eq!(self.card.get(Word::Xruns), 0);
        assert_eq!(self.card.get(Word::StaleFrames), 0);
    }
}

/// Checks that channel 0 holds the signal from its first frame on, without a break; returns the number of frames.
fn assert_exact(card: &Card, ends_with_fade: usize) -> usize {
    let recording = card.recording();
    let left = recording.channel_raw(0);
    let first = left.iter().position(|&x| x != 0).expect("sound");
    let last = left.iter().rposition(|&x| x != 0).expect("sound");
    let frames = (last + 1 - first).saturating_sub(ends_with_fade);
    for i in 0..frames {
        let expected = (f64::from(noise(i)) * 2_147_483_648.0).round() as i32;
        assert_eq!(left[first + i], expected, "frame {i} of {frames}");
    }
    let right = recording.channel_raw(1);
    assert!((first..first + frames).all(|i| right[i] == -left[i]));
    for channel in 2..recording.channels {
        assert!(recording.channel_raw(channel).iter().all(|&x| x == 0), "channel {channel} is silent");
    }
    frames
}

/// Frames of a fade-out and what it may overlap with.
const FADE: usize = 2400 + 1024;

#[test]
fn every_period_and_quantum_plays_without_a_break() {
    let runs: Vec<_> = [(256, 256, 200), (256, 1024, -300), (256, 64, 0), (1024, 256, 200), (441, 512, 0)]
        .into_iter()
        .map(|(period_frames, quantum_frames, ppm)| {
            std::thread::spawn(move || {
                let mut bench = bench(
                    |card, request| {
                        card.set_clock_ppm(ppm);
                        request.period_frames = period_frames;
                    },
                    noise,
                );
                bench.graph.quantum_frames.store(quantum_frames, SeqCst);
                bench.stream();
                bench.play_on(3 * i64::from(RATE_HZ));
                bench.stop().expect("the player comes back");
                bench.assert_no_trouble();
                let exact = assert_exact(&bench.card, FADE);
                assert!(exact > 2 * RATE_HZ as usize, "{exact} frames at {period_frames}, {quantum_frames}");
            })
        })
        .collect();
    for run in runs {
        run.join().unwrap();
    }
}

#[test]
fn the_quantum_may_change_while_playing() {
    let mut bench = bench(|_, _| {}, noise);
    bench.stream();
    for quantum_frames in [256, 1024, 64, 256, 2048, 32, 1024] {
        bench.graph.quantum_frames.store(quantum_frames, SeqCst);
        bench.play_on(12_000);
    }
    bench.stop();
    bench.assert_no_trouble();
    assert!(assert_exact(&bench.card, FADE) > 70_000);
}

#[test]
fn clients_may_use_most_of_the_quantum() {
    let mut bench = bench(|_, _| {}, noise);
    bench.graph.quantum_frames.store(1024, SeqCst);
    bench.graph.cycle_us.store(14_000, SeqCst);
    bench.stream();
    bench.play_on(96_000);
    bench.stop();
    bench.assert_no_trouble();
    assert_exact(&bench.card, FADE);
}

/// Places at which a tone of 480 Hz, of a rate that may be off by some 100 ppm, is not a sine.
fn breaks(tone: &[f64]) -> Vec<usize> {
    let factor = 2.0 * (std::f64::consts::TAU / 100.0).cos();
    (1..tone.len() - 1).filter(|&i| (tone[i + 1] - factor * tone[i] + tone[i - 1]).abs() > 1e-4).collect()
}

/// Another driver wins the graph and loses it again, four times, on clocks 500 ppm apart.
#[test]
fn following_another_driver_loses_and_repeats_nothing() {
    let mut bench = bench(|card, _| card.set_clock_ppm(-300), tone);
    bench.stream();
    bench.play_on(12_000);
    let begin = bench.card.recorded_frames();
    for quantum_frames in [256, 1024, 256, 512] {
        bench.graph.quantum_frames.store(quantum_frames, SeqCst);
        bench.pace.set_driving(false);
        bench.play_on(72_000);
        bench.pace.set_driving(true);
        bench.play_on(24_000);
    }
    let end = bench.card.recorded_frames();
    bench.stop();
    bench.assert_no_trouble();
    let left = bench.card.recording().channel(0);
    assert_eq!(breaks(&left[begin..end]), [0usize; 0]);
}

#[test]
fn every_format_is_spoken() {
    for format in SampleFormat::PREFERENCE {
        let mut bench = bench(|_, request| request.format = Some(format), tone);
        bench.stream();
        bench.play_on(9_600);
        bench.stop();
        let left = bench.card.recording().channel(0);
        let first = left.iter().position(|x| x.abs() > 0.01).unwrap();
        let aligned = (0..100).find(|&at| (0..4800).all(|i| (left[first + i] - f64::from(tone(i + at))).abs() < 5e-5));
        assert!(aligned.is_some(), "{format}");
    }
}

#[test]
fn an_xrun_is_a_gap_that_fades() {
    let mut bench = bench(|_, _| {}, tone);
    bench.stream();
    bench.play_on(24_000);
    for i in 1..=3 {
        bench.card.force_xrun();
        bench.wait_for(|event| matches!(event, Event::Xrun));
        bench.play_on(12_000);
        assert_eq!(bench.counters.snapshot().xruns, i);
    }
    bench.stop();
    let left = bench.card.recording().channel(0);
    let step = left.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let jumps = step.filter(|&step| step > 0.04).count();
    assert!(jumps <= 3, "{jumps} steps; only the card's own three stops may jump");
    let resumed = &left[left.len() - 9000..left.len() - 6000];
    assert!(resumed.windows(101).all(|w| (w[100] - w[0]).abs() < 1e-6), "periodic again");
    assert_eq!(bench.counters.snapshot().reopens, 0);
}

#[test]
fn unplugged_the_graph_goes_on_and_replugged_the_sound_returns() {
    let mut bench = bench(|_, _| {}, tone);
    bench.stream();
    bench.play_on(12_000);
    bench.card.unplug();
    bench.wait_for(|event| matches!(event, Event::Lost(_)));
    let unplugged_at = bench.card.recorded_frames();
    let reason = bench.wait_for(|event| matches!(event, Event::Waiting(_)));
    assert!(matches!(&reason, Event::Waiting(OutputError::NotFound { .. })), "{reason:?}");
    let cycles = bench.counters.cycles();
    until("clients of the graph go on", || bench.counters.cycles() > cycles + 100);
    bench.card.replug();
    bench.wait_for(|event| matches!(event, Event::Opened { .. }));
    bench.play_on(24_000);
    bench.stop();
    let snapshot = bench.counters.snapshot();
    assert_eq!((snapshot.reopens, snapshot.overruns), (1, 0), "{snapshot:?}");
    // The card's own stop may jump, nothing after it.
    let left = bench.card.recording().channel(0).split_off(unplugged_at);
    let jump = left.windows(2).position(|pair| (pair[1] - pair[0]).abs() > 0.04);
    assert_eq!(jump, None, "fades in; {}", bench.card.events());
    assert!(left.iter().any(|x| x.abs() > 0.49), "at full level");
}

#[test]
fn a_stalled_card_is_restarted_or_reopened() {
    let mut bench = bench(|_, _| {}, tone);
    bench.stream();
    bench.play_on(12_000);
    bench.card.set(Word::Stalled, 1);
    bench.wait_for(|event| matches!(event, Event::Stalled));
    bench.card.set(Word::Stalled, 0);
    bench.play_on(12_000);
    bench.stop();
    assert!(bench.card.recording().channel(0).iter().any(|x| x.abs() > 0.49));
}

#[test]
fn stopping_ends_in_silence_and_the_player_goes_on_elsewhere() {
    let mut first = bench(|_, _| {}, tone);
    first.stream();
    first.play_on(12_000);
    let player = first.stop().expect("the player comes back");
    assert!(player.is_muted());
    let left = first.card.recording().channel(0);
    assert_eq!(left.last(), Some(&0.0));
    assert!(left.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.04));

    let card = Card::new();
    let request = Request { channels: 6, period_frames: 512, format: Some(SampleFormat::S16), ..request(&card) };
    let (sender, _events) = mpsc::channel();
    let writer = Writer::spawn(player, request, first.pace.clone(), first.counters.clone(), tell(sender));
    until("the second card plays", || card.get(Word::FramesPlayed) > 24_000);
    writer.unwrap().stop(soon());
    assert!(card.recording().channel(0).iter().any(|x| x.abs() > 0.49));
}

#[test]
fn another_device_is_played_on_with_a_fade_on_either_side() {
    let mut bench = bench(|_, _| {}, tone);
    bench.stream();
    bench.play_on(12_000);
    let second = Card::new();
    let wanted = Request { period_frames: 512, ..request(&second) };
    bench.writer.as_ref().unwrap().use_device(wanted, Box::new(()));
    until("the second card plays", || second.get(Word::FramesPlayed) > 24_000);
    bench.stop();
    let is_smooth = |left: &[f64]| left.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.04);
    for card in [&bench.card, &second] {
        let left = card.recording().channel(0);
        assert!(is_smooth(&left) && left.iter().any(|x| x.abs() > 0.49), "{}", card.events());
        assert!(left[0] == 0.0 && left[left.len() - 1] == 0.0);
    }
    let snapshot = bench.counters.snapshot();
    assert_eq!((snapshot.reopens, snapshot.xruns), (0, 0), "{snapshot:?}");
}

#[test]
fn a_device_that_cannot_be_had_leaves_the_one_before_playing() {
    let mut bench = bench(|_, _| {}, tone);
    bench.stream();
    bench.play_on(12_000);
    let second = Card::new();
    second.unplug();
    bench.writer.as_ref().unwrap().use_device(request(&second), Box::new(()));
    let refused = bench.wait_for(|event| matches!(event, Event::Refused(_)));
    assert!(matches!(refused, Event::Refused(OutputError::NotFound { .. })), "{refused:?}");
    bench.wait_for(|event| matches!(event, Event::Running));
    bench.play_on(24_000);
    bench.stop();
    let left = bench.card.recording().channel(0);
    assert!(left[left.len() - 12_000..].iter().any(|x| x.abs() > 0.49));
}

/// A card that runs dry again and again before its first buffer is through.
#[test]
fn a_card_that_opens_and_does_not_run_is_not_opened_in_a_hurry() {
    let mut bench = bench(|_, _| {}, tone);
    bench.play_on(4_000);
    let mut forced = 0;
    let mut runs_dry = |seconds: f64| {
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < end {
            // One at a time: what is asked for and not obeyed yet would go on afterwards.
            if bench.card.get(Word::ForcedXruns) == forced {
                bench.card.force_xrun();
                forced += 1;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    runs_dry(1.0);
    let opens = bench.card.get(Word::Opens);
    runs_dry(4.0);
    let opens = bench.card.get(Word::Opens) - opens;
    assert!((1..=6).contains(&opens), "{opens} openings in four seconds");
    let told = bench.events.try_iter().filter(|event| matches!(event, Event::Lost(_) | Event::Waiting(_))).count();
    assert!(told <= 20, "{told} events in five seconds");
    bench.wait_for(|event| matches!(event, Event::Running));
    bench.stop();
}

#[test]
fn a_stop_does_not_hang_on_a_stalled_card() {
    let mut bench = bench(|_, _| {}, tone);
    bench.stream();
    bench.play_on(4_000);
    bench.card.set(Word::Stalled, 1);
    assert!(bench.stop().is_some());
}

#[test]
fn an_idle_card_is_closed_and_the_first_sound_is_not_lost() {
    let mut bench = bench(|_, request| request.suspend_after = Some(Duration::from_millis(100)), noise);
    bench.wait_for(|event| matches!(event, Event::Standby));
    assert_eq!(bench.card.get(Word::Closes), 1);
    assert_eq!(bench.counters.snapshot().reopens, 0);
    bench.pace.set_driving(true);
    bench.pace.set_streaming(true);
    bench.wait_for(|event| matches!(event, Event::Opened { .. }));
    bench.play_on(24_000);
    bench.stop();
    // Standby is no loss, and waking none.
    bench.assert_no_trouble();
    assert_eq!(bench.counters.snapshot().reopens, 0);
    let left = bench.card.recording().channel(0);
    // The fade-in of the newly opened card covers the first 50 ms: the place is found after it.
    let probe = 12_000;
    let value = |i: usize| f64::from(noise(i));
    let first = left.iter().position(|&x| x != 0.0).unwrap();
    assert!((0..1000).any(|at| (0..500).all(|i| left[first + probe + i] == value(probe + i + at))));
}

#[test]
fn a_busy_card_is_named() {
    let card = Card::new();
    card.set(Word::Busy, 1);
    let error = open(&request(&card)).unwrap_err();
    assert!(matches!(error, OutputError::Busy { .. }), "{error}");
    card.set(Word::Busy, 0);
    assert!(open(&request(&card)).is_ok());
}

#[test]
fn what_the_card_does_not_offer_is_said() {
    let limited = |limits: &str| {
        let card = Card::with_limits(limits);
        let request = request(&card);
        (card, request)
    };
    let (_card, wanted) = limited("CHANNELS=2");
    let error = open(&wanted).unwrap_err();
    assert!(matches!(error, OutputError::Channels { needed: 4, .. }), "{error}");

    let (_card, wanted) = limited("RATES=44100/96000");
    let error = open(&wanted).unwrap_err();
    assert!(matches!(&error, OutputError::Rate { offered_hz, .. } if *offered_hz == [44_100, 96_000]), "{error}");

    let (_card, wanted) = limited("FORMATS=S16_LE");
    let wanted = Request { format: Some(SampleFormat::S32), ..wanted };
    let error = open(&wanted).unwrap_err();
    assert!(matches!(&error, OutputError::Format { offered, .. } if *offered == [SampleFormat::S16]), "{error}");
    assert_eq!(open(&Request { format: None, ..wanted }).unwrap().params().format, SampleFormat::S16.into());

    let (_card, wanted) = limited("CHANNELS=2/8");
    assert_eq!(open(&wanted).unwrap().params().channels, 8, "the smallest that is large enough");
}

#[test]
fn without_a_device_at_start_it_plays_once_there_is_one() {
    let card = Card::new();
    card.unplug();
    let request = request(&card);
    let pace = Pace::new(RATE_HZ).unwrap();
    let counters = Arc::new(Counters::default());
    let (_ring_writer, reader) = ring(4096);
    let (_chains, receiver) = handover();
    let player = Player::new(reader, WIRE, receiver, pace.clone(), counters.clone());
    let (sender, events) = mpsc::channel();
    let _writer = Writer::spawn(player, request, pace.clone(), counters, tell(sender)).unwrap();
    while !matches!(events.recv_timeout(Duration::from_secs(20)).unwrap(), Event::Waiting(_)) {}
    card.replug();
    until("the card plays", || card.get(Word::FramesPlayed) > 4800);
    assert!(pace.fd().as_raw_fd() >= 0);
}
