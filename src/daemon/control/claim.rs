//! Who is first of an instance: the socket's folder, the lock that decides, and the socket itself.
//!
//! The lock is `flock(2)` on `NAME.lock` beside the socket: it ends with the process, however that ends, and whoever
//! holds it may replace a socket that nobody answers on. Its file stays, because removing it would give two daemons a
//! lock each.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::sys::socket::Backlog;
use nix::unistd::Uid;

use super::client::{Patience, connect};
use crate::daemon::Instance;
use crate::daemon::instance::{RelativeFolder, socket_in};
use crate::source::printable;

/// Connections that wait to be accepted. Short, so that the wait behind a flood is short; a client that finds no place
/// waits in `connect`.
const BACKLOG: i32 = 64;

/// Why the control socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another daemon is there.
    #[error("another spatiald already runs as instance {instance:?} ({}): stop it, or start this one with --instance NAME", printable(socket.display()))]
    Running {
        /// The instance.
        instance: String,
        /// Its socket.
        socket: PathBuf,
    },
    /// The environment names no folder.
    #[error(transparent)]
    Relative(#[from] RelativeFolder),
    /// Whoever owns the folder could put his own socket there.
    #[error("the control socket's folder {} belongs to user {owner}, not to user {}: remove it, or set XDG_RUNTIME_DIR to a folder of yours", printable(folder.display()), Uid::effective())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// Its owner's user id.
        owner: u32,
    },
    /// Whoever may write to it could have put anything there.
    #[error("the control socket's folder {} may be written to by others (mode {mode:04o}): chmod 700 it", printable(folder.display()))]
    Writable {
        /// The folder.
        folder: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The socket or its folder cannot be made.
    #[error("the control socket {} cannot be made: {}", printable(socket.display()), remedy(source))]
    Io {
        /// Where.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
            "raise the limit on open files (LimitNOFILE=, ulimit -n)"
        }
        io::ErrorKind::InvalidInput => "its path is too long: set XDG_RUNTIME_DIR to a shorter one",
        io::ErrorKind::AlreadyExists => "remove what has its name",
        _ => "set XDG_RUNTIME_DIR to a folder of yours",
    }
}

/// An instance's lock, held, and its socket, bound. Dropping it removes the socket, and no other.
#[derive(Debug)]
pub(super) struct Claim {
    instance: String,
    folder: PathBuf,
    lock: Flock<File>,
    listener: UnixListener,
    bound: FileId,
}

/// One file, whatever its name: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    /// Of the file that has this name now; `None`: nobody has.
    fn at(path: &Path) -> io::Result<Option<FileId>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(FileId(metadata.dev(), metadata.ino()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(file: &File) -> io::Result<FileId> {
        file.metadata().map(|metadata| FileId(metadata.dev(), metadata.ino()))
    }
}

impl Claim {
    /// Takes the lock and binds the socket: mode 600 in a folder of mode 700, which is made where it is missing.
    ///
    /// # Errors
    /// The instance runs already, the folder is not ours alone, or socket or lock cannot be made.
    pub(super) fn take(instance: &Instance) -> Result<Claim, ListenError> {
        let folder = instance.socket_folder()?;
        let name = instance.name().to_owned();
        let paths = Paths { instance: &name, folder: &folder };
        paths.make_folder()?;
        let lock = paths.lock()?;
        let (listener, bound) = paths.bind()?;
        Ok(Claim { instance: name, folder, lock, listener, bound })
    }

    /// Puts back what somebody removed: lock, socket, or the folder with both. Whether anything had to be.
    ///
    /// # Errors
    /// As for [`take`](Claim::take): somebody else is there meanwhile, or it cannot be made.
    pub(super) fn renew(&mut self) -> Result<bool, ListenError> {
        let paths = Paths { instance: &self.instance, folder: &self.folder };
        let there = |path: &Path| FileId::at(path).map_err(|source| paths.io(source));
        let locked = there(&paths.lock_file())? == Some(FileId::of(&self.lock).map_err(|source| paths.io(source))?);
        if locked && there(&paths.socket())? == Some(self.bound) {
            return Ok(false);
        }
        paths.make_folder()?;
        if !locked {
            self.lock = paths.lock()?;
        }
        if there(&paths.socket())? != Some(self.bound) {
            (self.listener, self.bound) = paths.bind()?;
        }
        Ok(true)
    }

    pub(super) fn socket(&self) -> PathBuf {
        socket_in(&self.folder, &self.instance)
    }

    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let socket = self.socket();
        let removed = match FileId::at(&socket) {
            Ok(Some(there)) if there == self.bound => fs::remove_file(&socket),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            log::debug!("{} stays behind: {error}", printable(socket.display()));
        }
    }
}

struct Paths<'a> {
    instance: &'a str,
    folder: &'a Path,
}

impl Paths<'_> {
    fn socket(&self) -> PathBuf {
        socket_in(self.folder, self.instance)
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.join(format!("{}.lock", self.instance))
    }

    fn io(&self, source: io::Error) -> ListenError {
        ListenError::Io { socket: self.socket(), source }
    }

    fn running(&self) -> ListenError {
        ListenError::Running { instance: self.instance.to_owned(), socket: self.socket() }
    }

    /// A folder that nobody else may enter, whatever the umask.
    fn make_folder(&self) -> Result<(), ListenError> {
        let folder = self.folder;
        let io = |source| self.io(source);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        let metadata = fs::metadata(folder).map_err(io)?;
        if metadata.uid() != Uid::effective().as_raw() {
            return Err(ListenError::Foreign { folder: folder.to_owned(), owner: metadata.uid() });
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(ListenError::Writable { folder: folder.to_owned(), mode });
        }
        if mode & 0o777 != 0o700 {
            fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io)?;
        }
        Ok(())
    }

    fn lock(&self) -> Result<Flock<File>, ListenError> {
        let path = self.lock_file();
        let io = |source| self.io(source);
        // Between opening and locking the file may have been removed: then it is no lock, and a second look is due.
        for _ in 0..8 {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&path)
                .map_err(io)?;
            let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => lock,
                Err((_, Errno::EWOULDBLOCK)) => return Err(self.running()),
                Err((_, error)) => return Err(io(error.into())),
            };
            if FileId::at(&path).map_err(io)? == Some(FileId::of(&lock).map_err(io)?) {
                // Under a strict umask the next daemon could not open it.
                lock.set_permissions(Permissions::from_mode(0o600)).map_err(io)?;
                return Ok(lock);
            }
        }
        Err(io(io::Error::other("somebody removes the lock again and again")))
    }

    /// Binds the socket. Called under the lock, so that one left behind may be replaced; one that answers is not.
    fn bind(&self) -> Result<(UnixListener, FileId), ListenError> {
        let socket = self.socket();
        let io = |source| self.io(source);
        match fs::symlink_metadata(&socket) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(io(io::Error::new(io::ErrorKind::AlreadyExists, "it is no socket")));
            }
            Ok(_) => match connect(&socket, Patience::None) {
                Ok(_) | Err(Errno::EAGAIN) => return Err(self.running()),
                Err(Errno::ECONNREFUSED) => fs::remove_file(&socket).map_err(io)?,
                Err(Errno::ENOENT) => {}
                Err(error) => return Err(io(error.into())),
            },
        }
        let listener = UnixListener::bind(&socket).map_err(io)?;
        let bound = FileId::at(&socket).map_err(io)?.ok_or_else(|| io(io::ErrorKind::NotFound.into()))?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600)).map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        // Again, for the length of the queue alone.
        let backlog = Backlog::new(BACKLOG).map_err(|error| io(error.into()))?;
        nix::sys::socket::listen(&listener, backlog).map_err(|error| io(error.into()))?;
        Ok((listener, bound))
    }
}
