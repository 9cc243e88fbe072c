//! What the way drivers are wired changes: nothing, but for the filters that make up for it.

use super::designer::design;
use super::tests::variant;
use super::{Design, Device};

/// A shipped device with keys added to one of its drivers.
fn wired(name: &str, driver: &str, keys: &str) -> Device {
    let driver = format!("name = \"{driver}\"\n");
    variant(name, &[(&driver, &format!("{driver}{keys}\n"))])
}

fn designed(device: &Device) -> Design {
    design(device, &|_| ())
}

#[test]
fn a_driver_wired_backwards_changes_neither_levels_nor_what_a_plain_mix_does() {
    let [pair, swapped] = ["", "polarity = -1"].map(|keys| designed(&wired("pair", "right", keys)).figures);
    let [levels, others] = [&pair.levels, &swapped.levels];
    assert!((levels.loudness_re_downmix_db - others.loudness_re_downmix_db).abs() < 0.11, "{levels:?}, {others:?}");
    assert!((levels.makeup_gain_db - others.makeup_gain_db).abs() < 0.11, "{levels:?}, {others:?}");
    for octave in 0..6 {
        let [plain, other] = [&pair, &swapped].map(|figures| figures.beam.plain_mix_db[octave]);
        assert!((plain - other).abs() < 0.01, "octave {octave}: {plain} and {other}");
        let [reach, other] = [&pair, &swapped].map(|figures| figures.room.plain_critical_distance_m[octave]);
        assert!((reach - other).abs() < 0.01, "octave {octave}: {reach} and {other}");
    }
}
