//! What is found, and what fits.

use std::fs;

use super::*;
use crate::config::MatchRule;

fn matching(card: &str, profile: &str) -> MatchRule {
    MatchRule {
        card: Some(card.into()),
        hat_product: None,
        device_tree_model: None,
        dmi_product: None,
        dmi_vendor: None,
        profile: profile.into(),
    }
}

#[test]
fn the_first_rule_that_fits_applies_and_the_others_say_why_not() {
    let machine = Machine { cards: vec!["DAC8x".into()], ..Machine::default() };
    let matches = vec![matching("M4", "a"), matching("DAC*", "b"), matching("*", "c")];
    let rules = rules(&Config { matches, ..Config::default() }, &machine);
    let misfits: Vec<_> = rules.iter().map(|rule| rule.misfit.as_deref()).collect();
    assert_eq!((&rules[0].card, rules[1].card.as_deref()), (&None, Some("DAC8x")));
    assert_eq!(misfits, [Some("card is \"M4\", and here \"DAC8x\""), None, Some("rule 2 comes before it")]);
}

#[test]
fn a_device_has_the_channels_or_not_or_nobody_knows() {
    let free = State::Free { channels_min: 2, channels_max: 8, formats: vec![], rates_hz: vec![] };
    let held = |channels| State::Held { by: "spatiald (pid 7)".into(), channels };
    let closed = State::Closed { reason: String::new() };
    for (state, channels, has) in [
        (free.clone(), 8, Some(true)),
        (free, 9, Some(false)),
        (held(Some(4)), 4, Some(true)),
        (held(Some(4)), 5, None),
        (held(None), 1, None),
        (closed, 1, Some(false)),
    ] {
        assert_eq!(state.has_channels(channels), has, "{state:?} {channels}");
    }
}

#[test]
fn profiles_and_descriptions_are_found_and_fitted_to_the_device() {
    let home = tempfile::tempdir().unwrap();
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf");
    let own = home.path().join("spatiald");
    fs::create_dir_all(own.join("profiles/broken")).unwrap();
    fs::create_dir_all(own.join("devices")).unwrap();
    fs::write(own.join("profiles/broken/profile.toml"), "format = 2\n").unwrap();
    std::os::unix::fs::symlink(conf.join("profiles/bar"), own.join("profiles/bar")).unwrap();
    for name in ["bar.toml", "soundbar.toml"] {
        fs::copy(conf.join("devices").join(name), own.join("devices").join(name)).unwrap();
    }
    let places = Places::from(|name| (name == "XDG_CONFIG_HOME").then(|| home.path().into()));
    let pair = conf.join("profiles/pair").display().to_string();
    let config = Config { device: "null".into(), profile: Some(pair.clone()), ..Config::default() };
    let mut inventory = Inventory::look(&config, &places);
    let of = |inventory: &Inventory, name: &str| {
        let all = inventory.profiles.iter().chain(&inventory.descriptions);
        all.filter(|item| item.name == name).cloned().collect::<Vec<_>>()
    };
    for (name, channels) in [("bar", 4), ("soundbar", 8), (&pair, 2)] {
        let found = of(&inventory, name);
        assert_eq!((found.len(), found[0].channels_needed()), (1, Some(channels)), "{found:?}");
        assert!(found[0].fits.contains(&"null".into()), "{found:?}");
    }
    assert!(matches!(&of(&inventory, "broken")[0].needs, Needs::Broken { error } if error.contains("format 2")));
    assert_eq!(
        inventory.descriptions.iter().filter(|item| item.name == "bar").count(),
        0,
        "a profile was made from it"
    );

    // Whatever cards there are here, `null` is none of them.
    let null = inventory.devices.last().unwrap().clone();
    assert!(null.is_configured && null.is_called("null") && !null.is_called("0"), "{null:?}");
    let before = inventory.devices.len();
    inventory.add_device("NoSuchCard");
    assert_eq!(inventory.devices.len(), before, "a word that ALSA does not know");
    inventory.add_device("hw:CARD=NoSuchCard");
    let State::Closed { reason } = &inventory.devices[before].state else { panic!("{inventory:?}") };
    assert!(reason.contains("does not exist"), "{reason}");
    let name = inventory.add_profile(&conf.join("profiles/cylinder"));
    assert_eq!(of(&inventory, &name)[0].channels_needed(), Some(3));
}
