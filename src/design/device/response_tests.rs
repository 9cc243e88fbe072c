use std::path::Path;

use super::*;
use crate::acoustics::{Complex, Radiator, wave_number};
use crate::design::{Device, design};

const CYLINDER: &str = include_str!("../../../conf/devices/cylinder.toml");
const LENGTH: usize = 1024;

fn described(folder: &Path, text: String) -> Result<Device, String> {
    Device::from_source(&Source::new(&folder.join("device.toml"), text))
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.display()), "").replace("device.toml:", ""))
}

/// Writes the response of a driver at a point, as a measurement would find it.
fn measure(path: &Path, driver: &Radiator, point: Vec3, rate: u32) {
    let mut spectrum = vec![Complex::from(1.0 / norm(point))];
    spectrum.extend(
        (1..=LENGTH / 2).map(|bin| driver.pressure(wave_number(bin as f64 * f64::from(rate) / LENGTH as f64), point)),
    );
    spectrum.extend((1..LENGTH / 2).rev().map(|bin| spectrum[bin].conj()).collect::<Vec<_>>());
    rustfft::FftPlanner::new().plan_fft_inverse(LENGTH).process(&mut spectrum);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    spectrum.iter().for_each(|v| writer.write_sample((v.re / LENGTH as f64) as f32).unwrap());
    writer.finalize().unwrap();
}

/// The cylinder with drivers of `radius_m`. In mode `room` its sides give up no power for their balance with the center: how
/// much they do depends steeply on the center's directivity index, and would hide what is compared here.
fn cylinder(radius_m: f64) -> String {
    CYLINDER.replace("radius_m = 0.02\n", &format!("radius_m = {radius_m}\n")).replace("\"balanced\"", "\"room\"")
}

#[test]
fn drivers_measured_at_points_are_those_drivers_whatever_their_model_says() {
    let folder = tempfile::tempdir().unwrap();
    let truth = described(folder.path(), cylinder(0.03)).unwrap();
    let wrong = described(folder.path(), cylinder(0.02)).unwrap();
    // Every 15° in the horizontal plane at 1 m; another rate for each driver.
    let mut text = cylinder(0.02);
    for (driver, rate) in truth.drivers.iter().zip([48_000, 44_100, 96_000]) {
        let list: Vec<String> = (-11..=12)
            .map(|i| {
                let (azimuth, file) = (15 * i, format!("{}{i}.wav", driver.name));
                measure(&folder.path().join(&file), &driver.radiator, direction(f64::from(azimuth), 0.0), rate);
                format!("{{ file = \"{file}\", azimuth_deg = {azimuth}, distance_m = 1 }}")
            })
            .collect();
        let name = format!("name = \"{}\"\n", driver.name);
        text = text.replace(&name, &format!("{name}response = [{}]\n", list.join(", ")));
    }
    let measured = described(folder.path(), text.clone()).unwrap();
    let right_too = described(folder.path(), text.replace("radius_m = 0.02\n", "radius_m = 0.03\n")).unwrap();
    let [truth, wrong, measured, right_too] =
        [truth, wrong, measured, right_too].map(|device| design(&device, &|_| ()).figures);
    let differences = |figures: &crate::design::Figures| {
        let mut largest = [0.0f64; 3];
        let mut note = |kind: usize, a: &[f64], b: &[f64]| {
            a.iter().zip(b).for_each(|(a, b)| largest[kind] = largest[kind].max((a - b).abs()));
        };
        truth.crosstalk.iter().zip(&figures.crosstalk).for_each(|(a, b)| note(0, &a.xtc_db, &b.xtc_db));
        for (a, b) in truth.beam.polar_db.iter().zip(&figures.beam.polar_db) {
            // Of a null, its depth says little.
            (0..6).filter(|o| a[*o] > -20.0).for_each(|o| note(1, &a[o..=o], &b[o..=o]));
        }
        note(2, &truth.beam.directivity_index_db, &figures.beam.directivity_index_db);
        note(2, &truth.radiated_power_db, &figures.radiated_power_db);
        note(2, &truth.effort_db, &figures.effort_db);
        largest
    };
    let (with, without, both) = (differences(&measured), differences(&wrong), differences(&right_too));
    // XTC (the largest is 20 dB); beam by azimuth; directivity index, power and effort, dB.
    with.iter().zip([1.0, 0.4, 0.4]).for_each(|(got, most)| assert!(*got < most, "{with:?}"));
    // Where the model is right as well, only the length of the responses tells.
    both.iter().for_each(|got| assert!(*got < 0.2, "{both:?}"));
    without
        .iter()
        .zip([0.3, 0.6, 0.6])
        .for_each(|(got, least)| assert!(*got > least, "the test says nothing: {without:?}"));
}

#[test]
fn a_list_of_responses_that_cannot_serve_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let pair = described(folder.path(), include_str!("../../../conf/devices/pair.toml").to_owned()).unwrap();
    for (file, rate) in [("a.wav", 48_000), ("b.wav", 44_100)] {
        measure(&folder.path().join(file), &pair.drivers[0].radiator, [1.0, 0.0, 0.0], rate);
    }
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut nan = hound::WavWriter::create(folder.path().join("nan.wav"), spec).unwrap();
    nan.write_sample(f32::NAN).unwrap();
    nan.finalize().unwrap();
    let said = |list: &str| {
        let text = CYLINDER.replacen("roles = [\"array\"]", &format!("response = {list}"), 1);
        described(folder.path(), text).map_or_else(|error| error, |_| "accepted".to_owned())
    };
    let at =
        |file: &str, azimuth: &str, more: &str| format!("{{ file = \"{file}\", azimuth_deg = {azimuth}, {more} }}");
    let (first, far) = (at("a.wav", "0", "distance_m = 1"), "distance_m = 1.0");
    assert_eq!(
        said(&format!(
            "[{first}, {}, {}]",
            at("b.wav", "30.0", far),
            at("b.wav", "30", "elevation_deg = 20.0, distance_m = 1")
        )),
        "accepted"
    );
    #[rustfmt::skip]
    let table = [
        ("[]".to_owned(), "21:12: the response of driver `left` lists no measurement; add { file, azimuth_deg, distance_m } or leave response out"),
        (format!("[{first}, {}]", at("b.wav", "0.2", far)), "21:66: driver `left` is measured at this point twice, also by measurement 1; keep one of the two"),
        (format!("[{}]", at("none.wav", "0", far)), "21:22: none.wav: cannot be read: no such file or directory; check the name; expected a WAV file with the impulse response in its first channel"),
        (format!("[{}]", at("nan.wav", "0", far)), "21:22: nan.wav: sample 0 is not a finite number; export the response again"),
        (format!("[{}]", at("a.wav", "nan", far)), "21:45: the azimuth of a response of driver `left` is NaN °; use -360 to 360 °"),
        (format!("[{}]", at("a.wav", "0", "distance_m = 0.12")), "21:61: the microphone at 0.12 m from the device's center is in driver `left`, its sphere or right before them; measure 0.05 m or more away from them"),
        (format!("[{}]", at("a.wav", "0", "distance_m = -1")), "21:61: the distance of a response of driver `left` is -1 m; use 0.05 to 20 m"),
        (format!("[{}]", at("a.sofa", "0", far)), "21:22: a list takes WAV files, one a point; a SOFA file has its points in it: write response = \"NAME.sofa\""),
    ];
    for (list, expected) in table {
        assert_eq!(said(&list), expected, "{list}");
    }
    for (list, expected) in [
        (format!("[{}]", at("a.wav", "0", "distance = 1")), "unknown key `distance`; did you mean `distance_m`?"),
        ("[{ file = \"a.wav\", azimuth_deg = 0 }]".to_owned(), "distance_m"),
        ("[\"a.wav\"]".to_owned(), "21:13"),
        ("3".to_owned(), "the name of a file, or a list of { file, azimuth_deg, distance_m }"),
        (format!("[{}]", at("a.wav", "0", "distance_m = \"1 m\"")), "21:61"),
    ] {
        let said = said(&list);
        assert!(said.starts_with("21:") && said.contains(expected), "{list}: {said}");
    }
}
