//! How the calling thread is scheduled: read back from the kernel, because what was asked for is not always granted.

use nix::libc;

use crate::engine::Scheduling;

/// The class and priority of the calling thread. Two system calls; neither waits.
pub(super) fn of_this_thread() -> Scheduling {
    // SAFETY: no pointers; 0 is the calling thread.
    let policy = unsafe { libc::sched_getscheduler(0) };
    let mut param = libc::sched_param { sched_priority: 0 };
    // SAFETY: `param` is valid for writing; 0 is the calling thread.
    let read = unsafe { libc::sched_getparam(0, &mut param) };
    if policy < 0 || read < 0 {
        return Scheduling::Unknown;
    }
    let priority = u8::try_from(param.sched_priority).unwrap_or(u8::MAX);
    // rtkit adds a flag to the policy: children do not inherit the class.
    match policy & !libc::SCHED_RESET_ON_FORK {
        libc::SCHED_FIFO => Scheduling::Fifo(priority),
        libc::SCHED_RR => Scheduling::RoundRobin(priority),
        _ => Scheduling::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_thread_is_known() {
        assert_ne!(of_this_thread(), Scheduling::Unknown);
    }
}
