//! Driver → point: the field each kind of driver makes, and the direction it arrives from.

use super::bessel::piston;
use super::measured::MeasuredResponse;
use super::sofa::MeasuredDirectivity;
use super::spherical::{CapSeries, cap_velocity};
use super::vector::{Vec3, dot, norm, scale, sub, unit};
use super::{Complex, phasor};

/// How a driver radiates.
#[derive(Debug, Clone)]
pub enum Model {
    /// A point source in free field: e^{−jkr}/r.
    Monopole {
        /// Where it is, m.
        position: Vec3,
    },
    /// A circular piston: the monopole times 2J₁(ka sin θ)/(ka sin θ), alike in front and behind.
    Piston {
        /// Center of the piston, m.
        position: Vec3,
        /// Unit vector it faces.
        axis: Vec3,
        /// Radius a, m.
        radius_m: f64,
    },
    /// A vibrating cap on a rigid sphere centered on the device's origin.
    Cap {
        /// Unit vector from the sphere's center through the cap's.
        axis: Vec3,
        /// Radius R of the sphere, m.
        sphere_radius_m: f64,
        /// Expansion of the cap's velocity, from [`cap_velocity`].
        velocity: Vec<f64>,
    },
}

impl Model {
    /// A cap of `radius_m` on a sphere of `sphere_radius_m`.
    pub fn cap(axis: Vec3, sphere_radius_m: f64, radius_m: f64) -> Self {
        let half_angle_rad = (radius_m / sphere_radius_m).clamp(0.0, 1.0).asin();
        Self::Cap { axis: unit(axis), sphere_radius_m, velocity: cap_velocity(half_angle_rad) }
    }
}

/// What replaces a driver's model where it has been measured.
#[derive(Debug, Clone)]
pub enum Measurement {
    /// An impulse response at one point: the model keeps the directivity, the measurement gives the response there.
    AtPoint(MeasuredResponse),
    /// Impulse responses over directions.
    Directivity(MeasuredDirectivity),
}

/// One driver in its enclosure.
#[derive(Debug, Clone)]
pub struct Radiator {
    /// The model of its radiation.
    pub model: Model,
    /// Radiates into its front half-space only (a large baffle, the rear closed).
    pub baffled: bool,
    /// Replaces or corrects the model.
    pub measurement: Option<Measurement>,
}

/// The field at a point, and how it passes through it.
#[derive(Debug, Clone, Copy)]
pub struct Incident {
    /// Complex pressure without a head.
    pub pressure: Complex,
    /// Unit propagation vector n/√(n·n) away from the source; complex for an inhomogeneous wave.
    pub propagation: [Complex; 3],
    /// Distance to the (acoustic) source for the head's near field, m.
    pub distance_m: f64,
}

impl Radiator {
    /// A driver that is its model, in free field.
    pub fn new(model: Model) -> Self {
        Self { model, baffled: false, measurement: None }
    }

    /// Complex pressure at `point` for wave number `k`.
    pub fn pressure(&self, k: f64, point: Vec3) -> Complex {
        self.corrected(k, point, self.model_pressure(k, point))
    }

    /// Pressure at many points of one distance from the device's center; the series of a cap is built once.
    pub fn pressures_on_sphere(&self, k: f64, directions: &[Vec3], distance_m: f64) -> Vec<Complex> {
        match (&self.model, &self.measurement) {
            (Model::Cap { axis, sphere_radius_m, velocity }, None) => {
                let series = CapSeries::new(k, *sphere_radius_m, velocity, distance_m);
                directions.iter().map(|d| series.at(dot(*axis, *d)).0).collect()
            }
            (_, Some(Measurement::AtPoint(response))) => {
                // One factor for all directions: the measurement is a long sum.
                let reference = self.model_pressure(k, response.point);
                let factor = if reference.norm() > 1e-12 { response.at(k) / reference } else { Complex::ZERO };
                directions.iter().map(|d| self.model_pressure(k, scale(*d, distance_m)) * factor).collect()
            }
            _ => directions.iter().map(|d| self.pressure(k, scale(*d, distance_m))).collect(),
        }
    }

    /// Pressure at `point` and the wave's propagation there.
    ///
    /// For a cap the propagation vector is n = r̂ + (j/kr)(∂ln p/∂θ)·t̂ (θ from the cap's axis, t̂ the direction in
    /// which it grows): the gradient of the field's complex phase, which carries the driver's acoustic center.
    pub fn incident(&self, k: f64, point: Vec3) -> Incident {
        match &self.model {
            Model::Cap { axis, sphere_radius_m, velocity } => {
                let distance_m = norm(point);
                let radial = unit(point);
                let cos_theta = dot(*axis, radial);
                let sin_theta = (1.0 - cos_theta * cos_theta).max(0.0).sqrt();
                let series = CapSeries::new(k, *sphere_radius_m, velocity, distance_m);
                let (pressure, slope) = series.at(cos_theta);
                let mut propagation = radial.map(Complex::from);
                if sin_theta > 1e-9 {
                    let log_slope = -slope * sin_theta / pressure;
                    let transverse = Complex::i() * log_slope / (k * distance_m);
                    let root = (Complex::ONE + transverse * transverse).sqrt();
                    for (axis_part, (n, r)) in axis.iter().zip(propagation.iter_mut().zip(radial)) {
                        let tangent = (cos_theta * r - axis_part) / sin_theta;
                        *n = (*n + transverse * tangent) / root;
                    }
                }
                Incident { pressure: self.corrected(k, point, pressure), propagation, distance_m }
            }
            Model::Monopole { position } | Model::Piston { position, .. } => {
                let path = sub(point, *position);
                Incident {
                    pressure: self.pressure(k, point),
                    propagation: unit(path).map(Complex::from),
                    distance_m: norm(path),
                }
            }
        }
    }

    fn model_pressure(&self, k: f64, point: Vec3) -> Complex {
        match &self.model {
            Model::Monopole { position } => spherical_wave(k, norm(sub(point, *position))),
            Model::Piston { position, axis, radius_m } => {
                let path = sub(point, *position);
                let distance = norm(path);
                let cos_theta = dot(path, *axis) / distance;
                if self.baffled && cos_theta < -1e-9 {
                    return Complex::ZERO;
                }
                let sin_theta = (1.0 - cos_theta * cos_theta).max(0.0).sqrt();
                spherical_wave(k, distance) * piston(k * radius_m * sin_theta)
            }
            Model::Cap { axis, sphere_radius_m, velocity } => {
                let distance = norm(point);
                CapSeries::new(k, *sphere_radius_m, velocity, distance).at(dot(*axis, point) / distance).0
            }
        }
    }

    fn corrected(&self, k: f64, point: Vec3, model: Complex) -> Complex {
        match &self.measurement {
            None => model,
            Some(Measurement::AtPoint(response)) => {
                let reference = self.model_pressure(k, response.point);
                // Where the model itself is silent there is nothing to scale; the measurement is all that is known.
                if reference.norm() > 1e-12 { model * response.at(k) / reference } else { response.at(k) }
            }
            Some(Measurement::Directivity(directivity)) => directivity.pressure(k, point),
        }
    }
}

/// e^{−jkr}/r.
fn spherical_wave(k: f64, distance_m: f64) -> Complex {
    phasor(-k * distance_m) / distance_m
}

#[cfg(test)]
#[path = "radiator_tests.rs"]
mod tests;
