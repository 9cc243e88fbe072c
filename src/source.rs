//! Reading and writing files, and where a value stands in one, so that every complaint can name file, line and column.
//!
//! A [`Source`] is a TOML file read whole; [`Source::parse`] turns it into a serde struct, [`Source::at`] turns the
//! span of a [`Spanned`] value into a complaint:
//!
//! ```text
//! pair/profile.toml:12:9: the gain of driver `left` is 70 dB; use -60 to 60 dB
//! ```

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;

mod look;
mod printable;
mod readable;
mod replacement;

pub use look::{is_there, open_regular, read_regular};
pub use printable::{Printable, printable};
pub use replacement::{Replacement, write_atomically};
pub(crate) use replacement::{inherit, sync_folder};

/// The one format number all files carry.
pub const FORMAT: i64 = 1;

/// Larger files are refused unread, in bytes: the largest sensible TOML file has a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// What is wrong, where, and what would be right: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file.
    pub path: PathBuf,
    /// Line and column, both from 1; the column counts characters. `None` where no place in the file is to blame.
    pub place: Option<(usize, usize)>,
    /// What is wrong; what would be right.
    pub message: String,
}

impl Complaint {
    /// A complaint about the file as a whole.
    pub fn whole(path: &Path, message: impl Into<String>) -> Complaint {
        Complaint { path: path.to_owned(), place: None, message: message.into() }
    }

    /// A complaint that reading or writing `path` failed.
    pub fn io(path: &Path, doing: &str, error: &std::io::Error) -> Complaint {
        Complaint::whole(path, format!("cannot {doing}: {}{}", plain(error), remedy(path, error)))
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", printable(self.path.display()))?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", printable(&self.message))
    }
}

impl std::error::Error for Complaint {}

/// What would help; empty where only the system can tell.
fn remedy(path: &Path, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => {
            match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
                Some(folder) => format!("; there is no folder {}", folder.display()),
                None => "; check the name".into(),
            }
        }
        ErrorKind::PermissionDenied => "; give this user the right to, or name another place".into(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space, or name another place".into(),
        ErrorKind::ReadOnlyFilesystem => "; name a place that can be written to".into(),
        _ => String::new(),
    }
}

/// The system's words without Rust's `(os error 2)`, in lower case.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A TOML file, read whole.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Reads `path`: a regular file of at most 1 MiB in UTF-8.
    ///
    /// # Errors
    /// The file cannot be read, is no regular file, is too large, or is not UTF-8 (the place is the first wrong byte).
    pub fn read(path: &Path) -> Result<Source, Complaint> {
        let bytes = read_regular(path, MAX_BYTES, "this is no configuration: name a TOML file")?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            Complaint {
                path: path.to_owned(),
                place: Some(line_and_column(&before, valid)),
                message: "this byte is not UTF-8 text; save the file as UTF-8".into(),
            }
        })?;
        Ok(Source::new(path, text))
    }

    /// A source whose text is already in memory; `path` is what complaints name.
    pub fn new(path: &Path, text: impl Into<String>) -> Source {
        Source { path: path.to_owned(), text: text.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file that this one names: relative to this one's folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.path().parent().unwrap_or(Path::new("")).join(name)
    }

    /// What stands in the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Parses the file into `T`, after making sure that it says `format = 1`. `T` needs a field `format` of its own
    /// where it denies unknown fields.
    ///
    /// # Errors
    /// Bad TOML, a missing or foreign format number, unknown keys, missing keys, wrong types: with the place and the
    /// remedy.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Complaint> {
        #[derive(serde::Deserialize)]
        struct Format {
            format: Option<Spanned<toml::Value>>,
        }
        // The format first: a file of a later format is full of unknown keys, and those are not its fault.
        let format: Format = self.deserialize()?;
        match format.format {
            None => {
                return Err(Complaint {
                    path: self.path.clone(),
                    place: Some((1, 1)),
                    message: format!("the key `format` is missing; write `format = {FORMAT}` at the top of the file"),
                });
            }
            Some(format) if format.get_ref().as_integer() != Some(FORMAT) => {
                return Err(self.at(
                    &format.span(),
                    format!("format {} is unknown to this version; it reads `format = {FORMAT}`", format.get_ref()),
                ));
            }
            Some(_) => {}
        }
        self.deserialize()
    }

    fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Complaint> {
        toml::from_str(&self.text).map_err(|error| Complaint {
            path: self.path.clone(),
            place: error.span().map(|span| line_and_column(&self.text, span.start)),
            message: readable::message(error.message(), &self.text, error.span()),
        })
    }

    /// A complaint about what stands at `span`, in bytes.
    pub fn at(&self, span: &Range<usize>, message: impl Into<String>) -> Complaint {
        Complaint {
            path: self.path.clone(),
            place: Some(line_and_column(&self.text, span.start)),
            message: message.into(),
        }
    }
}

/// Line and column of byte `offset`, both from 1.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests;
