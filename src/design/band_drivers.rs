//! Drivers outside the array, which play one end of the band in mono, and the crossovers and high-passes of all.

use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::ops::Range;

use crate::acoustics::vector::{norm, sub};
use crate::acoustics::{Complex, Listener, SPEED_OF_SOUND, phasor};
use crate::dsp::biquad::{BiquadKind, BiquadSpec};

use super::boost;
use super::device::Device;
use super::file::Role;
use super::fir::Bins;
use super::{HIGHEST_PART, LOWEST_HZ, transfer};

/// A high-pass lies below the lowest frequency its drivers serve by this factor, so that the band itself stays flat.
pub const HIGH_PASS_PART: f64 = 0.7;

/// Woofers and tweeters outside the array: the level of the array's program in its own phase, shared evenly. Beyond the
/// array's band its level goes on as the ideal pair's, or flat for the center, and its phase as its flight time.
pub fn add(device: &Device, input: usize, spectra: &mut [Vec<Complex>], bins: Bins) {
    let array = device.indices_of(Role::Array);
    let distance_m = device.listener.distance_m;
    let listener = Listener::at([distance_m, 0.0, 0.0]);
    // Where the program's level counts: at the ipsilateral ear (both hear the lows alike), or on axis.
    let transfers = |frequency_hz: f64| match input {
        0 | 1 => {
            let [left, right] = transfer::to_ears(&device.drivers, &device.listener.head, &listener, frequency_hz);
            if input == 0 { left } else { right }
        }
        _ => transfer::to_point(&device.drivers, listener.position, frequency_hz),
    };
    let ideal = |frequency_hz: f64| match input {
        0 | 1 => transfer::ideal_side(&device.listener.head, input, distance_m, frequency_hz)[input].norm(),
        _ => 1.0,
    };
    let bin_at = |hz: f64| ((hz / bins.frequency_hz(1)).round() as usize).min(bins.count() - 1);
    let bands = || array.iter().map(|i| device.drivers[*i].band_hz);
    let lowest = bin_at(bands().map(|b| b.0).fold(f64::INFINITY, f64::min).max(LOWEST_HZ)).max(1);
    let highest = bin_at(bands().map(|b| b.1).fold(0.0, f64::max).min(HIGHEST_PART * 0.5 * bins.sample_rate_hz));
    let arrives_s = array.iter().map(|i| flight_s(device, *i)).sum::<f64>() / array.len() as f64;
    // What is heard of the array at an end of its band, and what should be.
    let ends: [(Complex, f64); 2] = [lowest, highest].map(|end| {
        let hz = bins.frequency_hz(end);
        let there = transfers(hz);
        (array.iter().map(|i| there[*i] * spectra[*i][end]).sum(), ideal(hz))
    });
    for role in [Role::Woofer, Role::Tweeter] {
        let members = device.band_only(role);
        let crossover_hz = match role {
            Role::Woofer => device.low_crossover_hz,
            _ => device.high_crossover_hz,
        };
        let Some(crossover_hz) = crossover_hz else { continue };
        for &member in &members {
            let band = device.drivers[member].band_hz;
            // Beyond its band, and beyond the octave after the crossover, the value at the end is held.
            let (low, high) = match role {
                Role::Woofer => (band.0.max(LOWEST_HZ), band.1.min(2.0 * crossover_hz)),
                _ => (band.0.max(0.5 * crossover_hz), band.1.min(HIGHEST_PART * 0.5 * bins.sample_rate_hz)),
            };
            let (low, high) = (bin_at(low).max(1), bin_at(high.max(low)));
            let mut values: Vec<Complex> = (0..bins.count())
                .map(|bin| {
                    let at = bin.clamp(low, high.max(low));
                    let frequency_hz = bins.frequency_hz(at);
                    let own = transfers(frequency_hz);
                    let served = at.clamp(lowest, highest);
                    let heard: Complex = if served == at {
                        array.iter().map(|i| own[*i] * spectra[*i][at]).sum()
                    } else {
                        let (end, level) = ends[usize::from(served == highest)];
                        let on = phasor(2.0 * PI * (bins.frequency_hz(served) - frequency_hz) * arrives_s);
                        end * on * (ideal(frequency_hz) / level)
                    };
                    // Held in level, but the flight time goes on.
                    let path = 2.0 * PI * (frequency_hz - bins.frequency_hz(bin));
                    heard / own[member] / members.len() as f64 * phasor(path * (arrives_s - flight_s(device, member)))
                })
                .collect();
            values[0] = Complex::from(values[0].norm() * values[0].re.signum());
            limit(&mut values, low..high.max(low) + 1);
            spectra[member] = values;
        }
    }
}

/// Where the driver hardly reaches the listener (a null of a tilted piston, a notch of a measurement) its level is missed:
/// nothing exceeds the [`boost::ceiling`] over its `band`.
fn limit(values: &mut [Complex], band: Range<usize>) {
    let Some(ceiling) = boost::ceiling(values[band].iter().map(|v| v.norm()).collect()) else { return };
    for value in values {
        let level = value.norm();
        if level > ceiling {
            *value *= ceiling / level;
        }
    }
}

/// Time from a driver to the listener, s.
fn flight_s(device: &Device, driver: usize) -> f64 {
    norm(sub([device.listener.distance_m, 0.0, 0.0], device.drivers[driver].position)) / SPEED_OF_SOUND
}

/// Crossovers (LR4) and the high-passes that keep drivers in their bands.
pub fn equalizers(device: &Device) -> Vec<Vec<BiquadSpec>> {
    let section = |kind: BiquadKind, frequency_hz: f64| BiquadSpec {
        kind,
        frequency_hz: frequency_hz as f32,
        q: FRAC_1_SQRT_2 as f32,
        gain_db: 0.0,
    };
    let array = device.indices_of(Role::Array);
    let nyquist = 0.5 * f64::from(device.sample_rate_hz);
    let lowest = array.iter().map(|i| device.drivers[*i].band_hz.0).fold(f64::INFINITY, f64::min);
    let woofers = !device.band_only(Role::Woofer).is_empty();
    device
        .drivers
        .iter()
        .map(|driver| {
            let mut eq = Vec::new();
            let in_array = driver.is(Role::Array);
            let mut lr4 = |kind: BiquadKind, hz: f64| eq.extend([section(kind, hz), section(kind, hz)]);
            let (high, low) = (BiquadKind::HighPass, BiquadKind::LowPass);
            if let Some(hz) = device.low_crossover_hz.filter(|_| woofers) {
                lr4(if in_array || driver.is(Role::Tweeter) { high } else { low }, hz);
            }
            if let Some(hz) = device.high_crossover_hz.filter(|_| !device.band_only(Role::Tweeter).is_empty()) {
                lr4(if driver.is(Role::Tweeter) && !in_array { high } else { low }, hz);
            }
            // One corner for the whole array: different ones would turn its phases apart.
            let protective = if in_array {
                let asked = array.iter().filter_map(|i| device.drivers[*i].high_pass_hz).reduce(f64::max);
                asked.or((!woofers).then_some(HIGH_PASS_PART * lowest))
            } else {
                driver.high_pass_hz.or(driver.is(Role::Woofer).then_some(HIGH_PASS_PART * driver.band_hz.0))
            };
            if let Some(hz) = protective.filter(|hz| *hz >= 15.0 && *hz < nyquist) {
                eq.push(section(high, hz));
            }
            eq
        })
        .collect()
}
