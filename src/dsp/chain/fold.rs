//! What of a driver's gain, equalizer and delay becomes part of its FIRs.
//!
//! Gains always do. Equalizers do where their tail fits a few more partitions, which cost less than running the
//! sections. Delays do where the FIRs need no more partitions for them: whole leading partitions are zero and skipped.

use crate::dsp::biquad::{Biquad, BiquadCoefficients};
use crate::dsp::limits::INPUTS;
use crate::dsp::spec::{ChainSpec, db_to_gain};

/// Energy of a FIR that may be cut off when an equalizer is folded into it: −130 dB.
const TAIL_ENERGY: f64 = 1e-13;
/// Partitions of three inputs that cost about what one section does.
const PARTITIONS_PER_SECTION: usize = 4;
/// An equalizer has faded when its poles' response has fallen by 140 dB.
const FADE: f64 = 1e-7;

/// FIRs with everything folded in, and what remains.
pub struct Folded {
    /// `[input][driver]`; empty where the FIR is all zero.
    pub firs: Vec<Vec<Vec<f64>>>,
    pub path_delay_frames: [usize; INPUTS],
    pub drivers: Vec<Remaining>,
}

/// What remains to be run after the matrix for one driver.
pub struct Remaining {
    pub eq: Vec<BiquadCoefficients>,
    pub delay_frames: usize,
}

impl Remaining {
    /// Frames in which the equalizer fades.
    pub fn tail_frames(&self) -> usize {
        self.eq.iter().map(fade_frames).max().unwrap_or(0)
    }
}

impl Folded {
    pub fn new(spec: &ChainSpec) -> Folded {
        let mut firs: Vec<Vec<Vec<f64>>> = (0..INPUTS)
            .map(|input| (0..spec.drivers.len()).map(|driver| scaled(spec, input, driver)).collect())
            .collect();
        let mut drivers: Vec<Remaining> = spec
            .drivers
            .iter()
            .map(|driver| Remaining {
                eq: driver.eq.iter().map(|section| section.coefficients(spec.sample_rate_hz)).collect(),
                delay_frames: driver.delay_frames,
            })
            .collect();
        for (index, driver) in drivers.iter_mut().enumerate() {
            fold_eq(spec, firs.iter_mut().map(|row| &mut row[index]).collect(), &mut driver.eq);
        }
        let mut folded = Folded { firs, path_delay_frames: spec.path_delay_frames, drivers };
        folded.fold_delays(spec.block_frames);
        folded
    }

    /// Folds the drivers' and the paths' delays, or only one kind of them, where no FIR needs another partition.
    fn fold_delays(&mut self, block_frames: usize) {
        for (fold_drivers, fold_paths) in [(true, true), (true, false), (false, true)] {
            let delay = |input: usize, driver: usize| {
                usize::from(fold_drivers) * self.drivers[driver].delay_frames
                    + usize::from(fold_paths) * self.path_delay_frames[input]
            };
            let free = self.firs.iter().enumerate().all(|(input, row)| {
                row.iter().enumerate().all(|(driver, fir)| {
                    let used = fir.len().next_multiple_of(block_frames);
                    fir.is_empty() || delay(input, driver) % block_frames + fir.len() <= used
                })
            });
            if !free {
                continue;
            }
            let delays: Vec<Vec<usize>> =
                (0..INPUTS).map(|i| (0..self.drivers.len()).map(|d| delay(i, d)).collect()).collect();
            for (row, delays) in self.firs.iter_mut().zip(delays) {
                for (fir, delay) in row.iter_mut().zip(delays).filter(|(fir, _)| !fir.is_empty()) {
                    fir.splice(0..0, std::iter::repeat_n(0.0, delay));
                }
            }
            if fold_drivers {
                self.drivers.iter_mut().for_each(|driver| driver.delay_frames = 0);
            }
            if fold_paths {
                self.path_delay_frames = [0; INPUTS];
            }
            return;
        }
    }
}

/// The FIR from `input` to `driver` with its gains; empty if it is all zero.
fn scaled(spec: &ChainSpec, input: usize, driver: usize) -> Vec<f64> {
    let gain = db_to_gain(spec.drivers[driver].gain_db) * db_to_gain(spec.makeup_gain_db);
    let fir = spec.coefficients.fir(input, driver);
    let taps = fir.len() - fir.iter().rev().take_while(|&&tap| tap == 0.0).count();
    fir[..taps].iter().map(|&tap| f64::from(tap) * gain).collect()
}

/// Folds one driver's equalizer into its FIRs and empties it, if their tails end soon enough.
fn fold_eq(spec: &ChainSpec, mut firs: Vec<&mut Vec<f64>>, eq: &mut Vec<BiquadCoefficients>) {
    if eq.is_empty() {
        return;
    }
    let block = spec.block_frames;
    let longest = firs.iter().map(|fir| fir.len()).max().unwrap_or(0);
    let allowed = longest.next_multiple_of(block) + PARTITIONS_PER_SECTION * eq.len() * block;
    let tail = eq.iter().map(fade_frames).fold(0, usize::saturating_add);
    if tail > 4 * allowed {
        return;
    }
    let mut equalized = Vec::with_capacity(firs.len());
    for fir in &firs {
        let mut response = vec![0.0; if fir.is_empty() { 0 } else { longest + tail }];
        response.iter_mut().zip(fir.iter()).for_each(|(to, &tap)| *to = tap);
        eq.iter().for_each(|&section| Biquad::new(section).process_f64(&mut response));
        let energy: f64 = response.iter().map(|v| v * v).sum();
        let mut cut = 0.0;
        let keep = response.iter().rposition(|v| {
            cut += v * v;
            cut > TAIL_ENERGY * energy
        });
        response.truncate(keep.map_or(0, |last| last + 1));
        if response.len() > allowed {
            return;
        }
        equalized.push(response);
    }
    for (fir, response) in firs.iter_mut().zip(equalized) {
        **fir = response;
    }
    eq.clear();
}

/// Frames in which a section fades by 140 dB.
fn fade_frames(section: &BiquadCoefficients) -> usize {
    let radius = section.pole_radius().clamp(1e-9, 1.0 - 1e-12);
    (FADE.ln() / radius.ln()).ceil() as usize
}

/// Paths whose peaks differ by less are equally strong (1 dB).
const EQUALLY_STRONG: f32 = 0.891;

/// When the strongest path's peak arrives, in frames: path delay, FIR and driver delay. Of drivers that are equally strong the
/// longest delay counts: one that waits plays together with one whose converter is late.
pub fn strongest_arrival_frames(spec: &ChainSpec, inputs: usize) -> usize {
    let peaks: Vec<(f32, usize, usize)> = (0..inputs)
        .flat_map(|input| spec.drivers.iter().enumerate().map(move |(index, driver)| (input, index, driver)))
        .map(|(input, index, driver)| {
            let fir = spec.coefficients.fir(input, index).iter().map(|value| value.abs()).enumerate();
            let (tap, peak) = fir.fold((0, 0.0), |largest, tap| if tap.1 > largest.1 { tap } else { largest });
            (peak * db_to_gain(driver.gain_db) as f32, spec.path_delay_frames[input] + tap, driver.delay_frames)
        })
        .collect();
    let (strongest, arrival_frames, _) =
        peaks.iter().copied().fold((0.0, 0, 0), |largest, path| if path.0 > largest.0 { path } else { largest });
    let strong = peaks.iter().filter(|(peak, ..)| *peak > 0.0 && *peak >= EQUALLY_STRONG * strongest);
    arrival_frames + strong.map(|(.., delay_frames)| *delay_frames).max().unwrap_or(0)
}
