//! Which daemon of several on one machine: its name, and the paths and names that follow from it.

use std::fmt;
use std::path::PathBuf;

/// The name of one daemon on this machine: letters, digits, `-` and `_`, at most 64 of them.
///
/// It separates control sockets, PipeWire nodes and remembered state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance(String);

/// Why a name cannot be an instance's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("instance name {0:?}: use 1 to 64 letters, digits, '-' or '_'")]
pub struct BadInstance(String);

impl std::str::FromStr for Instance {
    type Err = BadInstance;

    fn from_str(name: &str) -> Result<Self, BadInstance> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            return Err(BadInstance(name.to_owned()));
        }
        Ok(Instance(name.to_owned()))
    }
}

impl Default for Instance {
    fn default() -> Self {
        Instance("default".to_owned())
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Instance {
    /// The name itself.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// PipeWire's `node.name` where the configuration sets none: `spatiald.NAME`.
    pub fn node_name(&self) -> String {
        format!("spatiald.{}", self.0)
    }

    /// The control socket: `$RUNTIME_DIRECTORY` (set by systemd), else `$XDG_RUNTIME_DIR/spatiald`, else
    /// `/run/user/UID/spatiald`, and in it `NAME.sock`.
    pub fn socket_path(&self) -> PathBuf {
        let folder = std::env::var_os("RUNTIME_DIRECTORY")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("spatiald")))
            .unwrap_or_else(|| PathBuf::from(format!("/run/user/{}/spatiald", nix::unistd::getuid())));
        folder.join(format!("{}.sock", self.0))
    }
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
}
