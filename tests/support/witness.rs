//! Was it the daemon, or did the machine stand still?
//!
//! The sessions run in real time on machines that are shared: now and then the host takes a processor away for longer
//! than a device's buffer lasts, and no program can play through that. On each processor a witness thread at real-time
//! priority, above the daemon's, sleeps a millisecond at a time and notes how late it wakes. A test that fails while all
//! witnesses slept on time has found a fault; one that fails while one was held up has found nothing, and is run again.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Lateness that a buffer of two periods of 256 frames does not survive for sure.
const STANDSTILL: Duration = Duration::from_millis(3);
/// How long a witness sleeps at a time.
const TICK: Duration = Duration::from_millis(1);
/// A machine that never gives a quiet minute cannot judge.
const ATTEMPTS: usize = 4;

/// Runs `test`; again, if it fails while the machine stood still. When no attempt was left in peace, the test fails, and
/// `tests/run.sh` is told that this has found nothing.
pub fn undisturbed(test: impl Fn()) {
    for attempt in 1.. {
        let witness = Witness::start();
        let outcome = catch_unwind(AssertUnwindSafe(&test));
        let late = witness.stop();
        match outcome {
            Ok(()) => return,
            Err(panic) if late < STANDSTILL => {
                eprintln!("the machine was at most {late:?} late in this attempt");
                resume_unwind(panic);
            }
            Err(panic) if attempt == ATTEMPTS => {
                eprintln!("inconclusive: the machine stood still for {late:?} in this attempt, too");
                note("inconclusive.log", late);
                resume_unwind(panic);
            }
            Err(_) => {
                eprintln!("the machine stood still for {late:?}: attempt {attempt} proves nothing, once more");
                note("repeated.log", late);
            }
        }
    }
}

/// One line for the summary of `tests/run.sh`: a fault that hides behind a busy machine is seen there.
fn note(file: &str, late: Duration) {
    let thread = std::thread::current();
    let line = format!("{}: the machine stood still for {late:?}\n", thread.name().unwrap_or("a test"));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the target folder takes a line");
}

/// A thread on each processor: the host takes them away one at a time, and a sleeper moves to the one that is left.
struct Witness {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<Duration>>,
}

impl Witness {
    fn start() -> Witness {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = processors().into_iter().map(|processor| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                stay_on(processor);
                be_realtime(90);
                let mut latest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let asleep = Instant::now();
                    std::thread::sleep(TICK);
                    latest = latest.max(asleep.elapsed().saturating_sub(TICK));
                }
                latest
            })
        });
        Witness { threads: threads.collect(), stop }
    }

    /// The longest that any processor stood still.
    fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("a witness only sleeps")).max().unwrap_or_default()
    }
}

/// The processors this process may run on.
fn processors() -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).expect("a process knows its own processors");
    (0..CpuSet::count()).filter(|&processor| allowed.is_set(processor).unwrap_or(false)).collect()
}

/// Ties the calling thread to one processor.
fn stay_on(processor: usize) {
    let mut only = CpuSet::new();
    only.set(processor).expect("it was in such a set before");
    sched_setaffinity(Pid::from_raw(0), &only).expect("the processor was allowed a moment ago");
}

/// Real-time scheduling for the calling thread, where that is allowed; where not, more is late, and more is repeated.
pub fn be_realtime(priority: i32) {
    let parameters = nix::libc::sched_param { sched_priority: priority };
    // SAFETY: the pointer is to a live value; 0 means the calling thread.
    unsafe { nix::libc::sched_setscheduler(0, nix::libc::SCHED_FIFO, &parameters) };
}
