//! Stands in for the device: takes a period whenever its clock, a little off, says so, and notes what it was given.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use spatiald::engine::pace::now_ns;
use spatiald::engine::{Pace, RingReader};

use crate::player::STEP;

/// Consecutive frames of a counter, without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub first: u32,
    pub frames: u32,
}

/// What arrived, in order.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    pub runs: Vec<Run>,
    /// Samples that are no frame of a counter: scaled, mixed, resampled or swapped.
    pub foreign: u64,
    /// The last sample on the left.
    pub last: f32,
}

impl Heard {
    fn frame(&mut self, left: f32, right: f32) {
        self.last = left;
        let index = left / STEP;
        if left == 0.0 && right == 0.0 {
            return;
        }
        if right != -left || index.fract() != 0.0 || index < 0.0 {
            self.foreign += 1;
            return;
        }
        let index = index as u32;
        match self.runs.last_mut() {
            Some(run) if run.first + run.frames == index => run.frames += 1,
            _ => self.runs.push(Run { first: index, frames: 1 }),
        }
    }
}

pub struct Device {
    heard: Arc<Mutex<Heard>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Device {
    /// Frames of delay it claims to have.
    pub const DELAY_FRAMES: usize = 480;

    pub fn start(mut ring: RingReader, pace: Arc<Pace>, period: usize, ppm: f64) -> Device {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let stop = Arc::new(AtomicBool::new(false));
        pace.set_period_frames(period);
        let (shared, stopped) = (Arc::clone(&heard), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            real_time();
            let (mut left, mut right) = (vec![0.0; period], vec![0.0; period]);
            let period_s = period as f64 / (f64::from(pace.rate_hz()) * (1.0 + ppm * 1e-6));
            let start = Instant::now();
            for n in 1.. {
                let due = Duration::from_secs_f64(n as f64 * period_s);
                std::thread::sleep(due.saturating_sub(start.elapsed()));
                if stopped.load(Relaxed) {
                    break;
                }
                // A late period is judged by what is lost, not by the clock on the wall: it is taken when it is there.
                if ring.fill_frames() >= period {
                    ring.pop(&mut left, &mut right);
                    let mut heard = shared.lock().unwrap();
                    left.iter().zip(&right).for_each(|(&l, &r)| heard.frame(l, r));
                }
                let now_ns = now_ns();
                pace.set_ring_fill_frames(ring.fill_frames());
                pace.set_device_delay(Self::DELAY_FRAMES, now_ns);
                if pace.wants_cycle(ring.fill_frames(), now_ns) {
                    pace.request(now_ns);
                }
            }
        });
        Device { heard, stop, thread: Some(thread) }
    }

    pub fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }

    /// Frames of all runs so far.
    pub fn frames(&self) -> u64 {
        self.heard.lock().unwrap().runs.iter().map(|run| u64::from(run.frames)).sum()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.thread.take().unwrap().join().ok();
    }
}

/// As the writer thread asks for; without the right to it the test is only slower.
fn real_time() {
    let param = nix::libc::sched_param { sched_priority: 60 };
    // SAFETY: `param` is valid; 0 is the calling thread.
    unsafe { nix::libc::sched_setscheduler(0, nix::libc::SCHED_FIFO, &param) };
}
