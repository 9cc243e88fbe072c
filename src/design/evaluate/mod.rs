//! What a coefficient set does on a device: the figures of a profile, from any coefficients.
//!
//! Octaves are fc/√2…fc·√2, sums run over the bins of a 16384-point transform (2.9 Hz apart). A simulated
//! figure says how filters act on a modelled head; it makes no claim about what people hear.

use serde::Serialize;

use crate::acoustics::vector::{norm, sub};
use crate::acoustics::{Complex, Head, Listener};

use super::IDEAL_ANGLE_DEG;
use super::device::{Device, Driver};
use super::file::Role;
use super::filter_set::{FilterSet, INPUTS};
use super::fir::{self, Bins};

pub mod azimuth;
pub mod bands;
pub mod ears;
pub mod excursion;
pub mod headroom;
pub mod levels;
pub mod mismatch;
pub mod room;
pub mod sides;
pub mod space;

pub use azimuth::Azimuth;
pub use bands::{OCTAVES_HZ, Tone};
pub use excursion::ExcursionLimit;
pub use headroom::Headroom;
pub use levels::Levels;
pub use mismatch::Mismatch;
pub use room::{Apparent, InRoom};
pub use sides::Side;

use bands::tone;
use ears::{EarGrid, cancellation, sum_of_products};

/// A figure for each of the octaves 250 Hz to 8 kHz.
pub type PerOctave = [f64; 6];

/// All figures of a coefficient set on a device.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Octave centers of all figures by octave, Hz.
    pub octaves_hz: PerOctave,
    /// XTC for each place of the listener that is clear of the device, dB; the design point first.
    pub crosstalk: Vec<Place>,
    /// XTC at the design point with drivers that are not quite alike.
    pub mismatch: Mismatch,
    /// Effort of a side's program, dB; the larger of both.
    pub effort_db: PerOctave,
    /// Radiated power of a side's program, dB re an omnidirectional driver; the larger of both.
    pub radiated_power_db: PerOctave,
    /// Largest gain of each filter, dB: `[input][driver]`.
    pub peak_gain_db: Vec<Vec<f64>>,
    /// Energy of each filter earlier than 0.5 ms before its peak, dB: `[input][driver]`.
    pub early_energy_db: Vec<Vec<f64>>,
    /// Names of the drivers, in order.
    pub drivers: Vec<String>,
    /// Deviations from the reference.
    pub tones: Tones,
    /// ITD of a side's program towards that side, µs, and of the ideal pair; of the side that falls shorter; to 1 kHz.
    pub interaural_delay_us: Beside<3>,
    /// ILD of a side's program towards that side, dB, and of the ideal pair; of the side that falls shorter.
    pub interaural_level_db: Beside<6>,
    /// These four of the left program and of the right one.
    pub sides: [Side; 2],
    /// The center's beam.
    pub beam: Beam,
    /// What a listener in a living room gets.
    pub room: InRoom,
    /// How the paths add up.
    pub alignment: Alignment,
    /// Loudness and headroom.
    pub levels: Levels,
    /// The level excursion allows, of the drivers that state it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excursion: Vec<ExcursionLimit>,
}

/// XTC where the listener is.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    /// What is different from the design point.
    pub place: &'static str,
    /// XTC, dB.
    pub xtc_db: PerOctave,
}

/// Tone of each program, against its own reference.
#[derive(Debug, Clone, Serialize)]
pub struct Tones {
    /// L only, at the left ear, against the ideal ±30° pair.
    pub left: Tone,
    /// R only, at the right ear, against the ideal ±30° pair.
    pub right: Tone,
    /// L = R through the L and R filters at the worse ear, against a source at 0°.
    pub both: Tone,
    /// The center on axis, against flat.
    pub center: Tone,
}

/// A figure, and what the ideal pair has.
#[derive(Debug, Clone, Serialize)]
pub struct Beside<const OCTAVES: usize> {
    /// Of this device, by octave from 250 Hz on.
    #[serde(serialize_with = "as_list")]
    pub device: [f64; OCTAVES],
    /// Of two loudspeakers where the virtual pair stands; at ±30° where there is none.
    #[serde(serialize_with = "as_list")]
    pub ideal: [f64; OCTAVES],
}

/// An array of any length; serde knows those of some only.
fn as_list<S: serde::Serializer, const N: usize>(values: &[f64; N], to: S) -> Result<S::Ok, S::Error> {
    values[..].serialize(to)
}

/// The center's radiation.
#[derive(Debug, Clone, Serialize)]
pub struct Beam {
    /// Azimuths of the polar table, degrees.
    pub azimuths_deg: Vec<f64>,
    /// Octave energy re on axis, dB, one row an azimuth.
    pub polar_db: Vec<PerOctave>,
    /// Directivity index of the center, dB.
    pub directivity_index_db: PerOctave,
    /// Name of the array driver that is loudest on axis.
    pub single_driver: String,
    /// The same of that driver alone.
    pub single_driver_db: PerOctave,
    /// The same of all array drivers with the same signal.
    pub plain_mix_db: PerOctave,
    /// Effort of the beam re one flat omnidirectional driver, dB.
    pub effort_db: PerOctave,
}

/// How the center's path and the L and R paths add up on axis.
#[derive(Debug, Clone, Serialize)]
pub struct Alignment {
    /// Largest loss of the sum of L, R and C against perfectly aligned ones, of the third octaves 200 Hz to 8 kHz, dB.
    pub largest_loss_db: f64,
    /// Largest difference of the two paths' third-octave group delays above 500 Hz, µs.
    pub group_delay_difference_us: f64,
}

/// Computes all figures.
pub fn evaluate(device: &Device, set: &FilterSet) -> Figures {
    let mut figures = before_the_limiter(device, set);
    let played = headroom::Played::new(device, set);
    figures.levels.headroom = played.map(|played| played.headroom(set.makeup_gain_db));
    figures
}

/// All figures but what the limiter does.
pub(super) fn before_the_limiter(device: &Device, set: &FilterSet) -> Figures {
    let bins =
        Bins { length: set.taps().next_power_of_two().max(16_384), sample_rate_hz: f64::from(set.sample_rate_hz) };
    let responses = set.responses(bins);
    let [left, right, center] = [&responses[0], &responses[1], &responses[2]];
    let (drivers, head) = (&device.drivers, &device.listener.head);
    let distance_m = device.listener.distance_m;

    let grid_at = |listener: &Listener| EarGrid::new(drivers, head, listener, bins);
    let design = grid_at(&Listener::at([distance_m, 0.0, 0.0]));
    let (from_left, from_right) = (design.both(left), design.both(right));
    let mut crosstalk = vec![Place { place: "design point", xtc_db: cancellation(bins, &from_left, &from_right) }];
    for (place, listener) in other_places(distance_m).into_iter().filter(|(_, place)| clear_of(drivers, head, place)) {
        let grid = grid_at(&listener);
        crosstalk.push(Place { place, xtc_db: cancellation(bins, &grid.both(left), &grid.both(right)) });
    }

    let pair = |angle_deg: f64| [angle_deg, -angle_deg].map(|deg| ears::ideal(bins, head, deg, distance_m));
    let ideal = pair(IDEAL_ANGLE_DEG);
    let other_pair_deg = device.virtual_angle_deg.filter(|angle_deg| *angle_deg != IDEAL_ANGLE_DEG);
    let other_pair = other_pair_deg.map(pair);
    let virtual_pair = other_pair.as_ref().unwrap_or(&ideal);
    let front = ears::ideal(bins, head, 0.0, distance_m);
    let both = [0, 1].map(|ear| sum(&from_left[ear], &from_right[ear]));
    let axis = space::on_axis(drivers, distance_m, bins);
    let center_on_axis = sum_of_products(&axis, center);
    let sides_on_axis = [left, right].map(|filters| sum_of_products(&axis, filters));
    let flat = vec![Complex::ONE; center_on_axis.len()];

    let field = space::Field::new(drivers, bins);
    let front_driver = loudest_on_axis(device);
    let single = flat_filters(drivers.len(), bins, |driver| f64::from(driver == front_driver));
    let plain = plain_mix(device, set, bins);
    let omni_on_axis = vec![Complex::from(1.0 / distance_m); flat.len()];
    let heard_center = design.both(center);
    // The own ear first.
    let side =
        |filters: &[Vec<Complex>], heard: &[Vec<Complex>; 2], omni: &[Complex], ideal: &[Vec<Complex>; 2]| Side {
            effort_db: ears::effort(bins, filters, &heard[0], omni),
            radiated_power_db: field.radiated_power(bins, filters, &heard[0], omni),
            interaural_delay_us: Beside {
                device: ears::interaural_delay(bins, heard),
                ideal: ears::interaural_delay(bins, ideal),
            },
            interaural_level_db: Beside {
                device: ears::interaural_level(bins, heard),
                ideal: ears::interaural_level(bins, ideal),
            },
        };
    let sides = [
        side(left, &from_left, &front[0], &virtual_pair[0]),
        side(right, &mirrored(&from_right), &front[1], &mirrored(&virtual_pair[1])),
    ];
    let worse_side = Side::worse(&sides);
    let [center_index, single_index, plain_index] =
        [center, &single, &plain].map(|filters| field.directivity_index(bins, filters));
    let room = room::in_a_room(
        device,
        &room::Sources {
            bins,
            field: &field,
            programs: [left, right, center],
            heard: [&from_left, &from_right, &heard_center],
            power_db: worse_side.radiated_power_db,
            indices_db: [center_index, single_index, plain_index],
            ideal: &ideal,
            front: &front,
        },
    );
    Figures {
        octaves_hz: OCTAVES_HZ,
        mismatch: mismatch::mismatch(bins, &design, left, right),
        effort_db: worse_side.effort_db,
        radiated_power_db: worse_side.radiated_power_db,
        peak_gain_db: per_filter(&responses, |h| 20.0 * h.iter().map(|v| v.norm()).fold(1e-15, f64::max).log10()),
        early_energy_db: set
            .folded_firs()
            .chunks(set.drivers)
            .map(|row| row.iter().map(|f| fir::early_energy_db(f, bins.sample_rate_hz)).collect())
            .collect(),
        drivers: drivers.iter().map(|d| d.name.clone()).collect(),
        tones: Tones {
            left: tone(bins, &from_left[0], &ideal[0][0]),
            right: tone(bins, &from_right[1], &ideal[1][1]),
            both: worse(tone(bins, &both[0], &front[0]), tone(bins, &both[1], &front[1])),
            center: tone(bins, &center_on_axis, &flat),
        },
        interaural_delay_us: worse_side.interaural_delay_us,
        interaural_level_db: worse_side.interaural_level_db,
        sides,
        beam: Beam {
            azimuths_deg: space::POLAR_DEG.to_vec(),
            polar_db: field.polar(bins, center),
            directivity_index_db: center_index,
            single_driver: drivers[front_driver].name.clone(),
            single_driver_db: single_index,
            plain_mix_db: plain_index,
            effort_db: ears::effort(bins, center, &center_on_axis, &omni_on_axis),
        },
        room,
        alignment: alignment(bins, &center_on_axis, &sides_on_axis),
        levels: levels::levels(
            bins,
            set,
            &responses,
            &levels::Heard {
                left: &from_left,
                right: &from_right,
                center: &heard_center,
                flat: &design.both(&plain),
                ideal: &ideal,
            },
        ),
        excursion: excursion::limits(drivers, distance_m),
        crosstalk,
    }
}

/// Whether a head there is clear of the device.
fn clear_of(drivers: &[Driver], head: &Head, place: &Listener) -> bool {
    drivers.iter().all(|d| norm(sub(place.position, d.position)) > 2.0 * head.radius_m())
}

/// The places beside the design point.
fn other_places(distance_m: f64) -> [(&'static str, Listener); 7] {
    let at = |x: f64, y: f64| Listener::at([x, y, 0.0]);
    [
        ("+5 cm", at(distance_m, 0.05)),
        ("-5 cm", at(distance_m, -0.05)),
        ("+10 cm", at(distance_m, 0.10)),
        ("-10 cm", at(distance_m, -0.10)),
        ("at 1.5 m", at(1.5, 0.0)),
        ("at 3 m", at(3.0, 0.0)),
        ("yaw 10 deg", Listener { position: [distance_m, 0.0, 0.0], yaw_rad: 10f64.to_radians() }),
    ]
}

/// The array driver that is loudest on axis at 2 kHz; of equals the first.
fn loudest_on_axis(device: &Device) -> usize {
    let point = [device.listener.distance_m, 0.0, 0.0];
    let level = |i: &usize| device.drivers[*i].radiator.pressure(crate::acoustics::wave_number(2000.0), point).norm();
    let mut best = 0;
    for index in device.indices_of(Role::Array) {
        if !device.drivers[best].is(Role::Array) || level(&index) > 1.001 * level(&best) {
            best = index;
        }
    }
    best
}

fn sum(a: &[Complex], b: &[Complex]) -> Vec<Complex> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// What both ears hear of two loudspeakers together.
fn phantom([left, right]: &[[Vec<Complex>; 2]; 2]) -> [Vec<Complex>; 2] {
    [0, 1].map(|ear| sum(&left[ear], &right[ear]))
}

/// What both ears hear, the right one first.
fn mirrored([left, right]: &[Vec<Complex>; 2]) -> [Vec<Complex>; 2] {
    [right.clone(), left.clone()]
}

fn worse(a: Tone, b: Tone) -> Tone {
    Tone { rms_db: a.rms_db.max(b.rms_db), max_db: a.max_db.max(b.max_db) }
}

/// A flat filter for each driver.
fn flat_filters(drivers: usize, bins: Bins, gain: impl Fn(usize) -> f64) -> Vec<Vec<Complex>> {
    (0..drivers).map(|driver| vec![Complex::from(gain(driver)); bins.count()]).collect()
}

/// One signal on all array drivers, in step whichever way they are wired, as `bypass` plays it.
fn plain_mix(device: &Device, set: &FilterSet, bins: Bins) -> Vec<Vec<Complex>> {
    let gain = |driver: &Driver| if driver.is(Role::Array) { driver.polarity } else { 0.0 };
    let mut filters = flat_filters(device.drivers.len(), bins, |driver| gain(&device.drivers[driver]));
    for (filter, delay_frames) in filters.iter_mut().zip(&set.delay_frames) {
        let late = |(bin, value): (usize, &mut Complex)| *value *= fir::delay_phasor(bins, bin, *delay_frames as f64);
        filter.iter_mut().enumerate().for_each(late);
    }
    filters
}

fn per_filter(responses: &[Vec<Vec<Complex>>], figure: impl Fn(&[Complex]) -> f64) -> Vec<Vec<f64>> {
    responses.iter().take(INPUTS).map(|input| input.iter().map(|h| figure(h)).collect()).collect()
}

fn alignment(bins: Bins, center: &[Complex], [left, right]: &[Vec<Complex>; 2]) -> Alignment {
    let sides = &sum(left, right)[..];
    let band = |low: f64, high: f64| {
        let step = bins.frequency_hz(1);
        ((low / step).ceil() as usize)..((high / step) as usize).min(center.len().saturating_sub(1))
    };
    // Over third octaves: a single bin near a dip of all three says nothing.
    let loss = |(low, high): (f64, f64)| {
        let (mut sum, mut aligned) = (0.0, 0.0);
        for bin in band(low, high) {
            let (c, l, r) = (center[bin], left[bin], right[bin]);
            sum += (c + l + r).norm_sqr();
            aligned += (c.norm() + l.norm() + r.norm()).powi(2);
        }
        if aligned > 0.0 { -bands::db(sum / aligned) } else { 0.0 }
    };
    let largest_loss_db = bands::thirds((200.0, 8000.0)).map(loss).fold(0.0, f64::max);
    // Slope of the phase between the paths over third octaves, weighted by both levels: single bins near a dip of
    // either say nothing.
    let between = |bin: usize| center[bin] * sides[bin].conj();
    let slope = |range: std::ops::Range<usize>| {
        let turn: Complex = range.map(|bin| between(bin + 1) * between(bin).conj()).sum();
        -turn.arg() / (2.0 * std::f64::consts::PI * bins.frequency_hz(1)) * 1e6
    };
    let group_delay_difference_us = (0..13)
        .map(|i| 500.0 * 2f64.powf(f64::from(i) / 3.0))
        .map(|low| band(low, low * 2f64.powf(1.0 / 3.0)))
        .filter(|range| !range.is_empty())
        .map(|range| slope(range).abs())
        .fold(0.0, f64::max);
    Alignment { largest_loss_db, group_delay_difference_us }
}
