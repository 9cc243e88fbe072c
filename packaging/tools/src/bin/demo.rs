//! `demo FILE.wav`: a short piece that lets a spatial speaker show what it does. Made on the spot, always the same:
//! plucked strings wide to the left and right, a melody in the center, a bass, a soft pad around, a brush on a snare.

use std::error::Error;
use std::f64::consts::{FRAC_PI_2, TAU};

const RATE_HZ: f64 = 48_000.0;
const BEAT_S: f64 = 0.5;
/// Four chords of four notes, as MIDI numbers; two bars of four beats each.
const CHORDS: [[i32; 4]; 4] = [[57, 60, 64, 71], [53, 57, 60, 64], [48, 55, 59, 64], [55, 59, 62, 69]];
/// Melody over the sixteen half bars: beats from the start, note, length in beats.
const MELODY: [(f64, i32, f64); 14] = [
    (4.0, 76, 1.5),
    (5.5, 74, 0.5),
    (6.0, 72, 2.0),
    (8.0, 69, 1.0),
    (9.0, 72, 1.0),
    (10.0, 76, 2.0),
    (12.0, 79, 1.5),
    (13.5, 76, 0.5),
    (16.0, 71, 2.0),
    (18.0, 74, 1.0),
    (19.0, 76, 1.0),
    (20.0, 74, 2.0),
    (24.0, 71, 1.5),
    (28.0, 69, 4.0),
];

/// A small generator of white noise.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

fn frequency_hz(note: i32) -> f64 {
    440.0 * 2f64.powf(f64::from(note - 69) / 12.0)
}

fn frames(seconds: f64) -> usize {
    (seconds * RATE_HZ) as usize
}

/// The piece: two channels that sounds are added to.
struct Piece {
    left: Vec<f64>,
    right: Vec<f64>,
}

impl Piece {
    /// Adds a sound at `start_s`, panned from −1 (left) to 1 (right) at equal power.
    fn add(&mut self, start_s: f64, pan: f64, sound: impl Iterator<Item = f64>) {
        let angle = (pan + 1.0) / 2.0 * FRAC_PI_2;
        let at = frames(start_s);
        for ((left, right), sample) in self.left[at..].iter_mut().zip(&mut self.right[at..]).zip(sound) {
            *left += angle.cos() * sample;
            *right += angle.sin() * sample;
        }
    }
}

/// A plucked string: noise in a damped delay line (Karplus and Strong, Computer Music Journal 7(2), 1983).
fn pluck(note: i32, noise: &mut Noise) -> impl Iterator<Item = f64> + use<> {
    let length = (RATE_HZ / frequency_hz(note)).round() as usize;
    let mut line: Vec<f64> = (0..length).map(|_| noise.next()).collect();
    let mean = line.iter().sum::<f64>() / length as f64; // the string would hold it for long
    line.iter_mut().for_each(|sample| *sample -= mean);
    (0..frames(2.5)).map(move |n| {
        let here = n % length;
        let out = line[here];
        line[here] = 0.498 * (out + line[(here + 1) % length]);
        out * 0.28
    })
}

/// A soft reed: three harmonics, vibrato, and an envelope without corners.
fn reed(note: i32, seconds: f64) -> impl Iterator<Item = f64> {
    let frequency = frequency_hz(note);
    let mut phase = 0.0;
    (0..frames(seconds)).map(move |n| {
        let t = n as f64 / RATE_HZ;
        phase += TAU * frequency * (1.0 + 0.004 * (TAU * 5.2 * t).sin()) / RATE_HZ;
        let envelope = (t / 0.06).min(1.0) * ((seconds - t) / 0.15).clamp(0.0, 1.0);
        0.16 * envelope * (phase.sin() + 0.35 * (2.0 * phase).sin() + 0.15 * (3.0 * phase).sin())
    })
}

/// A sine that dies away: the bass.
fn bass(note: i32) -> impl Iterator<Item = f64> {
    let step = TAU * frequency_hz(note) / RATE_HZ;
    (0..frames(0.9)).map(move |n| {
        let t = n as f64 / RATE_HZ;
        0.3 * (t / 0.01).min(1.0) * (-3.0 * t).exp() * (step * n as f64).sin()
    })
}

/// Filtered noise that swells and goes: one side of the pad's breath, or a brush when short.
fn breath(seconds: f64, level: f64, noise: &mut Noise) -> impl Iterator<Item = f64> {
    let mut low = 0.0;
    (0..frames(seconds)).map(move |n| {
        let shape = (TAU / 2.0 * n as f64 / (seconds * RATE_HZ)).sin().powi(2);
        low += 0.2 * (noise.next() - low);
        level * shape * low
    })
}

fn compose() -> Piece {
    let length = frames(34.0 * BEAT_S);
    let mut piece = Piece { left: vec![0.0; length], right: vec![0.0; length] };
    let mut noise = Noise(0x5eed);
    for (bar, chord) in (0..8).map(|bar| (bar, CHORDS[bar / 2])) {
        let start_s = bar as f64 * 4.0 * BEAT_S;
        for eighth in 0..8 {
            let note = chord[[0, 2, 1, 3, 2, 1, 3, 2][eighth]] + if eighth % 2 == 0 { 0 } else { 12 };
            let pan = if eighth % 2 == 0 { -0.9 } else { 0.9 };
            piece.add(start_s + eighth as f64 * BEAT_S / 2.0, pan, pluck(note, &mut noise));
        }
        for beat in [0.0, 2.0] {
            piece.add(start_s + beat * BEAT_S, 0.0, bass(chord[0] - 24));
            piece.add(start_s + (beat + 1.0) * BEAT_S, 0.15, breath(0.14, 0.5, &mut noise));
        }
        for (pan, note) in [(-1.0, chord[1]), (1.0, chord[2])] {
            piece.add(start_s, pan, reed(note, 4.0 * BEAT_S).map(|sample| 0.25 * sample));
            piece.add(start_s, pan, breath(4.0 * BEAT_S, 0.12, &mut noise));
        }
    }
    for (beat, note, beats) in MELODY {
        piece.add(beat * BEAT_S, 0.0, reed(note, beats * BEAT_S));
    }
    piece
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: demo FILE.wav")?;
    let piece = compose();
    let peak = piece.left.iter().chain(&piece.right).fold(0.0, |peak: f64, sample| peak.max(sample.abs()));
    let gain = 0.7 * f64::from(i16::MAX) / peak;
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: RATE_HZ as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for (left, right) in piece.left.iter().zip(&piece.right) {
        writer.write_sample((gain * left).round() as i16)?;
        writer.write_sample((gain * right).round() as i16)?;
    }
    Ok(writer.finalize()?)
}
