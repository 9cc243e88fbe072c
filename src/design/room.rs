//! Tone and level for a listener in a room: what reaches one there is mostly the radiated power, not the direct sound.

use crate::acoustics::{Complex, Listener, phasor};

use super::curve::LogGrid;
use super::device::{Device, Driver};
use super::evaluate::bands::thirds;
use super::fir::{self, Bins};
use super::hermitian::product;
use super::radiation::RadiatedPower;
use super::{Spectra, transfer};

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
/// Energy of the diffuse field over that of the direct sound of an omnidirectional source (Sabine): (r/r_c)², with
/// r_c = 0.057·√(V/RT).
pub fn diffuse_over_direct(distance_m: f64) -> f64 {
    (distance_m / 0.057).powi(2) * REVERBERATION_S / VOLUME_M3
}

/// Filters of all drivers at each frequency a room is looked at: `[frequency][driver]`.
pub type Columns = Vec<Vec<Complex>>;

/// How much louder the sides are than the center, against a real pair, dB.
#[derive(Debug, Clone, Copy)]
pub struct Balance {
    /// In the room.
    pub room_db: f64,
    /// Of the direct sound.
    pub direct_db: f64,
}

/// What a device's programs become in a room, while it is designed.
pub struct Room<'a> {
    device: &'a Device,
    power: &'a RadiatedPower,
    grid: LogGrid,
    /// At each frequency of the grid, to both ears.
    ears: Vec<transfer::EarVectors>,
    /// Whether the drivers play there; elsewhere others do, which follow them in level.
    played: Vec<bool>,
}

impl<'a> Room<'a> {
    /// Around a listener at the design point.
    pub fn new(device: &'a Device, drivers: &'a [Driver], power: &'a RadiatedPower) -> Self {
        let grid = LogGrid::new(EQUALIZED_HZ.0, EQUALIZED_HZ.1, PER_OCTAVE);
        let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
        let head = &device.listener.head;
        let ears = grid.frequencies_hz.iter().map(|f| transfer::to_ears(drivers, head, &listener, *f)).collect();
        let played = grid.frequencies_hz.iter().map(|f| drivers.iter().any(|d| d.share(*f) > 0.0)).collect();
        Self { device, power, grid, ears, played }
    }

    /// The frequencies at which a room is looked at.
    pub fn grid(&self) -> &LogGrid {
        &self.grid
    }

    /// The filters of a program there.
    pub fn columns(&self, spectra: &Spectra, bins: Bins) -> Columns {
        let column = |frequency_hz: &f64| {
            let bin = ((frequency_hz / bins.frequency_hz(1)).round() as usize).min(bins.count() - 1);
            spectra.iter().map(|h| h[bin]).collect()
        };
        self.grid.frequencies_hz.iter().map(column).collect()
    }

    /// Turns both programs' tone halfway to that of an omnidirectional pair in the room: −½·10·log₁₀ P(f), the same
    /// minimum-phase equalizer for both. Their direct sound's mean level stays.
    pub fn level_tone(&self, programs: &mut [Spectra], bins: Bins) {
        let levels_db = self.tone_db([0, 1].map(|side| self.columns(&programs[side], bins)).each_ref());
        let magnitudes: Vec<f64> = (0..bins.count())
            .map(|bin| 10f64.powf(self.grid.interpolate(&levels_db, bins.frequency_hz(bin).max(1.0)) / 20.0))
            .collect();
        let phases = fir::minimum_phase(&magnitudes, bins);
        for spectrum in programs.iter_mut().flatten() {
            spectrum.iter_mut().zip(magnitudes.iter().zip(&phases)).for_each(|(h, (m, p))| *h *= phasor(*p) * *m);
        }
    }

    /// The equalizer of [`Self::level_tone`], dB.
    pub fn tone_db(&self, sides: [&Columns; 2]) -> Vec<f64> {
        let played: Vec<usize> = (0..self.played.len()).filter(|index| self.played[*index]).collect();
        let power_db: Vec<f64> = (0..self.grid.frequencies_hz.len())
            .map(|index| played.iter().copied().min_by_key(|other| other.abs_diff(index)).unwrap_or(index))
            .map(|index| {
                let of = |side: usize| self.power_re_direct(index, &sides[side][index], side);
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
        levels.iter().map(|level| level - mean).collect()
    }

    /// The sides' level re the center's, against the ideal pair's, dB; pink-weighted.
    pub fn balance(&self, sides: [&Columns; 2], center: &Columns) -> Balance {
        let diffuse = diffuse_over_direct(self.device.listener.distance_m);
        let level = |columns: &Columns, side: Option<usize>, diffuse: f64| {
            let energies = |index: usize| {
                let filters = &columns[index];
                let (heard, pair) = self.direct_energies(index, filters, side);
                let (radiated, omni) = self.diffuse_energies(index, filters);
                // The two loudspeakers of a phantom center add in step at the ears, up to some hundred hertz, but never
                // in the room.
                let loudspeakers = if side.is_none() { 2.0 } else { 1.0 };
                (heard + diffuse * radiated, pair + diffuse * loudspeakers * omni)
            };
            // By third octaves: within them the phantom center of the pair has dips.
            let levels_db: Vec<f64> = thirds(LEVEL_HZ)
                .filter_map(|(low_hz, high_hz)| {
                    let in_third = |index: &usize| (low_hz..high_hz).contains(&self.grid.frequencies_hz[*index]);
                    let counted = |index: &usize| in_third(index) && self.played[*index];
                    let sum = |(a, b): (f64, f64), (c, d): (f64, f64)| (a + c, b + d);
                    let (heard, pair) = (0..columns.len()).filter(counted).map(energies).reduce(sum)?;
                    Some(10.0 * (heard / pair.max(1e-300)).max(1e-30).log10())
                })
                .collect();
            levels_db.iter().sum::<f64>() / levels_db.len().max(1) as f64
        };
        let [room_db, direct_db] = [diffuse, 0.0].map(|diffuse| {
            let of_sides = 0.5 * (level(sides[0], Some(0), diffuse) + level(sides[1], Some(1), diffuse));
            of_sides - level(center, None, diffuse)
        });
        Balance { room_db, direct_db }
    }

    /// Radiated power re an omnidirectional driver with the same energy at an ear.
    fn power_re_direct(&self, index: usize, filters: &[Complex], ear: usize) -> f64 {
        let frequency_hz = self.grid.frequencies_hz[index];
        let heard = product(&self.ears[index][ear], filters).norm_sqr();
        let distance_m = self.device.listener.distance_m;
        let omni = transfer::ideal_ears(&self.device.listener.head, 0.0, distance_m, frequency_hz)[ear].norm_sqr();
        self.power.at(frequency_hz).quadratic_form(filters) * omni / heard.max(1e-300)
    }

    /// Energy at both ears of the diffuse field re [`diffuse_over_direct`], and that of one omnidirectional loudspeaker.
    fn diffuse_energies(&self, index: usize, filters: &[Complex]) -> (f64, f64) {
        let frequency_hz = self.grid.frequencies_hz[index];
        let distance_m = self.device.listener.distance_m;
        let ears = transfer::ideal_ears(&self.device.listener.head, 0.0, distance_m, frequency_hz);
        let omni: f64 = ears.iter().map(|ear| ear.norm_sqr()).sum();
        (omni * self.power.at(frequency_hz).quadratic_form(filters), omni)
    }

    /// Energy at both ears, and that of the ideal pair's loudspeaker on that side, or of its phantom center.
    fn direct_energies(&self, index: usize, filters: &[Complex], side: Option<usize>) -> (f64, f64) {
        let frequency_hz = self.grid.frequencies_hz[index];
        let heard: f64 = self.ears[index].iter().map(|ear| product(ear, filters).norm_sqr()).sum();
        let (head, distance_m) = (&self.device.listener.head, self.device.listener.distance_m);
        let pair = match side {
            Some(side) => transfer::ideal_side(head, side, distance_m, frequency_hz),
            None => transfer::ideal_phantom(head, distance_m, frequency_hz),
        };
        (heard, pair.iter().map(|ear| ear.norm_sqr()).sum())
    }

    /// Mean of values over the logarithmic axis, as pink noise weighs them, where the drivers play.
    fn mean(&self, values: &[f64]) -> f64 {
        let frequencies_hz = &self.grid.frequencies_hz;
        let counted = |index: usize| (LEVEL_HZ.0..=LEVEL_HZ.1).contains(&frequencies_hz[index]) && self.played[index];
        let chosen = || values.iter().enumerate().filter(|(index, _)| counted(*index)).map(|(_, value)| value);
        chosen().sum::<f64>() / chosen().count().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diffuse_field_is_ten_times_the_direct_sound_at_two_meters() {
        assert!((diffuse_over_direct(2.0) - 10.3).abs() < 0.1);
    }
}
