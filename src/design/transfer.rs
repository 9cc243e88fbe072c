//! Driver → ear transfer vectors for all drivers of a device.

use crate::acoustics::vector::Vec3;
use crate::acoustics::{Complex, Head, Listener, wave_number};

use super::device::{Device, Driver};

/// Transfers from every driver to the two ears at one frequency: `[left, right]`, each one value a driver.
pub type EarVectors = [Vec<Complex>; 2];

/// Transfers to the ears of a listener, at one frequency. What a driver is wired to (polarity, gain, delay) is in them.
pub fn to_ears(drivers: &[Driver], head: &Head, listener: &Listener, frequency_hz: f64) -> EarVectors {
    let mut head = head.at(wave_number(frequency_hz));
    let mut ears = [Vec::with_capacity(drivers.len()), Vec::with_capacity(drivers.len())];
    for driver in drivers {
        let [left, right] = head.ears(&driver.radiator, listener);
        let wiring = driver.wiring(frequency_hz);
        ears[0].push(left * wiring);
        ears[1].push(right * wiring);
    }
    ears
}

/// Transfers to a point without a head.
pub fn to_point(drivers: &[Driver], point: Vec3, frequency_hz: f64) -> Vec<Complex> {
    let k = wave_number(frequency_hz);
    drivers.iter().map(|d| d.radiator.pressure(k, point) * d.wiring(frequency_hz)).collect()
}

/// Where the listener's head is designed for: the design point first, then the lateral window's other positions.
pub fn design_listeners(device: &Device) -> Vec<Listener> {
    let (x, window) = (device.listener.distance_m, device.listener.window_m);
    let offsets: &[f64] = if window > 0.0 { &[0.0, -1.0, -0.5, 0.5, 1.0] } else { &[0.0] };
    offsets.iter().map(|part| Listener::at([x, part * window, 0.0])).collect()
}

/// A source of unit volume acceleration at an azimuth as the listener hears it: the ears' response to one of the
/// ideal pair. Positive azimuth is to the listener's left.
pub fn ideal_ears(head: &Head, azimuth_deg: f64, distance_m: f64, frequency_hz: f64) -> [Complex; 2] {
    use crate::acoustics::{Model, Radiator};
    let (sin, cos) = azimuth_deg.to_radians().sin_cos();
    // The listener stands where the device's frame has them; the source `distance_m` away, turned about the head.
    let listener = Listener::at([distance_m, 0.0, 0.0]);
    let position = [distance_m - distance_m * cos, distance_m * sin, 0.0];
    head.ears(wave_number(frequency_hz), &Radiator::new(Model::Monopole { position }), &listener)
}
