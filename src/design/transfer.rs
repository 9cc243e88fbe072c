//! Driver → ear transfer vectors for all drivers of a device.

use crate::acoustics::vector::{Vec3, norm, sub};
use crate::acoustics::{Complex, Head, Listener, wave_number};

use super::IDEAL_ANGLE_DEG;
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

/// Below this the cancellation holds over the window, above [`WIDE_FROM_HZ`] over [`WIDENING`] times as much: where the
/// wave is short a null that fits one place only throws the treble to the wrong side 10 cm beside it.
const NARROW_TO_HZ: f64 = 1200.0;
const WIDE_FROM_HZ: f64 = 3000.0;
const WIDENING: f64 = 3.5;
/// … and without a virtual source, where all that counts is cancellation.
const WIDENING_ALONE: f64 = 3.0;
/// Places across the window, re its half-width; the design point first.
pub const ACROSS: [f64; 7] = [0.0, -1.0, -2.0 / 3.0, -1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0, 1.0];
/// Distances a wide device is designed for, re the listener's.
const NEARER_AND_FARTHER: [f64; 2] = [0.75, 1.25];
/// A device is wide if the wave fronts of its outermost drivers, seen from those distances, part by this much, m: a
/// quarter of the wavelength at 8 kHz.
const PARTS_M: f64 = 0.01;

/// How far the window is on its way to its width in the treble, 0 to 1.
pub fn widened(frequency_hz: f64) -> f64 {
    ((frequency_hz / NARROW_TO_HZ).ln() / (WIDE_FROM_HZ / NARROW_TO_HZ).ln()).clamp(0.0, 1.0)
}

/// Where the listener's head is designed for at a frequency: the design point first, then the places of the lateral
/// window; before and behind it as well where the device is so wide that its filters would hold at one distance only.
pub fn design_listeners(device: &Device, drivers: &[Driver], frequency_hz: f64) -> Vec<Listener> {
    let distance_m = device.listener.distance_m;
    let most = if device.virtual_angle_deg.is_some() { WIDENING } else { WIDENING_ALONE };
    let window_m = device.listener.window_m * most.powf(widened(frequency_hz));
    let across: &[f64] = if window_m > 0.0 { &ACROSS } else { &ACROSS[..1] };
    let mut places: Vec<Listener> =
        across.iter().map(|part| Listener::at([distance_m, part * window_m, 0.0])).collect();
    let half_m = drivers.iter().map(|d| d.position[1].abs()).fold(0.0, f64::max);
    // How much farther the outermost driver is than the middle.
    let excess_m = |distance_m: f64| distance_m.hypot(half_m) - distance_m;
    let [near_m, far_m] = NEARER_AND_FARTHER.map(|part| part * distance_m);
    if window_m > 0.0 && excess_m(near_m) - excess_m(far_m) > PARTS_M {
        let clear = |place: &Listener| {
            drivers.iter().all(|d| norm(sub(place.position, d.position)) > 2.0 * device.listener.head.radius_m())
        };
        let beside =
            [near_m, far_m].into_iter().flat_map(|x| [-0.5, 0.5].map(|y| Listener::at([x, y * window_m, 0.0])));
        places.extend(beside.filter(clear));
    }
    places
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

/// What the ears hear of a pair's left loudspeaker (0) or right one (1), `angle_deg` to its side. A measured head is no mirror
/// image of itself: either has ear signals of its own.
pub fn ears_of_side(head: &Head, side: usize, angle_deg: f64, distance_m: f64, frequency_hz: f64) -> [Complex; 2] {
    let azimuth_deg = if side == 0 { angle_deg } else { -angle_deg };
    ideal_ears(head, azimuth_deg, distance_m, frequency_hz)
}

/// The same of the ideal pair.
pub fn ideal_side(head: &Head, side: usize, distance_m: f64, frequency_hz: f64) -> [Complex; 2] {
    ears_of_side(head, side, IDEAL_ANGLE_DEG, distance_m, frequency_hz)
}

/// What the ears hear of both at once.
pub fn ideal_phantom(head: &Head, distance_m: f64, frequency_hz: f64) -> [Complex; 2] {
    let [left, right] = [0, 1].map(|side| ideal_side(head, side, distance_m, frequency_hz));
    [left[0] + right[0], left[1] + right[1]]
}
