//! One method on one set, and what needs no set.

use crate::figures::{db, leakage_db, log_kurtosis, power, si_sdr_db, windowed_correlation, windowed_leakage_db};
use crate::methods::Method;
use crate::signal::{Noise, RATE};
use crate::stems::StemSet;

/// Center against each side stem, dB.
pub const LEVELS_DB: [f32; 3] = [-6.0, 0.0, 6.0];
/// Ambience of each channel against a side stem, dB.
const AMBIENCE_DB: f32 = -12.0;

/// Figures of one set, or their means over several.
#[derive(Default, Clone)]
pub struct Score {
    /// At each of [`LEVELS_DB`].
    pub sdr_db: [f64; 3],
    /// Means over the levels.
    pub leakage_db: f64,
    pub windowed_leakage_db: f64,
    pub correlation: f64,
    /// The side stems alone: mean and worst, where they are independent.
    pub independent_db: Option<[f64; 2]>,
}

impl Score {
    pub fn mean_sdr_db(&self) -> f64 {
        self.sdr_db.iter().sum::<f64>() / self.sdr_db.len() as f64
    }

    pub fn mean(scores: &[Score]) -> Score {
        let count = scores.len() as f64;
        let mean = |figure: &dyn Fn(&Score) -> f64| scores.iter().map(figure).sum::<f64>() / count;
        let independent: Vec<f64> = scores.iter().filter_map(|score| Some(score.independent_db?[0])).collect();
        let worst = independent.iter().copied().fold(f64::MIN, f64::max);
        Score {
            sdr_db: std::array::from_fn(|level| mean(&|score| score.sdr_db[level])),
            leakage_db: mean(&|score| score.leakage_db),
            windowed_leakage_db: mean(&|score| score.windowed_leakage_db),
            correlation: mean(&|score| score.correlation),
            independent_db: (!independent.is_empty())
                .then(|| [independent.iter().sum::<f64>() / independent.len() as f64, worst]),
        }
    }
}

pub fn score(method: Method, set: &StemSet) -> Score {
    let mut score = Score::default();
    let levels = LEVELS_DB.len() as f64;
    let scaled = |signal: &[f32], gain: f32| signal.iter().map(|x| gain * x).collect::<Vec<f32>>();
    let sum = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f32>>();
    let ambience = set.ambience.each_ref().map(|ambience| scaled(ambience, 0.1 * 10f32.powf(AMBIENCE_DB / 20.0)));
    let sides = [&set.left, &set.right].map(|stem| scaled(stem, 0.1));
    for (level, level_db) in LEVELS_DB.into_iter().enumerate() {
        let truth = scaled(&set.center, 0.1 * 10f32.powf(level_db / 20.0));
        let channel = |side: usize| sum(&truth, &sum(&sides[side], &ambience[side]));
        let (left, right) = (channel(0), channel(1));
        let center = method.center(&left, &right);
        score.sdr_db[level] = si_sdr_db(&center, &truth);
        let both = sum(&ambience[0], &ambience[1]);
        let stems = [&truth[..], &sides[0], &sides[1], &both];
        score.leakage_db += leakage_db(&center, &stems) / levels;
        score.windowed_leakage_db += windowed_leakage_db(&center, &stems) / levels;
        score.correlation += windowed_correlation(&center, &sum(&left, &scaled(&right, -1.0))) / levels;
    }
    if set.independent_sides {
        let center = method.center(&set.left, &set.right);
        score.independent_db = Some([db(power(&center) / (power(&set.left) + power(&set.right))); 2]);
    }
    score
}

/// L′ against L for equal channels.
pub fn mono_residual_db(method: Method) -> f64 {
    let mut noise = Noise::new(5);
    let signal: Vec<f32> = (0..5 * RATE).map(|_| 0.1 * noise.normal()).collect();
    let center = method.center(&signal, &signal);
    let from = RATE as usize / 2;
    let residual: Vec<f32> = signal[from..].iter().zip(&center[from..]).map(|(x, c)| x - c).collect();
    db(power(&residual) / power(&signal))
}

/// Log-kurtosis of C against that of its input, independent white noise in both channels.
pub fn musical_noise(method: Method) -> f64 {
    let mut noise = Noise::new(6);
    let mut channel = || -> Vec<f32> { (0..30 * RATE).map(|_| 0.1 * noise.normal()).collect() };
    let (left, right) = (channel(), channel());
    let center = method.center(&left, &right);
    log_kurtosis(&center[RATE as usize..]) - log_kurtosis(&left)
}
