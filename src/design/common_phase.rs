//! Left and right in step: either program keeps the phase of its own driver, and where those two are unlike (another
//! distance, depth, delay, side of a cabinet) what L and R share would come from aside, and comb.

use std::f64::consts::PI;

use crate::acoustics::{Complex, Listener, phasor};

use super::device::{Device, Driver};
use super::fir::{self, Bins};
use super::{Spectra, transfer};

/// Where a difference of polarity is told from one of delay, Hz.
const POLARITY_HZ: std::ops::Range<f64> = 200.0..2000.0;

/// Turns the left and the right of the `programs` by half of the difference of their phases at their ears at the
/// design point. A phase common to a program's drivers changes neither its cancellation nor its tone.
pub fn share(device: &Device, drivers: &[Driver], programs: &mut [Spectra], owns: [usize; 2], bins: Bins) {
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let pair = owns.map(|own| drivers[own].clone());
    let differences = fir::unwrapped((0..bins.count()).map(|bin| {
        let ears = transfer::to_ears(&pair, &device.listener.head, &listener, bins.solved_hz(bin));
        let [left, right] = [0, 1].map(|ear| ears[ear][ear] * pair[ear].polarity);
        (right * left.conj()).arg()
    }));
    // A measured response may hold a swapped wire: then the difference starts near ±π and not near 0.
    let turns = (offset(&differences, bins) / PI).round() * PI;
    for (bin, difference) in differences.iter().enumerate() {
        let half = 0.5 * (difference - turns);
        let turn = |program: &mut Spectra, by: Complex| program.iter_mut().for_each(|h| h[bin] *= by);
        turn(&mut programs[0], phasor(half));
        turn(&mut programs[1], phasor(-half - turns));
    }
}

/// Phase at 0 Hz of the straight line through [`POLARITY_HZ`].
fn offset(phases: &[f64], bins: Bins) -> f64 {
    let points: Vec<(f64, f64)> = phases
        .iter()
        .enumerate()
        .map(|(bin, phase)| (bins.frequency_hz(bin), *phase))
        .filter(|(f, _)| POLARITY_HZ.contains(f))
        .collect();
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len().max(1) as f64;
    let (f, phase) = (mean(&|p| p.0), mean(&|p| p.1));
    let slope = mean(&|p| (p.0 - f) * (p.1 - phase)) / mean(&|p| (p.0 - f).powi(2)).max(1e-300);
    phase - slope * f
}
