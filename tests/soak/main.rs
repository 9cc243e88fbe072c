//! A speaker that is switched on for long: sound, and a fault every 10 to 20 s. `tests/soak.sh MINUTES [SEED]` runs it.

#[path = "../support/mod.rs"]
mod support;

mod faults;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use faults::{Fault, Rig};
use support::frozen::threads;
use support::witness::undisturbed;

/// Sound has to be back within this time of the cause's end: the median of each kind of fault. The machine itself may
/// be late now and then; what it delays does not come at each time.
const SOON: Duration = Duration::from_secs(1);
/// May grow by so much after it has settled, in kilobytes.
const GROWTH_KB: u64 = 1024;

/// The same numbers for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % n
    }
}

/// What the daemon has of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holds {
    memory_kb: u64,
    files: usize,
    threads: Vec<String>,
}

impl Holds {
    fn of(pid: nix::unistd::Pid) -> Holds {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process that is there");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let mut threads: Vec<String> = threads(pid).into_iter().map(|(_, name)| name).collect();
        threads.sort();
        Holds {
            memory_kb: memory.trim_end_matches("kB").trim().parse().expect("a number"),
            files: std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its files").count(),
            threads,
        }
    }
}

#[test]
#[ignore = "takes minutes: tests/soak.sh MINUTES [SEED]"]
fn soak() {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (minutes, seed) = (number("SOAK_MINUTES", 2), number("SOAK_SEED", 1));
    // In hours the machine stands still now and then for sure: no reason to begin again.
    if minutes > 2 { run(minutes, seed) } else { undisturbed(|| run(minutes, seed)) }
}

fn run(minutes: u64, seed: u64) {
    let only = std::env::var("SOAK_ONLY").unwrap_or_default();
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (begin, settles) = (Instant::now(), Duration::from_secs(if minutes > 10 { 300 } else { 60 }));
    let mut rig = Rig::start();
    let pid = rig.pid();
    let mut settled = None;
    let mut away: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut bag: Vec<Fault> = Vec::new();
    while begin.elapsed() < Duration::from_secs(60 * minutes) {
        // Each once, in another order each time: none is left out by chance.
        if bag.is_empty() {
            bag = Fault::ALL.into_iter().filter(|fault| fault.name().contains(&only)).collect();
            assert!(!bag.is_empty(), "no fault's name contains {only:?}");
        }
        let fault = bag.swap_remove(dice.below(bag.len() as u64) as usize);
        print!("{:6.1} s  {:<26} ", begin.elapsed().as_secs_f64(), fault.name());
        let back = rig.suffer(fault, &mut dice);
        println!("back after {:4.0} ms, {} kB", ms(back), Holds::of(pid).memory_kb);
        away.entry(fault.name()).or_default().push(back);
        // The short form takes one after the other.
        std::thread::sleep(Duration::from_secs(if minutes > 2 { 4 + dice.below(10) } else { 0 }));
        if settled.is_none() && begin.elapsed() >= settles {
            settled = Some(rig.at_rest(|| Holds::of(pid)));
        }
    }
    let ends = rig.at_rest(|| Holds::of(pid));
    println!("\n{:<28}{:>6}{:>12}{:>12}", "fault", "times", "median ms", "longest ms");
    let mut slow = Vec::new();
    for (name, times) in &mut away {
        times.sort();
        let (median, longest) = (times[(times.len() - 1) / 2], times[times.len() - 1]);
        println!("{name:<28}{:>6}{:>12.0}{:>12.0}", times.len(), ms(median), ms(longest));
        if median > SOON {
            slow.push(*name);
        }
    }
    println!("\nsettled: {settled:?}\nat last: {ends:?}");
    assert!(slow.is_empty(), "the sound is late after {slow:?}:\n{}", rig.log());
    let settled = settled.expect("a minute at least");
    assert!(ends.memory_kb <= settled.memory_kb + GROWTH_KB, "the memory grows: {settled:?}, {ends:?}");
    assert_eq!((&ends.files, &ends.threads), (&settled.files, &settled.threads), "files or threads are left over");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
