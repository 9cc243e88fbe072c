//! What a turned program should be at the two ears: as it was where it was designed.
//!
//! With each driver turned for the middle of the head, the ears are still a little off: nearer, the drivers part farther
//! as the head sees them, and a canceller overshoots; farther, it falls short. The filters of the array are changed by the
//! least that makes good for it: δ = D·Cᴴ(C·D·Cᴴ + λI)⁻¹(d − C·h), C the transfers to both ears, D each driver's share, d
//! what the ears shall hear. λ leaves alone what would only cost effort: below some 500 Hz both ears hear the same.

use std::f64::consts::TAU;

use super::smooth::{Points, Smooth};
use crate::acoustics::vector::{norm, sub};
use crate::acoustics::{Complex, Head, Listener, SPEED_OF_SOUND, phasor};
use crate::design::fir::Bins;
use crate::design::{Device, Role, device::Driver, transfer};
use crate::dsp::raised_cosine;
use crate::dsp::spec::ChainSpec;

/// λ re the mean power of the transfers.
const LAMBDA: f64 = 3e-3;
/// From here on, and fully an octave above, drivers are a good part of a wave apart, Hz.
const PARTED_HZ: f64 = 700.0;
/// Where the ears are corrected, and the octave over which that fades in and out, Hz.
const CORRECTED_HZ: (f64, f64) = (150.0, 10_000.0);

/// The two ears at the old and at the new place, over all bins.
pub(super) struct Ears {
    /// Indices of the array's drivers.
    array: Vec<usize>,
    bins: Vec<Bin>,
    /// Nothing is to be heard there.
    is_silent: bool,
}

struct Bin {
    index: usize,
    /// How far it is corrected, 0…1.
    part: f64,
    /// How far each driver takes part.
    shares: Vec<f64>,
    /// How much quieter the other ear may be made than it was, where nothing is to be heard there.
    quieter: f64,
    /// `[ear][driver]` at the old place, as late as at the new one; and at the new.
    old: [Vec<Complex>; 2],
    new: [Vec<Complex>; 2],
}

impl Ears {
    /// Of a listener who moves; `None` where the array cannot be corrected as one: a single driver, or equalizers of their
    /// own.
    pub fn new(device: &Device, spec: &ChainSpec, [from, to]: [&Listener; 2], bins: Bins) -> Option<Ears> {
        let array = device.indices_of(Role::Array);
        let alike = |driver: &usize| {
            let (one, first) = (&spec.drivers[*driver], &spec.drivers[array[0]]);
            (&one.eq, one.gain_db) == (&first.eq, first.gain_db)
        };
        if array.len() < 2 || !array.iter().all(alike) {
            return None;
        }
        let drivers = in_step(&array, device, spec);
        let head = &device.listener.head;
        let [old_m, new_m] = [from, to].map(|listener| norm(listener.position));
        let shared_s = (new_m - old_m) / SPEED_OF_SOUND;
        let points = Points::covering(0.5 * CORRECTED_HZ.0, 2.0 * CORRECTED_HZ.1);
        let [old, new] = [(from, shared_s), (to, 0.0)]
            .map(|(listener, later_s)| Transfers::new(&drivers, head, listener, later_s, points));
        let at = |index: usize| {
            let frequency_hz = bins.frequency_hz(index);
            let part = part(frequency_hz);
            (part > 0.0).then(|| Bin {
                index,
                part,
                shares: drivers.iter().map(|driver| driver.share(frequency_hz).powi(2)).collect(),
                quieter: (new_m / old_m).min(1.0).powf(closer(frequency_hz)),
                old: old.at(points, frequency_hz),
                new: new.at(points, frequency_hz),
            })
        };
        Some(Ears {
            bins: (1..bins.count() - 1).filter_map(at).collect(),
            is_silent: device.virtual_angle_deg.is_none(),
            array,
        })
    }

    /// Corrects the `turned` filters of a side's program, whose filters were `old`: `[driver][bin]`.
    pub fn correct(&self, side: usize, old: &[Vec<Complex>], turned: &mut [Vec<Complex>]) {
        for bin in &self.bins {
            let heard = |transfers: &[Vec<Complex>; 2], filters: &[Vec<Complex>]| -> [Complex; 2] {
                let ear =
                    |ear: &Vec<Complex>| self.array.iter().zip(ear).map(|(d, c)| c * filters[*d][bin.index]).sum();
                [ear(&transfers[0]), ear(&transfers[1])]
            };
            let (mut wanted, now) = (heard(&bin.old, old), heard(&bin.new, turned));
            if self.is_silent {
                // Nearer, the same effort cancels more; what is cancelled as far already is left alone.
                let (far, most) = (now[1 - side], bin.quieter * wanted[1 - side].norm());
                wanted[1 - side] = far * (most / far.norm().max(1e-300)).min(1.0);
            }
            let missing = [0, 1].map(|ear| (wanted[ear] - now[ear]) * bin.part);
            for (driver, change) in self.array.iter().zip(bin.least(missing)) {
                turned[*driver][bin.index] += change;
            }
        }
    }
}

impl Bin {
    /// The least change of the array's filters that changes the ears by `missing`.
    fn least(&self, missing: [Complex; 2]) -> Vec<Complex> {
        let product = |a: usize, b: usize| -> Complex {
            let each = self.new[a].iter().zip(&self.new[b]).zip(&self.shares);
            each.map(|((a, b), share)| a * b.conj() * *share).sum()
        };
        let (left, cross, right) = (product(0, 0).re, product(0, 1), product(1, 1).re);
        let lambda = LAMBDA * 0.5 * (left + right);
        let (left, right) = (left + lambda, right + lambda);
        let determinant = (left * right - cross.norm_sqr()).max(1e-300);
        let weights = [
            (missing[0] * right - cross * missing[1]) / determinant,
            (missing[1] * left - cross.conj() * missing[0]) / determinant,
        ];
        let change = |driver: usize| {
            (self.new[0][driver].conj() * weights[0] + self.new[1][driver].conj() * weights[1]) * self.shares[driver]
        };
        (0..self.shares.len()).map(change).collect()
    }
}

/// The drivers of the array, each as late against the latest as its converter and its delay in the chain make it.
fn in_step(array: &[usize], device: &Device, spec: &ChainSpec) -> Vec<Driver> {
    let frame_us = 1e6 / f64::from(spec.sample_rate_hz);
    let late = |driver: &usize| {
        let delay_us = device.drivers[*driver].delay_us + frame_us * spec.drivers[*driver].delay_frames as f64;
        Driver { delay_us, ..device.drivers[*driver].clone() }
    };
    let mut drivers: Vec<Driver> = array.iter().map(late).collect();
    let latest_us = drivers.iter().map(|driver| driver.delay_us).fold(f64::NEG_INFINITY, f64::max);
    drivers.iter_mut().for_each(|driver| driver.delay_us -= latest_us);
    drivers
}

/// From each driver to both ears of a listener.
struct Transfers {
    /// How late each driver's sound comes to the middle of the head, and what all are later by, s.
    delays_s: Vec<f64>,
    /// `[ear][driver]`, without that delay.
    ears: [Vec<Smooth>; 2],
}

impl Transfers {
    fn new(drivers: &[Driver], head: &Head, listener: &Listener, later_s: f64, points: Points) -> Transfers {
        let delay_s = |driver: &Driver| norm(sub(listener.position, driver.position)) / SPEED_OF_SOUND;
        let delays_s: Vec<f64> = drivers.iter().map(delay_s).collect();
        let mut ears = [0, 1].map(|_| vec![Smooth::default(); drivers.len()]);
        for frequency_hz in points.frequencies_hz() {
            let here = transfer::to_ears(drivers, head, listener, frequency_hz);
            for (smooth, transfers) in ears.iter_mut().zip(here) {
                for ((smooth, transfer), delay_s) in smooth.iter_mut().zip(transfers).zip(&delays_s) {
                    smooth.push(frequency_hz, transfer * phasor(TAU * frequency_hz * delay_s));
                }
            }
        }
        Transfers { delays_s: delays_s.into_iter().map(|delay_s| delay_s + later_s).collect(), ears }
    }

    fn at(&self, points: Points, frequency_hz: f64) -> [Vec<Complex>; 2] {
        let place = points.place(frequency_hz);
        let late = |delay_s: &f64| phasor(-TAU * frequency_hz * delay_s);
        let ear = |ear: &Vec<Smooth>| {
            ear.iter()
                .zip(&self.delays_s)
                .map(|(smooth, delay_s)| smooth.at(place, frequency_hz) * late(delay_s))
                .collect()
        };
        self.ears.each_ref().map(ear)
    }
}

/// The power of the distance that cancellation grows with, for the same effort: that by which the drivers part as the head
/// sees them, and more where they are a good part of a wave apart, as designs for a near place have it.
fn closer(frequency_hz: f64) -> f64 {
    1.0 + 0.7 * (frequency_hz / PARTED_HZ).log2().clamp(0.0, 1.0)
}

/// 1 within [`CORRECTED_HZ`], 0 an octave beyond.
fn part(frequency_hz: f64) -> f64 {
    let beyond = (CORRECTED_HZ.0 / frequency_hz).log2().max((frequency_hz / CORRECTED_HZ.1).log2());
    1.0 - raised_cosine(beyond)
}
