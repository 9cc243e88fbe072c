//! What the controls do to the paths behind the upmix: each of L′, R′ and C goes to the filters of any of them.
//!
//! The split stays as it is, L′ + C = L, and so does what the upmix has learned: a mix of paths is a mix of their filters.

use crate::config::controls::{Controls, Key};
use crate::dsp::SpecError;
use crate::dsp::limits::INPUTS;
use crate::dsp::spec::ChainSpec;
use crate::dsp::{Coefficients, UpmixMode};

/// Gain from a path to the filters of another: `[from][to]`.
type Mix = [[f64; INPUTS]; INPUTS];

const STRAIGHT: Mix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Mixes the filters of `spec` as the controls say.
///
/// # Errors
/// FIRs that share the delays of all paths grow beyond what a chain takes.
pub(super) fn mix(spec: &mut ChainSpec, controls: &Controls) -> Result<(), SpecError> {
    let mix = matrix(controls, spec.upmix.mode != UpmixMode::Off);
    if mix == STRAIGHT {
        return Ok(());
    }
    let is_crossed = (0..INPUTS).any(|from| (0..INPUTS).any(|to| from != to && mix[from][to] != 0.0));
    // Filters that are added need their own paths' delays within them.
    let ahead = match is_crossed {
        true => spec.path_delay_frames.into_iter().min().unwrap_or(0),
        false => 0,
    };
    let within = |input: usize| if is_crossed { spec.path_delay_frames[input] - ahead } else { 0 };
    let (drivers, taps) = (spec.coefficients.drivers(), spec.coefficients.taps());
    let length = taps + (0..INPUTS).map(within).max().unwrap_or(0);
    let mut samples = vec![0.0f32; INPUTS * drivers * length];
    for (index, fir) in samples.chunks_exact_mut(length).enumerate() {
        let (from, driver) = (index / drivers, index % drivers);
        let mut sum = vec![0.0f64; length];
        for (to, gain) in mix[from].into_iter().enumerate().filter(|(_, gain)| *gain != 0.0) {
            let late = &mut sum[within(to)..];
            late.iter_mut().zip(spec.coefficients.fir(to, driver)).for_each(|(s, v)| *s += gain * f64::from(*v));
        }
        fir.iter_mut().zip(sum).for_each(|(to, value)| *to = value as f32);
    }
    spec.coefficients = Coefficients::new(drivers, length, samples)?;
    if is_crossed {
        spec.path_delay_frames = [ahead; INPUTS];
    }
    Ok(())
}

/// Of the controls, in the order of the signal: width or mono, then balance, then the center.
fn matrix(controls: &Controls, has_center: bool) -> Mix {
    let ratio = |db: f32| 10f64.powf(f64::from(db) / 20.0);
    let width = 0.01 * f64::from(controls.get(Key::WidthPercent));
    let (own, other) = (0.5 * (1.0 + width), 0.5 * (1.0 - width));
    let [left, right] = match (controls.is_on(Key::Mono), has_center) {
        // What is one side's alone joins what both share.
        (true, true) => [[0.0, 0.0, 0.5]; 2],
        (true, false) => [[0.5, 0.5, 0.0]; 2],
        (false, _) => [[own, other, 0.0], [other, own, 0.0]],
    };
    let balance_db = controls.get(Key::BalanceDb);
    let (gain_left, gain_right) = (ratio(-balance_db.max(0.0)), ratio(balance_db.min(0.0)));
    // As if an input were turned down ahead of the upmix: of the center, too, one side has less.
    let both = gain_left.min(gain_right);
    let center = [gain_left - both, gain_right - both, both].map(|gain| gain * ratio(controls.get(Key::CenterDb)));
    [left.map(|gain| gain * gain_left), right.map(|gain| gain * gain_right), center]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Change, Settings};

    fn of(changes: &[&str]) -> Controls {
        let mut settings = Settings::default();
        changes.iter().for_each(|text| settings.change(&text.parse::<Change>().unwrap()));
        settings.controls_over(&Settings::default())
    }

    fn is_near(a: Mix, b: Mix) -> bool {
        a.iter().flatten().zip(b.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn each_control_is_the_matrix_it_says() {
        let half = 10f64.powf(-0.3);
        assert_eq!(matrix(&of(&[]), true), STRAIGHT);
        assert!(is_near(matrix(&of(&["center_db=-6"]), true), [STRAIGHT[0], STRAIGHT[1], [0.0, 0.0, half]]));
        assert!(is_near(matrix(&of(&["width=0"]), true), [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], STRAIGHT[2]]));
        assert!(is_near(matrix(&of(&["width=150"]), true), [[1.25, -0.25, 0.0], [-0.25, 1.25, 0.0], STRAIGHT[2]]));
        assert!(is_near(matrix(&of(&["mono=on"]), true), [[0.0, 0.0, 0.5], [0.0, 0.0, 0.5], STRAIGHT[2]]));
        let right = matrix(&of(&["balance_db=6"]), true);
        assert!(is_near(right, [[half, 0.0, 0.0], STRAIGHT[1], [0.0, 1.0 - half, half]]));
        let left = matrix(&of(&["balance_db=-6"]), true);
        assert!(is_near(left, [STRAIGHT[0], [0.0, half, 0.0], [1.0 - half, 0.0, half]]));
    }
}
