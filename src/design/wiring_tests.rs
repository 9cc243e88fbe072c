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

#[test]
fn converters_that_are_late_are_waited_for() {
    for (taps, delay_us, frames) in
        [(512, 120.0, [6, 0]), (512, 4987.0, [239, 0]), (512, -5000.0, [0, 240]), (128, 2000.0, [96, 0])]
    {
        let made = |delay_us: f64| {
            let mut device = wired("pair", "right", &format!("delay_us = {delay_us:.1}"));
            device.taps = taps;
            designed(&device)
        };
        let (pair, late) = (made(0.0), made(delay_us));
        let what = format!("{taps} taps, {delay_us} µs");
        assert_eq!(
            (&late.filters.delay_frames[..], &pair.filters.delay_frames[..]),
            (&frames[..], &[0, 0][..]),
            "{what}"
        );
        let (pair, late) = (pair.figures, late.figures);
        for (was, is) in [
            (pair.tones.left, late.tones.left),
            (pair.tones.right, late.tones.right),
            (pair.tones.both, late.tones.both),
            (pair.tones.center, late.tones.center),
        ] {
            assert!((is.rms_db - was.rms_db).abs() < 0.1, "{what}: {is:?}, not {was:?}");
        }
        for (was, is) in pair.crosstalk[0].xtc_db.iter().zip(late.crosstalk[0].xtc_db) {
            assert!((is - was).abs() < 0.2, "{what}: {is} dB, not {was}");
        }
        // A plain mix has no filters for what is left of a frame.
        for (was, is) in pair.beam.plain_mix_db.iter().zip(late.beam.plain_mix_db) {
            assert!((is - was).abs() < 0.3, "{what}: {is} dB, not {was}");
        }
        let [was, is] = [&pair, &late].map(|figures| figures.levels.makeup_gain_db);
        assert!((is - was).abs() < 0.21, "{what}: {is} dB, not {was}");
    }
}

#[test]
fn the_beam_of_a_bar_knows_no_wires() {
    let [bar, others @ ..] = ["", "polarity = -1", "gain_db = -3.0\ndelay_us = 150.0"]
        .map(|keys| designed(&wired("bar", "center-right", keys)).figures.beam);
    for other in &others {
        for (azimuth, (was, is)) in bar.azimuths_deg.iter().zip(bar.polar_db.iter().zip(&other.polar_db)) {
            // Nulls are as deep as they are by chance.
            for octave in (0..6).filter(|octave| was[*octave] > -20.0) {
                let (was, is) = (was[octave], is[octave]);
                assert!((was - is).abs() < 0.3, "{azimuth}°, octave {octave}: {is:.2} dB, not {was:.2}");
            }
        }
    }
}
