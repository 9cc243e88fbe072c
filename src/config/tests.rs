use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Config, String> {
    let source = Source::new(Path::new("spatiald.toml"), text);
    source.parse().and_then(|file| validate::validate(&source, file)).map_err(|complaint| complaint.to_string())
}

#[test]
fn an_empty_file_means_the_defaults() {
    let config = read("format = 1\n").unwrap();
    assert_eq!(Config { path: None, ..config }, Config::default());
}

/// `conf/spatiald.toml` shows every key, commented out, with its default.
#[test]
fn the_shipped_file_shows_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/spatiald.toml");
    let shipped = Config::load(&path).unwrap();
    assert_eq!(Config { path: None, ..shipped }, Config::default());
    let text = fs::read_to_string(&path).unwrap();
    // Explanations are `# …`, keys are `#key = …` and `#[table]`.
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => key,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let all = read(&all).unwrap();
    assert_eq!(all.mixer.len(), 2);
    assert_eq!(all.matches.len(), 2);
    assert!(all.profile.is_some());
    assert_eq!(all.seats.len(), 2);
    for entry in &controls::TABLE {
        assert_eq!(all.settings.controls.get(entry.key), Some(entry.default), "{}", entry.name);
    }
    assert_eq!(
        Config {
            path: None,
            profile: None,
            node_name: None,
            mixer: Vec::new(),
            matches: Vec::new(),
            settings: Settings::default(),
            seats: Vec::new(),
            ..all
        },
        Config::default()
    );
}

#[test]
fn every_fault_has_its_place_and_remedy() {
    let with = |line: &str| read(&format!("format = 1\n{line}\n")).unwrap_err();
    let cases = [
        (with("period_frame = 256"), "2:1: unknown key `period_frame`; did you mean `period_frames`?"),
        (with("period_frames = 8"), "2:17: `period_frames` is 8; use 16 to 8192"),
        (with("periods = 1"), "2:11: `periods` is 1; use 2 to 32"),
        (with("device = \"\""), "2:10: `device` is empty; give an ALSA PCM, like \"hw:0\""),
        (
            with("device_format = \"s20\""),
            "2:17: \"s20\" is not known here; use \"auto\" or \"s16\" or \"s24-3le\" or \"s24\" or \"s32\" or \"float\"",
        ),
        (with("suspend_seconds = -1"), "2:19: `suspend_seconds` is -1; a whole number from 0 is needed"),
        (
            with("node_name = \"my speaker\""),
            "2:13: `node_name` is \"my speaker\", with a space; join the words by `-` or `.` (`description` is what people read)",
        ),
        (with("[[mixer]]\ncontrol = \"Master\""), "2:1: this [[mixer]] sets nothing; give it `value_db` or `switch`"),
        (with("[[mixer]]\ncontrol = \"Master\"\nvalue_db = nan"), "4:12: `value_db` is NaN; use -200 to 100"),
        (
            with("[[mixer]]\ncontrol = \"Master\"\nvalue_db = 0\nswitch = true"),
            "2:1: this [[mixer]] has both `value_db` and `switch`; use a table for each",
        ),
        (
            with("[[match]]\nprofile = \"bar\""),
            "2:1: this [[match]] fits no machine; give it `card`, `hat_product`, `device_tree_model`, `dmi_product` or `dmi_vendor`",
        ),
        (with("[controls]\ncenter_db = 12"), "3:13: center_db is \"12\"; use -9 to 9 dB, or default (0)"),
        (
            with("[controls]\nbass = 1"),
            "3:8: there is no control \"bass\"; there are bypass, center_db, width, balance_db, mono, trim_db, delay_ms",
        ),
        (
            with("[controls]\nseat = \"sofa\""),
            "3:8: there is no seat \"sofa\"; spatiald.toml has no [[seat]]: add one, or give AZIMUTH_DEG[,DISTANCE_M]",
        ),
        (
            with("[[seat]]\nname = \"sofa\"\nazimuth_deg = 40.0"),
            "4:15: a seat at 40° is too far aside; use -30 to 30 degrees, above 0 to the left of who faces the device",
        ),
        (
            with("[[seat]]\nname = \"sofa\"\nazimuth_deg = 4.0\ndistance_m = 7.0"),
            "5:14: a seat at 7 m; use at most 6 m, clear of the cabinet",
        ),
        (
            with("[[seat]]\nname = \"9\"\nazimuth_deg = 4"),
            "3:8: a seat's name is not made of letters, digits, `-`, `_` and `.`, a letter first; use one like \"sofa\"",
        ),
        (with("[match]\nprofile = \"bar\""), "2:1: [match] is one table; a list of tables is needed: write [[match]]"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, format!("spatiald.toml:{expected}"));
    }
}

#[test]
fn a_relative_profile_stands_beside_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spatiald.toml");
    fs::write(&path, "format = 1\nprofile = \"profiles/mine\"\n").unwrap();
    let profile = Config::load(&path).unwrap().profile.unwrap();
    assert_eq!(Path::new(&profile), folder.path().join("profiles/mine"));
    fs::write(&path, "format = 1\nprofile = \"mine\"\n").unwrap();
    assert_eq!(Config::load(&path).unwrap().profile.as_deref(), Some("mine"));
}

#[test]
fn the_users_file_goes_before_the_systems_and_a_named_one_must_exist() {
    let home = tempfile::tempdir().unwrap();
    let places = Places::from(|name| (name == "XDG_CONFIG_HOME").then(|| home.path().as_os_str().into()));
    assert_eq!(places.config_folders(), [home.path().join("spatiald"), "/etc/spatiald".into()]);
    assert_eq!(places.config_file().unwrap(), None, "this machine has none");
    assert_eq!(Config::find(None, &places).unwrap(), Config::default());
    let file = home.path().join("spatiald/spatiald.toml");
    fs::create_dir(home.path().join("spatiald")).unwrap();
    fs::write(&file, "format = 1\nperiods = 3\n").unwrap();
    let config = Config::find(None, &places).unwrap();
    assert_eq!((config.periods, config.path), (3, Some(file)));
    let absent = home.path().join("absent.toml");
    let error = Config::find(Some(&absent), &places).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: cannot read it: no such file or directory; check the name", absent.display())
    );
}

/// "Cannot look" is not "not there": the defaults would play on another device.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_never_counts_as_none() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().unwrap();
    let places = Places::from(|name| (name == "XDG_CONFIG_HOME").then(|| home.path().as_os_str().into()));
    let folder = home.path().join("spatiald");
    let file = folder.join("spatiald.toml");
    let refused = |what: &str| {
        let error = Config::find(None, &places).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: cannot ", file.display())), "{what}: {error}");
    };
    symlink("nowhere", &folder).unwrap();
    refused("a folder that is a dangling link");
    fs::remove_file(&folder).unwrap();
    symlink("spatiald", &folder).unwrap();
    refused("a folder that is a circle");
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    symlink("nowhere", &file).unwrap();
    refused("a dangling link");
    fs::remove_file(&file).unwrap();
    symlink("spatiald.toml", &file).unwrap();
    refused("a circle");
    fs::remove_file(&file).unwrap();
    assert_eq!(Config::find(None, &places).unwrap(), Config::default());
}

#[test]
fn the_state_folder_stays_where_it_belongs() {
    let with =
        |name: &'static str, value: &'static str| Places::from(move |asked| (asked == name).then(|| value.into()));
    let state = |places: Places, instance: &str| places.state_folder(instance);
    assert_eq!(state(with("STATE_DIRECTORY", "/var/lib/a:/b"), "x"), Path::new("/var/lib/a/x"));
    assert_eq!(state(with("XDG_STATE_HOME", "/s"), "x"), Path::new("/s/spatiald/x"));
    assert_eq!(state(with("XDG_STATE_HOME", "relative"), "x"), Path::new("/var/lib/spatiald/x"));
    assert_eq!(state(with("HOME", "/h"), "../../etc"), Path::new("/h/.local/state/spatiald/etc"));
    assert_eq!(state(with("HOME", "/h"), ".."), Path::new("/h/.local/state/spatiald/default"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(key in "[a-z_]{1,15}|mixer|match|profile|device", value in "\\PC{0,30}") {
        read(&format!("format = 1\n{key} = {value}\n")).ok();
        read(&format!("format = 1\n[[{key}]]\ncontrol = {value}\nprofile = {value}\n")).ok();
    }
}
