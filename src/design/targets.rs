//! What a design aims at where the description does not say.

use super::curve::Curve;
use super::file::Mode;

/// Largest cancellation gain worth having: more is lost as soon as the listener moves.
pub fn cancellation() -> Curve {
    Curve::new(&[
        (100.0, 2.0),
        (250.0, 4.0),
        (500.0, 8.0),
        (1000.0, 12.0),
        (2000.0, 15.0),
        (6000.0, 15.0),
        (10_000.0, 11.0),
        (16_000.0, 6.0),
    ])
}

/// Largest effort, by mode; with a virtual source the same width costs more.
pub fn effort(mode: Mode, virtualized: bool) -> Curve {
    let points: &[(f64, f64)] = match (mode, virtualized) {
        (Mode::Balanced, false) => &[(100.0, 0.0), (400.0, 6.0), (4000.0, 6.0), (8000.0, 11.0)],
        (Mode::Wide, false) => {
            &[(100.0, 6.0), (200.0, 12.0), (700.0, 12.0), (1000.0, 11.5), (4000.0, 8.0), (8000.0, 11.0)]
        }
        (Mode::Balanced, true) => {
            &[(100.0, 0.0), (250.0, 4.5), (500.0, 8.0), (1000.0, 11.0), (2000.0, 9.0), (4000.0, 6.0), (8000.0, 11.5)]
        }
        (Mode::Wide, true) => {
            &[(200.0, 6.0), (350.0, 10.0), (500.0, 11.0), (1000.0, 14.0), (2000.0, 9.0), (4000.0, 8.0), (8000.0, 11.5)]
        }
    };
    Curve::new(points)
}
