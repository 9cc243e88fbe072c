//! A sound to tell drivers apart by: like noise, within a band, and silent at both ends.

use std::f64::consts::TAU;

use super::raised_cosine;

/// Enough, and unevenly enough spaced, to sound like noise instead of a chord.
const PARTIALS: usize = 48;
/// Length of the fades. They widen the line of each partial …
const FADE_S: f64 = 0.15;
/// … which is 80 dB down this far from it.
const MARGIN_HZ: f64 = 25.0;

/// A burst of `frames` frames at `rate_hz` whose largest sample is `peak`, the same at each call. It fades in and out on
/// raised cosines; what is outside of `band_hz`, low and high, is 60 dB down: it is made of partials of equal power an octave,
/// at frequencies and phases as if at random. A band too narrow for that gets the one tone in its middle.
pub fn burst(band_hz: [f64; 2], rate_hz: u32, frames: usize, peak: f32) -> Vec<f32> {
    let rate_hz = f64::from(rate_hz);
    let (low, high) = (band_hz[0] + MARGIN_HZ, band_hz[1].min(0.49 * rate_hz) - MARGIN_HZ);
    let middle = (band_hz[0] * band_hz[1]).sqrt();
    let (low, high) = if low < high { (low, high) } else { (middle, middle) };
    let mut state = 1u32;
    // Numerical Recipes' linear congruential generator, in [0, 1[.
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / 2f64.powi(32)
    };
    let mut sum = vec![0.0f64; frames];
    for partial in 0..PARTIALS {
        let frequency_hz = low * (high / low).powf((partial as f64 + random()) / PARTIALS as f64);
        let (mut im, mut re) = (TAU * random()).sin_cos();
        let (sin, cos) = (TAU * frequency_hz / rate_hz).sin_cos();
        for sample in &mut sum {
            *sample += im;
            (re, im) = (re * cos - im * sin, re * sin + im * cos);
        }
    }
    let fade_frames = ((FADE_S * rate_hz) as usize).min(frames / 2);
    for n in 0..fade_frames {
        let gain = raised_cosine(n as f64 / fade_frames as f64);
        sum[n] *= gain;
        sum[frames - 1 - n] *= gain;
    }
    let most = sum.iter().fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()));
    sum.into_iter().map(|v| (f64::from(peak) / most * v) as f32).collect()
}

#[cfg(test)]
mod tests {
    use realfft::RealFftPlanner;

    use super::*;

    #[test]
    fn it_keeps_within_its_band_and_its_peak() {
        for (band_hz, rate_hz) in [([500.0, 4000.0], 48_000), ([40.0, 160.0], 44_100), ([2500.0, 10_000.0], 96_000)] {
            let sound = burst(band_hz, rate_hz, 7 * rate_hz as usize / 10, 0.06);
            let peak = sound.iter().fold(0.0f32, |most, v| most.max(v.abs()));
            assert!((peak - 0.06).abs() < 1e-6, "{peak}");
            assert_eq!((sound[0], sound[sound.len() - 1]), (0.0, 0.0));
            let mut padded: Vec<f64> = sound.iter().map(|v| f64::from(*v)).collect();
            padded.resize(1 << 17, 0.0);
            let fft = RealFftPlanner::new().plan_fft_forward(padded.len());
            let mut bins = fft.make_output_vec();
            fft.process(&mut padded, &mut bins).unwrap();
            let bin_hz = f64::from(rate_hz) / padded.len() as f64;
            let energy = |is_inside: bool| -> f64 {
                let of = |k: &usize| (band_hz[0]..band_hz[1]).contains(&(*k as f64 * bin_hz)) == is_inside;
                (0..bins.len()).filter(of).map(|k| bins[k].norm_sqr()).sum()
            };
            let outside_db = 10.0 * (energy(false) / energy(true)).log10();
            assert!(outside_db < -60.0, "{band_hz:?}: {outside_db} dB beyond the band");
        }
    }

    #[test]
    fn no_band_and_no_length_is_too_odd() {
        for (band_hz, frames) in [([500.0, 500.0], 100), ([1000.0, 500.0], 3), ([0.0, 0.0], 1), ([10.0, 90_000.0], 0)] {
            let sound = burst(band_hz, 8000, frames, 0.1);
            assert!(sound.len() == frames && sound.iter().all(|v| v.abs() <= 0.1 + 1e-6));
        }
    }
}
