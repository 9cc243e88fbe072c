//! Several files of one folder, replaced as one.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::source::{Complaint, Replacement, inherit, is_there, sync_folder};

/// Writes `files`, names with contents, into `folder`, which is made if it is missing.
///
/// A new folder appears complete. An existing one with no other files is exchanged for a complete one in one step,
/// where the system can. Else each file is replaced on its own: all are complete on the disk before the first has its
/// name, and the last of `files` comes last.
pub(super) fn write(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), Complaint> {
    if !is_there(folder)? {
        return create(folder, files).map_err(|error| Complaint::io(folder, "make the folder", &error));
    }
    let metadata = fs::metadata(folder).map_err(|error| Complaint::io(folder, "look at the folder", &error))?;
    if !metadata.is_dir() {
        return Err(Complaint::whole(folder, "this is no folder; name one to write the profile into"));
    }
    // Whatever kept the folders from being exchanged, one by one may succeed; and else says what is wrong.
    if exchange(folder, &metadata, files).is_ok() {
        return Ok(());
    }
    one_by_one(folder, files)
}

fn create(folder: &Path, files: &[(&str, Vec<u8>)]) -> io::Result<()> {
    let parent = parent(folder);
    fs::create_dir_all(&parent)?;
    let complete = complete(&parent, files, |_| None)?;
    fs::rename(complete.path(), folder)?;
    // It has another name now.
    let _ = complete.keep();
    sync_folder(Some(&parent));
    Ok(())
}

/// A folder in `parent` with `files`, on the disk; `existing` gives what each replaces.
fn complete(
    parent: &Path,
    files: &[(&str, Vec<u8>)],
    existing: impl Fn(&str) -> Option<Metadata>,
) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".spatiald-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    let folder = builder.tempdir_in(parent)?;
    for (name, bytes) in files {
        let mut file = File::options().write(true).create_new(true).open(folder.path().join(name))?;
        file.write_all(bytes)?;
        if let Some(existing) = existing(name) {
            inherit(&file, &existing)?;
        }
        file.sync_all()?;
    }
    sync_folder(Some(folder.path()));
    Ok(folder)
}

/// Exchanges `folder` for a complete one, if nobody can tell but by its content.
fn exchange(folder: &Path, metadata: &Metadata, files: &[(&str, Vec<u8>)]) -> io::Result<()> {
    let folder = fs::canonicalize(folder)?;
    // Whoever stands in a folder would stand in the one that is removed.
    if std::env::current_dir().is_ok_and(|here| here.starts_with(&folder)) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let is_ours = files.iter().any(|(name, _)| entry.file_name() == *name);
        if !(is_ours && is_plain(&entry.metadata()?)) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
    }
    let parent = parent(&folder);
    let complete = complete(&parent, files, |name| fs::metadata(folder.join(name)).ok())?;
    let made = File::open(complete.path())?;
    inherit(&made, metadata)?;
    if !same_owner(metadata, &made.metadata()?) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    swap(complete.path(), &folder)?;
    sync_folder(Some(&parent));
    // What is there under the temporary name now is the old one; it goes. If it cannot, the new one is in place anyhow.
    complete.close().ok();
    Ok(())
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn swap(one: &Path, other: &Path) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    Ok(renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)?)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn swap(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A file that is nothing else as well: no link, no second name.
#[cfg(unix)]
fn is_plain(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.is_file() && file.nlink() == 1
}

#[cfg(not(unix))]
fn is_plain(file: &Metadata) -> bool {
    file.is_file()
}

#[cfg(unix)]
fn same_owner(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.uid(), one.gid()) == (other.uid(), other.gid())
}

#[cfg(not(unix))]
fn same_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}

fn one_by_one(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), Complaint> {
    let mut replacements = Vec::with_capacity(files.len());
    for (name, bytes) in files {
        let path = folder.join(name);
        let replacement = Replacement::create(&path)?;
        replacement
            .file()
            .write_all(bytes)
            .and_then(|()| replacement.file().sync_all())
            .map_err(|error| Complaint::io(&path, "write it", &error))?;
        replacements.push((path, replacement));
    }
    for (path, replacement) in replacements {
        replacement.finish().map_err(|error| Complaint::io(&path, "write it", &error))?;
    }
    Ok(())
}

fn parent(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
