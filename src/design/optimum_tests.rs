//! No filters part the ears further: with two drivers every ratio of the ears can be tried. And none beam more.

use std::path::Path;

use crate::acoustics::{Complex, Listener, phasor};

use super::designer::design;
use super::device::Device;
use super::fir::Bins;
use super::radiation::RadiatedPower;
use super::tests::variant;
use super::transfer;

/// Beyond this the far ear is too quiet for its phase to count, as an amplitude ratio.
const QUIETEST: f64 = 0.4;

#[test]
fn the_lag_between_the_ears_is_the_most_that_power_and_effort_allow() {
    for (name, part) in [("pair", 0.9), ("pair-wide", 0.88)] {
        let device = variant(name, &[]);
        let made = design(&device, &|_| ());
        let bins = Bins { length: 16_384, sample_rate_hz: 48_000.0 };
        let left = &made.filters.responses(bins)[0];
        let power = RadiatedPower::new(&device.drivers);
        let listener = Listener::at([2.0, 0.0, 0.0]);
        let (mut got, mut most) = (0.0, 0.0);
        for frequency_hz in (0..26).map(|i| 250.0 + 50.0 * f64::from(i)) {
            let bin = (frequency_hz / bins.frequency_hz(1)).round() as usize;
            let frequency_hz = bins.frequency_hz(bin);
            let [near, far] = transfer::to_ears(&device.drivers, &device.listener.head, &listener, frequency_hz);
            let omni = transfer::ideal_ears(&device.listener.head, 0.0, 2.0, frequency_hz)[0].norm_sqr();
            let [effort, radiated] = [&device.crosstalk.effort_db, &device.crosstalk.power_db]
                .map(|c| 10f64.powf(c.at(frequency_hz) / 10.0));
            let matrix = power.at(frequency_hz);
            let determinant = near[0] * far[1] - near[1] * far[0];
            // The filters that make 1 at the near ear and `ratio` at the far one, if the limits allow them.
            let allowed = |ratio: Complex| {
                let h = [(far[1] - near[1] * ratio) / determinant, (near[0] * ratio - far[0]) / determinant];
                let spent = omni * (h[0].norm_sqr() + h[1].norm_sqr());
                spent <= effort && omni * matrix.quadratic_form(&h) <= radiated
            };
            let levels = (0..60).map(|i| QUIETEST + 0.01 * f64::from(i));
            let largest = levels
                .flat_map(|level| (0..400).map(move |i| (level, 0.005 * f64::from(i))))
                .filter(|(level, lag_rad)| allowed(phasor(-lag_rad) * *level))
                .map(|(_, lag_rad)| lag_rad)
                .fold(0.0, f64::max);
            let heard = |ear: &[Complex]| -> Complex { ear.iter().zip(left).map(|(c, h)| c * h[bin]).sum() };
            got += (heard(&near) * heard(&far).conj()).arg();
            most += largest;
        }
        assert!(got >= part * most, "{name}: {got:.2} rad in all, of {most:.2} that are to be had");
        // More than is to be had, but for what smoothing and filter length take over a limit, would be a bug here.
        assert!(got <= 1.03 * most, "{name}: {got:.2} rad in all, of {most:.2} that are to be had");
    }
}

#[test]
fn large_arrays_beam_as_a_convex_optimum_of_equal_cost_does() {
    // Octaves 500 Hz to 4 kHz, from benches/optimum.
    for (name, optimum_db) in [("ring-of-6", [6.94, 9.18, 8.32, 8.86]), ("bar-90", [5.27, 8.03, 10.43, 11.34])] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/optimum/devices/{name}.toml"));
        let beam = design(&Device::load(&path).unwrap_or_else(|error| panic!("{error}")), &|_| ()).figures.beam;
        for (got, most) in beam.directivity_index_db[1..].iter().zip(optimum_db) {
            assert!(*got >= most - 0.5, "{name}: {:?}, not {optimum_db:?}", &beam.directivity_index_db[1..5]);
        }
        assert!(beam.effort_db[1..5].iter().all(|db| *db <= -5.0), "{name}: effort {:?}", beam.effort_db);
    }
}
