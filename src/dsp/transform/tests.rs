use super::complex::V;
use super::*;

fn noise(seed: usize, count: usize) -> Vec<f32> {
    (0..count).map(|n| ((n * 7919 + seed * 104_729 + n * n * 31) % 2003) as f32 / 1001.0 - 1.0).collect()
}

/// The definition: the value at e^(2πj(bin + ¼)/B).
fn value(coefficients: &[[f64; 2]], bin: usize) -> [f64; 2] {
    let mut sum = [0.0; 2];
    for (n, [re, im]) in coefficients.iter().enumerate() {
        let (sin, cos) = (2.0 * PI * n as f64 * (bin as f64 + 0.25) / coefficients.len() as f64).sin_cos();
        sum = [sum[0] + re * cos - im * sin, sum[1] + re * sin + im * cos];
    }
    sum
}

/// Bins to judge: all of short transforms, some of long ones.
fn some(bins: usize) -> impl Iterator<Item = usize> {
    (0..bins).step_by((bins / 64).max(1)).chain([1, bins / 2 - 1, bins / 2, bins - 1])
}

struct Keep<'a>(&'a mut [Bins]);

impl Sink for Keep<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, vector: usize, value: V<S>) {
        store(simd, value, &mut self.0[vector]);
    }
}

#[test]
fn every_length_and_level_gives_the_values_at_the_roots_in_order() {
    for bins in [16, 32, 64, 128, 256, 512, 1024, 2048] {
        let samples = noise(bins, bins);
        let exact: Vec<[f64; 2]> = samples.iter().map(|&sample| [f64::from(sample), 0.0]).collect();
        let doubles: Vec<f64> = samples.iter().map(|&sample| f64::from(sample)).collect();
        let in_double = spectrum_f64(&doubles, bins);
        for level in Level::available() {
            let mut transform = Transform::new(level, bins);
            let stride = 3;
            let mut spectrum = vec![Bins::default(); bins / 8 * stride];
            transform.forward(Real(&samples), &mut spectrum, stride);
            let scale = (bins as f64).sqrt();
            for bin in some(bins) {
                let (place, lane) = (place(bin / 8, bins / 8), bin % 8);
                let vector = spectrum[place * stride];
                let [re, im] = value(&exact, bin);
                let error = (f64::from(vector.re[lane]) - re).hypot(f64::from(vector.im[lane]) - im);
                assert!(error < 2e-6 * scale, "{}, {bins} bins, bin {bin}: off by {error}", level.name());
                let in_double = in_double[8 * place + lane];
                let error = (in_double[0] - re).hypot(in_double[1] - im);
                assert!(error < 1e-11 * scale, "{bins} bins, bin {bin} in double precision: off by {error}");
            }
        }
    }
}

#[test]
fn the_inverse_gives_back_every_coefficient() {
    for bins in [16, 32, 64, 128, 256, 512, 1024, 2048] {
        let samples = noise(bins + 1, bins);
        for level in Level::available() {
            let mut transform = Transform::new(level, bins);
            let mut spectrum = vec![Bins::default(); bins / 8];
            let mut back = spectrum.clone();
            transform.forward(Real(&samples), &mut spectrum, 1);
            transform.inverse(&spectrum, Keep(&mut back));
            for (n, &sample) in samples.iter().enumerate() {
                let (re, im) = (back[n / 8].re[n % 8] / bins as f32, back[n / 8].im[n % 8] / bins as f32);
                assert!((re - sample).abs() < 2e-6, "{}, {bins} bins, {n}: {re}, not {sample}", level.name());
                assert!(im.abs() < 2e-6, "{}, {bins} bins, {n}: {im} beside it", level.name());
            }
        }
    }
}
