//! Changing a `spatiald.toml` that somebody wrote: a value here, a line there, and every other byte as it was.

use super::file::File;
use crate::source::{Complaint, Source};

/// What is to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `device`.
    Device,
    /// `profile`.
    Profile,
    /// `profile` of the `[[match]]` rule of this number, from 1.
    RuleProfile(usize),
}

/// The text of `source` with other values. A key that is missing gets a line of its own: below its comment, as the shipped
/// file has one (`#device = "hw:0"`), else below `format`.
///
/// # Errors
/// `source` is no configuration.
pub fn edited(source: &Source, changes: &[(Key, &str)]) -> Result<Source, Complaint> {
    let mut text = source.text().to_owned();
    for (key, value) in changes {
        text = set(&Source::new(source.path(), text), *key, value)?;
    }
    Ok(Source::new(source.path(), text))
}

fn set(source: &Source, key: Key, value: &str) -> Result<String, Complaint> {
    let file: File = source.parse()?;
    let value = toml::Value::from(value);
    let (name, written) = match key {
        Key::Device => ("device", file.device.as_ref()),
        Key::Profile => ("profile", file.profile.as_ref()),
        Key::RuleProfile(rule) => {
            let rule = rule.checked_sub(1).and_then(|rule| file.matches.get(rule));
            ("profile", rule.map(|rule| &rule.get_ref().profile))
        }
    };
    let (place, new) = match written {
        Some(written) => (written.span(), value.to_string()),
        None => {
            let at = line_for(source.text(), name, file.format.span().end);
            let newline = if source.text()[..at].ends_with('\n') { "" } else { "\n" };
            (at..at, format!("{newline}{name} = {value}\n"))
        }
    };
    let mut text = source.text().to_owned();
    text.replace_range(place, &new);
    Ok(text)
}

/// Where a line that sets `key` can begin; `format` is where the value of that key ends.
fn line_for(text: &str, key: &str, format: usize) -> usize {
    let below = |start: usize| text[start..].find('\n').map_or(text.len(), |newline| start + newline + 1);
    let comment = format!("#{key} = ");
    let mut start = 0;
    // Only above the first table, commented out or not, is a key the file's own.
    while let Some(line) = text.get(start..below(start)).filter(|line| !line.is_empty() && !begins_table(line)) {
        start += line.len();
        if line.starts_with(&comment) {
            return start;
        }
    }
    below(format)
}

fn begins_table(line: &str) -> bool {
    line.trim_start_matches(['#', ' ', '\t']).starts_with('[')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn changed(text: &str, changes: &[(Key, &str)]) -> String {
        let source = edited(&Source::new(Path::new("spatiald.toml"), text), changes).unwrap();
        Config::from_source(&source).unwrap();
        source.text().to_owned()
    }

    #[test]
    fn only_what_is_asked_for_changes() {
        let rules = "# mine\nformat = 1 # always\nperiods = 4\n\n[[match]]\ncard = \"A\"\nprofile = 'bar' # of A\n";
        let with_rule = rules.replace("'bar'", "'my \"bar\"'");
        let with_device = rules.replace("always\n", "always\ndevice = \"hw:CARD=A\"\n");
        for (text, changes, wanted) in [
            (rules, &[][..], rules),
            (rules, &[(Key::RuleProfile(1), "my \"bar\"")], &with_rule),
            (rules, &[(Key::Device, "hw:CARD=A")], &with_device),
            ("format = 1", &[(Key::Profile, "a")], "format = 1\nprofile = \"a\"\n"),
            (
                "device = 'hw:1' # the DAC\nprofile='a'\nformat = 1\n",
                &[(Key::Profile, "b"), (Key::Device, "hw:2")],
                "device = \"hw:2\" # the DAC\nprofile=\"b\"\nformat = 1\n",
            ),
            // A comment in a table is no place for a key of the file.
            (
                "format = 1\n[controls]\n#device = \"x\"\n",
                &[(Key::Device, "y")],
                "format = 1\ndevice = \"y\"\n[controls]\n#device = \"x\"\n",
            ),
        ] {
            assert_eq!(changed(text, changes), wanted);
        }
    }

    #[test]
    fn the_shipped_file_gets_its_lines_below_their_explanations() {
        let shipped = include_str!("../../conf/spatiald.toml");
        let text = changed(shipped, &[(Key::Device, "hw:CARD=DAC8x"), (Key::Profile, "bar")]);
        let device = "#device = \"hw:0\"\ndevice = \"hw:CARD=DAC8x\"\n";
        assert!(text.contains(device) && text.contains("#profile = \"pair\"\nprofile = \"bar\"\n"), "{text}");
        let kept = text.replace("\ndevice = \"hw:CARD=DAC8x\"", "").replace("\nprofile = \"bar\"", "");
        assert_eq!(kept, shipped);
    }
}
