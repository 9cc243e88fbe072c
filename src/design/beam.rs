//! The center's beam: the canceller's solver with the on-axis response in place of the ipsilateral ear and the
//! directions of the nulls in place of the contralateral one.

use crate::acoustics::vector::{direction, scale};
use crate::acoustics::{Complex, phasor, wave_number};

use super::curve::LogGrid;
use super::device::{BeamSpec, Device, Driver};
use super::hermitian::{Hermitian, energy, product};
use super::{DRIVER_MISMATCH, REGULARIZATION_OCTAVES};

/// Largest effort of the beam, dB.
pub const MAX_EFFORT_DB: f64 = 6.0;
/// The main lobe stays above this at ±45°, dB.
const LOBE_45_DB: f64 = -6.0;
/// … and nowhere in front rises above the axis by more than this, dB: nulls on one side only would turn it away.
const MOST_RISE_DB: f64 = 0.9;
/// Where both are looked at, degrees.
const FRONT_DEG: [f64; 8] = [-60.0, -45.0, -30.0, -15.0, 15.0, 30.0, 45.0, 60.0];
/// A beam is given up where its lobe falls below this at ±45° even without a null, or rises above the axis by more
/// than `LOBE_RISE_DB` anywhere in front.
const GIVEN_UP_45_DB: f64 = -8.0;
const LOBE_RISE_DB: f64 = 1.0;
/// Below this the plain matched sum plays; the beam fades in over the half octave before.
const BEAM_FROM_HZ: f64 = 200.0;
/// Width of the fade from one set of drivers to a smaller one.
const FADE_OCTAVES: f64 = 0.15;
/// A single driver farther from the middle than this does not stand in for the center, m.
const CENTER_REACH_M: f64 = 0.045;
/// Nulls are spread this far to either side, degrees.
const NULL_SPREAD_DEG: f64 = 10.0;

/// Some of the drivers, and the frequencies at which they make the beam.
#[derive(Debug, Clone)]
struct Section {
    members: Vec<usize>,
    nulls: bool,
    /// Highest frequency at which it holds its lobe, Hz.
    up_to_hz: f64,
    log_lambda: Vec<f64>,
}

/// Designs the center's filters.
pub struct Beamformer<'a> {
    drivers: &'a [Driver],
    spec: &'a BeamSpec,
    distance_m: f64,
    grid: LogGrid,
    sections: Vec<Section>,
}

impl<'a> Beamformer<'a> {
    /// Finds how far each set of drivers can hold the beam: all of them, then without the outermost ones, down to the
    /// frontmost.
    pub fn new(device: &'a Device, drivers: &'a [Driver], grid: &LogGrid) -> Self {
        let distance_m = device.listener.distance_m;
        let mut beamformer = Self { drivers, spec: &device.beam, distance_m, grid: grid.clone(), sections: Vec::new() };
        let nested = nested_sets(drivers);
        let last = nested.len() - 1;
        let mut covered_hz = 0.0;
        for (rank, members) in nested.into_iter().enumerate() {
            let nulls = members.len() > 2;
            let mut section = Section { members, nulls, up_to_hz: f64::INFINITY, log_lambda: Vec::new() };
            let raw: Vec<f64> = grid.frequencies_hz.iter().map(|f| beamformer.bisect(&section, *f)).collect();
            section.log_lambda = grid.smooth(&raw, REGULARIZATION_OCTAVES);
            if rank < last {
                let failing = |f: &&f64| **f > BEAM_FROM_HZ && !beamformer.holds_lobe(&section, **f);
                section.up_to_hz = grid.frequencies_hz.iter().find(failing).copied().unwrap_or(f64::INFINITY);
            }
            if section.up_to_hz > 1.2 * covered_hz {
                covered_hz = section.up_to_hz;
                beamformer.sections.push(section);
            }
        }
        beamformer
    }

    /// Highest frequency with nulls towards the sides, Hz; `None` if this device has none.
    pub fn nulls_up_to_hz(&self) -> Option<f64> {
        self.sections.iter().filter(|s| s.nulls).map(|s| s.up_to_hz).reduce(f64::max)
    }

    /// On-axis power over the mean power around the nulls, dB, drivers of 0.5 dB and 4° mismatch included; `None` where
    /// there are none.
    pub fn null_depth_db(&self, frequency_hz: f64) -> Option<f64> {
        let section = self.sections.iter().find(|s| frequency_hz <= s.up_to_hz).filter(|s| s.nulls)?;
        let (axis, shares) = self.vector(section, 0.0, frequency_hz);
        let (matrix, _) = self.system(section, frequency_hz, &axis);
        let filters = self.solve(section, frequency_hz, Some(self.grid.interpolate(&section.log_lambda, frequency_hz)));
        let weights: Vec<Complex> = filters.iter().zip(shares).map(|(h, share)| h / share).collect();
        Some(-10.0 * matrix.quadratic_form(&weights).max(1e-300).log10())
    }

    /// Filters of all drivers at one frequency, for the on-axis pressure `target` at the listener's distance.
    pub fn filters(&self, frequency_hz: f64, target: Complex) -> Vec<Complex> {
        let mut sum = vec![Complex::ZERO; self.drivers.len()];
        let mut add = |section: &Section, weight: f64, matched: bool| {
            if weight > 0.0 {
                let lambda =
                    if matched { None } else { Some(self.grid.interpolate(&section.log_lambda, frequency_hz)) };
                let filters = self.solve(section, frequency_hz, lambda);
                section.members.iter().zip(filters).for_each(|(i, h)| sum[*i] += h * target * weight);
            }
        };
        let mut left = 1.0;
        for section in &self.sections {
            // The share of this section falls to zero where it ends; the next takes what is left.
            let beyond = (frequency_hz / section.up_to_hz).log2() / FADE_OCTAVES + 1.0;
            let here = left * (1.0 - smooth_step(beyond));
            let beam = smooth_step((frequency_hz / BEAM_FROM_HZ).log2() / 0.5 + 1.0);
            add(section, here * beam, !section.nulls);
            add(section, here * (1.0 - beam), true);
            left -= here;
        }
        sum
    }

    /// Filters that make the on-axis pressure 1; without λ the matched ones.
    fn solve(&self, section: &Section, frequency_hz: f64, log_lambda: Option<f64>) -> Vec<Complex> {
        let (axis, shares) = self.vector(section, 0.0, frequency_hz);
        let matched: Vec<Complex> = axis.iter().map(|c| c.conj()).collect();
        let weights = match log_lambda {
            None => matched,
            Some(log_lambda) => {
                let (matrix, right_side) = self.system(section, frequency_hz, &axis);
                matrix.solve(matrix.mean_diagonal() * 10f64.powf(log_lambda), &right_side).unwrap_or(matched)
            }
        };
        let response = product(&axis, &weights);
        weights.iter().zip(shares).map(|(w, share)| w * share / response).collect()
    }

    fn system(&self, section: &Section, frequency_hz: f64, axis: &[Complex]) -> (Hermitian, Vec<Complex>) {
        let mut matrix = Hermitian::zero(section.members.len());
        let mut add = |v: &[Complex], weight: f64| {
            matrix.add_outer(v, weight);
            v.iter().enumerate().for_each(|(i, c)| matrix.add_diagonal(i, DRIVER_MISMATCH * weight * c.norm_sqr()));
        };
        match self.spec {
            BeamSpec::Null { null_deg, .. } => {
                let azimuths = null_deg.iter().flat_map(|d| [d - NULL_SPREAD_DEG, *d, d + NULL_SPREAD_DEG]);
                let weight = 1.0 / (3.0 * null_deg.len() as f64);
                azimuths.for_each(|a| add(&self.vector(section, a, frequency_hz).0, weight));
                (matrix, axis.iter().map(|c| c.conj()).collect())
            }
            BeamSpec::Shape(points) => {
                // The pressure wanted in every direction has the phase of a source at the origin.
                let phase = phasor(-wave_number(frequency_hz) * self.distance_m);
                let mut right_side = vec![Complex::ZERO; section.members.len()];
                let both = points.iter().flat_map(|(a, db)| [(*a, *db), (-*a, *db)]);
                let weight = 0.5 / points.len() as f64;
                for (azimuth, level_db) in both {
                    let (v, _) = self.vector(section, azimuth, frequency_hz);
                    let wanted = phase * (10f64.powf(level_db.max(-60.0) / 20.0) * weight);
                    add(&v, weight);
                    right_side.iter_mut().zip(&v).for_each(|(b, c)| *b += c.conj() * wanted);
                }
                (matrix, right_side)
            }
        }
    }

    /// Responses at an azimuth at the listener's distance, with the drivers' shares in them.
    fn vector(&self, section: &Section, azimuth_deg: f64, frequency_hz: f64) -> (Vec<Complex>, Vec<f64>) {
        let point = scale(direction(azimuth_deg, 0.0), self.distance_m);
        let k = wave_number(frequency_hz);
        let shares: Vec<f64> = section.members.iter().map(|i| self.drivers[*i].share(frequency_hz).max(1e-3)).collect();
        let response = |(i, share): (&usize, &f64)| {
            let driver = &self.drivers[*i];
            driver.radiator.pressure(k, point) * driver.wiring(frequency_hz) * share
        };
        (section.members.iter().zip(&shares).map(response).collect(), shares)
    }

    /// Smallest λ that keeps effort, null depth and the width of the lobe within their limits.
    fn bisect(&self, section: &Section, frequency_hz: f64) -> f64 {
        let (mut low, mut high) = (-9.0, 4.0);
        if !section.nulls {
            return high;
        }
        let (axis, shares) = self.vector(section, 0.0, frequency_hz);
        let (matrix, right_side) = self.system(section, frequency_hz, &axis);
        let front = FRONT_DEG.map(|a| (a.abs(), self.vector(section, a, frequency_hz).0));
        for _ in 0..30 {
            let middle = 0.5 * (low + high);
            let fits = matrix.solve(matrix.mean_diagonal() * 10f64.powf(middle), &right_side).is_some_and(|w| {
                let power = product(&axis, &w).norm_sqr();
                let driven: Vec<Complex> = w.iter().zip(&shares).map(|(w, s)| w * s).collect();
                let effort_db = 10.0 * (energy(&driven) / (self.distance_m.powi(2) * power)).log10();
                let lobe_fits = front.iter().all(|(azimuth, v)| {
                    let level_db = 10.0 * (product(v, &w).norm_sqr() / power).log10();
                    level_db <= MOST_RISE_DB && (*azimuth != 45.0 || level_db >= LOBE_45_DB)
                });
                let null_fits = match self.spec {
                    BeamSpec::Null { null_db, .. } => {
                        10.0 * (power / matrix.quadratic_form(&w).max(1e-300)).log10() <= *null_db
                    }
                    BeamSpec::Shape(_) => true,
                };
                effort_db <= MAX_EFFORT_DB && null_fits && lobe_fits
            });
            if fits { high = middle } else { low = middle }
        }
        high
    }

    fn holds_lobe(&self, section: &Section, frequency_hz: f64) -> bool {
        let lambda = section.nulls.then(|| self.grid.interpolate(&section.log_lambda, frequency_hz));
        let filters = self.solve(section, frequency_hz, lambda);
        let k = wave_number(frequency_hz);
        let level_db = |azimuth: f64| {
            let point = scale(direction(azimuth, 0.0), self.distance_m);
            let wired =
                |i: &usize| self.drivers[*i].radiator.pressure(k, point) * self.drivers[*i].wiring(frequency_hz);
            let pressure: Complex = section.members.iter().zip(&filters).map(|(i, h)| wired(i) * h).sum();
            10.0 * pressure.norm_sqr().log10()
        };
        let lobe = |a: f64| level_db(a).min(level_db(-a));
        let rise = [15.0, 30.0, 45.0, 60.0].map(|a: f64| level_db(a).max(level_db(-a))).into_iter().fold(0.0, f64::max);
        lobe(45.0) >= GIVEN_UP_45_DB && lobe(30.0) >= 0.75 * GIVEN_UP_45_DB && rise <= LOBE_RISE_DB
    }
}

/// 0 below 0, 1 above 1, a raised cosine between.
pub fn smooth_step(x: f64) -> f64 {
    0.5 - 0.5 * (std::f64::consts::PI * x.clamp(0.0, 1.0)).cos()
}

/// All drivers, then without the group farthest from the front and middle, and so on; at last the frontmost one alone
/// if it is near enough to the middle.
fn nested_sets(drivers: &[Driver]) -> Vec<Vec<usize>> {
    use crate::acoustics::Model;
    // How far a driver is from the ideal center: turned away from the front, then off the middle.
    let distance = |driver: &Driver| {
        let turned = match &driver.radiator.model {
            Model::Cap { axis, .. } | Model::Piston { axis, .. } => 1.0 - axis[0],
            Model::Monopole { .. } => 0.0,
        };
        turned + driver.position[1].hypot(driver.position[2])
    };
    let mut order: Vec<usize> = (0..drivers.len()).collect();
    order.sort_by(|a, b| distance(&drivers[*a]).total_cmp(&distance(&drivers[*b])));
    let mut sets = Vec::new();
    let mut count = order.len();
    while count > 0 {
        let mut members = order[..count].to_vec();
        members.sort_unstable();
        sets.push(members);
        let outermost = distance(&drivers[order[count - 1]]);
        while count > 0 && distance(&drivers[order[count - 1]]) > outermost - 1e-6 {
            count -= 1;
        }
    }
    let front = order[0];
    let alone = sets.last().is_some_and(|s| s.len() > 1);
    if alone && drivers.len() > 2 && drivers[front].position[1].abs() <= CENTER_REACH_M {
        sets.push(vec![front]);
    }
    // Two drivers make no nulls worth a section of their own beside the sum of both.
    if drivers.len() == 2 { vec![vec![0, 1]] } else { sets }
}
