//! A driver's measured responses: where each was taken, and whether it can serve.

use serde_spanned::Spanned;

use crate::acoustics::Vec3;
use crate::acoustics::measured::{ImpulseResponse, MeasuredDriver};
use crate::acoustics::radiator::Model;
use crate::acoustics::vector::{direction, norm, scale, sub, unit};
use crate::source::{Complaint, Source};

use super::super::file::{ResponseKey, ResponseTable};
use super::ListenerSpec;
use super::checks::{number, number_or};

/// A microphone nearer to its driver than this measures something else, m.
const NEAREST_M: f64 = 0.05;
/// Directions (chord, about rad) and distances (part) that are the same point.
const SAME_DIRECTION: f64 = 0.01;
const SAME_DISTANCE: f64 = 0.01;

/// What is measured in place of a driver's model.
pub fn measured(
    source: &Source,
    response: &Option<Spanned<ResponseKey>>,
    driver: (&str, Vec3, &Model),
    listener: &ListenerSpec,
) -> Result<Option<MeasuredDriver>, Complaint> {
    let Some(response) = response else { return Ok(None) };
    let span = response.span();
    let measured = match response.get_ref() {
        ResponseKey::File(file) if is_sofa(file) => {
            MeasuredDriver::from_sofa(&source.beside(file)).map_err(|error| source.at(&span, error.to_string()))?
        }
        ResponseKey::File(file) => {
            let read = ImpulseResponse::from_wav(&source.beside(file));
            let at_listener = [listener.distance_m, 0.0, 0.0];
            MeasuredDriver::new([(at_listener, read.map_err(|error| source.at(&span, error.to_string()))?)])
        }
        ResponseKey::Points(tables) => {
            let mut measurements: Vec<(Vec3, ImpulseResponse)> = Vec::with_capacity(tables.len());
            for table in tables {
                let point = point(source, table, driver)?;
                if let Some(other) = measurements.iter().position(|(there, _)| is_same(point, *there)) {
                    let message = format!(
                        "driver `{}` is measured at this point twice, also by measurement {}; keep one of the two",
                        driver.0,
                        other + 1
                    );
                    return Err(source.at(&table.span(), message));
                }
                let file = &table.get_ref().file;
                if is_sofa(file.get_ref()) {
                    let message = "a list takes WAV files, one a point; a SOFA file has its points in it: write response = \"NAME.sofa\"";
                    return Err(source.at(&file.span(), message));
                }
                let read = ImpulseResponse::from_wav(&source.beside(file.get_ref()));
                measurements.push((point, read.map_err(|error| source.at(&file.span(), error.to_string()))?));
            }
            if measurements.is_empty() {
                let message = format!(
                    "the response of driver `{}` lists no measurement; add {{ file, azimuth_deg, distance_m }} or leave response out",
                    driver.0
                );
                return Err(source.at(&span, message));
            }
            MeasuredDriver::new(measurements)
        }
    };
    Ok(Some(measured))
}

fn is_sofa(file: &str) -> bool {
    file.to_lowercase().ends_with(".sofa")
}

fn is_same(a: Vec3, b: Vec3) -> bool {
    norm(sub(unit(a), unit(b))) < SAME_DIRECTION && (norm(a) / norm(b)).ln().abs() < SAME_DISTANCE
}

/// The microphone's point about the device's center.
fn point(source: &Source, table: &Spanned<ResponseTable>, driver: (&str, Vec3, &Model)) -> Result<Vec3, Complaint> {
    let (name, position, model) = driver;
    let keys = table.get_ref();
    let of = |what: &str| format!("the {what} of a response of driver `{name}`");
    let azimuth_deg = number(source, &keys.azimuth_deg, &of("azimuth"), -360.0..=360.0, "°")?;
    let elevation_deg = number_or(source, &keys.elevation_deg, 0.0, &of("elevation"), -90.0..=90.0, "°")?;
    let distance_m = number(source, &keys.distance_m, &of("distance"), 0.05..=20.0, "m")?;
    let point = scale(direction(azimuth_deg, elevation_deg), distance_m);
    let from_surface = match model {
        Model::Cap { sphere_radius_m, .. } => distance_m - sphere_radius_m,
        Model::Monopole { .. } | Model::Piston { .. } => norm(sub(point, position)),
    };
    if from_surface < NEAREST_M {
        let message = format!(
            "the microphone at {distance_m} m from the device's center is in driver `{name}`, its sphere or right before \
             them; measure {NEAREST_M} m or more away from them"
        );
        return Err(source.at(&keys.distance_m.span(), message));
    }
    Ok(point)
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
