//! The RTF form: per input a common equalizer, a pure delay to its own driver, and filters relative to that driver for
//! the others.
//!
//! The relative filters W = h/h_own alone decide the cancellation and the beam's shape. So they are fitted first; then
//! the equalizer makes up the level of what they really are: |own path + W paths| at the ipsilateral ear, or on axis.
//! Left and right have the minimum-phase equalizer 1/(c_own + Σ c·W). The center's has that magnitude, and the phase
//! with which the center adds to left and right on axis.

use crate::acoustics::{Complex, Listener, phasor};

use super::band_drivers::HIGH_PASS_PART;
use super::device::{Device, Driver};
use super::file::Role;
use super::filter_set::RtfPath;
use super::fir::{self, Bins};
use super::least_squares::fit;
use super::{HIGHEST_PART, LOWEST_HZ, transfer};

/// The equalizer lifts nothing by more than this over what the own driver alone would need, dB.
const MAX_EQ_DB: f64 = 12.0;
/// Relative filters stay below this, dB: where the own driver is nearly silent the others are limited.
const MAX_RELATIVE_DB: f64 = 20.0;
/// Weight of the bands that the array does not play, where the fit is free, re those it plays.
const FREE: f64 = 1e-3;

/// Cancellation deeper than this counts no more, as a power ratio.
const DEEP: f64 = 1e-2;
/// The array's responses are held from a quarter octave beyond its drivers' bands on: half an octave beyond, they end.
const BEYOND: f64 = 1.189;

/// Filters of the RTF form.
pub struct Relative {
    /// 3·N filters; the own driver's is the equalizer.
    pub firs: Vec<Vec<f64>>,
    /// Own driver and delay of each input.
    pub paths: [RtfPath; 3],
    /// Delay of each input, samples: the center's equalizer may not be causal without one.
    pub path_delay_frames: [usize; 3],
    /// What was limited.
    pub notes: Vec<String>,
}

/// Where the array plays, as bins.
struct Band {
    low: usize,
    high: usize,
}

/// What an input is for.
enum Purpose<'a> {
    /// A side's program: it shall not be heard where these transfers lead.
    Side { silent: &'a [Vec<Complex>] },
    /// The center: it adds to what left and right make on axis.
    Center { sides: &'a [Complex] },
}

/// What the fits of all inputs share.
struct Fitter<'a> {
    device: &'a Device,
    array: Vec<usize>,
    bins: Bins,
    band: Band,
}

/// One input's filters and what the array makes of them: `[driver][bin]`, zero outside the array.
struct Input {
    firs: Vec<Vec<f64>>,
    path: RtfPath,
    played: Vec<Vec<Complex>>,
    limited: bool,
}

/// The RTF form of the responses `[input][driver][bin]`.
pub fn relative(device: &Device, spectra: &[Vec<Vec<Complex>>; 3], bins: Bins) -> Relative {
    let (taps, delay) = (device.taps, fir::modelling_delay(device.taps));
    // The responses that the full form would have with as many taps: their quotients fit into as many.
    let realized = |h: &Vec<Complex>| fir::response(&fir::realize(h, bins, taps, delay), bins);
    let spectra: Vec<Vec<Vec<Complex>>> = spectra.iter().map(|input| input.iter().map(realized).collect()).collect();
    let array = device.indices_of(Role::Array);
    let bands = || array.iter().map(|i| device.drivers[*i].band_hz);
    let lowest_hz = bands().map(|b| b.0).fold(f64::INFINITY, f64::min) / BEYOND;
    let highest_hz = bands().map(|b| b.1).fold(0.0, f64::max) * BEYOND;
    let high = ((HIGHEST_PART * (bins.count() - 1) as f64) as usize).min((highest_hz / bins.frequency_hz(1)) as usize);
    let low = ((lowest_hz.max(LOWEST_HZ) / bins.frequency_hz(1)).ceil() as usize).clamp(1, high);
    let fitter = Fitter { device, array, bins, band: Band { low, high } };

    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let at_bins = |transfer: &dyn Fn(&[Driver], f64) -> Vec<Complex>| -> Vec<Vec<Complex>> {
        (0..bins.count()).map(|bin| transfer(&device.drivers, bins.frequency_hz(bin.clamp(low, high)))).collect()
    };
    // An input's transfers: to where its level counts, and to where it shall be silent.
    let ear = |ear: usize| {
        at_bins(&|drivers, f| {
            let [left, right] = transfer::to_ears(drivers, &device.listener.head, &listener, f);
            if ear == 0 { left } else { right }
        })
    };
    let axis = at_bins(&|drivers, f| transfer::to_point(drivers, listener.position, f));

    let ears = [ear(0), ear(1)];
    let left = fitter.input(&spectra[0], &ears[0], Purpose::Side { silent: &ears[1] });
    let right = fitter.input(&spectra[1], &ears[1], Purpose::Side { silent: &ears[0] });
    let sides: Vec<Complex> = (0..bins.count())
        .map(|bin| fitter.sum(&axis, &left.played, bin) + fitter.sum(&axis, &right.played, bin))
        .collect();
    let center = fitter.input(&spectra[2], &axis, Purpose::Center { sides: &sides });

    let lead = fitter.lead();
    let names = ["left", "right", "center"];
    let inputs = [left, right, center];
    let notes = (0..3)
        .filter(|i| inputs[*i].limited)
        .map(|i| format!("the {} input's equalizer is limited to {MAX_EQ_DB} dB; its tone moves there", names[i]))
        .collect();
    let paths = [0, 1, 2].map(|i| inputs[i].path);
    Relative {
        firs: inputs.into_iter().flat_map(|input| input.firs).collect(),
        paths,
        path_delay_frames: [lead, lead, 0],
        notes,
    }
}

impl Fitter<'_> {
    /// How far the center's equalizer reaches back, samples; one driver has nothing to align.
    fn lead(&self) -> usize {
        if self.array.len() == 1 { 0 } else { fir::modelling_delay(self.device.taps) }
    }

    /// What the array makes at a point at one bin.
    fn sum(&self, transfer: &[Vec<Complex>], filters: &[Vec<Complex>], bin: usize) -> Complex {
        self.array.iter().map(|i| transfer[bin][*i] * filters[*i][bin]).sum()
    }

    /// Filters of one input. `transfer[bin][driver]` leads to where its level counts.
    fn input(&self, spectra: &[Vec<Complex>], transfer: &[Vec<Complex>], purpose: Purpose) -> Input {
        let (bins, taps, delay) = (self.bins, self.device.taps, fir::modelling_delay(self.device.taps));
        let own = self.own_driver(spectra);
        let mut firs = vec![vec![0.0; taps]; spectra.len()];
        // Relative responses as they will be: the own driver's is the pure delay.
        let mut relative = vec![vec![Complex::ZERO; bins.count()]; spectra.len()];
        relative[own] = (0..bins.count()).map(|bin| fir::delay_phasor(bins, bin, delay as f64)).collect();
        // An error of W counts as far as the own driver plays, and the more, the less is left at the silent ear.
        let weights = self.weights(|bin| {
            let all: f64 = spectra.iter().map(|s| s[bin].norm_sqr()).sum();
            let share = spectra[own][bin].norm_sqr() / all.max(1e-300);
            match &purpose {
                Purpose::Side { silent } => {
                    let heard = self.sum(transfer, spectra, bin).norm_sqr().max(1e-300);
                    share / (self.sum(silent, spectra, bin).norm_sqr() / heard + DEEP).sqrt()
                }
                Purpose::Center { .. } => share.sqrt(),
            }
        });
        for driver in self.array.iter().copied().filter(|driver| *driver != own) {
            let wanted = self.held(|bin| limited(spectra[driver][bin], spectra[own][bin]));
            firs[driver] = fit(&wanted, &weights, bins, taps, delay);
            relative[driver] = fir::response(&firs[driver], bins);
        }

        let made: Vec<Complex> = (0..bins.count()).map(|bin| self.sum(transfer, &relative, bin)).collect();
        let wanted: Vec<f64> = (0..bins.count()).map(|bin| self.sum(transfer, spectra, bin).norm()).collect();
        let mut levels: Vec<f64> =
            self.held(|bin| Complex::from(wanted[bin] / made[bin].norm().max(1e-12))).iter().map(|v| v.re).collect();
        // The lift is over the level at which the own driver alone would do.
        let most: Vec<f64> = self
            .held(|bin| transfer[bin][own] * wanted[bin] / transfer[bin][own].norm_sqr())
            .iter()
            .map(|v| v.norm())
            .collect();
        let limited = limit(&mut levels, &most, bins);
        let (phases, lead): (Vec<f64>, usize) = match purpose {
            Purpose::Side { .. } => (fir::minimum_phase(&levels, bins), 0),
            Purpose::Center { .. } if self.array.len() == 1 => (vec![0.0; bins.count()], 0),
            Purpose::Center { sides } => {
                (self.held(|bin| sides[bin] * made[bin].conj()).iter().map(|v| v.arg()).collect(), self.lead())
            }
        };
        let equalizer: Vec<Complex> =
            levels.iter().zip(&phases).map(|(level, phase)| phasor(*phase) * *level).collect();
        let weights = self.weights(|bin| made[bin].norm_sqr() / wanted[bin].powi(2).max(1e-300));
        firs[own] = fit(&equalizer, &weights, bins, taps, lead);
        let common = fir::response(&firs[own], bins);

        for driver in (0..spectra.len()).filter(|driver| !self.array.contains(driver)) {
            firs[driver] = self.band_driver(driver, &spectra[driver], &spectra[own], &common);
        }
        for spectrum in &mut relative {
            spectrum.iter_mut().zip(&common).for_each(|(w, e)| *w *= e);
        }
        Input { firs, path: RtfPath { own, delay_frames: delay }, played: relative, limited }
    }

    /// A woofer or tweeter relative to the own driver's phase and the equalizer's level.
    fn band_driver(&self, driver: usize, spectrum: &[Complex], own: &[Complex], common: &[Complex]) -> Vec<f64> {
        let (low_hz, high_hz) = self.device.drivers[driver].band_hz;
        let delay = fir::modelling_delay(self.device.taps);
        let late = |bin: usize| fir::delay_phasor(self.bins, bin, delay as f64);
        // Beyond the array's band its own driver is silent: its phase is held, but for the delay.
        let own_phase = self.held(|bin| own[bin] * late(bin).conj());
        let wanted: Vec<Complex> = (0..self.bins.count())
            .map(|bin| limited(spectrum[bin], phasor(own_phase[bin].arg()) * late(bin) * common[bin].norm()))
            .collect();
        let weights: Vec<f64> = (0..self.bins.count())
            .map(|bin| {
                let frequency_hz = self.bins.frequency_hz(bin).max(LOWEST_HZ);
                let served = (HIGH_PASS_PART * low_hz..=high_hz).contains(&frequency_hz);
                (if served { 1.0 } else { FREE }) / frequency_hz
            })
            .collect();
        fit(&wanted, &weights, self.bins, self.device.taps, delay)
    }

    /// A response that keeps its values at the ends of the band beyond them.
    fn held(&self, at: impl Fn(usize) -> Complex) -> Vec<Complex> {
        (0..self.bins.count()).map(|bin| at(bin.clamp(self.band.low, self.band.high))).collect()
    }

    /// Weights 1/f times `at`, and little outside the band.
    fn weights(&self, at: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..self.bins.count())
            .map(|bin| {
                let inside = bin.clamp(self.band.low, self.band.high);
                let free = if inside == bin { 1.0 } else { FREE };
                free * at(inside).max(FREE) / self.bins.frequency_hz(inside)
            })
            .collect()
    }

    /// The driver whose share of the input never gets small where the array plays: the others are relative to it.
    fn own_driver(&self, spectra: &[Vec<Complex>]) -> usize {
        let smallest_share = |driver: usize| {
            (self.band.low..=self.band.high)
                .filter(|bin| (200.0..10_000.0).contains(&self.bins.frequency_hz(*bin)))
                .map(|bin| {
                    let all: f64 = self.array.iter().map(|i| spectra[*i][bin].norm_sqr()).sum();
                    spectra[driver][bin].norm_sqr() / all.max(1e-300)
                })
                .fold(f64::INFINITY, f64::min)
        };
        let mut best = self.array[0];
        for &driver in &self.array[1..] {
            if smallest_share(driver) > smallest_share(best) * (1.0 + 1e-9) {
                best = driver;
            }
        }
        best
    }
}

/// h/reference, within the largest level of a relative filter.
fn limited(h: Complex, reference: Complex) -> Complex {
    let largest = 10f64.powf(MAX_RELATIVE_DB / 20.0);
    let w = h * reference.conj() / reference.norm_sqr().max(1e-30);
    if w.norm() > largest { w * (largest / w.norm()) } else { w }
}

/// Caps levels at [`MAX_EQ_DB`] over others; true if any in the band of the tone figures was capped.
fn limit(levels: &mut [f64], over: &[f64], bins: Bins) -> bool {
    let mut audible = false;
    for (bin, (level, over)) in levels.iter_mut().zip(over).enumerate() {
        let ceiling = over * 10f64.powf(MAX_EQ_DB / 20.0);
        audible |= *level > ceiling && (200.0..10_000.0).contains(&bins.frequency_hz(bin));
        *level = level.min(ceiling);
    }
    audible
}

#[cfg(test)]
mod tests {
    use super::super::tests::variant;
    use super::*;

    #[test]
    fn what_leaks_where_the_array_is_silent_chooses_no_own_driver() {
        let device = variant("pair", &[]);
        let bins = Bins { length: 4096, sample_rate_hz: 48_000.0 };
        let bin_at = |hz: f64| (hz / bins.frequency_hz(1)) as usize;
        let (low, high) = (bin_at(300.0), bin_at(6000.0));
        // The right driver plays more of the band, the left one leaks more beyond either end of it.
        let spectrum = |played: f64, leaked: f64| -> Vec<Complex> {
            let level = |bin: usize| if (low..=high).contains(&bin) { played } else { leaked };
            (0..bins.count()).map(|bin| Complex::from(level(bin))).collect()
        };
        let spectra = [spectrum(0.5, 1e-5), spectrum(1.0, 1e-6)];
        let fitter = Fitter { device: &device, array: vec![0, 1], bins, band: Band { low, high } };
        assert_eq!(fitter.own_driver(&spectra), 1);
    }
}
