//! Real SOFA files, made by `tests/fixtures/make_sofa.py` from the very models the designer has.

use std::path::PathBuf;

use super::*;
use crate::acoustics::measured_head::MeasuredHead;
use crate::acoustics::vector::{direction, scale};
use crate::acoustics::{Complex, Head, Listener, Model, Radiator, wave_number};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Level in dB and phase in rad of a over b.
fn difference(a: Complex, b: Complex) -> (f64, f64) {
    (20.0 * (a.norm() / b.norm()).log10(), (a / b).arg())
}

#[test]
fn a_head_from_a_file_hears_like_the_sphere_it_was_made_of() {
    let measured = Head::Measured(MeasuredHead::from_sofa(&fixture("head.sofa"), 0.0875).unwrap());
    let sphere = Head::Sphere { radius_m: 0.0875 };
    let listener = Listener::at([1.5, 0.0, 0.0]);
    // On a measured direction, and between two.
    for (azimuth, level_db, phase) in [(30.0, 0.3, 0.06), (-90.0, 0.3, 0.06), (25.0, 0.8, 0.25)] {
        let away = direction(azimuth, 0.0);
        let source = Radiator::new(Model::Monopole { position: [1.5 - 1.5 * away[0], 1.5 * away[1], 0.0] });
        for f in [500.0, 1000.0, 2000.0, 4000.0] {
            let (got, expected) =
                (measured.ears(wave_number(f), &source, &listener), sphere.ears(wave_number(f), &source, &listener));
            for ear in 0..2 {
                let (db, rad) = difference(got[ear], expected[ear]);
                // The far ear of a source at 90° is a sum of many ways around the head.
                let loose = if azimuth == -90.0 && ear == 0 { 2.0 } else { 1.0 };
                assert!(
                    db.abs() < loose * level_db && rad.abs() < loose * phase,
                    "{azimuth}°, {f} Hz, ear {ear}: {db} dB, {rad} rad"
                );
            }
        }
    }
}

#[test]
fn a_driver_from_a_file_has_its_sides_as_the_listener_sees_them() {
    let model = Radiator::new(Model::cap([0.0, 1.0, 0.0], 0.09, 0.02));
    let mut file = model.clone();
    file.measured = Some(MeasuredDriver::from_sofa(&fixture("driver.sofa")).unwrap());
    for azimuth in [90.0, 45.0, 0.0, -60.0] {
        for (f, distance) in [(500.0, 2.0), (2000.0, 2.0), (2000.0, 3.0)] {
            let point = scale(direction(azimuth, 0.0), distance);
            let k = wave_number(f);
            let (db, rad) = difference(file.pressure(k, point), model.pressure(k, point));
            assert!(db.abs() < 0.3 && rad.abs() < 0.1, "{azimuth}°, {f} Hz, {distance} m: {db} dB, {rad} rad");
        }
    }
}

#[test]
fn a_file_that_cannot_serve_says_why() {
    let says = |error: MeasurementError, text: &str| assert!(error.to_string().contains(text), "{error}");
    says(MeasuredHead::from_sofa(&fixture("driver.sofa"), 0.09).unwrap_err(), "has 1 receivers; a head has two ears");
    says(MeasuredDriver::from_sofa(&fixture("head.sofa")).unwrap_err(), "36 measurements of 2 receivers");
    says(MeasuredHead::from_sofa(&fixture("chirp.flac"), 0.09).unwrap_err(), "expected a SOFA file");
    says(MeasuredHead::from_sofa(&fixture("none.sofa"), 0.09).unwrap_err(), "cannot be read");
    // What a parser stumbled over is nobody's remedy.
    let whole = std::fs::read(fixture("head.sofa")).unwrap();
    let cut = tempfile::NamedTempFile::with_suffix(".sofa").unwrap();
    for bytes in [&b"no SOFA file at all"[..], &whole[..100], &whole[..whole.len() / 2]] {
        std::fs::write(cut.path(), bytes).unwrap();
        let error = MeasuredHead::from_sofa(cut.path(), 0.09).unwrap_err().to_string();
        assert!(!error.contains("rror") && !error.contains('{'), "{error}");
    }
}
