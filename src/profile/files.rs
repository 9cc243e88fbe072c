//! Which files belong together: `[files]` in `profile.toml` holds the SHA-256 of every other file of the folder, so
//! that the filters of one design are never played with the delays and crossovers of another. And what somebody wrote
//! there, which a new design would replace.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::source::{Complaint, is_there, read_regular};

/// What ties the others together.
pub(super) const PROFILE: &str = "profile.toml";
/// The filters, at the profile's own rate.
pub(super) const COEFFICIENTS: &str = "coefficients.wav";
/// The description of the device that they were designed from.
pub(super) const DESCRIPTION: &str = "device.toml";
/// No file of a profile is larger.
pub(super) const MAX_BYTES: u64 = 8 << 20;

/// The other files of a profile by name, each with its SHA-256. Empty where `profile.toml` has no `[files]`, as those
/// written by hand or by older designers: then nothing tells a mixture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(BTreeMap<String, String>);

impl Files {
    /// Files as they will be written.
    pub(super) fn of(files: &[(&str, Vec<u8>)]) -> Files {
        Files(files.iter().map(|(name, bytes)| ((*name).to_owned(), sha256(bytes))).collect())
    }

    /// Adds a file; `false` if `digest` is none.
    pub(super) fn insert(&mut self, name: &str, digest: &str) -> bool {
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest {
            self.0.insert(name.to_owned(), digest.to_ascii_lowercase());
        }
        is_digest
    }

    /// Whether nothing ties the profile's files together.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses `bytes` of the file at `path` if they are not those that were tied.
    pub(super) fn check(&self, path: &Path, bytes: &[u8]) -> Result<(), Complaint> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let found = sha256(bytes);
        let fault = match self.0.get(&*name) {
            _ if self.is_empty() => return Ok(()),
            Some(digest) if *digest == found => return Ok(()),
            Some(_) => "this is not the file that profile.toml was made with; take both from one design",
            None => "profile.toml does not list this file; remove it, if it is of another design",
        };
        Err(Complaint::whole(
            path,
            format!("{fault}, or, if you made it yourself, write \"{name}\" = \"{found}\" into its table [files]"),
        ))
    }

    /// Refuses any listed file of `folder` that is missing or another one; the coefficients are [checked](Files::check)
    /// as they are read.
    pub(super) fn check_others(&self, folder: &Path) -> Result<(), Complaint> {
        for name in self.0.keys().filter(|name| *name != COEFFICIENTS) {
            let path = folder.join(name);
            if !is_there(&path)? {
                return Err(Complaint::whole(
                    &path,
                    "profile.toml lists this file, but it is not there; copy it from the same design, or remove its line from [files]",
                ));
            }
            self.check(&path, &read_regular(&path, MAX_BYTES, "no file of a profile is: remove it")?)?;
        }
        Ok(())
    }
}

/// Lines of `[files]`.
impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, digest)) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}\"{name}\" = \"{digest}\"")?;
        }
        Ok(())
    }
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The line of `profile.toml` that holds the SHA-256 of all others.
pub(super) fn digest_line(digest: &str) -> String {
    format!("profile_digest = \"{digest}\"\n")
}

/// Refuses to replace a `profile.toml` in `folder` that is not as it was designed. One without a digest, as older
/// designers wrote them, counts as if it were, unless no designer signed it.
pub(super) fn spare_edited_profile(folder: &Path) -> Result<(), Complaint> {
    #[derive(serde::Deserialize)]
    struct Signed {
        #[serde(default)]
        provenance: Provenance,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Provenance {
        version: String,
        profile_digest: Option<String>,
    }
    let path = folder.join(PROFILE);
    if !is_there(&path)? {
        return Ok(());
    }
    let text = read_regular(&path, MAX_BYTES, "no profile is: remove it")?;
    let text = String::from_utf8_lossy(&text);
    // One that cannot be read is somebody's unfinished work.
    let as_designed = toml::from_str::<Signed>(&text).is_ok_and(|Signed { provenance }| {
        let rest = |digest: &str| text.replacen(&digest_line(digest), "", 1);
        match &provenance.profile_digest {
            Some(digest) => sha256(rest(digest).as_bytes()) == *digest,
            None => !provenance.version.is_empty(),
        }
    });
    if as_designed {
        return Ok(());
    }
    Err(Complaint::whole(
        &path,
        "this was edited since it was designed, and the edits would be lost; name another folder with -o, or remove this one if they may go",
    ))
}

/// Refuses to replace a `device.toml` in `folder` that somebody wrote there: it is another text than `description`, and
/// the profile there does not list it.
pub(super) fn spare_own_description(folder: &Path, description: &str) -> Result<(), Complaint> {
    #[derive(serde::Deserialize)]
    struct Tied {
        #[serde(default)]
        files: BTreeMap<String, String>,
    }
    let path = folder.join(DESCRIPTION);
    if !is_there(&path)? {
        return Ok(());
    }
    let existing = read_regular(&path, MAX_BYTES, "no description is: remove it")?;
    // Where there is no profile that can be read, nothing is tied.
    let tied = read_regular(&folder.join(PROFILE), MAX_BYTES, "")
        .ok()
        .and_then(|bytes| toml::from_slice::<Tied>(&bytes).ok())
        .is_some_and(|profile| profile.files.get(DESCRIPTION) == Some(&sha256(&existing)));
    if tied || existing == description.as_bytes() {
        return Ok(());
    }
    Err(Complaint::whole(
        &path,
        "this is another description than the one to be designed, and would be replaced by it; move it, or name another folder",
    ))
}
