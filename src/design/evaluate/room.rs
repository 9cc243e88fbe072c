//! What a listener in a living room gets, by a model simple enough to print: Sabine's diffuse field beside the direct
//! sound, and the azimuth whose ear signals come nearest.

use std::ops::Range;

use serde::Serialize;

use crate::acoustics::{Complex, Head, Listener};

use super::super::device::Device;
use super::super::fir::Bins;
use super::super::room::diffuse_over_direct;
use super::PerOctave;
use super::azimuth::{Azimuth, AzimuthMap, Differences, LEVEL_HZ, TIME_HZ, Thirds};
use super::bands::{db, energy, range, thirds};
use super::ears::{self, EarGrid};
use super::space::Field;

/// Azimuths a sound is looked for at, degrees to either side.
const FARTHEST_DEG: i32 = 60;
/// Of the bins one in so many is enough here.
const EVERY: usize = 4;
/// The thirds of the tone, Hz.
const TONE_HZ: (f64, f64) = (200.0, 8000.0);

/// Figures of the device in a room of 60 m³ with a reverberation time of 0.5 s.
#[derive(Debug, Clone, Serialize)]
pub struct InRoom {
    /// Largest radiated power of a side's program, octaves 250 Hz to 4 kHz, dB re an omnidirectional driver.
    pub largest_power_db: f64,
    /// Third octaves of a side's program about their mean re the ideal pair's, in the room: standard deviation, dB.
    pub tone_rms_db: f64,
    /// The highest of them over the mean, dB.
    pub tone_hump_db: f64,
    /// The sides' level re the center's, against the ideal pair's, in the room, dB; pink-weighted.
    pub sides_re_center_db: f64,
    /// The same of the direct sound.
    pub direct_sides_re_center_db: f64,
    /// Direct sound over diffuse field of the center at the listener, dB.
    pub center_direct_to_diffuse_db: PerOctave,
    /// Up to where the center's direct sound is louder than its diffuse field, m.
    pub center_critical_distance_m: PerOctave,
    /// The latter of the driver that is loudest in front, alone.
    pub single_critical_distance_m: PerOctave,
    /// … and of all array drivers with the same signal.
    pub plain_critical_distance_m: PerOctave,
    /// Where the sides seem to be, at the design point first.
    pub apparent: Vec<Apparent>,
}

/// Where the two sides' programs seem to be from a place; positive is the listener's left.
#[derive(Debug, Clone, Serialize)]
pub struct Apparent {
    /// What is different from the design point.
    pub place: &'static str,
    /// How far to the left of the design point; none where more is different, m.
    #[serde(skip)]
    pub aside_m: Option<f64>,
    /// The left program.
    pub left: Azimuth,
    /// The right program.
    pub right: Azimuth,
}

/// What the figures need of the device.
pub struct Sources<'a> {
    /// Bins of all spectra.
    pub bins: Bins,
    /// The drivers' fields.
    pub field: &'a Field,
    /// Filters `[driver][bin]` of left, right and center.
    pub programs: [&'a [Vec<Complex>]; 3],
    /// What both ears hear of each at the design point.
    pub heard: [&'a [Vec<Complex>; 2]; 3],
    /// Radiated power of a side's program, the larger of both, dB.
    pub power_db: PerOctave,
    /// Directivity indices of the center, the single driver and the plain mix, dB.
    pub indices_db: [PerOctave; 3],
    /// The ideal pair's loudspeakers, left and right.
    pub ideal: &'a [[Vec<Complex>; 2]; 2],
    /// A source in front.
    pub front: &'a [Vec<Complex>; 2],
}

/// Computes them.
pub fn in_a_room(device: &Device, sources: &Sources) -> InRoom {
    let bins = sources.bins;
    let distance_m = device.listener.distance_m;
    let diffuse = diffuse_over_direct(distance_m);
    let both =
        |ears: &[Vec<Complex>; 2], range: Range<usize>| energy(&ears[0], range.clone()) + energy(&ears[1], range);
    let phantom = super::phantom(sources.ideal);

    // (direct, in the room) of a program re what `loudspeakers` of the ideal pair make together, by third octave.
    let levels = |program: usize, reference: &[Vec<Complex>; 2], loudspeakers: f64| -> Vec<(f64, f64)> {
        let front = |bin: usize| sources.front.iter().map(|ear| ear[bin].norm_sqr()).sum::<f64>();
        thirds(TONE_HZ)
            .map(|third| {
                let band = range(bins, third.0, third.1);
                let mean = |energy: f64| energy / band.len().max(1) as f64;
                let [heard, pair] = [sources.heard[program], reference].map(|ears| mean(both(ears, band.clone())));
                let radiated = sources.field.power_re(band.clone(), sources.programs[program], front);
                let omni = loudspeakers * mean(band.clone().map(front).sum());
                (heard / pair.max(1e-300), (heard + diffuse * radiated) / (pair + diffuse * omni).max(1e-300))
            })
            .collect()
    };
    let [left, right] = [0, 1].map(|side| levels(side, &sources.ideal[side], 1.0));
    // A phantom center's two loudspeakers add in step at the ears, up to some hundred hertz, but never in the room.
    let center = levels(2, &phantom, 2.0);
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64, list: &[(f64, f64)]| {
        list.iter().map(of).map(db).sum::<f64>() / list.len() as f64
    };
    let sides_re_center =
        |of: &dyn Fn(&(f64, f64)) -> f64| 0.5 * (mean(of, &left) + mean(of, &right)) - mean(of, &center);
    let tones = [&left, &right].map(|list| {
        let thirds: Vec<f64> = list.iter().map(|(_, room)| db(*room)).collect();
        let mean = thirds.iter().sum::<f64>() / thirds.len() as f64;
        let square = thirds.iter().map(|t| (t - mean).powi(2)).sum::<f64>();
        ((square / thirds.len() as f64).sqrt(), thirds.iter().map(|t| t - mean).fold(f64::NEG_INFINITY, f64::max))
    });
    let [center_index, single_index, plain_index] = sources.indices_db;
    let critical = |index_db: PerOctave| index_db.map(|db| distance_m / diffuse.sqrt() * 10f64.powf(db / 20.0));
    InRoom {
        largest_power_db: sources.power_db[..5].iter().copied().fold(f64::NEG_INFINITY, f64::max),
        tone_rms_db: tones[0].0.max(tones[1].0),
        tone_hump_db: tones[0].1.max(tones[1].1),
        sides_re_center_db: sides_re_center(&|l| l.1),
        direct_sides_re_center_db: sides_re_center(&|l| l.0),
        center_direct_to_diffuse_db: center_index.map(|index| index - db(diffuse)),
        center_critical_distance_m: critical(center_index),
        single_critical_distance_m: critical(single_index),
        plain_critical_distance_m: critical(plain_index),
        apparent: apparent(device, sources),
    }
}

/// Where both programs seem to be, from each place clear of the device.
fn apparent(device: &Device, sources: &Sources) -> Vec<Apparent> {
    let (bins, head, distance_m) = (sources.bins, &device.listener.head, device.listener.distance_m);
    let known = known(head, distance_m, bins);
    let turned = 10f64.to_radians();
    let turned = Listener { position: [distance_m * turned.cos(), distance_m * turned.sin(), 0.0], yaw_rad: -turned };
    let aside =
        [("design point", 0.0), ("10 cm to the left", 0.10), ("15 cm to the left", 0.15), ("25 cm to the left", 0.25)]
            .map(|(place, aside_m)| (place, Some(aside_m), Listener::at([distance_m, aside_m, 0.0])));
    let places = aside.into_iter().chain([("device turned 10 deg", None, turned)]);
    let seen = |(place, aside_m, listener): (&'static str, Option<f64>, Listener)| {
        let grid = EarGrid::sparse(&device.drivers, head, &listener, bins, EVERY);
        let [left, right] = [0, 1].map(|side| known.azimuth(&differences(bins, &grid.both(sources.programs[side]))));
        Apparent { place, aside_m, left, right }
    };
    places.filter(|(.., place)| super::clear_of(&device.drivers, head, place)).map(seen).collect()
}

/// What the model's head hears of single loudspeakers: every second degree, between which it is interpolated.
fn known(head: &Head, distance_m: f64, bins: Bins) -> AzimuthMap {
    let span = FARTHEST_DEG / 2;
    let row = |step: i32| {
        let azimuth_deg = f64::from(2 * step);
        (azimuth_deg, differences(bins, &ears::ideal_sparse(bins, head, azimuth_deg, distance_m, EVERY)))
    };
    AzimuthMap::new((-span..=span).map(row).collect())
}

/// The ears' differences in time and level.
fn differences(bins: Bins, heard: &[Vec<Complex>; 2]) -> Differences {
    let band = |band_hz: Range<f64>| range(bins, band_hz.start, band_hz.end);
    let level = band(LEVEL_HZ);
    let mut thirds = Thirds::default();
    for (bin, (left, right)) in heard[0].iter().zip(&heard[1]).enumerate().skip(1) {
        thirds.add(bins.frequency_hz(bin), 1.0, [*left, *right]);
    }
    Differences {
        time_us: ears::lag_us(bins, heard, band(TIME_HZ)),
        level_db: db(energy(&heard[0], level.clone()) / energy(&heard[1], level).max(1e-300)),
        thirds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_loudspeaker_is_where_it_stands_by_all_differences() {
        let (bins, head) = (Bins { length: 16_384, sample_rate_hz: 48_000.0 }, Head::Sphere { radius_m: 0.0875 });
        let known = known(&head, 2.0, bins);
        for azimuth_deg in [-41.0, -30.0, 0.0, 5.0, 13.0, 30.0] {
            let heard = ears::ideal_sparse(bins, &head, azimuth_deg, 2.0, EVERY);
            let seen = known.azimuth(&differences(bins, &heard));
            for got in [seen.by_time_deg, seen.by_level_deg, seen.mean_deg, seen.nearest_deg] {
                assert!((got - azimuth_deg).abs() < 0.3, "{azimuth_deg}°: {seen:?}");
            }
        }
    }

    #[test]
    fn of_one_loudspeaker_s_time_and_another_s_level_the_nearest_is_between_them() {
        let (bins, head) = (Bins { length: 16_384, sample_rate_hz: 48_000.0 }, Head::Sphere { radius_m: 0.0875 });
        let known = known(&head, 2.0, bins);
        let [near, far] = [10.0, 30.0].map(|deg| ears::ideal_sparse(bins, &head, deg, 2.0, EVERY));
        let from = (1600.0 / bins.frequency_hz(1)) as usize;
        let mixed = [0, 1].map(|ear| [&near[ear][..from], &far[ear][from..]].concat());
        let seen = known.azimuth(&differences(bins, &mixed));
        assert!((seen.by_time_deg - 10.0).abs() < 0.3 && (seen.by_level_deg - 30.0).abs() < 0.3, "{seen:?}");
        assert!((12.0..28.0).contains(&seen.nearest_deg), "{seen:?}");
    }
}
