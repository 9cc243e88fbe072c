//! The center's filters: the beam, with the phase of the sides and the level of the ideal pair's phantom center.

use crate::acoustics::{Complex, Listener, phasor};
use crate::dsp::raised_cosine;

use super::beam::{Beamformer, MAX_EFFORT_DB};
use super::device::{BeamSpec, Device, Driver};
use super::evaluate::bands::{OCTAVES_HZ, highest, pink_energy};
use super::file::Form;
use super::fir::Bins;
use super::{Spectra, transfer, transposed};

/// The center's phase goes over from that of all drivers in phase to that of the sides between these, Hz.
const FOLLOWED_HZ: (f64, f64) = (60.0, 150.0);

/// Filters `[driver][bin]` of the center for the array's `drivers`, whose `programs` (left, right) it adds to.
pub fn filters(
    device: &Device,
    drivers: &[Driver],
    programs: &[Spectra],
    beamformer: &Beamformer,
    bins: Bins,
    notes: &mut Vec<String>,
) -> Spectra {
    let distance_m = device.listener.distance_m;
    let axis = |bin: usize| transfer::to_point(drivers, [distance_m, 0.0, 0.0], bins.solved_hz(bin));
    let sides = |bin: usize| -> Complex {
        axis(bin).iter().enumerate().map(|(d, c)| c * (programs[0][d][bin] + programs[1][d][bin])).sum()
    };
    let plain = |bin: usize| -> Complex { axis(bin).iter().zip(drivers).map(|(c, d)| c * d.polarity).sum() };
    // Measured responses may have both sides upside down.
    let (low, high) = FOLLOWED_HZ;
    let start = (high / bins.frequency_hz(1)).round() as usize;
    let upright = if (sides(start) * plain(start).conj()).re < 0.0 { -1.0 } else { 1.0 };
    // The center on axis has the phase of L + R there, so that what the upmix leaves in L and R adds to it; but not
    // in the lowest octaves, where that takes long filters and all drivers in phase are near it. The RTF form's
    // equalizer follows what left and right really play.
    let phase = |bin: usize| {
        let part = match device.form {
            Form::Full => raised_cosine((bins.solved_hz(bin) / low).log2() / (high / low).log2()),
            Form::Rtf => 1.0,
        };
        let [followed, in_phase] = [sides(bin), plain(bin)].map(|p| p / p.norm().max(1e-30));
        (followed * part + in_phase * upright * (1.0 - part)).arg()
    };
    match beamformer.nulls_up_to_hz() {
        Some(hz) if hz < 0.5 * f64::from(device.sample_rate_hz) => {
            notes.push(format!("the beam's nulls hold up to {hz:.0} Hz; above, fewer drivers play the center"));
        }
        Some(_) => {}
        None => notes.push("two drivers make no nulls at the sides: the center is their flat matched sum".to_owned()),
    }
    notes.extend(shallow_nulls(device, beamformer));
    let columns: Vec<Vec<Complex>> =
        (0..bins.count()).map(|bin| beamformer.filters(bins.solved_hz(bin), phasor(phase(bin)))).collect();
    let mut center = transposed(&columns, drivers.len());
    scale_to_phantom(device, drivers, &mut center, bins);
    center
}

/// Says where the nulls are less deep than asked for, and why.
fn shallow_nulls(device: &Device, beamformer: &Beamformer) -> Option<String> {
    let BeamSpec::Null { null_deg, null_db } = &device.beam else { return None };
    let reached: Vec<(f64, f64)> = OCTAVES_HZ
        .into_iter()
        .filter_map(|hz| beamformer.null_depth_db(hz).map(|db| (hz, db)))
        .filter(|(_, db)| *db < null_db - 0.5)
        .collect();
    if reached.is_empty() {
        return None;
    }
    let list = |of: &dyn Fn(&(f64, f64)) -> String| reached.iter().map(of).collect::<Vec<_>>().join(", ");
    Some(format!(
        "the nulls at {} degrees are {} dB deep at {} Hz instead of {null_db}: a lobe out to ±45°, {MAX_EFFORT_DB} dB of effort and drivers that differ by 0.5 dB and 4° come first",
        null_deg.iter().map(|a| format!("{a:.0}")).collect::<Vec<_>>().join(" and "),
        list(&|r| format!("{:.1}", r.1.max(0.0))),
        list(&|r| format!("{:.0}", r.0))
    ))
}

/// Scales the center to what the ideal pair's phantom center has at the ears.
fn scale_to_phantom(device: &Device, drivers: &[Driver], center: &mut Spectra, bins: Bins) {
    let head = &device.listener.head;
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let highest = highest(bins);
    let [mut heard, mut phantom] = [0; 2].map(|_| [0; 2].map(|_| vec![Complex::ZERO; highest]));
    for bin in 1..highest {
        let frequency_hz = bins.frequency_hz(bin);
        let ears = transfer::to_ears(drivers, head, &listener, frequency_hz);
        let ideal = transfer::ideal_phantom(head, device.listener.distance_m, frequency_hz);
        for ear in 0..2 {
            heard[ear][bin] = ears[ear].iter().zip(center.iter()).map(|(c, h)| c * h[bin]).sum();
            phantom[ear][bin] = ideal[ear];
        }
    }
    let [now, wanted] = [heard, phantom].map(|ears| pink_energy(bins, &ears[0]) + pink_energy(bins, &ears[1]));
    let gain = (wanted / now.max(1e-300)).sqrt();
    center.iter_mut().flatten().for_each(|h| *h *= gain);
}
