//! Signals to play, and files to play them from.

use std::f64::consts::TAU;
use std::path::Path;

/// How a WAV file stores its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wav {
    Int16,
    Int24,
    Float,
}

/// A sine that starts at zero, `amplitude` at full scale = 1.
pub fn tone(frequency_hz: f64, amplitude: f64, rate_hz: u32, frames: usize) -> Vec<f32> {
    let step = TAU * frequency_hz / f64::from(rate_hz);
    (0..frames).map(|n| (amplitude * (step * n as f64).sin()) as f32).collect()
}

/// White noise of uniform distribution within ± `amplitude`; the same for the same `seed`.
pub fn noise(seed: u64, amplitude: f64, frames: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..frames).map(|_| (amplitude * (2.0 * next() - 1.0)) as f32).collect()
}

/// Something like music, in stereo: a phantom-center voice, two panned arpeggios, reverb-like noise apart on both
/// sides, percussive bursts near full scale, and rests. Left and right.
pub fn music(rate_hz: u32, frames: usize) -> (Vec<f32>, Vec<f32>) {
    let rate = f64::from(rate_hz);
    let (wet_left, wet_right) = (noise(11, 1.0, frames), noise(12, 1.0, frames));
    let beat = rate * 0.25;
    let scale = [220.0, 261.63, 329.63, 392.0, 440.0, 523.25, 659.26, 783.99];
    let sample = |n: usize| {
        let t = n as f64 / rate;
        let note = (n as f64 / beat) as usize;
        let age = (n as f64 % beat) / rate;
        let decay = (-age * 8.0).exp();
        let rest = if note % 32 > 28 { 0.0 } else { 1.0 };
        let voice = 0.2 * (TAU * 180.0 * t + 2.0 * (TAU * 5.0 * t).sin()).sin() * (0.6 + 0.4 * (TAU * 0.7 * t).sin());
        let plucked =
            |frequency: f64| 0.18 * decay * ((TAU * frequency * t).sin() + 0.4 * (TAU * 3.0 * frequency * t).sin());
        let (first, second) = (plucked(scale[note % 8]), plucked(scale[(note * 3 + 2) % 8] * 2.0));
        let burst = if note.is_multiple_of(4) { 0.5 * (-age * 60.0).exp() } else { 0.0 };
        let (wl, wr) = (f64::from(wet_left[n]), f64::from(wet_right[n]));
        let left = voice + first + 0.3 * second + 0.02 * wl + burst * wl;
        let right = voice + 0.3 * first + second + 0.02 * wr + burst * wl;
        ((rest * left) as f32, (rest * right) as f32)
    };
    (0..frames).map(sample).unzip()
}

/// Writes channels of equal length.
pub fn write_wav(path: &Path, rate_hz: u32, wav: Wav, channels: &[&[f32]]) {
    let (bits_per_sample, sample_format) = match wav {
        Wav::Int16 => (16, hound::SampleFormat::Int),
        Wav::Int24 => (24, hound::SampleFormat::Int),
        Wav::Float => (32, hound::SampleFormat::Float),
    };
    let spec = hound::WavSpec { channels: channels.len() as u16, sample_rate: rate_hz, bits_per_sample, sample_format };
    let mut writer = hound::WavWriter::create(path, spec).expect("a WAV file");
    let full_scale = f64::from(1u32 << (bits_per_sample - 1));
    for n in 0..channels[0].len() {
        for channel in channels {
            match sample_format {
                hound::SampleFormat::Float => writer.write_sample(channel[n]),
                hound::SampleFormat::Int => {
                    let step = (f64::from(channel[n]) * full_scale).round().clamp(-full_scale, full_scale - 1.0);
                    writer.write_sample(step as i32)
                }
            }
            .expect("room on the disk");
        }
    }
    writer.finalize().expect("room on the disk");
}
