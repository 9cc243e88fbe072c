//! A data loop without PipeWire: a thread of its own behind the same table of functions. None of them is foreign, so Miri
//! follows every pointer.

use std::ffi::{c_int, c_void};
use std::os::fd::BorrowedFd;
use std::ptr::{NonNull, null, null_mut};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{JoinHandle, ThreadId};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use pipewire::spa::sys as spa_sys;

use super::{DataLoop, SendPtr};

/// Edges, the only ones that Miri knows: each write to an eventfd is one.
const READABLE: EpollFlags = EpollFlags::EPOLLIN.union(EpollFlags::EPOLLET);
/// What an event of the loop's own eventfd carries; a source's carries its descriptor.
const WAKE: u64 = u64::MAX;

static METHODS: spa_sys::spa_loop_methods = spa_sys::spa_loop_methods {
    version: 0,
    add_source: Some(add_source),
    update_source: None,
    remove_source: Some(remove_source),
    invoke: Some(invoke),
};

/// A running loop; it ends with the last [`DataLoop`] of it.
pub struct FakeLoop {
    raw: spa_sys::spa_loop,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What both threads know.
struct Shared {
    wake: EventFd,
    epoll: Epoll,
    sources: Mutex<Vec<SendPtr<spa_sys::spa_source>>>,
    /// `None`: the end.
    jobs: mpsc::Sender<Option<Job>>,
    refuses: AtomicBool,
}

/// The arguments of an `invoke`, and who waits for it.
struct Job {
    func: spa_sys::spa_invoke_func_t,
    seq: u32,
    user_data: SendPtr<c_void>,
    done: mpsc::Sender<c_int>,
}

impl FakeLoop {
    pub fn start() -> Rc<FakeLoop> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).unwrap();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
        epoll.add(&wake, EpollEvent::new(READABLE, WAKE)).unwrap();
        let (jobs, taken) = mpsc::channel();
        let shared = Arc::new(Shared { wake, epoll, sources: Mutex::default(), jobs, refuses: AtomicBool::new(false) });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || while shared.turn(&taken) {}
        });
        let callbacks =
            spa_sys::spa_callbacks { funcs: (&raw const METHODS).cast(), data: Arc::as_ptr(&shared).cast_mut().cast() };
        let raw = spa_sys::spa_loop { iface: spa_sys::spa_interface { type_: null(), version: 0, cb: callbacks } };
        Rc::new(FakeLoop { raw, shared, thread: Some(thread) })
    }

    pub fn data_loop(self: &Rc<Self>) -> DataLoop {
        DataLoop { raw: NonNull::from(&self.raw), _owner: Rc::<FakeLoop>::clone(self) }
    }

    /// Whether it refuses all work from now on.
    pub fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, Relaxed);
    }

    pub fn thread(&self) -> Option<ThreadId> {
        self.thread.as_ref().map(|thread| thread.thread().id())
    }

    /// How many descriptors it watches.
    pub fn sources(&self) -> usize {
        self.shared.sources.lock().unwrap().len()
    }
}

impl Drop for FakeLoop {
    fn drop(&mut self) {
        // It is gone already where it has panicked, which is told below.
        self.shared.jobs.send(None).ok();
        self.shared.wake.write(1).unwrap();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || std::thread::panicking());
    }
}

impl Shared {
    /// Waits for one event; false when that was the end.
    fn turn(&self, jobs: &mpsc::Receiver<Option<Job>>) -> bool {
        let mut events = [EpollEvent::empty()];
        match self.epoll.wait(&mut events, EpollTimeout::NONE) {
            Ok(1) => {}
            Ok(_) | Err(Errno::EINTR) => return true,
            Err(error) => panic!("epoll: {error}"),
        }
        if events[0].data() != WAKE {
            self.dispatch(events[0].data());
            return true;
        }
        // EAGAIN: the jobs of two writes were taken at once.
        self.wake.read().ok();
        jobs.try_iter().all(|job| job.map(Job::run).is_some())
    }

    fn dispatch(&self, fd: u64) {
        let source = {
            let sources = self.sources.lock().unwrap();
            // SAFETY: what was added stays valid until it is removed.
            sources.iter().map(|source| source.0).find(|source| unsafe { (**source).fd } as u64 == fd)
        };
        let Some(source) = source else { return };
        // SAFETY: as above; only this thread adds, removes and calls.
        unsafe {
            (*source).rmask = (*source).mask;
            (*source).func.unwrap()(source);
        }
    }
}

impl Job {
    fn run(self) {
        // SAFETY: these are the arguments of the `invoke` that waits for `done`.
        let outcome = unsafe { self.func.unwrap()(null_mut(), true, self.seq, null(), 0, self.user_data.get()) };
        self.done.send(outcome).unwrap();
    }
}

/// # Safety
/// `object` is the `data` of [`FakeLoop::start`], whose loop is there.
unsafe fn shared<'a>(object: *mut c_void) -> &'a Shared {
    // SAFETY: by the contract.
    unsafe { &*object.cast::<Shared>() }
}

unsafe extern "C" fn invoke(
    object: *mut c_void,
    func: spa_sys::spa_invoke_func_t,
    seq: u32,
    data: *const c_void,
    size: usize,
    block: bool,
    user_data: *mut c_void,
) -> c_int {
    // SAFETY: called with the table's own object.
    let shared = unsafe { shared(object) };
    assert!(block && data.is_null() && size == 0, "what is used of it");
    if shared.refuses.load(Relaxed) {
        return -nix::libc::EPIPE;
    }
    let (done, wait) = mpsc::channel();
    shared.jobs.send(Some(Job { func, seq, user_data: SendPtr(user_data), done })).unwrap();
    shared.wake.write(1).unwrap();
    wait.recv().unwrap()
}

unsafe extern "C" fn add_source(object: *mut c_void, source: *mut spa_sys::spa_source) -> c_int {
    // SAFETY: called with the table's own object, and with a source whose descriptor is open.
    let (shared, fd) = unsafe { (shared(object), BorrowedFd::borrow_raw((*source).fd)) };
    // SAFETY: as above.
    let event = EpollEvent::new(READABLE, unsafe { (*source).fd } as u64);
    match shared.epoll.add(fd, event) {
        Ok(()) => shared.sources.lock().unwrap().push(SendPtr(source)),
        Err(error) => return -(error as c_int),
    }
    0
}

unsafe extern "C" fn remove_source(object: *mut c_void, source: *mut spa_sys::spa_source) -> c_int {
    // SAFETY: as in `add_source`.
    let (shared, fd) = unsafe { (shared(object), BorrowedFd::borrow_raw((*source).fd)) };
    shared.sources.lock().unwrap().retain(|known| known.0 != source);
    shared.epoll.delete(fd).map_or_else(|error| -(error as c_int), |()| 0)
}
