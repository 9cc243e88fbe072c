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

/// Largest effort, by mode; with a virtual source the same width costs more. In the treble a driver that would have to
/// fight its cabinet's shadow leaves the work to another.
pub fn effort(mode: Mode, virtualized: bool) -> Curve {
    let points: &[(f64, f64)] = match (mode, virtualized) {
        (Mode::Balanced | Mode::Room, false) => &[(100.0, 0.0), (400.0, 6.0), (4000.0, 6.0), (8000.0, 3.8)],
        (Mode::Wide, false) => {
            &[(100.0, 6.0), (200.0, 12.0), (700.0, 12.0), (1000.0, 11.5), (4000.0, 8.0), (8000.0, 3.8)]
        }
        (Mode::Balanced | Mode::Room, true) => {
            // Below 400 Hz effort costs the room next to nothing and parts the ears in time; 6 dB at 250 Hz are all that
            // drivers which are not quite alike leave worth having.
            &[
                (100.0, 0.0),
                (200.0, 5.0),
                (315.0, 8.0),
                (500.0, 8.5),
                (1000.0, 11.0),
                (2000.0, 9.0),
                (4000.0, 6.0),
                (8000.0, 3.0),
            ]
        }
        (Mode::Wide, true) => {
            &[(200.0, 6.0), (350.0, 10.0), (500.0, 11.0), (1000.0, 14.0), (2000.0, 9.0), (4000.0, 8.0), (8000.0, 3.0)]
        }
    };
    Curve::new(points)
}

/// Largest radiated power of a side's program re an omnidirectional driver, by mode: what the room gets beside what
/// the listener gets. Without a virtual source it is there to be spent on cancellation.
pub fn power(mode: Mode, virtualized: bool) -> Curve {
    let power_db = match (mode, virtualized) {
        (Mode::Room, _) => 4.0,
        (Mode::Balanced, true) => 6.0,
        (Mode::Wide, true) => 9.0,
        (Mode::Balanced, false) => 7.5,
        (Mode::Wide, false) => 11.0,
    };
    Curve::new(&[(1000.0, power_db)])
}

/// What a side's program may be in a room, by the power it may radiate: tone (standard deviation, hump), dB.
pub fn room_tone(power_db: f64) -> [f64; 2] {
    if is_for_the_angle(power_db) { [4.0, 5.5] } else { [3.0, 4.0] }
}

/// Most that the sides give up at all frequencies of the power they may radiate, for their balance with the center, dB.
pub fn power_for_balance(power_db: f64) -> f64 {
    if is_for_the_angle(power_db) { 0.0 } else { 1.5 }
}

/// True where a side may radiate clearly more than mode `balanced` lets it (6 dB), as in mode `wide`: that is asked for to
/// have the sides farther apart.
fn is_for_the_angle(power_db: f64) -> bool {
    power_db > 6.5
}

/// Most that the sides may be louder, or less loud, than the center in a room, against a real pair, dB.
pub const ROOM_BALANCE_DB: f64 = 5.0;
