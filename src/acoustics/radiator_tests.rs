use super::*;
use crate::acoustics::vector::direction;
use crate::acoustics::wave_number;

#[test]
fn a_cap_is_a_monopole_at_low_frequency() {
    for azimuth in [0.0, 90.0, 180.0] {
        let cap = Radiator::new(Model::cap(direction(azimuth, 0.0), 0.09, 0.02));
        let k = wave_number(5.0);
        let p = cap.pressure(k, [100.0, 0.0, 0.0]);
        assert!((p.norm() * 100.0 - 1.0).abs() < 2e-3, "cap at {azimuth}°: {}", p.norm());
        assert!((p * phasor(100.0 * k)).arg().abs() < 0.02);
    }
}

#[test]
fn a_small_cap_beams_like_its_radius_says() {
    // At high frequency a cap on a sphere much larger than the wavelength radiates into its half-space: twice the
    // pressure of the free monopole on its axis.
    let cap = Radiator::new(Model::cap([1.0, 0.0, 0.0], 0.5, 0.005));
    let p = cap.pressure(wave_number(8000.0), [20.0, 0.0, 0.0]);
    assert!((p.norm() * 20.0 - 2.0).abs() < 0.15, "{}", p.norm() * 20.0);
}

#[test]
fn no_frequency_overflows() {
    let cap = Radiator::new(Model::cap(direction(40.0, 10.0), 0.09, 0.02));
    for f in [1.0, 10.0, 100.0, 1e3, 1e4, 9.6e4] {
        for distance in [0.15, 2.0, 100.0] {
            let incident = cap.incident(wave_number(f), [distance, 0.01, 0.0]);
            assert!(
                incident.pressure.is_finite() && incident.propagation.iter().all(|n| n.is_finite()),
                "{f} {distance}"
            );
        }
    }
}

#[test]
fn the_propagation_vector_is_the_gradient_of_the_phase() {
    let cap = Radiator::new(Model::cap([0.0, 1.0, 0.0], 0.09, 0.02));
    // Far and near: in the near field the 1/r decay is no part of the wave's direction.
    for (frequency_hz, point, near) in [(1500.0, [2.0, 0.3, 0.1], 0.0), (100.0, [0.5, 0.1, 0.05], 1.0)] {
        let k = wave_number(frequency_hz);
        let incident = cap.incident(k, point);
        let h = 1e-6;
        let gradient = [0, 1, 2].map(|axis| {
            let (mut a, mut b) = (point, point);
            a[axis] -= h;
            b[axis] += h;
            (cap.pressure(k, b) - cap.pressure(k, a)) / (2.0 * h) / incident.pressure
        });
        // ∇ln p = −jk n far away, −jk(1 − j/kr) n where the decay counts.
        let radial = unit(point);
        let along: Complex = (0..3).map(|i| gradient[i] * radial[i]).sum();
        let across = [0, 1, 2].map(|i| gradient[i] - along * radial[i]);
        let n = incident.propagation;
        let n_along: Complex = (0..3).map(|i| n[i] * radial[i]).sum();
        for i in 0..3 {
            let expected = Complex::i() * across[i] / Complex::new(k, -near / norm(point));
            let got = (n[i] - n_along * radial[i]) / n_along;
            assert!((got - expected).norm() < 1e-4, "{frequency_hz} Hz, axis {i}: {got} instead of {expected}");
        }
    }
}

#[test]
fn a_baffle_is_silent_behind() {
    let mut driver = Radiator::new(Model::Piston { position: [0.0; 3], axis: [1.0, 0.0, 0.0], radius_m: 0.02 });
    assert!(driver.pressure(20.0, [-1.0, 0.2, 0.0]).norm() > 0.5);
    driver.baffled = true;
    assert_eq!(driver.pressure(20.0, [-1.0, 0.2, 0.0]), Complex::ZERO);
    assert!((driver.pressure(20.0, [1.0, 0.0, 0.0]).norm() - 1.0).abs() < 1e-12);
}

#[test]
fn a_measured_response_replaces_the_model_at_its_point() {
    use crate::acoustics::measured::ImpulseResponse;
    let mut samples = vec![0.0; 400];
    samples[280] = 0.25;
    let mut driver = Radiator::new(Model::Monopole { position: [0.0, 0.1, 0.0] });
    let point = [2.0, 0.0, 0.0];
    driver.measured = Some(MeasuredDriver::new([(point, ImpulseResponse::new(samples, 48_000.0))]));
    let k = wave_number(1000.0);
    let expected = phasor(-2.0 * std::f64::consts::PI * 1000.0 * 280.0 / 48_000.0) * 0.25;
    assert!((driver.pressure(k, point) - expected).norm() < 1e-9);
    let (near, far) = (driver.pressure(k, [1.0, 0.0, 0.0]).norm(), driver.pressure(k, [4.0, 0.0, 0.0]).norm());
    assert!((near / far - 4.0).abs() < 0.05, "the model keeps carrying it to other points");
}
