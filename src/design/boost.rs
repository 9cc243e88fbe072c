//! No filter asks for more than an amplifier has.

use super::Spectra;
use super::fir::Bins;

/// No filter is louder than its program's median by more than this, dB; see [`ceiling`].
const MAX_BOOST_DB: f64 = 24.0;
/// End of the third octave at 10 kHz. Above it no filter is louder than below: treble that a cabinet shadows would
/// only keep the limiter busy.
const BOOST_UP_TO_HZ: f64 = 11_225.0;

/// Where a level would need more than any amplifier has, it is missed instead.
pub fn limit(spectra: &mut Spectra, bins: Bins) {
    let loudest = |spectra: &Spectra, bin: usize| spectra.iter().map(|s| s[bin].norm()).fold(0.0, f64::max);
    let levels = (1..bins.count())
        .filter(|b| (200.0..5000.0).contains(&bins.frequency_hz(*b)))
        .map(|b| loudest(spectra, b))
        .collect();
    let Some(ceiling) = ceiling(levels) else { return };
    let mut highest = 0.0f64;
    for bin in 0..bins.count() {
        let level = loudest(spectra, bin);
        let ceiling = if bins.frequency_hz(bin) <= BOOST_UP_TO_HZ {
            highest = highest.max(level.min(ceiling));
            ceiling
        } else {
            highest
        };
        if level > ceiling {
            spectra.iter_mut().for_each(|s| s[bin] *= ceiling / level);
        }
    }
}

/// [`MAX_BOOST_DB`] over the median of `levels`; `None` of none.
pub fn ceiling(mut levels: Vec<f64>) -> Option<f64> {
    levels.sort_by(f64::total_cmp);
    levels.get(levels.len() / 2).map(|median| median * 10f64.powf(MAX_BOOST_DB / 20.0))
}
