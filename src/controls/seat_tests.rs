//! Whether an aimed profile is as good in a seat as one that was designed for it.

use super::tests::{of, shipped};
use super::*;
use crate::acoustics::Listener;
use crate::acoustics::radiator::Model;
use crate::config::Seat;
use crate::design::people::{Person, people};
use crate::design::seat::{SeatFigures, at};
use crate::design::{Device, FilterSet, design, folder};
use crate::source::Source;

fn device(name: &str, changes: &[(&str, &str)]) -> Device {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/devices").join(format!("{name}.toml"));
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no `{from}`");
        text = text.replace(from, to);
    }
    Device::from_source(&Source::new(&path, text)).unwrap()
}

/// The device as it stands to a listener in the seat: turned, and so far away.
fn seen_from(device: &Device, seat: Seat) -> Device {
    let (sin, cos) = (-seat.azimuth_deg.to_radians()).sin_cos();
    let turn = |[x, y, z]: [f64; 3]| [x * cos - y * sin, x * sin + y * cos, z];
    let mut turned = device.clone();
    turned.listener.distance_m = seat.distance_m.unwrap();
    for driver in &mut turned.drivers {
        driver.position = turn(driver.position);
        match &mut driver.radiator.model {
            Model::Monopole { position } => *position = turn(*position),
            Model::Piston { position, axis, .. } => (*position, *axis) = (turn(*position), turn(*axis)),
            Model::Cap { axis, .. } => *axis = turn(*axis),
        }
    }
    turned
}

fn aimed(profile: &Profile, aim: &Aim) -> SeatFigures {
    let spec = chain_spec(profile, Some(aim), &of(&[])).unwrap();
    at(aim.device(), &FilterSet::from_chain_spec(&spec), &aim.listener())
}

#[test]
fn an_aimed_profile_is_as_good_as_a_fresh_design() {
    for name in ["pair-wide", "cylinder-wide", "bar-wide"] {
        let device = device(name, &[("enabled = true", "enabled = false")]);
        let profile = folder::profile(&device, &design(&device, &|_| ())).unwrap();
        let home = at(&device, &FilterSet::from_chain_spec(&profile.chain_spec()), &Listener::at([2.0, 0.0, 0.0]));
        for place in ["5,2", "10,2", "20,2", "-20,1", "0,1", "10,1.5", "0,3", "20,3"] {
            let seat: Seat = place.parse().unwrap();
            let here = aimed(&profile, &Aim::new(device.clone(), seat).unwrap());
            let turned = seen_from(&device, seat);
            let fresh = design(&turned, &|_| ());
            let fresh = at(&turned, &fresh.filters, &Listener::at([turned.listener.distance_m, 0.0, 0.0]));
            println!(
                "{name}, {place}: {:.1?}, fresh {:.1?}, {:?}, {:?}",
                here.xtc_db, fresh.xtc_db, here.left, here.center
            );
            // 1, 2 and 4 kHz.
            for octave in 2..5 {
                let wanted = fresh.xtc_db[octave] - 1.0;
                assert!(here.xtc_db[octave] >= wanted, "{name}, {place}, octave {octave}: {here:?}, not {fresh:?}");
            }
            for (tone, before) in [(here.left, home.left), (here.right, home.right), (here.center, home.center)] {
                assert!(
                    tone.rms_db <= before.rms_db + 0.3 && tone.max_db <= before.max_db + 0.5,
                    "{name}, {place}: {here:?}"
                );
            }
            assert!((here.level_db - home.level_db).abs() < 0.5, "{name}, {place}: {here:?}, not {home:?}");
            assert!((here.center_level_db - home.center_level_db).abs() < 1.0, "{name}, {place}: {here:?}");
        }
    }
}

#[test]
fn a_shipped_profile_keeps_its_image_in_another_seat() {
    for name in ["pair", "cylinder", "bar-room"] {
        let profile = shipped(name);
        let aim = Aim::load(&profile, "-14,1.3".parse().unwrap()).unwrap();
        let before = FilterSet::from_chain_spec(&profile.chain_spec());
        let here = aimed(&profile, &aim);
        let left = at(aim.device(), &before, &aim.listener());
        let before = at(aim.device(), &before, &Listener::at([2.0, 0.0, 0.0]));
        let off = |figures: &SeatFigures| {
            (1..5).map(|octave| (figures.xtc_db[octave] - before.xtc_db[octave]).abs()).fold(0.0, f64::max)
        };
        println!("{name}: {:.2} dB, not aimed {:.2}", off(&here), off(&left));
        assert!(off(&here) < 1.0, "{name}: {here:?}, not {before:?}");
        assert!(off(&left) > off(&here), "{name}: {left:?}");
        assert!(here.left.rms_db < before.left.rms_db + 0.3, "{name}: {here:?}, not {before:?}");
    }
}

#[test]
fn a_profile_without_its_description_says_what_is_missing() {
    let profile = Profile { folder: "/nowhere".into(), ..shipped("pair") };
    let error = Aim::load(&profile, "10".parse().unwrap()).unwrap_err().to_string();
    assert!(error.contains("no device.toml") && error.contains("/nowhere"), "{error}");
    let error = Aim::load(&shipped("pair"), "10,0.2".parse().unwrap()).unwrap_err().to_string();
    assert_eq!(error, "a seat at 0.2 m is inside pair or touches it; use 0.26 to 6 m");
}

#[test]
fn sixteen_unlike_drivers_keep_their_image_in_another_seat() {
    let mut text = "format = 1\n[device]\nname = \"long\"\n[enclosure]\nmodel = \"baffled\"\n".to_owned();
    for index in 0..16 {
        // Off the middle, and not all in a row.
        let (left_m, up_m) = (0.05 * (f64::from(index) - 7.3), 0.01 * f64::from(index % 3));
        text += &format!(
            "[[driver]]\nname = \"d{index}\"\nchannel = {index}\nposition_m = [0.0, {left_m}, {up_m}]\nradius_m = 0.02\ndirectivity = \"piston\"\nband_hz = [150.0, 20000.0]\n"
        );
    }
    let device = Device::from_source(&Source::new(std::path::Path::new("long.toml"), text)).unwrap();
    let profile = folder::profile(&device, &design(&device, &|_| ())).unwrap();
    let home = at(&device, &FilterSet::from_chain_spec(&profile.chain_spec()), &Listener::at([2.0, 0.0, 0.0]));
    for place in ["-14,1.3", "20,3"] {
        let here = aimed(&profile, &Aim::new(device.clone(), place.parse().unwrap()).unwrap());
        for octave in 0..6 {
            assert!((here.xtc_db[octave] - home.xtc_db[octave]).abs() < 0.5, "{place}: {here:?}, not {home:?}");
        }
        assert!(here.left.rms_db < home.left.rms_db + 0.3 && here.center.rms_db < home.center.rms_db + 0.3, "{here:?}");
    }
}

#[test]
fn a_head_that_is_not_straight_ahead_finds_its_seat() {
    let text = "format = 1\n[device]\nname = \"pair\"\n[enclosure]\nmodel = \"free-field\"\n\
        [[driver]]\nname = \"l\"\nchannel = 0\nposition_m = [0.0, 0.08, 0.0]\n\
        [[driver]]\nname = \"r\"\nchannel = 1\nposition_m = [0.0, -0.08, 0.0]\n\
        [virtualization]\nenabled = false\n[filters]\ntaps = 256\n";
    let mut device = Device::from_source(&Source::new(std::path::Path::new("pair.toml"), text.to_owned())).unwrap();
    let profile = folder::profile(&device, &design(&device, &|_| ())).unwrap();
    // As it is for who sits 2.5° to the left: the right driver is later.
    device.drivers[1].delay_us = 0.16 * 2.5f64.to_radians().sin() / 343.0 * 1e6;
    let model = Person { name: "model".to_owned(), head: device.listener.head.clone() };
    let figures = people(&device, &seated(&profile, &device).unwrap(), &[model], &|_| ());
    assert!((figures.heads[0].seat_deg - 2.5).abs() <= 0.5, "{}", figures.heads[0].seat_deg);
    let (sits, best) = (&figures.as_they_sit.median.xtc_db, &figures.best_seat.median.xtc_db);
    // The window widens with frequency, so that less is lost off the seat than the 6 dB of a narrow one.
    assert!(best[3] > sits[3] + 4.0, "{sits:?} {best:?}");
}

#[test]
fn a_driver_whose_converter_is_late_keeps_its_image_in_another_seat() {
    let made = |delay_us: f64| {
        let late = format!("name = \"right\"\ndelay_us = {delay_us:.1}");
        let device = device("pair-wide", &[("enabled = true", "enabled = false"), ("name = \"right\"", &late)]);
        let profile = folder::profile(&device, &design(&device, &|_| ())).unwrap();
        let home = at(&device, &FilterSet::from_chain_spec(&profile.chain_spec()), &Listener::at([2.0, 0.0, 0.0]));
        (home, aimed(&profile, &Aim::new(device.clone(), "-14,1.3".parse().unwrap()).unwrap()))
    };
    let pair = made(0.0);
    for delay_us in [-130.0, 4987.0] {
        let late = made(delay_us);
        println!("{delay_us} µs: {late:?}, not {pair:?}");
        for octave in 0..6 {
            for (was, is) in [(&pair.0, &late.0), (&pair.1, &late.1)] {
                let (was, is) = (was.xtc_db[octave], is.xtc_db[octave]);
                assert!((is - was).abs() < 0.3, "{delay_us} µs, octave {octave}: {is} dB, not {was}");
            }
        }
    }
}
