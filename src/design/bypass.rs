//! The flat downmix that is as loud as the design, and has its tone: what `bypass` plays, so that nothing but the image
//! differs. With one gain for all frequencies it would be louder or less loud by 1 to 2 dB, as the music is bright or dark.

use crate::acoustics::{Complex, Listener, phasor};
use crate::profile::{BYPASS_HZ, Bypass};

use super::curve::Curve;
use super::device::{Device, Driver};
use super::evaluate::bands::octave;
use super::evaluate::ears::EarGrid;
use super::file::Role;
use super::filter_set::{FilterSet, INPUTS};
use super::fir::{self, Bins};
use super::loudness;

/// Every so many bins of 2.9 Hz count: levels over octaves, not dips.
const EVERY: usize = 5;
const LENGTH: usize = 16_384;
/// Length of the filters, s: levels by octave from 63 Hz on need no more.
const FILTER_S: f64 = 512.0 / 48_000.0;

/// Levels with which (L+R)/2 on every driver, through its crossovers, is as loud at the listener's ears as the design:
/// what is one side's alone, and what both sides share, each for itself, so that it holds for any mix.
pub fn bypass(device: &Device, set: &FilterSet) -> Bypass {
    let gains = gains(device);
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let grid = EarGrid::sparse(&device.drivers, &device.listener.head, &listener, bins(set), EVERY);
    let flat = FilterSet {
        firs: [&gains[..]; INPUTS].concat().into_iter().map(|gain| vec![gain]).collect(),
        path_delay_frames: [0; INPUTS],
        rtf: None,
        ..set.clone()
    };
    let [left, right, center] = heard(&grid, set);
    let [.., flat] = heard(&grid, &flat);
    let level = |ears: &[Vec<Complex>; 2], center_hz: f64| {
        let band = octave(bins(set), center_hz);
        let within = |hz: f64| if band.contains(&bin(set, hz)) { loudness::music(hz) } else { 0.0 };
        loudness::energy(bins(set), ears, EVERY, within).max(1e-300)
    };
    // A side is half of the downmix.
    let sides = |hz: f64| 0.5 * (level(&left, hz) + level(&right, hz)) / (0.25 * level(&flat, hz));
    let center = |hz: f64| level(&center, hz) / level(&flat, hz);
    let rounded = |ratio: f64| (1000.0 * ratio.log10()).round() as f32 / 100.0;
    Bypass {
        sides_db: BYPASS_HZ.map(|hz| rounded(sides(hz))),
        center_db: BYPASS_HZ.map(|hz| rounded(center(hz))),
        gains: gains.iter().map(|gain| (1e4 * gain).round() as f32 / 1e4).collect(),
    }
}

/// The filters of a bypass at a rate: those of the sides and of the center, minimum-phase.
pub fn filters(bypass: &Bypass, sample_rate_hz: u32) -> [Vec<f64>; 2] {
    let rate_hz = f64::from(sample_rate_hz);
    let taps = (FILTER_S * rate_hz).ceil() as usize;
    let bins = Bins::for_taps(taps, rate_hz);
    [&bypass.sides_db, &bypass.center_db].map(|levels| {
        let points: Vec<(f64, f64)> = BYPASS_HZ.into_iter().zip(levels.iter().map(|db| f64::from(*db))).collect();
        let curve = Curve::new(&points);
        let magnitudes: Vec<f64> =
            (0..bins.count()).map(|bin| 10f64.powf(curve.at(bins.frequency_hz(bin).max(1.0)) / 20.0)).collect();
        let phases = fir::minimum_phase(&magnitudes, bins);
        let response: Vec<Complex> = magnitudes.iter().zip(phases).map(|(m, p)| phasor(p) * *m).collect();
        fir::realize(&response, bins, taps, 0)
    })
}

fn bins(set: &FilterSet) -> Bins {
    Bins { length: LENGTH, sample_rate_hz: f64::from(set.sample_rate_hz) }
}

fn bin(set: &FilterSet, frequency_hz: f64) -> usize {
    (frequency_hz / bins(set).frequency_hz(1)).round() as usize
}

/// One signal on the array; as much of it on woofers and tweeters together as the array makes.
fn gains(device: &Device) -> Vec<f64> {
    let level = |driver: &Driver| 10f64.powf(driver.level_db / 20.0);
    let of = |chosen: &dyn Fn(&Driver) -> bool| -> f64 {
        device.drivers.iter().filter(|driver| chosen(driver)).map(level).sum()
    };
    let array = of(&|driver| driver.is(Role::Array));
    let share = |driver: &Driver| {
        let role = if driver.is(Role::Woofer) { Role::Woofer } else { Role::Tweeter };
        match driver.is(Role::Array) {
            true => 1.0,
            false => array / of(&|other| other.is(role) && !other.is(Role::Array)),
        }
    };
    device.drivers.iter().map(|driver| driver.polarity * share(driver)).collect()
}

/// What both ears hear of L, R and C alone.
fn heard(grid: &EarGrid, set: &FilterSet) -> [[Vec<Complex>; 2]; INPUTS] {
    let responses = set.responses(bins(set));
    [0, 1, 2].map(|input| grid.both(&responses[input]))
}

#[cfg(test)]
mod tests {
    use super::super::designer::design;
    use super::super::tests::variant;
    use super::*;

    type Spectrum = fn(f64) -> f64;

    /// Spectra as unlike as music has them.
    const SPECTRA: [(&str, Spectrum); 5] = [
        ("music", loudness::music),
        ("pink", |f| 1.0 / f),
        ("dark", |f| 1.0 / (f * (1.0 + f / 300.0).powi(2))),
        ("a voice", |f| if f < 120.0 { 0.0 } else { 1.0 / (1.0 + (f / 500.0).powi(2)).powf(1.5) }),
        ("bright", |f| 1.0 / (f * (1.0 + (300.0 / f).powi(2)))),
    ];

    #[test]
    fn it_is_as_loud_as_the_design_whatever_the_spectrum() {
        for name in ["pair", "pair-wide", "cylinder", "cylinder-room", "bar-wide", "studio", "soundbar"] {
            let device = variant(name, &[]);
            let set = design(&device, &|_| ()).filters;
            let found = bypass(&device, &set);
            let [sides, center] = filters(&found, set.sample_rate_hz);
            let played = |filter: &[f64], part: f64| -> Vec<Vec<f64>> {
                found.gains.iter().map(|g| filter.iter().map(|v| v * part * f64::from(*g)).collect()).collect()
            };
            let flat = FilterSet {
                firs: [played(&sides, 0.5), played(&sides, 0.5), played(&center, 1.0)].concat(),
                path_delay_frames: [0; INPUTS],
                rtf: None,
                ..set.clone()
            };
            let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
            let grid = EarGrid::sparse(&device.drivers, &device.listener.head, &listener, bins(&set), EVERY);
            let (image, flat) = (heard(&grid, &set), heard(&grid, &flat));
            for (spectrum, power) in SPECTRA {
                let lu = |ears: &[Vec<Complex>; 2]| 10.0 * loudness::energy(bins(&set), ears, EVERY, power).log10();
                for input in 0..INPUTS {
                    let off = lu(&flat[input]) - lu(&image[input]);
                    assert!(off.abs() < 0.3, "{name}, {spectrum}, input {input}: {off:+.2} LU");
                }
            }
        }
    }
}
