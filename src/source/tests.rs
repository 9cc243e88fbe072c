use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use std::fs;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct File {
    format: i64,
    name: Spanned<String>,
    gain_db: Option<Spanned<f64>>,
    delay_frames: Option<usize>,
    #[serde(default)]
    driver: Vec<Spanned<Driver>>,
    position_m: Option<[f64; 3]>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Driver {
    name: String,
    kind: Option<Kind>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
enum Kind {
    LowPass,
    HighPass,
}

fn complaint(text: &str) -> String {
    match Source::new(Path::new("f.toml"), text).parse::<File>() {
        Ok(file) => format!("accepted: {file:?}"),
        Err(complaint) => complaint.to_string(),
    }
}

#[test]
fn every_fault_has_its_place_and_remedy() {
    let head = "format = 1\nname = \"a\"\n";
    let after = |rest: &str| complaint(&format!("{head}{rest}"));
    let cases = [
        (complaint(""), "f.toml:1:1: the key `format` is missing; write `format = 1` at the top of the file"),
        (
            complaint("format = 2\nlater = true\n"),
            "f.toml:1:10: format 2 is unknown to this version; it reads `format = 1`",
        ),
        (complaint("format = '1'"), "f.toml:1:10: format \"1\" is unknown to this version; it reads `format = 1`"),
        (complaint("format = 1\n"), "f.toml:1:1: the key `name` is missing; add it to this table"),
        (complaint("format = 1\nnam = \"x\"\n"), "f.toml:2:1: unknown key `nam`; did you mean `name`?"),
        (
            after("wobble = 1\n"),
            "f.toml:3:1: unknown key `wobble`; the keys here are format, name, gain_db, delay_frames, driver, position_m",
        ),
        (complaint("format = 1\nname = 3\n"), "f.toml:2:8: `name` is 3; text in quotes is needed"),
        (after("gain_db = \"3\""), "f.toml:3:11: `gain_db` is the text \"3\"; a number is needed"),
        (after("delay_frames = -3"), "f.toml:3:16: `delay_frames` is -3; a whole number from 0 is needed"),
        (after("delay_frames = 3.5"), "f.toml:3:16: `delay_frames` is 3.5; a whole number from 0 is needed"),
        (
            after("delay_frames = 99999999999999999999"),
            "f.toml:3:16: `delay_frames` is 99999999999999999999; that is too large a number",
        ),
        (after("name = \"b\"\n"), "f.toml:3:1: the key `name` is here twice; keep one"),
        (
            after("[driver]\nname = \"d\"\n"),
            "f.toml:3:1: [driver] is one table; a list of tables is needed: write [[driver]]",
        ),
        (
            after("[[driver]]\nname = \"d\"\n\n[[driver]]\nkind = \"low_pass\"\n"),
            "f.toml:6:1: the key `name` is missing; add it to this table",
        ),
        (
            after("[[driver]]\nname = \"d\"\nkind = \"lowpas\"\n"),
            "f.toml:5:8: \"lowpas\" is not known here; use \"low_pass\" or \"high_pass\"",
        ),
        (after("[[driver]]\nname = \"d\"\nkind = 4\n"), "f.toml:5:8: this is no choice; text in quotes is needed"),
        (after("position_m = [1.0, 2.0]"), "f.toml:3:14: the number of values in this list is 2; 3 are needed"),
        (after("position_m = [1.0, 2.0, true]"), "f.toml:3:25: this is true; a number is needed"),
        (complaint("format = 1\nname = demo"), "f.toml:2:8: there is no value here that TOML knows; text needs quotes"),
        (complaint("format = 1\nname \"a\""), "f.toml:2:6: a key without a value; write `key = value`"),
        (complaint("format = 1\nname = \"a\n"), "f.toml:2:10: this is not TOML: invalid basic string, expected `\"`"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn columns_count_characters_not_bytes() {
    assert_eq!(line_and_column("a\nöö = 1", "a\nöö = ".len()), (2, 6));
    assert_eq!(line_and_column("öx", 1), (1, 1));
    assert_eq!(line_and_column("a\n", 99), (2, 1));
}

#[test]
fn what_is_no_text_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |path: &Path| Source::read(path).unwrap_err();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    assert!(refuse(folder.path()).message.contains("folder"));
    assert!(refuse(Path::new("/dev/zero")).message.contains("not a regular file"));
    assert_eq!(
        refuse(&folder.path().join("absent")).message,
        "cannot read it: no such file or directory; check the name"
    );
    assert!(refuse(&file("huge", &vec![b'#'; (MAX_BYTES + 1) as usize])).message.contains("larger than 1 MiB"));
    let latin = refuse(&file("latin", b"format = 1\nname = \"Geh\xe4use\"\n"));
    assert_eq!(latin.place, Some((2, 12)));
    assert!(latin.message.contains("UTF-8"));
}

#[test]
fn a_message_stays_one_printable_line() {
    let text = complaint(&format!("format = 1\n\"\\u001b[2J{}\" = 1\n", "x".repeat(5000)));
    assert!(!text.contains(char::is_control), "{text}");
    assert!(text.chars().count() < 400);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        complaint(&text);
        complaint(&format!("format = 1\n{text}"));
    }

    #[test]
    fn no_key_or_value_makes_it_panic(key in "[a-z_]{1,12}|name|driver|gain_db", value in "\\PC{0,30}") {
        complaint(&format!("format = 1\n{key} = {value}\n"));
        complaint(&format!("format = 1\nname = \"a\"\n[[{key}]]\nname = {value}\n"));
    }
}
