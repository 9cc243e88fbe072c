//! Loudness of what the ears hear, over frequency: ITU-R BS.1770's K weighting, its two ears taken for the channels;
//! and what music is like, for those who need a program.

use std::f64::consts::TAU;
use std::ops::Range;

use crate::acoustics::{Complex, phasor};

use super::evaluate::bands::highest;
use super::filter_set::INPUTS;
use super::fir::Bins;

/// The two sections of the recommendation at 48 kHz, b₀, b₁, b₂, a₁, a₂: a shelf and a high-pass.
const SECTIONS: [[f64; 5]; 2] = [
    [1.535_124_859_586_97, -2.691_696_189_406_38, 1.198_392_810_852_85, -1.690_659_293_182_41, 0.732_480_774_215_85],
    [1.0, -2.0, 1.0, -1.990_047_454_833_98, 0.990_072_250_366_21],
];
const SECTIONS_HZ: f64 = 48_000.0;
/// Below it nothing counts, Hz.
const LOWEST_HZ: f64 = 20.0;
/// Music falls like pink noise up to here and by 3 dB an octave more above, Hz (after Elowsson & Friberg, AES 142, 2017).
const FALLS_FROM_HZ: f64 = 1000.0;

/// The K weighting as a power.
pub fn k_weighting(frequency_hz: f64) -> f64 {
    let z = phasor(-TAU * frequency_hz / SECTIONS_HZ);
    let section = |[b0, b1, b2, a1, a2]: [f64; 5]| {
        (Complex::from(b0) + z * b1 + z * z * b2) / (Complex::ONE + z * a1 + z * z * a2)
    };
    SECTIONS.map(section).iter().map(|h| h.norm_sqr()).product()
}

/// Power of music at a frequency, by hertz.
pub fn music(frequency_hz: f64) -> f64 {
    1.0 / (frequency_hz * (1.0 + frequency_hz / FALLS_FROM_HZ))
}

/// Correlation of L′ with R′, and of L′ + R′ with C: the upmix never finds all of a center, and takes a little of what is
/// no center, so what it leaves is not independent. Means over 40 s each of 116 pieces, from orchestra to rock, of the Debian
/// packages that docs/listening.md names: within 0.07 of these in all octaves from 63 Hz to 8 kHz, and within 0.08 for
/// centers from 20 dB below the sides to 10 dB above them; single pieces differ by 0.12 (standard deviation by octave).
const SIDES_CORRELATION: f64 = -0.2;
const CENTER_CORRELATION: f64 = 0.45;

/// Powers of L′, R′ and C, and what any two have in common: `[i][j]`.
pub type Mix = [[f64; INPUTS]; INPUTS];

/// The center alone.
pub const CENTER: Mix = [[0.0; INPUTS], [0.0; INPUTS], [0.0, 0.0, 1.0]];

/// What the upmix makes of music whose center it finds to have `center` times the power of both sides together.
pub fn music_mix(center: f64) -> Mix {
    let shared = CENTER_CORRELATION * (center * (1.0 + SIDES_CORRELATION)).sqrt();
    [[1.0, SIDES_CORRELATION, shared], [SIDES_CORRELATION, 1.0, shared], [shared, shared, 2.0 * center]]
}

/// Power at both ears at a bin, of the inputs as they are `heard`, `[input][ear][bin]`, in a mix.
pub fn heard_power(heard: &[[Vec<Complex>; 2]; INPUTS], mix: &Mix, bin: usize) -> f64 {
    let of = |ear: usize, i: usize, j: usize| mix[i][j] * (heard[i][ear][bin] * heard[j][ear][bin].conj()).re;
    let pairs = (0..INPUTS).flat_map(|i| (0..INPUTS).map(move |j| (i, j)));
    pairs.map(|(i, j)| of(0, i, j) + of(1, i, j)).sum()
}

/// K-weighted energy of a program of the power `spectrum`, of which `power` arrives at a bin, over those of the bins
/// `within` that are multiples of `every`: 10·log₁₀ of it is its loudness but for a constant.
pub fn energy(
    bins: Bins,
    within: Range<usize>,
    every: usize,
    spectrum: impl Fn(f64) -> f64,
    power: impl Fn(usize) -> f64,
) -> f64 {
    (within.start.next_multiple_of(every)..within.end.min(highest(bins)))
        .step_by(every)
        .map(|bin| (bins.frequency_hz(bin), bin))
        .filter(|(hz, _)| *hz >= LOWEST_HZ)
        .map(|(hz, bin)| spectrum(hz) * k_weighting(hz) * power(bin))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weighting_is_the_recommendation_s() {
        // −3.01 LUFS for 997 Hz at 0 dBFS in one channel: −0.691 − 3.01 + K.
        let db = |hz: f64| 10.0 * k_weighting(hz).log10();
        assert!((db(997.0) - 0.691).abs() < 0.01, "{}", db(997.0));
        assert!((db(10_000.0) - 4.0).abs() < 0.05 && db(38.0) < -5.0, "{} {}", db(10_000.0), db(38.0));
    }
}
