//! What was set at run time, kept in the state folder of one instance: a line for each setting, as `--set` takes it.

use std::fs;
use std::path::PathBuf;

use crate::config::{Change, Places, Settings};
use crate::source::{Complaint, is_there, read_regular, write_atomically};

/// More than all settings take.
const MAX_BYTES: u64 = 4096;

/// The memory of one instance.
#[derive(Debug, Clone)]
pub struct Kept {
    path: PathBuf,
}

impl Kept {
    /// The memory of `instance`.
    pub fn new(places: &Places, instance: &str) -> Kept {
        Kept { path: places.state_folder(instance).join("settings") }
    }

    /// What is kept. A line of a later version, or one that somebody has spoiled, counts as nothing.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(&self) -> Result<Settings, Complaint> {
        let mut settings = Settings::default();
        if is_there(&self.path)? {
            let bytes = read_regular(&self.path, MAX_BYTES, "these are no settings: remove it")?;
            let text = String::from_utf8_lossy(&bytes);
            let changes = text.lines().filter_map(|line| line.parse::<Change>().ok());
            changes.for_each(|change| settings.change(&change));
        }
        Ok(settings)
    }

    /// Keeps `settings`; none need no file.
    ///
    /// # Errors
    /// The state folder cannot be written.
    pub fn write(&self, settings: &Settings) -> Result<(), Complaint> {
        let lines: String = settings.changes().map(|change| format!("{change}\n")).collect();
        if lines.is_empty() && !is_there(&self.path)? {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| Complaint::io(folder, "make the state folder", &error))?;
        }
        write_atomically(&self.path, lines.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_outlast_the_process_and_spoiled_ones_count_as_nothing() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::from(|name| (name == "XDG_STATE_HOME").then(|| home.path().as_os_str().into()));
        let kept = Kept::new(&places, "kitchen");
        assert_eq!(kept.read().unwrap(), Settings::default());
        kept.write(&Settings::default()).unwrap();
        assert!(!kept.path.exists());
        let mut settings = Settings::default();
        settings.change(&"center_db=-1.5".parse().unwrap());
        settings.change(&"seat=sofa".parse().unwrap());
        kept.write(&settings).unwrap();
        assert_eq!(kept.read().unwrap(), settings);
        fs::write(&kept.path, "center_db=99\nnonsense\nmono=on\n\u{0}=\n").unwrap();
        assert_eq!(kept.read().unwrap().changes().map(|change| change.to_string()).collect::<Vec<_>>(), ["mono=on"]);
        fs::write(&kept.path, "x".repeat(5000)).unwrap();
        assert!(kept.read().is_err());
    }
}
