//! Waiting for the other end of a pipe, until somebody asks to stop.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The error of reading and writing once it was asked to stop; [`is_stop`] tells.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct Stopped;

/// Whether `error` says that it was asked to stop.
pub(super) fn is_stop(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stopped>())
}

fn check(stop: Option<&AtomicBool>) -> io::Result<()> {
    match stop {
        Some(stop) if stop.load(Ordering::Relaxed) => Err(io::Error::other(Stopped)),
        _ => Ok(()),
    }
}

/// Opens `path` for reading; a pipe that nobody writes to yet is not waited for.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    }
    options.open(path)
}

/// Returns when something can be read from `file`, or its writers are gone.
pub(super) fn readable(file: &File, stop: Option<&AtomicBool>) -> io::Result<()> {
    until(file, true, stop)
}

/// Returns when a page can be written to `file`, or its readers are gone.
pub(super) fn writable(file: &File, stop: Option<&AtomicBool>) -> io::Result<()> {
    until(file, false, stop)
}

#[cfg(unix)]
fn until(file: &File, read: bool, stop: Option<&AtomicBool>) -> io::Result<()> {
    use std::os::fd::AsFd;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    /// A signal ends the wait, unless it comes just before it or to another thread.
    const LOOK_AGAIN_MS: u8 = 100;
    let flag = if read { PollFlags::POLLIN } else { PollFlags::POLLOUT };
    loop {
        check(stop)?;
        match poll(&mut [PollFd::new(file.as_fd(), flag)], PollTimeout::from(LOOK_AGAIN_MS)) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
fn until(_: &File, _: bool, stop: Option<&AtomicBool>) -> io::Result<()> {
    check(stop)
}
