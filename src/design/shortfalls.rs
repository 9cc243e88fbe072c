//! Where a design stays short of its target, by how much, and why.

use super::device::Device;
use super::evaluate::Figures;
use super::file::Role;

/// A sentence for each shortfall.
pub fn shortfalls(device: &Device, figures: &Figures) -> Vec<String> {
    let mut notes = Vec::new();
    if device.indices_of(Role::Array).len() < 2 {
        return notes;
    }
    if device.virtual_angle_deg.is_none() {
        let reached = figures.crosstalk.first().map_or([0.0; 6], |p| p.xtc_db);
        for (octave, center) in figures.octaves_hz.iter().enumerate() {
            let target = device.crosstalk.gain_db.at(*center);
            if reached[octave] < target - 0.5 {
                notes.push(format!(
                    "cancellation at {center} Hz is {:.1} of {target:.1} dB: more would cost over {:.1} dB of effort",
                    reached[octave],
                    device.crosstalk.effort_db.at(*center)
                ));
            }
        }
    } else {
        let (got, ideal) = (figures.interaural_delay_us.device, figures.interaural_delay_us.ideal);
        for (octave, center) in figures.octaves_hz.iter().enumerate().take(4) {
            if got[octave] < 0.75 * ideal[octave] {
                notes.push(format!(
                    "ITD at {center} Hz is {:.0} of the ideal pair's {:.0} µs: drivers this close would need over {:.1} dB of effort for more",
                    got[octave], ideal[octave], device.crosstalk.effort_db.at(*center)
                ));
            }
        }
    }
    notes
}
