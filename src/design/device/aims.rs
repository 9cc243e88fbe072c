//! What the filters shall do: image, cancellation and beam.

use serde_spanned::Spanned;

use crate::design::curve::Curve;
use crate::design::targets;
use crate::source::{Complaint, Source};

use super::super::file::{BeamTable, CrosstalkTable, List, VirtualizationTable};
use super::checks::{FREQUENCY_HZ, number_or};
use super::{BeamSpec, CrosstalkSpec};

pub fn virtualization(source: &Source, table: &VirtualizationTable) -> Result<Option<f64>, Complaint> {
    let angle = number_or(source, &table.angle_deg, 30.0, "the angle of the virtual pair", 5.0..=90.0, "°")?;
    Ok(table.enabled.unwrap_or(true).then_some(angle))
}

pub fn crosstalk(source: &Source, table: &CrosstalkTable, virtualized: bool) -> Result<CrosstalkSpec, Complaint> {
    for (key, curve) in [("effort_db", &table.effort_db), ("power_db", &table.power_db)] {
        if let (Some(_), Some(curve)) = (table.mode, curve) {
            let message = format!("{key} takes the place of the mode's own; remove mode or {key}");
            return Err(source.at(&curve.span(), message));
        }
    }
    let mode = table.mode.unwrap_or_default();
    let gain_db = curve(source, &table.target_db, "target_db")?.unwrap_or_else(targets::cancellation);
    let effort_db = curve(source, &table.effort_db, "effort_db")?.unwrap_or_else(|| targets::effort(mode, virtualized));
    let power_db = curve(source, &table.power_db, "power_db")?.unwrap_or_else(|| targets::power(mode, virtualized));
    let own = table.target_db.is_some() || table.effort_db.is_some() || table.power_db.is_some();
    Ok(CrosstalkSpec { mode: if own { "curves of its own" } else { mode.word() }, gain_db, effort_db, power_db })
}

fn curve(source: &Source, value: &Option<Spanned<Vec<List<f64, 2>>>>, key: &str) -> Result<Option<Curve>, Complaint> {
    let Some(value) = value else { return Ok(None) };
    let points: Vec<(f64, f64)> = value.get_ref().iter().map(|List([f, v])| (*f, *v)).collect();
    let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let sensible = points.iter().all(|(f, v)| FREQUENCY_HZ.contains(f) && (-20.0..=60.0).contains(v));
    if points.is_empty() || !rising || !sensible {
        let message = format!("{key} is no curve; write [[hz, dB], …] with rising frequencies and -20 to 60 dB");
        return Err(source.at(&value.span(), message));
    }
    Ok(Some(Curve::new(&points)))
}

pub fn beam(source: &Source, table: &BeamTable) -> Result<BeamSpec, Complaint> {
    if let Some(shape) = &table.shape_db {
        let points: Vec<(f64, f64)> = shape.get_ref().iter().map(|List([a, v])| (*a, *v)).collect();
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let sensible = points.iter().all(|(a, v)| (0.0..=180.0).contains(a) && *v <= 0.0);
        if points.len() < 2 || !rising || !sensible {
            let message = "shape_db is no shape; write [[deg, dB], …] with rising angles from 0 to 180 and levels of 0 dB or less";
            return Err(source.at(&shape.span(), message));
        }
        if table.null_deg.is_some() || table.null_db.is_some() {
            let message = "shape_db says how deep the beam is everywhere; remove null_deg and null_db, or shape_db";
            return Err(source.at(&shape.span(), message));
        }
        return Ok(BeamSpec::Shape(points));
    }
    let null_db = number_or(source, &table.null_db, 20.0, "the null", 3.0..=60.0, "dB")?;
    let null_deg = match &table.null_deg {
        None => vec![-90.0, 90.0],
        Some(list) => {
            let angles = list.get_ref();
            if angles.is_empty() || !angles.iter().all(|a| (20.0..=180.0).contains(&a.abs())) {
                let message = "null_deg needs azimuths from 20 to 180 degrees on either side, such as [-90.0, 90.0]";
                return Err(source.at(&list.span(), message));
            }
            angles.clone()
        }
    };
    Ok(BeamSpec::Null { null_deg, null_db })
}
