//! Tone and level for a listener in a room: what reaches one there is mostly the radiated power, not the direct sound.

use crate::acoustics::{Complex, Listener, phasor};

use super::curve::LogGrid;
use super::device::{Device, Driver};
use super::fir::{self, Bins};
use super::hermitian::product;
use super::radiation::RadiatedPower;
use super::{IDEAL_ANGLE_DEG, Spectra, transfer};

/// A living room: volume in m³ and reverberation time in s.
const VOLUME_M3: f64 = 60.0;
const REVERBERATION_S: f64 = 0.5;
/// Range of the equalizer; beyond it goes on as at its ends, Hz.
const EQUALIZED_HZ: (f64, f64) = (150.0, 10_000.0);
/// Points an octave, and the width over which the power is smoothed.
const PER_OCTAVE: f64 = 12.0;
const SMOOTHED_OCTAVES: f64 = 1.0 / 3.0;
/// Largest rms and peak of the equalizer about its mean, dB: the rest of the room's tone stays, for the direct sound's
/// sake.
const MOST_TONE_RMS_DB: f64 = 1.4;
const MOST_TONE_DB: f64 = 2.6;
/// Range over which levels are compared, Hz.
const LEVEL_HZ: (f64, f64) = (200.0, 8000.0);
/// Largest raise of the center, dB, …
const MOST_RAISE_DB: f64 = 4.0;
/// … which leaves the sides' direct sound no farther below the center's than this, against the ideal pair's, dB: the most
/// that is allowed of it. Where it binds, the sides stay louder in the room instead.
const LEAST_DIRECT_DB: f64 = -5.0;

/// Energy of the diffuse field over that of the direct sound of an omnidirectional source (Sabine): (r/r_c)², with
/// r_c = 0.057·√(V/RT).
pub fn diffuse_over_direct(distance_m: f64) -> f64 {
    (distance_m / 0.057).powi(2) * REVERBERATION_S / VOLUME_M3
}

/// What a device's programs become in a room, while it is designed.
pub struct Room<'a> {
    device: &'a Device,
    power: &'a RadiatedPower,
    grid: LogGrid,
    /// At each frequency of the grid, to both ears.
    ears: Vec<transfer::EarVectors>,
}

impl<'a> Room<'a> {
    /// Around a listener at the design point.
    pub fn new(device: &'a Device, drivers: &'a [Driver], power: &'a RadiatedPower) -> Self {
        let grid = LogGrid::new(EQUALIZED_HZ.0, EQUALIZED_HZ.1, PER_OCTAVE);
        let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
        let head = &device.listener.head;
        let ears = grid.frequencies_hz.iter().map(|f| transfer::to_ears(drivers, head, &listener, *f)).collect();
        Self { device, power, grid, ears }
    }

    /// Turns both programs' tone halfway to that of an omnidirectional pair in the room: −½·10·log₁₀ P(f), the same
    /// minimum-phase equalizer for both. Their direct sound's mean level stays.
    pub fn level_tone(&self, programs: &mut [Spectra], bins: Bins) {
        let power_db: Vec<f64> = (0..self.grid.frequencies_hz.len())
            .map(|index| {
                let of = |side: usize| self.power_re_direct(index, &programs[side], side, bins);
                10.0 * (0.5 * (of(0) + of(1))).max(1e-6).log10()
            })
            .collect();
        let smooth_db = self.grid.smooth(&power_db, SMOOTHED_OCTAVES);
        let levels: Vec<f64> = smooth_db.iter().map(|p| -0.5 * p).collect();
        let mean = self.mean(&levels);
        let rms = self.mean(&levels.iter().map(|v| (v - mean).powi(2)).collect::<Vec<_>>()).sqrt();
        let part = (MOST_TONE_RMS_DB / rms.max(1e-9)).min(1.0);
        let levels: Vec<f64> = levels.iter().map(|v| (part * (v - mean)).clamp(-MOST_TONE_DB, MOST_TONE_DB)).collect();
        let mean = self.mean(&levels);
        let magnitudes: Vec<f64> = (0..bins.count())
            .map(|bin| 10f64.powf((self.grid.interpolate(&levels, bins.frequency_hz(bin).max(1.0)) - mean) / 20.0))
            .collect();
        let phases = fir::minimum_phase(&magnitudes, bins);
        for spectrum in programs.iter_mut().flatten() {
            spectrum.iter_mut().zip(magnitudes.iter().zip(&phases)).for_each(|(h, (m, p))| *h *= phasor(*p) * *m);
        }
    }

    /// Raises the center by half of what the sides gain on it in the room.
    pub fn raise_center(&self, center: &mut Spectra, programs: &[Spectra], bins: Bins) {
        if self.device.virtual_angle_deg.is_none() {
            return;
        }
        let diffuse = diffuse_over_direct(self.device.listener.distance_m);
        let count = self.grid.frequencies_hz.len();
        // Direct sound and diffuse field re those of the pair's loudspeaker, or of the two that make a phantom center:
        // these add in step at the ears, up to some hundred hertz, but never in the room.
        let in_room = |index: usize, spectra: &Spectra, phantom: bool| {
            let (heard, pair) = self.direct_energies(index, spectra, phantom, bins);
            let (radiated, omni) = self.diffuse_energies(index, spectra, bins);
            let loudspeakers = if phantom { 2.0 } else { 1.0 };
            (heard + diffuse * radiated) / (pair + diffuse * loudspeakers * omni)
        };
        let gained: Vec<f64> = (0..count)
            .map(|index| {
                let side = |side: usize| in_room(index, &programs[side], false);
                10.0 * (0.5 * (side(0) + side(1)) / in_room(index, center, true)).log10()
            })
            .collect();
        // By third octaves: between them the phantom center of the pair has dips.
        let direct = |spectra: &Spectra, phantom: bool| {
            let energies = (0..count).map(|index| self.direct_energies(index, spectra, phantom, bins));
            let (heard, pair): (Vec<f64>, Vec<f64>) = energies.unzip();
            let [heard, pair] = [heard, pair].map(|energies| self.grid.smooth(&energies, SMOOTHED_OCTAVES));
            self.mean(&heard.iter().zip(pair).map(|(heard, pair)| heard / pair).collect::<Vec<_>>())
        };
        let sides = 0.5 * (direct(&programs[0], false) + direct(&programs[1], false));
        let direct_db = 10.0 * (sides / direct(center, true).max(1e-300)).log10();
        let most_db = MOST_RAISE_DB.min(direct_db - LEAST_DIRECT_DB).max(0.0);
        let raise_db = (0.5 * self.mean(&gained)).clamp(0.0, most_db);
        center.iter_mut().flatten().for_each(|h| *h *= 10f64.powf(raise_db / 20.0));
    }

    /// Radiated power re an omnidirectional driver with the same energy at an ear.
    fn power_re_direct(&self, index: usize, spectra: &Spectra, ear: usize, bins: Bins) -> f64 {
        let frequency_hz = self.grid.frequencies_hz[index];
        let filters = column(spectra, frequency_hz, bins);
        let heard = product(&self.ears[index][ear], &filters).norm_sqr();
        let distance_m = self.device.listener.distance_m;
        let omni = transfer::ideal_ears(&self.device.listener.head, 0.0, distance_m, frequency_hz)[ear].norm_sqr();
        self.power.at(frequency_hz).quadratic_form(&filters) * omni / heard.max(1e-300)
    }

    /// Energy at both ears of the diffuse field re [`diffuse_over_direct`], and that of one omnidirectional loudspeaker.
    fn diffuse_energies(&self, index: usize, spectra: &Spectra, bins: Bins) -> (f64, f64) {
        let frequency_hz = self.grid.frequencies_hz[index];
        let distance_m = self.device.listener.distance_m;
        let ears = transfer::ideal_ears(&self.device.listener.head, 0.0, distance_m, frequency_hz);
        let omni: f64 = ears.iter().map(|ear| ear.norm_sqr()).sum();
        (omni * self.power.at(frequency_hz).quadratic_form(&column(spectra, frequency_hz, bins)), omni)
    }

    /// Energy at both ears, and that of one loudspeaker of the ideal pair, or of its phantom center.
    fn direct_energies(&self, index: usize, spectra: &Spectra, phantom: bool, bins: Bins) -> (f64, f64) {
        let frequency_hz = self.grid.frequencies_hz[index];
        let filters = column(spectra, frequency_hz, bins);
        let heard: f64 = self.ears[index].iter().map(|ear| product(ear, &filters).norm_sqr()).sum();
        let distance_m = self.device.listener.distance_m;
        let [near, far] = transfer::ideal_ears(&self.device.listener.head, IDEAL_ANGLE_DEG, distance_m, frequency_hz);
        let pair = if phantom { 2.0 * (near + far).norm_sqr() } else { near.norm_sqr() + far.norm_sqr() };
        (heard, pair)
    }

    /// Mean of values over the logarithmic axis: as pink noise weighs them.
    fn mean(&self, values: &[f64]) -> f64 {
        let counted = |f: &f64| (LEVEL_HZ.0..=LEVEL_HZ.1).contains(f);
        let chosen = || self.grid.frequencies_hz.iter().zip(values).filter(|(f, _)| counted(f));
        chosen().map(|(_, v)| v).sum::<f64>() / chosen().count().max(1) as f64
    }
}

/// The filters of all drivers at the bin nearest to a frequency.
fn column(spectra: &Spectra, frequency_hz: f64, bins: Bins) -> Vec<Complex> {
    let bin = ((frequency_hz / bins.frequency_hz(1)).round() as usize).min(bins.count() - 1);
    spectra.iter().map(|h| h[bin]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diffuse_field_is_ten_times_the_direct_sound_at_two_meters() {
        assert!((diffuse_over_direct(2.0) - 10.3).abs() < 0.1);
    }
}
