//! A profile at another rate than its own.
//!
//! A FIR is the sampled impulse response of a band-limited filter: `h(t) = Σ h[k]·sinc(t·f − k)`. Sampled anew at the
//! rate `f′` and scaled by `f/f′` it has the same frequency response up to the lower of both Nyquist frequencies
//! (Oppenheim & Schafer, "Discrete-Time Signal Processing", impulse invariance). The sinc is windowed by a Kaiser window
//! and cut off at the lower Nyquist frequency.

use std::path::Path;

use super::coefficients::read_tied;
use super::error::ProfileError;
use super::rtf::{fold, pack, trimmed};
use super::validate::MAX_DELAY_FRAMES;
use super::{Form, Profile};
use crate::dsp::limits::{INPUTS, MAX_TAPS, SAMPLE_RATES_HZ};
use crate::dsp::sinc::windowed_sinc;
use crate::source::is_there;

/// Half the kernel's length, in frames of the slower rate.
const HALF_WIDTH: f64 = 40.0;
/// Kaiser window: 100 dB of rejection; at ±[`HALF_WIDTH`] the response is flat to 0.46 of the slower rate.
const KAISER_BETA: f64 = 10.06;
/// Leading frames of all FIRs are dropped while the energy in them is this small beside the whole: −110 dB.
const NEGLIGIBLE_HEAD: f64 = 1e-11;

impl Profile {
    /// The same profile at another rate: with the coefficients of `coefficients-RATE.wav` where the folder has them,
    /// else with its own, resampled (within 0.1 dB to 20 kHz). All delays keep their time to a fraction of a frame.
    ///
    /// # Errors
    /// A rate beyond 8000…192000 Hz, a bad `coefficients-RATE.wav`, FIRs that grow beyond 8192 taps.
    pub fn at_rate(&self, rate_hz: u32) -> Result<Profile, ProfileError> {
        at_rate(self, rate_hz)
    }
}

fn at_rate(profile: &Profile, rate_hz: u32) -> Result<Profile, ProfileError> {
    if rate_hz == profile.sample_rate_hz {
        return Ok(profile.clone());
    }
    if !SAMPLE_RATES_HZ.contains(&rate_hz) {
        return Err(ProfileError::Rate { rate_hz });
    }
    let path = profile.folder.join(format!("coefficients-{rate_hz}.wav"));
    let own_path = profile.folder.join("coefficients.wav");
    let drivers = profile.drivers.len();
    let mut other = profile.clone();
    // A profile that was never in a folder has no other files.
    let stored_rate_hz = if profile.folder != Path::new("") && is_there(&path)? {
        other.coefficients = read_tied(&path, &profile.files, drivers, rate_hz)?;
        rate_hz
    } else {
        profile.sample_rate_hz
    };
    let scale = f64::from(rate_hz) / f64::from(profile.sample_rate_hz);
    let split = |frames: usize| {
        let exact = frames as f64 * scale;
        (exact.floor() as usize, exact.fract())
    };

    // What is left of a delay beyond whole frames goes into the FIRs: half a frame would fill a null at 10 kHz.
    let mut own_rest = [None; INPUTS];
    if let Form::Rtf(own) = &mut other.form
        && stored_rate_hz == rate_hz
    {
        for (own, rest) in own.iter_mut().zip(&mut own_rest) {
            let (frames, fraction) = split(own.delay_frames);
            own.delay_frames = frames;
            *rest = Some((own.driver, fraction));
        }
    }
    let full = fold(&other, if stored_rate_hz == rate_hz { &path } else { &own_path })?;
    let mut rests = Vec::with_capacity(INPUTS * drivers);
    for (input, own) in own_rest.iter().enumerate() {
        let (_, path_rest) = split(profile.path_delay_frames[input]);
        for (index, driver) in profile.drivers.iter().enumerate() {
            let (_, driver_rest) = split(driver.delay_frames);
            let own_rest = own.filter(|own| own.0 == index).map_or(0.0, |own| own.1);
            rests.push(path_rest + driver_rest + own_rest);
        }
    }
    let firs: Vec<&[f32]> = full.samples().chunks_exact(full.taps()).collect();
    let resampled = resample_all(&firs, &rests, stored_rate_hz, rate_hz);
    let taps = resampled.iter().map(Vec::len).max().unwrap_or(1);
    if taps > MAX_TAPS {
        return Err(ProfileError::TooLong { folder: profile.folder.clone(), rate_hz, taps });
    }
    other.coefficients = pack(&resampled, drivers, taps)
        .map_err(|error| ProfileError::Spec { folder: profile.folder.clone(), error })?;
    other.form = Form::Full;
    other.sample_rate_hz = rate_hz;
    let whole = |frames: usize| split(frames).0.min(MAX_DELAY_FRAMES);
    other.path_delay_frames = profile.path_delay_frames.map(whole);
    for driver in &mut other.drivers {
        driver.delay_frames = whole(driver.delay_frames);
    }
    other.chain_spec().validate().map_err(|error| ProfileError::Spec { folder: profile.folder.clone(), error })?;
    Ok(other)
}

/// `firs` from one rate to another, each delayed by its `rests` (frames of the new rate); all share one lead, so that
/// nothing of the kernel is cut off and their mutual timing stays.
fn resample_all(firs: &[&[f32]], rests: &[f64], from_hz: u32, to_hz: u32) -> Vec<Vec<f32>> {
    if from_hz == to_hz && rests.iter().all(|&rest| rest == 0.0) {
        return firs.iter().map(|fir| trimmed(fir.to_vec())).collect();
    }
    let ratio = f64::from(to_hz) / f64::from(from_hz);
    // Kernel half-width in frames of the new rate, and as many frames of lead.
    let reach = HALF_WIDTH * ratio.max(1.0);
    let lead = reach.ceil() as usize;
    let mut resampled = vec![Vec::new(); firs.len()];
    // FIRs of one delay share the kernel's values; nearly always that is all of them.
    for group in groups_by(rests) {
        let members: Vec<&[f32]> = group.iter().map(|&fir| firs[fir]).collect();
        let delay = lead as f64 + rests[group[0]];
        for (&fir, result) in group.iter().zip(resample(&members, ratio, delay, reach)) {
            resampled[fir] = result;
        }
    }
    let superfluous = negligible_head(&resampled, lead);
    for fir in &mut resampled {
        fir.drain(..superfluous);
        *fir = trimmed(std::mem::take(fir));
    }
    resampled
}

/// Indices of equal values, grouped.
fn groups_by(values: &[f64]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, &value) in values.iter().enumerate() {
        match groups.iter_mut().find(|group| values[group[0]] == value) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// FIRs of one length at `ratio` times their rate, delayed by `delay` new frames; `reach` is the kernel's half-width in
/// new frames.
fn resample(firs: &[&[f32]], ratio: f64, delay: f64, reach: f64) -> Vec<Vec<f32>> {
    let taps = firs.first().map_or(0, |fir| fir.len());
    let length = (taps as f64 * ratio + delay + reach).ceil() as usize + 1;
    // A low-pass of unit gain: its cut-off as a part of the new Nyquist frequency.
    let cutoff = (1.0 / ratio).min(1.0);
    let kernel = |distance: f64| cutoff * windowed_sinc(cutoff * distance, cutoff * reach, KAISER_BETA);
    let mut resampled = vec![Vec::with_capacity(length); firs.len()];
    let mut weights = Vec::new();
    for n in 0..length {
        let center = (n as f64 - delay) / ratio;
        let half = reach / ratio;
        let first = ((center - half).ceil().max(0.0) as usize).min(taps);
        let last = ((center + half).floor() + 1.0).clamp(first as f64, taps as f64) as usize;
        weights.clear();
        weights.extend((first..last).map(|k| kernel(n as f64 - delay - k as f64 * ratio)));
        for (fir, result) in firs.iter().zip(&mut resampled) {
            let sum: f64 = fir[first..last].iter().zip(&weights).map(|(&h, weight)| f64::from(h) * weight).sum();
            result.push(sum as f32);
        }
    }
    resampled
}

/// How many of the first `most` frames hold nothing in any FIR.
fn negligible_head(firs: &[Vec<f32>], most: usize) -> usize {
    let energy = |v: f32| f64::from(v) * f64::from(v);
    let wholes: Vec<f64> = firs.iter().map(|fir| fir.iter().copied().map(energy).sum()).collect();
    let mut heads = vec![0.0; firs.len()];
    for frame in 0..most {
        for ((head, fir), whole) in heads.iter_mut().zip(firs).zip(&wholes) {
            *head += fir.get(frame).copied().map_or(0.0, energy);
            if *head > whole * NEGLIGIBLE_HEAD {
                return frame;
            }
        }
    }
    most
}
