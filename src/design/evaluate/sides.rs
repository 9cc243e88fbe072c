//! What a side's program costs and does to the ears: of left and right each, and the worse of both.

use serde::Serialize;

use super::{Beside, PerOctave};

/// Figures of a side's program.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// Effort, dB.
    pub effort_db: PerOctave,
    /// Radiated power, dB re an omnidirectional driver.
    pub radiated_power_db: PerOctave,
    /// ITD, µs, positive where its own ear leads, and that of the ideal pair; to 1 kHz.
    pub interaural_delay_us: Beside<3>,
    /// ILD, dB, positive where its own ear is the louder, and that of the ideal pair.
    pub interaural_level_db: Beside<6>,
}

/// Sides whose levels differ by no more than this are alike, dB: the directions over which radiated power is averaged are not
/// mirror images of each other, so that equal sides differ a little.
pub const ALIKE_DB: f64 = 0.1;
/// … or whose delays differ by no more than this, µs.
pub const ALIKE_US: f64 = 2.0;

impl Side {
    /// Of either figure and octave the worse: what costs more, and what falls shorter of the ideal pair. Of two alike that of
    /// the left program.
    pub fn worse([left, right]: &[Side; 2]) -> Side {
        let larger = |left: PerOctave, right: PerOctave| {
            std::array::from_fn(|o| if right[o] > left[o] + ALIKE_DB { right[o] } else { left[o] })
        };
        Side {
            effort_db: larger(left.effort_db, right.effort_db),
            radiated_power_db: larger(left.radiated_power_db, right.radiated_power_db),
            interaural_delay_us: left.interaural_delay_us.shorter(&right.interaural_delay_us, ALIKE_US),
            interaural_level_db: left.interaural_level_db.shorter(&right.interaural_level_db, ALIKE_DB),
        }
    }
}

impl<const OCTAVES: usize> Beside<OCTAVES> {
    /// How far it falls short of the ideal in an octave.
    pub fn short(&self, octave: usize) -> f64 {
        self.ideal[octave] - self.device[octave]
    }

    /// Octave by octave this one, or the other where that falls shorter by more than what is `alike`.
    fn shorter(&self, other: &Self, alike: f64) -> Self {
        let of = |octave: usize| if other.short(octave) > self.short(octave) + alike { other } else { self };
        Self {
            device: std::array::from_fn(|octave| of(octave).device[octave]),
            ideal: std::array::from_fn(|octave| of(octave).ideal[octave]),
        }
    }
}
