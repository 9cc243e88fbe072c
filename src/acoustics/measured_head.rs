//! A listener's head that was measured: impulse responses of the ears for sources around it.

use std::path::Path;

use super::interpolation::{LogRatio, Places, blend, without_nulls};
use super::measured::ImpulseResponse;
use super::spherical::SphereHeadSeries;
use super::vector::{Vec3, norm};
use super::{Complex, MeasurementError, sofa, wave_number};

/// Band in which a head's level and delay are matched to the sphere's, Hz: the wave is longer than a head there.
const MATCH_BAND_HZ: (f64, f64) = (200.0, 700.0);
const MATCH_STEP_HZ: f64 = 10.0;
/// Measurements whose distances differ by no more than this factor were taken in one go.
const SAME_DISTANCE: f64 = 1.05;
/// Where the head's shadow tells its sides, Hz.
const SHADOW_HZ: [f64; 4] = [1500.0, 2000.0, 3000.0, 4000.0];
/// A sphere's ears see a source at its left at this cosine: y of the direction.
const EARS: [f64; 2] = [1.0, -1.0];

/// A head measured over directions, at one distance or several.
///
/// Between measurements, and at other distances, a rigid sphere carries it: what is interpolated is the ratio to the
/// sphere's response at the measurement's own direction and distance (see [`interpolation`](super::interpolation)).
/// A far-field file so hears a near source with its level difference, delay and parallax (distance variation functions;
/// Kan, Jin & van Schaik, JASA 125, 2009).
#[derive(Debug, Clone)]
pub struct MeasuredHead {
    places: Places,
    /// `[measurement][ear]`.
    responses: Vec<[ImpulseResponse; 2]>,
    /// Radius of the sphere, m.
    pub radius_m: f64,
}

impl MeasuredHead {
    /// Reads a SimpleFreeFieldHRIR file. Level and common delay, which such files leave open, are matched to a rigid
    /// sphere of `radius_m` for a source in front, at low frequency, for each distance by itself.
    ///
    /// # Errors
    /// The file cannot be read, holds no responses of two ears, has a source inside of the head, or has its sides swapped.
    pub fn from_sofa(path: &Path, radius_m: f64) -> Result<Self, MeasurementError> {
        let measurements = sofa::head(path)?;
        if let Some(index) = measurements.iter().position(|(point, _)| norm(*point) < 1.2 * radius_m) {
            let reason = format!(
                "the source of measurement {index} is {:.3} m from the center, in a head of {radius_m} m or next to it; \
                 expected positions in m",
                norm(measurements[index].0)
            );
            return Err(MeasurementError::Unfit { path: path.to_owned(), reason });
        }
        let pairs = measurements.into_iter().filter_map(|(point, responses)| {
            let mut ears = responses.into_iter();
            Some((point, [ears.next()?, ears.next()?]))
        });
        let head = Self::new(pairs, radius_m);
        if head.has_its_sides_swapped() {
            let reason = "its left ear is louder for sources on the right; expected azimuths that grow to the left and the \
                          left ear first: mirror the positions or swap the receivers";
            return Err(MeasurementError::Unfit { path: path.to_owned(), reason: reason.to_owned() });
        }
        Ok(head)
    }

    /// Whether the far ear is the louder one: some files count azimuths clockwise.
    fn has_its_sides_swapped(&self) -> bool {
        let level = |ear: &ImpulseResponse| {
            SHADOW_HZ.iter().map(|hz| ear.at(wave_number(*hz)).norm_sqr()).sum::<f64>().max(f64::MIN_POSITIVE).ln()
        };
        let lean = |(point, [left, right]): (Vec3, &[ImpulseResponse; 2])| {
            point[1] / norm(point) * (level(left) - level(right))
        };
        self.places.points().zip(&self.responses).map(lean).sum::<f64>() < 0.0
    }

    /// From points (m, x to the front, y to the left of the head, outside of the sphere) and the two ears' responses.
    pub fn new(measurements: impl IntoIterator<Item = (Vec3, [ImpulseResponse; 2])>, radius_m: f64) -> Self {
        let (points, responses): (Vec<Vec3>, Vec<[ImpulseResponse; 2]>) = measurements.into_iter().unzip();
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|a, b| norm(points[*a]).total_cmp(&norm(points[*b])));
        let mut head = Self { places: Places::new(points.iter().copied()), responses, radius_m };
        let mut rest = order.as_slice();
        while let Some(first) = rest.first() {
            let end = rest.partition_point(|i| norm(points[*i]) <= SAME_DISTANCE * norm(points[*first]));
            let (shell, others) = rest.split_at(end.max(1));
            head.match_to_sphere(shell, &points);
            rest = others;
        }
        head
    }

    fn match_to_sphere(&mut self, shell: &[usize], points: &[Vec3]) {
        let ahead = |i: &usize| points[*i][0] / norm(points[*i]);
        let Some(front) = shell.iter().copied().max_by(|a, b| ahead(a).total_cmp(&ahead(b))) else { return };
        let distance_m = norm(points[front]);
        let side = points[front][1] / distance_m;
        let (mut energy, mut sphere_energy) = (0.0, 0.0);
        let (mut slope, mut last) = (Complex::ZERO, None);
        let mut frequency_hz = MATCH_BAND_HZ.0;
        while frequency_hz <= MATCH_BAND_HZ.1 {
            let k = wave_number(frequency_hz);
            let series = SphereHeadSeries::new(k, self.radius_m, distance_m);
            let sphere = EARS.map(|ear| series.at(Complex::from(ear * side)));
            let ears = [0, 1].map(|ear| self.responses[front][ear].at(k));
            energy += ears.iter().map(|p| p.norm_sqr()).sum::<f64>();
            sphere_energy += sphere.iter().map(|p| p.norm_sqr()).sum::<f64>();
            // The two ears' phases add up to twice the common delay's.
            let relative = ears[0] * ears[1] / (sphere[0] * sphere[1]);
            if let Some(previous) = last.replace(relative) {
                slope += relative * Complex::conj(&previous);
            }
            frequency_hz += MATCH_STEP_HZ;
        }
        if energy > 0.0 {
            let gain = (sphere_energy / energy).sqrt();
            let advance_s = -slope.arg() / (2.0 * 2.0 * std::f64::consts::PI * MATCH_STEP_HZ);
            for index in shell {
                self.responses[*index] = self.responses[*index].clone().map(|r| r.adjusted(-advance_s, gain));
            }
        }
    }

    /// The head at wave number `k`, for any number of sources.
    pub fn at(&self, k: f64) -> MeasuredHeadAt<'_> {
        MeasuredHeadAt { head: self, k, shells: Vec::new(), ratios: Vec::new() }
    }
}

/// A measured head at one wave number. The ratios found for one source serve the others: those of a loudspeaker's
/// drivers lie between the same few measurements.
#[derive(Debug)]
pub struct MeasuredHeadAt<'a> {
    head: &'a MeasuredHead,
    k: f64,
    /// The sphere's response at the measurements' distances; most files have one.
    shells: Vec<(f64, SphereHeadSeries)>,
    /// Of the measurements met so far, sorted by index.
    ratios: Vec<(usize, [LogRatio; 2])>,
}

impl MeasuredHeadAt<'_> {
    /// Left and right ear pressure over the free field at the head's center.
    ///
    /// `source` is where the wave comes from, m, x along the nose, y to the left ear; `cos_ears` are the cosines between
    /// it and the ears, complex for an inhomogeneous wave.
    pub fn response(&mut self, source: Vec3, cos_ears: [Complex; 2]) -> [Complex; 2] {
        let around = self.head.places.around(source);
        let wanted = SphereHeadSeries::new(self.k, self.head.radius_m, norm(source));
        [0, 1].map(|ear| {
            let ratio = blend(&around, |index| self.ratio(index)[ear]);
            ratio * without_nulls(wanted.at(cos_ears[ear]), Complex::ONE)
        })
    }

    /// A measurement's ratio to the sphere.
    fn ratio(&mut self, index: usize) -> [LogRatio; 2] {
        match self.ratios.binary_search_by_key(&index, |(known, _)| *known) {
            Ok(at) => self.ratios[at].1,
            Err(at) => {
                let point = self.head.places.point(index);
                let side = point[1] / norm(point);
                let shell = self.shell(norm(point));
                let ratio = [0, 1].map(|ear| {
                    let sphere = self.shells[shell].1.at(Complex::from(EARS[ear] * side));
                    LogRatio::from(self.head.responses[index][ear].at(self.k) / without_nulls(sphere, Complex::ONE))
                });
                self.ratios.insert(at, (index, ratio));
                ratio
            }
        }
    }

    /// Index of the series of a measurement's distance.
    fn shell(&mut self, distance_m: f64) -> usize {
        self.shells.iter().position(|(known, _)| (known / distance_m - 1.0).abs() < 1e-5).unwrap_or_else(|| {
            self.shells.push((distance_m, SphereHeadSeries::new(self.k, self.head.radius_m, distance_m)));
            self.shells.len() - 1
        })
    }
}

#[cfg(test)]
#[path = "measured_head_tests.rs"]
mod tests;
