use super::*;
use crate::acoustics::vector::{direction, dot, scale};
use crate::acoustics::{phasor, wave_number};

/// Impulse responses of a rigid sphere whose ears are where the reference has none.
struct OtherHead {
    radius_m: f64,
    ears: [Vec3; 2],
}

const RATE: f64 = 44_100.0;
const LENGTH: usize = 512;

impl OtherHead {
    /// A sphere with ears at ±`azimuth_deg`, `elevation_deg`.
    fn new(radius_m: f64, azimuth_deg: f64, elevation_deg: f64) -> Self {
        Self { radius_m, ears: [azimuth_deg, -azimuth_deg].map(|a| direction(a, elevation_deg)) }
    }

    fn at(&self, k: f64, source: Vec3) -> [Complex; 2] {
        let distance_m = norm(source);
        let series = SphereHeadSeries::new(k, self.radius_m, distance_m);
        self.ears.map(|ear| series.at(Complex::from(dot(ear, source) / distance_m)))
    }

    /// As a file has it: late, at a level of its own, at another rate than the design's.
    fn measured(&self, step_deg: f64, distance_m: f64, reference_radius_m: f64) -> MeasuredHead {
        let count = (360.0 / step_deg).round() as i32;
        // What is around the front and the ears' plane; the rest is used by nobody here.
        let rings = [-2.0, -1.0, 0.0, 1.0, 2.0].map(|ring| ring * step_deg);
        let points = rings.into_iter().flat_map(|elevation| {
            (0..count).map(move |i| scale(direction(f64::from(i) * step_deg, elevation), distance_m))
        });
        let used = points.filter(|point| point[0] > 0.3 * distance_m);
        MeasuredHead::new(used.map(|point| (point, self.impulse_responses(point))), reference_radius_m)
    }

    fn impulse_responses(&self, point: Vec3) -> [ImpulseResponse; 2] {
        let mut spectra = [vec![Complex::from(0.37)], vec![Complex::from(0.37)]];
        for bin in 1..=LENGTH / 2 {
            let k = wave_number(bin as f64 * RATE / LENGTH as f64);
            let late = phasor(-2.0 * std::f64::consts::PI * 60.0 * bin as f64 / LENGTH as f64) * 0.37;
            spectra.iter_mut().zip(self.at(k, point)).for_each(|(spectrum, p)| spectrum.push(p * late));
        }
        spectra.map(|mut spectrum| {
            spectrum.extend((1..LENGTH / 2).rev().map(|bin| spectrum[bin].conj()).collect::<Vec<_>>());
            rustfft::FftPlanner::new().plan_fft_inverse(LENGTH).process(&mut spectrum);
            ImpulseResponse::new(spectrum.iter().map(|v| v.re / LENGTH as f64).collect(), RATE)
        })
    }
}

/// Error of the head between measurements, within 20° about the front, dB re the true response.
fn error_db(other: &OtherHead, head: &MeasuredHead, frequency_hz: f64, distance_m: f64) -> f64 {
    let k = wave_number(frequency_hz);
    // Level and common delay are the reference sphere's; differences between ears and directions are the head's.
    let ahead = [distance_m, 0.0, 0.0];
    let common = head.at(k).response(ahead, [Complex::ZERO; 2])[0] / other.at(k, ahead)[0];
    let mut sum = (0.0, 0);
    for (azimuth, elevation) in [(2.3, 0.0), (-2.3, 0.0), (5.0, 0.0), (14.0, 3.0), (-8.0, 5.0), (17.0, -4.0)] {
        let towards = direction(azimuth, elevation);
        let got = head.at(k).response(scale(towards, distance_m), EARS.map(|ear| Complex::from(ear * towards[1])));
        let expected = other.at(k, scale(towards, distance_m));
        let expected = [0, 1].map(|ear| expected[ear] * common);
        for (got, expected) in got.iter().zip(expected) {
            sum = (sum.0 + (got / expected - 1.0).norm_sqr(), sum.1 + 1);
        }
    }
    10.0 * (sum.0 / f64::from(sum.1)).log10()
}

#[test]
fn the_sphere_itself_is_met_on_any_grid_at_any_distance() {
    let sphere = OtherHead::new(0.0875, 90.0, 0.0);
    for step_deg in [10.0, 5.0] {
        let head = sphere.measured(step_deg, 1.0, 0.0875);
        for distance_m in [0.25, 0.5, 1.0, 2.0, 5.0] {
            for frequency_hz in [300.0, 1000.0, 4000.0, 8000.0, 11_000.0] {
                let error = error_db(&sphere, &head, frequency_hz, distance_m);
                assert!(error < -38.0, "{step_deg}°, {distance_m} m, {frequency_hz} Hz: {error:.1} dB");
            }
        }
    }
}

/// Prints the table of docs/designing.md.
#[test]
fn a_head_unlike_the_sphere_is_met_the_better_the_finer_the_grid() {
    // What a head's ears are, and a sphere's are not: behind the middle, and below it; and the head is larger.
    let other = OtherHead::new(0.095, 100.0, -10.0);
    let frequencies_hz = [500.0, 1000.0, 2000.0, 4000.0, 8000.0, 11_000.0];
    println!("grid, Hz {}", frequencies_hz.map(|f| format!("{f:>7}")).concat());
    #[rustfmt::skip]
    let table = [
        (10.0, [-50.0, -48.0, -42.0, -35.0, -33.0, -31.0]),
        (5.0, [-46.0, -43.0, -47.0, -42.0, -41.0, -38.0]),
        (2.5, [-46.0, -43.0, -46.0, -42.0, -46.0, -41.0]),
    ];
    for (step_deg, most) in table {
        let head = other.measured(step_deg, 1.5, 0.0875);
        let errors = frequencies_hz.map(|frequency_hz| error_db(&other, &head, frequency_hz, 1.5));
        println!("{step_deg:>7}° {}", errors.map(|error| format!("{error:>7.1}")).concat());
        errors.iter().zip(most).for_each(|(error, most)| assert!(*error < most, "{step_deg}°: {errors:?}"));
    }
}

#[test]
fn swapped_sides_are_noticed() {
    let mut head = OtherHead::new(0.0875, 90.0, 0.0).measured(20.0, 1.0, 0.0875);
    assert!(!head.has_its_sides_swapped());
    head.responses.iter_mut().for_each(|ears| ears.swap(0, 1));
    assert!(head.has_its_sides_swapped());
    // Measured in the median plane only, a head says nothing about its sides.
    let ahead = OtherHead::new(0.0875, 90.0, 0.0).impulse_responses([1.0, 0.0, 0.0]);
    assert!(!MeasuredHead::new([([1.0, 0.0, 0.0], ahead)], 0.0875).has_its_sides_swapped());
}
