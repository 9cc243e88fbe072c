//! Strings of others, on their way to a terminal or a journal.

use std::fmt::{self, Display, Write};

/// `value` as it may be printed: control characters (escape sequences, newlines) and characters that turn the writing
/// direction or break a line are written as `\n` or `\u{1b}`. What is printable stays, backslashes too: printing it
/// twice changes nothing.
///
/// Names of files, of drivers, of players, and what others answer are written by nobody knows whom; everything that
/// prints them passes them through here.
pub fn printable<T: Display>(value: T) -> Printable<T> {
    Printable(value)
}

/// What [`printable`] makes.
#[derive(Debug, Clone, Copy)]
pub struct Printable<T>(T);

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escape(f), "{}", self.0)
    }
}

struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_unsafe) {
            let (before, after) = rest.split_at(at);
            self.0.write_str(before)?;
            let mut letters = after.chars();
            if let Some(letter) = letters.next() {
                write!(self.0, "{}", letter.escape_default())?;
            }
            rest = letters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Characters that do something to a terminal or a line instead of being seen: controls, line and paragraph
/// separators, and those of the Unicode bidirectional algorithm (UAX #9).
fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_moves_a_terminal_is_written_out() {
        assert_eq!(printable("Küche, 2 m: \\ok").to_string(), "Küche, 2 m: \\ok");
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}\u{202e}d").to_string(), "a\\u{1b}[2Jb\\nc\\u{9b}\\u{202e}d");
        assert_eq!(printable(Path::new("/a\r/b").display()).to_string(), "/a\\r/b");
    }

    proptest! {
        #[test]
        fn it_is_one_line_and_stays_as_it_is(text in any::<String>()) {
            let once = printable(&text).to_string();
            prop_assert!(!once.contains(is_unsafe));
            prop_assert_eq!(printable(&once).to_string(), once);
        }
    }
}
