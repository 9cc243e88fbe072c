//! What a turned program should be at the two ears: as it was where it was designed.
//!
//! With each driver turned for the middle of the head, the ears are still a little off: nearer, the drivers part farther
//! as the head sees them, and a canceller overshoots; farther, it falls short. The filters of the array are changed by the
//! least that makes good for it: δ = D·Cᴴ(C·D·Cᴴ + λI)⁻¹(d − C·h), C the transfers to both ears, D each driver's share, d
//! what the ears shall hear. λ leaves alone what would only cost effort: below some 500 Hz both ears hear the same.

use crate::acoustics::vector::norm;
use crate::acoustics::{Complex, Listener, SPEED_OF_SOUND, phasor};
use crate::design::fir::Bins;
use crate::design::{Device, Role, device::Driver, transfer};
use crate::dsp::spec::ChainSpec;

/// λ re the mean power of the transfers.
const LAMBDA: f64 = 3e-3;
/// Where the ears are corrected, and the octave over which that fades in and out, Hz.
const CORRECTED_HZ: (f64, f64) = (150.0, 10_000.0);

/// The two ears at the old and at the new place, over all bins.
pub(super) struct Ears {
    /// Indices of the array's drivers.
    array: Vec<usize>,
    bins: Vec<Bin>,
    /// How much quieter the other ear may be made than it was, where nothing is to be heard there.
    quieter: f64,
    /// Nothing is to be heard there.
    is_silent: bool,
}

struct Bin {
    index: usize,
    /// How far it is corrected, 0…1.
    part: f64,
    /// How far each driver takes part.
    shares: Vec<f64>,
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
            (&one.eq, one.gain_db, one.delay_frames) == (&first.eq, first.gain_db, first.delay_frames)
        };
        if array.len() < 2 || !array.iter().all(alike) {
            return None;
        }
        let drivers: Vec<Driver> = array.iter().map(|driver| device.drivers[*driver].clone()).collect();
        let head = &device.listener.head;
        let [old_m, new_m] = [from, to].map(|listener| norm(listener.position));
        let shared_s = (new_m - old_m) / SPEED_OF_SOUND;
        let at = |index: usize| {
            let frequency_hz = bins.frequency_hz(index);
            let part = part(frequency_hz);
            (part > 0.0).then(|| {
                let later = phasor(-std::f64::consts::TAU * frequency_hz * shared_s);
                let old = transfer::to_ears(&drivers, head, from, frequency_hz);
                Bin {
                    index,
                    part,
                    shares: drivers.iter().map(|driver| driver.share(frequency_hz).powi(2)).collect(),
                    old: old.map(|ear| ear.into_iter().map(|c| c * later).collect()),
                    new: transfer::to_ears(&drivers, head, to, frequency_hz),
                }
            })
        };
        Some(Ears {
            bins: (1..bins.count() - 1).filter_map(at).collect(),
            quieter: (new_m / old_m).min(1.0),
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
                let (far, most) = (now[1 - side], self.quieter * wanted[1 - side].norm());
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

/// 1 within [`CORRECTED_HZ`], 0 an octave beyond.
fn part(frequency_hz: f64) -> f64 {
    let beyond = (CORRECTED_HZ.0 / frequency_hz).log2().max((frequency_hz / CORRECTED_HZ.1).log2());
    0.5 + 0.5 * (std::f64::consts::PI * beyond.clamp(0.0, 1.0)).cos()
}
