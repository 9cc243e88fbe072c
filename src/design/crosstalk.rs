//! Crosstalk cancellation for any number of drivers: null steering under an effort limit, alone or together with a
//! virtual source (after Kirkeby & Nelson, JAES 47, 1999, and Ward & Elko, IEEE SPL 6, 1999).

use crate::acoustics::{Complex, Listener, phasor};

use super::curve::{Curve, LogGrid};
use super::device::{Device, Driver};
use super::hermitian::{Hermitian, energy, product};
use super::virtual_source::contralateral;
use super::{DRIVER_MISMATCH, REGULARIZATION_OCTAVES, transfer};

/// Exponents of ten of λ over the mean diagonal, between which it is bisected.
const LAMBDA_RANGE: (f64, f64) = (-9.0, 4.0);
const BISECTIONS: usize = 36;

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

/// The system to solve at one frequency.
struct System {
    matrix: Hermitian,
    right_side: Vec<Complex>,
    ipsilateral: Vec<Complex>,
    /// How far each driver takes part here, 0…1: its band.
    shares: Vec<f64>,
    /// |response of one flat omnidirectional driver at the origin|² at the same ear.
    omni: f64,
    /// What the ipsilateral ear gets, in the own driver's phase.
    wanted: Complex,
}

/// A solution and what it costs.
struct Candidate {
    filters: Vec<Complex>,
    /// What the ipsilateral ear gets.
    response: Complex,
    effort_db: f64,
    gain_db: f64,
}

/// Designs one program's filters, frequency by frequency.
pub struct Canceller<'a> {
    device: &'a Device,
    drivers: &'a [Driver],
    listeners: Vec<Listener>,
    target: Target<'a>,
    grid: LogGrid,
    log_lambda: Vec<f64>,
}

impl<'a> Canceller<'a> {
    /// Finds the regularization on `grid`: the smallest λ that meets both limits, smoothed over 1/6 octave.
    pub fn new(device: &'a Device, drivers: &'a [Driver], target: Target<'a>, grid: &LogGrid) -> Self {
        let listeners = transfer::design_listeners(device);
        let mut canceller = Self { device, drivers, listeners, target, grid: grid.clone(), log_lambda: Vec::new() };
        let raw: Vec<f64> = grid.frequencies_hz.iter().map(|f| canceller.bisect(*f)).collect();
        canceller.log_lambda = grid.smooth(&raw, REGULARIZATION_OCTAVES);
        canceller
    }

    /// The filters of all drivers at one frequency: the ipsilateral ear at the design point gets the level of the
    /// ideal pair, in the own driver's phase.
    pub fn filters(&self, frequency_hz: f64) -> Vec<Complex> {
        let system = self.system(frequency_hz);
        let lambda = self.grid.interpolate(&self.log_lambda, frequency_hz);
        match self.candidate(&system, lambda) {
            Some(candidate) => {
                let scale = system.wanted / candidate.response;
                candidate.filters.iter().map(|h| h * scale).collect()
            }
            None => vec![Complex::ZERO; self.drivers.len()],
        }
    }

    fn bisect(&self, frequency_hz: f64) -> f64 {
        let system = self.system(frequency_hz);
        let effort_limit = self.target.effort_db.at(frequency_hz);
        let gain_limit =
            if self.target.virtual_angle_deg.is_some() { f64::INFINITY } else { self.target.gain_db.at(frequency_hz) };
        let (mut low, mut high) = LAMBDA_RANGE;
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            let fits =
                self.candidate(&system, middle).is_some_and(|c| c.effort_db <= effort_limit && c.gain_db <= gain_limit);
            if fits { high = middle } else { low = middle }
        }
        high
    }

    fn system(&self, frequency_hz: f64) -> System {
        let (ear, count) = (self.target.ear, self.drivers.len());
        let head = &self.device.listener.head;
        let distance_m = self.device.listener.distance_m;
        let level = transfer::ideal_ears(head, super::IDEAL_ANGLE_DEG, distance_m, frequency_hz)[0].norm();
        let omni = transfer::ideal_ears(head, 0.0, distance_m, frequency_hz)[0].norm_sqr();
        let shares: Vec<f64> = self.drivers.iter().map(|d| d.share(frequency_hz)).collect();
        let weight = 1.0 / self.listeners.len() as f64;
        let virtual_ear =
            self.target.virtual_angle_deg.map(|angle| contralateral(angle, head.radius_m(), frequency_hz));

        let mut matrix = Hermitian::zero(count);
        let mut right_side = vec![Complex::ZERO; count];
        let (mut ipsilateral, mut wanted) = (Vec::new(), Complex::ONE);
        for (index, listener) in self.listeners.iter().enumerate() {
            let mut ears = transfer::to_ears(self.drivers, head, listener, frequency_hz);
            let own = self.target.own;
            let own_phase = phasor((ears[ear][own] * self.drivers[own].polarity).arg());
            ears.iter_mut().for_each(|e| e.iter_mut().zip(&shares).for_each(|(c, share)| *c *= share));
            let add = |matrix: &mut Hermitian, c: &[Complex]| {
                matrix.add_outer(c, weight);
                c.iter().enumerate().for_each(|(i, c)| matrix.add_diagonal(i, DRIVER_MISMATCH * weight * c.norm_sqr()));
            };
            add(&mut matrix, &ears[1 - ear]);
            if let Some(relative) = virtual_ear {
                add(&mut matrix, &ears[ear]);
                let (near, far) = (own_phase * level, own_phase * level * relative);
                for (i, b) in right_side.iter_mut().enumerate() {
                    *b += (ears[ear][i].conj() * near + ears[1 - ear][i].conj() * far) * weight;
                }
            }
            // The design point comes first.
            if index == 0 {
                wanted = own_phase * level;
                ipsilateral = std::mem::take(&mut ears[ear]);
            }
        }
        if virtual_ear.is_none() {
            right_side = ipsilateral.iter().map(|c| c.conj()).collect();
        }
        System { matrix, right_side, ipsilateral, shares, omni, wanted }
    }

    fn candidate(&self, system: &System, log_lambda: f64) -> Option<Candidate> {
        let lambda = system.matrix.mean_diagonal() * 10f64.powf(log_lambda);
        let weights = system.matrix.solve(lambda, &system.right_side)?;
        let response = product(&system.ipsilateral, &weights);
        let near = response.norm_sqr();
        let far = system.matrix.quadratic_form(&weights);
        let filters: Vec<Complex> = weights.iter().zip(&system.shares).map(|(w, share)| w * share).collect();
        (near > 0.0 && near.is_finite()).then(|| Candidate {
            effort_db: 10.0 * (energy(&filters) * system.omni / near).log10(),
            gain_db: 10.0 * (near / far.max(1e-300)).log10(),
            filters,
            response,
        })
    }
}
