//! Point → ears: a listener's head in the field of one driver.
//!
//! Ear pressure = the field at the head's center without a head × the head's response to a wave from there. Multiple
//! scattering between head and cabinet is neglected.

use super::measured_head::{MeasuredHead, MeasuredHeadAt};
use super::spherical::SphereHeadSeries;
use super::vector::{Vec3, dot, scale, unit};
use super::{Complex, Incident, Radiator};

/// Most that an inhomogeneous wave may grow over a head's radius, Np. In the shadow behind a cap's sphere the gradient of
/// the field's phase says more where lobes meet (1e10 at 20 kHz), but holds over a part of the head only.
const MOST_GROWTH_NP: f64 = 2.0;

/// What the listener's head is modelled by.
#[derive(Debug, Clone)]
pub enum Head {
    /// A rigid sphere, ears at ±90°.
    Sphere {
        /// Radius a, m; 0.0875 is usual.
        radius_m: f64,
    },
    /// Head-related impulse responses of a SOFA file.
    Measured(MeasuredHead),
}

/// Where a listener is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Listener {
    /// Center of the head, m.
    pub position: Vec3,
    /// Turn of the head from facing −x, positive to the listener's left, rad.
    pub yaw_rad: f64,
}

impl Listener {
    /// A listener facing the device from `position`'s x axis.
    pub fn at(position: Vec3) -> Self {
        Self { position, yaw_rad: 0.0 }
    }

    /// Unit vector from the head's center to the left ear.
    pub fn left_ear_axis(&self) -> Vec3 {
        [self.yaw_rad.sin(), self.yaw_rad.cos(), 0.0]
    }

    /// Unit vector the nose points to.
    pub fn facing(&self) -> Vec3 {
        [-self.yaw_rad.cos(), self.yaw_rad.sin(), 0.0]
    }
}

impl Head {
    /// The head at wave number `k`, for any number of drivers: what they share there is computed once.
    pub fn at(&self, k: f64) -> HeadAt<'_> {
        match self {
            Self::Sphere { radius_m } => HeadAt { k, radius_m: *radius_m, measured: None },
            Self::Measured(head) => HeadAt { k, radius_m: head.radius_m, measured: Some(head.at(k)) },
        }
    }

    /// Pressure at the left and the right ear, from one driver, for wave number `k`.
    pub fn ears(&self, k: f64, radiator: &Radiator, listener: &Listener) -> [Complex; 2] {
        self.at(k).ears(radiator, listener)
    }

    /// Radius that stands for the head where a sphere is asked for, m.
    pub fn radius_m(&self) -> f64 {
        match self {
            Self::Sphere { radius_m } => *radius_m,
            Self::Measured(head) => head.radius_m,
        }
    }
}

/// A head at one wave number.
#[derive(Debug)]
pub struct HeadAt<'a> {
    k: f64,
    radius_m: f64,
    measured: Option<MeasuredHeadAt<'a>>,
}

impl HeadAt<'_> {
    /// Pressure at the left and the right ear, from one driver.
    pub fn ears(&mut self, radiator: &Radiator, listener: &Listener) -> [Complex; 2] {
        let incident = radiator.incident(self.k, listener.position);
        self.response(&incident, listener).map(|h| h * incident.pressure)
    }

    /// Ear pressure over the free-field pressure at the head's center, left and right.
    pub fn response(&mut self, incident: &Incident, listener: &Listener) -> [Complex; 2] {
        let ear_axis = listener.left_ear_axis();
        let cos_left: Complex = -(0..3).map(|i| incident.propagation[i] * ear_axis[i]).sum::<Complex>();
        let cos_left = bounded_growth(cos_left, MOST_GROWTH_NP / (self.k * self.radius_m));
        match &mut self.measured {
            None => {
                let series = SphereHeadSeries::new(self.k, self.radius_m, incident.distance_m);
                [series.at(cos_left), series.at(-cos_left)]
            }
            Some(head) => {
                let towards = unit(incident.propagation.map(|n| -n.re));
                let source = [dot(towards, listener.facing()), dot(towards, ear_axis), towards[2]];
                head.response(scale(source, incident.distance_m), [cos_left, -cos_left])
            }
        }
    }
}

/// The cosine of a complex angle whose imaginary part is no larger than `most`.
fn bounded_growth(cos_gamma: Complex, most: f64) -> Complex {
    let gamma = cos_gamma.acos();
    if gamma.im.abs() <= most { cos_gamma } else { Complex::new(gamma.re, gamma.im.clamp(-most, most)).cos() }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
