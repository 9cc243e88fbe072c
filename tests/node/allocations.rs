//! Counts what Rust code allocates or frees on the sink's data thread: nothing is allowed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

// SAFETY: passed on to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

fn count() {
    if is_data_thread(&name()) {
        COUNT.fetch_add(1, Relaxed);
    }
}

/// The sink names its data thread in the first cycle.
fn is_data_thread(name: &[u8]) -> bool {
    name.starts_with(b"pipewire-data")
}

fn name() -> [u8; 16] {
    let mut name = [0; 16];
    // SAFETY: PR_GET_NAME writes at most 16 bytes.
    unsafe { nix::libc::prctl(nix::libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// Calls of the allocator on data threads so far.
pub fn on_the_data_thread() -> u64 {
    COUNT.load(Relaxed)
}

/// True while this process has a thread that would be counted.
pub fn data_thread_is_known() -> bool {
    std::fs::read_dir("/proc/self/task").unwrap().any(|task| {
        let name = std::fs::read(task.unwrap().path().join("comm")).unwrap_or_default();
        is_data_thread(&name)
    })
}
