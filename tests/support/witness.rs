//! Was it the daemon, or did the machine stand still?
//!
//! The sessions run in real time on machines that are shared: now and then the host takes a processor away for longer
//! than a device's buffer lasts, and no program can play through that. A witness thread at real-time priority, above
//! the daemon's, sleeps a millisecond at a time and notes how late it wakes. A test that fails while the witness slept
//! on time has found a fault; one that fails while the witness was held up has found nothing, and is run again.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lateness that a buffer of two periods of 256 frames does not survive for sure.
const STANDSTILL: Duration = Duration::from_millis(3);
/// A machine that never gives a quiet minute cannot judge.
const ATTEMPTS: usize = 4;

/// Runs `test`; again, if it fails while the machine stood still.
pub fn undisturbed(test: impl Fn()) {
    for attempt in 1.. {
        let witness = Witness::start();
        let outcome = catch_unwind(AssertUnwindSafe(&test));
        let late = witness.stop();
        match outcome {
            Ok(()) => return,
            Err(panic) if late < STANDSTILL || attempt == ATTEMPTS => {
                eprintln!("the machine was at most {late:?} late in this attempt");
                resume_unwind(panic);
            }
            Err(_) => eprintln!("the machine stood still for {late:?}: attempt {attempt} proves nothing, once more"),
        }
    }
}

struct Witness {
    stop: Arc<AtomicBool>,
    latest_ns: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Witness {
    fn start() -> Witness {
        let (stop, latest_ns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = std::thread::spawn({
            let (stop, latest_ns) = (stop.clone(), latest_ns.clone());
            move || {
                raise_priority();
                while !stop.load(Ordering::Relaxed) {
                    let asleep = Instant::now();
                    std::thread::sleep(Duration::from_millis(1));
                    let late = asleep.elapsed().saturating_sub(Duration::from_millis(1));
                    latest_ns.fetch_max(late.as_nanos() as u64, Ordering::Relaxed);
                }
            }
        });
        Witness { stop, latest_ns, thread }
    }

    fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the witness only sleeps");
        Duration::from_nanos(self.latest_ns.load(Ordering::Relaxed))
    }
}

/// Above the daemon's threads, where that is allowed; below, the witness is late more often, and more is repeated.
fn raise_priority() {
    let parameters = nix::libc::sched_param { sched_priority: 90 };
    // SAFETY: the pointer is to a live value; 0 means the calling thread.
    unsafe { nix::libc::sched_setscheduler(0, nix::libc::SCHED_FIFO, &parameters) };
}
