//! What a listener in another place hears of a profile: the direct figures, there.

use serde::Serialize;

use crate::acoustics::vector::norm;
use crate::acoustics::{Complex, Listener};

use super::device::Device;
use super::evaluate::PerOctave;
use super::evaluate::bands::{OCTAVES_HZ, Tone, highest, pink_energy, tone};
use super::evaluate::ears::{EarGrid, cancellation, ideal_sparse, sum_of_products};
use super::filter_set::FilterSet;
use super::fir::Bins;
use super::{IDEAL_ANGLE_DEG, transfer};

/// Every so many bins count: 8.8 Hz apart.
const EVERY: usize = 3;

/// The direct sound at one place.
#[derive(Debug, Clone, Serialize)]
pub struct SeatFigures {
    /// XTC, dB.
    pub xtc_db: PerOctave,
    /// L only, at the left ear, against the ideal ±30° pair.
    pub left: Tone,
    /// R only, at the right ear.
    pub right: Tone,
    /// The center at the head's middle, against flat.
    pub center: Tone,
    /// Pink-weighted energy of L at the left ear and R at the right one, re 1 Pa, dB.
    pub level_db: f64,
    /// Pink-weighted energy of the center at both ears, dB.
    pub center_level_db: f64,
}

/// The figures of `set` on `device` for a listener.
pub fn at(device: &Device, set: &FilterSet, listener: &Listener) -> SeatFigures {
    let bins =
        Bins { length: set.taps().next_power_of_two().max(16_384), sample_rate_hz: f64::from(set.sample_rate_hz) };
    let responses = set.responses(bins);
    let head = &device.listener.head;
    let grid = EarGrid::sparse(&device.drivers, head, listener, bins, EVERY);
    let [left, right, center] = [0, 1, 2].map(|input| grid.both(&responses[input]));
    let [ideal_left, ideal_right] = [IDEAL_ANGLE_DEG, -IDEAL_ANGLE_DEG]
        .map(|azimuth_deg| ideal_sparse(bins, head, azimuth_deg, norm(listener.position), EVERY));
    let mut middle = vec![vec![Complex::ZERO; highest(bins)]; device.drivers.len()];
    let mut flat = vec![Complex::ZERO; highest(bins)];
    for bin in (EVERY..highest(bins)).step_by(EVERY) {
        let here = transfer::to_point(&device.drivers, listener.position, bins.frequency_hz(bin));
        middle.iter_mut().zip(here).for_each(|(spectrum, value)| spectrum[bin] = value);
        flat[bin] = Complex::ONE;
    }
    let db = |energy: f64| 10.0 * energy.max(1e-300).log10();
    SeatFigures {
        xtc_db: cancellation(bins, &left, &right),
        left: tone(bins, &left[0], &ideal_left[0]),
        right: tone(bins, &right[1], &ideal_right[1]),
        center: tone(bins, &sum_of_products(&middle, &responses[2]), &flat),
        level_db: db(0.5 * (pink_energy(bins, &left[0]) + pink_energy(bins, &right[1]))),
        center_level_db: db(pink_energy(bins, &center[0]) + pink_energy(bins, &center[1])),
    }
}

/// The figures of a seat as people read them: with the filters as they were designed, and turned to it.
pub fn table(place: &str, plain: &SeatFigures, turned: &SeatFigures) -> String {
    let row = |name: &str, figures: &SeatFigures| {
        let octaves: String = figures.xtc_db.iter().map(|db| format!("{db:>7.1}")).collect();
        let tone = |tone: Tone| format!("{:>5.1} {:>4.1}", tone.rms_db, tone.max_db);
        let [left, right, center] = [figures.left, figures.right, figures.center].map(tone);
        format!("{name:<16}{octaves}   {left}  {right}  {center}\n")
    };
    let heads: String = OCTAVES_HZ.iter().map(|hz| format!("{hz:>7.0}")).collect();
    format!(
        "seat {place}: XTC in dB by octave, and the tone of left, right and center (rms, largest)\n{:<16}{heads}         L           R           C\n{}{}",
        "Hz",
        row("not turned", plain),
        row("turned to it", turned)
    )
}
