//! A measured head's own differences over azimuth, and where a side's program seems to be by them.

use crate::acoustics::{Head, Incident, Listener, wave_number};

use super::super::evaluate::azimuth::{Azimuth, AzimuthMap};
use super::heard::{Cues, Grid, Heard};

/// Azimuths at which the head's own differences are computed, and between which they are interpolated.
const STEP_DEG: f64 = 5.0;
const STEPS: i32 = 18;

/// For loudspeakers `distance_m` from the head, −90° to 90°.
pub fn map(grid: &Grid, head: &Head, distance_m: f64) -> AzimuthMap {
    let azimuths: Vec<f64> = (-STEPS..=STEPS).map(|step| f64::from(step) * STEP_DEG).collect();
    let mut cues = vec![Cues::default(); azimuths.len()];
    let listener = Listener::at([0.0; 3]);
    for point in &grid.points {
        let mut head = head.at(wave_number(point.frequency_hz));
        for (azimuth_deg, cues) in azimuths.iter().zip(&mut cues) {
            let (sin, cos) = azimuth_deg.to_radians().sin_cos();
            // A wave from the front travels towards +x, where the listener's back is.
            let incident =
                Incident { pressure: 1.0.into(), propagation: [cos.into(), (-sin).into(), 0.0.into()], distance_m };
            cues.add(point, head.response(&incident, &listener));
        }
    }
    AzimuthMap::new(azimuths.into_iter().zip(cues.iter().map(Cues::differences)).collect())
}

/// Where a side's program seems to come from, positive towards its own side.
pub fn of(map: &AzimuthMap, heard: &Heard, side: usize) -> Azimuth {
    let seen = map.azimuth(&heard.cues[side].differences());
    if side == 0 { seen } else { seen.mirrored() }
}
