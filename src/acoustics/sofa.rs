//! Measured heads and measured directivities from SOFA files (AES69).

use std::path::Path;

use sofar::reader::{OpenOptions, Sofar};

use super::measured::ImpulseResponse;
use super::spherical::SphereHeadSeries;
use super::vector::{Vec3, dot, norm, scale, unit};
use super::{Complex, Listener, MeasurementError, phasor, wave_number};

/// Measurements blended for a direction between them.
const NEIGHBORS: usize = 4;
/// Closer than this to a measurement, it is taken as it is (rad).
const ON_THE_SPOT: f64 = 1e-3;
/// Spread (rad²) re that of the neighbors below which an axis has no slope.
const FLAT: f64 = 1e-6;
/// How much a factor e in distance counts as an angle (rad) when the nearest measurements are chosen.
const DISTANCE_WEIGHT: f64 = 0.3;
/// Band in which a head's level and delay are matched to the sphere's, Hz: the wave is longer than a head there.
const MATCH_BAND_HZ: (f64, f64) = (200.0, 700.0);

/// Impulse responses over directions.
#[derive(Debug, Clone)]
struct DirectionalSet {
    points: Vec<Point>,
}

#[derive(Debug, Clone)]
struct Point {
    direction: Vec3,
    distance_m: f64,
    responses: Vec<ImpulseResponse>,
    delays_s: Vec<f64>,
}

impl Point {
    fn at(&self, k: f64, channel: usize) -> Complex {
        self.responses[channel].at(k) * phasor(-k * super::SPEED_OF_SOUND * self.delays_s[channel])
    }
}

impl DirectionalSet {
    /// The nearest measurements with weights that sum to 1, nearest first.
    fn nearest(&self, direction: Vec3, distance_m: f64) -> Vec<(f64, &Point)> {
        // What all measurements are too near or too far makes none of them nearer than another.
        let off = |point: &Point| (point.distance_m / distance_m).ln().abs();
        let least = self.points.iter().map(off).fold(f64::INFINITY, f64::min);
        let mut best: Vec<(f64, &Point)> = Vec::with_capacity(NEIGHBORS + 1);
        for point in &self.points {
            let angle = dot(point.direction, direction).clamp(-1.0, 1.0).acos();
            let away = angle.hypot(DISTANCE_WEIGHT * (off(point) - least));
            let place = best.partition_point(|(d, _)| *d <= away);
            if place < NEIGHBORS {
                best.insert(place, (away, point));
                best.truncate(NEIGHBORS);
            }
        }
        if best.first().is_some_and(|(away, _)| *away < ON_THE_SPOT) {
            best.truncate(1);
        }
        let places: Vec<(f64, Vec3)> = best.iter().map(|(away, point)| (*away, point.direction)).collect();
        linear_weights(direction, &places).into_iter().zip(best).map(|(weight, (_, point))| (weight, point)).collect()
    }

    /// Response between measurements: log magnitudes are averaged, and phases relative to the nearest one, so that
    /// responses with slightly different delays do not cancel.
    fn response(&self, k: f64, channel: usize, neighbors: &[(f64, &Point)]) -> Complex {
        let Some((_, nearest)) = neighbors.first() else { return Complex::ZERO };
        let reference = nearest.at(k, channel);
        if neighbors.len() == 1 || reference.norm() < 1e-15 {
            return reference;
        }
        let blend: Complex = neighbors
            .iter()
            .map(|(weight, point)| (point.at(k, channel) / reference, *weight))
            .filter(|(ratio, _)| ratio.norm() > 1e-15)
            .map(|(ratio, weight)| ratio.ln() * weight)
            .sum();
        reference * blend.exp()
    }
}

/// Weights of measurements at (angle away, direction) for `direction`: they sum to 1 and reproduce whatever changes
/// linearly with direction, so that the small differences cancellation lives on are kept (moving least squares;
/// Lancaster & Salkauskas 1981).
fn linear_weights(direction: Vec3, places: &[(f64, Vec3)]) -> Vec<f64> {
    // Two axes across the direction.
    let helper = if direction[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
    let across = unit(cross(helper, direction));
    let along = cross(direction, across);
    let rows: Vec<(f64, [f64; 3])> = places
        .iter()
        .map(|(away, place)| (away.max(1e-6).powi(-2), [1.0, dot(*place, across), dot(*place, along)]))
        .collect();
    let mut matrix = [[0.0; 3]; 3];
    for (weight, row) in &rows {
        (0..3).for_each(|i| (0..3).for_each(|j| matrix[i][j] += weight * row[i] * row[j]));
    }
    // Measurements in one line say nothing about the other axis: no slope there.
    let scale = matrix[0][0];
    (1..3).for_each(|i| matrix[i][i] += FLAT * scale);
    let level = solve_first(matrix);
    rows.iter().map(|(weight, row)| weight * (0..3).map(|i| row[i] * level[i]).sum::<f64>()).collect()
}

/// Solves A x = (1, 0, 0) for a symmetric positive definite A, by Cramer's rule.
fn solve_first(a: [[f64; 3]; 3]) -> [f64; 3] {
    let first = cross(a[1], a[2]);
    let determinant = dot(a[0], first);
    first.map(|v| v / determinant)
}

fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn open(path: &Path) -> Result<Sofar, MeasurementError> {
    // The reader would resample to a rate of its choice; a rate that equals nothing leaves the file's own.
    OpenOptions::new().sample_rate(f32::NAN).normalized(false).open(path).map_err(|error| {
        MeasurementError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
            expected: "a SOFA file with impulse responses (SimpleFreeFieldHRIR or GeneralFIR)",
        }
    })
}

/// Measurements of a file, `channels` responses each; `positions` are Cartesian, 3 values a measurement.
fn read(path: &Path, sofa: &Sofar, positions: &[f32], channels: usize) -> Result<DirectionalSet, MeasurementError> {
    let unfit = |reason: String| MeasurementError::Unfit { path: path.to_owned(), reason };
    let hrtf = sofa.hrtf();
    let (length, rate) = (hrtf.n() as usize, f64::from(hrtf.sample_rate()));
    if !(rate.is_finite() && rate >= 8000.0) || length == 0 {
        return Err(unfit(format!("sample rate {rate} Hz and length {length}; expected impulse responses")));
    }
    let data = &hrtf.data_ir.values;
    let delays = &hrtf.data_delay.values;
    let count = data.len() / (length * channels);
    if count == 0 || positions.len() < 3 * count {
        return Err(unfit(format!(
            "{count} responses but {} coordinates; expected one position each",
            positions.len()
        )));
    }
    let mut points = Vec::with_capacity(count);
    for index in 0..count {
        let position = [0, 1, 2].map(|i| f64::from(positions[3 * index + i]));
        let distance_m = norm(position);
        if !(distance_m.is_finite() && distance_m > 0.0) {
            return Err(unfit(format!("position of measurement {index} is not a place outside the center")));
        }
        let mut responses = Vec::with_capacity(channels);
        for channel in 0..channels {
            let start = (index * channels + channel) * length;
            let samples: Vec<f64> = data[start..start + length].iter().map(|s| f64::from(*s)).collect();
            if samples.iter().any(|s| !s.is_finite()) {
                return Err(unfit(format!("measurement {index} holds numbers that are not finite")));
            }
            responses.push(ImpulseResponse::new(samples, rate));
        }
        // Delays may be given once for all measurements.
        let delay_of = |channel: usize| {
            delays.get(index * channels + channel).or(delays.get(channel)).map_or(0.0, |d| f64::from(*d) / rate)
        };
        let delays_s = (0..channels).map(delay_of).collect();
        points.push(Point { direction: unit(position), distance_m, responses, delays_s });
    }
    Ok(DirectionalSet { points })
}

/// A head measured over directions.
#[derive(Debug, Clone)]
pub struct MeasuredHead {
    set: DirectionalSet,
    /// Radius of the sphere that stands for it in the virtual source's formula, m.
    pub radius_m: f64,
    gain: f64,
    advance_s: f64,
}

impl MeasuredHead {
    /// Reads a SimpleFreeFieldHRIR file. Level and common delay, which such files leave open, are matched to a rigid
    /// sphere of `radius_m` for a source in front, at low frequency.
    pub fn from_sofa(path: &Path, radius_m: f64) -> Result<Self, MeasurementError> {
        let sofa = open(path)?;
        if sofa.hrtf().r() != 2 {
            let reason = format!("has {} receivers; a head has two ears", sofa.hrtf().r());
            return Err(MeasurementError::Unfit { path: path.to_owned(), reason });
        }
        let set = read(path, &sofa, &sofa.hrtf().source_position.values, 2)?;
        Ok(Self { set, radius_m, gain: 1.0, advance_s: 0.0 }.matched_to_sphere())
    }

    fn matched_to_sphere(mut self) -> Self {
        let front = [1.0, 0.0, 0.0];
        let distance_m = self.set.nearest(front, 1.5).first().map_or(1.5, |(_, point)| point.distance_m);
        let neighbors = self.set.nearest(front, distance_m);
        let (mut energy, mut sphere_energy) = (0.0, 0.0);
        let (mut slope, mut last) = (Complex::ZERO, None);
        let step_hz = 10.0;
        let mut frequency_hz = MATCH_BAND_HZ.0;
        while frequency_hz <= MATCH_BAND_HZ.1 {
            let k = wave_number(frequency_hz);
            let sphere = SphereHeadSeries::new(k, self.radius_m, distance_m).at(Complex::ZERO);
            let ears = [0, 1].map(|ear| self.set.response(k, ear, &neighbors));
            energy += ears.iter().map(|p| p.norm_sqr()).sum::<f64>() / 2.0;
            sphere_energy += sphere.norm_sqr();
            // The two ears' phases add up to twice the common delay's.
            let relative = ears[0] * ears[1] / (sphere * sphere);
            if let Some(previous) = last.replace(relative) {
                slope += relative * Complex::conj(&previous);
            }
            frequency_hz += step_hz;
        }
        if energy > 0.0 {
            self.gain = (sphere_energy / energy).sqrt();
            self.advance_s = -slope.arg() / (2.0 * 2.0 * std::f64::consts::PI * step_hz);
        }
        self
    }

    /// Left and right ear pressure over the free field at the head's center, for a source in `towards_source` (in the
    /// device's frame) at `distance_m`.
    pub fn response(&self, k: f64, towards_source: Vec3, distance_m: f64, listener: &Listener) -> [Complex; 2] {
        // Components along nose, left ear and crown are SOFA's axes.
        let direction = unit([
            dot(towards_source, listener.facing()),
            dot(towards_source, listener.left_ear_axis()),
            towards_source[2],
        ]);
        let neighbors = self.set.nearest(direction, distance_m);
        let align = phasor(k * super::SPEED_OF_SOUND * self.advance_s) * self.gain;
        [0, 1].map(|ear| self.set.response(k, ear, &neighbors) * align)
    }
}

/// A driver measured over directions around the device's center.
#[derive(Debug, Clone)]
pub struct MeasuredDirectivity {
    set: DirectionalSet,
}

impl MeasuredDirectivity {
    /// Reads impulse responses on a sphere around the device: one receiver and many source positions, or one
    /// measurement with many receivers. The file's frame is the device's own, right-handed, x towards the listener: y
    /// is mirrored here.
    pub fn from_sofa(path: &Path) -> Result<Self, MeasurementError> {
        let sofa = open(path)?;
        let hrtf = sofa.hrtf();
        let mut positions =
            if hrtf.m() > 1 { hrtf.source_position.values.clone() } else { hrtf.receiver_position.values.clone() };
        let channels = if hrtf.m() > 1 { hrtf.r().max(1) as usize } else { 1 };
        positions.chunks_exact_mut(3).for_each(|position| position[1] = -position[1]);
        Ok(Self { set: read(path, &sofa, &positions, channels)? })
    }

    /// Complex pressure at `point`: the response in its direction, carried from the distance it was measured at.
    pub fn pressure(&self, k: f64, point: Vec3) -> Complex {
        let distance_m = norm(point);
        let neighbors = self.set.nearest(scale(point, 1.0 / distance_m), distance_m);
        let measured_m = neighbors.first().map_or(distance_m, |(_, p)| p.distance_m);
        self.set.response(k, 0, &neighbors) * phasor(-k * (distance_m - measured_m)) * (measured_m / distance_m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sphere head sampled on a coarse grid, as impulse responses.
    fn sphere_set(rate: f64, delay_samples: usize, gain: f64) -> MeasuredHead {
        let mut points = Vec::new();
        for step in 0..36 {
            let azimuth = f64::from(step) * 10.0;
            let direction = crate::acoustics::vector::direction(azimuth, 0.0);
            let responses = [1.0, -1.0]
                .map(|side| {
                    let n = 512usize;
                    // Half spectrum, DC and Nyquist apart, summed back by hand.
                    let bins: Vec<Complex> = (1..n / 2)
                        .map(|bin| {
                            let k = wave_number(bin as f64 * rate / n as f64);
                            SphereHeadSeries::new(k, 0.0875, 1.5).at(Complex::from(side * direction[1]))
                                * phasor(-k * 343.0 * delay_samples as f64 / rate)
                                * gain
                        })
                        .collect();
                    let turn =
                        |bin: usize, i: usize| phasor(2.0 * std::f64::consts::PI * (bin * i % n) as f64 / n as f64);
                    let samples = (0..n)
                        .map(|i| {
                            let sum: f64 = bins.iter().enumerate().map(|(b, p)| 2.0 * (p * turn(b + 1, i)).re).sum();
                            (sum + gain) / n as f64
                        })
                        .collect();
                    ImpulseResponse::new(samples, rate)
                })
                .to_vec();
            points.push(Point { direction, distance_m: 1.5, responses, delays_s: vec![0.0; 2] });
        }
        MeasuredHead { set: DirectionalSet { points }, radius_m: 0.0875, gain: 1.0, advance_s: 0.0 }.matched_to_sphere()
    }

    #[test]
    fn a_sphere_measured_at_another_rate_is_the_sphere() {
        let head = sphere_set(44_100.0, 60, 0.37);
        let listener = Listener::at([2.0, 0.0, 0.0]);
        // A source at 15° to the left of the nose, halfway between two measurements.
        let towards = [-(15f64.to_radians().cos()), 15f64.to_radians().sin(), 0.0];
        for f in [300.0, 1000.0, 3000.0] {
            let k = wave_number(f);
            let got = head.response(k, towards, 1.5, &listener);
            let series = SphereHeadSeries::new(k, 0.0875, 1.5);
            for (ear, side) in [1.0, -1.0].into_iter().enumerate() {
                let expected = series.at(Complex::from(side * towards[1]));
                let error = (got[ear] / expected - 1.0).norm();
                assert!(error < 0.12, "{f} Hz, ear {ear}: {:?} instead of {expected:?}", got[ear]);
            }
        }
    }
}

#[cfg(test)]
#[path = "sofa_file_tests.rs"]
mod file_tests;
