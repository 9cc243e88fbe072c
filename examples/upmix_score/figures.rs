//! The figures of the table.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use crate::signal::RATE;

pub fn power(signal: &[f32]) -> f64 {
    signal.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / signal.len().max(1) as f64
}

pub fn db(ratio: f64) -> f64 {
    10.0 * (ratio + 1e-30).log10()
}

fn inner(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Scale-invariant signal-to-distortion ratio, dB (Le Roux et al. 2019).
pub fn si_sdr_db(estimate: &[f32], truth: &[f32]) -> f64 {
    let scale = inner(estimate, truth) / inner(truth, truth);
    let target = scale * scale * inner(truth, truth);
    db(target / (inner(estimate, estimate) - target))
}

/// Mean magnitude of the correlation within windows of 85 ms, those 50 dB below the loudest left out.
pub fn windowed_correlation(a: &[f32], b: &[f32]) -> f64 {
    let frames = (0.085 * RATE as f32) as usize;
    let windows: Vec<(f64, f64, f64)> = a
        .chunks_exact(frames)
        .zip(b.chunks_exact(frames))
        .map(|(a, b)| (inner(a, a), inner(b, b), inner(a, b)))
        .collect();
    let loudest = windows.iter().map(|(a, b, _)| (a * b).sqrt()).fold(0.0, f64::max);
    let kept: Vec<f64> = windows
        .iter()
        .filter(|(a, b, _)| (a * b).sqrt() > 1e-5 * loudest)
        .map(|(a, b, cross)| (cross / (a * b).sqrt()).abs())
        .collect();
    kept.iter().sum::<f64>() / kept.len().max(1) as f64
}

/// Spectra of Hann windows of `size` frames, a quarter apart: `[frame][bin]`.
fn spectrogram(signal: &[f32], size: usize) -> Vec<Vec<Complex<f32>>> {
    let fft = FftPlanner::new().plan_fft_forward(size);
    let window: Vec<f32> =
        (0..size).map(|n| 0.5 - 0.5 * (std::f32::consts::TAU * n as f32 / size as f32).cos()).collect();
    (0..signal.len().saturating_sub(size))
        .step_by(size / 4)
        .map(|start| {
            let mut frame: Vec<Complex<f32>> =
                signal[start..].iter().zip(&window).map(|(x, weight)| Complex::new(x * weight, 0.0)).collect();
            fft.process(&mut frame);
            frame.truncate(size / 2);
            frame
        })
        .collect()
}

/// How much of `stems[1]` and `stems[2]` is in `estimate`, against their own power, dB.
///
/// The estimate is taken apart by least squares over all stems in tiles of 8 frames (43 ms) by an eighth of the
/// spectrum's ERB-like bands: what a time-varying filter passes of each.
pub fn leakage_db(estimate: &[f32], stems: &[&[f32]; 4]) -> f64 {
    const SIZE: usize = 1024;
    const FRAMES: usize = 8;
    let estimate = spectrogram(estimate, SIZE);
    let stems = stems.map(|stem| spectrogram(stem, SIZE));
    let edges = band_edges(SIZE / 2);
    let mut sides = Sides::default();
    for start in (0..estimate.len().saturating_sub(FRAMES)).step_by(FRAMES) {
        for band in edges.windows(2) {
            let cells = (start..start + FRAMES).flat_map(|frame| (band[0]..band[1]).map(move |bin| (frame, bin)));
            // Normal equations, real gains.
            let (mut matrix, mut right) = ([[0.0f64; 4]; 4], [0.0f64; 4]);
            for (frame, bin) in cells {
                for (i, row) in matrix.iter_mut().enumerate() {
                    let stem = stems[i][frame][bin];
                    let against = |other: Complex<f32>| f64::from(stem.re * other.re + stem.im * other.im);
                    for (j, element) in row.iter_mut().enumerate() {
                        *element += against(stems[j][frame][bin]);
                    }
                    right[i] += against(estimate[frame][bin]);
                }
            }
            sides.add(matrix, right);
        }
    }
    sides.db()
}

/// The same in windows of 85 ms, over all frequencies at once.
pub fn windowed_leakage_db(estimate: &[f32], stems: &[&[f32]; 4]) -> f64 {
    let frames = (0.085 * RATE as f32) as usize;
    let mut sides = Sides::default();
    for start in (0..estimate.len().saturating_sub(frames)).step_by(frames) {
        let window = start..start + frames;
        let stems = stems.map(|stem| &stem[window.clone()]);
        let matrix = stems.map(|a| stems.map(|b| inner(a, b)));
        sides.add(matrix, stems.map(|stem| inner(stem, &estimate[window.clone()])));
    }
    sides.db()
}

/// Power of the two side stems: what of it is in the estimate, and all of it.
#[derive(Default)]
struct Sides {
    leaked: f64,
    whole: f64,
}

impl Sides {
    /// Takes in one piece, by its normal equations over all stems.
    fn add(&mut self, mut matrix: [[f64; 4]; 4], right: [f64; 4]) {
        let powers = [matrix[1][1], matrix[2][2]];
        let trace: f64 = (0..4).map(|i| matrix[i][i]).sum();
        (0..4).for_each(|i| matrix[i][i] += 1e-6 * trace + 1e-12);
        let gains = solve(matrix, right);
        self.leaked += gains[1] * gains[1] * powers[0] + gains[2] * gains[2] * powers[1];
        self.whole += powers[0] + powers[1];
    }

    fn db(&self) -> f64 {
        db(self.leaked / self.whole)
    }
}

/// Bands of a quarter octave, at least eight bins each.
fn band_edges(bins: usize) -> Vec<usize> {
    let mut edges = vec![0];
    let mut edge = 8;
    while edge < bins {
        edges.push(edge);
        edge += (edge / 5).max(8);
    }
    edges.push(bins);
    edges
}

/// Gaussian elimination of a positive definite system.
fn solve(mut matrix: [[f64; 4]; 4], mut right: [f64; 4]) -> [f64; 4] {
    for pivot in 0..4 {
        for row in pivot + 1..4 {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot];
            matrix[row].iter_mut().zip(above).for_each(|(element, above)| *element -= factor * above);
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..4).rev() {
        let known: f64 = (row + 1..4).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// Log of the kurtosis of the power spectrum's bins over time, mean from 200 Hz to 10 kHz: raw fourth moment over the
/// squared second, in which musical noise, isolated short tones, stands out (after Uemura et al. 2008).
pub fn log_kurtosis(signal: &[f32]) -> f64 {
    const SIZE: usize = 1024;
    let spectra = spectrogram(signal, SIZE);
    let bin = |hz: f64| (hz * SIZE as f64 / f64::from(RATE)) as usize;
    let range = bin(200.0)..bin(10_000.0);
    let count = range.len() as f64;
    range
        .map(|bin| {
            let moment = |order: i32| {
                spectra.iter().map(|frame| f64::from(frame[bin].norm_sqr()).powi(order)).sum::<f64>()
                    / spectra.len() as f64
            };
            (moment(4) / moment(2).powi(2)).ln()
        })
        .sum::<f64>()
        / count
}
