//! What the limiter does to loud masters: of a minute of each piece, mastered to −20, −14 and −8 LUFS, on all shipped
//! profiles. At −8 LUFS beside a limiter of the same look-ahead whose gain returns with one time constant of 80 ms: how even
//! either gain is, and how loud it is at the ears of the designer's head.
//!
//! `cargo run --example loud_masters MUSIC.ogg…`

mod music;

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::ops::Range;
use std::path::{Path, PathBuf};

use music::{JUDGED_S, PROFILES, Sound, Speaker, integrated_lufs};
use spatiald::audio_file::WavWriter;
use spatiald::dsp::LimiterSpec;
use spatiald::dsp::limiter::Limiter;
use spatiald::dsp::sinc::windowed_sinc;
use spatiald::render::Tap;

const MASTERS_LUFS: [f64; 3] = [-20.0, -14.0, -8.0];
/// What is judged of a master: the upmix and the limiter settle first, s.
const SETTLED_S: Range<usize> = 1..60;
/// The fixed release, ms.
const FIXED_MS: f64 = 80.0;
/// Frames between two looks at a gain.
const LOOK_FRAMES: usize = 48;

fn main() -> Result<(), Box<dyn Error>> {
    let pieces: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if pieces.is_empty() {
        return Err("usage: loud_masters MUSIC.ogg…".into());
    }
    let speakers = PROFILES.into_iter().map(Speaker::load).collect::<Result<Vec<_>, _>>()?;
    let folder = tempfile::tempdir()?;
    for piece in &pieces {
        println!("{}", piece.display());
        println!(
            "                reduction, dB: -20, -14, -8 LUFS | deviation in 1 s, dB: mean, largest (80 ms) | LU re 80 ms"
        );
        // What the upmix parts is the mix again: L′ + C, R′ + C.
        let Sound { planes, rate_hz } = speakers[0].played(piece, JUDGED_S, Tap::Upmix, &[])?;
        let [left, right, center] = three(planes)?;
        let sum = |side: Vec<f64>| side.iter().zip(&center).map(|(side, center)| side + center).collect::<Vec<f64>>();
        let mix = [sum(left), sum(right)];
        let masters = MASTERS_LUFS.map(|lufs| {
            let path = folder.path().join(format!("{lufs}.wav"));
            mastered(&mix, lufs, &path, rate_hz).map(|()| path)
        });
        let [quiet, normal, loud] = three(masters.into_iter().collect::<Result<Vec<_>, _>>()?)?;
        for speaker in &speakers {
            let limited = |master: &Path| -> Result<_, Box<dyn Error>> {
                let played = speaker.played(master, SETTLED_S, Tap::Drivers, &[])?;
                let limited = shipped(speaker, &played);
                Ok((played, limited))
            };
            let [(_, quiet), (_, normal), (played, loud)] = [limited(&quiet)?, limited(&normal)?, limited(&loud)?];
            let fixed = fixed(speaker, &played);
            let lufs = |limited: &Limited| integrated_lufs(&speaker.at_ears(&limited.sound), rate_hz);
            let (ours, theirs) = (deviations(&loud), deviations(&fixed));
            println!(
                "  {:<14}{:6.2} {:6.2} {:6.2} | {:5.2} {:5.2} ({:5.2} {:5.2}) | {:+.2}",
                speaker.name,
                mean(&quiet.reductions_db),
                mean(&normal.reductions_db),
                mean(&loud.reductions_db),
                mean(&ours),
                largest(&ours),
                mean(&theirs),
                largest(&theirs),
                lufs(&loud) - lufs(&fixed)
            );
        }
    }
    Ok(())
}

fn three<T>(values: Vec<T>) -> Result<[T; 3], Box<dyn Error>> {
    values.try_into().map_err(|_| "not three".into())
}

/// As loud masters are made: turned up into a clipper with a soft knee, then a limiter with a ceiling of −1 dB true peak,
/// until it has so many LUFS. Written as a WAV file.
fn mastered(mix: &[Vec<f64>; 2], lufs: f64, path: &Path, rate_hz: usize) -> Result<(), Box<dyn Error>> {
    let clipped = |v: f64| if v.abs() <= 0.6 { v } else { v.signum() * (0.6 + 0.6 * ((v.abs() - 0.6) / 0.6).tanh()) };
    let with = |gain_db: f64| {
        let gain = 10f64.powf(gain_db / 20.0);
        let spec = LimiterSpec { ceiling_dbfs: -1.0, lookahead_ms: 5.0, release_ms: 50.0 };
        let mut limiter = Limiter::new(&spec, &[0, 0], rate_hz as u32);
        let mut planes = mix.each_ref().map(|side| side.iter().map(|v| clipped(gain * v) as f32).collect::<Vec<f32>>());
        limiter.process(&mut planes.each_mut().map(Vec::as_mut_slice));
        planes
    };
    let lufs_of = |planes: &[Vec<f32>; 2]| {
        integrated_lufs(&planes.each_ref().map(|plane| plane.iter().map(|v| f64::from(*v)).collect()), rate_hz)
    };
    let (mut low, mut high) = (-40.0, 40.0);
    while high - low > 0.05 {
        let middle = 0.5 * (low + high);
        if lufs_of(&with(middle)) < lufs { low = middle } else { high = middle }
    }
    let planes = with(high);
    if (lufs_of(&planes) - lufs).abs() > 0.1 {
        return Err(format!("no gain makes it {lufs} LUFS").into());
    }
    let mut writer = WavWriter::new(BufWriter::new(File::create(path)?), 2, rate_hz as u32)?;
    let frames = planes[0].len();
    writer.write(&planes, 0..frames)?;
    writer.finish()?;
    Ok(())
}

/// What a limiter let through, and how far it turned down the driver that it turned down most, over time.
struct Limited {
    sound: Sound,
    reductions_db: Vec<f64>,
}

/// The groups of drivers that share a gain.
fn groups(speaker: &Speaker) -> Vec<usize> {
    speaker.profile.chain_spec().drivers.iter().map(|driver| driver.limiter_group).collect()
}

/// By the profile's limiter.
fn shipped(speaker: &Speaker, Sound { planes, rate_hz }: &Sound) -> Limited {
    let mut limiter = Limiter::new(&speaker.profile.limiter, &groups(speaker), *rate_hz as u32);
    let mut planes: Vec<Vec<f32>> = planes.iter().map(|plane| plane.iter().map(|v| *v as f32).collect()).collect();
    let frames = planes.first().map_or(0, Vec::len);
    let mut reductions_db = Vec::new();
    for start in (0..frames).step_by(LOOK_FRAMES) {
        let part = start..(start + LOOK_FRAMES).min(frames);
        limiter.process(&mut planes.iter_mut().map(|plane| &mut plane[part.clone()]).collect::<Vec<_>>());
        let most = (0..planes.len()).map(|driver| limiter.gain_reduction_db(driver)).fold(0.0, f32::max);
        reductions_db.push(f64::from(most));
    }
    let planes = planes.into_iter().map(|plane| plane.into_iter().map(f64::from).collect()).collect();
    Limited { sound: Sound { planes, rate_hz: *rate_hz }, reductions_db }
}

/// By a limiter of the same ceiling and look-ahead, whose gain returns with one time constant.
fn fixed(speaker: &Speaker, Sound { planes, rate_hz }: &Sound) -> Limited {
    let spec = speaker.profile.limiter;
    let frames_of = |ms: f64| 1e-3 * ms * *rate_hz as f64;
    let lookahead = frames_of(f64::from(spec.lookahead_ms)).round() as usize;
    let ceiling = 10f64.powf(f64::from(spec.ceiling_dbfs) / 20.0);
    let groups = groups(speaker);
    let frames = planes.first().map_or(0, Vec::len);
    let sound = Sound { planes: planes.to_vec(), rate_hz: *rate_hz };
    let mut limited = Limited { sound, reductions_db: vec![0.0; frames.div_ceil(LOOK_FRAMES)] };
    for group in 0..=groups.iter().copied().max().unwrap_or(0) {
        let members = || groups.iter().zip(planes).filter(|(of, _)| **of == group).map(|(_, plane)| plane);
        let mut wanted = vec![1.0f64; frames];
        for peaks in members().map(|plane| true_peaks(plane)) {
            wanted.iter_mut().zip(peaks).for_each(|(wanted, peak)| *wanted = wanted.min(ceiling / peak.max(ceiling)));
        }
        let gain = averaged(&released(&lowest_ahead(&wanted, lookahead + 1), frames_of(FIXED_MS)), lookahead);
        for (look, gains) in limited.reductions_db.iter_mut().zip(gain.chunks(LOOK_FRAMES)) {
            *look = gains.iter().fold(*look, |most, gain| most.max(-20.0 * gain.log10()));
        }
        for (_, plane) in groups.iter().zip(&mut limited.sound.planes).filter(|(of, _)| **of == group) {
            plane.iter_mut().zip(&gain).for_each(|(value, gain)| *value *= gain);
        }
    }
    limited
}

/// The largest of each sample and three points on the way to the next.
fn true_peaks(plane: &[f64]) -> Vec<f64> {
    const HALF: usize = 6;
    let kernels = [0.25, 0.5, 0.75].map(|way| {
        let taps: [f64; 2 * HALF] =
            std::array::from_fn(|tap| windowed_sinc(tap as f64 - (HALF - 1) as f64 - way, HALF as f64, 5.0));
        taps
    });
    let mut peaks: Vec<f64> = plane.iter().map(|v| v.abs()).collect();
    for (peak, seen) in peaks[HALF - 1..].iter_mut().zip(plane.windows(2 * HALF)) {
        for kernel in &kernels {
            *peak = peak.max(kernel.iter().zip(seen).map(|(tap, v)| tap * v).sum::<f64>().abs());
        }
    }
    peaks
}

/// The lowest of each value and the `frames` after it.
fn lowest_ahead(values: &[f64], frames: usize) -> Vec<f64> {
    let mut lowest = values.to_vec();
    let mut rising: std::collections::VecDeque<usize> = Default::default();
    for at in (0..values.len()).rev() {
        while rising.back().is_some_and(|&later| values[later] >= values[at]) {
            rising.pop_back();
        }
        rising.push_back(at);
        while rising.front().is_some_and(|&later| later > at + frames) {
            rising.pop_front();
        }
        lowest[at] = rising.front().map_or(values[at], |&later| values[later]);
    }
    lowest
}

/// Returns to 1 with a time constant.
fn released(wanted: &[f64], time_frames: f64) -> Vec<f64> {
    let part = 1.0 - (-1.0 / time_frames).exp();
    let mut gain = 1.0f64;
    let next = |wanted: &f64| {
        gain = wanted.min(gain + part * (1.0 - gain));
        gain
    };
    wanted.iter().map(next).collect()
}

/// Two moving averages, `frames` long together.
fn averaged(values: &[f64], frames: usize) -> Vec<f64> {
    let moving = |values: &[f64], length: usize| -> Vec<f64> {
        let mut sum = length as f64;
        let before = |at: usize| at.checked_sub(length).map_or(1.0, |at| values[at]);
        (0..values.len())
            .map(|at| {
                sum += values[at] - before(at);
                sum / length as f64
            })
            .collect()
    };
    let first = frames.div_ceil(2).max(1);
    moving(&moving(values, first), (frames + 1 - first).max(1))
}

/// Standard deviation of each second.
fn deviations(Limited { sound, reductions_db }: &Limited) -> Vec<f64> {
    let of = |second: &[f64]| mean(&second.iter().map(|db| (db - mean(second)).powi(2)).collect::<Vec<_>>()).sqrt();
    reductions_db.chunks_exact(sound.rate_hz / LOOK_FRAMES).map(of).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
