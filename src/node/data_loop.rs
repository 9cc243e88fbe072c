//! Work on PipeWire's data thread: a function run there, a file descriptor watched there.
//!
//! The crate has no wrapper for the data loop. Its queue has one writer (the main-loop thread), so everything here
//! is called from that thread; other threads reach the data loop through a watched eventfd.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use pipewire::context::ContextRc;
use pipewire::spa::{spa_interface_call_method, support::system::IoFlags, sys as spa_sys};
use pipewire::sys as pw_sys;

/// The data loop of a context. Not `Send`: it belongs to the main-loop thread.
#[derive(Clone)]
pub(super) struct DataLoop {
    raw: NonNull<pw_sys::pw_data_loop>,
    /// Keeps the loop alive.
    _context: ContextRc,
}

impl DataLoop {
    /// The loop on which `context` runs its streams.
    pub fn of(context: &ContextRc) -> Option<Self> {
        // SAFETY: the context owns its data loop until it is destroyed, and we keep the context.
        let raw = unsafe { pw_sys::pw_context_get_data_loop(context.as_raw_ptr()) };
        Some(DataLoop { raw: NonNull::new(raw)?, _context: context.clone() })
    }

    /// Runs `work` on the data thread and waits until it is done. When the loop is not running, `work` runs here.
    fn run<F: FnOnce() + Send>(&self, work: F) {
        unsafe extern "C" fn call<F: FnOnce()>(
            _loop: *mut spa_sys::spa_loop,
            _async: bool,
            _seq: u32,
            _data: *const c_void,
            _size: usize,
            user_data: *mut c_void,
        ) -> c_int {
            // SAFETY: `user_data` is the `Option<F>` below, which outlives this call (`block` is true) and is not
            // touched by the waiting thread meanwhile.
            if let Some(work) = unsafe { &mut *user_data.cast::<Option<F>>() }.take() {
                work();
            }
            0
        }
        let mut work = Some(work);
        let user_data: *mut Option<F> = &mut work;
        // SAFETY: the loop is valid (see `of`); `call::<F>` gets the type it expects; we are on the main-loop thread,
        // the one writer of the loop's queue.
        unsafe {
            pw_sys::pw_data_loop_invoke(
                self.raw.as_ptr(),
                Some(call::<F>),
                0,
                std::ptr::null(),
                0,
                true,
                user_data.cast(),
            );
        }
    }

    /// Calls `ready` on the data thread whenever `fd` is readable, until the [`Watch`] is dropped.
    pub fn watch<'f, F: FnMut()>(&self, fd: BorrowedFd<'f>, ready: F) -> Watch<'f, F> {
        unsafe extern "C" fn call<F: FnMut()>(source: *mut spa_sys::spa_source) {
            // SAFETY: `data` points to the closure in the `Watch`, which is removed from the loop before it is freed;
            // only the loop calls it, one event at a time.
            let ready = unsafe { &mut *(*source).data.cast::<F>() };
            ready();
        }
        let ready = Box::into_raw(Box::new(ready));
        let source = Box::into_raw(Box::new(spa_sys::spa_source {
            loop_: std::ptr::null_mut(),
            func: Some(call::<F>),
            data: ready.cast(),
            fd: fd.as_raw_fd(),
            mask: IoFlags::IN.bits(),
            rmask: 0,
            priv_: std::ptr::null_mut(),
        }));
        let watch = Watch { on: self.clone(), source, ready, fd: PhantomData };
        let (loop_, source) = (SendPtr(self.spa_loop()), SendPtr(source));
        self.run(move || {
            let (loop_, source) = (loop_.get(), source.get());
            // SAFETY: both stay valid until `Watch::drop`; sources are added on the loop's own thread.
            unsafe { spa_interface_call_method!(loop_, spa_sys::spa_loop_methods, add_source, source) };
        });
        watch
    }

    fn spa_loop(&self) -> *mut spa_sys::spa_loop {
        // SAFETY: the loop is valid (see `of`) and its `spa_loop` never changes.
        unsafe { (*pw_sys::pw_data_loop_get_loop(self.raw.as_ptr())).loop_.cast() }
    }
}

/// A watched file descriptor. Dropped on the main-loop thread.
pub(super) struct Watch<'f, F: FnMut()> {
    on: DataLoop,
    source: *mut spa_sys::spa_source,
    ready: *mut F,
    fd: PhantomData<BorrowedFd<'f>>,
}

impl<F: FnMut()> Drop for Watch<'_, F> {
    fn drop(&mut self) {
        let (loop_, source) = (SendPtr(self.on.spa_loop()), SendPtr(self.source));
        self.on.run(move || {
            let (loop_, source) = (loop_.get(), source.get());
            // SAFETY: the source was added in `watch` and is removed once, on the loop's own thread.
            unsafe { spa_interface_call_method!(loop_, spa_sys::spa_loop_methods, remove_source, source) };
        });
        // SAFETY: both came from `Box::into_raw` in `watch`; the loop no longer knows them.
        unsafe {
            drop(Box::from_raw(self.source));
            drop(Box::from_raw(self.ready));
        }
    }
}

/// A pointer that may travel to the data thread inside [`DataLoop::run`].
struct SendPtr<T>(*mut T);

// SAFETY: the sending thread waits until the receiving one is done with it.
unsafe impl<T> Send for SendPtr<T> {}

impl<T> SendPtr<T> {
    fn get(self) -> *mut T {
        self.0
    }
}

/// A value that belongs to the data thread: created and taken back on the main-loop thread, used on the data thread
/// in between.
pub(super) struct DataCell<T>(UnsafeCell<T>);

impl<T> DataCell<T> {
    pub fn new(value: T) -> Self {
        DataCell(UnsafeCell::new(value))
    }

    /// Access on the data thread.
    ///
    /// # Safety
    /// Only from callbacks of the data loop (or while it is not running), and never from within another `with` of the
    /// same cell: `f` must not call into PipeWire in a way that could run another callback.
    pub unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: by the contract nobody else has access: the loop runs one callback at a time.
        f(unsafe { &mut *self.0.get() })
    }

    /// Changes the value from the main-loop thread, by running `f` on the data thread. `None` when the loop's queue
    /// refused it.
    pub fn change<R: Send>(&self, on: &DataLoop, f: impl FnOnce(&mut T) -> R + Send) -> Option<R> {
        let cell = SendPtr(self.0.get());
        let mut result = None;
        let slot = &mut result;
        on.run(move || {
            // SAFETY: runs on the data thread between its other callbacks, so nobody else has access.
            *slot = Some(f(unsafe { &mut *cell.get() }));
        });
        result
    }

    /// Takes the value back, when every callback that used it is gone.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}
