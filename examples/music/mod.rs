//! Music on the shipped profiles, as it arrives at the ears of the designer's head: what the examples that measure it share.

use std::error::Error;
use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use spatiald::acoustics::{Complex, Listener};
use spatiald::audio_file::WavReader;
use spatiald::config::controls::Controls;
use spatiald::config::{Change, Settings};
use spatiald::design::evaluate::ears::{EarGrid, sum_of_products};
use spatiald::design::fir::{self, Bins};
use spatiald::design::{Device, folder};
use spatiald::dsp::biquad::{Biquad, BiquadKind, BiquadSpec};
use spatiald::profile::Profile;
use spatiald::render::{Request, Tap, render};

pub const PROFILES: [&str; 9] =
    ["pair", "pair-wide", "pair-room", "cylinder", "cylinder-wide", "cylinder-room", "bar", "bar-wide", "bar-room"];
/// The minute of a piece that is judged, or as much of it as there is, s.
pub const JUDGED_S: Range<usize> = 10..70;
/// Points of the transfers to the ears.
const TRANSFORM: usize = 2048;

/// Channels of equal length.
pub struct Sound {
    pub planes: Vec<Vec<f64>>,
    pub rate_hz: usize,
}

/// A shipped profile and the device it was made for.
pub struct Speaker {
    pub name: &'static str,
    pub profile: Profile,
    pub device: Device,
}

impl Speaker {
    pub fn load(name: &'static str) -> Result<Speaker, Box<dyn Error>> {
        let profile = Profile::load(&Path::new("conf/profiles").join(name))?;
        let device = folder::in_order_of(&profile, &Device::load(&profile.folder.join("device.toml"))?)?;
        Ok(Speaker { name, profile, device })
    }

    /// What a part of a piece is at a tap, with settings and without the limiter, at the piece's rate.
    pub fn played(&self, piece: &Path, part_s: Range<usize>, tap: Tap, set: &[&str]) -> Result<Sound, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let output = folder.path().join("out.wav");
        let request = Request {
            profile: &self.profile,
            input: piece,
            output: &output,
            limiter: false,
            tap,
            aim: None,
            controls: controls(set)?,
            stop: None,
        };
        render(&request, &mut |_| ControlFlow::Continue(()))?;
        let mut reader = WavReader::new(File::open(&output)?)?;
        let (channels, rate_hz) = (reader.format().channels, reader.format().sample_rate_hz as usize);
        let mut planes = vec![Vec::new(); channels];
        let mut values = Vec::new();
        let mut at = 0;
        while at < part_s.end * rate_hz && reader.read(4096, &mut values)? > 0 {
            for frame in values.chunks_exact(channels) {
                if at >= part_s.start * rate_hz {
                    planes.iter_mut().zip(frame).for_each(|(plane, value)| plane.push(*value));
                }
                at += 1;
            }
        }
        Ok(Sound { planes, rate_hz })
    }

    /// What the drivers' signals make at both ears: overlap-add.
    pub fn at_ears(&self, Sound { planes, rate_hz }: &Sound) -> [Vec<f64>; 2] {
        let (device, rate_hz) = (&self.device, *rate_hz as f64);
        let short = Bins { length: TRANSFORM, sample_rate_hz: rate_hz };
        let long = Bins { length: 32 * TRANSFORM, sample_rate_hz: rate_hz };
        let step = long.length - TRANSFORM;
        let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
        let transfers = EarGrid::new(&device.drivers, &device.listener.head, &listener, short).0.map(|drivers| {
            let response = |mut transfer: Vec<Complex>| {
                transfer.resize(short.count(), Complex::ZERO);
                fir::response(&fir::inverse(&transfer, short), long)
            };
            drivers.into_iter().map(response).collect::<Vec<_>>()
        });
        let frames = planes.first().map_or(0, Vec::len);
        let mut ears = [0, 1].map(|_| vec![0.0; frames + long.length]);
        for start in (0..frames).step_by(step) {
            let part = start..(start + step).min(frames);
            let spectra: Vec<Vec<Complex>> =
                planes.iter().map(|plane| fir::response(&plane[part.clone()], long)).collect();
            for (ear, transfers) in ears.iter_mut().zip(&transfers) {
                let heard = fir::inverse(&sum_of_products(transfers, &spectra), long);
                ear[start..].iter_mut().zip(heard).for_each(|(sum, value)| *sum += value);
            }
        }
        ears.map(|mut ear| {
            ear.truncate(frames);
            ear
        })
    }
}

fn controls(set: &[&str]) -> Result<Controls, Box<dyn Error>> {
    let mut settings = Settings::default();
    for change in set {
        settings.change(&change.parse::<Change>()?);
    }
    Ok(settings.controls_over(&Settings::default()))
}

/// BS.1770: K weighting, blocks of 400 ms that overlap by three quarters, gated at −77 LUFS and at 10 LU below what is left.
/// The first gate is lower than the recommendation's, because the ears hear less than full scale; only silence is below it.
pub fn integrated_lufs(channels: &[Vec<f64>; 2], rate_hz: usize) -> f64 {
    let weighted = channels.each_ref().map(|channel| k_weighted(channel, rate_hz));
    let (block, hop) = (2 * rate_hz / 5, rate_hz / 10);
    let power = |start: usize| {
        let sum = |channel: &Vec<f64>| channel[start..start + block].iter().map(|v| v * v).sum::<f64>();
        weighted.iter().map(sum).sum::<f64>() / block as f64
    };
    let last = weighted[0].len().saturating_sub(block);
    let powers: Vec<f64> = (0..last).step_by(hop).map(power).collect();
    let mean_over = |gate: f64| {
        let loud: Vec<f64> = powers.iter().copied().filter(|power| *power > gate).collect();
        loud.iter().sum::<f64>() / loud.len().max(1) as f64
    };
    -0.691 + 10.0 * mean_over(0.1 * mean_over(0.25e-7)).max(1e-30).log10()
}

/// A channel through BS.1770's two filters.
pub fn k_weighted(channel: &[f64], rate_hz: usize) -> Vec<f64> {
    let shelf = BiquadSpec { kind: BiquadKind::HighShelf, frequency_hz: 1681.97, q: 0.707_18, gain_db: 3.999_8 };
    let high_pass = BiquadSpec { kind: BiquadKind::HighPass, frequency_hz: 38.1355, q: 0.500_33, gain_db: 0.0 };
    let mut weighted = channel.to_vec();
    for section in [shelf, high_pass] {
        Biquad::new(section.coefficients(rate_hz as u32)).process_f64(&mut weighted);
    }
    weighted
}
