//! What several commands print: counts, tables, JSON. Nothing in it moves a terminal.

use serde::Serialize;

use crate::source::printable;

/// `1 driver`, `2 drivers`.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Rows with their columns aligned, indented by two. Names are of others: none leaves its line.
pub fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable(cell).to_string()).collect()).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        // What ends its row holds up no other.
        for (cell, width) in row.iter().zip(&mut widths).take(row.len().saturating_sub(1)) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// `value` as JSON.
///
/// # Errors
/// It cannot be JSON.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
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
