//! Point → ears: a listener's head in the field of one driver.
//!
//! Ear pressure = the field at the head's center without a head × the head's response to a wave from there. Multiple
//! scattering between head and cabinet is neglected.

use super::sofa::MeasuredHead;
use super::spherical::SphereHeadSeries;
use super::vector::Vec3;
use super::{Complex, Incident, Radiator};

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
    /// Pressure at the left and the right ear, from one driver, for wave number `k`.
    pub fn ears(&self, k: f64, radiator: &Radiator, listener: &Listener) -> [Complex; 2] {
        let incident = radiator.incident(k, listener.position);
        self.response(k, &incident, listener).map(|h| h * incident.pressure)
    }

    /// Ear pressure over the free-field pressure at the head's center, left and right.
    pub fn response(&self, k: f64, incident: &Incident, listener: &Listener) -> [Complex; 2] {
        match self {
            Self::Sphere { radius_m } => {
                let series = SphereHeadSeries::new(k, *radius_m, incident.distance_m);
                let axis = listener.left_ear_axis();
                let cos_left: Complex = -(0..3).map(|i| incident.propagation[i] * axis[i]).sum::<Complex>();
                [series.at(cos_left), series.at(-cos_left)]
            }
            Self::Measured(head) => {
                let towards_source = incident.propagation.map(|n| -n.re);
                head.response(k, towards_source, incident.distance_m, listener)
            }
        }
    }

    /// Radius that stands for the head where a sphere is asked for, m.
    pub fn radius_m(&self) -> f64 {
        match self {
            Self::Sphere { radius_m } => *radius_m,
            Self::Measured(head) => head.radius_m,
        }
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
