//! The designer: from a device description to a coefficient set and its predicted figures.
//!
//! | module | what it holds |
//! |---|---|
//! | `file`, [`device`] | the description as written, and validated |
//! | [`targets`], [`curve`] | what a design aims at |
//! | [`transfer`], [`virtual_source`] | driver → ear, and the ears' signals of a loudspeaker that is not there |
//! | [`radiation`], [`room`] | driver → room, and what that makes of tone and level |
//! | [`crosstalk`], [`beam`] | the two solvers |
//! | [`designer`] | the whole design: [`design`] |
//! | [`common_phase`], [`center`], [`balance`], [`band_drivers`], `boost` | its parts: left and right in step; the center's path; its level, and what is given up for it; woofers, tweeters and crossovers; no more gain than amplifiers have |
//! | [`shortfalls`] | where it stays short of its target, and why |
//! | [`fir`], [`least_squares`], [`rtf`], [`filter_set`] | from responses to filters |
//! | [`mod@evaluate`] | the figures of any coefficient set |
//! | [`bypass`], [`loudness`] | the flat downmix that is as loud as the design |
//! | [`mod@seat`] | the direct figures of a listener in another place |
//! | [`mod@people`] | the figures over measured heads |
//! | [`mend`] | a description with other wires, and all else as it was |
//! | [`folder`], [`table`] | the profile's folder, and the figures as people read them |

pub mod balance;
pub mod band_drivers;
pub mod beam;
mod boost;
pub mod bypass;
pub mod center;
pub mod common_phase;
pub mod crosstalk;
pub mod curve;
pub mod designer;
pub mod device;
pub mod evaluate;
mod file;
pub mod filter_set;
pub mod fir;
pub mod folder;
pub mod hermitian;
pub mod least_squares;
pub mod loudness;
pub mod mend;
pub mod people;
pub mod radiation;
pub mod room;
pub mod rtf;
pub mod seat;
pub mod shortfalls;
pub mod table;
pub mod targets;
pub mod transfer;
pub mod virtual_source;

use crate::acoustics::Complex;

pub use designer::{Design, design};
pub use device::{Device, is_description};
pub use evaluate::{Figures, evaluate};
pub use file::{Mode, Role};
pub use filter_set::FilterSet;

/// Angle of the ideal pair every design is compared with, ±degrees.
pub const IDEAL_ANGLE_DEG: f64 = 30.0;

/// ε²: relative error power of drivers that differ by 0.5 dB and 4°.
const DRIVER_MISMATCH: f64 = 0.0082;

/// Width over which log λ is smoothed.
const REGULARIZATION_OCTAVES: f64 = 1.0 / 6.0;

/// Below this nothing is solved anew: no driver here plays it.
const LOWEST_HZ: f64 = 20.0;

/// Filters are held constant in level from this part of the Nyquist frequency on.
const HIGHEST_PART: f64 = 0.9;

/// Complex responses `[driver][bin]` of one input.
type Spectra = Vec<Vec<Complex>>;

/// `[bin][driver]` as `[driver][bin]`.
fn transposed(columns: &[Vec<Complex>], drivers: usize) -> Spectra {
    (0..drivers).map(|d| columns.iter().map(|column| column[d]).collect()).collect()
}

/// The work for the left and the right program, at the same time.
fn on_both<T: Send, R: Send + Default>([left, right]: [T; 2], work: &(dyn Fn(T) -> R + Sync)) -> [R; 2] {
    let mut results = <[R; 2]>::default();
    let [of_left, of_right] = &mut results;
    at_once(Box::new(|| *of_left = work(left)), Box::new(|| *of_right = work(right)));
    results
}

/// Apart from [`on_both`], so that it is compiled once.
fn at_once<'a>(one: Box<dyn FnOnce() + Send + 'a>, other: Box<dyn FnOnce() + Send + 'a>) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        other();
        if let Err(panic) = one.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[cfg(test)]
mod image_source_tests;
#[cfg(test)]
mod optimum_tests;
#[cfg(test)]
mod spread_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unlisted_tests;
#[cfg(test)]
mod wiring_tests;
