//! What every stem needs: noise, levels, another rate, reverberation.

use std::path::Path;

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

pub const RATE: u32 = 48_000;

/// Scaled to unit power.
pub fn normalized(mut signal: Vec<f32>) -> Vec<f32> {
    let power = signal.iter().map(|&x| f64::from(x * x)).sum::<f64>() / signal.len().max(1) as f64;
    let gain = if power > 0.0 { (1.0 / power.sqrt()) as f32 } else { 0.0 };
    signal.iter_mut().for_each(|x| *x *= gain);
    signal
}

/// A reproducible source of noise (xorshift).
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Noise {
        Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in ±1.
    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// Normal, unit variance (sum of twelve).
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.next()).sum::<f32>() * 0.5
    }
}

/// The channels of a 16-bit file at its own rate; none where it can't be read.
pub fn read_wav(path: &Path) -> (Vec<Vec<f32>>, u32) {
    let Ok(mut reader) = hound::WavReader::open(path) else { return (Vec::new(), RATE) };
    let (channels, rate) = (usize::from(reader.spec().channels), reader.spec().sample_rate);
    let samples: Vec<f32> =
        reader.samples::<i16>().map_while(Result::ok).map(|sample| f32::from(sample) / 32768.0).collect();
    let channel = |index: usize| samples.iter().skip(index).step_by(channels).copied().collect();
    ((0..channels).map(channel).collect(), rate)
}

/// To 48 kHz by a windowed sinc of 32 zero crossings either side.
pub fn resample(input: &[f32], rate: u32) -> Vec<f32> {
    if rate == RATE {
        return input.to_vec();
    }
    let ratio = f64::from(rate) / f64::from(RATE);
    let cutoff = 0.95 / ratio.max(1.0);
    let reach = (32.0 / cutoff).ceil() as i64;
    (0..(input.len() as f64 / ratio) as usize)
        .map(|n| {
            let at = n as f64 * ratio;
            let middle = at.floor() as i64;
            let taps = (middle - reach + 1..=middle + reach).filter(|&k| k >= 0 && k < input.len() as i64);
            taps.map(|k| {
                let t = at - k as f64;
                let x = std::f64::consts::PI * t * cutoff;
                let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
                let window = 0.5 + 0.5 * (std::f64::consts::PI * t / (reach as f64 + 1.0)).cos();
                f64::from(input[k as usize]) * sinc * window * cutoff
            })
            .sum::<f64>() as f32
        })
        .collect()
}

/// Convolution with a decaying noise of 1.2 s (−60 dB), decorrelated between seeds.
pub fn reverberate(dry: &[f32], seed: u64) -> Vec<f32> {
    let mut noise = Noise::new(seed + 77);
    let tail = (1.2 * RATE as f32) as usize;
    let size = (dry.len() + tail).next_power_of_two();
    let mut planner = FftPlanner::new();
    let transform = |signal: &mut dyn Iterator<Item = f32>, planner: &mut FftPlanner<f32>| {
        let mut spectrum: Vec<Complex<f32>> = signal.map(|x| Complex::new(x, 0.0)).collect();
        spectrum.resize(size, Complex::default());
        planner.plan_fft_forward(size).process(&mut spectrum);
        spectrum
    };
    let mut response = (0..tail).map(|n| noise.normal() * (-6.9 * n as f32 / tail as f32).exp());
    let filter = transform(&mut response, &mut planner);
    let mut spectrum = transform(&mut dry.iter().copied(), &mut planner);
    spectrum.iter_mut().zip(&filter).for_each(|(value, filter)| *value *= filter);
    planner.plan_fft_inverse(size).process(&mut spectrum);
    spectrum[..dry.len()].iter().map(|value| value.re).collect()
}
