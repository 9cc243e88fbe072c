//! Sides and center in balance, in the room as in the direct sound.
//!
//! A level of the center moves both balances alike. What parts them is the device: by so many decibels as its sides radiate
//! more than an omnidirectional source, and its center less. So the center's level puts one as far above the ideal pair's
//! balance as the other below, and where both would then be off by more than is allowed, the sides give up some of the power
//! that parts them: first where it buys the ears no time, then, unless it was asked for to be spent on the angle, at all
//! frequencies. The center's beam stays: its nulls at the sides are most of what it is.

use crate::acoustics::Complex;

use super::beam::Beamformer;
use super::crosstalk::{Canceller, KEPT_TO_HZ, LEAST_POWER_DB, Lowered, TIME_TO_HZ};
use super::curve::LogGrid;
use super::device::Device;
use super::fir::Bins;
use super::room::{Columns, Room};
use super::{Spectra, on_both, targets};

/// Kept free of [`targets::ROOM_BALANCE_DB`] for what filter lengths make of it, dB.
const MARGIN_DB: f64 = 0.06;
/// Where a note looks at what is given up, Hz.
const HEARD_HZ: (f64, f64) = (200.0, 8000.0);
/// How near the bound is looked for, dB, and in how many steps.
const NEAR_DB: f64 = 0.05;
const STEPS: usize = 12;

/// The least of the sides' power that has to be given up to bring both balances within their bounds, as far as there is
/// something to give. `sides` are the cancellers of left and right, on the room's grid.
pub fn given_up(device: &Device, room: &Room, sides: &mut [Canceller; 2], beamformer: &Beamformer) -> Lowered {
    if device.virtual_angle_deg.is_none() {
        return Lowered::default();
    }
    let frequencies_hz = || room.grid().frequencies_hz.iter();
    let center: Columns = frequencies_hz().map(|f| beamformer.filters(*f, Complex::ONE)).collect();
    let most_treble_db = (device.crosstalk.power_db.largest_db() - LEAST_POWER_DB).max(0.0);
    // `db` in all.
    let of = |db: f64| Lowered { treble_db: db.min(most_treble_db), all_db: (db - most_treble_db).max(0.0) };
    let mut excess_db = |db: f64| {
        let columns = on_both(sides.each_mut(), &|side: &mut Canceller| {
            side.lower_power(of(db));
            frequencies_hz().map(|f| side.filters(*f)).collect::<Columns>()
        });
        let tone_db = room.tone_db(columns.each_ref());
        let columns = columns.map(|columns| leveled(columns, &tone_db));
        let balance = room.balance(columns.each_ref(), &center);
        balance.room_db - balance.direct_db - 2.0 * (targets::ROOM_BALANCE_DB - MARGIN_DB)
    };
    let most_db = targets::power_for_balance(device.crosstalk.power_db.at(1000.0));
    let (mut low, mut high) = (0.0, most_treble_db + most_db);
    if excess_db(low) <= 0.0 {
        return Lowered::default();
    }
    for _ in 0..STEPS {
        if high - low <= NEAR_DB {
            break;
        }
        let middle = 0.5 * (low + high);
        if excess_db(middle) > 0.0 { low = middle } else { high = middle }
    }
    of(high)
}

/// A sentence for whoever reads the figures: the most that is really given up, as power is not lowered without end.
pub fn note(device: &Device, lowered: Lowered) -> Option<String> {
    let given_up_db = |low_hz: f64, high_hz: f64| {
        let given_up = |hz: &f64| {
            let limit_db = device.crosstalk.power_db.at(*hz);
            limit_db - lowered.of(limit_db, *hz)
        };
        let grid = LogGrid::new(low_hz, high_hz, 3.0);
        // It goes beyond its end.
        grid.frequencies_hz.iter().filter(|hz| **hz <= high_hz).map(given_up).fold(0.0, f64::max)
    };
    let above = format!("above {:.1} kHz", KEPT_TO_HZ / 1000.0);
    let list: Vec<String> =
        [(given_up_db(KEPT_TO_HZ, HEARD_HZ.1), above.as_str()), (given_up_db(HEARD_HZ.0, TIME_TO_HZ), "below")]
            .into_iter()
            .filter(|(db, _)| *db >= 0.05)
            .map(|(db, which)| format!("{db:.1} dB {which}"))
            .collect();
    (!list.is_empty()).then(|| {
        format!(
            "up to {} of the sides' power is given up: with all of it they would be more than {:.0} dB louder than the center in the room, or quieter in the direct sound, against a real pair",
            list.join(" and "),
            targets::ROOM_BALANCE_DB
        )
    })
}

/// Raises the center until the sides are as much too loud in the room as too quiet in the direct sound, against the ideal
/// pair; where that is more than is allowed, the direct sound comes first.
pub fn raise_center(device: &Device, room: &Room, center: &mut Spectra, programs: &[Spectra], bins: Bins) {
    if device.virtual_angle_deg.is_none() {
        return;
    }
    let sides = [0, 1].map(|side| room.columns(&programs[side], bins));
    let balance = room.balance(sides.each_ref(), &room.columns(center, bins));
    let most_db = balance.direct_db + targets::ROOM_BALANCE_DB - MARGIN_DB;
    let raise_db = (0.5 * (balance.room_db + balance.direct_db)).min(most_db).clamp(0.0, targets::ROOM_BALANCE_DB);
    center.iter_mut().flatten().for_each(|h| *h *= 10f64.powf(raise_db / 20.0));
}

fn leveled(columns: Columns, tone_db: &[f64]) -> Columns {
    let level = |(column, db): (Vec<Complex>, &f64)| column.iter().map(|h| h * 10f64.powf(db / 20.0)).collect();
    columns.into_iter().zip(tone_db).map(level).collect()
}
