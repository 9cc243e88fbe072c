//! Drivers outside the array, which play one end of the band in mono, and the crossovers and high-passes of all.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::acoustics::vector::{norm, sub};
use crate::acoustics::{Complex, Listener, SPEED_OF_SOUND, phasor};
use crate::dsp::biquad::{BiquadKind, BiquadSpec};

use super::device::Device;
use super::file::Role;
use super::fir::Bins;
use super::{HIGHEST_PART, LOWEST_HZ, transfer};

/// A high-pass lies below the lowest frequency its drivers serve by this factor, so that the band itself stays flat.
pub const HIGH_PASS_PART: f64 = 0.7;

/// Woofers and tweeters outside the array: the level of the array's program in its own phase, shared evenly.
pub fn add(device: &Device, input: usize, spectra: &mut [Vec<Complex>], bins: Bins) {
    let array = device.indices_of(Role::Array);
    let point = [device.listener.distance_m, 0.0, 0.0];
    for role in [Role::Woofer, Role::Tweeter] {
        let members = device.band_only(role);
        let crossover_hz = match role {
            Role::Woofer => device.low_crossover_hz,
            _ => device.high_crossover_hz,
        };
        let Some(crossover_hz) = crossover_hz else { continue };
        for &member in &members {
            let band = device.drivers[member].band_hz;
            let mut values: Vec<Complex> = (0..bins.count())
                .map(|bin| {
                    // Beyond its band, and beyond the octave after the crossover, the value at the end is held.
                    let (low, high) = match role {
                        Role::Woofer => (band.0.max(LOWEST_HZ), band.1.min(2.0 * crossover_hz)),
                        _ => (band.0.max(0.5 * crossover_hz), band.1.min(HIGHEST_PART * 0.5 * bins.sample_rate_hz)),
                    };
                    let frequency_hz = bins.frequency_hz(bin).clamp(low, high.max(low));
                    let at = ((frequency_hz / bins.frequency_hz(1)).round() as usize).min(bins.count() - 1);
                    let heard: Complex = match input {
                        // Both ears hear the lows alike: what matters is the level of the ipsilateral ear.
                        0 | 1 => {
                            let head = &device.listener.head;
                            let ears = transfer::to_ears(&device.drivers, head, &Listener::at(point), frequency_hz);
                            array.iter().map(|i| ears[input][*i] * spectra[*i][at]).sum::<Complex>()
                                / ears[input][member]
                        }
                        _ => {
                            let field = transfer::to_point(&device.drivers, point, frequency_hz);
                            array.iter().map(|i| field[*i] * spectra[*i][at]).sum::<Complex>() / field[member]
                        }
                    };
                    let value = heard / members.len() as f64;
                    // Held in level, but the flight time goes on.
                    let path =
                        phasor(2.0 * PI * (frequency_hz - bins.frequency_hz(bin)) * delay_s(device, &array, member));
                    value * path
                })
                .collect();
            values[0] = Complex::from(values[0].norm() * values[0].re.signum());
            spectra[member] = values;
        }
    }
}

/// How much later than the member the array's sound arrives, s.
fn delay_s(device: &Device, array: &[usize], member: usize) -> f64 {
    let point = [device.listener.distance_m, 0.0, 0.0];
    let flight = |i: usize| norm(sub(point, device.drivers[i].position)) / SPEED_OF_SOUND;
    array.iter().map(|i| flight(*i)).sum::<f64>() / array.len() as f64 - flight(member)
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
