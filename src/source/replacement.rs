//! Replacing a file: whoever reads it finds the old content or the new, whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Complaint;

/// A file in the making, beside the one it will replace, under a name of its own that nobody can guess or lay a link
/// at. Dropped before it is finished, it disappears.
#[derive(Debug)]
pub struct Replacement {
    file: NamedTempFile,
    target: PathBuf,
}

impl Replacement {
    /// Begins the file that will stand at `path`. What is there stays until [`finish`](Replacement::finish); the new
    /// file has its mode and, where the system allows, its owner. A link stays a link: what it leads to is replaced.
    ///
    /// # Errors
    /// The folder is missing or not writable, `path` is no regular file, or a link that another user laid there.
    pub fn create(path: &Path) -> Result<Replacement, Complaint> {
        let unwritable = |error: io::Error| Complaint::io(path, "write it", &error);
        let target = follow(path)?;
        let existing = match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_file() => Some(metadata),
            Ok(_) => return Err(Complaint::whole(path, "this is no regular file; give the name of a file to write")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unwritable(error)),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".spatiald-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file; the process's umask takes its part.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = builder.tempfile_in(folder).map_err(|error| {
            // The error names the temporary file, which nobody asked for.
            let error = error.raw_os_error().map_or(error, io::Error::from_raw_os_error);
            unwritable(error)
        })?;
        if let Some(existing) = existing {
            inherit(file.as_file(), &existing).map_err(unwritable)?;
        }
        Ok(Replacement { file, target })
    }

    /// The file to write to.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name, once it is on the disk.
    ///
    /// # Errors
    /// The disk is full, or the folder is no longer what it was; what stood there is as it was.
    pub fn finish(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.target).map_err(|error| error.error)?;
        sync_folder(self.target.parent());
        Ok(())
    }
}

/// Makes a rename last over a power failure, where the system can.
pub(crate) fn sync_folder(folder: Option<&Path>) {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Some systems cannot open folders, some cannot sync them; the files themselves are synced.
    if let Ok(folder) = File::open(folder) {
        folder.sync_all().ok();
    }
}

/// Replaces `path` by `bytes`.
///
/// # Errors
/// The folder is missing or not writable, or the disk is full; `path` is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Complaint> {
    let replacement = Replacement::create(path)?;
    replacement
        .file()
        .write_all(bytes)
        .and_then(|()| replacement.finish())
        .map_err(|error| Complaint::io(path, "write it", &error))
}

/// The file that links at `path` lead to, which need not exist; `path` itself where it is none.
fn follow(path: &Path) -> Result<PathBuf, Complaint> {
    /// As many as Linux follows.
    const MAX_LINKS: usize = 40;
    let mut path_now = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(metadata) = fs::symlink_metadata(&path_now) else { return Ok(path_now) };
        if !metadata.is_symlink() {
            return Ok(path_now);
        }
        if !is_trusted(&metadata) {
            return Err(Complaint::whole(path, "another user has laid a link here; remove it, or name another place"));
        }
        let to = fs::read_link(&path_now).map_err(|error| Complaint::io(path, "follow the link", &error))?;
        path_now = path_now.parent().unwrap_or(Path::new("")).join(to);
    }
    Err(Complaint::whole(path, "the links here lead in a circle; remove them"))
}

/// Whether a link is our own or the system's: in a folder of others, theirs may lead to any of our files.
#[cfg(unix)]
fn is_trusted(link: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    link.uid() == 0 || link.uid() == nix::unistd::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_trusted(_: &fs::Metadata) -> bool {
    true
}

/// Gives `file` the owner and mode of `existing`.
#[cfg(unix)]
pub(crate) fn inherit(file: &File, existing: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (existing.uid(), existing.gid()) {
        // Only root may give files away; anybody else's file is simply their own.
        fchown(file, Some(existing.uid()), Some(existing.gid())).ok();
    }
    file.set_permissions(fs::Permissions::from_mode(existing.mode() & 0o777))
}

#[cfg(not(unix))]
pub(crate) fn inherit(file: &File, existing: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(existing.permissions())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn modes_and_links_stay_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        fs::write(path("private"), "old").unwrap();
        fs::set_permissions(path("private"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("private", path("link")).unwrap();
        symlink("link", path("second")).unwrap();
        symlink("to-be", path("dangling")).unwrap();
        symlink("circle", path("circle")).unwrap();
        write_atomically(&path("second"), b"new").unwrap();
        write_atomically(&path("dangling"), b"made").unwrap();
        assert_eq!((fs::read(path("private")).unwrap(), mode("private")), (b"new".to_vec(), 0o640));
        assert_eq!(fs::read_link(path("link")).unwrap(), Path::new("private"));
        assert_eq!(fs::read(path("to-be")).unwrap(), b"made");
        fs::write(path("usual"), "").unwrap();
        assert_eq!(mode("to-be"), mode("usual"));
        for (name, says) in [("circle", "in a circle"), (".", "no regular file"), ("none/file", "there is no folder")] {
            let error = write_atomically(&path(name), b"").unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(names(folder.path()), ["circle", "dangling", "link", "private", "second", "to-be", "usual"]);
    }

    #[test]
    fn the_longest_names_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        for length in [235, 236, 250, 255] {
            let name = "n".repeat(length);
            write_atomically(&folder.path().join(&name), b"whole").unwrap_or_else(|error| panic!("{length}: {error}"));
            assert_eq!(fs::read(folder.path().join(&name)).unwrap(), b"whole");
        }
        let error = write_atomically(&folder.path().join("n".repeat(256)), b"").unwrap_err().to_string();
        assert!(error.contains("cannot write it: file name too long"), "{error}");
        assert_eq!(names(folder.path()).len(), 4);
    }

    #[test]
    fn dropped_it_leaves_nothing_and_its_name_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (one, other) = (Replacement::create(&path).unwrap(), Replacement::create(&path).unwrap());
        assert_eq!(names(folder.path()).len(), 2);
        drop(one);
        other.finish().unwrap();
        assert_eq!(names(folder.path()), ["file"]);
    }
}
