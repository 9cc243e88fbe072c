//! The center's beam: the least that goes anywhere but to the front. What is minimized is the power over the whole
//! sphere, with the directions of the nulls counted once more (a loaded superdirective array; Cox, Zeskind & Owen, IEEE
//! TASSP 35, 1987), while the axis and, where it would be narrower, the lobe at ±45° are held. To large arrays a narrow
//! lobe is worth several decibels of index: they hold the wide one as far as it costs next to nothing, and leave nulls at
//! both sides to the sphere.

use crate::acoustics::vector::{direction, scale};
use crate::acoustics::{Complex, wave_number};
use crate::dsp::raised_cosine;

use super::curve::LogGrid;
use super::device::{BeamSpec, Device, Driver};
use super::hermitian::{Factor, Hermitian, energy, product};
use super::radiation::RadiatedPower;
use super::{DRIVER_MISMATCH, REGULARIZATION_OCTAVES};

/// Largest effort of the beam, dB.
pub const MAX_EFFORT_DB: f64 = 6.0;
/// The main lobe stays above this at its edges, ±45°, dB.
const LOBE_DB: f64 = -5.0;
/// Up to so many drivers the lobe is held whatever it costs, …
const FEW_DRIVERS: usize = 4;
/// … more of them spend this much on it, dB of what is minimized, and play together until it is narrower than a head.
const LOBE_PRICE_DB: f64 = 0.1;
/// Weight of the nulls beside the sphere.
const NULL_WEIGHT: f64 = 1.5;
/// A decibel of effort must bring this much of directivity index, or it is not spent, dB.
const RETURN_DB: f64 = 0.25;
/// … beyond this much over the matched sum's, which nulls that were asked for may take, dB.
const FREE_DB: f64 = 1.5;
/// Exponents of ten of λ over the mean diagonal that are tried, from the matched sum on.
const LOG_LAMBDA: (f64, f64) = (3.0, -6.0);
const LAMBDA_STEP: f64 = 0.25;
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
    power: &'a RadiatedPower,
    distance_m: f64,
    /// How far an ear is off the axis as the device sees it, degrees.
    ear_deg: f64,
    grid: LogGrid,
    sections: Vec<Section>,
}

impl<'a> Beamformer<'a> {
    /// Finds how far each set of drivers can hold the beam: all of them, then without the outermost ones, down to the
    /// frontmost.
    pub fn new(device: &'a Device, drivers: &'a [Driver], power: &'a RadiatedPower, grid: &LogGrid) -> Self {
        let distance_m = device.listener.distance_m;
        let ear_deg = (device.listener.head.radius_m() / distance_m).atan().to_degrees();
        let mut beamformer =
            Self { drivers, spec: &device.beam, power, distance_m, ear_deg, grid: grid.clone(), sections: Vec::new() };
        let nested = nested_sets(drivers);
        let last = nested.len() - 1;
        let mut covered_hz = 0.0;
        for (rank, members) in nested.into_iter().enumerate() {
            let nulls = members.len() > 2;
            let mut section = Section { members, nulls, up_to_hz: f64::INFINITY, log_lambda: Vec::new() };
            let raw: Vec<f64> = grid.frequencies_hz.iter().map(|f| beamformer.regularization(&section, *f)).collect();
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
        let (_, shares) = self.vector(section, 0.0, frequency_hz);
        let matrix = self.nulls(section, frequency_hz);
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
            let here = left * (1.0 - raised_cosine(beyond));
            let beam = raised_cosine((frequency_hz / BEAM_FROM_HZ).log2() / 0.5 + 1.0);
            add(section, here * beam, !section.nulls);
            add(section, here * (1.0 - beam), true);
            left -= here;
        }
        sum
    }

    /// Filters that make the on-axis pressure 1; without λ the matched ones.
    fn solve(&self, section: &Section, frequency_hz: f64, log_lambda: Option<f64>) -> Vec<Complex> {
        let system = self.system(section, frequency_hz);
        let matched = || {
            let weights: Vec<Complex> = system.axis.iter().map(|c| c.conj()).collect();
            let response = product(&system.axis, &weights);
            weights.iter().map(|w| w / response).collect()
        };
        let weights: Vec<Complex> = log_lambda.and_then(|l| system.solve(l)).unwrap_or_else(matched);
        weights.iter().zip(&system.shares).map(|(w, share)| w * share).collect()
    }

    /// The on-axis power around the nulls, drivers' mismatch included; zero where a shape is asked for.
    fn nulls(&self, section: &Section, frequency_hz: f64) -> Hermitian {
        let mut matrix = Hermitian::zero(section.members.len());
        if let BeamSpec::Null { null_deg, .. } = self.spec {
            let weight = 1.0 / (3.0 * null_deg.len() as f64);
            for azimuth in null_deg.iter().flat_map(|d| [d - NULL_SPREAD_DEG, *d, d + NULL_SPREAD_DEG]) {
                add_uncertain(&mut matrix, &self.vector(section, azimuth, frequency_hz).0, weight);
            }
        }
        matrix
    }

    fn system(&self, section: &Section, frequency_hz: f64) -> System {
        let (axis, shares) = self.vector(section, 0.0, frequency_hz);
        let power = self.power.at(frequency_hz).of(&section.members).scaled(&shares);
        let mut right_side = vec![Complex::ZERO; axis.len()];
        let nulls = self.nulls(section, frequency_hz);
        let mut matrix = Hermitian::zero(axis.len());
        match self.spec {
            BeamSpec::Null { null_deg, .. } => {
                if !(self.is_large() && at_both_sides(null_deg)) {
                    // In the unit of the sphere's power.
                    matrix.add(&nulls, NULL_WEIGHT * self.distance_m.powi(2));
                }
                matrix.add(&power, 1.0);
                (0..axis.len()).for_each(|i| matrix.add_diagonal(i, DRIVER_MISMATCH * power.diagonal(i)));
            }
            BeamSpec::Shape(points) => {
                // The pressure wanted in every direction has the same phase as on axis, as that of a source at the origin.
                let both = points.iter().flat_map(|(a, db)| [(*a, *db), (-*a, *db)]);
                let weight = 0.5 / points.len() as f64;
                for (azimuth, level_db) in both {
                    let (v, _) = self.vector(section, azimuth, frequency_hz);
                    let wanted = 10f64.powf(level_db.max(-60.0) / 20.0) * weight;
                    add_uncertain(&mut matrix, &v, weight);
                    right_side.iter_mut().zip(&v).for_each(|(b, c)| *b += c.conj() * wanted);
                }
            }
        }
        let front = FRONT_DEG.map(|azimuth| (azimuth, self.vector(section, azimuth, frequency_hz).0)).to_vec();
        // The lobe's phase is that of the drivers nearest to the middle, were they all wired alike.
        let inner: Vec<(usize, Complex)> = innermost(self.drivers, &section.members)
            .into_iter()
            .map(|i| (i, self.drivers[section.members[i]].wiring(frequency_hz)))
            .collect();
        let of_inner = |v: &[Complex]| inner.iter().map(|(i, wiring)| v[*i] / wiring).sum::<Complex>();
        let lobe = front
            .iter()
            .filter(|(azimuth, _)| azimuth.abs() == 45.0 && matches!(self.spec, BeamSpec::Null { .. }))
            .map(|(_, v)| {
                let turn = of_inner(v) * of_inner(&axis).conj();
                (v.clone(), turn / turn.norm().max(1e-300) * 10f64.powf(LOBE_DB / 20.0))
            })
            .collect();
        let lobe_price_db = if self.is_large() { LOBE_PRICE_DB } else { f64::INFINITY };
        System { matrix, right_side, axis, shares, power, nulls, front, lobe, lobe_price_db }
    }

    fn is_large(&self) -> bool {
        self.drivers.len() > FEW_DRIVERS
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

    /// Smallest λ that keeps effort, null depth and the lobe within their limits, and whose effort brings something.
    fn regularization(&self, section: &Section, frequency_hz: f64) -> f64 {
        let mut best = LOG_LAMBDA.0;
        if !section.nulls {
            return best;
        }
        let system = self.system(section, frequency_hz);
        // Effort, index, and index with the nulls counted: of the matched sum, and of the last λ.
        let (mut first, mut last): (Option<[f64; 3]>, Option<[f64; 3]>) = (None, None);
        let count = ((LOG_LAMBDA.0 - LOG_LAMBDA.1) / LAMBDA_STEP) as usize;
        for log_lambda in (0..=count).map(|i| LOG_LAMBDA.0 - LAMBDA_STEP * i as f64) {
            let Some(weights) = system.solve(log_lambda) else { break };
            let driven: Vec<Complex> = weights.iter().zip(&system.shares).map(|(w, s)| w * s).collect();
            let effort_db = 10.0 * (energy(&driven) / self.distance_m.powi(2)).log10();
            let below_db = |matrix: &Hermitian| -10.0 * matrix.quadratic_form(&weights).max(1e-300).log10();
            let here = [effort_db, below_db(&system.power), below_db(&system.matrix)];
            let rises = system.front.iter().any(|(_, v)| 10.0 * product(v, &weights).norm_sqr().log10() > MOST_RISE_DB);
            let too_deep = match self.spec {
                BeamSpec::Null { null_db, .. } => {
                    -10.0 * system.nulls.quadratic_form(&weights).max(1e-300).log10() > *null_db
                }
                BeamSpec::Shape(_) => false,
            };
            let brings =
                |from: [f64; 3], what: usize| here[what] - from[what] >= RETURN_DB * (here[0] - from[0]) - 1e-6;
            let wasted = matches!(self.spec, BeamSpec::Null { .. })
                && !(last.is_none_or(|last| brings(last, 2))
                    && first.is_none_or(|first| here[0] - first[0] <= FREE_DB || brings(first, 1)));
            if effort_db > MAX_EFFORT_DB || rises || too_deep || wasted {
                // Drivers around a cabinet in phase may be loudest aside: a λ further down may do better.
                if last.is_none() && rises {
                    continue;
                }
                break;
            }
            first.get_or_insert(here);
            last = Some(here);
            best = log_lambda;
        }
        best
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
        if self.is_large() {
            return lobe(self.ear_deg) >= LOBE_DB;
        }
        let rise = [15.0, 30.0, 45.0, 60.0].map(|a: f64| level_db(a).max(level_db(-a))).into_iter().fold(0.0, f64::max);
        lobe(45.0) >= GIVEN_UP_45_DB && lobe(30.0) >= 0.75 * GIVEN_UP_45_DB && rise <= LOBE_RISE_DB
    }
}

/// The beam's equations at one frequency. Their unknowns are the filters over the drivers' shares.
struct System {
    matrix: Hermitian,
    right_side: Vec<Complex>,
    axis: Vec<Complex>,
    /// How far each driver takes part here, 0…1: its band.
    shares: Vec<f64>,
    power: Hermitian,
    nulls: Hermitian,
    /// Responses in front, by azimuth in degrees.
    front: Vec<(f64, Vec<Complex>)>,
    /// Responses at the edges of the lobe, and the least that is wanted there.
    lobe: Vec<(Vec<Complex>, Complex)>,
    /// What that may cost, dB of what is minimized.
    lobe_price_db: f64,
}

impl System {
    /// The weights for one λ: 1 on axis, and at the edges of the lobe no less than is wanted, as far as its price goes.
    fn solve(&self, log_lambda: f64) -> Option<Vec<Complex>> {
        let mut loaded = self.matrix.clone();
        let load = self.matrix.mean_diagonal() * 10f64.powf(log_lambda);
        (0..self.axis.len()).for_each(|i| loaded.add_diagonal(i, load));
        let factor = loaded.factor()?;
        let free = factor.solve(&self.right_side);
        let mut held: Vec<(&[Complex], Complex)> = vec![(&self.axis, Complex::ONE)];
        let weights = constrained(&factor, &free, &held)?;
        let short = self.lobe.iter().filter(|(v, least)| (product(v, &weights) * least.conj()).re < least.norm_sqr());
        let before = held.len();
        held.extend(short.map(|(v, least)| (v.as_slice(), *least)));
        if held.len() == before || self.axis.len() <= held.len() {
            return Some(weights);
        }
        let Some(wide) = constrained(&factor, &free, &held) else { return Some(weights) };
        // From the minimum on axis to the one with the lobe held the cost grows with the square of the way.
        let [narrowest, widest] = [&weights, &wide].map(|w| loaded.quadratic_form(w));
        let affordable = narrowest * (10f64.powf(self.lobe_price_db / 10.0) - 1.0);
        let way = (affordable / (widest - narrowest).max(1e-300)).sqrt().min(1.0);
        Some(weights.iter().zip(wide).map(|(narrow, wide)| narrow + (wide - narrow) * way).collect())
    }
}

/// The minimum of xᴴAx − 2Re(bᴴx) with vᵀx held at a value for some v; `free` is the one without. `None` if they
/// contradict each other.
fn constrained(factor: &Factor, free: &[Complex], held: &[(&[Complex], Complex)]) -> Option<Vec<Complex>> {
    let towards: Vec<Vec<Complex>> =
        held.iter().map(|(v, _)| factor.solve(&v.iter().map(|c| c.conj()).collect::<Vec<_>>())).collect();
    let mut gram = Hermitian::zero(held.len());
    for (row, (v, _)) in held.iter().enumerate() {
        for (column, t) in towards.iter().enumerate() {
            gram.set(row, column, product(v, t));
        }
    }
    let trace = gram.mean_diagonal();
    (1..held.len()).for_each(|i| gram.add_diagonal(i, 1e-6 * trace));
    let missing: Vec<Complex> = held.iter().map(|(v, value)| value - product(v, free)).collect();
    let multipliers = gram.solve(&missing)?;
    let mut x = free.to_vec();
    for (t, multiplier) in towards.iter().zip(multipliers) {
        x.iter_mut().zip(t).for_each(|(x, t)| *x += t * multiplier);
    }
    // What the loading left on axis.
    let axis = product(held[0].0, &x) / held[0].1;
    (axis.norm() > 1e-3).then(|| x.iter().map(|x| x / axis).collect())
}

/// Adds weight · v* vᵀ for drivers that differ by 0.5 dB and 4°.
fn add_uncertain(matrix: &mut Hermitian, v: &[Complex], weight: f64) {
    matrix.add_outer(v, weight);
    v.iter().enumerate().for_each(|(i, c)| matrix.add_diagonal(i, DRIVER_MISMATCH * weight * c.norm_sqr()));
}

/// Nulls where the least power over the sphere has its own.
fn at_both_sides(null_deg: &[f64]) -> bool {
    let has = |side: f64| null_deg.contains(&side);
    null_deg.iter().all(|a| a.abs() == 90.0) && has(90.0) && has(-90.0)
}

/// How far a driver is from the ideal center: turned away from the front, then off the middle.
fn off_center(driver: &Driver) -> f64 {
    use crate::acoustics::Model;
    let turned = match &driver.radiator.model {
        Model::Cap { axis, .. } | Model::Piston { axis, .. } => 1.0 - axis[0],
        Model::Monopole { .. } => 0.0,
    };
    turned + driver.position[1].hypot(driver.position[2])
}

/// Those of a section's members, by index into it, that are nearest to the ideal center.
fn innermost(drivers: &[Driver], members: &[usize]) -> Vec<usize> {
    let least = members.iter().map(|i| off_center(&drivers[*i])).fold(f64::INFINITY, f64::min);
    (0..members.len()).filter(|i| off_center(&drivers[members[*i]]) < least + 1e-6).collect()
}

/// All drivers, then without the group farthest from the front and middle, and so on; at last the frontmost one alone
/// if it is near enough to the middle.
fn nested_sets(drivers: &[Driver]) -> Vec<Vec<usize>> {
    let distance = off_center;
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
