//! The RTF form: per input a common minimum-phase equalizer, a pure delay to its own driver, and filters relative to
//! that driver for the others.

use crate::acoustics::{Complex, phasor};

use super::device::Device;
use super::filter_set::RtfPath;
use super::fir::{self, Bins};

/// The equalizer lifts nothing by more than this over its median, dB.
const MAX_EQ_DB: f64 = 12.0;
/// Relative filters stay below this, dB: where the own driver is nearly silent the others are limited.
const MAX_RELATIVE_DB: f64 = 20.0;

/// Filters of the RTF form.
pub struct Relative {
    /// 3·N filters; the own driver's is the equalizer.
    pub firs: Vec<Vec<f64>>,
    /// Own driver and delay of each input.
    pub paths: [RtfPath; 3],
    /// What was limited.
    pub notes: Vec<String>,
}

/// W = h/h_own for every driver, and |h_own| as the minimum-phase equalizer: with the responses normalized at the
/// ipsilateral ear that is 1/(c_own + c_other·W).
pub fn relative(device: &Device, spectra: &[Vec<Vec<Complex>>; 3], bins: Bins) -> Relative {
    let (taps, delay_frames) = (device.taps, fir::modelling_delay(device.taps));
    let mut firs = Vec::with_capacity(3 * device.drivers.len());
    let mut notes = Vec::new();
    let paths = [0, 1, 2].map(|input| {
        let spectra = &spectra[input];
        let own = own_driver(spectra, bins);
        let magnitudes: Vec<f64> = spectra[own].iter().map(|h| h.norm()).collect();
        let mut sorted = magnitudes.clone();
        sorted.sort_by(f64::total_cmp);
        let ceiling = sorted[sorted.len() / 2] * 10f64.powf(MAX_EQ_DB / 20.0);
        let in_band = |bin: &usize| (200.0..10_000.0).contains(&bins.frequency_hz(*bin));
        if (0..bins.count()).filter(in_band).any(|bin| magnitudes[bin] > ceiling) {
            let name = ["left", "right", "center"][input];
            notes.push(format!("the {name} input's equalizer is limited to {MAX_EQ_DB} dB; its tone moves there"));
        }
        let limited: Vec<f64> = magnitudes.iter().map(|m| m.min(ceiling)).collect();
        let phase = fir::minimum_phase(&limited, bins);
        let equalizer: Vec<Complex> = limited.iter().zip(phase).map(|(m, p)| phasor(p) * *m).collect();
        for (driver, spectrum) in spectra.iter().enumerate() {
            if driver == own {
                // Minimum phase starts at its first sample: no modelling delay.
                firs.push(fir::realize(&equalizer, bins, taps, 0));
                continue;
            }
            let largest = 10f64.powf(MAX_RELATIVE_DB / 20.0);
            let ratio = |(h, reference): (&Complex, &Complex)| {
                let w = h * reference.conj() / reference.norm_sqr().max(1e-30);
                if w.norm() > largest { w * (largest / w.norm()) } else { w }
            };
            let relative: Vec<Complex> = spectrum.iter().zip(&spectra[own]).map(ratio).collect();
            firs.push(fir::realize(&relative, bins, taps, delay_frames));
        }
        RtfPath { own, delay_frames }
    });
    Relative { firs, paths, notes }
}

/// The driver whose share of the input never gets small: the others are relative to it.
fn own_driver(spectra: &[Vec<Complex>], bins: Bins) -> usize {
    let smallest_share = |driver: usize| {
        (1..bins.count())
            .filter(|bin| (200.0..10_000.0).contains(&bins.frequency_hz(*bin)))
            .map(|bin| {
                let all: f64 = spectra.iter().map(|s| s[bin].norm_sqr()).sum();
                spectra[driver][bin].norm_sqr() / all.max(1e-300)
            })
            .fold(f64::INFINITY, f64::min)
    };
    let mut best = 0;
    for driver in 1..spectra.len() {
        if smallest_share(driver) > smallest_share(best) * (1.0 + 1e-9) {
            best = driver;
        }
    }
    best
}
