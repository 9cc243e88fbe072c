//! Work on PipeWire's data thread: a function run there, a file descriptor watched there, a value that lives there.
//!
//! The crate has no wrapper for the data loop. Its queue has one writer (the main-loop thread), so everything here
//! is called from that thread; other threads reach the data loop through a watched eventfd.

use std::any::Any;
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use nix::errno::Errno;
use nix::libc;
use pipewire::context::ContextRc;
use pipewire::spa::{spa_interface_call_method, support::system::IoFlags, sys as spa_sys};
use pipewire::stream::Stream;
use pipewire::sys as pw_sys;

/// The loop whose thread runs a stream's `process`. Not `Send`: it belongs to the main-loop thread.
#[derive(Clone)]
pub(super) struct DataLoop {
    raw: NonNull<spa_sys::spa_loop>,
    /// Keeps the loop alive: the context that has it.
    _owner: Rc<dyn Any>,
}

/// `pw_stream_get_data_loop`, which PipeWire has from 1.1 on.
type GetDataLoop = unsafe extern "C" fn(*mut pw_sys::pw_stream) -> *mut pw_sys::pw_loop;

impl DataLoop {
    /// The loop that a connected `stream` of `context` is processed on.
    ///
    /// From 1.1 on a context may have several (`context.num-data-loops`) and deals its streams out among them; the same
    /// versions have a function that tells which. Before, there is one.
    pub fn of(stream: &Stream, context: &ContextRc) -> Option<Self> {
        // SAFETY: a NUL-terminated name; the handle stands for everything this program is linked with.
        let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"pw_stream_get_data_loop".as_ptr()) };
        let raw = if symbol.is_null() {
            // SAFETY: the context is alive; it owns its data loop until it is destroyed.
            let data_loop = NonNull::new(unsafe { pw_sys::pw_context_get_data_loop(context.as_raw_ptr()) })?;
            // SAFETY: a valid data loop; this reads a field of it.
            unsafe { pw_sys::pw_data_loop_get_loop(data_loop.as_ptr()) }
        } else {
            // SAFETY: the function of that name has had this type from its beginning; the stream is alive.
            unsafe { std::mem::transmute::<*mut c_void, GetDataLoop>(symbol)(stream.as_raw_ptr()) }
        };
        // SAFETY: the loop is alive as long as its context, which we keep; what it wraps never changes.
        let raw = NonNull::new(unsafe { NonNull::new(raw)?.as_ref() }.loop_)?;
        Some(DataLoop { raw, _owner: Rc::new(context.clone()) })
    }

    /// Runs `work` on the data thread and waits until it is done. When the loop is not running, `work` runs here.
    ///
    /// # Errors
    /// The loop's queue refused it: `work` was not run.
    fn run<F: FnOnce() + Send>(&self, work: F) -> Result<(), Errno> {
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
        let raw = self.raw.as_ptr();
        // SAFETY: the loop is valid (see `of`); `call::<F>` gets the type it expects; we are on the main-loop thread,
        // the one writer of the loop's queue.
        let outcome = unsafe {
            spa_interface_call_method!(
                raw,
                spa_sys::spa_loop_methods,
                invoke,
                Some(call::<F>),
                0,
                std::ptr::null(),
                0,
                true,
                user_data.cast()
            )
        };
        checked(outcome)
    }

    /// Calls `ready` on the data thread whenever `fd` is readable, until the [`Watch`] is dropped.
    ///
    /// # Errors
    /// The loop did not take the descriptor.
    pub fn watch<'f, F: FnMut()>(&self, fd: BorrowedFd<'f>, ready: F) -> Result<Watch<'f, F>, Errno> {
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
        let mut watch = Watch { on: self.clone(), source, ready, is_added: false, fd: PhantomData };
        let (loop_, source) = (SendPtr(self.raw.as_ptr()), SendPtr(source));
        let mut added = 0;
        let outcome = &mut added;
        self.run(move || {
            let (loop_, source) = (loop_.get(), source.get());
            // SAFETY: both stay valid until `Watch::drop`; sources are added on the loop's own thread.
            *outcome = unsafe { spa_interface_call_method!(loop_, spa_sys::spa_loop_methods, add_source, source) };
        })?;
        checked(added)?;
        watch.is_added = true;
        Ok(watch)
    }
}

/// SPA's convention: what is negative is an errno.
fn checked(outcome: c_int) -> Result<(), Errno> {
    if outcome < 0 { Err(Errno::from_raw(-outcome)) } else { Ok(()) }
}

/// A watched file descriptor. Dropped on the main-loop thread.
pub(super) struct Watch<'f, F: FnMut()> {
    on: DataLoop,
    source: *mut spa_sys::spa_source,
    ready: *mut F,
    is_added: bool,
    fd: PhantomData<BorrowedFd<'f>>,
}

impl<F: FnMut()> Drop for Watch<'_, F> {
    fn drop(&mut self) {
        if self.is_added {
            let (loop_, source) = (SendPtr(self.on.raw.as_ptr()), SendPtr(self.source));
            let removed = self.on.run(move || {
                let (loop_, source) = (loop_.get(), source.get());
                // SAFETY: the source was added in `watch` and is removed once, on the loop's own thread.
                unsafe { spa_interface_call_method!(loop_, spa_sys::spa_loop_methods, remove_source, source) };
            });
            if let Err(error) = removed {
                // The loop still knows both: rather leaked than freed.
                log::error!("PipeWire's data loop does not let go of a descriptor: {error}");
                return;
            }
        }
        // SAFETY: both came from `Box::into_raw` in `watch`; the loop does not know them (any more).
        unsafe {
            drop(Box::from_raw(self.source));
            drop(Box::from_raw(self.ready));
        }
    }
}

/// A pointer that may travel to the data thread inside [`DataLoop::run`].
pub(super) struct SendPtr<T>(pub *mut T);

// SAFETY: the sending thread waits until the receiving one is done with it.
unsafe impl<T> Send for SendPtr<T> {}

impl<T> SendPtr<T> {
    pub fn get(self) -> *mut T {
        self.0
    }
}

/// A value that belongs to the data thread: created and dropped on the main-loop thread, used on the data thread in
/// between.
///
/// Whichever thread calls [`DataCell::with`] first owns the value from then on; another one is turned away, and
/// [`DataCell::is_contested`] tells. So it is checked, not assumed, that all callbacks run on one loop.
pub(super) struct DataCell<T> {
    value: UnsafeCell<T>,
    /// `pthread_self` of the thread that owns the value; 0: none yet.
    owner: AtomicUsize,
    contested: AtomicBool,
}

impl<T> DataCell<T> {
    pub fn new(value: T) -> Self {
        DataCell { value: UnsafeCell::new(value), owner: AtomicUsize::new(0), contested: AtomicBool::new(false) }
    }

    /// Access on the data thread; `None` on any other but the first thread that asked.
    ///
    /// # Safety
    /// Only from callbacks of the data loop (or while it is not running), and never from within another `with` of the
    /// same cell: `f` must not call into PipeWire in a way that could run another callback.
    pub unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.enter()?;
        // SAFETY: only one thread comes by here, and by the contract it is in no other access.
        Some(f(unsafe { &mut *self.value.get() }))
    }

    /// Makes the calling thread the owner unless another one is it. Returns whether it was before.
    fn enter(&self) -> Option<bool> {
        // SAFETY: always succeeds, touches nothing.
        let this_thread = unsafe { libc::pthread_self() } as usize;
        match self.owner.compare_exchange(0, this_thread, Acquire, Relaxed) {
            Ok(_) => Some(false),
            Err(owner) if owner == this_thread => Some(true),
            Err(_) => {
                self.contested.store(true, Relaxed);
                None
            }
        }
    }

    /// True when a second thread asked for the value: the graph is processed on another loop than the watched one.
    pub fn is_contested(&self) -> bool {
        self.contested.load(Relaxed)
    }

    /// Changes the value from the main-loop thread, by running `f` on the data thread. Leaves the value without an owner
    /// where it had none: a loop that is not running runs `f` here.
    ///
    /// # Errors
    /// The loop's queue refused it, or another thread owns the value: nothing was changed.
    pub fn change<R: Send>(&self, on: &DataLoop, f: impl FnOnce(&mut T) -> R + Send) -> Result<R, Errno> {
        let cell = SendPtr((&raw const *self).cast_mut());
        let mut result = None;
        let slot = &mut result;
        on.run(move || {
            // SAFETY: `self` is borrowed until this has run.
            let cell = unsafe { &*cell.get() };
            let Some(is_ours) = cell.enter() else { return };
            // SAFETY: runs on the thread that owns the value, between its other callbacks, so nobody else has access.
            *slot = Some(f(unsafe { &mut *cell.value.get() }));
            if !is_ours {
                cell.owner.store(0, Release);
            }
        })?;
        result.ok_or(Errno::EAGAIN)
    }

    /// Leaves the value to whichever thread asks next.
    ///
    /// # Safety
    /// Only when every callback that used the cell is gone.
    pub unsafe fn release(&self) {
        self.owner.store(0, Release);
        self.contested.store(false, Relaxed);
    }

    /// Changes the value on the main-loop thread.
    ///
    /// # Safety
    /// Only while no data thread knows the cell: before the stream's `connect` has returned and before a descriptor is
    /// watched, or when the connection is gone.
    pub unsafe fn change_here<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: by the contract nobody else has access.
        f(unsafe { &mut *self.value.get() })
    }
}

#[cfg(test)]
pub(super) mod fake;
#[cfg(test)]
mod tests;
