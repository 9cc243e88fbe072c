//! Where a design stays short of its target, by how much, and why.

use std::f64::consts::SQRT_2;

use super::beam::MAX_EFFORT_DB;
use super::crosstalk::{JUDGED_WINDOWS, Lowered};
use super::device::Device;
use super::evaluate::sides::{ALIKE_DB, ALIKE_US};
use super::evaluate::{Figures, Side};
use super::file::Role;
use super::targets;

/// An effort this close to its limit has used it up, dB.
const USED_UP_DB: f64 = 1.0;
/// Drivers that lie less far apart than this from left to right cannot tell the ears apart, m.
const NARROW_M: f64 = 0.01;
/// The center's path adds to those of left and right within this, dB and µs.
const LOSS_DB: f64 = 0.5;
const APART_US: f64 = 100.0;
/// Tone, as root mean square and largest deviation, and levels within this need no word, dB.
const SIDE_TONE_DB: [f64; 2] = [1.6, 3.0];
const SHARED_TONE_DB: [f64; 2] = [2.0, 4.0];
const CENTER_TONE_DB: [f64; 2] = [0.7, 2.5];
const CENTER_LEVEL_DB: f64 = 1.0;
/// The center is raised for the room where the sides are virtual, by no more than this, dB.
const RAISED_DB: f64 = 5.0;
const PAN_DB: f64 = 1.5;
/// An effort this far over its limit is worth a word, dB.
const EXCEEDED_DB: f64 = 0.5;

/// A sentence for each shortfall, of filters that gave up some of the power their device's mode allows.
pub fn shortfalls(device: &Device, figures: &Figures, given_up: Lowered) -> Vec<String> {
    if device.indices_of(Role::Array).len() < 2 {
        return Vec::new();
    }
    let mut sentences = image(device, figures, given_up);
    sentences.extend(costs(device, figures));
    sentences.extend(sound(device, figures));
    sentences.extend(room(device, figures, given_up));
    sentences
}

/// Where less of the image is left than was asked for.
fn image(device: &Device, figures: &Figures, given_up: Lowered) -> Vec<String> {
    let octaves = figures.octaves_hz.iter().copied().enumerate();
    let Some(angle_deg) = device.virtual_angle_deg else {
        let reached = figures.crosstalk.first().map_or([0.0; 6], |p| p.xtc_db);
        return octaves
            .map(|(octave, center)| (octave, center, device.crosstalk.gain_db.at(center)))
            .filter(|(octave, _, target)| reached[*octave] < target - 0.5)
            .map(|(octave, center, target)| {
                let used = &Side::worse(&figures.sides);
                let (xtc, why) = (reached[octave], reason(device, figures, used, octave, given_up));
                format!("cancellation at {center} Hz is {xtc:.1} dB, {:.1} short of its target: {why}", target - xtc)
            })
            .collect();
    };
    let (got, ideal) = (figures.interaural_delay_us.device, figures.interaural_delay_us.ideal);
    octaves
        .take(got.len())
        .filter(|(octave, _)| got[*octave] < 0.75 * ideal[*octave])
        .map(|(octave, center)| {
            let (side, whose) = worse_side(figures, ALIKE_US, |side| side.interaural_delay_us.short(octave));
            let (itd, short, why) =
                (got[octave], ideal[octave] - got[octave], reason(device, figures, side, octave, given_up));
            format!("ITD{whose} at {center} Hz is {itd:.0} µs, {short:.0} short of a real pair at ±{angle_deg}°: {why}")
        })
        .collect()
}

/// What is missed for a listener in a room.
fn room(device: &Device, figures: &Figures, given_up: Lowered) -> Vec<String> {
    if device.virtual_angle_deg.is_none() {
        return Vec::new();
    }
    let room = &figures.room;
    let limit_db = |center: f64| {
        let edges = [center / SQRT_2, center, center * SQRT_2];
        edges.map(|hz| given_up.of(device.crosstalk.power_db.at(hz), hz)).into_iter().fold(f64::NEG_INFINITY, f64::max)
    };
    let powers = figures.octaves_hz.iter().zip(figures.radiated_power_db).take(5).enumerate();
    let mut said: Vec<String> = powers
        .filter(|(_, (center, power_db))| *power_db > limit_db(**center) + EXCEEDED_DB)
        .map(|(octave, (center, power_db))| {
            let (_, whose) = worse_side(figures, ALIKE_DB, |side| side.radiated_power_db[octave]);
            format!(
                "radiated power{whose} at {center} Hz is {power_db:.1} dB, {:.1} over its limit: no filters on these drivers make that level at the ear with less",
                power_db - limit_db(*center)
            )
        })
        .collect();
    let [rms_db, hump_db] = targets::room_tone(device.crosstalk.power_db.at(1000.0));
    if room.tone_rms_db > rms_db || room.tone_hump_db > hump_db {
        said.push(format!(
            "in the room the sides' tone is off by {:.1} dB rms with a hump of {:.1}, more than {rms_db:.1} and {hump_db:.1}: half of it stays, for the direct sound's sake",
            room.tone_rms_db, room.tone_hump_db
        ));
    }
    if room.sides_re_center_db < -targets::ROOM_BALANCE_DB {
        said.push(format!(
            "in the room the sides are {:+.1} dB re the center against a real pair: the center is raised for the room, never lowered",
            room.sides_re_center_db
        ));
    }
    if room.sides_re_center_db > targets::ROOM_BALANCE_DB {
        said.push(format!(
            "in the room the sides are {:+.1} dB re the center against a real pair: they radiate into it what the center keeps out of it (its directivity index), and a center raised further would leave them more than {:.0} dB behind in the direct sound",
            room.sides_re_center_db,
            targets::ROOM_BALANCE_DB
        ));
    }
    // As far as the treble is designed for.
    let reach_m = JUDGED_WINDOWS * device.listener.window_m + 1e-9;
    let reached = room.apparent.iter().filter(|seen| seen.aside_m.is_some_and(|aside_m| aside_m <= reach_m));
    for seen in reached.filter(|seen| seen.left.by_level_deg < 0.0 || seen.right.by_level_deg > 0.0) {
        said.push(format!(
            "{}: the treble of a side points to the other one; drivers so placed cannot put so short a wave right at every place within {:.0} cm of the middle",
            seen.place,
            100.0 * reach_m
        ));
    }
    said
}

/// Where a level at the ear takes more than was allowed, with no cancellation left to give up.
fn costs(device: &Device, figures: &Figures) -> Vec<String> {
    let octaves = || figures.octaves_hz.iter().copied().enumerate();
    let sides = octaves().filter_map(|(octave, center)| {
        let edges = [center / SQRT_2, center, center * SQRT_2].map(|hz| device.crosstalk.effort_db.at(hz));
        let (effort_db, limit_db) = (figures.effort_db[octave], edges.into_iter().fold(f64::NEG_INFINITY, f64::max));
        (effort_db > limit_db + EXCEEDED_DB).then(|| {
            let (_, whose) = worse_side(figures, ALIKE_DB, |side| side.effort_db[octave]);
            format!(
                "effort{whose} at {center} Hz is {effort_db:.1} dB, {:.1} over its limit: the drivers radiate little to that ear, and its level comes first",
                effort_db - limit_db
            )
        })
    });
    let beam = octaves().filter_map(|(octave, center)| {
        let effort_db = figures.beam.effort_db[octave];
        (effort_db > MAX_EFFORT_DB + EXCEEDED_DB).then(|| {
            format!("the center's effort at {center} Hz is {effort_db:.1} dB, {:.1} over its limit: the drivers radiate little to the front", effort_db - MAX_EFFORT_DB)
        })
    });
    let paths = &figures.alignment;
    let apart = (paths.largest_loss_db > LOSS_DB || paths.group_delay_difference_us > APART_US).then(|| {
        format!(
            "the center adds to left and right within {:.1} dB and {:.0} µs only: {} taps are few for it",
            paths.largest_loss_db, paths.group_delay_difference_us, device.taps
        )
    });
    sides.chain(beam).chain(apart).collect()
}

/// Where a program does not sound as its reference.
fn sound(device: &Device, figures: &Figures) -> Vec<String> {
    let (tones, levels) = (&figures.tones, &figures.levels);
    let alone = device.virtual_angle_deg.is_none();
    let tones = [
        ("L only", &tones.left, SIDE_TONE_DB, true),
        ("R only", &tones.right, SIDE_TONE_DB, true),
        // A virtual pair in phase combs as a real one does, which a source in front does not.
        ("L = R", &tones.both, SHARED_TONE_DB, alone),
        ("the center", &tones.center, CENTER_TONE_DB, true),
    ];
    let tones = tones
        .into_iter()
        .filter(|(_, tone, [rms_db, max_db], counts)| *counts && (tone.rms_db > *rms_db || tone.max_db > *max_db));
    let tones = tones.map(|(name, tone, [rms_db, max_db], _)| {
        format!(
            "the tone of {name} is off by {:.1} dB rms and up to {:.1}, more than {rms_db:.1} and {max_db:.1}",
            tone.rms_db, tone.max_db
        )
    });
    let center_db = levels.center_re_phantom_db;
    let most_db = if alone { CENTER_LEVEL_DB } else { RAISED_DB };
    let center = (center_db < -CENTER_LEVEL_DB || center_db > most_db)
        .then(|| format!("the center is {center_db:+.1} dB off the phantom center of a real pair"));
    let pan_db = levels.pan_range_db;
    let pan = (alone && pan_db > PAN_DB).then(|| format!("a pan from L through C to R varies by {pan_db:.1} dB"));
    tones.chain(center).chain(pan).collect()
}

/// The side that is worse by a figure, the left one of two within what is `alike`, and how to name one that is worse.
fn worse_side(figures: &Figures, alike: f64, figure: impl Fn(&Side) -> f64) -> (&Side, &'static str) {
    let [left, right] = &figures.sides;
    match figure(left) - figure(right) {
        more if more.abs() <= alike => (left, ""),
        more if more > 0.0 => (left, " of the left program"),
        _ => (right, " of the right program"),
    }
}

/// What keeps a side's program from its target in an octave: the power it would take, or the room the head must have.
fn reason(device: &Device, figures: &Figures, side: &Side, octave: usize, given_up: Lowered) -> String {
    let center = figures.octaves_hz[octave];
    // A figure is the octave's mean, in which the limit may rise.
    let limits_db = [center / SQRT_2, center, center * SQRT_2].map(|hz| device.crosstalk.effort_db.at(hz));
    let (effort_db, limit_db) = (side.effort_db[octave], limits_db.iter().sum::<f64>() / 3.0);
    let sides = || device.indices_of(Role::Array).into_iter().map(|i| device.drivers[i].position[1]);
    let breadth_m = sides().fold(f64::NEG_INFINITY, f64::max) - sides().fold(f64::INFINITY, f64::min);
    let power_limit_db = given_up.of(device.crosstalk.power_db.at(center), center);
    if breadth_m < NARROW_M {
        "drivers above or behind each other reach both ears alike".to_owned()
    } else if side.radiated_power_db[octave] > power_limit_db - USED_UP_DB {
        let mode_db = device.crosstalk.power_db.at(center);
        let given_up_db = mode_db - power_limit_db;
        let kept = if given_up_db < 0.05 {
            String::new()
        } else {
            format!(": of the {mode_db:.1} dB allowed {given_up_db:.1} are given up for the center's sake")
        };
        format!("more would radiate over {power_limit_db:.1} dB into the room{kept}")
    } else if effort_db > limit_db - USED_UP_DB {
        format!("more would take over {limit_db:.1} dB of effort from these drivers")
    } else if figures.room.sides_re_center_db - figures.room.direct_sides_re_center_db
        > 2.0 * targets::ROOM_BALANCE_DB - USED_UP_DB
    {
        format!("more would drown the center in the room by over {:.0} dB", targets::ROOM_BALANCE_DB)
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
