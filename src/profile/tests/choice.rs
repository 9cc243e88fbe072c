//! Which profile it is, and where it is found.

use super::*;
use crate::config::{Config, MatchRule};
use crate::profile::choice::{Choice, Reason, Remembered, choose};
use crate::profile::machine::Machine;

#[test]
fn names_are_searched_and_paths_are_not() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let own = home.path().join(".config/spatiald/profiles/mine");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("profile.toml"), PAIR).unwrap();
    assert_eq!(find("mine", &places).unwrap(), own);
    assert!(installed(&places).contains(&("mine".into(), own.clone())));
    assert_eq!(find("./anything", &places).unwrap(), Path::new("./anything"));
    let file = own.join("profile.toml");
    assert_eq!(find(file.to_str().unwrap(), &places).unwrap(), own);
    let error = find("absent-profile", &places).unwrap_err().to_string();
    assert!(error.contains("there is no profile `absent-profile` in "), "{error}");
    assert!(error.contains("mine"), "{error}");
    for name in ["", "a b", "\u{1b}[2J", ".hidden"] {
        let error = find(name, &places).unwrap_err().to_string();
        assert!(error.contains("cannot be the name of a profile"), "{error}");
        assert!(!error.contains(char::is_control));
    }
}

#[test]
fn the_choice_follows_its_order() {
    let machine = Machine { hat_product: "DAC8x".into(), ..Machine::default() };
    let rule = |hat: &str, profile: &str| MatchRule {
        card: None,
        hat_product: Some(hat.into()),
        device_tree_model: None,
        dmi_product: None,
        dmi_vendor: None,
        profile: profile.into(),
    };
    let config = Config {
        profile: Some("configured".into()),
        matches: vec![rule("Amp4", "other"), rule("DAC*", "matched")],
        ..Config::default()
    };
    let choice = |profile: &str, reason| Some(Choice { profile: profile.into(), reason });
    assert_eq!(choose(Some("named"), Some("last"), &machine, &config), choice("named", Reason::CommandLine));
    assert_eq!(choose(None, Some("last"), &machine, &config), choice("last", Reason::Remembered));
    assert_eq!(choose(None, None, &machine, &config), choice("matched", Reason::Matched(2)));
    assert_eq!(choose(None, None, &Machine::default(), &config), choice("configured", Reason::Configured));
    assert_eq!(choose(None, None, &machine, &Config::default()), None);
}

#[test]
fn what_was_asked_for_is_remembered_until_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let memory = Remembered::new(&places, "kitchen");
    assert_eq!(memory.read().unwrap(), None);
    memory.forget().unwrap();
    memory.write("bar").unwrap();
    memory.write("bar-wide").unwrap();
    assert_eq!(memory.read().unwrap().as_deref(), Some("bar-wide"));
    assert_eq!(Remembered::new(&places, "default").read().unwrap(), None);
    let file = home.path().join(".local/state/spatiald/kitchen/profile");
    fs::write(&file, "\u{1b}]0;").unwrap();
    assert_eq!(memory.read().unwrap(), None);
    memory.forget().unwrap();
    assert!(!file.exists());
}
