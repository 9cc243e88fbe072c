//! Loudness and headroom.

use serde::Serialize;

use crate::acoustics::Complex;

use super::super::filter_set::FilterSet;
use super::super::fir::Bins;
use super::bands::{db, pink_energy};
use super::headroom::Headroom;

/// Share of a typical program's power that is its phantom center; the rest is equal and independent in both channels.
const CENTER_SHARE: f64 = 0.5;

/// What users hear as loudness, and what drivers must bear.
#[derive(Debug, Clone, Serialize)]
pub struct Levels {
    /// Gain of all drivers in the profile, dB.
    pub makeup_gain_db: f64,
    /// Loudness before the limiter re a flat downmix (L+R)/2 on every array driver, dB, for a −14 LUFS program like
    /// any other.
    pub loudness_re_downmix_db: f64,
    /// What the limiter does to synthetic programs; none where the filters fit no chain.
    pub headroom: Option<Headroom>,
    /// The center's energy at the ears re the ideal pair's phantom center, dB; pink-weighted, 200 Hz to 8 kHz.
    pub center_re_phantom_db: f64,
    /// Range of a constant-power pan from L through C to R, dB; pink-weighted energy of both ears.
    pub pan_range_db: f64,
    /// Worst-case gain of each driver with the make-up gain: all inputs at full scale, dB.
    pub worst_case_gain_db: Vec<f64>,
}

/// Ear spectra `[left, right]` of each program.
pub struct Heard<'a> {
    /// L only.
    pub left: &'a [Vec<Complex>; 2],
    /// R only.
    pub right: &'a [Vec<Complex>; 2],
    /// C only.
    pub center: &'a [Vec<Complex>; 2],
    /// Full scale on every array driver.
    pub flat: &'a [Vec<Complex>; 2],
    /// The ideal pair's loudspeakers, left and right.
    pub ideal: &'a [[Vec<Complex>; 2]; 2],
}

/// Figures from what is heard of each program.
pub fn levels(bins: Bins, set: &FilterSet, responses: &[Vec<Vec<Complex>>], heard: &Heard) -> Levels {
    let energy = |ears: &[Vec<Complex>; 2]| pink_energy(bins, &ears[0]) + pink_energy(bins, &ears[1]);
    let (left, right, center) = (energy(heard.left), energy(heard.right), energy(heard.center));
    let phantom = energy(&super::phantom(heard.ideal));
    // The device's level against the ideal pair is free: its sides' programs say what it is.
    let own_ears = |left: &[Vec<Complex>; 2], right: &[Vec<Complex>; 2]| {
        pink_energy(bins, &left[0]) + pink_energy(bins, &right[1])
    };
    let device_level = own_ears(heard.left, heard.right) / own_ears(&heard.ideal[0], &heard.ideal[1]);
    // A phantom center of power p in each channel: (L+R)/2 is it, whole; independent sides halve.
    let sides = 1.0 - CENTER_SHARE;
    let played = CENTER_SHARE * center + sides * (left + right);
    let downmix = energy(heard.flat) * (CENTER_SHARE + 0.5 * sides);
    // A source panned by equal power θ from L to R: the upmix gives what both channels share to C. At the center C
    // carries the whole, in each channel 1/√2.
    let pans = [left, 0.5 * center, right];
    let range = pans.iter().fold(0.0f64, |a, b| a.max(*b)) / pans.iter().fold(f64::INFINITY, |a, b| a.min(*b));
    let makeup = 10f64.powf(set.makeup_gain_db / 20.0);
    let worst = |driver: usize| {
        let count = responses[0][driver].len();
        let sum = |bin: usize| responses.iter().map(|input| input[driver][bin].norm()).sum::<f64>();
        20.0 * ((0..count).map(sum).fold(1e-15, f64::max) * makeup).log10()
    };
    Levels {
        makeup_gain_db: set.makeup_gain_db,
        loudness_re_downmix_db: db(played / downmix.max(1e-300)) + set.makeup_gain_db,
        headroom: None,
        center_re_phantom_db: db(center / phantom.max(1e-300)) - db(device_level),
        pan_range_db: db(range),
        worst_case_gain_db: (0..set.drivers).map(worst).collect(),
    }
}
