//! The synthesized instruments of the held-out sets: none of them is used where parameters are chosen.

use std::f32::consts::TAU;

use crate::signal::{Noise, RATE};

/// Seconds since a note began, from frames.
fn seconds(n: usize) -> f32 {
    n as f32 / RATE as f32
}

/// Semitones above `root_hz`.
fn pitch(root_hz: f32, semitones: f32) -> f32 {
    root_hz * 2f32.powf(semitones / 12.0)
}

/// Notes of `length` frames on average, each added by `play(out, semitones, noise)` from its start on.
fn melody(frames: usize, seed: u64, length: f32, mut play: impl FnMut(&mut [f32], f32, &mut Noise)) -> Vec<f32> {
    const MINOR: [f32; 8] = [0.0, 2.0, 3.0, 5.0, 7.0, 8.0, 10.0, 12.0];
    let mut noise = Noise::new(seed);
    let mut out = vec![0.0; frames];
    let (mut start, mut degree) = (0, 3i32);
    while start < frames {
        degree = (degree + (2.99 * noise.next()) as i32).clamp(0, 7);
        play(&mut out[start..], MINOR[degree as usize], &mut noise);
        start += (length * (0.5 + noise.next().abs())) as usize;
    }
    out
}

/// Frequency-modulated tines in three-part chords (an electric piano).
pub fn electric_piano(frames: usize, seed: u64) -> Vec<f32> {
    melody(frames, seed, 26_000.0, |out, semitones, noise| {
        let velocity = 0.6 + 0.4 * noise.next();
        for interval in [0.0, 3.0, 7.0] {
            let hz = pitch(164.8, semitones + interval);
            for (n, sample) in out.iter_mut().enumerate().take(90_000) {
                let t = seconds(n);
                let index = 1.6 * velocity * (-t * 4.0).exp();
                let tine = 0.3 * (TAU * 14.0 * hz * t).sin() * (-t * 25.0).exp();
                *sample += velocity * (-t * 1.8).exp() * ((TAU * hz * t + index * (TAU * hz * t).sin()).sin() + tine);
            }
        }
    })
}

/// Inharmonic partials of struck metal.
pub fn bells(frames: usize, seed: u64) -> Vec<f32> {
    const PARTIALS: [(f32, f32); 6] = [(0.5, 1.0), (1.0, 0.8), (1.19, 0.6), (1.5, 0.5), (2.0, 0.6), (2.74, 0.35)];
    melody(frames, seed, 40_000.0, |out, semitones, noise| {
        let hz = pitch(523.3, semitones);
        let phase = noise.next();
        for (n, sample) in out.iter_mut().enumerate().take(140_000) {
            let t = seconds(n);
            for (ratio, level) in PARTIALS {
                *sample += level * (TAU * (ratio * hz * t + phase)).sin() * (-t * (0.8 + ratio)).exp();
            }
        }
    })
}

/// Three detuned saws a note through a moving low-pass (bowed strings).
pub fn strings(frames: usize, seed: u64, root_hz: f32) -> Vec<f32> {
    melody(frames, seed, 52_000.0, |out, semitones, noise| {
        const LENGTH: usize = 64_000;
        for detune in [-0.07, 0.0, 0.06] {
            let hz = pitch(root_hz, semitones + detune);
            let (mut phase, mut low, rate) = (noise.next().abs(), 0.0, 4.5 + noise.next());
            for (n, sample) in out.iter_mut().enumerate().take(LENGTH) {
                let t = seconds(n);
                phase += hz * (1.0 + 0.004 * (TAU * rate * t).sin()) / RATE as f32;
                phase -= phase.floor();
                let bow = (t / 0.12).min((seconds(LENGTH) - t) / 0.2).clamp(0.0, 1.0);
                low += (0.08 + 0.25 * bow) * (2.0 * phase - 1.0 + 0.1 * noise.next() - low);
                *sample += bow * low;
            }
        }
    })
}

/// A few harmonics and breath.
pub fn flute(frames: usize, seed: u64) -> Vec<f32> {
    melody(frames, seed, 18_000.0, |out, semitones, noise| {
        const LENGTH: usize = 17_000;
        let hz = pitch(587.3, semitones);
        let (mut phase, mut breath) = (0.0f32, [0.0f32; 2]);
        for (n, sample) in out.iter_mut().enumerate().take(LENGTH) {
            let t = seconds(n);
            let blow = (t / 0.05).min((seconds(LENGTH) - t) / 0.06).clamp(0.0, 1.0);
            phase += hz * (1.0 + 0.006 * blow * (TAU * 5.4 * t).sin()) / RATE as f32;
            phase -= phase.floor();
            let white = noise.next();
            breath = [breath[0] + 0.3 * (white - breath[0]), breath[1] + 0.05 * (white - breath[1])];
            let tone = (TAU * phase).sin() + 0.4 * (2.0 * TAU * phase).sin() + 0.12 * (3.0 * TAU * phase).sin();
            *sample += blow * (tone + 0.5 * (breath[0] - breath[1]));
        }
    })
}

/// A plucked bass: a saw whose low-pass closes.
pub fn bass(frames: usize, seed: u64) -> Vec<f32> {
    melody(frames, seed, 13_000.0, |out, semitones, noise| {
        let hz = pitch(55.0, semitones);
        let (mut phase, mut low) = (noise.next().abs(), [0.0; 2]);
        for (n, sample) in out.iter_mut().enumerate().take(20_000) {
            let t = seconds(n);
            phase += hz / RATE as f32;
            phase -= phase.floor();
            let open = 0.02 + 0.25 * (-t * 14.0).exp();
            low[0] += open * (2.0 * phase - 1.0 - low[0]);
            low[1] += open * (low[0] - low[1]);
            *sample += low[1] * (-t * 3.0).exp() * (t / 0.002).min(1.0);
        }
    })
}

/// Shaker, wood block and hand drum on an uneven beat.
pub fn percussion(frames: usize, seed: u64) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    let mut out = vec![0.0; frames];
    let (mut start, mut hit) = (0usize, 0usize);
    while start < frames {
        let (accent, mut last) = (0.5 + 0.5 * noise.next().abs(), [0.0f32; 2]);
        for (n, sample) in out[start..].iter_mut().enumerate().take(16_000) {
            let t = seconds(n);
            let white = noise.next();
            *sample += 0.2 * accent * (white - 2.0 * last[0] + last[1]) * (t / 0.015).min(1.0) * (-t * 60.0).exp();
            last = [white, last[0]];
            match hit % 7 {
                0 | 4 => *sample += (TAU * (140.0 - 40.0 * t.min(0.2)) * t).sin() * (-t * 16.0).exp(),
                2 | 5 => *sample += 0.6 * ((TAU * 880.0 * t).sin() + (TAU * 1_370.0 * t).sin()) * (-t * 55.0).exp(),
                _ => {}
            }
        }
        hit += 1;
        start += if hit.is_multiple_of(2) { 7_400 } else { 5_100 };
    }
    out
}
