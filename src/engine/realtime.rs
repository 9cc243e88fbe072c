//! Real-time rights and arithmetic of a thread. What was granted is always read back from the kernel.

use std::path::Path;
use std::time::Duration;

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::counters::Scheduling;

/// Priority of the writer thread: below PipeWire's data threads (88 by default), above everything ordinary.
pub const WRITER_PRIORITY: u8 = 80;

/// How the calling thread is scheduled, as the kernel says.
pub fn scheduling() -> Scheduling {
    // SAFETY: both calls read the calling thread's own scheduling into memory that outlives them.
    let (class, priority) = unsafe {
        let mut parameters: libc::sched_param = std::mem::zeroed();
        let class = libc::sched_getscheduler(0);
        if libc::sched_getparam(0, &mut parameters) != 0 {
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

/// Asks for `SCHED_FIFO` on the calling thread: from the kernel (limits), else from rtkit on the system bus, which
/// grants a lower priority. Returns what the thread has afterwards. Blocks up to a second: call it before the loop.
pub fn promote(priority: u8) -> Scheduling {
    // The limits may allow less than was asked for.
    let allowed = getrlimit(Resource::RLIMIT_RTPRIO).map_or(0, |(soft, _)| soft.min(99)) as u8;
    let granted = set_fifo(priority) || (1..priority).contains(&allowed) && set_fifo(allowed);
    if !granted {
        // No bus, no rtkit, or a refusal: the read-back below says so.
        ask_rtkit(priority).ok();
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

/// `MakeThreadRealtime` of org.freedesktop.RealtimeKit1, which wants a bounded `RLIMIT_RTTIME` first.
fn ask_rtkit(priority: u8) -> Result<(), dbus::Error> {
    use dbus::blocking::stdintf::org_freedesktop_dbus::Properties;
    const NAME: &str = "org.freedesktop.RealtimeKit1";
    let has_bus = std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS").is_some()
        || ["/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"]
            .iter()
            .any(|path| Path::new(path).exists());
    if !has_bus {
        return Err(dbus::Error::new_failed("no system bus"));
    }
    let bus = dbus::blocking::Connection::new_system()?;
    let rtkit = bus.with_proxy(NAME, "/org/freedesktop/RealtimeKit1", Duration::from_millis(500));
    let max_priority: i32 = rtkit.get(NAME, "MaxRealtimePriority")?;
    let max_time_us: i64 = rtkit.get(NAME, "RTTimeUSecMax")?;
    if let (Ok((_, hard)), Ok(wanted)) = (getrlimit(Resource::RLIMIT_RTTIME), u64::try_from(max_time_us)) {
        let limit = wanted.min(hard);
        setrlimit(Resource::RLIMIT_RTTIME, limit, limit).map_err(|e| dbus::Error::new_failed(e.desc()))?;
    }
    let thread = u64::try_from(nix::unistd::gettid().as_raw()).unwrap_or(0);
    let priority = u32::from(priority).min(u32::try_from(max_priority).unwrap_or(1));
    rtkit.method_call(NAME, "MakeThreadRealtime", (thread, priority))
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
