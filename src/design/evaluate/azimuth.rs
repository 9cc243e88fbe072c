//! Where a single loudspeaker would have to stand for a head to hear the same differences between its ears.

use serde::Serialize;

/// An azimuth by what tells it, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Azimuth {
    /// By the time difference, 250 Hz to 1.5 kHz.
    pub by_time_deg: f64,
    /// By the level difference, 2 to 8 kHz.
    pub by_level_deg: f64,
    /// The mean of both.
    pub mean_deg: f64,
}

impl Azimuth {
    /// From both.
    pub fn new(by_time_deg: f64, by_level_deg: f64) -> Self {
        Self { by_time_deg, by_level_deg, mean_deg: 0.5 * (by_time_deg + by_level_deg) }
    }
}

/// A head's differences for single loudspeakers all around the front.
pub struct AzimuthMap {
    /// Azimuth in degrees, time difference in µs, level difference in dB; azimuths rise.
    rows: Vec<[f64; 3]>,
}

impl AzimuthMap {
    /// From rows of azimuth in degrees, time difference in µs and level difference in dB, in order of azimuth.
    pub fn new(rows: Vec<[f64; 3]>) -> Self {
        Self { rows }
    }

    /// The azimuths whose differences come nearest to these.
    pub fn azimuth(&self, time_us: f64, level_db: f64) -> Azimuth {
        Azimuth::new(self.nearest(1, time_us), self.nearest(2, level_db))
    }

    /// The azimuth, interpolated, at which the difference in a column comes nearest to `value`; of equals the one nearer
    /// to the front.
    fn nearest(&self, column: usize, value: f64) -> f64 {
        let (mut best_off, mut best) = (f64::INFINITY, 0.0f64);
        for pair in self.rows.windows(2) {
            let (from, to) = (pair[0][column], pair[1][column]);
            let part = if from == to { 0.0 } else { ((value - from) / (to - from)).clamp(0.0, 1.0) };
            let azimuth_deg = pair[0][0] + part * (pair[1][0] - pair[0][0]);
            let off = (from + part * (to - from) - value).abs();
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

    #[test]
    fn between_azimuths_it_is_interpolated_and_of_equals_the_one_in_front_counts() {
        // The level difference folds back beyond 40°, as a sphere's does.
        let map = AzimuthMap::new(vec![[-20.0, -200.0, -4.0], [0.0, 0.0, 0.0], [40.0, 400.0, 8.0], [80.0, 800.0, 4.0]]);
        let seen = map.azimuth(150.0, 6.0);
        assert!((seen.by_time_deg - 15.0).abs() < 1e-9 && (seen.by_level_deg - 30.0).abs() < 1e-9, "{seen:?}");
        assert!((seen.mean_deg - 22.5).abs() < 1e-9);
        // Beyond all of them the farthest one is nearest.
        let beyond = map.azimuth(900.0, -9.0);
        assert_eq!((beyond.by_time_deg, beyond.by_level_deg), (80.0, -20.0));
    }
}
