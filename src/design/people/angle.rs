//! Apparent angle: where a single loudspeaker would have to stand for a head to hear the same differences.

use serde::Serialize;

use crate::acoustics::{Head, Incident, Listener, wave_number};

use super::heard::{Cues, DELAY_HZ, Grid, Heard, LEVEL_HZ, Point};

/// Azimuths at which the head's own differences are computed, and between which they are interpolated.
const STEP_DEG: f64 = 5.0;
const STEPS: i32 = 18;
/// Parts of a step an angle is given to.
const PARTS: usize = 10;

/// An apparent angle by either difference, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Angles {
    /// By the time difference, 250 Hz to 1.5 kHz.
    pub by_delay_deg: f64,
    /// By the level difference, 2 to 8 kHz.
    pub by_level_deg: f64,
    /// Mean of both.
    pub mean_deg: f64,
}

/// A head's differences over azimuth.
pub struct AngleMap {
    /// Azimuth, degrees, time difference, s, level difference, dB.
    rows: Vec<[f64; 3]>,
}

impl AngleMap {
    /// For loudspeakers `distance_m` from the head, −90° to 90°.
    pub fn new(grid: &Grid, head: &Head, distance_m: f64) -> Self {
        let azimuths: Vec<f64> = (-STEPS..=STEPS).map(|step| f64::from(step) * STEP_DEG).collect();
        let mut cues = vec![Cues::default(); azimuths.len()];
        let counts = |point: &&Point| DELAY_HZ.contains(&point.frequency_hz) || LEVEL_HZ.contains(&point.frequency_hz);
        let listener = Listener::at([0.0; 3]);
        for point in grid.points.iter().filter(counts) {
            let mut head = head.at(wave_number(point.frequency_hz));
            for (azimuth_deg, cues) in azimuths.iter().zip(&mut cues) {
                let (sin, cos) = azimuth_deg.to_radians().sin_cos();
                // A wave from the front travels towards +x, where the listener's back is.
                let incident =
                    Incident { pressure: 1.0.into(), propagation: [cos.into(), (-sin).into(), 0.0.into()], distance_m };
                cues.add(point, head.response(&incident, &listener));
            }
        }
        let row = |(azimuth_deg, cues): (f64, Cues)| [azimuth_deg, cues.delay_s(), cues.level_db()];
        Self { rows: azimuths.into_iter().zip(cues).map(row).collect() }
    }

    /// Where a side's program seems to come from, positive towards its own side.
    pub fn angles(&self, heard: &Heard, side: usize) -> Angles {
        let cues = &heard.cues[side];
        let own_side = if side == 0 { 1.0 } else { -1.0 };
        let by_delay_deg = own_side * self.nearest(1, cues.delay_s());
        let by_level_deg = own_side * self.nearest(2, cues.level_db());
        Angles { by_delay_deg, by_level_deg, mean_deg: 0.5 * (by_delay_deg + by_level_deg) }
    }

    /// The azimuth whose difference in a column is nearest to `value`; of equals the one nearest to the front.
    fn nearest(&self, column: usize, value: f64) -> f64 {
        let (mut best, mut best_off) = (0.0, f64::INFINITY);
        for pair in self.rows.windows(2) {
            for part in 0..=PARTS {
                let share = part as f64 / PARTS as f64;
                let [azimuth, there] = [0, column].map(|c| pair[0][c] + share * (pair[1][c] - pair[0][c]));
                let off = (there - value).abs();
                let nearer = off == best_off && azimuth.abs() < f64::abs(best);
                if off < best_off || nearer {
                    (best, best_off) = (azimuth, off);
                }
            }
        }
        best
    }
}
