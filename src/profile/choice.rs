//! Which profile is played, and why: the command line, then what was last asked for at run time, then the machine,
//! then the configuration. Where none names one, nothing is played: a wrong profile can destroy a tweeter.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use super::machine::Machine;
use super::validate::bad_name;
use crate::config::{Config, Places};
use crate::source::{Complaint, is_there, read_regular, write_atomically};

/// A profile by name or path, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Name, or path of its folder.
    pub profile: String,
    /// Who named it.
    pub reason: Reason,
}

/// Who named a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `--profile`.
    CommandLine,
    /// The last `--reload NAME`, kept in the state folder.
    Remembered,
    /// The `[[match]]` rule of this number, from 1.
    Matched(usize),
    /// The key `profile`.
    Configured,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::CommandLine => f.write_str("--profile"),
            Reason::Remembered => f.write_str("last --reload (--reload --default forgets it)"),
            Reason::Matched(rule) => write!(f, "[[match]] rule {rule}"),
            Reason::Configured => f.write_str("the key `profile`"),
        }
    }
}

/// Decides which profile is played: `named` on the command line, `remembered` from the last reload, the first
/// `[[match]]` rule that fits `machine`, the key `profile`; in this order. `None`: nobody named one.
pub fn choose(named: Option<&str>, remembered: Option<&str>, machine: &Machine, config: &Config) -> Option<Choice> {
    let matched = || {
        let fits = |rule| machine.fits(rule);
        let rule = config.matches.iter().position(fits)?;
        Some((config.matches[rule].profile.as_str(), Reason::Matched(rule + 1)))
    };
    named
        .map(|name| (name, Reason::CommandLine))
        .or_else(|| remembered.map(|name| (name, Reason::Remembered)))
        .or_else(matched)
        .or_else(|| Some((config.profile.as_deref()?, Reason::Configured)))
        .map(|(profile, reason)| Choice { profile: profile.to_owned(), reason })
}

/// What to do when [`choose`] finds none.
pub const NO_PROFILE: &str = "no profile is named, so nothing is played; run spatiald setup, set `profile` in spatiald.toml, give --profile, or run spatiald --reload NAME (spatiald list shows those installed)";

/// The profile that was last asked for at run time, kept in the state folder of one instance.
#[derive(Debug, Clone)]
pub struct Remembered {
    path: PathBuf,
}

impl Remembered {
    /// The memory of `instance`.
    pub fn new(places: &Places, instance: &str) -> Remembered {
        Remembered { path: places.state_folder(instance).join("profile") }
    }

    /// What is remembered, if anything. A name or path that cannot be one counts as nothing.
    ///
    /// # Errors
    /// It is there and cannot be read, or is no such file.
    pub fn read(&self) -> Result<Option<String>, Complaint> {
        /// The longest path.
        const MAX_BYTES: u64 = 4097;
        if !is_there(&self.path)? {
            return Ok(None);
        }
        let bytes = read_regular(&self.path, MAX_BYTES, "this is no remembered profile: remove it")?;
        let text = String::from_utf8_lossy(&bytes);
        let name = text.trim();
        let usable = name.contains('/') && !name.contains(char::is_control) || bad_name(name).is_none();
        Ok(usable.then(|| name.to_owned()))
    }

    /// Remembers `profile`, a name or an absolute path.
    ///
    /// # Errors
    /// The state folder cannot be written.
    pub fn write(&self, profile: &str) -> Result<(), Complaint> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| Complaint::io(folder, "make the state folder", &error))?;
        }
        write_atomically(&self.path, format!("{profile}\n").as_bytes())
    }

    /// Forgets it; nothing remembered is no error.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget(&self) -> Result<(), Complaint> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Complaint::io(&self.path, "forget the remembered profile", &error))
            }
            _ => Ok(()),
        }
    }
}
