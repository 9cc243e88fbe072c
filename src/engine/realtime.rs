//! Real-time rights and arithmetic of a thread. What was granted is always read back from the kernel.

use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{Pid, gettid};

use super::counters::Scheduling;

pub mod rtkit;

/// Priority of the writer thread: below PipeWire's data threads (88 by default), above everything ordinary.
pub const WRITER_PRIORITY: u8 = 80;

/// How the calling thread is scheduled, as the kernel says.
pub fn scheduling() -> Scheduling {
    scheduling_of(gettid())
}

/// How `thread` is scheduled, as the kernel says; unknown where there is no such thread.
pub fn scheduling_of(thread: Pid) -> Scheduling {
    // SAFETY: both calls read a thread's scheduling into memory that outlives them.
    let (class, priority) = unsafe {
        let mut parameters: libc::sched_param = std::mem::zeroed();
        let class = libc::sched_getscheduler(thread.as_raw());
        if libc::sched_getparam(thread.as_raw(), &mut parameters) != 0 {
            return Scheduling::Unknown;
        }
        (class, parameters.sched_priority)
    };
    let priority = u8::try_from(priority).unwrap_or(0);
    match class & !libc::SCHED_RESET_ON_FORK {
        class if class < 0 => Scheduling::Unknown,
        libc::SCHED_FIFO => Scheduling::Fifo(priority),
        libc::SCHED_RR => Scheduling::RoundRobin(priority),
        _ => Scheduling::Other,
    }
}

/// Asks the kernel for `SCHED_FIFO` on the calling thread, at this priority or the highest below it that its limits allow.
/// Returns what the thread has afterwards. Where they allow none, [`rtkit`] may.
pub fn promote(priority: u8) -> Scheduling {
    let allowed = getrlimit(Resource::RLIMIT_RTPRIO).map_or(0, |(soft, _)| soft.min(99)) as u8;
    if !set_fifo(priority) && (1..priority).contains(&allowed) {
        set_fifo(allowed);
    }
    scheduling()
}

fn set_fifo(priority: u8) -> bool {
    // SAFETY: sets the calling thread's own scheduling from a fully initialized structure.
    unsafe {
        let mut parameters: libc::sched_param = std::mem::zeroed();
        parameters.sched_priority = i32::from(priority);
        libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &parameters) == 0
    }
}

/// Flushes denormals to zero on the calling thread: they cost up to a hundred times a normal operation and lie below
/// −750 dBFS. No result of the chain depends on it.
pub fn flush_denormals() {
    #[cfg(target_arch = "x86_64")]
    {
        const FTZ_AND_DAZ: u32 = 1 << 15 | 1 << 6;
        let mut mxcsr = 0u32;
        // SAFETY: reads and writes the thread's own SSE control register; only the two denormal bits change.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &mut mxcsr, options(nostack));
            mxcsr |= FTZ_AND_DAZ;
            std::arch::asm!("ldmxcsr [{}]", in(reg) &mxcsr, options(nostack));
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        const FZ: u64 = 1 << 24;
        let mut fpcr: u64;
        // SAFETY: reads and writes the thread's own floating-point control register; only flush-to-zero changes.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack));
            fpcr |= FZ;
            std::arch::asm!("msr fpcr, {}", in(reg) fpcr, options(nomem, nostack));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reported_is_what_the_kernel_says() {
        let before = std::thread::spawn(scheduling).join().unwrap();
        assert_ne!(before, Scheduling::Unknown);
        let (may, granted) = std::thread::spawn(|| (set_fifo(10), scheduling())).join().unwrap();
        assert_eq!(granted, if may { Scheduling::Fifo(10) } else { before });
        assert_eq!(scheduling_of(Pid::from_raw(i32::MAX)), Scheduling::Unknown);
    }

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn denormals_are_flushed_on_this_thread_only() {
        use std::hint::black_box;
        let product = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        let flushed = std::thread::spawn(move || {
            flush_denormals();
            product()
        });
        assert_eq!(flushed.join().unwrap(), 0.0);
        assert!(product() > 0.0);
    }
}
