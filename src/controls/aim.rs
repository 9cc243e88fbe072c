//! Filters for a listener in another place than the profile was designed for: each driver's filters times the ratio of its
//! own transfer to the middle of the head, old place over new place.
//!
//! So each driver's sound arrives as before, in time and level, and with it tone, level, beam and the alignment of the
//! paths. What changes with the place is only how the head stands to the drivers: the `ears` correct for that.

use super::ears::Ears;
use super::smooth::{Points, Smooth};
use crate::acoustics::vector::{norm, scale, sub};
use crate::acoustics::{Complex, Listener, SPEED_OF_SOUND, phasor, wave_number};
use crate::config::Seat;
use crate::design::folder::{MismatchError, in_order_of};
use crate::design::{Device, device::Driver, fir};
use crate::dsp::Coefficients;
use crate::dsp::SpecError;
use crate::dsp::limits::INPUTS;
use crate::dsp::spec::ChainSpec;
use crate::profile::Profile;
use crate::source::{Complaint, is_there, printable};

/// Below this a driver's filters are turned like here: there is nothing to aim at, and a measured response says nothing.
const LOWEST_HZ: f64 = 40.0;
/// Above this part of the Nyquist frequency, as there.
const HIGHEST_PART: f64 = 0.9;
/// Most that a driver that shadows hide at the new place is raised, re the mean of all, dB.
const MOST_RAISE_DB: f64 = 12.0;

/// A profile's device and where its listener sits.
#[derive(Debug, Clone)]
pub struct Aim {
    device: Device,
    seat: Seat,
}

/// Why a profile cannot be aimed there.
#[derive(Debug, thiserror::Error)]
pub enum AimError {
    /// Its folder has no description.
    #[error("profile {profile} cannot follow a seat: its folder has no device.toml, the description it was designed from; design it again with this version, or copy the file into {}", printable(folder.display()))]
    NoDescription {
        /// The profile's name.
        profile: String,
        /// Where it lies.
        folder: std::path::PathBuf,
    },
    /// The description is not as it must be.
    #[error(transparent)]
    Complaint(#[from] Complaint),
    /// It is of another device.
    #[error(transparent)]
    Mismatch(#[from] MismatchError),
    /// The listener would be within the cabinet.
    #[error(
        "a seat at {distance_m} m is inside {device} or touches it; use {nearest_m:.2} to {} m",
        crate::config::MAX_DISTANCE_M
    )]
    TooNear {
        /// The seat's distance.
        distance_m: f64,
        /// The device.
        device: String,
        /// The nearest seat.
        nearest_m: f64,
    },
}

impl Aim {
    /// Reads what `profile` was designed from, for a listener at `seat`.
    ///
    /// # Errors
    /// There is no description, or it is not as it must be; or the seat is within the cabinet.
    pub fn load(profile: &Profile, seat: Seat) -> Result<Aim, AimError> {
        Aim::new(Aim::describe(profile)?, seat)
    }

    /// Reads what `profile` was designed from, its drivers in the order of the profile.
    ///
    /// # Errors
    /// There is no description, or it is not as it must be.
    pub fn describe(profile: &Profile) -> Result<Device, AimError> {
        let path = profile.folder.join("device.toml");
        if !is_there(&path)? {
            return Err(AimError::NoDescription { profile: profile.name.clone(), folder: profile.folder.clone() });
        }
        Ok(in_order_of(profile, &Device::load(&path)?)?)
    }

    /// From the device, its drivers in the order of the profile.
    ///
    /// # Errors
    /// The seat is within the cabinet.
    pub fn new(device: Device, seat: Seat) -> Result<Aim, AimError> {
        let extent_m = device.drivers.iter().map(|driver| norm(driver.position)).fold(0.0, f64::max);
        let nearest_m = extent_m + 2.0 * device.listener.head.radius_m();
        match seat.distance_m {
            Some(distance_m) if distance_m < nearest_m => {
                Err(AimError::TooNear { distance_m, device: device.name, nearest_m })
            }
            _ => Ok(Aim::at(device, seat)),
        }
    }

    /// For a seat that is known to be outside of the device.
    pub(super) fn at(device: Device, seat: Seat) -> Aim {
        Aim { device, seat }
    }

    /// The device it aims.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The listener in the seat, facing the device.
    pub fn listener(&self) -> Listener {
        let azimuth = self.seat.azimuth_deg.to_radians();
        let distance_m = self.seat.distance_m.unwrap_or(self.device.listener.distance_m);
        let position = scale([azimuth.cos(), azimuth.sin(), 0.0], distance_m);
        Listener { position, yaw_rad: -azimuth }
    }

    /// Turns the filters of `spec` to the seat.
    ///
    /// # Errors
    /// They are no filters any more: a transfer of a driver is not finite.
    pub fn turn(&self, spec: &mut ChainSpec) -> Result<(), SpecError> {
        let (from, to) = (Listener::at([self.device.listener.distance_m, 0.0, 0.0]), self.listener());
        if norm(sub(from.position, to.position)) < 1e-9 {
            return Ok(());
        }
        let (drivers, taps) = (spec.coefficients.drivers(), spec.coefficients.taps());
        let rate_hz = f64::from(spec.sample_rate_hz);
        let bins = fir::Bins { length: (2 * taps).next_power_of_two().max(1024), sample_rate_hz: rate_hz };
        let ratios = ratios(&self.device.drivers, [&from, &to], bins);
        let ears = Ears::new(&self.device, spec, [&from, &to], bins);
        let mut samples = Vec::with_capacity(INPUTS * drivers * taps);
        for input in 0..INPUTS {
            let old: Vec<Vec<Complex>> = (0..drivers)
                .map(|driver| {
                    let filter: Vec<f64> = spec.coefficients.fir(input, driver).iter().map(|v| f64::from(*v)).collect();
                    fir::response(&filter, bins)
                })
                .collect();
            let times = |(h, ratio): (&Vec<Complex>, &Vec<Complex>)| h.iter().zip(ratio).map(|(h, r)| h * r).collect();
            let mut turned: Vec<Vec<Complex>> = old.iter().zip(&ratios).map(times).collect();
            // The center has no side to be kept apart from.
            if let (Some(ears), 0 | 1) = (&ears, input) {
                ears.correct(input, &old, &mut turned);
            }
            for spectrum in &turned {
                samples.extend(faded(&fir::inverse(spectrum, bins), taps).map(|value| value as f32));
            }
        }
        spec.coefficients = Coefficients::new(drivers, taps, samples)?;
        Ok(())
    }
}

/// The first `taps` of a filter, its last sixteenth faded out: what was turned out at the end is no sound of its own.
fn faded(filter: &[f64], taps: usize) -> impl Iterator<Item = f64> + '_ {
    filter.iter().take(taps).enumerate().map(move |(index, value)| value * fir::fade_out(taps - index, taps / 16))
}

/// Each driver's transfer at one place over that at another, without the delay that all share: `[driver][bin]`.
fn ratios(drivers: &[Driver], [from, to]: [&Listener; 2], bins: fir::Bins) -> Vec<Vec<Complex>> {
    let points = Points::covering(LOWEST_HZ, HIGHEST_PART * 0.5 * bins.sample_rate_hz);
    let (old_m, new_m) = (norm(from.position), norm(to.position));
    // What all drivers are nearer or farther by would only be more latency, or none.
    let shared_s = (new_m - old_m) / SPEED_OF_SOUND;
    let most = new_m / old_m * 10f64.powf(MOST_RAISE_DB / 20.0);
    let places: Vec<(usize, f64)> = (0..bins.count()).map(|bin| points.place(bins.frequency_hz(bin))).collect();
    let of = |driver: &Driver| {
        let mut smooth = Smooth::default();
        for frequency_hz in points.frequencies_hz() {
            let k = wave_number(frequency_hz);
            let [old, new] = [from, to].map(|listener| driver.radiator.pressure(k, listener.position));
            let ratio = old * new.conj() / new.norm_sqr().max(1e-300);
            let ratio = ratio * (most / ratio.norm().max(1e-300)).min(1.0);
            smooth.push(frequency_hz, ratio * phasor(-std::f64::consts::TAU * frequency_hz * shared_s));
        }
        places.iter().enumerate().map(|(bin, place)| smooth.at(*place, bins.frequency_hz(bin))).collect()
    };
    drivers.iter().map(of).collect()
}
