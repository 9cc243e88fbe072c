//! Where a design stays short of its target, by how much, and why.

use std::f64::consts::SQRT_2;

use super::device::Device;
use super::evaluate::Figures;
use super::file::Role;

/// Octaves at which the delay between the ears decides where a sound is: 250 Hz to 2 kHz.
const DELAY_OCTAVES: usize = 4;
/// An effort this close to its limit has used it up, dB.
const USED_UP_DB: f64 = 1.0;

/// A sentence for each shortfall.
pub fn shortfalls(device: &Device, figures: &Figures) -> Vec<String> {
    if device.indices_of(Role::Array).len() < 2 {
        return Vec::new();
    }
    let octaves = figures.octaves_hz.iter().copied().enumerate();
    let Some(angle_deg) = device.virtual_angle_deg else {
        let reached = figures.crosstalk.first().map_or([0.0; 6], |p| p.xtc_db);
        return octaves
            .map(|(octave, center)| (octave, center, device.crosstalk.gain_db.at(center)))
            .filter(|(octave, _, target)| reached[*octave] < target - 0.5)
            .map(|(octave, center, target)| {
                let (xtc, why) = (reached[octave], reason(device, figures, octave));
                format!("cancellation at {center} Hz is {xtc:.1} dB, {:.1} short of its target: {why}", target - xtc)
            })
            .collect();
    };
    let (got, ideal) = (figures.interaural_delay_us.device, figures.interaural_delay_us.ideal);
    octaves
        .take(DELAY_OCTAVES)
        .filter(|(octave, _)| got[*octave] < 0.75 * ideal[*octave])
        .map(|(octave, center)| {
            let (itd, short, why) = (got[octave], ideal[octave] - got[octave], reason(device, figures, octave));
            format!("ITD at {center} Hz is {itd:.0} µs, {short:.0} short of a real pair at ±{angle_deg}°: {why}")
        })
        .collect()
}

/// What keeps an octave from its target: the power it would take, or the room the head must have.
fn reason(device: &Device, figures: &Figures, octave: usize) -> String {
    let center = figures.octaves_hz[octave];
    let (effort_db, limit_db) = (figures.effort_db[octave], device.crosstalk.effort_db.at(center));
    // The limit may rise within the octave; what counts is its tightest part.
    let edges = [center / SQRT_2, center * SQRT_2].map(|hz| device.crosstalk.effort_db.at(hz));
    let tightest_db = edges.into_iter().fold(limit_db, f64::min);
    if effort_db > tightest_db - USED_UP_DB {
        format!("drivers this close would need more than {limit_db:.1} dB of effort")
    } else if device.low_crossover_hz.is_some_and(|hz| hz > center / SQRT_2)
        || device.high_crossover_hz.is_some_and(|hz| hz < center * SQRT_2)
    {
        "drivers outside the array play part of it, in mono".to_owned()
    } else {
        format!(
            "it shall hold over ±{:.0} cm and with drivers that differ by 0.5 dB and 4°",
            100.0 * device.listener.window_m
        )
    }
}
