//! The flat downmix that is as loud as the design, and has its tone: what `bypass` plays, so that nothing but the image
//! differs. With one gain for all frequencies it would be louder or less loud by 1 to 2 dB, as the music is bright or dark;
//! with one an octave still by 1 dB, where drivers that stand far apart cancel each other in a part of an octave.

use std::ops::Range;

use crate::acoustics::{Complex, Listener, phasor};
use crate::dsp::limits::MAX_GAIN_DB;
use crate::profile::{BYPASS_LEVELS, Bypass, bypass_hz};

use super::curve::Curve;
use super::device::{Device, Driver};
use super::evaluate::bands::{db, highest, range};
use super::evaluate::ears::EarGrid;
use super::file::Role;
use super::filter_set::{FilterSet, INPUTS};
use super::fir::{self, Bins};
use super::loudness::{self, Mix};

/// Every so many bins of 2.9 Hz count: levels over sixths of octaves, not single dips.
const EVERY: usize = 2;
const LENGTH: usize = 16_384;
/// Length of the filters, s: it does not resolve the lowest bands, where no level changes fast.
const FILTER_S: f64 = 512.0 / 48_000.0;
/// The filters' neighboring levels overlap; so often each is corrected by what it misses.
const CORRECTIONS: usize = 6;
/// Power of the center re both sides where the level of the sides is found: sides that are by far the louder, as in most of
/// music's octaves, with the little center that the upmix finds in any music. The center has its level from itself alone.
const CENTER_OF_SIDES: f64 = 0.06;

/// Levels with which (L+R)/2 on every driver, through its crossovers, is as loud at the listener's ears as the design: those
/// of music that is nearly all sides, and of the center, each for itself, so that it holds for any mix.
pub fn bypass(device: &Device, set: &FilterSet) -> Bypass {
    let grid = grid(device, set);
    let image = heard(&grid, set);
    let mut found = Bypass {
        sides_db: vec![0.0; BYPASS_LEVELS],
        center_db: vec![0.0; BYPASS_LEVELS],
        gains: gains(device).iter().map(|gain| (1e4 * gain).round() as f32 / 1e4).collect(),
    };
    let mut bands: Vec<Range<usize>> = bypass_hz(BYPASS_LEVELS).map(|hz| sixth_of_octave(bins(set), hz)).collect();
    if let Some(highest_band) = bands.last_mut() {
        // The last level holds beyond its band, where bright music has as much as within it.
        highest_band.end = highest(bins(set));
    }
    let levels = |heard: &[[Vec<Complex>; 2]; INPUTS], mix: &Mix| -> Vec<f64> {
        let power = |bin: usize| loudness::heard_power(heard, mix, bin);
        let level = |band: &Range<usize>| db(loudness::energy(bins(set), band.clone(), EVERY, loudness::music, power));
        bands.iter().map(level).collect()
    };
    let mixes = [loudness::music_mix(CENTER_OF_SIDES), loudness::CENTER];
    let wanted = mixes.each_ref().map(|mix| levels(&image, mix));
    let flat = flat(&grid, set, &found.gains);
    for _ in 0..CORRECTIONS {
        let played = filtered(&flat, set, &found);
        for ((mix, wanted), found) in mixes.iter().zip(&wanted).zip([&mut found.sides_db, &mut found.center_db]) {
            let missing = wanted.iter().zip(levels(&played, mix)).map(|(wanted, got)| wanted - got);
            found.iter_mut().zip(missing).for_each(|(level, missing)| *level += missing as f32);
        }
    }
    for level in found.sides_db.iter_mut().chain(&mut found.center_db) {
        *level = (100.0 * level.clamp(-MAX_GAIN_DB, MAX_GAIN_DB)).round() / 100.0;
    }
    found
}

/// The filters of a bypass at a rate: those of the sides and of the center, minimum-phase.
pub fn filters(bypass: &Bypass, sample_rate_hz: u32) -> [Vec<f64>; 2] {
    let rate_hz = f64::from(sample_rate_hz);
    let taps = (FILTER_S * rate_hz).ceil() as usize;
    let bins = Bins::for_taps(taps, rate_hz);
    [&bypass.sides_db, &bypass.center_db].map(|levels| {
        let points: Vec<(f64, f64)> = bypass_hz(levels.len()).zip(levels.iter().map(|db| f64::from(*db))).collect();
        let curve = Curve::new(&points);
        let magnitudes: Vec<f64> =
            (0..bins.count()).map(|bin| 10f64.powf(curve.at(bins.frequency_hz(bin).max(1.0)) / 20.0)).collect();
        let phases = fir::minimum_phase(&magnitudes, bins);
        let response: Vec<Complex> = magnitudes.iter().zip(phases).map(|(m, p)| phasor(p) * *m).collect();
        fir::realize(&response, bins, taps, 0)
    })
}

fn sixth_of_octave(bins: Bins, center_hz: f64) -> Range<usize> {
    let half = 2f64.powf(1.0 / 12.0);
    range(bins, center_hz / half, center_hz * half)
}

fn bins(set: &FilterSet) -> Bins {
    let sample_rate_hz = f64::from(set.sample_rate_hz);
    // As fine at a high rate, so that no sixth of an octave is without a bin that counts.
    let length = LENGTH * ((sample_rate_hz / 48_000.0).ceil() as usize).next_power_of_two();
    Bins { length, sample_rate_hz }
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

/// From the drivers to the ears at the design point.
fn grid(device: &Device, set: &FilterSet) -> EarGrid {
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    EarGrid::sparse(&device.drivers, &device.listener.head, &listener, bins(set), EVERY)
}

/// What both ears hear of L, R and C alone.
fn heard(grid: &EarGrid, set: &FilterSet) -> [[Vec<Complex>; 2]; INPUTS] {
    let responses = set.responses(bins(set));
    [0, 1, 2].map(|input| grid.both(&responses[input]))
}

/// What they hear of one signal on all drivers, with a gain each.
fn flat(grid: &EarGrid, set: &FilterSet, gains: &[f32]) -> [Vec<Complex>; 2] {
    let gains: Vec<Vec<f64>> = gains.iter().map(|gain| vec![f64::from(*gain)]).collect();
    let set =
        FilterSet { firs: [&gains[..]; INPUTS].concat(), path_delay_frames: [0; INPUTS], rtf: None, ..set.clone() };
    let [.., flat] = heard(grid, &set);
    flat
}

/// What they hear of L, R and C alone through the filters of a bypass: a side is half of the downmix.
fn filtered(flat: &[Vec<Complex>; 2], set: &FilterSet, bypass: &Bypass) -> [[Vec<Complex>; 2]; INPUTS] {
    let [sides, center] = filters(bypass, set.sample_rate_hz).map(|filter| fir::response(&filter, bins(set)));
    [(&sides, 0.5), (&sides, 0.5), (&center, 1.0)].map(|(filter, part)| {
        flat.each_ref().map(|ear| ear.iter().zip(filter).map(|(ear, filter)| ear * filter * part).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::super::designer::design;
    use super::super::tests::variant;
    use super::*;

    type Spectrum = fn(f64) -> f64;

    #[test]
    fn every_level_has_bins_that_count_at_every_rate() {
        let set = design(&variant("pair", &[]), &|_| ()).filters;
        for sample_rate_hz in [44_100, 48_000, 88_200, 96_000, 176_400, 192_000] {
            let bins = bins(&FilterSet { sample_rate_hz, ..set.clone() });
            for hz in bypass_hz(BYPASS_LEVELS) {
                let band = sixth_of_octave(bins, hz);
                assert!(band.clone().any(|bin| bin % EVERY == 0), "{sample_rate_hz} Hz: {hz} Hz has {band:?}");
            }
        }
    }

    /// Spectra as unlike as music has them.
    const SPECTRA: [(&str, Spectrum); 6] = [
        ("music", loudness::music),
        ("pink", |f| 1.0 / f),
        ("dark", |f| 1.0 / (f * (1.0 + f / 300.0).powi(2))),
        ("a voice", |f| if f < 120.0 { 0.0 } else { 1.0 / (1.0 + (f / 500.0).powi(2)).powf(1.5) }),
        ("bright", |f| 1.0 / (f * (1.0 + (300.0 / f).powi(2)))),
        ("a solo instrument", |f| loudness::music(f) * (1.0 + 6.0 * (-(4.0 * (f / 1600.0).ln()).powi(2)).exp())),
    ];

    #[test]
    fn it_is_as_loud_as_the_design_whatever_the_spectrum_and_the_mix() {
        let alone = |input: usize| -> Mix {
            std::array::from_fn(|i| std::array::from_fn(|j| f64::from(i == input && j == input)))
        };
        // Nothing is hard on one side alone for long, so that may be off by a little more.
        let mixes: [(&str, Mix, f64); 7] = [
            ("hardly a center", loudness::music_mix(0.01), 0.3),
            ("sides", loudness::music_mix(0.1), 0.3),
            ("sides and center", loudness::music_mix(0.5), 0.3),
            ("center", loudness::music_mix(3.0), 0.3),
            ("center alone", loudness::CENTER, 0.3),
            ("left alone", alone(0), 0.5),
            ("right alone", alone(1), 0.5),
        ];
        // The soundbar's sides and center reach the ears with other phases than in a downmix, where they add up more.
        let devices = [
            ("pair", 0.0),
            ("pair-wide", 0.0),
            ("cylinder", 0.0),
            ("cylinder-room", 0.0),
            ("bar-wide", 0.0),
            ("studio", 0.0),
            ("soundbar", 0.4),
        ];
        for (name, phases) in devices {
            let device = variant(name, &[]);
            let set = design(&device, &|_| ()).filters;
            let found = bypass(&device, &set);
            let grid = grid(&device, &set);
            let image = heard(&grid, &set);
            let flat = filtered(&flat(&grid, &set, &found.gains), &set, &found);
            for (spectrum, power) in SPECTRA {
                for (mix_name, mix, most) in &mixes {
                    let lu = |heard: &[[Vec<Complex>; 2]; INPUTS]| {
                        db(loudness::energy(bins(&set), 0..bins(&set).count(), EVERY, power, |bin| {
                            loudness::heard_power(heard, mix, bin)
                        }))
                    };
                    let off = lu(&flat) - lu(&image);
                    assert!(off.abs() < most + phases, "{name}, {spectrum}, {mix_name}: {off:+.2} LU");
                }
            }
        }
    }
}
