//! The parser's messages in the words of someone who writes a configuration, not of someone who writes a parser.

use std::ops::Range;

use super::printable;

/// `message` of the TOML parser about `span` of `text`, as: what is wrong; what would be right.
pub(super) fn message(message: &str, text: &str, span: Option<Range<usize>>) -> String {
    let written = span.clone().and_then(|span| text.get(span)).unwrap_or("");
    let rewritten = if let Some(rest) = message.strip_prefix("unknown field ") {
        unknown_key(rest)
    } else if let Some(rest) = message.strip_prefix("unknown variant ") {
        unknown_choice(rest)
    } else if let Some(rest) = message.strip_prefix("missing field ") {
        Some(format!("the key {rest} is missing; add it to this table"))
    } else if message == "duplicate key" {
        let is_table = span.and_then(|span| text.get(..span.start)).is_some_and(|before| before.ends_with('['));
        let list = if is_table { format!(", or write [[{written}]] for each of a list") } else { String::new() };
        Some(format!("the key `{written}` is here twice; keep one{list}"))
    } else if let Some(rest) = message.strip_prefix("invalid length ") {
        wrong_length(rest)
    } else if message == "wanted string or table" {
        Some("this is no choice; text in quotes is needed".into())
    } else {
        let key = span.and_then(|span| key_before(text, span.start));
        wrong_type(message, key, written)
    };
    one_line(&rewritten.unwrap_or_else(|| syntax(message)))
}

/// `` `nam`, expected one of `name`, `channel` ``
fn unknown_key(rest: &str) -> Option<String> {
    let (key, known) = rest.split_once(", ")?;
    let known = quoted(known);
    let bare = key.trim_matches('`');
    Some(match nearest(bare, &known) {
        Some(meant) => format!("unknown key `{bare}`; did you mean `{meant}`?"),
        None if known.is_empty() => format!("unknown key `{bare}`; this table has no keys"),
        None => format!("unknown key `{bare}`; the keys here are {}", known.join(", ")),
    })
}

fn unknown_choice(rest: &str) -> Option<String> {
    let (choice, known) = rest.split_once(", ")?;
    let known: Vec<String> = quoted(known).iter().map(|choice| format!("\"{choice}\"")).collect();
    Some(format!("\"{}\" is not known here; use {}", choice.trim_matches('`'), known.join(" or ")))
}

/// `2, expected an array of length 3`
fn wrong_length(rest: &str) -> Option<String> {
    let (found, wanted) = rest.split_once(", expected ")?;
    let wanted: String = wanted.chars().filter(char::is_ascii_digit).collect();
    Some(format!("the number of values in this list is {found}; {wanted} are needed"))
}

/// `invalid type: string "3", expected f64`
fn wrong_type(message: &str, key: Option<&str>, written: &str) -> Option<String> {
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, wanted) = rest.rsplit_once(", expected ")?;
    let subject = key.map_or_else(|| "this".to_owned(), |key| format!("`{key}`"));
    if found.starts_with("integer")
        && wanted_value(wanted).starts_with("a whole number")
        && written.parse::<i64>().is_err()
    {
        return Some(format!("{subject} is {written}; that is too large a number"));
    }
    if wanted == "a sequence" && found == "map" && written.starts_with('[') {
        return Some(format!("{written} is one table; a list of tables is needed: write [{written}]"));
    }
    Some(format!("{subject} is {}; {} is needed", found_value(found), wanted_value(wanted)))
}

fn found_value(found: &str) -> String {
    let value = found.split('`').nth(1);
    match (found.split(' ').next().unwrap_or(""), value) {
        ("string", _) => format!("the text {}", found.trim_start_matches("string ")),
        ("integer" | "floating" | "boolean", Some(value)) => value.to_owned(),
        ("map", _) => "a table".into(),
        ("sequence", _) => "a list".into(),
        _ => found.to_owned(),
    }
}

fn wanted_value(wanted: &str) -> String {
    match wanted {
        "a string" | "a borrowed string" | "path string" => "text in quotes".into(),
        "f64" | "f32" => "a number".into(),
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number from 0".into(),
        "isize" | "i64" | "i32" => "a whole number".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a map" => "a table".into(),
        "any valid TOML value" => "a number of at most 64 bits".into(),
        _ if wanted.starts_with("struct ") => "a table".into(),
        _ => match wanted.strip_prefix("an array of length ") {
            Some(count) => format!("a list of {count} values"),
            None => wanted.to_owned(),
        },
    }
}

fn syntax(message: &str) -> String {
    match message {
        "string values must be quoted, expected literal string" => {
            "there is no value here that TOML knows; text needs quotes".into()
        }
        "key with no value, expected `=`" => "a key without a value; write `key = value`".into(),
        _ => format!("this is not TOML: {message}"),
    }
}

/// The key of `key = value` where the value begins at `offset`.
fn key_before(text: &str, offset: usize) -> Option<&str> {
    let before = text.get(..offset)?.trim_end().strip_suffix('=')?.trim_end();
    let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).map_or(0, |last| last + 1);
    before.get(start..).filter(|key| !key.is_empty())
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The word among `known` that `word` was probably meant to be.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: String = word.chars().take(64).collect();
    known
        .iter()
        .map(|&candidate| (edit_distance(&word, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len() / 4)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// One printable line of bounded length: what a file says must not be able to write over a terminal.
fn one_line(message: &str) -> String {
    const MAX_CHARS: usize = 300;
    let message = printable(message).to_string();
    let mut line: String = message.chars().take(MAX_CHARS).collect();
    if message.chars().nth(MAX_CHARS).is_some() {
        line.push('…');
    }
    line
}
