//! Between a design and the profile's folder.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::dsp::{Coefficients, LimiterSpec, SpecError, UpmixSpec};
use crate::profile::{self, Profile, Provenance};

use super::bypass;
use super::designer::Design;
use super::device::{Device, Driver};
use super::file::Role;
use super::filter_set::FilterSet;

/// Partition size of the chain, frames.
const BLOCK_FRAMES: usize = 256;

/// Why a profile and a device description do not belong together.
#[derive(Debug, thiserror::Error)]
pub enum MismatchError {
    /// Other drivers.
    #[error(
        "profile `{profile}` has drivers {in_profile:?} but device `{device}` has {in_device:?}; name the description the profile was made from"
    )]
    Drivers {
        /// The profile's name.
        profile: String,
        /// Its drivers.
        in_profile: Vec<String>,
        /// The device's name.
        device: String,
        /// Its drivers.
        in_device: Vec<String>,
    },
}

/// The profile of a design.
///
/// # Errors
/// The coefficients are outside what a chain can play: too many drivers, or not finite.
pub fn profile(device: &Device, design: &Design) -> Result<Profile, SpecError> {
    let set = &design.filters;
    let samples = set.firs.iter().flatten().map(|v| *v as f32).collect();
    let drivers = device
        .drivers
        .iter()
        .enumerate()
        .map(|(index, driver)| profile::Driver {
            name: driver.name.clone(),
            channel: driver.channel,
            gain_db: set.gain_db[index] as f32,
            delay_frames: set.delay_frames[index],
            array: limiter_group(driver).to_owned(),
            eq: set.eq[index].clone(),
        })
        .collect();
    let form = match set.rtf {
        None => profile::Form::Full,
        Some(paths) => {
            profile::Form::Rtf(paths.map(|path| profile::Own { driver: path.own, delay_frames: path.delay_frames }))
        }
    };
    let upmix = UpmixSpec::default();
    Ok(Profile {
        name: device.name.clone(),
        description: device.description.clone(),
        folder: PathBuf::new(),
        sample_rate_hz: set.sample_rate_hz,
        block_frames: BLOCK_FRAMES,
        form,
        makeup_gain_db: set.makeup_gain_db as f32,
        upmix,
        path_delay_frames: set.path_delay_frames,
        limiter: LimiterSpec::behind(upmix.mode),
        drivers,
        coefficients: Coefficients::new(set.drivers, set.taps(), samples)?,
        bypass: Some(bypass::bypass(device, set)),
        files: profile::Files::default(),
        predicted: predicted(design),
        provenance: Provenance {
            device: device.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: format!("{:016x}", device.digest),
            note: "made by spatiald design; --evaluate prints its figures again".to_owned(),
        },
    })
}

/// Which drivers share a limiter's gain: all of the array, or half a decibel between them would fill the nulls. A woofer
/// that limits does not take the rest along.
fn limiter_group(driver: &Driver) -> &'static str {
    if driver.is(Role::Array) {
        "main"
    } else if driver.is(Role::Woofer) {
        "woofer"
    } else {
        "tweeter"
    }
}

/// What a profile plays, and the device with its drivers in the profile's order.
///
/// # Errors
/// The two have different drivers.
pub fn played_on(profile: &Profile, device: &Device) -> Result<(Device, FilterSet), MismatchError> {
    Ok((in_order_of(profile, device)?, FilterSet::from_chain_spec(&profile.chain_spec())))
}

/// The device with its drivers in the profile's order.
///
/// # Errors
/// The two have different drivers.
pub fn in_order_of(profile: &Profile, device: &Device) -> Result<Device, MismatchError> {
    let by_name: HashMap<&str, usize> = device.drivers.iter().enumerate().map(|(i, d)| (d.name.as_str(), i)).collect();
    let order: Option<Vec<usize>> =
        profile.drivers.iter().map(|driver| by_name.get(driver.name.as_str()).copied()).collect();
    match order {
        Some(order) if order.len() == device.drivers.len() => {
            let mut ordered = device.clone();
            ordered.drivers = order.into_iter().map(|i| device.drivers[i].clone()).collect();
            Ok(ordered)
        }
        _ => Err(MismatchError::Drivers {
            profile: profile.name.clone(),
            in_profile: profile.drivers.iter().map(|d| d.name.clone()).collect(),
            device: device.name.clone(),
            in_device: device.drivers.iter().map(|d| d.name.clone()).collect(),
        }),
    }
}

/// The figures for the profile, to two decimals: people read them.
fn predicted(design: &Design) -> toml::Table {
    // Figures are numbers, lists and tables of them: nothing that TOML lacks.
    let mut table = toml::Table::try_from(&design.figures).unwrap_or_default();
    table.iter_mut().for_each(|(_, value)| rounded(value));
    table.insert("notes".into(), design.notes.clone().into());
    table
}

fn rounded(value: &mut toml::Value) {
    match value {
        toml::Value::Float(number) => *number = (*number * 100.0).round() / 100.0,
        toml::Value::Array(values) => values.iter_mut().for_each(rounded),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, v)| rounded(v)),
        _ => {}
    }
}
