//! Crosstalk cancellation for any number of drivers: null steering under limits of effort and radiated power, alone or
//! together with a virtual source (after Kirkeby & Nelson, JAES 47, 1999, and Ward & Elko, IEEE SPL 6, 1999).
//!
//! The ipsilateral ear's level at the design point is a constraint, not an aim: what grows with λ is then the filter
//! that makes this level with the least effort and power, and every limit that can be met is met.

use crate::acoustics::{Complex, Listener, phasor};

use super::curve::{Curve, LogGrid};
use super::device::{Device, Driver};
use super::hermitian::{Hermitian, energy, product};
use super::radiation::RadiatedPower;
use super::transfer::{self, ACROSS};
use super::virtual_source::{Relative, contralateral};
use super::{DRIVER_MISMATCH, REGULARIZATION_OCTAVES};

/// Exponents of ten of the two λ, all matrices' mean diagonals taken as 1.
const LAMBDA_RANGE: (f64, f64) = (-7.0, 4.0);
/// Steps of the search for them, from scratch and from the neighboring frequency's.
const STEPS: (usize, usize) = (120, 40);
/// A step of log λ a decibel of excess, its largest, and what is left of it when it has gone too far.
const STEP_PER_DB: f64 = 0.1;
const LARGEST_STEP: f64 = 0.5;
const SHORTENED: f64 = 0.6;
const SHORTEST_PER_DB: f64 = 0.01;
/// What the search and the smoothing after it may go over a limit is kept free, dB.
const MARGIN_DB: f64 = 0.3;

/// Up to here the time between the ears says where a sound is, Hz (nobody tells the time between pure tones at the ears beyond
/// 1.4 kHz: Brughera, Dunai & Hartmann, JASA 133, 2013).
pub const TIME_TO_HZ: f64 = 1300.0;
/// The aim that is best for the time is kept up to here, Hz; from here on the treble gives up its power in full, see [`Lowered`].
pub const KEPT_TO_HZ: f64 = 1600.0;
/// From here on the whole source is aimed at, Hz.
const LEVEL_FROM_HZ: f64 = 6000.0;
/// Range of the level differences that say where a sound is, Hz, and frequencies an octave at which they are looked at.
const LEVEL_HZ: (f64, f64) = (2000.0, 8000.0);
const PLACED_PER_OCTAVE: f64 = 9.0;
/// Up to so many half-widths of the window off the middle, 15 cm of 5, the treble shall be on its own side by this much, dB,
/// found to within …; about 3 degrees of azimuth.
pub const JUDGED_WINDOWS: f64 = 3.0;
const LEAST_ASIDE_DB: f64 = 0.7;
const NEARLY_DB: f64 = 0.1;
/// A round of the search counts no more than this for a place, dB, and there are no more rounds than this.
const MOST_SHORT_DB: f64 = 5.0;
const MOST_ROUNDS: usize = 16;
/// Power is not lowered below this, dB: from 2 to 3 dB on independent left and right programs are least alike at the ears in a
/// live room.
pub const LEAST_POWER_DB: f64 = 3.0;
/// Frequencies an octave at which the best aim is looked for, and the width it is smoothed over.
const AIMS_PER_OCTAVE: f64 = 6.0;
const AIM_OCTAVES: f64 = 0.5;
/// Aims that are tried: parts of the virtual source's lag, and exponents of its level.
const LAG_PARTS: [f64; 6] = [0.3, 0.4, 0.5, 0.65, 0.8, 1.0];
const LEVEL_PARTS: [f64; 3] = [0.0, 0.5, 1.0];

/// By how much the limit of radiated power is lowered, dB.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lowered {
    /// At all frequencies …
    pub all_db: f64,
    /// … and where power buys the ears a difference in level only.
    pub treble_db: f64,
}

impl Lowered {
    /// What is left of a limit at a frequency, dB.
    pub fn of(self, limit_db: f64, frequency_hz: f64) -> f64 {
        let treble = between(frequency_hz, TIME_TO_HZ, KEPT_TO_HZ);
        (limit_db - self.all_db - treble * self.treble_db).max(limit_db.min(LEAST_POWER_DB))
    }
}

/// What a program's filters have to do.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// Ear the program belongs to: 0 left, 1 right.
    pub ear: usize,
    /// The driver whose phase the ipsilateral ear keeps, whichever way it is wired.
    pub own: usize,
    /// Largest effort, dB.
    pub effort_db: &'a Curve,
    /// Largest cancellation gain, dB; with a virtual source there is none.
    pub gain_db: &'a Curve,
    /// Angle of the virtual source, or none.
    pub virtual_angle_deg: Option<f64>,
}

/// The system to solve at one frequency. Its unknowns are the filters over the drivers' shares.
struct System {
    /// What is heard that should not be.
    matrix: Hermitian,
    /// What should be heard of the own ear's level, and of the other ear's where the virtual source is as loud there.
    towards: [Vec<Complex>; 2],
    /// The two ears at the design point.
    ipsilateral: Vec<Complex>,
    contralateral: Vec<Complex>,
    /// How far each driver takes part here, 0…1: its band.
    shares: Vec<f64>,
    /// |response of one flat omnidirectional driver at the origin|² at the same ear.
    omni: f64,
    /// Radiated power of the shared drivers.
    power: Hermitian,
    /// What the ipsilateral ear gets, in the own driver's phase.
    wanted: Complex,
}

/// A solution and what it costs.
struct Candidate {
    filters: Vec<Complex>,
    effort_db: f64,
    power_db: f64,
    gain_db: f64,
    /// How much later the contralateral ear hears it, rad, and how much less of it, dB.
    lag_rad: f64,
    level_db: f64,
}

/// log₁₀ λ of effort and of power: Lagrange multipliers of the two limits.
type Lambdas = [f64; 2];

/// Which part of the virtual source's lag and level is aimed at, over frequency.
struct Aim {
    grid: LogGrid,
    lag: Vec<f64>,
    level: Vec<f64>,
}

/// Designs one program's filters, frequency by frequency.
pub struct Canceller<'a> {
    device: &'a Device,
    drivers: &'a [Driver],
    power: &'a RadiatedPower,
    target: Target<'a>,
    lowered: Lowered,
    grid: LogGrid,
    aim: Option<Aim>,
    /// How much each place across the window counts where it is wide, in the order of [`ACROSS`].
    places: [f64; ACROSS.len()],
    log_lambda: [Vec<f64>; 2],
}

impl<'a> Canceller<'a> {
    /// Finds what to aim at, and the regularization on `grid`: the smallest λ that meets all limits, smoothed over 1/6
    /// octave.
    pub fn new(
        device: &'a Device,
        drivers: &'a [Driver],
        power: &'a RadiatedPower,
        target: &Target<'a>,
        grid: &LogGrid,
    ) -> Self {
        let mut canceller = Self {
            device,
            drivers,
            power,
            target: target.clone(),
            lowered: Lowered::default(),
            grid: grid.clone(),
            aim: None,
            places: [1.0; ACROSS.len()],
            log_lambda: Default::default(),
        };
        canceller.take_aim();
        canceller.regularize();
        canceller
    }

    /// The same with less of the power that the device's mode allows.
    pub fn lower_power(&mut self, lowered: Lowered) {
        self.lowered = lowered;
        self.regularize();
    }

    /// The same on another grid, with other aims where there is less power.
    pub fn refined(mut self, grid: &LogGrid, lowered: Lowered) -> Self {
        self.grid = grid.clone();
        if lowered != Lowered::default() {
            self.lowered = lowered;
            self.take_aim();
        }
        self.regularize();
        self
    }

    /// Largest radiated power, dB.
    fn power_limit_db(&self, frequency_hz: f64) -> f64 {
        self.lowered.of(self.device.crosstalk.power_db.at(frequency_hz), frequency_hz)
    }

    fn take_aim(&mut self) {
        let Some(angle_deg) = self.target.virtual_angle_deg else { return };
        self.places = [1.0; ACROSS.len()];
        self.aim = Some(self.best_aim(angle_deg));
        self.places = self.places_for_the_treble();
    }

    fn regularize(&mut self) {
        let mut last = None;
        let mut raw = [Vec::new(), Vec::new()];
        for frequency_hz in &self.grid.frequencies_hz {
            let system = self.system(*frequency_hz);
            let found = self.search(&system, *frequency_hz, self.aimed_at(*frequency_hz), last);
            raw.iter_mut().zip(found).for_each(|(values, value)| values.push(value));
            last = Some(found);
        }
        self.log_lambda = raw.map(|values| self.grid.smooth(&values, REGULARIZATION_OCTAVES));
    }

    /// Where the wave is short all places of the window cannot be served alike, and a mean over them may leave the treble at
    /// the outermost on the wrong side. Those where it is count more, by as much as they miss, until it is not: a minimax by
    /// reweighting (Lawson's method).
    fn places_for_the_treble(&self) -> [f64; ACROSS.len()] {
        let mut places = self.places;
        let listener = &self.device.listener;
        if listener.window_m <= 0.0 {
            return places;
        }
        let grid = LogGrid::new(LEVEL_HZ.0, LEVEL_HZ.1, PLACED_PER_OCTAVE);
        let judged =
            ACROSS.map(|part| Listener::at([listener.distance_m, JUDGED_WINDOWS * part * listener.window_m, 0.0]));
        let heard: Vec<_> = grid
            .frequencies_hz
            .iter()
            .map(|f| (*f, self.heard(*f), judged.map(|at| transfer::to_ears(self.drivers, &listener.head, &at, *f))))
            .collect();
        let mut lambdas: Vec<Option<Lambdas>> = vec![None; heard.len()];
        for _ in 0..MOST_ROUNDS {
            let mut energies = [[0.0; 2]; ACROSS.len()];
            for ((frequency_hz, designed, judged), lambda) in heard.iter().zip(&mut lambdas) {
                let system = self.system_of(*frequency_hz, designed, &places);
                let aimed = self.aimed_at(*frequency_hz);
                let found = self.search(&system, *frequency_hz, aimed, *lambda);
                *lambda = Some(found);
                let Some(candidate) = self.candidate(&system, aimed, found) else { continue };
                for (energy, ears) in energies.iter_mut().zip(judged) {
                    for (energy, ear) in energy.iter_mut().zip([self.target.ear, 1 - self.target.ear]) {
                        // As a flat spectrum has it on a logarithmic grid.
                        *energy += frequency_hz * product(&ears[ear], &candidate.filters).norm_sqr();
                    }
                }
            }
            let short_db = energies.map(|[own, other]| LEAST_ASIDE_DB - 10.0 * (own / f64::max(other, 1e-300)).log10());
            if short_db.iter().all(|short| *short <= NEARLY_DB) {
                break;
            }
            for (place, short) in places.iter_mut().zip(short_db) {
                *place *= 10f64.powf(0.1 * short.clamp(0.0, MOST_SHORT_DB));
            }
        }
        places
    }

    /// The filters of all drivers at one frequency: the ipsilateral ear at the design point gets the level of the
    /// ideal pair, in the own driver's phase.
    pub fn filters(&self, frequency_hz: f64) -> Vec<Complex> {
        let system = self.system(frequency_hz);
        let lambda = self.log_lambda.each_ref().map(|values| self.grid.interpolate(values, frequency_hz));
        self.candidate(&system, self.aimed_at(frequency_hz), lambda)
            .map_or_else(|| vec![Complex::ZERO; self.drivers.len()], |c| c.filters)
    }

    /// The contralateral ear re the ipsilateral one as aimed at; `None` where it shall be silent.
    fn aimed_at(&self, frequency_hz: f64) -> Option<Complex> {
        let angle_deg = self.target.virtual_angle_deg?;
        let whole = contralateral(angle_deg, self.device.listener.head.radius_m(), frequency_hz);
        let Some(aim) = &self.aim else { return Some(whole.ratio()) };
        let [lag, level] = [&aim.lag, &aim.level].map(|parts| aim.grid.interpolate(parts, frequency_hz));
        Some(part_of(whole, lag, level))
    }

    /// Where power is scarce the straight way to the virtual source's ear signals is not the one on which the ears part
    /// soonest: it first makes the far ear quieter. So that part of its lag and level is aimed at which gets the most
    /// lag for what may be spent; from [`KEPT_TO_HZ`] to [`LEVEL_FROM_HZ`] it goes over to all of both.
    fn best_aim(&self, angle_deg: f64) -> Aim {
        let grid = LogGrid::new(super::LOWEST_HZ, LEVEL_FROM_HZ, AIMS_PER_OCTAVE);
        let listener = &self.device.listener;
        let (radius_m, ear) = (listener.head.radius_m(), self.target.ear);
        let best = |frequency_hz: &f64| {
            let frequency_hz = frequency_hz.min(TIME_TO_HZ);
            let system = self.system(frequency_hz);
            let whole = contralateral(angle_deg, radius_m, frequency_hz);
            // A far ear quieter than a real source makes it would be farther aside than that, by level.
            let ears = transfer::ears_of_side(&listener.head, ear, angle_deg, listener.distance_m, frequency_hz);
            let most_level_db = 10.0 * (ears[ear].norm_sqr() / ears[1 - ear].norm_sqr()).log10();
            let mut best = (1.0, 1.0, f64::NEG_INFINITY);
            for (lag, level) in LAG_PARTS.into_iter().flat_map(|lag| LEVEL_PARTS.map(|level| (lag, level))) {
                let aimed = Some(part_of(whole, lag, level));
                let reached = self.candidate(&system, aimed, self.search(&system, frequency_hz, aimed, None));
                // Of equals the later one: it is nearer to the whole.
                let reached = reached.filter(|c| c.level_db <= most_level_db);
                if let Some(candidate) = reached.filter(|c| c.lag_rad.min(whole.lag_rad) > best.2 - 1e-3) {
                    best = (lag, level, candidate.lag_rad.min(whole.lag_rad));
                }
            }
            (best.0, best.1)
        };
        let (lag, level): (Vec<f64>, Vec<f64>) = grid
            .frequencies_hz
            .iter()
            .map(|f| {
                let (lag, level) = best(f);
                let whole = between(*f, KEPT_TO_HZ, LEVEL_FROM_HZ);
                (lag + (1.0 - lag) * whole, level + (1.0 - level) * whole)
            })
            .unzip();
        let [lag, level] = [lag, level].map(|parts| grid.smooth(&parts, AIM_OCTAVES));
        Aim { grid, lag, level }
    }

    /// The smallest λ that meet all limits, from those of a neighbor if there is one: each grows while its limit is
    /// exceeded and falls while it is not (Uzawa's method on the logarithms). A limit that costs nothing has none.
    fn search(&self, system: &System, frequency_hz: f64, aimed: Option<Complex>, near: Option<Lambdas>) -> Lambdas {
        let (effort_limit, power_limit) = (self.target.effort_db.at(frequency_hz), self.power_limit_db(frequency_hz));
        let gain_limit = if aimed.is_some() { f64::INFINITY } else { self.target.gain_db.at(frequency_hz) };
        let (mut lambda, count) = near.map_or(([-2.0; 2], STEPS.0), |near| (near, STEPS.1));
        let (mut last, mut per_db) = ([0.0; 2], [STEP_PER_DB; 2]);
        for _ in 0..count {
            let Some(found) = self.candidate(system, aimed, lambda) else {
                lambda.iter_mut().for_each(|l| *l = (*l + LARGEST_STEP).min(LAMBDA_RANGE.1));
                continue;
            };
            let excess = [
                (found.effort_db - effort_limit).max(found.gain_db - gain_limit),
                found.power_db - power_limit + MARGIN_DB,
            ];
            for i in 0..2 {
                if excess[i] * last[i] < 0.0 {
                    per_db[i] = (SHORTENED * per_db[i]).max(SHORTEST_PER_DB);
                }
                let step = (per_db[i] * excess[i]).clamp(-LARGEST_STEP, LARGEST_STEP);
                lambda[i] = (lambda[i] + step).clamp(LAMBDA_RANGE.0, LAMBDA_RANGE.1);
            }
            last = excess;
        }
        lambda
    }

    fn system(&self, frequency_hz: f64) -> System {
        self.system_of(frequency_hz, &self.heard(frequency_hz), &self.places)
    }

    /// Transfers to the ears at all places that are designed for.
    fn heard(&self, frequency_hz: f64) -> Vec<transfer::EarVectors> {
        let listeners = transfer::design_listeners(self.device, self.drivers, frequency_hz);
        let head = &self.device.listener.head;
        listeners.iter().map(|listener| transfer::to_ears(self.drivers, head, listener, frequency_hz)).collect()
    }

    fn system_of(&self, frequency_hz: f64, heard: &[transfer::EarVectors], places: &[f64]) -> System {
        let (ear, count) = (self.target.ear, self.drivers.len());
        let head = &self.device.listener.head;
        let distance_m = self.device.listener.distance_m;
        let level = transfer::ideal_side(head, ear, distance_m, frequency_hz)[ear].norm();
        let omni = transfer::ideal_ears(head, 0.0, distance_m, frequency_hz)[ear].norm_sqr();
        let shares: Vec<f64> = self.drivers.iter().map(|d| d.share(frequency_hz)).collect();
        let widened = transfer::widened(frequency_hz);
        let weight_at = |index: usize| places.get(index).map_or(1.0, |weight| weight.powf(widened));
        let all: f64 = (0..heard.len()).map(weight_at).sum();
        let virtual_pair = self.target.virtual_angle_deg.is_some();

        let mut matrix = Hermitian::zero(count);
        let mut towards = [vec![Complex::ZERO; count], vec![Complex::ZERO; count]];
        let (mut ipsilateral, mut contralateral, mut wanted) = (Vec::new(), Vec::new(), Complex::ONE);
        for (index, ears) in heard.iter().enumerate() {
            let (mut ears, weight) = (ears.clone(), weight_at(index) / all);
            let own = self.target.own;
            let own_phase = phasor((ears[ear][own] * self.drivers[own].polarity).arg());
            ears.iter_mut().for_each(|e| e.iter_mut().zip(&shares).for_each(|(c, share)| *c *= share));
            let add = |matrix: &mut Hermitian, c: &[Complex]| {
                matrix.add_outer(c, weight);
                c.iter().enumerate().for_each(|(i, c)| matrix.add_diagonal(i, DRIVER_MISMATCH * weight * c.norm_sqr()));
            };
            add(&mut matrix, &ears[1 - ear]);
            if virtual_pair {
                add(&mut matrix, &ears[ear]);
                for (right_side, ear) in towards.iter_mut().zip([ear, 1 - ear]) {
                    right_side
                        .iter_mut()
                        .zip(&ears[ear])
                        .for_each(|(b, c)| *b += c.conj() * own_phase * level * weight);
                }
            }
            // The design point comes first.
            if index == 0 {
                wanted = own_phase * level;
                [ipsilateral, contralateral] = [ear, 1 - ear].map(|ear| std::mem::take(&mut ears[ear]));
            }
        }
        let power = self.power.at(frequency_hz).scaled(&shares);
        System { matrix, towards, ipsilateral, contralateral, shares, omni, power, wanted }
    }

    fn candidate(&self, system: &System, aimed: Option<Complex>, [effort, power]: Lambdas) -> Option<Candidate> {
        let mean = system.matrix.mean_diagonal();
        let mut matrix = system.matrix.clone();
        matrix.add(&system.power, mean / system.power.mean_diagonal() * 10f64.powf(power));
        (0..system.shares.len()).for_each(|i| matrix.add_diagonal(i, mean * 10f64.powf(effort)));
        let factor = matrix.factor()?;
        let ipsilateral: Vec<Complex> = system.ipsilateral.iter().map(|c| c.conj()).collect();
        let towards_ear = factor.solve(&ipsilateral);
        let aim = match aimed {
            Some(relative) => {
                let [near, far] = &system.towards;
                factor.solve(&near.iter().zip(far).map(|(near, far)| near + far * relative).collect::<Vec<_>>())
            }
            None => vec![Complex::ZERO; ipsilateral.len()],
        };
        // The Lagrange multiplier of the constraint.
        let missing = (system.wanted - product(&system.ipsilateral, &aim)) / product(&system.ipsilateral, &towards_ear);
        let weights: Vec<Complex> = aim.iter().zip(&towards_ear).map(|(a, t)| a + t * missing).collect();
        let near = system.wanted.norm_sqr();
        let filters: Vec<Complex> = weights.iter().zip(&system.shares).map(|(w, share)| w * share).collect();
        let far = product(&system.contralateral, &weights);
        missing.is_finite().then(|| Candidate {
            lag_rad: (system.wanted * far.conj()).arg(),
            level_db: 10.0 * (near / far.norm_sqr().max(1e-300)).log10(),
            effort_db: 10.0 * (energy(&filters) * system.omni / near).log10(),
            power_db: 10.0 * (system.power.quadratic_form(&weights) * system.omni / near).log10(),
            gain_db: 10.0 * (near / system.matrix.quadratic_form(&weights).max(1e-300)).log10(),
            filters,
        })
    }
}

/// How far a frequency is on the logarithmic way between two others, 0 to 1.
fn between(frequency_hz: f64, low_hz: f64, high_hz: f64) -> f64 {
    ((frequency_hz / low_hz).ln() / (high_hz / low_hz).ln()).clamp(0.0, 1.0)
}

/// A virtual source that is less far aside: a part of its lag, and of its level in dB.
fn part_of(whole: Relative, lag: f64, level: f64) -> Complex {
    Relative { level: whole.level.powf(level), lag_rad: lag * whole.lag_rad }.ratio()
}
