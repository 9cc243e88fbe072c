//! The folders that configuration, profiles and state are kept in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::source::{Complaint, is_there};

/// Where things are searched and kept; a value, so that tests bring their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    config: Vec<PathBuf>,
    profiles: Vec<PathBuf>,
    descriptions: Vec<PathBuf>,
    state: PathBuf,
}

impl Places {
    /// From the environment: `XDG_CONFIG_HOME`, `XDG_STATE_HOME` (else `~/.config`, `~/.local/state`) and systemd's
    /// `STATE_DIRECTORY`.
    pub fn from_environment() -> Places {
        Places::from(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// From the variables that `variable` gives.
    pub fn from(variable: impl Fn(&str) -> Option<OsString>) -> Places {
        // The XDG specification: relative paths in its variables are invalid and ignored.
        let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("HOME");
        let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let own = absolute("XDG_CONFIG_HOME").or_else(|| below_home(".config")).map(|folder| folder.join("spatiald"));
        let system = PathBuf::from("/etc/spatiald");
        let config: Vec<PathBuf> = own.into_iter().chain([system]).collect();
        let shared = Path::new("/usr/share/spatiald");
        let below =
            |name| config.iter().map(PathBuf::as_path).chain([shared]).map(|folder| folder.join(name)).collect();
        let (profiles, descriptions) = (below("profiles"), below("devices"));
        // systemd lists several folders with colons; the first is ours.
        let systemd = variable("STATE_DIRECTORY").and_then(|folders| {
            let folder = PathBuf::from(folders.to_str()?.split(':').next()?);
            folder.is_absolute().then_some(folder)
        });
        let state = systemd
            .or_else(|| absolute("XDG_STATE_HOME").map(|folder| folder.join("spatiald")))
            .or_else(|| below_home(".local/state/spatiald"))
            .unwrap_or_else(|| PathBuf::from("/var/lib/spatiald"));
        Places { config, profiles, descriptions, state }
    }

    /// Folders that `spatiald.toml` is searched in: `$XDG_CONFIG_HOME/spatiald`, `/etc/spatiald`.
    pub fn config_folders(&self) -> &[PathBuf] {
        &self.config
    }

    /// The `spatiald.toml` in force, if there is one: the first that is there, readable or not.
    ///
    /// # Errors
    /// It cannot be told whether one is there.
    pub fn config_file(&self) -> Result<Option<PathBuf>, Complaint> {
        for folder in &self.config {
            let path = folder.join("spatiald.toml");
            if is_there(&path)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Folders that profiles are searched in, by name: `profiles` in the folders of the configuration, then
    /// `/usr/share/spatiald/profiles`.
    pub fn profile_folders(&self) -> &[PathBuf] {
        &self.profiles
    }

    /// Folders that device descriptions are searched in: `devices` in the folders of the configuration, then
    /// `/usr/share/spatiald/devices`.
    pub fn description_folders(&self) -> &[PathBuf] {
        &self.descriptions
    }

    /// The folder that keeps the state of `instance`: `$STATE_DIRECTORY/INSTANCE`, else
    /// `$XDG_STATE_HOME/spatiald/INSTANCE`.
    pub fn state_folder(&self, instance: &str) -> PathBuf {
        // An instance is a name; of anything else only the last part is used.
        let name = Path::new(instance).file_name();
        self.state.join(name.unwrap_or_else(|| std::ffi::OsStr::new("default")))
    }
}
