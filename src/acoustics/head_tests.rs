use super::*;
use crate::acoustics::vector::direction;
use crate::acoustics::{Model, phasor, wave_number};

const HEAD: Head = Head::Sphere { radius_m: 0.0875 };

/// Ear pressures of a monopole at an azimuth (positive left) 2 m from a listener at [2, 0, 0].
fn ears(azimuth_deg: f64, frequency_hz: f64) -> [Complex; 2] {
    let away = direction(azimuth_deg, 0.0);
    let source = Radiator::new(Model::Monopole { position: [2.0 - 2.0 * away[0], 2.0 * away[1], 0.0] });
    HEAD.ears(wave_number(frequency_hz), &source, &Listener::at([2.0, 0.0, 0.0]))
}

#[test]
fn low_frequency_delay_is_three_a_over_c_times_sine() {
    for (azimuth, expected_us) in [(30.0, 383.0), (90.0, 765.0)] {
        let f = 20.0;
        let [left, right] = ears(azimuth, f);
        let delay_us = (left / right).arg() / (2.0 * std::f64::consts::PI * f) * 1e6;
        assert!((delay_us - expected_us).abs() < 3.0, "{azimuth}°: {delay_us} µs instead of {expected_us}");
    }
}

#[test]
fn the_ideal_pair_has_the_textbook_differences() {
    let table = [
        (250.0, 0.8, 398.0),
        (500.0, 2.3, 389.0),
        (1000.0, 5.1, 314.0),
        (2000.0, 5.4, 292.0),
        (4000.0, 7.0, 279.0),
        (8000.0, 8.7, 272.0),
    ];
    for (center_hz, level_db, delay_us) in table {
        let root2 = std::f64::consts::SQRT_2;
        let step_hz = 12_000.0 / 1024.0;
        let bins =
            (1..2048).map(|i| f64::from(i) * step_hz).filter(|f| (center_hz / root2..center_hz * root2).contains(f));
        let bins: Vec<(f64, [Complex; 2])> = bins.map(|f| (f, ears(30.0, f))).collect();
        let energy = |ear: usize| bins.iter().map(|(_, p)| p[ear].norm_sqr()).sum::<f64>();
        let got_db = 10.0 * (energy(0) / energy(1)).log10();
        assert!((got_db - level_db).abs() < 0.1, "{center_hz} Hz: ILD {got_db} instead of {level_db}");
        let correlation = |lag_s: f64| -> f64 {
            bins.iter().map(|(f, p)| (p[0].conj() * p[1] * phasor(2.0 * std::f64::consts::PI * f * lag_s)).re).sum()
        };
        let best =
            (-900..=900).max_by(|a, b| correlation(f64::from(*a) * 1e-6).total_cmp(&correlation(f64::from(*b) * 1e-6)));
        let got_us = f64::from(best.unwrap_or_default());
        assert!((got_us - delay_us).abs() < 2.0, "{center_hz} Hz: ITD {got_us} instead of {delay_us}");
    }
}

#[test]
fn cap_and_ear_are_reciprocal() {
    // The pressure at an ear from a small source on the device's sphere equals that at the device from a source at the
    // ear. Both go through one scatterer each here, so the two models meet: an ear at distance seen from the cap's
    // sphere, and a point of that sphere seen as a "head" from the ear.
    let (sphere_radius, distance) = (0.09, 2.0);
    for f in [200.0, 1000.0, 4000.0, 10_000.0] {
        for azimuth in [0.0, 40.0, 90.0, 150.0] {
            let k = wave_number(f);
            let cap = Radiator::new(Model::cap(direction(azimuth, 0.0), sphere_radius, 1e-4));
            let there = cap.pressure(k, [distance, 0.0, 0.0]);
            let source = Incident {
                pressure: phasor(-k * distance) / distance,
                propagation: [-1.0, 0.0, 0.0].map(Complex::from),
                distance_m: distance,
            };
            let series = SphereHeadSeries::new(k, sphere_radius, source.distance_m);
            let back = series.at(Complex::from(azimuth.to_radians().cos())) * source.pressure;
            assert!((there / back - 1.0).norm() < 0.005, "{f} Hz, {azimuth}°: {there} and {back}");
        }
    }
}

#[test]
fn a_cap_hears_like_the_monopole_at_its_acoustic_center() {
    // At low frequency a cap on a sphere acts as a monopole 1.5 R out along its axis (Vanderkooy, JAES 2006), near the
    // listener as well.
    let cap = Radiator::new(Model::cap([0.0, 1.0, 0.0], 0.09, 0.002));
    let monopole = Radiator::new(Model::Monopole { position: [0.0, 0.135, 0.0] });
    for (distance_m, frequency_hz) in
        [(0.3, 100.0), (0.5, 50.0), (0.5, 100.0), (1.0, 50.0), (1.0, 100.0), (2.0, 50.0), (20.0, 100.0)]
    {
        let (k, listener) = (wave_number(frequency_hz), Listener::at([distance_m, 0.0, 0.0]));
        let (a, b) = (HEAD.ears(k, &cap, &listener), HEAD.ears(k, &monopole, &listener));
        let delay = |p: [Complex; 2]| (p[0] / p[1]).arg();
        let level_db = |p: [Complex; 2]| 20.0 * (p[0] / p[1]).norm().log10();
        let place = format!("{distance_m} m, {frequency_hz} Hz");
        assert!((delay(a) / delay(b) - 1.0).abs() < 0.02, "{place}: {} and {}", delay(a), delay(b));
        assert!((level_db(a) - level_db(b)).abs() < 0.05, "{place}: {} and {}", level_db(a), level_db(b));
    }
}

#[test]
fn no_device_ear_or_distance_makes_a_cap_jump() {
    let mut largest = 0.0f64;
    for (sphere_m, radius_m, head_m, distance_m) in [
        (0.15, 0.005, 0.0875, 2.0),
        (0.09, 0.02, 0.0875, 2.0),
        (0.15, 0.02, 0.15, 0.5),
        (0.3, 0.005, 0.07, 1.0),
        (0.03, 0.01, 0.0875, 0.25),
        (1.0, 0.05, 0.0875, 1.2),
    ] {
        let head = Head::Sphere { radius_m: head_m };
        let listener = Listener { position: [distance_m, 0.03, 0.01], yaw_rad: 0.2 };
        for frequency_hz in [20.0, 300.0, 3000.0, 8000.0, 20_000.0] {
            let k = wave_number(frequency_hz);
            let ears = |turns: f64| {
                let cap = Radiator::new(Model::cap(direction(360.0 * turns, 0.0), sphere_m, radius_m));
                head.ears(k, &cap, &listener).map(|p| p * distance_m)
            };
            // All around in coarse steps, the shadow in fine ones.
            for step in (0..2048).step_by(64).chain(960..1088) {
                let (mut from, mut to) = (f64::from(step) / 2048.0, f64::from(step + 1) / 2048.0);
                let change = |from: f64, to: f64| {
                    let (a, b) = (ears(from), ears(to));
                    (a[0] - b[0]).norm().max((a[1] - b[1]).norm())
                };
                let place = format!("sphere {sphere_m}, head {head_m}, {distance_m} m, {frequency_hz} Hz, step {step}");
                ears(from).iter().for_each(|p| assert!(p.is_finite(), "{place}"));
                largest = largest.max(ears(from)[0].norm());
                // What is steep becomes small over small steps; a jump would not.
                for _ in 0..10 {
                    if change(from, to) < 0.05 {
                        break;
                    }
                    let middle = 0.5 * (from + to);
                    (from, to) = if change(from, middle) > change(middle, to) { (from, middle) } else { (middle, to) };
                }
                assert!(change(from, to) < 0.05, "{place}: {}", change(from, to));
            }
        }
    }
    assert!(largest < 20.0, "{largest}");
}

#[test]
fn a_near_source_is_louder_at_the_near_ear() {
    let near = Radiator::new(Model::Monopole { position: [2.0, 0.3, 0.0] });
    let far = Radiator::new(Model::Monopole { position: [2.0, 3.0, 0.0] });
    let listener = Listener::at([2.0, 0.0, 0.0]);
    let k = wave_number(200.0);
    let difference_db = |source: &Radiator| {
        let [left, right] = HEAD.ears(k, source, &listener);
        20.0 * (left.norm() / right.norm()).log10()
    };
    assert!(difference_db(&near) > difference_db(&far) + 4.0);
}

#[test]
fn yaw_turns_the_head() {
    // Turned by 10°, a source straight ahead is heard as one at 10° to the other side.
    let source = Radiator::new(Model::Monopole { position: [0.0, 0.0, 0.0] });
    let turned = Listener { position: [2.0, 0.0, 0.0], yaw_rad: 10f64.to_radians() };
    let k = wave_number(1000.0);
    let [left, right] = HEAD.ears(k, &source, &turned);
    let [mirror_left, mirror_right] = ears(-10.0, 1000.0);
    assert!((left / right / (mirror_left / mirror_right) - 1.0).norm() < 1e-9);
}
