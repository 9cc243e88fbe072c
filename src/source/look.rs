//! Looking at files of others: nothing is waited for, nothing is read without a bound, and "cannot look" is not "not
//! there".

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::Complaint;

/// Opens the regular file at `path` for reading. A pipe, a device or a folder is refused, without waiting for a pipe's
/// writer.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub fn open_regular(path: &Path) -> Result<(File, Metadata), Complaint> {
    let unreadable = |error: io::Error| Complaint::io(path, "read it", &error);
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Opening a pipe waits for its writer; this does not, and means nothing to a regular file.
        options.custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    }
    let regular = |metadata: Metadata| match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(metadata),
        (_, true) => Err(Complaint::whole(path, "this is a folder; name a file in it")),
        _ => Err(Complaint::whole(path, "this is not a regular file; name one")),
    };
    // Before it is opened, which does something to some devices; and after it, should it have been replaced.
    regular(fs::metadata(path).map_err(unreadable)?)?;
    let file = options.open(path).map_err(unreadable)?;
    let metadata = regular(file.metadata().map_err(unreadable)?)?;
    Ok((file, metadata))
}

/// The content of the regular file at `path`, which has at most `max_bytes`; `remedy` says what to do where it has more.
///
/// # Errors
/// Like [`open_regular`]; or it is larger.
pub fn read_regular(path: &Path, max_bytes: u64, remedy: &str) -> Result<Vec<u8>, Complaint> {
    let (file, metadata) = open_regular(path)?;
    let mut bytes = Vec::new();
    if metadata.len() <= max_bytes {
        file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(|error| Complaint::io(path, "read it", &error))?;
    }
    if metadata.len().max(bytes.len() as u64) > max_bytes {
        let size = if max_bytes >= 1 << 20 { format!("{} MiB", max_bytes >> 20) } else { format!("{max_bytes} bytes") };
        return Err(Complaint::whole(path, format!("the file is larger than {size}; {remedy}")));
    }
    Ok(bytes)
}

/// Whether there is something at `path`: `false` only where it does not exist. A link that leads nowhere or in a circle
/// is something: reading it tells what is wrong.
///
/// # Errors
/// It cannot be told: a folder on the way may not be searched, or is a link that leads nowhere.
pub fn is_there(path: &Path) -> Result<bool, Complaint> {
    let cannot = |error: &io::Error| Complaint::io(path, "look whether it is there", error);
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        // A file where a folder would be: there can be nothing below it.
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let dangling = path.ancestors().skip(1).find(|folder| {
                fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_symlink())
                    && fs::metadata(folder).is_err()
            });
            match dangling {
                None => Ok(false),
                Some(folder) => Err(Complaint::whole(
                    path,
                    format!(
                        "cannot look whether it is there: {} is a link that leads nowhere; mend or remove it",
                        folder.display()
                    ),
                )),
            }
        }
        Err(error) => Err(cannot(&error)),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_does_not_exist_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        symlink("nowhere", path("dangling")).unwrap();
        symlink("loop", path("loop")).unwrap();
        for name in ["file", "dangling", "loop", "."] {
            assert!(is_there(&path(name)).unwrap(), "{name}");
        }
        for name in ["none", "none/below", "file/below"] {
            assert!(!is_there(&path(name)).unwrap(), "{name}");
        }
        for name in ["dangling/below", "loop/below", "dangling/far/below"] {
            let error = is_there(&path(name)).unwrap_err().to_string();
            assert!(error.contains("cannot look whether it is there"), "{error}");
        }
    }

    #[test]
    fn a_pipe_is_refused_without_waiting_and_a_large_file_unread() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = read_regular(&pipe, 10, "x").unwrap_err().to_string();
        assert!(error.ends_with("pipe: this is not a regular file; name one"), "{error}");
        let large = folder.path().join("large");
        File::create(&large).unwrap().set_len(3 << 30).unwrap();
        let error = read_regular(&large, 2 << 20, "remove it").unwrap_err().to_string();
        assert!(error.ends_with("large: the file is larger than 2 MiB; remove it"), "{error}");
        fs::write(&large, "1234567890").unwrap();
        assert_eq!(read_regular(&large, 10, "x").unwrap().len(), 10);
        assert!(read_regular(&large, 9, "x").is_err());
        assert!(read_regular(folder.path(), 9, "x").unwrap_err().to_string().contains("this is a folder"));
    }
}
