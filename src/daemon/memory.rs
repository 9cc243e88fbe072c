//! A daemon that runs for months on a small board keeps no more memory than it plays with, and keeps that at hand.

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Limit of locked memory, in bytes, from which all of the process is locked. What counts against it are addresses, not
/// pages in use: half a gigabyte here, most of it thread stacks nobody touches. A lower limit would one day refuse an
/// allocation.
const ENOUGH: u64 = 2 << 30;

/// Allocations from this size on are mapped one by one. Building a chain takes several times what the chain keeps: so the
/// system has that back as soon as it is freed, which it takes from no heap whose pages are locked.
#[cfg(target_env = "gnu")]
const MAPPED_BYTES: libc::c_int = 64 << 10;

/// Arranges the memory of the process, before it has a second thread. True if every page that it has touched, or will
/// touch, is locked: never swapped out, because reading one back takes longer than a period.
pub fn arrange() -> bool {
    #[cfg(target_env = "gnu")]
    // SAFETY: settings of the allocator, which takes its locks. A value that it does not take changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        // One heap for all threads: those that hurry do not allocate, and free places in one are used by all.
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
    // Root may raise the limit, unless it is the root of a container, where it would hold.
    let is_allowed = getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, hard)| {
        soft >= ENOUGH || setrlimit(Resource::RLIMIT_MEMLOCK, ENOUGH, hard.max(ENOUGH)).is_ok()
    });
    // SAFETY: changes how the kernel treats pages, and none of their contents.
    is_allowed && unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) == 0 }
}
