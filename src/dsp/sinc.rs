//! The windowed sinc: the kernel of interpolation and changes of rate.

use std::f64::consts::PI;

/// `sin(πx)/(πx)` under Kaiser's window of ±`half_width`, which it is 0 beyond; `x` in samples.
pub fn windowed_sinc(x: f64, half_width: f64, beta: f64) -> f64 {
    let phase = PI * x;
    let sinc = if phase.abs() < 1e-9 { 1.0 } else { phase.sin() / phase };
    sinc * kaiser(x / half_width, beta)
}

/// Kaiser's window at `x`, in half-widths from its middle; 0 beyond ±1. `beta` trades the width of the main lobe against the
/// side lobes (Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", ISCAS 1974).
fn kaiser(x: f64, beta: f64) -> f64 {
    let inside = 1.0 - x * x;
    if inside < 0.0 { 0.0 } else { bessel_i0(beta * inside.sqrt()) / bessel_i0(beta) }
}

/// Modified Bessel function of the first kind and order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bessel_function_has_its_tabulated_values() {
        // Abramowitz and Stegun, table 9.8: e^−x·I0(x) at 1 and 10.
        assert!((bessel_i0(1.0) * (-1.0f64).exp() - 0.465_759_607_6).abs() < 1e-10);
        assert!((bessel_i0(10.0) * (-10.0f64).exp() - 0.127_833_337_2).abs() < 1e-10);
    }

    #[test]
    fn the_sinc_is_1_at_0_and_0_at_every_other_sample() {
        assert_eq!(windowed_sinc(0.0, 32.0, 9.0), 1.0);
        assert!((1..40).all(|x| windowed_sinc(f64::from(x), 32.0, 9.0).abs() < 1e-15));
        assert!((windowed_sinc(0.5, 1e6, 9.0) - 2.0 / PI).abs() < 1e-9);
    }

    #[test]
    fn the_window_is_1_in_the_middle_and_small_at_the_ends() {
        assert_eq!(kaiser(0.0, 9.0), 1.0);
        assert!((kaiser(1.0, 9.0) - 1.0 / bessel_i0(9.0)).abs() < 1e-15);
        assert_eq!((kaiser(1.001, 9.0), kaiser(-2.0, 9.0)), (0.0, 0.0));
        assert_eq!(kaiser(0.4, 9.0), kaiser(-0.4, 9.0));
    }
}
