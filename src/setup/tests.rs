//! Decisions on machines of all kinds.

use super::*;
use crate::inventory::{Device, Inventory, Item, Needs, Rule, State};

fn free(pcm: &str, number: u32, channels: (u32, u32)) -> Device {
    Device {
        pcm: pcm.into(),
        card: pcm.trim_start_matches("hw:CARD=").into(),
        number: Some(number),
        name: String::new(),
        is_configured: number == 0,
        state: State::Free { channels_min: channels.0, channels_max: channels.1, formats: vec![], rates_hz: vec![] },
    }
}

fn item(name: &str, channels: u32) -> Item {
    let needs = Needs::Known { channels, sample_rate_hz: 48_000, drivers: vec![], description: String::new() };
    Item { name: name.into(), path: format!("/p/{name}"), needs, fits: vec![] }
}

/// A Raspberry Pi with a board, an HDMI output before it, three profiles, and a description.
fn pi() -> Inventory {
    Inventory {
        schema: 1,
        configuration: None,
        device: "hw:0".into(),
        profile: None,
        matches: vec![],
        profiles: vec![item("pair", 2), item("bar", 4), item("ten", 10)],
        descriptions: vec![item("soundbar", 8)],
        devices: vec![free("hw:CARD=vc4hdmi0", 0, (2, 8)), free("hw:CARD=DAC8x", 1, (2, 8))],
    }
}

fn rule(profile: &str, card: Option<&str>) -> Rule {
    Rule { rule: 2, profile: profile.into(), card: card.map(Into::into), misfit: None }
}

/// What is decided where each question, by its option, is answered so; an empty answer takes the default.
fn decided(inventory: &Inventory, answers: &Answers, script: &[(&str, &str)]) -> Result<Decision, String> {
    let mut script = script.iter();
    let decision = decide(inventory, answers, &mut |question| {
        let Some((option, answer)) = script.next() else { return Ok(question.default) };
        assert_eq!(question.option, *option, "{question:?}");
        let named = question.choices.iter().position(|(name, _)| name == answer);
        assert!(answer.is_empty() || named.is_some(), "{answer} cannot be chosen: {question:?}");
        Ok(named.or(question.default))
    });
    assert!(script.next().is_none(), "not everything was asked");
    decision.map_err(|error| error.to_string())
}

fn said(card: &str, profile: &str) -> Answers {
    let said = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    Answers { card: said(card), channels: None, profile: said(profile) }
}

fn decision(device: &str, profile: &str) -> Decision {
    Decision { device: Some(device.into()), profile: profile.into(), description: None, rule: None }
}

const DAC: &str = "hw:CARD=DAC8x";

#[test]
fn what_is_not_known_is_asked_and_what_was_said_is_not() {
    let asked = [("--card", DAC), ("--channels", "4"), ("--profile", "bar")];
    assert_eq!(decided(&pi(), &Answers::default(), &asked), Ok(decision(DAC, "bar")));
    // By id, number and ALSA's name; who names the profile has said how many channels it needs.
    for card in ["DAC8x", "1", DAC] {
        assert_eq!(decided(&pi(), &said(card, "bar"), &[]), Ok(decision(DAC, "bar")));
    }
    // One card that fits is the one.
    let one = Inventory { devices: vec![free(DAC, 0, (2, 8)), free("hw:CARD=Mono", 1, (1, 1))], ..pi() };
    assert_eq!(decided(&one, &said("", "bar"), &[]), Ok(decision(DAC, "bar")));
    // Of one that is fixed to a number of channels, none is asked.
    let fixed = Inventory { devices: vec![free(DAC, 0, (8, 8))], ..pi() };
    assert_eq!(decided(&fixed, &Answers::default(), &[("--profile", "bar")]), Ok(decision(DAC, "bar")));
    // A description is made into a profile.
    let made = Decision { description: Some("/p/soundbar".into()), ..decision(DAC, "soundbar") };
    assert_eq!(decided(&fixed, &Answers::default(), &[("--profile", "soundbar")]), Ok(made));
}

#[test]
fn only_what_fits_can_be_chosen() {
    let mut offered = Vec::new();
    let answers = Answers { channels: Some(4), ..said("DAC8x", "") };
    let refused = decide(&pi(), &answers, &mut |question| {
        offered = question.choices.iter().map(|(name, _)| name.clone()).collect();
        Ok(None)
    });
    assert_eq!(offered, ["pair", "bar"]);
    let refused = refused.unwrap_err().to_string();
    assert_eq!(refused, "this is no terminal to ask on: say it by --profile; here are pair, bar");
}

#[test]
fn the_rule_of_this_machine_is_offered() {
    let inventory = Inventory { matches: vec![rule("bar", Some("DAC8x"))], ..pi() };
    let offered = [("--card", ""), ("--channels", ""), ("--profile", "")];
    let by_rule = Decision { rule: Some(2), ..decision(DAC, "bar") };
    assert_eq!(decided(&inventory, &Answers::default(), &offered), Ok(by_rule.clone()));
    // Where nobody can be asked, what is offered is taken.
    assert_eq!(decided(&inventory, &Answers::default(), &[]), Ok(by_rule));
    // One that names what is not here, or that does not apply, is no offer; nor is the key behind a rule that applies.
    let gone = Inventory { matches: vec![rule("gone", Some("DAC8x"))], profile: Some("bar".into()), ..pi() };
    assert!(decided(&gone, &Answers::default(), &[]).unwrap_err().contains("--profile"));
    let misfit = Rule { misfit: Some("card".into()), ..rule("bar", Some("DAC8x")) };
    let not_here = Inventory { matches: vec![misfit], ..pi() };
    assert!(decided(&not_here, &said("1", ""), &[]).unwrap_err().contains("--profile"));
}

#[test]
fn what_the_configuration_says_is_offered_and_its_device_kept() {
    let mut inventory = Inventory { device: "plughw:CARD=DAC8x".into(), profile: Some("pair".into()), ..pi() };
    for device in &mut inventory.devices {
        device.is_configured = device.pcm == DAC;
    }
    let kept = Decision { device: None, ..decision(DAC, "pair") };
    assert_eq!(decided(&inventory, &Answers::default(), &[]), Ok(kept));
    let moved = decision("hw:CARD=vc4hdmi0", "pair");
    assert_eq!(decided(&inventory, &said("vc4hdmi0", ""), &[]), Ok(moved));
    // The default device is nobody's choice, and hangs on the order of the cards.
    let named = Inventory { devices: vec![free(DAC, 0, (8, 8))], ..pi() };
    assert_eq!(decided(&named, &said("0", "bar"), &[]), Ok(decision(DAC, "bar")));
}

#[test]
fn a_card_that_is_in_use_may_have_any_channels() {
    let mut inventory = pi();
    inventory.devices[1].state = State::Held { by: "spatiald (pid 7)".into(), channels: Some(4) };
    assert_eq!(decided(&inventory, &said("DAC8x", "ten"), &[]), Ok(decision(DAC, "ten")));
}

#[test]
fn who_cannot_be_served_is_told_what_is_here_and_what_to_do() {
    let stereo =
        |profiles| Inventory { profiles, descriptions: vec![], devices: vec![free("hw:CARD=PCH", 0, (2, 2))], ..pi() };
    let broken = Item { needs: Needs::Broken { error: "no WAV".into() }, ..item("old", 0) };
    let mut closed = pi();
    closed.devices[1].state = State::Closed { reason: "no permission".into() };
    let mut all_closed = closed.clone();
    all_closed.devices[0].state = all_closed.devices[1].state.clone();
    let nowhere = Device { number: None, state: State::Closed { reason: "absent".into() }, ..free("hw:0", 0, (0, 0)) };
    let channels = |channels| Answers { channels: Some(channels), ..said("DAC8x", "bar") };
    for (inventory, answers, words) in [
        (Inventory { devices: vec![nowhere], ..pi() }, said("", ""), "no sound card is here that can play: plug it in"),
        (Inventory { devices: vec![], ..pi() }, said("", ""), "no sound card is here that can play: plug it in"),
        (
            stereo(vec![item("bar", 4)]),
            said("", ""),
            "the 4 channels that the smallest profile needs: hw:CARD=PCH (2 channels",
        ),
        (
            stereo(vec![item("bar", 4)]),
            said("PCH", ""),
            "the 4 channels that the smallest profile needs: hw:CARD=PCH has 2",
        ),
        (
            stereo(vec![item("bar", 4), item("pair", 2)]),
            said("", "bar"),
            "the 4 channels that the profile bar needs: hw:CARD=PCH",
        ),
        (stereo(vec![]), said("", ""), "no profile is installed: describe your loudspeaker"),
        (stereo(vec![broken.clone()]), said("PCH", "old"), "the profile old cannot be used: no WAV"),
        (stereo(vec![broken]), said("PCH", ""), "no profile is installed"),
        (pi(), said("DAC", "bar"), "there is no sound card \"DAC\"; here are hw:CARD=vc4hdmi0, hw:CARD=DAC8x"),
        (pi(), said("DAC8x", "bra"), "there is no profile \"bra\"; here are pair, bar, ten, soundbar"),
        (pi(), said("DAC8x", "ten"), "the profile ten needs 10 channels, and hw:CARD=DAC8x has 8"),
        (pi(), channels(9), "hw:CARD=DAC8x has no 9 channels; use 1 to 8"),
        (pi(), channels(2), "the profile bar needs 4 channels, and hw:CARD=DAC8x has 2"),
        (all_closed, said("", "bar"), "hw:CARD=vc4hdmi0 cannot be used: no permission"),
        (closed, said("DAC8x", "bar"), "hw:CARD=DAC8x cannot be used: no permission"),
    ] {
        let error = decided(&inventory, &answers, &[]).unwrap_err();
        assert!(error.contains(words), "no {words:?} in {error:?}");
        assert!(!error.contains('\n'), "{error:?}");
    }
}

#[test]
fn where_only_pairs_fit_it_is_said() {
    let devices = vec![free("hw:CARD=a", 0, (2, 2)), free("hw:CARD=b", 1, (2, 2))];
    let mut notes = Vec::new();
    decide(&Inventory { devices, ..pi() }, &Answers::default(), &mut |question| {
        notes.extend(question.notes.clone());
        Ok(Some(0))
    })
    .unwrap();
    assert!(notes[0].contains("more than two channels"), "{notes:?}");
}

/// What is made of `text` by `decision`, or why nothing is.
fn drafted(text: &str, decision: &Decision) -> Result<String, String> {
    let base = Source::new(Path::new("/etc/spatiald/spatiald.toml"), text);
    let config = Config::from_source(&base).unwrap();
    let draft = draft(&base, &config, Path::new("/home/pi/.config/spatiald/spatiald.toml"), decision);
    draft.map(|draft| draft.text().to_owned()).map_err(|complaint| complaint.to_string())
}

#[test]
fn everything_else_in_the_file_stays() {
    let text = "# mine\nformat = 1\n#device = \"hw:0\"\nperiods = 4\n[[match]]\ncard = \"X\"\nprofile = \"a\"\n\
                [[match]]\ncard = \"DAC8x\"\nprofile = \"pair\" # for now\n";
    let device = text.replace("hw:0\"\n", "hw:0\"\ndevice = \"hw:CARD=DAC8x\"\n");
    // The rule that applies goes before the key `profile`: it must name the profile, or the choice is none.
    let by_rule = Decision { rule: Some(2), ..decision(DAC, "bar") };
    assert_eq!(drafted(text, &by_rule), Ok(device.replace("\"pair\"", "\"bar\"")));
    let confirmed = Decision { rule: Some(2), ..decision(DAC, "pair") };
    assert_eq!(drafted(text, &confirmed), Ok(device.clone()));
    let by_key = device.replace("format = 1\n", "format = 1\nprofile = \"bar\"\n");
    assert_eq!(drafted(text, &decision(DAC, "bar")), Ok(by_key));
    assert_eq!(drafted(text, &Decision { device: None, ..confirmed }), Ok(text.into()));
}

#[test]
fn a_file_that_means_something_else_elsewhere_is_not_copied() {
    let text = "format = 1\n[[match]]\ncard = \"X\"\nprofile = \"./mine\"\n";
    let error = drafted(text, &decision(DAC, "bar")).unwrap_err();
    assert!(error.starts_with("/etc/spatiald/spatiald.toml: it names profiles by relative paths"), "{error}");
}
