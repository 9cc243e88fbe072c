//! Devices that are in no table: unlike sides, cabinets that shadow, nulls on one side.

use std::path::Path;

use super::crosstalk::Lowered;
use super::designer::{Design, design};
use super::device::Device;
use super::evaluate::bands::{OCTAVES_HZ, octave, tone};
use super::evaluate::ears::{EarGrid, ideal};
use super::evaluate::evaluate;
use super::filter_set::FilterSet;
use super::fir::Bins;
use super::shortfalls::shortfalls;
use super::tests::{free_field, variant, within};
use super::{folder, transfer};
use crate::acoustics::{Complex, Listener};
use crate::source::Source;

/// A rigid sphere of `radius_m` with caps of 2 cm at (azimuth, elevation), degrees.
fn sphere(radius_m: f64, places_deg: &[(f64, f64)], rest: &str) -> Device {
    let caps: String = places_deg
        .iter()
        .enumerate()
        .map(|(i, (azimuth, elevation))| {
            let [x, y, z] = crate::acoustics::vector::direction(*azimuth, *elevation).map(|v| v * radius_m);
            format!(
                "[[driver]]\nname = \"d{i}\"\nchannel = {i}\nposition_m = [{x:.6}, {y:.6}, {z:.6}]\nradius_m = 0.02\n"
            )
        })
        .collect();
    let text = format!(
        "format = 1\n[device]\nname = \"test\"\n[enclosure]\nmodel = \"rigid-sphere\"\nradius_m = {radius_m}\n{caps}{rest}"
    );
    Device::from_source(&Source::new(Path::new("test.toml"), text)).unwrap_or_else(|error| panic!("{error}"))
}

/// What L = R makes at the two ears: the lag between them in µs and the level against that of L and R in step, dB,
/// in an octave.
fn middle(device: &Device, made: &Design, center_hz: f64) -> (f64, f64) {
    let bins = Bins { length: 4096, sample_rate_hz: f64::from(device.sample_rate_hz) };
    let responses = made.filters.responses(bins);
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let (mut cross, mut sum, mut in_step) = (Complex::ZERO, 0.0, 0.0);
    for bin in octave(bins, center_hz) {
        let ears = transfer::to_ears(&device.drivers, &device.listener.head, &listener, bins.frequency_hz(bin));
        let heard = |input: usize, ear: usize| -> Complex {
            ears[ear].iter().zip(&responses[input]).map(|(c, h)| c * h[bin]).sum()
        };
        let [left, right] = [0, 1].map(|ear| heard(0, ear) + heard(1, ear));
        cross += left.conj() * right;
        sum += left.norm_sqr();
        in_step += (heard(0, 0).norm() + heard(1, 0).norm()).powi(2);
    }
    (cross.arg().abs() / (std::f64::consts::TAU * center_hz) * 1e6, 10.0 * (sum / in_step).log10())
}

#[test]
fn what_unlike_sides_share_comes_from_the_middle() {
    let alone = "[virtualization]\nenabled = false\n";
    let devices = [
        free_field(&[("0.03, 0.14, 0.02", ""), ("0.0, -0.05, 0.0", "")], alone),
        free_field(&[("0.0, 0.1, 0.0", ""), ("0.0, -0.1, 0.0", "gain_db = 4.0\ndelay_us = 180.0")], alone),
        free_field(&[("0.0, 0.1, 0.0", "polarity = -1"), ("0.0, -0.1, 0.0", "")], alone),
        sphere(0.08, &[(110.0, 0.0), (-70.0, 10.0), (10.0, 20.0)], alone),
    ];
    for (index, device) in devices.iter().enumerate() {
        let made = design(device, &|_| ());
        for center_hz in [500.0, 1000.0, 2000.0] {
            let (lag_us, loss_db) = middle(device, &made, center_hz);
            // 25 µs are 3° of azimuth; L and R alike but 90° apart would lose 3 dB.
            assert!(lag_us < 25.0 && loss_db > -1.0, "device {index}, {center_hz} Hz: {lag_us:.0} µs, {loss_db:.1} dB");
        }
        let alignment = &made.figures.alignment;
        assert!(
            alignment.largest_loss_db < 0.5 && alignment.group_delay_difference_us < 100.0,
            "device {index}: {alignment:?}"
        );
    }
}

#[test]
fn a_cabinet_that_shadows_its_drivers_is_named() {
    let device = sphere(0.09, &[(90.0, 0.0), (-90.0, 0.0)], "[virtualization]\nenabled = false\n");
    let made = design(&device, &|_| ());
    within("left", &made.figures.tones.left, 1.6, 3.0);
    within("center", &made.figures.tones.center, 0.7, 1.5);
    // Drivers that have to shout past the cabinet have large peaks: the make-up gain ends where the limiter would take
    // more than it may, and the loudness that is missing is printed.
    let levels = &made.figures.levels;
    assert!(levels.loudness_re_downmix_db.abs() <= 7.5, "{levels:?}");
    assert!(levels.headroom.as_ref().is_some_and(|headroom| headroom.mean_reduction_db <= 2.0), "{levels:?}");
    let named = |what: &str| made.notes.iter().any(|note| note.starts_with(what) && note.contains("8000 Hz"));
    assert!(named("effort at") && named("the center's effort"), "{:?}", made.notes);
    // Above the octave at 8 kHz nothing gets louder.
    let bins = Bins { length: 4096, sample_rate_hz: 48_000.0 };
    for filters in made.filters.responses(bins) {
        let largest = |low_hz: f64, high_hz: f64| {
            filters
                .iter()
                .flat_map(|h| h.iter().enumerate())
                .filter(|(bin, _)| (low_hz..high_hz).contains(&bins.frequency_hz(*bin)))
                .map(|(_, h)| 20.0 * h.norm().log10())
                .fold(f64::NEG_INFINITY, f64::max)
        };
        assert!(largest(12_000.0, 24_000.0) <= largest(100.0, 12_000.0) + 0.5);
    }
}

#[test]
fn nulls_on_one_side_hold_and_leave_the_beam_in_front() {
    let places: Vec<String> = (0..5).map(|i| format!("0.0, {:.2}, 0.0", 0.06 * (2.0 - f64::from(i)))).collect();
    let drivers: Vec<(&str, &str)> =
        places.iter().map(|p| (p.as_str(), "directivity = \"piston\"\nradius_m = 0.02")).collect();
    let made = design(&free_field(&drivers, "[beam]\nnull_deg = [60.0]\nnull_db = 30.0\n"), &|_| ());
    let beam = &made.figures.beam;
    let at = |azimuth: f64| beam.polar_db[beam.azimuths_deg.iter().position(|a| *a == azimuth).unwrap()];
    let octave = OCTAVES_HZ.iter().position(|hz| *hz == 1000.0).unwrap();
    assert!(at(60.0)[octave] < -8.0, "{:?}", at(60.0));
    for azimuth in [-60.0, -45.0, -30.0, -15.0, 15.0, 30.0] {
        assert!(at(azimuth)[octave] < 1.2, "{azimuth}°: {:?}", at(azimuth));
    }
    assert!(made.notes.iter().any(|note| note.contains("instead of 30")), "{:?}", made.notes);
}

#[test]
fn woofers_and_tweeters_play_where_the_array_does_not() {
    let cross = |other: &str, hz: f64| {
        format!("[[crossover]]\nbetween = [\"{other}\", \"array\"]\nfrequency_hz = {hz:.1}\nkind = \"lr4\"\n")
    };
    let drivers = [
        ("0.0, 0.1, 0.0", "band_hz = [180.0, 7000.0]"),
        ("0.0, -0.1, 0.0", "band_hz = [180.0, 7000.0]"),
        ("0.0, 0.02, -0.1", "band_hz = [35.0, 800.0]\nroles = [\"woofer\"]"),
        ("0.02, 0.0, 0.03", "band_hz = [2000.0, 20000.0]\nroles = [\"tweeter\"]"),
    ];
    for form in ["full", "rtf"] {
        let rest = format!("form = \"{form}\"\n{}{}", cross("woofer", 250.0), cross("tweeter", 4500.0));
        let device = free_field(&drivers, &rest.replace("taps = 256", "taps = 512"));
        let made = design(&device, &|_| ());
        within(form, &made.figures.tones.left, 1.6, 3.0);
        within(form, &made.figures.tones.center, 1.0, 2.5);
        // The whole band on axis, in octaves, with what the equalizers take.
        let bins = Bins { length: 4096, sample_rate_hz: 48_000.0 };
        let center = &made.filters.responses(bins)[2];
        let levels_db: Vec<f64> = [63.0, 125.0, 1000.0, 11_000.0, 14_000.0]
            .iter()
            .map(|center_hz| {
                let octave = octave(bins, *center_hz);
                let count = octave.len() as f64;
                let energy = octave.map(|bin| {
                    let point = [device.listener.distance_m, 0.0, 0.0];
                    let axis = transfer::to_point(&device.drivers, point, bins.frequency_hz(bin));
                    axis.iter().zip(center).map(|(c, h)| c * h[bin]).sum::<Complex>().norm_sqr()
                });
                10.0 * (energy.sum::<f64>() / count).log10()
            })
            .collect();
        for level_db in &levels_db {
            assert!((level_db - levels_db[2]).abs() < 2.5, "{form}: {levels_db:?}");
        }
    }
}

#[test]
fn a_side_in_antiphase_shows_in_the_paths_sum() {
    let device = free_field(&[("0.0, 0.1, 0.0", ""), ("0.0, -0.1, 0.0", "")], "");
    let made = design(&device, &|_| ());
    let mut wrong = made.filters.clone();
    wrong.firs[wrong.drivers..2 * wrong.drivers].iter_mut().flatten().for_each(|tap| *tap = -*tap);
    let figures = evaluate(&device, &wrong);
    assert!(made.figures.alignment.largest_loss_db < 0.5 && figures.alignment.largest_loss_db > 6.0);
    assert!(figures.tones.both.max_db > made.figures.tones.both.max_db + 6.0);
    let said = shortfalls(&device, &figures, Lowered::default());
    assert!(said.iter().any(|note| note.starts_with("the center adds to left and right")), "{said:?}");
}

#[test]
fn the_rtf_form_s_early_energy_is_that_of_what_is_played() {
    let sides = [("0.0, 0.1, 0.0", ""), ("0.0, -0.1, 0.0", ""), ("0.02, 0.0, 0.03", "")];
    let device = free_field(&sides, "form = \"rtf\"\n");
    let made = design(&device, &|_| ());
    let played = FilterSet::from_chain_spec(&folder::profile(&device, &made).expect("a profile").chain_spec());
    let again = evaluate(&device, &played).early_energy_db;
    for (designed, again) in made.figures.early_energy_db.iter().flatten().zip(again.iter().flatten()) {
        assert!((designed - again).abs() < 0.1, "{designed} and {again} dB");
    }
}

#[test]
fn a_tweeter_that_fires_past_the_listener_is_not_driven_into_its_null() {
    let cross = "[[crossover]]\nbetween = [\"array\", \"tweeter\"]\nfrequency_hz = 4000.0\nkind = \"lr4\"\n";
    let up = "axis_deg = { azimuth = 0.0, elevation = 90.0 }\nradius_m = 0.02\ndirectivity = \"piston\"\nband_hz = [2000.0, 20000.0]\nroles = [\"tweeter\"]";
    let device = free_field(&[("0.0, 0.1, 0.0", ""), ("0.0, -0.1, 0.0", ""), ("0.0, 0.0, 0.05", up)], cross);
    let made = design(&device, &|_| ());
    // Into its null at 10 kHz it would take 43 and 56 dB more than the array, whose gains the limit of power keeps low.
    for (input, bound_db) in made.figures.peak_gain_db.iter().zip([40.0, 40.0, 50.0]) {
        let gain_db = input[2] - input[0].max(input[1]);
        assert!(gain_db < bound_db, "{gain_db} dB");
    }
}

/// Two drivers with a band each and others beside them, crossed over at so many Hz.
fn mids(band_hz: [f64; 2], others: &[(&str, &str)], form: &str) -> Device {
    let band = format!("band_hz = [{:.1}, {:.1}]", band_hz[0], band_hz[1]);
    let mut drivers = vec![("0.0, 0.08, 0.0", band.as_str()), ("0.0, -0.08, 0.0", band.as_str())];
    let mut rest = format!("form = \"{form}\"\n");
    for (role, hz) in others {
        let (low_hz, high_hz, place) =
            if *role == "woofer" { (40.0, 1200.0, "0.0, 0.0, -0.1") } else { (1500.0, 20_000.0, "0.0, 0.0, 0.04") };
        let keys = format!("band_hz = [{low_hz:.1}, {high_hz:.1}]\nroles = [\"{role}\"]");
        drivers.push((place, Box::leak(keys.into_boxed_str())));
        rest += &format!("[[crossover]]\nbetween = [\"{role}\", \"array\"]\nfrequency_hz = {hz}\nkind = \"lr4\"\n");
    }
    free_field(&drivers, &rest)
}

#[test]
fn an_array_of_less_than_the_whole_band_has_its_center_raised_and_its_tone_leveled() {
    let whole = design(&mids([180.0, 20_000.0], &[], "full"), &|_| ());
    let below = design(&mids([180.0, 5000.0], &[("tweeter", "3500.0")], "full"), &|_| ());
    let above = design(&mids([400.0, 20_000.0], &[("woofer", "500.0")], "full"), &|_| ());
    for (name, made) in [("whole", &whole), ("below", &below), ("above", &above)] {
        let room = &made.figures.room;
        // As much above the real pair in the room as below it in the direct sound, but for what the mono drivers do.
        let off_db = room.sides_re_center_db + room.direct_sides_re_center_db;
        let raised_db = made.figures.levels.center_re_phantom_db;
        assert!(off_db.abs() < 1.2 && raised_db > 2.0, "{name}: {raised_db} dB, {room:?}");
        let note = made.notes.iter().find(|note| note.starts_with("in the room the sides are"));
        assert!(note.is_none() || room.direct_sides_re_center_db < -4.5, "{name}: {note:?}");
    }
    let [wanted, got] = [&whole, &below].map(|made| &made.figures.room);
    assert!(got.tone_rms_db < wanted.tone_rms_db + 0.3 && got.tone_hump_db < wanted.tone_hump_db + 0.6, "{got:?}");
}

#[test]
fn the_worse_side_is_printed_whichever_it_is() {
    let [left, right] = [90.0, -90.0].map(|azimuth| design(&sphere(0.09, &[(azimuth, 0.0), (0.0, 0.0)], ""), &|_| ()));
    let figures = [&left.figures, &right.figures];
    for octave in 0..6 {
        let near = |what: &str, of: &dyn Fn(&super::Figures) -> f64| {
            let [a, b] = figures.map(of);
            assert!((a - b).abs() < 0.1, "{what}, octave {octave}: {a} and {b}");
        };
        near("effort", &|f| f.effort_db[octave]);
        near("power", &|f| f.radiated_power_db[octave]);
        near("ILD", &|f| f.interaural_level_db.device[octave]);
    }
    let mirrored = |note: &String| note.replace("left", "other").replace("right", "left").replace("other", "right");
    assert_eq!(left.notes, right.notes.iter().map(mirrored).collect::<Vec<_>>());
    assert!(left.notes.iter().any(|note| note.starts_with("ITD of the right program at 500 Hz")), "{:?}", left.notes);
}

#[test]
fn either_ear_of_a_measured_head_has_its_own_loudspeaker_for_its_reference() {
    for subject in ["subject_003", "subject_020"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../shared/data/heads/{subject}.sofa"));
        if !path.exists() {
            println!("skipped: no measured head at {}", path.display());
            return;
        }
        let head = format!("head = \"{}\"", path.display());
        let device = variant("pair", &[("head = \"sphere\"", &head), ("enabled = true", "enabled = false")]);
        let made = design(&device, &|_| ());
        let bins = Bins { length: 16_384, sample_rate_hz: 48_000.0 };
        let (responses, head) = (made.filters.responses(bins), &device.listener.head);
        let grid = EarGrid::new(&device.drivers, head, &Listener::at([2.0, 0.0, 0.0]), bins);
        let figures = [made.figures.tones.left, made.figures.tones.right];
        for (ear, azimuth_deg) in [30.0, -30.0].into_iter().enumerate() {
            let heard = grid.heard(ear, &responses[ear]);
            let reference = |azimuth_deg: f64, ear: usize| ideal(bins, head, azimuth_deg, 2.0)[ear].clone();
            let own = tone(bins, &heard, &reference(azimuth_deg, ear));
            println!(
                "{subject}, ear {ear}: {own:?}, re the other {:?}",
                tone(bins, &heard, &reference(-azimuth_deg, 1 - ear))
            );
            within(&format!("{subject}, ear {ear}"), &own, 1.6, 3.0);
            assert!((own.rms_db - figures[ear].rms_db).abs() < 0.01, "{subject}, ear {ear}: {own:?}, not {figures:?}");
        }
    }
}

#[test]
fn treble_on_the_wrong_side_is_named_where_the_window_reaches_only() {
    let said_with = |window_m: f64| {
        let window = format!("window_m = {window_m}");
        let device = variant("pair", &[("window_m = 0.05", &window)]);
        let (_, made) = super::tests::SHIPPED.iter().find(|(device, _)| device.name == "pair").expect("shipped");
        let mut figures = made.figures.clone();
        figures.room.sides_re_center_db = -6.0;
        figures.room.apparent.iter_mut().for_each(|seen| seen.right.by_level_deg = 5.0);
        shortfalls(&device, &figures, Lowered::default())
    };
    for (window_m, places) in [
        (0.02, &["design point"][..]),
        (0.04, &["design point", "10 cm to the left"]),
        (0.05, &["design point", "10 cm to the left", "15 cm to the left"]),
    ] {
        let said = said_with(window_m);
        let named: Vec<&str> =
            said.iter().filter_map(|note| note.split_once(": the treble of a side")).map(|(place, _)| place).collect();
        assert_eq!(named, places, "{window_m} m: {said:?}");
        assert!(!said.iter().any(|note| note.contains("radiate into it what the center keeps")), "{said:?}");
    }
}
