//! From a profile, a seat and the controls to what a chain is built from: a pure function, so that a setting costs the
//! audio threads nothing and means the same to the daemon and to `render`.
//!
//! | file | what it holds |
//! |---|---|
//! | `mix` | what the controls do to the paths L′, R′ and C |
//! | `flat` | the downmix that `bypass` plays |
//! | [`aim`] | filters for a listener in another place |
//! | `ears` | what is left of it at the two ears, made good |
//! | `smooth` | responses at few points, and between them |
//! | [`kept`] | what was set at run time, over restarts |
//!
//! Which controls there are stands in one table: [`TABLE`](crate::config::controls::TABLE).

use crate::config::Seat;
use crate::config::controls::{Controls, Key};
use crate::design::people::{Seated, seats_deg};
use crate::design::{Device, FilterSet};
use crate::dsp::{ChainSpec, SpecError};
use crate::profile::Profile;

pub mod aim;
mod ears;
mod flat;
pub mod kept;
mod mix;
#[cfg(test)]
mod seat_tests;
mod smooth;
#[cfg(test)]
mod tests;

pub use aim::{Aim, AimError};

/// Why settings cannot be played with a profile.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// The profile does not say how loud a downmix is as loud as its image.
    #[error(
        "profile {profile} has no table [bypass], which says how loud a flat downmix is to be; design it again with this version"
    )]
    NoBypass {
        /// The profile's name.
        profile: String,
    },
    /// The filters fit no chain any more.
    #[error("with these settings the chain cannot be built: {0}")]
    Spec(#[from] SpecError),
}

/// What plays `profile`, which is at the rate it is to be played at, to a listener at the seat of `aim` (`None`: where it
/// was designed for), with the controls as they are. With all defaults that is [`Profile::chain_spec`] to the bit.
///
/// # Errors
/// `bypass` with a profile that has none; or FIRs that outgrow what a chain takes.
pub fn chain_spec(profile: &Profile, aim: Option<&Aim>, controls: &Controls) -> Result<ChainSpec, ControlError> {
    let mut spec = profile.chain_spec();
    if controls.is_on(Key::Bypass) {
        flat::flatten(&mut spec, profile)?;
    } else if let Some(aim) = aim {
        aim.turn(&mut spec)?;
    }
    mix::mix(&mut spec, controls)?;
    spec.makeup_gain_db = (spec.makeup_gain_db + controls.get(Key::TrimDb)).max(-crate::dsp::limits::MAX_GAIN_DB);
    let delay_frames = (1e-3 * controls.get(Key::DelayMs) * spec.sample_rate_hz as f32).round() as usize;
    spec.path_delay_frames.iter_mut().for_each(|frames| *frames += delay_frames);
    spec.validate()?;
    Ok(spec)
}

/// What `profile` plays on `device`, its drivers in the profile's order, with the seat set to each that is tried for
/// measured heads.
///
/// # Errors
/// As for [`chain_spec`].
pub fn seated(profile: &Profile, device: &Device) -> Result<Vec<Seated>, ControlError> {
    let turned = |azimuth_deg: f64| {
        let aim = Aim::at(device.clone(), Seat { azimuth_deg, distance_m: None });
        let spec = chain_spec(profile, Some(&aim), &Controls::default())?;
        Ok(Seated { azimuth_deg, filters: FilterSet::from_chain_spec(&spec) })
    };
    seats_deg().map(turned).collect()
}
