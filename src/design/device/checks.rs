//! Checks that name the place, what is wrong and what would be right.

use std::ops::RangeInclusive;

use serde_spanned::Spanned;

use crate::acoustics::radiator::Model;
use crate::acoustics::vector::{dot, norm, sub};
use crate::acoustics::wave_number;
use crate::source::{Complaint, Source};

use super::super::file::{DriverTable, Role};
use super::{Device, Driver, ListenerSpec};

/// Frequencies that a description may name, Hz.
pub const FREQUENCY_HZ: RangeInclusive<f64> = 5.0..=96_000.0;

/// A number of a range, or a complaint that names both.
pub fn number(
    source: &Source,
    value: &Spanned<f64>,
    what: &str,
    range: RangeInclusive<f64>,
    unit: &str,
) -> Result<f64, Complaint> {
    let number = *value.get_ref();
    if range.contains(&number) {
        return Ok(number);
    }
    let (low, high) = range.into_inner();
    Err(source.at(&value.span(), format!("{what} is {number} {unit}; use {low} to {high} {unit}")))
}

/// The same, with a default for a missing value.
pub fn number_or(
    source: &Source,
    value: &Option<Spanned<f64>>,
    default: f64,
    what: &str,
    range: RangeInclusive<f64>,
    unit: &str,
) -> Result<f64, Complaint> {
    value.as_ref().map_or(Ok(default), |v| number(source, v, what, range, unit))
}

/// A whole number of a range.
pub fn whole(source: &Source, value: &Spanned<i64>, what: &str, range: RangeInclusive<i64>) -> Result<i64, Complaint> {
    let number = *value.get_ref();
    if range.contains(&number) {
        return Ok(number);
    }
    let (low, high) = range.into_inner();
    Err(source.at(&value.span(), format!("{what} is {number}; use {low} to {high}")))
}

/// Names, channels and places must differ.
pub fn distinct(source: &Source, tables: &[Spanned<DriverTable>], drivers: &[Driver]) -> Result<(), Complaint> {
    for (index, driver) in drivers.iter().enumerate() {
        let table = tables[index].get_ref();
        for other in &drivers[..index] {
            let name = &driver.name;
            if other.name == *name {
                return Err(source.at(&table.name.span(), format!("two drivers are named `{name}`; rename one")));
            }
            if other.channel == driver.channel {
                let message = format!(
                    "driver `{name}` has channel {} like driver `{}`; give each driver a channel of its own",
                    driver.channel, other.name
                );
                return Err(source.at(&table.channel.span(), message));
            }
            if norm(sub(driver.position, other.position)) < 1e-3 {
                let message = format!(
                    "driver `{name}` is on the same spot as driver `{}`; measure both positions again",
                    other.name
                );
                return Err(source.at(&table.position_m.span(), message));
            }
            if let Some(overlap_deg) = caps_overlap(&driver.radiator.model, &other.radiator.model) {
                let message = format!(
                    "driver `{name}` overlaps driver `{}` by {overlap_deg:.0}° of their sphere; correct a position_m or radius_m",
                    other.name
                );
                return Err(source.at(&table.position_m.span(), message));
            }
        }
    }
    Ok(())
}

/// By how many degrees two caps overlap.
fn caps_overlap(a: &Model, b: &Model) -> Option<f64> {
    let (Model::Cap { axis: a_axis, half_angle_rad: a, .. }, Model::Cap { axis: b_axis, half_angle_rad: b, .. }) =
        (a, b)
    else {
        return None;
    };
    let overlap_rad = a + b - dot(*a_axis, *b_axis).clamp(-1.0, 1.0).acos();
    (overlap_rad > 1e-3).then_some(overlap_rad.to_degrees())
}

/// Each driver is heard where the listener is, and beside it.
pub fn audible(
    source: &Source,
    tables: &[Spanned<DriverTable>],
    drivers: &[Driver],
    listener: &ListenerSpec,
) -> Result<(), Complaint> {
    for (table, driver) in tables.iter().zip(drivers) {
        let heard = !driver.radiator.faces_the_baffle()
            && [-1.0, 0.0, 1.0].iter().all(|side| {
                let point = [listener.distance_m, side * listener.window_m.max(0.1), 0.0];
                driver.radiator.pressure(wave_number(1000.0), point).norm() > 0.0
            });
        if !heard {
            let message = format!(
                "driver `{}` faces away from the listener, and nothing is heard behind a baffle; turn axis_deg to the front or use model = \"free-field\"",
                driver.name
            );
            let table = table.get_ref();
            let span = table.axis_deg.as_ref().map_or_else(|| table.position_m.span(), Spanned::span);
            return Err(source.at(&span, message));
        }
    }
    Ok(())
}

/// Every frequency between the lowest and the highest driver's end has a driver, and crossovers lie in the bands they
/// part.
pub fn bands(source: &Source, tables: &[Spanned<DriverTable>], device: &Device) -> Result<(), Complaint> {
    let place = |index: usize| {
        let table = &tables[index];
        table.get_ref().band_hz.as_ref().map_or_else(|| table.span(), Spanned::span)
    };
    let array = device.indices_of(Role::Array);
    let Some(&first) = array.first() else {
        let span = tables.first().map_or(0..0, |t| t.get_ref().roles.as_ref().map_or_else(|| t.span(), Spanned::span));
        return Err(source.at(&span, "no driver has the role \"array\"; at least one must play the middle of the band"));
    };
    for index in device.band_only(Role::Woofer) {
        let driver = &device.drivers[index];
        if let (Some(high_pass), Some(hz)) = (driver.high_pass_hz, device.low_crossover_hz)
            && high_pass >= hz
        {
            let table = &tables[index];
            let span = table.get_ref().high_pass_hz.as_ref().map_or_else(|| table.span(), Spanned::span);
            let message = format!(
                "the high-pass of woofer `{}` at {high_pass} Hz leaves nothing below its crossover at {hz} Hz; lower it",
                driver.name
            );
            return Err(source.at(&span, message));
        }
    }
    let mut order: Vec<usize> = (0..device.drivers.len()).collect();
    order.sort_by(|a, b| device.drivers[*a].band_hz.0.total_cmp(&device.drivers[*b].band_hz.0));
    let mut reached = device.drivers[order[0]].band_hz.1;
    for &index in &order[1..] {
        let driver = &device.drivers[index];
        if driver.band_hz.0 > reached {
            let message = format!(
                "no driver serves {reached:.0} to {:.0} Hz, below driver `{}`; widen a band_hz or add a driver",
                driver.band_hz.0, driver.name
            );
            return Err(source.at(&place(index), message));
        }
        reached = reached.max(driver.band_hz.1);
    }
    let lowest = array.iter().map(|i| device.drivers[*i].band_hz.0).fold(f64::INFINITY, f64::min);
    let highest = array.iter().map(|i| device.drivers[*i].band_hz.1).fold(0.0, f64::max);
    if lowest > 1000.0 || highest < 4000.0 {
        let message = format!(
            "the array serves {lowest:.0} to {highest:.0} Hz only; it must reach from 1000 Hz or lower to 4000 Hz or higher"
        );
        return Err(source.at(&place(first), message));
    }
    Ok(())
}
