use std::path::Path;

use super::*;

const CYLINDER: &str = include_str!("../../conf/devices/cylinder.toml");
const STUDIO: &str = include_str!("../../conf/devices/studio.toml");

/// What is said about a description in which the first `from` is `to`, after the file's name.
fn complaint(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no `{from}`");
    let source = Source::new(Path::new("device.toml"), text.replacen(from, to, 1));
    match Device::from_source(&source) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string().replace("device.toml:", ""),
    }
}

#[test]
fn a_wrong_description_is_refused_with_its_place_and_the_remedy() {
    let refused = |from: &str, to: &str| complaint(CYLINDER, from, to);
    #[rustfmt::skip]
    let table = [
        ("[0.0, 0.09, 0.0]", "[0.0, 0.12, 0.0]", "16:14: driver `left` is 0.1200 m from the center, off its sphere of 0.09 m; put it on the surface"),
        ("[0.0, -0.09, 0.0]\naxis_deg = { azimuth = -90.0, elevation = 0.0 }", "[0.0, 0.09, 0.0]", "26:14: driver `right` is on the same spot as driver `left`; measure both positions again"),
        ("taps = 512", "taps = 3", "61:8: taps is 3; use 64 to 8192"),
        ("[150.0, 20000.0]", "[-150.0, 20000.0]", "20:11: the band of driver `left` is -150 to 20000 Hz; use two frequencies, the lower one first"),
        ("[0.0, 0.09, 0.0]", "[0.0, nan, 0.0]", "16:14: driver `left` is at [0.0, NaN, 0.0]; use three numbers [front, left, up] in m, within 3 m"),
        ("distance_m = 2.0", "distance_m = nan", "44:14: the listener's distance is NaN m; use 0.1 to 20 m"),
        ("distance_m = 2.0", "distance_m = 0.15", "44:14: the listener at 0.15 m is inside the device or touches it; its drivers reach 0.09 m: use 0.27 m or more"),
        ("window_m", "windw_m", "47:1: unknown key `windw_m`; did you mean `window_m`?"),
        ("channel = 1", "channel = 0", "25:11: driver `right` has channel 0 like driver `left`; give each driver a channel of its own"),
        ("azimuth = 90.0", "azimuth = 0.0", "17:12: driver `left` does not face outwards from its sphere; leave axis_deg out or correct it"),
        ("null_db = 20.0", "shape_db = [[0.0, nan], [90.0, -20.0]]", "58:12: shape_db is no shape; write [[deg, dB], …] with rising angles from 0 to 180 and levels of 0 dB or less"),
        ("roles = [\"array\"]", "gain_db = nan", "21:11: the gain of driver `left` is NaN dB; use -40 to 40 dB"),
        ("[150.0, 20000.0]", "[30000.0, 40000.0]", "20:11: the band of driver `left` begins at 30000 Hz, but at 48000 Hz filters end at 24000 Hz; lower it"),
        ("[0.0, 0.09, 0.0]", "[0.0, 9.0, 0.0]", "16:14: driver `left` is at [0.0, 9.0, 0.0]; use three numbers [front, left, up] in m, within 3 m"),
        ("radius_m = 0.02\n", "radius_m = 0.0899\n", "36:14: driver `front` overlaps driver `left` by 10° of their sphere; correct a position_m or radius_m"),
        ("roles = [\"array\"]", "high_pass_hz = 20000.0", "21:16: the high-pass of driver `left` at 20000 Hz leaves nothing of its band, 150 to 20000 Hz; lower it"),
        ("[150.0, 20000.0]", "[150.0, 20000.0, 3.0]", "20:11: the number of values in this list is 3; 2 are needed"),
        ("mode = \"balanced\"", "target_db = [[200.0, 3.0, 4.0]]", "54:13: the number of values in this list is 3; 2 are needed"),
        ("roles = [\"array\"]", "xmax_mm = 0.0", "21:11: the xmax of driver `left` is 0 mm; use 0.01 to 100 mm"),
        ("mode = \"balanced\"", "mode = \"wide\"\neffort_db = [[200.0, 5.0]]", "55:13: effort_db takes the place of the mode's own; remove mode or effort_db"),
        ("null_db = 20.0", "shape_db = [[0.0, 0.0], [90.0, -20.0]]", "58:12: shape_db says how deep the beam is everywhere; remove null_deg and null_db, or shape_db"),
        ("\"cap\"", "\"piston\"", "19:15: driver `left` sits in a rigid-sphere; only directivity = \"cap\" is modelled there"),
    ];
    for (from, to, expected) in table {
        assert_eq!(refused(from, to), expected, "{to}");
    }
    assert!(refused("head = \"sphere\"", "head = \"none.sofa\"").starts_with("45:8: none.sofa: cannot be read"));
    assert!(refused("roles = [\"array\"]", "response = \"none.wav\"").starts_with("21:12: none.wav: cannot be read"));
}

#[test]
fn a_driver_nobody_hears_is_refused() {
    let pair = include_str!("../../conf/devices/pair.toml").replace("free-field", "baffled");
    let turned = complaint(&pair, "roles = [\"array\"]", "axis_deg = { azimuth = 170.0, elevation = 0.0 }");
    assert_eq!(
        turned,
        "18:12: driver `left` faces away from the listener, and nothing is heard behind a baffle; turn axis_deg to the front or use model = \"free-field\""
    );
    let size = complaint(&pair, "roles = [\"array\"]", "xmax_mm = 2.0");
    assert!(size.contains("add radius_m to driver `left`"), "{size}");
    let tables = complaint(&pair.replace("[[driver]]", "[driver]"), "format", "format");
    assert!(
        tables.contains("the key `driver` is here twice; keep one, or write [[driver]] for each of a list"),
        "{tables}"
    );
}

#[test]
fn every_frequency_needs_a_driver() {
    let gap = complaint(STUDIO, "[40.0, 600.0]", "[40.0, 100.0]");
    assert!(gap.contains("the crossover at 250 Hz is outside the band of woofer `woofer`, 40 to 100 Hz"), "{gap}");
    let no_crossover = complaint(
        STUDIO,
        "[[crossover]]\nbetween = [\"woofer\", \"array\"]\nfrequency_hz = 250.0\nkind = \"lr4\"\n",
        "",
    );
    assert!(no_crossover.contains("driver `woofer` is a woofer but no crossover leads to it"), "{no_crossover}");
    let muted = complaint(STUDIO, "roles = [\"woofer\"]", "roles = [\"woofer\"]\nhigh_pass_hz = 300.0");
    assert!(
        muted.contains("the high-pass of woofer `woofer` at 300 Hz leaves nothing below its crossover at 250 Hz"),
        "{muted}"
    );
    let pair = include_str!("../../conf/devices/pair.toml");
    let split =
        pair.replacen("[150.0, 20000.0]", "[150.0, 1000.0]", 1).replacen("[150.0, 20000.0]", "[2000.0, 20000.0]", 1);
    let hole = complaint(&split, "format", "format");
    assert!(
        hole.contains("no driver serves 1000 to 2000 Hz, below driver `right`; widen a band_hz or add a driver"),
        "{hole}"
    );
    let no_array = complaint(&pair.replace("[\"array\"]", "[\"woofer\"]"), "format", "format");
    assert!(no_array.contains("add a [[crossover]]") || no_array.contains("no driver has the role"), "{no_array}");
}
