//! Responses that change slowly with frequency, computed at few points and interpolated between them in level and delay.

use std::f64::consts::TAU;

use crate::acoustics::{Complex, phasor};

/// Points an octave. With twice as many no cancellation of the shipped devices changes by 0.1 dB.
const PER_OCTAVE: f64 = 12.0;

/// From here upwards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Points {
    lowest_hz: f64,
    count: usize,
}

impl Points {
    /// That cover these frequencies.
    pub fn covering(lowest_hz: f64, highest_hz: f64) -> Points {
        Points { lowest_hz, count: ((highest_hz / lowest_hz).log2() * PER_OCTAVE).ceil().max(1.0) as usize + 1 }
    }

    /// All of them, Hz.
    pub fn frequencies_hz(self) -> impl Iterator<Item = f64> {
        (0..self.count).map(move |point| self.lowest_hz * 2f64.powf(point as f64 / PER_OCTAVE))
    }

    /// The point below a frequency, and how far it is on the way to the next; beyond its ends a response stays.
    pub fn place(self, frequency_hz: f64) -> (usize, f64) {
        let last = self.count - 1;
        let place = ((frequency_hz / self.lowest_hz).max(1e-9).log2() * PER_OCTAVE).clamp(0.0, last as f64);
        let low = (place.floor() as usize).min(last - 1);
        (low, place - low as f64)
    }
}

/// One response at all points: level, natural logarithm; and how much it leads, s.
#[derive(Debug, Clone, Default)]
pub(super) struct Smooth(Vec<(f64, f64)>);

impl Smooth {
    /// The response at the next point. Its phase goes on from that before it: as a delay it is nearly the same.
    pub fn push(&mut self, frequency_hz: f64, response: Complex) {
        let omega = TAU * frequency_hz;
        let expected = omega * self.0.last().map_or(0.0, |(_, lead_s)| *lead_s);
        let phase = response.arg();
        let phase = phase - TAU * ((phase - expected) / TAU).round();
        self.0.push((response.norm().max(1e-30).ln(), phase / omega));
    }

    /// The response at `place` of a frequency.
    pub fn at(&self, (low, part): (usize, f64), frequency_hz: f64) -> Complex {
        let (a, b) = (self.0[low], self.0[low + 1]);
        let (level, lead_s) = (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part);
        phasor(TAU * frequency_hz * lead_s) * level.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_the_points_a_delay_and_a_slope_are_what_they_were() {
        let points = Points::covering(40.0, 21_000.0);
        let response = |hz: f64| phasor(-TAU * hz * 7e-4) * (hz / 1000.0).powf(0.3);
        let mut smooth = Smooth::default();
        points.frequencies_hz().for_each(|hz| smooth.push(hz, response(hz)));
        for hz in [40.0, 41.3, 997.0, 12_345.0, 21_000.0] {
            assert!((smooth.at(points.place(hz), hz) - response(hz)).norm() < 1e-9 * response(hz).norm(), "{hz} Hz");
        }
        assert_eq!(points.place(3.0), (0, 0.0));
    }
}
