//! Judging what was played: jumps in a tone, exact alignment, spectra.

use std::f64::consts::TAU;

use realfft::RealFftPlanner;

/// Frames at which a steady tone of `frequency_hz` is broken: dropped, repeated or altered samples.
///
/// A sampled sine obeys x[n] = 2·cos(ω)·x[n−1] − x[n−2] whatever its amplitude and phase; where the residual of this
/// exceeds `tolerance` times the tone's amplitude, something was cut. Breaks closer than 64 frames count once. One
/// dropped sample of a 997 Hz tone at 48 kHz gives a residual above 0.008, wherever it falls.
pub fn breaks_in_tone(signal: &[f64], frequency_hz: f64, rate_hz: u32, tolerance: f64) -> Vec<usize> {
    let factor = 2.0 * (TAU * frequency_hz / f64::from(rate_hz)).cos();
    let amplitude = signal.iter().fold(0.0, |peak: f64, x| peak.max(x.abs()));
    let mut breaks: Vec<usize> = Vec::new();
    let mut last = None;
    for (i, x) in signal.windows(3).enumerate() {
        if (x[2] - factor * x[1] + x[0]).abs() > tolerance * amplitude {
            if last.is_none_or(|l| i > l + 64) {
                breaks.push(i + 2);
            }
            last = Some(i);
        }
    }
    breaks
}

/// Where `needle` (one value a frame) begins in `haystack`, bit for bit; looks at its first `probe` values only.
pub fn find_exact(haystack: &[i32], needle: &[i32], probe: usize) -> Option<usize> {
    let probe = &needle[..probe.min(needle.len())];
    let first = *probe.first()?;
    (0..=haystack.len().checked_sub(probe.len())?)
        .find(|&at| haystack[at] == first && haystack[at..at + probe.len()] == *probe)
}

/// The magnitudes of a Hann-windowed stretch, in dBFS: a sine of amplitude 1 on a bin is 0. Bin k is k·rate/length Hz.
pub fn spectrum_dbfs(signal: &[f64]) -> Vec<f64> {
    let length = signal.len();
    let hann = |n: usize| 0.5 - 0.5 * (TAU * n as f64 / length as f64).cos();
    let mut windowed: Vec<f64> = signal.iter().enumerate().map(|(n, x)| x * hann(n)).collect();
    let fft = RealFftPlanner::new().plan_fft_forward(length);
    let mut bins = fft.make_output_vec();
    fft.process(&mut windowed, &mut bins).expect("lengths from the plan itself");
    let scale = 4.0 / length as f64; // the window's mean is one half
    bins.iter().map(|bin| 20.0 * (bin.norm() * scale).max(1e-20).log10()).collect()
}

/// The loudest bin further than `apart_hz` from `frequency_hz`: its frequency and level.
pub fn loudest_apart(signal: &[f64], rate_hz: u32, frequency_hz: f64, apart_hz: f64) -> (f64, f64) {
    let bin_hz = f64::from(rate_hz) / signal.len() as f64;
    let spectrum = spectrum_dbfs(signal);
    let apart = spectrum.into_iter().enumerate().map(|(k, level)| (k as f64 * bin_hz, level));
    let apart = apart.filter(|(f, _)| (f - frequency_hz).abs() > apart_hz);
    apart.fold((0.0, f64::NEG_INFINITY), |best, bin| if bin.1 > best.1 { bin } else { best })
}

/// Total harmonic distortion and noise of a tone, in dB against it: all from 20 Hz on that is further than 20 Hz from it.
pub fn thd_n_db(signal: &[f64], rate_hz: u32, frequency_hz: f64) -> f64 {
    let bin_hz = f64::from(rate_hz) / signal.len() as f64;
    let (mut tone, mut rest) = (0.0, 0.0);
    for (k, level_db) in spectrum_dbfs(signal).into_iter().enumerate() {
        let power = 10.0_f64.powf(level_db / 10.0);
        match k as f64 * bin_hz {
            f if (f - frequency_hz).abs() <= 20.0 => tone += power,
            f if f >= 20.0 => rest += power,
            _ => {}
        }
    }
    10.0 * (rest / tone).log10()
}

/// The greatest step between neighbors.
pub fn steepest(signal: &[f64]) -> f64 {
    signal.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max)
}

/// Root of the mean square.
pub fn rms(signal: &[f64]) -> f64 {
    (signal.iter().map(|x| x * x).sum::<f64>() / signal.len().max(1) as f64).sqrt()
}
