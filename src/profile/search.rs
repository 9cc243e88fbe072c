//! Where profiles are found.

use std::path::{Path, PathBuf};

use super::load::ProfileError;
use super::validate::bad_name;
use crate::config::Places;

/// Whether this names a profile by its path, and not by a name to look up.
pub fn is_path(name_or_path: &str) -> bool {
    name_or_path.contains('/') || matches!(name_or_path, "." | "..")
}

/// The folder of the profile `name_or_path`: a path if there is a `/` in it (to the folder or to its `profile.toml`),
/// else a name that is looked up in [`Places::profile_folders`].
///
/// # Errors
/// No such name in any of them, or it cannot be a name. A path is taken as it is: loading tells what is wrong there.
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
    folders
        .iter()
        .map(|folder| folder.join(name_or_path))
        .find(|folder| folder.join("profile.toml").exists())
        .ok_or_else(|| ProfileError::NotFound {
            name: name_or_path.to_owned(),
            searched: folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "),
            remedy: remedy(path, places),
        })
}

fn remedy(path: &Path, places: &Places) -> String {
    if path.join("profile.toml").is_file() {
        return format!("for the folder here write ./{}", path.display());
    }
    let names: Vec<String> = installed(places).into_iter().map(|(name, _)| name).collect();
    if names.is_empty() {
        "none is installed: copy one there, or name the path of its folder".into()
    } else {
        format!("installed are {}", names.join(", "))
    }
}

/// All installed profiles by name, with their folders; where two have a name, the one that [`find`] takes.
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
            if !known && bad_name(&name).is_none() && entry.path().join("profile.toml").exists() {
                found.push((name, entry.path()));
            }
        }
    }
    found.sort();
    found
}
