//! Where a single loudspeaker would have to stand for a head to hear the same differences between its ears.

use std::f64::consts::TAU;
use std::ops::Range;

use serde::Serialize;

use crate::acoustics::Complex;

use super::bands::db;

/// Where time differences say where a sound is, Hz.
pub const TIME_HZ: Range<f64> = 250.0..1500.0;
/// Where level differences do, Hz.
pub const LEVEL_HZ: Range<f64> = 2000.0..8000.0;

/// An azimuth by what tells it, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Azimuth {
    /// By the time difference, over [`TIME_HZ`].
    pub by_time_deg: f64,
    /// By the level difference, over [`LEVEL_HZ`].
    pub by_level_deg: f64,
    /// The mean of both.
    pub mean_deg: f64,
    /// Where both, by third octave, come nearest at once.
    pub nearest_deg: f64,
}

impl Azimuth {
    /// As a listener who looks into a mirror has it.
    pub fn mirrored(self) -> Self {
        Self {
            by_time_deg: -self.by_time_deg,
            by_level_deg: -self.by_level_deg,
            mean_deg: -self.mean_deg,
            nearest_deg: -self.nearest_deg,
        }
    }
}

/// Differences between the ears that tell an azimuth.
#[derive(Debug, Clone, Default)]
pub struct Differences {
    /// Time over the whole of its range, µs; positive if the left ear leads.
    pub time_us: f64,
    /// Level over the whole of its range, left re right, dB.
    pub level_db: f64,
    /// Both by third octave.
    pub thirds: Thirds,
}

/// Third octaves of 250 Hz to 1.25 kHz, whose time differences, and of 2 to 8 kHz, whose level differences count.
const TIMES: usize = 8;
const LEVELS: usize = 7;
const LOWEST_TIME_HZ: f64 = 250.0;
const LOWEST_LEVEL_HZ: f64 = 2000.0;
/// What counts as much of either, in µs and dB: about what is just noticeable. Breebaart & Faller (Spatial Audio Processing,
/// 2007, 3.5.1) have 0.05 rad below 1 kHz, 20 µs at 400 Hz, and 0.5 to 1 dB.
const ALIKE_US: f64 = 20.0;
const ALIKE_DB: f64 = 1.0;

/// Sums over third octaves of what both ears hear.
#[derive(Debug, Clone, Default)]
pub struct Thirds {
    /// Left*·right.
    cross: [Complex; TIMES],
    /// Energies of both ears.
    energies: [[f64; 2]; LEVELS],
}

impl Thirds {
    /// Adds what the ears hear at a frequency, which stands for a width of so many Hz, or bins.
    pub fn add(&mut self, frequency_hz: f64, width: f64, [left, right]: [Complex; 2]) {
        let third = |lowest_hz: f64| {
            let index = (3.0 * (frequency_hz / lowest_hz).log2()).round();
            (index >= 0.0).then_some(index as usize)
        };
        if let Some(cross) = third(LOWEST_TIME_HZ).and_then(|index| self.cross.get_mut(index)) {
            *cross += left.conj() * right * width;
        }
        if let Some([of_left, of_right]) = third(LOWEST_LEVEL_HZ).and_then(|index| self.energies.get_mut(index)) {
            *of_left += left.norm_sqr() * width;
            *of_right += right.norm_sqr() * width;
        }
    }

    /// How far these differ from others: in time, as the shortest of the lags that have the phase, and in level, each in
    /// units of what counts as much of either, and so that the squares add up to the sum of both means of squares.
    fn apart(&self, from: &Self) -> [f64; TIMES + LEVELS] {
        let level_db = |thirds: &Self, i: usize| db(thirds.energies[i][0]) - db(thirds.energies[i][1]);
        std::array::from_fn(|i| match i.checked_sub(TIMES) {
            None => {
                let center_hz = LOWEST_TIME_HZ * 2f64.powf(i as f64 / 3.0);
                let lag_us = -(self.cross[i] * from.cross[i].conj()).arg() / (TAU * center_hz) * 1e6;
                lag_us / ALIKE_US / (TIMES as f64).sqrt()
            }
            Some(i) => (level_db(self, i) - level_db(from, i)) / ALIKE_DB / (LEVELS as f64).sqrt(),
        })
    }
}

/// A head's differences for single loudspeakers all around the front.
pub struct AzimuthMap {
    /// Azimuth in degrees and what is heard from there; azimuths rise.
    rows: Vec<(f64, Differences)>,
}

impl AzimuthMap {
    /// From azimuths in degrees, which rise, and what is heard from there.
    pub fn new(rows: Vec<(f64, Differences)>) -> Self {
        Self { rows }
    }

    /// The azimuths whose differences come nearest to these.
    pub fn azimuth(&self, heard: &Differences) -> Azimuth {
        let by_time_deg = self.nearest(heard, |a, b| [a.time_us - b.time_us]);
        let by_level_deg = self.nearest(heard, |a, b| [a.level_db - b.level_db]);
        Azimuth {
            by_time_deg,
            by_level_deg,
            mean_deg: 0.5 * (by_time_deg + by_level_deg),
            nearest_deg: self.nearest(heard, |a, b| a.thirds.apart(&b.thirds)),
        }
    }

    /// The azimuth from which what is heard is the least `apart` from this, as the root of the sum of squares; between two
    /// azimuths of the map each of these changes linearly. Of equals the one nearer to the front.
    fn nearest<const N: usize>(
        &self,
        heard: &Differences,
        apart: impl Fn(&Differences, &Differences) -> [f64; N],
    ) -> f64 {
        let (mut best_off, mut best) = (f64::INFINITY, 0.0f64);
        for pair in self.rows.windows(2) {
            let (step, whole) = (apart(&pair[1].1, &pair[0].1), apart(heard, &pair[0].1));
            let product = |a: &[f64; N], b: &[f64; N]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let length = product(&step, &step);
            let part = if length > 0.0 { (product(&whole, &step) / length).clamp(0.0, 1.0) } else { 0.0 };
            let left: [f64; N] = std::array::from_fn(|i| whole[i] - part * step[i]);
            let off = product(&left, &left).sqrt();
            let azimuth_deg = pair[0].0 + part * (pair[1].0 - pair[0].0);
            let equal = (off - best_off).abs() <= 1e-9;
            if if equal { azimuth_deg.abs() < best.abs() } else { off < best_off } {
                (best_off, best) = (off.min(best_off), azimuth_deg);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acoustics::phasor;

    /// A head whose ears differ by a lag and a level at all frequencies.
    fn differences(time_us: f64, level_db: f64) -> Differences {
        let mut heard = Differences { time_us, level_db, thirds: Thirds::default() };
        for frequency_hz in (0..150).map(|i| 212.0 * 2f64.powf(f64::from(i) / 24.0)) {
            let right = phasor(-TAU * frequency_hz * time_us * 1e-6) * 10f64.powf(-level_db / 20.0);
            heard.thirds.add(frequency_hz, frequency_hz, [Complex::ONE, right]);
        }
        heard
    }

    fn map(rows: &[[f64; 3]]) -> AzimuthMap {
        AzimuthMap::new(rows.iter().map(|[azimuth, time, level]| (*azimuth, differences(*time, *level))).collect())
    }

    #[test]
    fn between_azimuths_it_is_interpolated_and_of_equals_the_one_in_front_counts() {
        // The level difference folds back beyond 40°, as a sphere's does.
        let map = map(&[[-20.0, -200.0, -4.0], [0.0, 0.0, 0.0], [40.0, 400.0, 8.0], [80.0, 800.0, 4.0]]);
        let seen = map.azimuth(&differences(150.0, 6.0));
        assert!((seen.by_time_deg - 15.0).abs() < 1e-9 && (seen.by_level_deg - 30.0).abs() < 1e-9, "{seen:?}");
        assert!((seen.mean_deg - 22.5).abs() < 1e-9);
        // Beyond all of them the farthest one is nearest.
        let beyond = map.azimuth(&differences(900.0, -9.0));
        assert_eq!((beyond.by_time_deg, beyond.by_level_deg), (80.0, -20.0));
    }

    #[test]
    fn both_at_once_lie_where_the_squares_of_either_in_what_counts_as_much_are_least() {
        // 10 µs and 0.2 dB a degree: half of what counts as much, and a fifth.
        let rows: Vec<[f64; 3]> = (-40..=40).map(f64::from).map(|deg| [deg, 10.0 * deg, 0.2 * deg]).collect();
        let map = map(&rows);
        for deg in [-30.0, -7.5, 0.0, 11.0, 30.0] {
            let seen = map.azimuth(&differences(10.0 * deg, 0.2 * deg));
            assert!((seen.nearest_deg - deg).abs() < 0.05, "{deg}°: {seen:?}");
        }
        // Least of ((10·x − 50)/20)² + (0.2·x − 6)²: between 5° by time and 30° by level.
        let (time, level) = (10.0f64 / 20.0, 0.2f64);
        let expected = (time.powi(2) * 5.0 + level.powi(2) * 30.0) / (time.powi(2) + level.powi(2));
        let seen = map.azimuth(&differences(50.0, 6.0));
        assert!((seen.nearest_deg - expected).abs() < 0.05, "{expected:.2}°: {seen:?}");
        let other_side = map.azimuth(&differences(-50.0, -6.0));
        assert!((other_side.nearest_deg - seen.mirrored().nearest_deg).abs() < 1e-9, "{other_side:?}");
    }

    #[test]
    fn a_lag_of_more_than_half_a_wave_is_known_by_the_longer_ones() {
        // 700 µs are more than half of a wave from 714 Hz on, and twice that from side to side.
        let rows: Vec<[f64; 3]> = (-70..=70).map(f64::from).map(|deg| [deg, 10.0 * deg, 0.0]).collect();
        for deg in [-70.0, -45.0, 45.0, 70.0] {
            let seen = map(&rows).azimuth(&differences(10.0 * deg, 0.0));
            assert!((seen.nearest_deg - deg).abs() < 0.5, "{deg}°: {seen:?}");
        }
    }
}
