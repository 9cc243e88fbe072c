//! Stems whose truth is known: voices by espeak-ng, synthesized plucks, drums and instruments, ambience, real tracks.

use std::f32::consts::TAU;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

pub const RATE: u32 = 48_000;

/// A center, a stem for either side and the ambience of both, each at unit power.
pub struct StemSet {
    pub name: String,
    pub center: Vec<f32>,
    pub left: Vec<f32>,
    pub right: Vec<f32>,
    pub ambience: [Vec<f32>; 2],
}

impl StemSet {
    /// The five stems at −20 dB as channels of a 32-bit float file.
    pub fn write(&self, path: &Path) -> Result<(), hound::Error> {
        let spec = hound::WavSpec {
            channels: 5,
            sample_rate: RATE,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(path, spec)?;
        for n in 0..self.center.len() {
            for stem in [&self.center, &self.left, &self.right, &self.ambience[0], &self.ambience[1]] {
                writer.write_sample(0.1 * stem[n])?;
            }
        }
        writer.finalize()
    }
}

/// The sets: four synthesized, two of voices alone, and two of real tracks where the system has any.
pub fn all(seconds: f32) -> Vec<StemSet> {
    let frames = (seconds * RATE as f32) as usize;
    let voice = |voice: &str, text: usize| speak(voice, text, frames);
    let mut sets = vec![
        set("voice, plucks", voice("en-us", 0), plucks(frames, 1, 196.0), plucks(frames, 2, 261.6)),
        set("voice, drums + organ", voice("en-us+f3", 1), drums(frames, 3), organ(frames, 4)),
        set("voice, organ + plucks", voice("de", 2), organ(frames, 5), plucks(frames, 6, 220.0)),
        set("plucks, drums + organ", plucks(frames, 7, 329.6), drums(frames, 8), organ(frames, 9)),
        set("three voices", voice("en-us+m7", 0), voice("fr", 3), voice("en-us+f2", 1)),
        set("voice, drums + voice", voice("fr+f4", 3), drums(frames, 10), voice("en-us", 1)),
    ];
    let tracks = tracks(frames, 4);
    for (index, pair) in tracks.chunks_exact(2).enumerate() {
        let name = format!("voice, {} + {}", pair[0].0, pair[1].0);
        let center = voice(["en-us+f2", "de+m3"][index % 2], index + 1);
        sets.push(set(&name, center, pair[0].1.clone(), pair[1].1.clone()));
    }
    sets
}

fn set(name: &str, center: Vec<f32>, left: Vec<f32>, right: Vec<f32>) -> StemSet {
    let [center, left, right] = [center, left, right].map(normalized);
    let dry: Vec<f32> = (0..center.len()).map(|n| center[n] + left[n] + right[n]).collect();
    let ambience = [1, 2].map(|seed| normalized(reverberate(&dry, seed)));
    StemSet { name: name.into(), center, left, right, ambience }
}

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

const TEXTS: [&str; 4] = [
    "The quick brown fox jumps over the lazy dog, while seven wizards quietly mix a very strange potion in the \
     kitchen. Nobody expected the storm to reach the harbor before noon, yet here it is.",
    "She sells sea shells by the sea shore. A single voice in the middle of the room should stay there, whatever \
     plays on either side of it, and it should sound like itself.",
    "Der schnelle braune Fuchs springt über den faulen Hund, und im Hafen warten die Schiffe auf den Wind. \
     Niemand hat den Sturm erwartet, aber nun ist er da.",
    "Le renard brun saute par dessus le chien paresseux, et dans le port les bateaux attendent le vent. Personne \
     n'attendait la tempête avant midi.",
];

/// A sentence, repeated to the length. Without espeak-ng: a buzz with moving formants.
fn speak(voice: &str, text: usize, frames: usize) -> Vec<f32> {
    let path = std::env::temp_dir().join(format!("upmix-score-{}-{text}.wav", std::process::id()));
    let spoken = Command::new("espeak-ng").args(["-v", voice, "-w"]).arg(&path).arg(TEXTS[text]).status();
    let samples = match spoken {
        Ok(status) if status.success() => read_wav(&path),
        _ => Vec::new(),
    };
    std::fs::remove_file(&path).ok();
    if samples.is_empty() {
        eprintln!("espeak-ng is missing: a synthetic buzz stands in for voice {voice}");
        return buzz(frames, text as u64 + 20);
    }
    samples.iter().copied().cycle().take(frames).collect()
}

fn read_wav(path: &Path) -> Vec<f32> {
    let Ok(mut reader) = hound::WavReader::open(path) else { return Vec::new() };
    let rate = reader.spec().sample_rate;
    let samples: Vec<f32> =
        reader.samples::<i16>().map_while(Result::ok).map(|sample| f32::from(sample) / 32768.0).collect();
    resample(&samples, rate)
}

/// To 48 kHz by a windowed sinc of 32 zero crossings either side.
fn resample(input: &[f32], rate: u32) -> Vec<f32> {
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

/// Karplus–Strong strings on a random walk over a pentatonic scale.
fn plucks(frames: usize, seed: u64, root_hz: f32) -> Vec<f32> {
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
fn drums(frames: usize, seed: u64) -> Vec<f32> {
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
fn organ(frames: usize, seed: u64) -> Vec<f32> {
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

fn buzz(frames: usize, seed: u64) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    let (mut phase, mut pitch, mut low) = (0.0, 120.0, [0.0; 2]);
    (0..frames)
        .map(|n| {
            if n % 9_600 == 0 {
                pitch = 110.0 + 30.0 * noise.next();
            }
            phase = (phase + pitch / RATE as f32) % 1.0;
            let formant = 500.0 + 400.0 * (n as f32 / 7_000.0).sin();
            low[0] += (2.0 * phase - 1.0 - low[0]) * formant / RATE as f32 * 6.0;
            low[1] += (low[0] - low[1]) * 0.3;
            low[1] * (0.5 + 0.5 * (n as f32 / 11_000.0).sin()).powi(2)
        })
        .collect()
}

/// Convolution with a decaying noise of 1.2 s (−60 dB), decorrelated between seeds.
fn reverberate(dry: &[f32], seed: u64) -> Vec<f32> {
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

/// The first `count` Ogg tracks below /usr/share that are long enough: their mono sum from 20 s on.
fn tracks(frames: usize, count: usize) -> Vec<(String, Vec<f32>)> {
    let mut paths = Vec::new();
    for folder in ["asc", "singularity", "games", "sounds", "planetblupi"] {
        find_ogg(&Path::new("/usr/share").join(folder), &mut paths);
    }
    find_ogg(Path::new("/usr/share/games"), &mut paths);
    paths.sort();
    paths.dedup();
    let mut found = Vec::new();
    for path in paths {
        if let Some(samples) = decode(&path, frames) {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            found.push((name, samples));
            if found.len() == count {
                break;
            }
        }
    }
    if found.len() < count {
        eprintln!("no Ogg music found: `apt install asc-music` adds sets of real tracks");
    }
    found
}

fn find_ogg(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_ogg(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "ogg") {
            paths.push(path);
        }
    }
}

/// By vorbis-tools: 20 s in, mono sum.
fn decode(path: &Path, frames: usize) -> Option<Vec<f32>> {
    if File::open(path).ok()?.metadata().ok()?.len() < 500_000 {
        return None;
    }
    let wav = std::env::temp_dir().join(format!("upmix-score-{}.wav", std::process::id()));
    let status = Command::new("oggdec").args(["-Q", "-o"]).arg(&wav).arg(path).status().ok()?;
    let reader = hound::WavReader::open(&wav);
    std::fs::remove_file(&wav).ok();
    let mut reader = reader.ok().filter(|_| status.success())?;
    let spec = reader.spec();
    let (channels, rate) = (usize::from(spec.channels), spec.sample_rate as usize);
    let samples: Vec<f32> =
        reader.samples::<i16>().map_while(Result::ok).map(|sample| f32::from(sample) / 32768.0).collect();
    let needed = frames * rate / RATE as usize + 1;
    let mono: Vec<f32> = samples
        .chunks_exact(channels)
        .skip(20 * rate)
        .take(needed)
        .map(|frame| frame.iter().sum::<f32>() / channels as f32)
        .collect();
    let mut mono = resample(&mono, spec.sample_rate);
    (mono.len() + 100 >= frames).then(|| {
        mono.resize(frames, 0.0);
        mono
    })
}
