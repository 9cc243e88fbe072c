//! From complex responses to finite impulse responses, and what is in them.

use std::f64::consts::TAU;

use rustfft::algorithm::Radix4;
use rustfft::{Fft, FftDirection};

use super::{HIGHEST_PART, LOWEST_HZ};
use crate::acoustics::{Complex, phasor};
use crate::dsp::raised_cosine;

/// Bins 0…N/2 of a real filter's response at a sample rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bins {
    /// Transform length N, a power of two.
    pub length: usize,
    /// Sample rate, Hz.
    pub sample_rate_hz: f64,
}

impl Bins {
    /// Bins fine enough to design filters of `taps`.
    pub fn for_taps(taps: usize, sample_rate_hz: f64) -> Self {
        Self { length: (4 * taps).next_power_of_two().max(4096), sample_rate_hz }
    }

    /// N/2 + 1.
    pub fn count(&self) -> usize {
        self.length / 2 + 1
    }

    /// The frequency a bin is solved at: beyond its ends a response keeps the value there, in level.
    pub fn solved_hz(&self, bin: usize) -> f64 {
        let highest = (HIGHEST_PART * (self.count() - 1) as f64) as usize;
        self.frequency_hz(bin.min(highest)).max(LOWEST_HZ)
    }

    /// Frequency of a bin, Hz.
    pub fn frequency_hz(&self, bin: usize) -> f64 {
        bin as f64 * self.sample_rate_hz / self.length as f64
    }
}

/// Where the main peak of a filter of `taps` lies.
pub fn modelling_delay(taps: usize) -> usize {
    taps / 4
}

/// A filter of `taps` with the given response, delayed by `delay` samples; its ends are faded.
pub fn realize(response: &[Complex], bins: Bins, taps: usize, delay: usize) -> Vec<f64> {
    let circular = inverse(response, bins);
    let n = bins.length;
    let (fade_in, faded) = (delay / 2, taps / 4);
    (0..taps)
        .map(|i| {
            let rise = if i < fade_in { (i as f64 + 0.5) / fade_in as f64 } else { 1.0 };
            circular[(n + i - delay) % n] * rise * fade_out(taps - i, faded)
        })
        .collect()
}

/// Fourier transform in place, not normalized. All lengths here are powers of two: rustfft's planner would bring its
/// algorithms for all other lengths into the program, a quarter of a megabyte.
fn transform(spectrum: &mut [Complex], direction: FftDirection) {
    Radix4::new(spectrum.len(), direction).process(spectrum);
}

/// Gain of the sample that has `left` samples up to a filter's end, itself among them, where the last `faded` are faded out.
pub fn fade_out(left: usize, faded: usize) -> f64 {
    raised_cosine((left as f64 - 0.5) / faded.max(1) as f64)
}

/// Real circular impulse response of a half spectrum; the ends of the spectrum are made real.
pub fn inverse(response: &[Complex], bins: Bins) -> Vec<f64> {
    let n = bins.length;
    let mut spectrum = vec![Complex::ZERO; n];
    spectrum[..=n / 2].copy_from_slice(response);
    spectrum[0] = Complex::from(spectrum[0].re);
    spectrum[n / 2] = Complex::from(spectrum[n / 2].re);
    for bin in 1..n / 2 {
        spectrum[n - bin] = spectrum[bin].conj();
    }
    transform(&mut spectrum, FftDirection::Inverse);
    spectrum.iter().map(|v| v.re / n as f64).collect()
}

/// Response of a filter at all bins.
pub fn response(filter: &[f64], bins: Bins) -> Vec<Complex> {
    let mut spectrum = vec![Complex::ZERO; bins.length];
    // A filter longer than the transform wraps around: its response at the bins stays exact.
    filter.iter().enumerate().for_each(|(i, v)| spectrum[i % bins.length] += v);
    transform(&mut spectrum, FftDirection::Forward);
    spectrum.truncate(bins.count());
    spectrum
}

/// Phase in rad of the minimum-phase system with these magnitudes at all bins (real cepstrum; Oppenheim & Schafer).
pub fn minimum_phase(magnitudes: &[f64], bins: Bins) -> Vec<f64> {
    let n = bins.length;
    let floor = magnitudes.iter().fold(0.0f64, |a, b| a.max(*b)) * 1e-5 + 1e-300;
    let logs: Vec<Complex> = magnitudes.iter().map(|m| Complex::from(m.max(floor).ln())).collect();
    let cepstrum = inverse(&logs, bins);
    let mut folded = vec![Complex::ZERO; n];
    folded[0] = Complex::from(cepstrum[0]);
    folded[n / 2] = Complex::from(cepstrum[n / 2]);
    for i in 1..n / 2 {
        folded[i] = Complex::from(2.0 * cepstrum[i]);
    }
    transform(&mut folded, FftDirection::Forward);
    folded[..bins.count()].iter().map(|v| v.im).collect()
}

/// Phases, rad, without their jumps by 2π: each within π of the one before it, the first within π of 0.
pub fn unwrapped(phases: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut last = 0.0;
    phases
        .map(|phase| {
            last = phase - TAU * ((phase - last) / TAU).round();
            last
        })
        .collect()
}

/// One filter after another.
pub fn convolved(a: &[f64], b: &[f64]) -> Vec<f64> {
    let length = a.len() + b.len();
    let bins = Bins { length: length.next_power_of_two(), sample_rate_hz: 1.0 };
    let product: Vec<Complex> = response(a, bins).iter().zip(response(b, bins)).map(|(a, b)| a * b).collect();
    let mut samples = inverse(&product, bins);
    samples.truncate(length.saturating_sub(1));
    samples
}

/// Index of the largest sample by magnitude.
pub fn peak_index(filter: &[f64]) -> usize {
    (0..filter.len()).max_by(|a, b| filter[*a].abs().total_cmp(&filter[*b].abs())).unwrap_or(0)
}

/// Energy earlier than 0.5 ms before the main peak, re all of it, dB.
pub fn early_energy_db(filter: &[f64], sample_rate_hz: f64) -> f64 {
    let before = peak_index(filter).saturating_sub((0.5e-3 * sample_rate_hz).round() as usize);
    let energy = |part: &[f64]| part.iter().map(|v| v * v).sum::<f64>();
    10.0 * ((energy(&filter[..before]) + 1e-30) / (energy(filter) + 1e-30)).log10()
}

/// e^{−jω·delay} at a bin.
pub fn delay_phasor(bins: Bins, bin: usize, delay: f64) -> Complex {
    phasor(-2.0 * std::f64::consts::PI * bin as f64 * delay / bins.length as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_filter_after_another_is_their_convolution() {
        let samples = convolved(&[1.0, 2.0, -1.0], &[0.5, 0.0, 0.0, 3.0]);
        let exact = [0.5, 1.0, -0.5, 3.0, 6.0, -3.0];
        assert_eq!(samples.len(), exact.len());
        assert!(samples.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-12), "{samples:?}");
    }

    const BINS: Bins = Bins { length: 4096, sample_rate_hz: 48_000.0 };

    #[test]
    fn a_realized_response_is_the_response() {
        let wanted: Vec<Complex> =
            (0..BINS.count()).map(|b| Complex::from(1.0) / Complex::new(1.0, BINS.frequency_hz(b) / 3000.0)).collect();
        let filter = realize(&wanted, BINS, 512, 128);
        let got = response(&filter, BINS);
        for bin in [10, 100, 500, 1500] {
            assert!((got[bin] / delay_phasor(BINS, bin, 128.0) - wanted[bin]).norm() < 5e-3, "bin {bin}");
        }
    }

    #[test]
    fn minimum_phase_of_a_one_pole_is_its_phase() {
        let pole: Vec<Complex> =
            (0..BINS.count()).map(|b| (Complex::ONE - delay_phasor(BINS, b, 1.0) * 0.8).inv()).collect();
        let magnitudes: Vec<f64> = pole.iter().map(|h| h.norm()).collect();
        let phase = minimum_phase(&magnitudes, BINS);
        pole.iter().zip(phase).for_each(|(h, p)| assert!((h.arg() - p).abs() < 1e-6));
    }
}
