//! What is left of the cancellation when the drivers are not quite alike.

use std::f64::consts::PI;

use crate::acoustics::Complex;

use super::super::fir::Bins;
use super::bands;
use super::ears::{EarGrid, cancellation};

/// Standard deviations of level (dB) and phase (degrees) between drivers of a kind.
const LEVEL_DB: f64 = 0.5;
const PHASE_DEG: f64 = 4.0;
const DRAWS: usize = 200;
const SEED: u64 = 0x5EED_0F5A_71A1_D0D0;

/// XTC at the design point with random driver errors.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Mismatch {
    /// Half of the devices have more, dB by octave.
    pub median_db: [f64; 6],
    /// Nine of ten devices have more, dB by octave.
    pub tenth_percentile_db: [f64; 6],
}

/// Median and 10th percentile over 200 seeded draws of 0.5 dB and 4° for every driver.
pub fn mismatch(bins: Bins, grid: &EarGrid, left: &[Vec<Complex>], right: &[Vec<Complex>]) -> Mismatch {
    let mut random = Random::new(SEED);
    // What each driver makes at each ear does not change from draw to draw.
    let contributions = |filters: &[Vec<Complex>]| {
        let driver = |(c, h): (&Vec<Complex>, &Vec<Complex>)| c.iter().zip(h).map(|(c, h)| c * h).collect();
        let ear = |ear: usize| grid.0[ear].iter().zip(filters).map(driver).collect();
        EarGrid([ear(0), ear(1)])
    };
    let (from_left, from_right) = (contributions(left), contributions(right));
    let highest = bands::highest(bins);
    let count = left.len();
    let mut draws: Vec<[f64; 6]> = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let errors: Vec<Vec<Complex>> = (0..count)
            .map(|_| {
                let gain = 10f64.powf(LEVEL_DB * random.normal() / 20.0);
                vec![Complex::from_polar(gain, PHASE_DEG.to_radians() * random.normal()); highest]
            })
            .collect();
        // The errors take the place of the filters, the contributions that of the transfers.
        draws.push(cancellation(bins, &from_left.both(&errors), &from_right.both(&errors)));
    }
    let percentile = |part: f64| {
        let mut result = [0.0; 6];
        for (octave, value) in result.iter_mut().enumerate() {
            let mut values: Vec<f64> = draws.iter().map(|d| d[octave]).collect();
            values.sort_by(f64::total_cmp);
            *value = values[((DRAWS - 1) as f64 * part).round() as usize];
        }
        result
    };
    Mismatch { median_db: percentile(0.5), tenth_percentile_db: percentile(0.1) }
}

/// SplitMix64 (Steele, Lea & Flood 2014): the same draws everywhere.
pub struct Random(u64);

impl Random {
    /// Other seeds, other draws.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in (0, 1).
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + 0.5 / (1u64 << 53) as f64
    }

    /// Standard normal (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (2.0 * PI * self.uniform()).cos()
    }
}
