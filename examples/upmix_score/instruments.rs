//! The synthesized instruments of the tuned sets.

use std::f32::consts::TAU;

use crate::signal::{Noise, RATE};

/// Karplus–Strong strings on a random walk over a pentatonic scale.
pub fn plucks(frames: usize, seed: u64, root_hz: f32) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    let scale = [0, 2, 4, 7, 9, 12, 14, 16];
    let mut out = vec![0.0; frames];
    let mut start = (noise.next().abs() * 6000.0) as usize;
    while start < frames {
        let semitone = scale[(noise.next().abs() * 7.99) as usize] as f32;
        let period = (RATE as f32 / (root_hz * 2f32.powf(semitone / 12.0))) as usize;
        let mut string: Vec<f32> = (0..period).map(|_| noise.next()).collect();
        let level = 0.5 + 0.5 * noise.next().abs();
        for (n, sample) in out[start..].iter_mut().enumerate().take(72_000) {
            let (here, next) = (n % period, (n + 1) % period);
            *sample += level * string[here];
            string[here] = 0.997 * (0.5 * string[here] + 0.5 * string[next]);
        }
        start += 4_800 + (noise.next().abs() * 16_000.0) as usize;
    }
    out
}

/// Kick, snare and hi-hat.
pub fn drums(frames: usize, seed: u64) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    let mut out = vec![0.0; frames];
    let beat = 24_000 + (noise.next() * 3_000.0) as usize;
    for (hit, start) in (0..frames).step_by(beat / 4).enumerate() {
        let mut previous = 0.0;
        for (n, sample) in out[start..].iter_mut().enumerate().take(12_000) {
            let t = n as f32 / RATE as f32;
            let white = noise.next();
            *sample += 0.25 * (white - previous) * (-t * 90.0).exp();
            previous = white;
            match hit % 8 {
                0 | 3 => *sample += (TAU * (55.0 * t + 4.0 * (1.0 - (-t * 35.0).exp()))).sin() * (-t * 12.0).exp(),
                4 => *sample += (0.6 * white + 0.4 * (TAU * 185.0 * t).sin()) * (-t * 22.0).exp(),
                _ => {}
            }
        }
    }
    out
}

/// Slow chords of harmonic tones with vibrato.
pub fn organ(frames: usize, seed: u64) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    let chords = [[110.0, 164.8, 220.0, 277.2], [98.0, 146.8, 196.0, 246.9], [130.8, 164.8, 196.0, 261.6]];
    let mut out = vec![0.0; frames];
    let length = 50_000 + (noise.next() * 8_000.0) as usize;
    for (index, chunk) in out.chunks_mut(length).enumerate() {
        let count = chunk.len() as f32;
        for root in chords[(index + seed as usize) % 3] {
            for harmonic in 1..=8 {
                let (mut phase, rate) = (noise.next(), 5.0 + noise.next());
                for (n, sample) in chunk.iter_mut().enumerate() {
                    let t = n as f32 / RATE as f32;
                    phase += root * harmonic as f32 * (1.0 + 0.003 * (TAU * rate * t).sin()) / RATE as f32;
                    phase -= phase.floor();
                    let edge = (n as f32 / 3_000.0).min((count - n as f32) / 3_000.0).min(1.0);
                    *sample += edge * (TAU * phase).sin() / (harmonic as f32).powf(1.2);
                }
            }
        }
    }
    out
}
