//! Which daemon of several on one machine: its name, and the paths and names that follow from it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use crate::source::printable;

/// The name of one daemon on this machine: letters, digits, `-` and `_`, at most 64 of them.
///
/// It separates control sockets, PipeWire nodes and remembered state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    name: String,
    /// Instead of the one that the environment names.
    socket_folder: Option<PathBuf>,
}

/// Why a name cannot be an instance's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("instance name {0:?}: use 1 to 64 letters, digits, '-' or '_'")]
pub struct BadInstance(String);

/// A relative path would mean another folder for each who asks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable} is the relative path {}: set it to an absolute one, which begins with /", printable(path.display()))]
pub struct RelativeFolder {
    variable: &'static str,
    path: PathBuf,
}

impl std::str::FromStr for Instance {
    type Err = BadInstance;

    fn from_str(name: &str) -> Result<Self, BadInstance> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            return Err(BadInstance(name.to_owned()));
        }
        Ok(Instance { name: name.to_owned(), socket_folder: None })
    }
}

impl Default for Instance {
    fn default() -> Self {
        Instance { name: "default".to_owned(), socket_folder: None }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Instance {
    /// The name itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// PipeWire's `node.name` where the configuration sets none: `spatiald.NAME`.
    pub fn node_name(&self) -> String {
        format!("spatiald.{}", self.name)
    }

    /// The same instance with its control socket in `folder`, whatever the environment says.
    pub fn with_socket_folder(self, folder: PathBuf) -> Instance {
        Instance { socket_folder: Some(folder), ..self }
    }

    /// Where the control socket `NAME.sock` lies: the first folder of `$RUNTIME_DIRECTORY` (set by systemd), else
    /// `$XDG_RUNTIME_DIR/spatiald`, else `/run/user/UID/spatiald`. A variable that is empty counts as not set.
    ///
    /// # Errors
    /// The variable that decides holds a relative path.
    pub fn socket_folder(&self) -> Result<PathBuf, RelativeFolder> {
        match &self.socket_folder {
            Some(folder) => Ok(folder.clone()),
            None => folder_from(|name| std::env::var_os(name)),
        }
    }
}

fn folder_from(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, RelativeFolder> {
    let first = |name: &'static str, separator: &[u8]| {
        let value = variable(name)?;
        let mut paths = value.as_bytes().split(|byte| separator.contains(byte)).filter(|path| !path.is_empty());
        let path = PathBuf::from(OsStr::from_bytes(paths.next()?));
        Some(if path.is_absolute() { Ok(path) } else { Err(RelativeFolder { variable: name, path }) })
    };
    // systemd separates several folders by colons; the first is ours.
    if let Some(folder) = first("RUNTIME_DIRECTORY", b":") {
        return folder;
    }
    let runtime = first("XDG_RUNTIME_DIR", b"").unwrap_or_else(|| Ok(format!("/run/user/{}", Uid::effective()).into()));
    runtime.map(|folder| folder.join("spatiald"))
}

/// The control socket of `instance` in its folder.
pub(super) fn socket_in(folder: &Path, instance: &str) -> PathBuf {
    folder.join(format!("{instance}.sock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_leave_its_folder_is_refused() {
        for bad in ["", "a/b", "..", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Instance>(), Err(BadInstance(bad.to_owned())));
        }
        assert_eq!("kitchen-2".parse::<Instance>().unwrap().node_name(), "spatiald.kitchen-2");
    }

    #[test]
    fn the_sockets_folder_is_absolute_and_one() {
        let folder = |set: &[(&str, &str)]| {
            folder_from(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value)))
        };
        let own = PathBuf::from(format!("/run/user/{}/spatiald", Uid::effective()));
        assert_eq!(folder(&[]), Ok(own.clone()));
        assert_eq!(folder(&[("XDG_RUNTIME_DIR", ""), ("RUNTIME_DIRECTORY", "")]), Ok(own), "empty is not set");
        assert_eq!(folder(&[("XDG_RUNTIME_DIR", "/r:1")]), Ok("/r:1/spatiald".into()));
        assert_eq!(
            folder(&[("XDG_RUNTIME_DIR", "/r"), ("RUNTIME_DIRECTORY", "/run/a:/run/b")]),
            Ok("/run/a".into()),
            "systemd's comes first, and may be a list"
        );
        for (variable, path) in [("XDG_RUNTIME_DIR", "run"), ("RUNTIME_DIRECTORY", "run")] {
            assert_eq!(folder(&[(variable, path)]), Err(RelativeFolder { variable, path: path.into() }));
        }
    }
}
