//! The bands figures are given in, and sums over them.

use crate::acoustics::Complex;

use super::super::fir::Bins;

/// Octave centers, Hz; an octave is fc/√2…fc·√2.
pub const OCTAVES_HZ: [f64; 6] = [250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0];

/// Range of the tone figures, Hz.
const TONE_HZ: (f64, f64) = (200.0, 10_000.0);
/// Range of the level figures, Hz.
const LEVEL_HZ: (f64, f64) = (200.0, 8000.0);

/// Bins `from..to` whose frequency lies in low…high.
pub fn range(bins: Bins, low_hz: f64, high_hz: f64) -> std::ops::Range<usize> {
    let step = bins.frequency_hz(1);
    (low_hz / step).ceil() as usize..((high_hz / step).ceil() as usize).min(bins.count())
}

/// Bins of an octave.
pub fn octave(bins: Bins, center_hz: f64) -> std::ops::Range<usize> {
    range(bins, center_hz / std::f64::consts::SQRT_2, center_hz * std::f64::consts::SQRT_2)
}

/// Highest bin any figure needs.
pub fn highest(bins: Bins) -> usize {
    octave(bins, OCTAVES_HZ[5]).end
}

/// 10·log₁₀.
pub fn db(power: f64) -> f64 {
    10.0 * power.max(1e-30).log10()
}

/// A figure for every octave.
pub fn per_octave(bins: Bins, figure: impl Fn(std::ops::Range<usize>) -> f64) -> [f64; 6] {
    OCTAVES_HZ.map(|center| figure(octave(bins, center)))
}

/// Σ|p|² over bins.
pub fn energy(spectrum: &[Complex], range: std::ops::Range<usize>) -> f64 {
    spectrum.get(range).unwrap_or_default().iter().map(|p| p.norm_sqr()).sum()
}

/// Deviation of one-third-octave energies from a reference about their mean.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Tone {
    /// Root mean square, dB.
    pub rms_db: f64,
    /// Largest magnitude, dB.
    pub max_db: f64,
}

/// Edges in Hz of the third octaves whose centers lie within a range, or no farther outside than half of one.
pub fn thirds((low_hz, high_hz): (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
    let half = 2f64.powf(1.0 / 6.0);
    let centers = (-7..=10).map(|i| 1000.0 * 2f64.powf(f64::from(i) / 3.0));
    centers.filter(move |f| *f > low_hz / half && *f < high_hz * half).map(move |f| (f / half, f * half))
}

/// Tone of a spectrum against a reference, 200 Hz to 10 kHz.
pub fn tone(bins: Bins, spectrum: &[Complex], reference: &[Complex]) -> Tone {
    let deviations: Vec<f64> = thirds(TONE_HZ)
        .map(|(low, high)| range(bins, low, high))
        .map(|r| db(energy(spectrum, r.clone())) - db(energy(reference, r)))
        .collect();
    let mean = deviations.iter().sum::<f64>() / deviations.len() as f64;
    let square: f64 = deviations.iter().map(|d| (d - mean).powi(2)).sum();
    Tone {
        rms_db: (square / deviations.len() as f64).sqrt(),
        max_db: deviations.iter().map(|d| (d - mean).abs()).fold(0.0, f64::max),
    }
}

/// Pink-weighted energy, 200 Hz to 8 kHz: Σ|p|²/f.
pub fn pink_energy(bins: Bins, spectrum: &[Complex]) -> f64 {
    range(bins, LEVEL_HZ.0, LEVEL_HZ.1)
        .filter_map(|bin| spectrum.get(bin).map(|p| p.norm_sqr() / bins.frequency_hz(bin)))
        .sum()
}
