//! Driver → point: the field each kind of driver makes, and the direction it arrives from.

use super::bessel::piston;
use super::interpolation::without_nulls;
use super::measured::MeasuredDriver;
use super::spherical::{CapSeries, cap_velocity};
use super::vector::{Vec3, dot, norm, scale, sub, unit};
use super::{Complex, phasor};

/// Bounds of a wave's gradient across the ray re along it, in phase and in level: only next to nulls they are reached.
const STEEPEST_TILT: f64 = 100.0;
const STEEPEST_GROWTH: f64 = 0.9;

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
        /// Angle between the cap's axis and its edge, rad.
        half_angle_rad: f64,
        /// Expansion of the cap's velocity, from [`cap_velocity`].
        velocity: Vec<f64>,
    },
}

impl Model {
    /// A cap of `radius_m` on a sphere of `sphere_radius_m`.
    pub fn cap(axis: Vec3, sphere_radius_m: f64, radius_m: f64) -> Self {
        let half_angle_rad = (radius_m / sphere_radius_m).clamp(0.0, 1.0).asin();
        Self::Cap { axis: unit(axis), sphere_radius_m, half_angle_rad, velocity: cap_velocity(half_angle_rad) }
    }
}

/// One driver in its enclosure.
#[derive(Debug, Clone)]
pub struct Radiator {
    /// The model of its radiation.
    pub model: Model,
    /// Radiates into its front half-space only (a large baffle, the rear closed).
    pub baffled: bool,
    /// What was measured in place of the model; the model carries it to other points.
    pub measured: Option<MeasuredDriver>,
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
        Self { model, baffled: false, measured: None }
    }

    /// Complex pressure at `point` for wave number `k`.
    pub fn pressure(&self, k: f64, point: Vec3) -> Complex {
        match &self.measured {
            None => self.model_pressure(k, point),
            Some(_) if self.is_silent_at(point) => Complex::ZERO,
            Some(measured) => measured.pressure(k, point, |p| self.carrier(k, p)),
        }
    }

    /// Pressure at `point` of the model with unit volume acceleration. A baffle doubles it in front; elsewhere here that
    /// is left out, as it is common to all drivers and would count as effort saved.
    pub fn unit_pressure(&self, k: f64, point: Vec3) -> Complex {
        self.model_pressure(k, point) * if self.baffled { 2.0 } else { 1.0 }
    }

    /// Pressure at many points of one distance from the device's center; the series of a cap is built once, and each
    /// measurement evaluated once.
    pub fn pressures_on_sphere(&self, k: f64, directions: &[Vec3], distance_m: f64) -> Vec<Complex> {
        match (&self.model, &self.measured) {
            (Model::Cap { axis, sphere_radius_m, velocity, .. }, None) => {
                let series = CapSeries::new(k, *sphere_radius_m, velocity, distance_m);
                directions.iter().map(|d| series.at(dot(*axis, *d)).0).collect()
            }
            (_, None) => directions.iter().map(|d| self.model_pressure(k, scale(*d, distance_m))).collect(),
            (_, Some(measured)) => {
                let points: Vec<Vec3> = directions.iter().map(|d| scale(*d, distance_m)).collect();
                let mut pressures = measured.pressures(k, &points, |p| self.carrier(k, p));
                let behind = pressures.iter_mut().zip(&points).filter(|(_, p)| self.is_silent_at(**p));
                behind.for_each(|(pressure, _)| *pressure = Complex::ZERO);
                pressures
            }
        }
    }

    /// Pressure at `point` and the wave's propagation there.
    ///
    /// For a cap the propagation vector is n = r̂ + (j/kr)(∂ln p/∂θ)·t̂ (θ from the cap's axis, t̂ the direction in which it
    /// grows): the gradient of the field's complex phase, which carries the driver's acoustic center. In the near field
    /// the transverse part is divided by 1 − j/kr, to take out what the wave loses with distance, as the radial part
    /// does: without that a source at 0.5 m seems to stand on the other side at 50 Hz.
    pub fn incident(&self, k: f64, point: Vec3) -> Incident {
        match &self.model {
            Model::Cap { axis, sphere_radius_m, velocity, .. } => {
                let distance_m = norm(point);
                let radial = unit(point);
                let cos_theta = dot(*axis, radial);
                let sin_theta = (1.0 - cos_theta * cos_theta).max(0.0).sqrt();
                let series = CapSeries::new(k, *sphere_radius_m, velocity, distance_m);
                let (pressure, slope) = series.at(cos_theta);
                let mut propagation = radial.map(Complex::from);
                if sin_theta > 1e-9 {
                    let log_slope = -slope * sin_theta * pressure.conj() / pressure.norm_sqr().max(1e-200);
                    let mut transverse =
                        Complex::i() * log_slope / Complex::new(k * distance_m, -nearness(k * distance_m));
                    // At ±j n·n vanishes; short of it, its square root has one branch.
                    transverse.re = transverse.re.clamp(-STEEPEST_TILT, STEEPEST_TILT);
                    transverse.im = transverse.im.clamp(-STEEPEST_GROWTH, STEEPEST_GROWTH);
                    let root = (Complex::ONE + transverse * transverse).sqrt();
                    for (axis_part, (n, r)) in axis.iter().zip(propagation.iter_mut().zip(radial)) {
                        let tangent = (cos_theta * r - axis_part) / sin_theta;
                        *n = (*n + transverse * tangent) / root;
                    }
                }
                let pressure = if self.measured.is_some() { self.pressure(k, point) } else { pressure };
                Incident { pressure, propagation, distance_m }
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
        if self.baffled && self.is_behind(point) { Complex::ZERO } else { self.open_pressure(k, point) }
    }

    /// The model without its baffle.
    fn open_pressure(&self, k: f64, point: Vec3) -> Complex {
        match &self.model {
            Model::Monopole { position } => spherical_wave(k, norm(sub(point, *position))),
            Model::Piston { position, axis, radius_m } => {
                let path = sub(point, *position);
                let distance = norm(path);
                let cos_theta = dot(path, *axis) / distance;
                let sin_theta = (1.0 - cos_theta * cos_theta).max(0.0).sqrt();
                spherical_wave(k, distance) * piston(k * radius_m * sin_theta)
            }
            Model::Cap { axis, sphere_radius_m, velocity, .. } => {
                let distance = norm(point);
                CapSeries::new(k, *sphere_radius_m, velocity, distance).at(dot(*axis, point) / distance).0
            }
        }
    }

    /// What carries measurements from point to point: the model without nulls and baffle.
    fn carrier(&self, k: f64, point: Vec3) -> Complex {
        let origin = match &self.model {
            Model::Monopole { position } | Model::Piston { position, .. } => *position,
            Model::Cap { .. } => [0.0; 3],
        };
        without_nulls(self.open_pressure(k, point), spherical_wave(k, norm(sub(point, origin))))
    }

    /// Whether a driver is turned towards the baffle it should stand in.
    pub fn faces_the_baffle(&self) -> bool {
        self.baffled && matches!(self.model, Model::Piston { axis, .. } if axis[0] <= 0.0)
    }

    /// Behind the baffle, which faces the front whatever way its drivers are tilted.
    fn is_behind(&self, point: Vec3) -> bool {
        match &self.model {
            Model::Piston { position, .. } => {
                let path = sub(point, *position);
                path[0] < -1e-9 * norm(path)
            }
            Model::Monopole { .. } | Model::Cap { .. } => false,
        }
    }

    /// Behind a baffle there is silence, unless someone measured there.
    fn is_silent_at(&self, point: Vec3) -> bool {
        self.baffled
            && self.is_behind(point)
            && !self.measured.iter().flat_map(MeasuredDriver::points).any(|p| self.is_behind(p))
    }
}

/// How far a point is in the near field: 1 up to kr = 2, falling to 0 at kr = 4, where what is divided out is small.
fn nearness(kr: f64) -> f64 {
    1.0 - crate::dsp::raised_cosine(0.5 * kr - 1.0)
}

/// e^{−jkr}/r.
fn spherical_wave(k: f64, distance_m: f64) -> Complex {
    phasor(-k * distance_m) / distance_m
}

#[cfg(test)]
#[path = "radiator_tests.rs"]
mod tests;
