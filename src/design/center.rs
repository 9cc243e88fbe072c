//! The center's filters: the beam, with the phase of the sides and the level of the ideal pair's phantom center.

use std::f64::consts::PI;

use crate::acoustics::{Complex, Listener, SPEED_OF_SOUND, phasor, wave_number};

use super::beam::Beamformer;
use super::curve::LogGrid;
use super::device::{Device, Driver};
use super::evaluate::bands::{highest, pink_energy};
use super::fir::Bins;
use super::{IDEAL_ANGLE_DEG, Spectra, transfer, transposed};

/// Filters `[driver][bin]` of the center for the array's `drivers`, whose `programs` (left, right) it adds to.
pub fn filters(
    device: &Device,
    drivers: &[Driver],
    programs: &[Spectra],
    bins: Bins,
    grid: &LogGrid,
    notes: &mut Vec<String>,
) -> Spectra {
    let distance_m = device.listener.distance_m;
    // The center on axis has the phase of L + R there, so that what the upmix leaves in L and R adds to it.
    let unwound: Vec<Complex> = (0..bins.count())
        .map(|bin| {
            let axis = transfer::to_point(drivers, [distance_m, 0.0, 0.0], bins.solved_hz(bin));
            let sum: Complex =
                axis.iter().enumerate().map(|(d, c)| c * (programs[0][d][bin] + programs[1][d][bin])).sum();
            sum * phasor(2.0 * PI * bins.solved_hz(bin) * distance_m / SPEED_OF_SOUND)
        })
        .collect();
    let phases = smoothed_phases(&unwound);
    let beamformer = Beamformer::new(device, drivers, grid);
    match beamformer.nulls_up_to_hz() {
        Some(hz) if hz.is_finite() => {
            notes.push(format!("the beam's nulls hold up to {hz:.0} Hz; above, fewer drivers play the center"));
        }
        Some(_) => {}
        None => notes.push("two drivers make no nulls at the sides: the center is their flat matched sum".to_owned()),
    }
    let columns: Vec<Vec<Complex>> = (0..bins.count())
        .map(|bin| {
            let k = wave_number(bins.solved_hz(bin));
            beamformer.filters(bins.solved_hz(bin), phasor(phases[bin] - k * distance_m))
        })
        .collect();
    let mut center = transposed(&columns, drivers.len());
    scale_to_phantom(device, drivers, &mut center, bins);
    center
}

/// Phases of a spectrum, averaged as complex numbers over about a third of an octave.
fn smoothed_phases(spectrum: &[Complex]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(spectrum.len() + 1);
    let mut sum = Complex::ZERO;
    sums.push(sum);
    for value in spectrum {
        sum += value;
        sums.push(sum);
    }
    (0..spectrum.len())
        .map(|bin| {
            let reach = (bin as f64 * 0.06) as usize;
            (sums[(bin + reach + 1).min(spectrum.len())] - sums[bin - reach.min(bin)]).arg()
        })
        .collect()
}

/// Scales the center to what the ideal pair's phantom center has at the ears.
fn scale_to_phantom(device: &Device, drivers: &[Driver], center: &mut Spectra, bins: Bins) {
    let head = &device.listener.head;
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let highest = highest(bins);
    let (mut device_ears, mut phantom) = (vec![Complex::ZERO; 2 * highest], vec![Complex::ZERO; highest]);
    let (left_ear, right_ear) = device_ears.split_at_mut(highest);
    for bin in 1..highest {
        let frequency_hz = bins.frequency_hz(bin);
        let [left, right] = transfer::to_ears(drivers, head, &listener, frequency_hz);
        left_ear[bin] = left.iter().zip(center.iter()).map(|(c, h)| c * h[bin]).sum();
        right_ear[bin] = right.iter().zip(center.iter()).map(|(c, h)| c * h[bin]).sum();
        let [near, far] = transfer::ideal_ears(head, IDEAL_ANGLE_DEG, device.listener.distance_m, frequency_hz);
        phantom[bin] = near + far;
    }
    let now = 0.5 * (pink_energy(bins, left_ear) + pink_energy(bins, right_ear));
    let gain = (pink_energy(bins, &phantom) / now.max(1e-300)).sqrt();
    center.iter_mut().flatten().for_each(|h| *h *= gain);
}
