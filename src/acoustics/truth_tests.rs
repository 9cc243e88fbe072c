//! The models against numbers from elsewhere: the same series summed with 60 digits (mpmath), and closed forms.

use super::spherical::{CapSeries, SphereHeadSeries, cap_velocity};
use super::*;

#[test]
fn the_head_is_the_series_summed_with_many_digits() {
    // Hz, head's radius m, source's distance m, degrees from it to the ear; response.
    #[rustfmt::skip]
    let table = [
        (20.0, 0.0875, 0.25, 0.0, 1.84460839, 0.0774963783),
        (20.0, 0.0875, 0.25, 180.0, 0.623127556, -0.0344192889),
        (500.0, 0.0875, 0.25, 90.0, 0.838247958, -0.118575385),
        (8000.0, 0.0875, 0.3, 100.0, -0.206281761, 0.712396632),
        (8000.0, 0.0875, 0.5, 165.0, 0.309478748, -0.0421246453),
        (20000.0, 0.15, 0.4, 30.0, 2.81666496, -0.279462977),
        (20000.0, 0.15, 0.4, 150.0, 0.0274326602, -0.0431906068),
        (100.0, 0.05, 3.0, 140.0, 0.975069819, -0.104021467),
    ];
    for (frequency_hz, radius_m, distance_m, degrees, re, im) in table {
        let series = SphereHeadSeries::new(wave_number(frequency_hz), radius_m, distance_m);
        let got = series.at(Complex::from(f64::to_radians(degrees).cos()));
        let error = (got - Complex::new(re, im)).norm();
        assert!(error < 1e-7, "{frequency_hz} Hz, {radius_m} m, {distance_m} m, {degrees}°: {got}");
    }
}

#[test]
fn the_cap_is_the_series_summed_with_many_digits() {
    // Hz, sphere's and cap's radius m, distance m, degrees from the axis; pressure.
    #[rustfmt::skip]
    let table = [
        (20.0, 0.09, 0.02, 0.3, 90.0, 3.08529013, -0.365391078),
        (50.0, 1.0, 0.05, 1.2, 180.0, -0.313308152, -0.0313546462),
        (1000.0, 0.09, 0.02, 2.0, 120.0, 0.365960082, 0.0218265649),
        (8000.0, 0.09, 0.02, 2.0, 0.0, -0.945205252, 0.401746923),
        (20000.0, 0.15, 0.02, 1.0, 90.0, 0.0420223155, -0.0158374974),
        (20000.0, 0.15, 0.02, 1.0, 172.0, 0.00323123385, -7.95283461e-6),
        (20000.0, 0.15, 0.001, 0.35, 60.0, -0.829281777, 4.93767023),
        (20000.0, 1.0, 0.05, 1.2, 20.0, -0.0667607871, 0.0503115639),
    ];
    for (frequency_hz, sphere_m, radius_m, distance_m, degrees, re, im) in table {
        let velocity = cap_velocity(f64::asin(radius_m / sphere_m));
        let series = CapSeries::new(wave_number(frequency_hz), sphere_m, &velocity, distance_m);
        let got = series.at(f64::to_radians(degrees).cos()).0;
        let error = (got - Complex::new(re, im)).norm();
        assert!(error < 1e-7, "{frequency_hz} Hz, {sphere_m} m, {radius_m} m, {distance_m} m, {degrees}°: {got}");
    }
}

#[test]
fn a_piston_has_its_first_null_where_the_bessel_function_has() {
    let radius_m = 0.05;
    let piston = Radiator::new(Model::Piston { position: [0.0; 3], axis: [1.0, 0.0, 0.0], radius_m });
    for frequency_hz in [5000.0, 8000.0, 15_000.0] {
        let k = wave_number(frequency_hz);
        // ka sin θ = 3.8317, the first zero of J₁.
        let angle = (3.831_705_970 / (k * radius_m)).asin();
        let at = |angle: f64| piston.pressure(k, [angle.cos(), angle.sin(), 0.0]).norm();
        assert!(at(angle) < 1e-8 && at(angle - 0.05) > 1e-3 && at(angle + 0.05) > 1e-3, "{frequency_hz} Hz");
    }
}

#[test]
fn a_half_space_doubles_the_pressure_of_the_same_volume_velocity() {
    let mut driver = Radiator::new(Model::Piston { position: [0.0; 3], axis: [1.0, 0.0, 0.0], radius_m: 0.03 });
    let (k, point) = (wave_number(1000.0), [1.5, 0.4, 0.0]);
    let free = driver.unit_pressure(k, point);
    driver.baffled = true;
    assert!((driver.unit_pressure(k, point) / free - 2.0).norm() < 1e-12);
    // What a huge sphere does to a small cap.
    let sphere = Radiator::new(Model::cap([1.0, 0.0, 0.0], 1.0, 0.01));
    assert!((sphere.unit_pressure(wave_number(5000.0), [30.0, 0.0, 0.0]).norm() * 30.0 - 2.0).abs() < 0.1);
}
