use super::*;

fn question(default: Option<usize>, has_columns: bool) -> Question {
    let choice = |name: &str| (name.to_owned(), if has_columns { vec![format!("of {name}")] } else { Vec::new() });
    Question {
        notes: vec!["Know this.".into()],
        text: "Which?".into(),
        option: "--which",
        choices: ["2", "bar", "e\u{1b}vil"].map(choice).into(),
        default,
    }
}

/// The answer that is understood, if any, and what was on the terminal.
fn answered(question: &Question, typed: &str) -> (Option<usize>, String) {
    let mut output = Vec::new();
    let understood = match answer(question, &mut typed.as_bytes(), &mut output) {
        Ok(index) => Some(index),
        Err(SetupError::Ended) => None,
        Err(error) => panic!("{error}"),
    };
    (understood, String::from_utf8(output).unwrap())
}

#[test]
fn answers_are_names_numbers_or_nothing() {
    let menu = question(Some(1), true);
    // A name goes before a number.
    for (typed, index) in [("bar\n", 1), (" bar \r\n", 1), ("3\n", 2), ("1", 0), ("2\n", 0), ("\n", 1)] {
        assert_eq!(answered(&menu, typed).0, Some(index), "{typed:?}");
    }
    let (understood, shown) = answered(&menu, "4\n0\nbra\n-1\n3\n");
    assert_eq!(understood, Some(2));
    assert_eq!(shown.matches("Please say a number from 1 to 3, or a name.\n").count(), 4, "{shown}");
    assert!(shown.starts_with("\nKnow this.\n  1  2           of 2\n  2  bar         of bar\n"), "{shown}");
    assert!(shown.contains("Which? [bar] ") && !shown.contains('\u{1b}'), "{shown:?}");
    // Without a menu there are no numbers.
    let (understood, shown) = answered(&question(None, false), "\n3\n1\n2\n");
    assert_eq!((understood, shown.matches("Please say 2 to ").count()), (Some(0), 3), "{shown}");
}

#[test]
fn where_nobody_is_asked_what_is_offered_is_taken_and_told() {
    let told = |question: &Question| {
        let mut output = Vec::new();
        (taken(question, &mut output).unwrap(), String::from_utf8(output).unwrap())
    };
    assert_eq!(told(&question(Some(1), true)), (Some(1), "\nKnow this.\nWhich? bar\n".into()));
    assert_eq!(told(&question(None, true)), (None, String::new()));
}

#[test]
fn a_profile_in_somebodys_home_is_not_for_the_systems_service() {
    let warned = |target: &str, profile: &str| unreadable(Path::new(target), profile).is_some();
    assert!(warned("/etc/spatiald/spatiald.toml", "/home/pi/bar"));
    for (target, profile) in [
        ("/home/pi/.config/spatiald/spatiald.toml", "/home/pi/bar"),
        ("/etc/spatiald/spatiald.toml", "bar"),
        ("/etc/spatiald/spatiald.toml", "/etc/spatiald/profiles/bar"),
    ] {
        assert!(!warned(target, profile), "{target}, {profile}");
    }
}

#[test]
fn of_two_words_one_is_asked_for() {
    let choices = ["yes", "no"].map(|word| (word.to_owned(), Vec::new())).into();
    let (understood, shown) = answered(&Question { choices, ..question(None, false) }, "maybe\nno\n");
    assert!(understood == Some(1) && shown.contains("Please say yes or no.\n"), "{shown}");
}

#[test]
fn the_end_of_the_answers_is_no_answer() {
    for typed in ["", "nothing\n"] {
        assert_eq!(answered(&question(Some(0), true), typed).0, None, "{typed:?}");
    }
}

#[test]
fn what_is_new_in_the_file_is_marked() {
    let path = Path::new("/etc/spatiald/spatiald.toml");
    let base = Source::new(path, "# mine\nformat = 1\nperiods = 4\n");
    let draft = Source::new(path, "# mine\nformat = 1\ndevice = \"hw:1\"\nperiods = 4\n");
    let head = "\n/etc/spatiald/spatiald.toml, without its comments (+: new):\n";
    let wanted = format!("{head}    format = 1\n  + device = \"hw:1\"\n    periods = 4\n");
    assert_eq!(shown(&draft, &base, false), wanted);
    assert_eq!(shown(&draft, &base, true).matches("  + ").count(), 3);
}
