use super::*;

#[test]
fn everything_is_listed_in_columns_and_in_lines_of_its_own() {
    let known = |channels, drivers: &[&str]| Needs::Known {
        channels,
        sample_rate_hz: 48_000,
        drivers: drivers.iter().map(|name| (*name).to_owned()).collect(),
        description: "not shown".into(),
    };
    let item = |name: &str, needs, fits: &[&str]| Item {
        name: name.into(),
        path: format!("/p/{name}"),
        needs,
        fits: fits.iter().map(|pcm| (*pcm).to_owned()).collect(),
    };
    let device = |pcm: &str, state| Device {
        pcm: pcm.into(),
        card: "x".into(),
        number: Some(0),
        name: "A card".into(),
        is_configured: pcm == "hw:CARD=DAC8x",
        state,
    };
    let formats = vec!["S32_LE".into(), "S16_LE".into()];
    let free = State::Free { channels_min: 2, channels_max: 8, formats, rates_hz: vec![44_100, 192_000] };
    let fixed =
        State::Free { channels_min: 2, channels_max: 2, formats: vec!["S16_LE".into()], rates_hz: vec![48_000] };
    let mut inventory = Inventory {
        schema: 1,
        configuration: None,
        device: "hw:CARD=DAC8x".into(),
        profile: None,
        matches: vec![Rule { rule: 1, profile: "bar".into(), card: None, misfit: None }],
        profiles: vec![
            item("bar", known(4, &["a", "b"]), &["hw:CARD=DAC8x"]),
            item("ten", known(10, &["a"]), &[]),
            item("e\u{1b}[2J", Needs::Broken { error: "bad\nfile".into() }, &[]),
        ],
        descriptions: vec![],
        devices: vec![device("hw:CARD=DAC8x", free), device("hw:CARD=b", fixed)],
    };
    let profiles = "profiles
  bar         4 channels       2 drivers  48000 Hz  fits hw:CARD=DAC8x  /p/bar
  ten         10 channels      1 driver   48000 Hz  fits no card here   /p/ten
  e\\u{1b}[2J  cannot be used:  bad\\nfile
";
    let cards = "
sound cards
  hw:CARD=DAC8x  2-8 channels  S32_LE S16_LE, 44100-192000 Hz  A card  the configuration's device
  hw:CARD=b      2 channels    S16_LE, 48000 Hz                A card
";
    let rules = "\nmatches\n  rule 1  bar  applies here\n";
    assert_eq!(text(&inventory, true), [profiles, cards, rules].concat());

    inventory.matches[0].misfit = Some("card is \"M4\"".into());
    inventory.descriptions = vec![item("soundbar", known(8, &["a"]), &[])];
    inventory.devices.truncate(0);
    inventory.devices.push(device("hw:1", State::Held { by: "jackd (pid 7)".into(), channels: Some(8) }));
    inventory.devices.push(device("hw:2", State::Held { by: "jackd (pid 7)".into(), channels: None }));
    inventory.devices.push(device("hw:3", State::Closed { reason: "no permission".into() }));
    let text = text(&inventory, true);
    for line in [
        "  ten         10 channels      1 driver   48000 Hz  may fit a card that is in use  /p/ten\n",
        "\ndescriptions of devices, for spatiald design\n  soundbar  8 channels  1 driver ",
        "  hw:1  open with 8  held by jackd (pid 7)  A card\n",
        "  hw:2  in use       held by jackd (pid 7)  A card\n",
        "  hw:3  closed                              A card  no permission\n",
        "  rule 1  bar  does not apply: card is \"M4\"\n",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
}

#[test]
fn where_there_is_nothing_that_is_said() {
    let inventory = Inventory {
        schema: 1,
        configuration: None,
        device: "hw:0".into(),
        profile: None,
        matches: vec![],
        profiles: vec![],
        descriptions: vec![],
        devices: vec![],
    };
    let wanted = "profiles\n  none is installed\n\nsound cards\n  none is here that can play\n\n\
                  matches\n  no [[match]] rule in spatiald.toml\n";
    assert_eq!(text(&inventory, true), wanted);
}
