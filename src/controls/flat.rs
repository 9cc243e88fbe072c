//! The downmix that `bypass` plays: one signal on all drivers, through their own equalizers and the limiter.

use super::ControlError;
use crate::design::bypass::filters;
use crate::dsp::Coefficients;
use crate::dsp::limits::INPUTS;
use crate::dsp::spec::ChainSpec;
use crate::profile::Profile;

/// Replaces the filters of `spec` by those of a downmix: (L+R)/2, as late as the image, as loud and of its tone.
///
/// # Errors
/// The profile does not say how loud that is.
pub(super) fn flatten(spec: &mut ChainSpec, profile: &Profile) -> Result<(), ControlError> {
    let Some(bypass) = &profile.bypass else {
        return Err(ControlError::NoBypass { profile: profile.name.clone() });
    };
    let arrival_frames = arrival_frames(spec);
    let [sides, center] = filters(bypass, spec.sample_rate_hz);
    let taps = sides.len().max(center.len());
    let mut samples = Vec::with_capacity(INPUTS * bypass.gains.len() * taps);
    for (filter, part) in [(&sides, 0.5), (&sides, 0.5), (&center, 1.0)] {
        for gain in &bypass.gains {
            samples.extend(filter.iter().map(|tap| (tap * part * f64::from(*gain)) as f32));
            samples.resize(samples.len().next_multiple_of(taps), 0.0);
        }
    }
    spec.coefficients = Coefficients::new(bypass.gains.len(), taps, samples)?;
    spec.path_delay_frames = [arrival_frames; INPUTS];
    Ok(())
}

/// When the largest tap of all filters comes, its path's delay included.
fn arrival_frames(spec: &ChainSpec) -> usize {
    let mut largest = (0.0, 0);
    for input in 0..INPUTS {
        for driver in 0..spec.coefficients.drivers() {
            for (tap, value) in spec.coefficients.fir(input, driver).iter().enumerate() {
                if value.abs() > largest.0 {
                    largest = (value.abs(), tap + spec.path_delay_frames[input]);
                }
            }
        }
    }
    largest.1
}
