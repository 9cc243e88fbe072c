//! Where profiles are found.

use std::path::{Path, PathBuf};

use super::error::ProfileError;
use super::validate::bad_name;
use crate::config::Places;
use crate::source::{Complaint, is_there, printable};

/// Whether this names a profile by its path, and not by a name to look up.
pub fn is_path(name_or_path: &str) -> bool {
    name_or_path.contains('/') || matches!(name_or_path, "." | "..")
}

/// The folder of the profile `name_or_path`: a path if there is a `/` in it (to the folder or to its `profile.toml`),
/// else a name that is looked up in [`Places::profile_folders`].
///
/// # Errors
/// No such name in any of them, it cannot be a name, or one of them cannot be looked into. A path is taken as it is: loading tells what is wrong there.
pub fn find(name_or_path: &str, places: &Places) -> Result<PathBuf, ProfileError> {
    let path = Path::new(name_or_path);
    if is_path(name_or_path) {
        let is_file = path.file_name().is_some_and(|name| name == "profile.toml" && path.is_file());
        return Ok(match path.parent() {
            Some(folder) if is_file => folder.to_owned(),
            _ => path.to_owned(),
        });
    }
    if let Some(fault) = bad_name(name_or_path) {
        return Err(ProfileError::BadName { name: name_or_path.escape_debug().to_string(), fault });
    }
    let folders = places.profile_folders();
    for folder in folders.iter().map(|folder| folder.join(name_or_path)) {
        if is_profile(&folder)? {
            return Ok(folder);
        }
    }
    Err(ProfileError::NotFound {
        name: name_or_path.to_owned(),
        searched: folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "),
        remedy: remedy(path, places),
    })
}

/// Whether there is a profile in `folder`, readable or not.
///
/// # Errors
/// It cannot be told: what is mine must not give way to a stranger's of the same name.
fn is_profile(folder: &Path) -> Result<bool, Complaint> {
    is_there(&folder.join("profile.toml"))
}

fn remedy(path: &Path, places: &Places) -> String {
    if path.join("profile.toml").is_file() {
        return format!("for the folder here write ./{}", printable(path.display()));
    }
    let names: Vec<String> = installed(places).into_iter().map(|(name, _)| name).collect();
    if names.is_empty() {
        "none is installed: copy one there, or name the path of its folder".into()
    } else {
        format!("installed are {}", names.join(", "))
    }
}

/// All installed profiles by name, with their folders; where two have a name, the one that [`find`] takes. One that
/// cannot be looked into is among them: loading tells what is wrong.
pub fn installed(places: &Places) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for folder in places.profile_folders() {
        // A folder of the search path that is missing or unreadable holds no profiles.
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let known = found.iter().any(|(other, _)| *other == name);
            if !known && bad_name(&name).is_none() && is_profile(&entry.path()).unwrap_or(true) {
                found.push((name, entry.path()));
            }
        }
    }
    found.sort();
    found
}
