//! Between measurements: which of them count for a point, by how much, and how their responses are blended.
//!
//! What is blended is never a response itself but its ratio to a model's at the same point (rigid sphere for a head,
//! the driver's own model for a driver): the model carries delay, level and the finer pattern from point to point, so
//! the ratio changes little between measurements and a coarse grid will do (directional equalization; Pörschmann, Arend
//! & Brinkmann, IEEE/ACM TASLP 27, 2019). It also carries the ratio to other distances: delay, level and parallax are
//! the model's there.

use std::f64::consts::TAU;

use super::Complex;
use super::nearest::Tree;
use super::vector::{Vec3, cross, dot, norm, scale, unit};

/// Measurements that count at a point; one more bounds the region they come from.
const NEIGHBORS: usize = 6;
/// Closer than this to a measurement, it is taken as it is (chord, about rad).
const ON_THE_SPOT: f64 = 1e-4;
/// How much a factor e in distance counts as an angle (rad) when the nearest measurements are chosen.
const DISTANCE_WEIGHT: f64 = 0.3;
/// Spread (rad²) re that of the measurements about the point below which an axis has no slope.
const FLAT: f64 = 1e-2;
/// Sum of negative weights from which slopes are used less, and from which no more: the point lies outside of the
/// measurements, and what is nearest is held.
const OUTSIDE: (f64, f64) = (0.2, 0.7);
/// A model's response is not taken for smaller than this (re an omnidirectional source): in its nulls, which a real
/// head or driver has elsewhere, a ratio to it would say nothing.
const MODEL_FLOOR: f64 = 0.1;

/// Where measurements stand about a center.
#[derive(Debug, Clone)]
pub struct Places {
    places: Vec<Place>,
    directions: Tree,
    /// All there are, in order.
    log_distances: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Place {
    direction: Vec3,
    distance_m: f64,
    log_distance: f64,
}

/// A measurement's index and its weight; the weights of a point sum to 1, the nearest comes first.
pub type Weighted = (usize, f64);

impl Places {
    /// From points about the center, m; none of them is the center.
    pub fn new(points: impl IntoIterator<Item = Vec3>) -> Self {
        let place = |point: Vec3| {
            let distance_m = norm(point);
            Place { direction: unit(point), distance_m, log_distance: distance_m.ln() }
        };
        let places: Vec<Place> = points.into_iter().map(place).collect();
        let mut log_distances: Vec<f64> = places.iter().map(|place| place.log_distance).collect();
        log_distances.sort_by(f64::total_cmp);
        log_distances.dedup();
        Self { directions: Tree::new(places.iter().map(|place| place.direction)), places, log_distances }
    }

    /// The measurement's point, m.
    pub fn point(&self, index: usize) -> Vec3 {
        scale(self.places[index].direction, self.places[index].distance_m)
    }

    /// All points, m.
    pub fn points(&self) -> impl Iterator<Item = Vec3> {
        (0..self.places.len()).map(|index| self.point(index))
    }

    /// The measurements that count at `point`. Weights change continuously with it.
    ///
    /// Moving least squares (Lancaster & Salkauskas, *Math. Comp.* 37, 1981) with the compact weights of Franke and
    /// Little: a measurement has none left when the next one takes its place.
    pub fn around(&self, point: Vec3) -> Vec<Weighted> {
        let (direction, distance_m) = (unit(point), norm(point));
        // What all measurements are too near or too far makes none of them nearer than another.
        let log_distance = distance_m.ln();
        let off = |other: &f64| (other - log_distance).abs();
        let above = self.log_distances.partition_point(|other| *other < log_distance);
        let beside = &self.log_distances[above.saturating_sub(1)..(above + 1).min(self.log_distances.len())];
        let least = beside.iter().map(off).fold(f64::INFINITY, f64::min);
        let mut best: Vec<(f64, usize)> = Vec::with_capacity(NEIGHBORS + 2);
        self.directions.search(direction, &mut |index, across| {
            let found = (across + (DISTANCE_WEIGHT * (off(&self.places[index].log_distance) - least)).powi(2), index);
            if best.len() <= NEIGHBORS || best.last().is_some_and(|farthest| found < *farthest) {
                best.insert(best.partition_point(|other| *other < found), found);
                best.truncate(NEIGHBORS + 1);
            }
            if best.len() > NEIGHBORS { best[NEIGHBORS].0 } else { f64::INFINITY }
        });
        best.iter_mut().for_each(|(away, _)| *away = away.sqrt());
        if best.first().is_some_and(|(away, _)| *away < ON_THE_SPOT) {
            best.truncate(1);
        }
        let reach =
            if best.len() > NEIGHBORS { best.pop().map_or(f64::INFINITY, |(away, _)| away) } else { f64::INFINITY };
        // 1/d² that falls to nothing at the reach.
        let mut weights: Vec<f64> =
            best.iter().map(|(d, _)| (1.0 / d.max(ON_THE_SPOT) - 1.0 / reach).powi(2)).collect();
        if weights.iter().sum::<f64>() <= 0.0 {
            // All of them are equally far, the first one left out too: a ring seen from its axis.
            weights.fill(1.0);
        }
        let offsets: Vec<[f64; 2]> = best.iter().map(|(_, i)| offset(direction, self.places[*i].direction)).collect();
        let weights = linear_weights(&weights, &offsets);
        best.into_iter().zip(weights).map(|((_, index), weight)| (index, weight)).collect()
    }
}

/// Angle (rad) from `direction` to `place`, along two axes across it.
fn offset(direction: Vec3, place: Vec3) -> [f64; 2] {
    let helper = if direction[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
    let across = unit(cross(helper, direction));
    let along = cross(direction, across);
    let (u, v, ahead) = (dot(place, across), dot(place, along), dot(place, direction));
    let sine = u.hypot(v);
    let stretch = if sine > 1e-12 { sine.atan2(ahead) / sine } else { 1.0 };
    [u * stretch, v * stretch]
}

/// Weights that sum to 1 and reproduce at the origin whatever changes linearly over the offsets, so that the small
/// differences cancellation lives on are kept; outside of the offsets plain averages.
fn linear_weights(weights: &[f64], offsets: &[[f64; 2]]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let plain: Vec<f64> = weights.iter().map(|w| w / total).collect();
    let mean = [0, 1].map(|axis| plain.iter().zip(offsets).map(|(w, o)| w * o[axis]).sum::<f64>());
    let moment = |i: usize, j: usize| {
        plain.iter().zip(offsets).map(|(w, o)| w * (o[i] - mean[i]) * (o[j] - mean[j])).sum::<f64>()
    };
    let about = plain.iter().zip(offsets).map(|(w, o)| w * (o[0] * o[0] + o[1] * o[1])).sum::<f64>();
    let (xx, yy, xy) = (moment(0, 0) + FLAT * about, moment(1, 1) + FLAT * about, moment(0, 1));
    let determinant = xx * yy - xy * xy;
    if determinant <= 0.0 {
        return plain;
    }
    let slope = [(xy * mean[1] - yy * mean[0]) / determinant, (xy * mean[0] - xx * mean[1]) / determinant];
    let linear: Vec<f64> = plain
        .iter()
        .zip(offsets)
        .map(|(w, o)| w * (1.0 + (o[0] - mean[0]) * slope[0] + (o[1] - mean[1]) * slope[1]))
        .collect();
    let negative: f64 = linear.iter().map(|w| (-w).max(0.0)).sum();
    let outside = ((negative - OUTSIDE.0) / (OUTSIDE.1 - OUTSIDE.0)).clamp(0.0, 1.0);
    linear.iter().zip(&plain).map(|(l, p)| l + outside * (p - l)).collect()
}

/// A ratio as it is blended.
#[derive(Debug, Clone, Copy)]
pub struct LogRatio {
    level_np: f64,
    phase_rad: f64,
}

impl From<Complex> for LogRatio {
    fn from(ratio: Complex) -> Self {
        Self { level_np: ratio.norm().ln(), phase_rad: ratio.arg() }
    }
}

/// Less than any response has, Np: a ratio of nothing.
const NOTHING_NP: f64 = -34.5;

/// Blends ratios, in order of the weights: log magnitudes, and phases relative to the nearest one's.
pub fn blend<R: Into<LogRatio>>(weighted: &[Weighted], mut ratio: impl FnMut(usize) -> R) -> Complex {
    let Some(&(nearest, _)) = weighted.first() else { return Complex::ZERO };
    let reference = ratio(nearest).into();
    if reference.level_np < NOTHING_NP {
        return Complex::ZERO;
    }
    let (mut level_np, mut phase_rad) = (reference.level_np, reference.phase_rad);
    for (index, weight) in &weighted[1..] {
        let other = ratio(*index).into();
        if other.level_np - reference.level_np > NOTHING_NP {
            let turn = other.phase_rad - reference.phase_rad;
            level_np += weight * (other.level_np - reference.level_np);
            phase_rad += weight * (turn - TAU * (turn / TAU).round());
        }
    }
    Complex::from_polar(level_np.exp(), phase_rad)
}

/// A model's response as ratios are taken to it: no smaller than −20 dB re `omni`, an omnidirectional source's.
pub fn without_nulls(model: Complex, omni: Complex) -> Complex {
    let floor = MODEL_FLOOR * omni.norm();
    let size = model.norm();
    if size > 1e-6 * floor { model * (1.0 + (floor / size).powi(8)).powf(0.125) } else { omni * MODEL_FLOOR }
}

#[cfg(test)]
#[path = "interpolation_tests.rs"]
mod tests;
