//! `spatiald --status [--json | --metrics]`: how the running daemon fares.

use serde::Serialize;

use super::report::print;
use super::{Failure, asked};
use crate::daemon::Instance;
use crate::daemon::control::metrics::open_metrics;
use crate::source::printable;

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Text,
    /// Everything, as JSON.
    Json,
    /// Figures for a collector, as OpenMetrics text.
    Metrics,
}

/// Asks and prints.
///
/// # Errors
/// No daemon there, or none that answers.
pub fn run(instance: &Instance, form: Form) -> Result<(), Failure> {
    let status = asked::status(instance)?;
    Ok(print(&match form {
        Form::Text => status.to_string(),
        Form::Json => json(&status)?,
        Form::Metrics => open_metrics(&status),
    })?)
}

/// As JSON that moves no terminal.
///
/// # Errors
/// It cannot be JSON.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(format!("{}\n", printable_json(&serde_json::to_string_pretty(value)?)))
}

/// The same JSON with what a terminal would obey, and JSON lets stand, as `\uXXXX`: DEL, the second set of control
/// characters, and those that turn the writing direction.
fn printable_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        // Outside of strings there are but newlines of its own; inside, JSON has escaped those.
        if letter == '\n' || printable(letter).to_string().chars().eq([letter]) {
            text.push(letter);
        } else {
            text.extend(letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_the_same_and_moves_no_terminal() {
        let name = "Küche 🎵 \"\\\u{1b}[2J\n\u{7f}\u{9b}31m\u{202e}";
        let json = serde_json::to_string_pretty(&[name]).unwrap();
        let shown = printable_json(&json);
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap(), [name]);
        let seen: String = shown.split('\n').collect();
        assert_eq!(printable(&seen).to_string(), seen);
        assert!(shown.contains("Küche 🎵"), "what is readable stays so");
    }
}
