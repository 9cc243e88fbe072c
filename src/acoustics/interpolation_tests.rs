use super::*;
use crate::acoustics::vector::{direction, sub};

fn every(step_deg: usize) -> Places {
    let rings = (0..=180 / step_deg).map(|i| (i * step_deg) as f64 - 90.0);
    let ring = |elevation: f64| {
        let count = if elevation.abs() == 90.0 { 1 } else { 360 / step_deg };
        (0..count).map(move |i| scale(direction((i * step_deg) as f64, elevation), 1.5))
    };
    Places::new(rings.flat_map(ring))
}

/// A path of directions over the sphere, through poles and the seam at ±180°, in small steps.
fn path() -> impl Iterator<Item = Vec3> {
    (0..20_000).map(|i| f64::from(i) * 0.01).map(|t| direction(7.3 * t, 89.9 * (0.31 * t).sin()))
}

#[test]
fn weights_sum_to_one_and_follow_slopes() {
    let places = every(10);
    // The height is linear but for the sphere's curvature.
    let worst = path().map(|point| {
        let around = places.around(point);
        assert!((around.iter().map(|(_, w)| w).sum::<f64>() - 1.0).abs() < 1e-9);
        (around.iter().map(|(i, w)| w * places.places[*i].direction[2]).sum::<f64>() - point[2]).abs()
    });
    let worst = worst.fold(0.0, f64::max);
    assert!(worst < 0.016, "{worst}");
}

#[test]
fn no_step_leads_to_a_jump() {
    let ring = Places::new((0..12).map(|i| direction(30.0 * f64::from(i), 0.0)));
    // Seen from its axis, a ring says nothing about which of its points is nearer.
    for (places, highest) in [(every(10), 1.0), (every(45), 1.0), (ring, 0.98)] {
        let value = |point: Vec3| {
            let part = |(i, w): &Weighted| w * (places.places[*i].direction[1] + places.places[*i].direction[0]);
            places.around(point).iter().map(part).sum::<f64>()
        };
        for (a, b) in path().zip(path().skip(1)).filter(|(a, _)| a[2].abs() < highest) {
            let (step, change) = (norm(sub(a, b)), (value(a) - value(b)).abs());
            // Between a pole and the ring next to it weights move fast.
            assert!(change < 100.0 * step, "a step of {step} at {a:?}: {change}");
        }
    }
}

#[test]
fn outside_of_the_measurements_the_nearest_is_held() {
    // Measured in the horizontal plane to 60° on both sides only.
    let places = Places::new((-4..=4).map(|i| direction(15.0 * f64::from(i), 0.0)));
    for point in [direction(150.0, 0.0), direction(-90.0, 5.0), direction(10.0, 60.0), direction(0.0, -90.0)] {
        let value: f64 = places.around(point).iter().map(|(i, w)| w * places.places[*i].direction[1]).sum();
        assert!(value.abs() <= 60f64.to_radians().sin() + 1e-9, "{point:?}: {value}");
        assert!(places.around(point).iter().all(|(_, w)| w.abs() < 1.3), "{:?}", places.around(point));
    }
    let single = Places::new([[1.0, 0.0, 0.0]]);
    assert_eq!(single.around([-0.3, 0.4, 2.0]), [(0, 1.0)]);
}

#[test]
fn between_two_distances_both_count() {
    let places = Places::new(
        [0.5, 1.0].into_iter().flat_map(|r| (0..36).map(move |i| scale(direction(10.0 * f64::from(i), 0.0), r))),
    );
    let mean_m = |r: f64| {
        places.around(scale(direction(3.0, 0.0), r)).iter().map(|(i, w)| w * places.places[*i].distance_m).sum::<f64>()
    };
    assert!(mean_m(0.3) < 0.55 && mean_m(3.0) > 0.95, "{} {}", mean_m(0.3), mean_m(3.0));
    assert!((mean_m(0.5f64.sqrt()) - 0.75).abs() < 0.1, "{}", mean_m(0.5f64.sqrt()));
}

#[test]
fn blending_keeps_level_and_delay() {
    let values = [Complex::from_polar(2.0, 3.0), Complex::from_polar(0.5, -3.0)];
    let blended = blend(&[(0, 0.5), (1, 0.5)], |i| values[i]);
    assert!((blended.norm() - 1.0).abs() < 1e-12 && (blended.arg().abs() - std::f64::consts::PI).abs() < 1e-9);
    assert_eq!(blend(&[(0, 0.5), (1, 0.5)], |_| Complex::ZERO), Complex::ZERO);
    let omni = Complex::from(0.5);
    assert!((without_nulls(Complex::ZERO, omni).norm() - 0.05).abs() < 1e-12);
    assert!((without_nulls(omni * 0.3, omni) / (omni * 0.3) - 1.0).norm() < 1e-4);
}
