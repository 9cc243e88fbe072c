//! Finite impulse responses nearest to a wanted response, by weighted least squares.

use super::fir::{Bins, delay_phasor, inverse};
use crate::acoustics::Complex;

/// Diagonal loading re the mean weight: keeps bands without weight from ruling the solution.
const LOADING: f64 = 1e-7;

/// The filter of `taps` that minimizes Σ w(f)·|H(f) − `wanted`(f)·e^{−jω·`delay`}|² over all bins.
///
/// The normal equations are symmetric Toeplitz, since the weights are real; they are solved by Levinson's recursion in
/// O(taps²). `weights` must be positive somewhere; bins need at least 2·`taps` samples.
pub fn fit(wanted: &[Complex], weights: &[f64], bins: Bins, taps: usize, delay: usize) -> Vec<f64> {
    let weighted: Vec<Complex> = wanted
        .iter()
        .zip(weights)
        .enumerate()
        .map(|(bin, (h, w))| h * delay_phasor(bins, bin, delay as f64) * *w)
        .collect();
    let weights: Vec<Complex> = weights.iter().map(|w| Complex::from(*w)).collect();
    let mut autocorrelation = inverse(&weights, bins);
    autocorrelation[0] *= 1.0 + LOADING;
    levinson(&autocorrelation[..taps], &inverse(&weighted, bins)[..taps])
}

/// Solves T x = b with T symmetric Toeplitz, positive definite, first row `row` (Golub & Van Loan, alg. 4.7.2).
fn levinson(row: &[f64], b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let mut x = Vec::with_capacity(n);
    // y solves the Yule–Walker equations of the order reached, with row[0] taken out.
    let r = |i: usize| row[i] / row[0];
    let mut y: Vec<f64> = Vec::with_capacity(n);
    let mut beta = 1.0;
    x.push(b[0] / row[0]);
    if n > 1 {
        y.push(-r(1));
    }
    for k in 1..n {
        let alpha = y[k - 1];
        beta *= 1.0 - alpha * alpha;
        let sum: f64 = (0..k).map(|i| r(i + 1) * x[k - 1 - i]).sum();
        let mu = (b[k] / row[0] - sum) / beta;
        for i in 0..k {
            x[i] += mu * y[k - 1 - i];
        }
        x.push(mu);
        if k + 1 < n {
            let sum: f64 = (0..k).map(|i| r(i + 1) * y[k - 1 - i]).sum();
            let alpha = -(r(k + 1) + sum) / beta;
            for i in 0..k / 2 {
                let (a, z) = (y[i], y[k - 1 - i]);
                (y[i], y[k - 1 - i]) = (a + alpha * z, z + alpha * a);
            }
            if k % 2 == 1 {
                y[k / 2] *= 1.0 + alpha;
            }
            y.push(alpha);
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::super::fir::response;
    use super::*;

    const BINS: Bins = Bins { length: 1024, sample_rate_hz: 48_000.0 };

    #[test]
    fn the_recursion_solves_the_system() {
        let n = 23;
        let row: Vec<f64> = (0..n).map(|i| 0.9f64.powi(i) * (0.3 * f64::from(i)).cos()).collect();
        let b: Vec<f64> = (0..n).map(|i| f64::from(i * i % 7) - 3.0).collect();
        let x = levinson(&row, &b);
        for (i, b) in b.iter().enumerate() {
            let got: f64 = x.iter().enumerate().map(|(j, x)| row[i.abs_diff(j)] * x).sum();
            assert!((got - b).abs() < 1e-9, "row {i}: {got} instead of {b}");
        }
        assert_eq!(levinson(&[2.0], &[3.0]), [1.5]);
    }

    #[test]
    fn a_filter_that_fits_is_found_again() {
        let filter: Vec<f64> = (0..64).map(|i| (1.7 * f64::from(i)).sin() * 0.9f64.powi(i)).collect();
        let weights: Vec<f64> = (0..BINS.count()).map(|bin| 1.0 / (1.0 + bin as f64)).collect();
        let got = fit(&response(&filter, BINS), &weights, BINS, 64, 0);
        filter.iter().zip(got).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a} and {b}"));
    }

    #[test]
    fn weight_buys_accuracy() {
        // An abrupt band limit does not fit into 32 taps.
        let wanted: Vec<Complex> = (0..BINS.count()).map(|b| Complex::from(f64::from(u8::from(b < 100)))).collect();
        let error_below = |weight: f64| {
            let weights: Vec<f64> = (0..BINS.count()).map(|b| if b < 100 { weight } else { 1.0 }).collect();
            let got = response(&fit(&wanted, &weights, BINS, 32, 16), BINS);
            (0..100).map(|b| (got[b] - wanted[b] * delay_phasor(BINS, b, 16.0)).norm_sqr()).sum::<f64>()
        };
        assert!(error_below(100.0) < 0.1 * error_below(1.0));
    }
}
