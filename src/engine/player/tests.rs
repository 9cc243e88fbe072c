use super::*;
use crate::engine::handover::{Sender, handover};
use crate::engine::ring::{RingWriter, ring};

const PERIOD: usize = 256;

/// Left to channel 0, right to channel 1, scaled; switches within one call.
struct Wire {
    chain: Box<f32>,
    old: Option<Box<f32>>,
}

impl Stage for Wire {
    type Chain = f32;

    fn process(&mut self, left: &[f32], right: &[f32], out: &mut [&mut [f32]]) {
        let gain = *self.chain;
        for (plane, source) in out.iter_mut().zip([left, right]) {
            assert_eq!(plane.len(), source.len());
            plane.iter_mut().zip(source).for_each(|(y, x)| *y = gain * x);
        }
    }

    fn install(&mut self, next: Box<f32>) -> Result<(), Box<f32>> {
        if self.old.is_some() {
            return Err(next);
        }
        self.old = Some(std::mem::replace(&mut self.chain, next));
        Ok(())
    }

    fn is_switching(&self) -> bool {
        self.old.is_some()
    }

    fn take_retired(&mut self) -> Option<Box<f32>> {
        self.old.take()
    }

    fn latency_frames(&self) -> usize {
        (*self.chain * 100.0) as usize
    }

    fn drivers(&self) -> usize {
        2
    }

    fn gain_reduction_db(&self, driver: usize) -> f32 {
        driver as f32
    }

    fn is_resting(&self) -> bool {
        true
    }
}

struct Bench {
    writer: RingWriter,
    chains: Sender<f32>,
    player: Player<Wire>,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
}

fn bench() -> Bench {
    let pace = Pace::new(48_000).unwrap();
    pace.set_period_frames(PERIOD);
    pace.set_driving(true);
    pace.set_streaming(true);
    let counters = Arc::new(Counters::default());
    let (writer, reader) = ring(16_384);
    let (chains, receiver) = handover();
    let stage = Wire { chain: Box::new(1.0), old: None };
    let player = Player::new(reader, stage, receiver, Arc::clone(&pace), Arc::clone(&counters));
    Bench { writer, chains, player, pace, counters }
}

impl Bench {
    fn render(&mut self, frames: usize) -> (Vec<f32>, Vec<f32>) {
        let (mut left, mut right) = (vec![f32::NAN; frames], vec![f32::NAN; frames]);
        self.player.render(&mut [&mut left, &mut right]);
        (left, right)
    }

    fn open(&mut self) {
        self.player.fade_in();
        self.render(50 * 48);
    }
}

#[test]
fn once_open_every_frame_is_exact_for_any_period() {
    let left: Vec<f32> = (0..8000).map(|i| (i as f32 * 0.1).sin()).collect();
    let right: Vec<f32> = left.iter().map(|x| x * 0.3 - 0.1).collect();
    for period in [1, 64, 441, 1024, 1025, 4000] {
        let mut bench = bench();
        bench.pace.set_period_frames(period);
        bench.open();
        assert_eq!(bench.writer.push(&left, &right), 8000);
        let (mut got_left, mut got_right) = (Vec::new(), Vec::new());
        while got_left.len() + period <= left.len() {
            let (l, r) = bench.render(period);
            got_left.extend(l);
            got_right.extend(r);
        }
        let exact = got_left.len() - LATENCY_FRAMES;
        assert_eq!(got_left[LATENCY_FRAMES..], left[..exact]);
        assert_eq!(got_right[LATENCY_FRAMES..], right[..exact]);
        assert_eq!(bench.counters.snapshot().underruns, 0);
    }
}

#[test]
fn starts_muted_and_stops_in_silence() {
    let mut bench = bench();
    bench.writer.push(&[0.5; 16_384], &[0.5; 16_384]);
    assert!(bench.player.is_muted());
    assert!(bench.render(PERIOD).0.iter().all(|&x| x == 0.0));
    bench.player.fade_in();
    let (rise, _) = bench.render(3000);
    assert!(rise.windows(2).all(|pair| (0.0..0.001).contains(&(pair[1] - pair[0]))), "no step above 1/1000");
    assert_eq!(rise[2999], 0.5);
    bench.player.fade_out();
    let (fall, _) = bench.render(3000);
    assert!(fall.windows(2).all(|pair| (0.0..0.001).contains(&(pair[0] - pair[1]))));
    assert!(bench.player.is_muted());
}

#[test]
fn a_chain_comes_in_and_the_old_one_goes_back() {
    let mut bench = bench();
    assert_eq!(bench.pace.chain_latency_frames(), 100 + LATENCY_FRAMES);
    bench.chains.send(Box::new(2.0)).unwrap();
    assert!(bench.chains.send(Box::new(3.0)).is_err(), "one waits");
    bench.render(PERIOD);
    assert_eq!(bench.pace.chain_latency_frames(), 200 + LATENCY_FRAMES);
    assert!(bench.chains.reclaim().is_none(), "still under way");
    bench.render(PERIOD);
    assert_eq!(bench.chains.reclaim().as_deref(), Some(&1.0));
}

#[test]
fn old_chains_nobody_takes_back_are_kept_and_block_further_ones() {
    let mut bench = bench();
    let mut accepted = 0;
    for i in 0..100 {
        accepted += usize::from(bench.chains.send(Box::new(i as f32)).is_ok());
        bench.render(16);
    }
    assert!((8..12).contains(&accepted), "{accepted}");
    let mut returned = Vec::new();
    for _ in 0..100 {
        bench.render(16);
        returned.extend(bench.chains.reclaim());
    }
    assert_eq!(returned.len(), accepted, "all but the one that plays came back");
}

#[test]
fn load_and_gain_reduction_are_counted() {
    let mut bench = bench();
    bench.render(PERIOD);
    let snapshot = bench.counters.snapshot();
    assert_eq!(snapshot.gain_reduction_db[..3], [0.0, 1.0, 0.0]);
    assert!(snapshot.load_max > 0.0);
}
