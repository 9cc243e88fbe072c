//! The Bessel function J₁, for the circular piston.

use std::f64::consts::PI;

/// From here on the asymptotic series is better than the power series loses digits.
const ASYMPTOTIC_FROM: f64 = 16.0;

/// J₁(x) to about 1e−9, for x ≥ 0.
pub fn j1(x: f64) -> f64 {
    if x < ASYMPTOTIC_FROM { 0.5 * x * power_series(x) } else { asymptotic(x) }
}

/// The directivity of a circular piston, 2 J₁(x)/x with x = k a sin θ; 1 at x = 0.
pub fn piston(x: f64) -> f64 {
    let x = x.abs();
    if x < ASYMPTOTIC_FROM { power_series(x) } else { 2.0 * asymptotic(x) / x }
}

/// 2 J₁(x)/x = Σ (−x²/4)^m / (m! (m+1)!).
fn power_series(x: f64) -> f64 {
    let q = -0.25 * x * x;
    let (mut term, mut sum) = (1.0, 1.0);
    for m in 1..80 {
        let m = f64::from(m);
        term *= q / (m * (m + 1.0));
        sum += term;
        if term.abs() < 1e-17 {
            break;
        }
    }
    sum
}

/// Hankel's expansion (Abramowitz & Stegun 9.2.5), cut at its smallest term.
fn asymptotic(x: f64) -> f64 {
    let (mut p, mut q, mut term) = (1.0, 0.0, 1.0f64);
    for m in 1..12 {
        let odd = 2.0 * f64::from(m) - 1.0;
        let next = term * (4.0 - odd * odd) / (f64::from(m) * 8.0 * x);
        if next.abs() > term.abs() {
            break;
        }
        term = next;
        match m % 4 {
            1 => q += term,
            2 => p -= term,
            3 => q -= term,
            _ => p += term,
        }
    }
    let (sin, cos) = (x - 0.75 * PI).sin_cos();
    (2.0 / (PI * x)).sqrt() * (p * cos - q * sin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_integral_definition() {
        for x in [0.0, 1e-6, 0.3, 1.0, 3.8317, 7.0, 12.0, 15.9, 16.1, 25.0, 60.0] {
            // Bessel's integral by the trapezoidal rule, which converges geometrically for a periodic integrand.
            let n = 400;
            let integral =
                (0..n).map(|i| PI * (f64::from(i) + 0.5) / f64::from(n)).map(|t| (t - x * t.sin()).cos()).sum::<f64>()
                    / f64::from(n);
            assert!((j1(x) - integral).abs() < 2e-9, "J1({x}) = {} but {integral}", j1(x));
            if x > 0.0 {
                assert!((piston(x) - 2.0 * integral / x).abs() < 2e-9);
            }
        }
        assert_eq!(piston(0.0), 1.0);
    }
}
