//! From what somebody heard to how drivers are wired, and which sounds tell it.

use crate::acoustics::SPEED_OF_SOUND;
use crate::acoustics::vector::{norm, sub};
use crate::design::Device;
use crate::design::device::Driver;

/// Where people tell best where a sound comes from, in Hz.
const TELLING_HZ: [f64; 2] = [500.0, 4000.0];
/// The least that sounds like noise.
const LEAST_OCTAVES: f64 = 1.0;
/// A part of two drivers' bands in which polarity is heard: from its low end on, but not beyond what is fuller in phase.
const POLARITY_OCTAVES: f64 = 2.0;
const LEAST_POLARITY_OCTAVES: f64 = 0.6;

/// What a driver may be given, low and high, in Hz.
fn allowed(driver: &Driver) -> [f64; 2] {
    [driver.band_hz.0.max(driver.high_pass_hz.unwrap_or(0.0)), driver.band_hz.1]
}

fn common(bands: impl Iterator<Item = [f64; 2]>) -> [f64; 2] {
    bands.fold([0.0, f64::INFINITY], |common, band| [common[0].max(band[0]), common[1].min(band[1])])
}

fn octaves([low, high]: [f64; 2]) -> f64 {
    (high / low).log2()
}

/// The part of `band` by which a driver is told best: an octave at least, where the band has one.
fn telling([low, high]: [f64; 2]) -> [f64; 2] {
    let [from, to] = TELLING_HZ;
    let inside = [from.max(low), to.min(high)];
    if octaves(inside) >= LEAST_OCTAVES {
        return inside;
    }
    let wide = 2f64.powf(2.0 * LEAST_OCTAVES);
    if low > from { [low, high.min(low * wide)] } else { [low.max(high / wide), high] }
}

/// A band that all `drivers` allow: whichever of them is wired to a channel, it may play this. `None`: they share none.
pub fn safe_band<'a>(drivers: impl Iterator<Item = &'a Driver>) -> Option<[f64; 2]> {
    let band = common(drivers.map(allowed));
    (octaves(band) >= LEAST_OCTAVES).then(|| telling(band))
}

/// The band of the sound on the channel that the description gives to `driver`: one that every driver of the device may
/// play, as it may be another one's wire; its own where they share none.
pub fn band(device: &Device, driver: &Driver) -> [f64; 2] {
    safe_band(device.drivers.iter()).unwrap_or_else(|| telling(allowed(driver)))
}

/// The channel of every driver, from what was heard: on which channel, which driver.
///
/// # Errors
/// Why that tells no wiring: a driver that was not heard, or on several channels.
pub fn channels(device: &Device, heard: &[(usize, Option<usize>)]) -> Result<Vec<usize>, String> {
    let channel = |(index, driver): (usize, &Driver)| {
        let on: Vec<usize> = heard.iter().filter(|(_, heard)| *heard == Some(index)).map(|(on, _)| *on).collect();
        match on[..] {
            [channel] => Ok(channel),
            [] => Err(format!("`{}` was heard on no channel: look after its wires and amplifier", driver.name)),
            [first, second, ..] => Err(format!(
                "`{}` was heard on channels {first} and {second}: try again, or look whether it is wired to both",
                driver.name
            )),
        }
    };
    device.drivers.iter().enumerate().map(channel).collect()
}

/// Two drivers that are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Index of the one.
    pub first: usize,
    /// Index of the other.
    pub second: usize,
    /// Where they are fuller in phase, in Hz.
    pub band_hz: [f64; 2],
}

/// The pairs that tell all polarities: each driver with the nearest of those before it. Drivers that share no band in
/// which half a wave is longer than their distance are in none: neither way is fuller there.
pub fn pairs(device: &Device) -> Vec<Pair> {
    let drivers = &device.drivers;
    let pair = |second: usize| {
        let candidates = (0..second).filter_map(|first| {
            let distance_m = norm(sub(drivers[first].position, drivers[second].position));
            let [low, high] = common([first, second].into_iter().map(|i| allowed(&drivers[i])));
            let half_wave_hz = 0.5 * SPEED_OF_SOUND / distance_m;
            let band_hz = [low, high.min(half_wave_hz).min(low * 2f64.powf(POLARITY_OCTAVES))];
            (octaves(band_hz) >= LEAST_POLARITY_OCTAVES).then_some((distance_m, Pair { first, second, band_hz }))
        });
        candidates.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, pair)| pair)
    };
    (1..drivers.len()).filter_map(pair).collect()
}

/// Which of so many drivers are turned over against the description, from pairs and whether they were found opposed. Of
/// drivers that are tied together the fewer count as turned over: all of them together sound the same.
pub fn turned_over(drivers: usize, found: &[(Pair, bool)]) -> Vec<bool> {
    let mut group: Vec<usize> = (0..drivers).collect();
    let mut turned = vec![false; drivers];
    // The second of a pair is alone yet: pairs are in the order of their second drivers.
    for (pair, is_opposed) in found {
        group[pair.second] = group[pair.first];
        turned[pair.second] = turned[pair.first] != *is_opposed;
    }
    for root in 0..drivers {
        let members: Vec<usize> = (0..drivers).filter(|i| group[*i] == root).collect();
        if 2 * members.iter().filter(|i| turned[**i]).count() > members.len() {
            members.into_iter().for_each(|i| turned[i] = !turned[i]);
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::Source;

    fn device(text: &str) -> Device {
        Device::from_source(&Source::new(Path::new("device.toml"), text)).unwrap()
    }

    fn studio() -> Device {
        device(include_str!("../../../conf/devices/studio.toml"))
    }

    #[test]
    fn nothing_is_given_to_a_driver_beyond_its_band() {
        for text in [
            include_str!("../../../conf/devices/studio.toml"),
            include_str!("../../../conf/devices/soundbar.toml"),
            include_str!("../../../conf/devices/cylinder.toml"),
        ] {
            let device = device(text);
            let within = |[low, high]: [f64; 2], driver: &Driver| {
                let [least, most] = allowed(driver);
                least <= low && high <= most && octaves([low, high]) >= LEAST_POLARITY_OCTAVES
            };
            for driver in &device.drivers {
                assert!(within(band(&device, driver), driver), "{}: {:?}", driver.name, band(&device, driver));
            }
            for pair in pairs(&device) {
                assert!(
                    [pair.first, pair.second].iter().all(|i| within(pair.band_hz, &device.drivers[*i])),
                    "{pair:?}"
                );
            }
        }
        let device = studio();
        let bands: Vec<[f64; 2]> = device.drivers.iter().map(|driver| band(&device, driver)).collect();
        assert_eq!(bands[..], [[500.0, 4000.0], [500.0, 4000.0], [500.0, 4000.0], [2500.0, 10_000.0], [150.0, 600.0]]);
        assert_eq!(safe_band(device.drivers[..3].iter()), Some([500.0, 4000.0]));
        assert_eq!(safe_band(device.drivers.iter()), None, "woofer and tweeter share none");
        let mut high = device.drivers[3].clone();
        high.high_pass_hz = Some(3000.0);
        assert_eq!(band(&device, &high), [3000.0, 12_000.0]);
    }

    #[test]
    fn drivers_are_compared_with_their_neighbors_where_in_phase_is_fuller() {
        let device = studio();
        let pairs = pairs(&device);
        let named: Vec<_> =
            pairs.iter().map(|pair| [pair.first, pair.second].map(|i| &*device.drivers[i].name)).collect();
        assert_eq!(
            named,
            [["left", "right"], ["left", "up"], ["left", "woofer"]],
            "the tweeter is too far for its band"
        );
        for pair in &pairs {
            let [first, second] = [pair.first, pair.second].map(|i| device.drivers[i].position);
            assert!(pair.band_hz[1] <= SPEED_OF_SOUND / (2.0 * norm(sub(first, second))) + 1.0, "{pair:?}");
        }
    }

    #[test]
    fn a_wiring_is_found_or_it_is_said_why_not() {
        let device = studio();
        let heard = [(0, Some(1)), (1, Some(0)), (2, None), (3, Some(3)), (4, Some(4)), (5, None), (6, Some(2))];
        assert_eq!(channels(&device, &heard), Ok(vec![1, 0, 6, 3, 4]));
        assert!(channels(&device, &heard[..6]).unwrap_err().starts_with("`up` was heard on no channel"));
        let twice = [(0, Some(0)), (1, Some(0))];
        assert!(channels(&device, &twice).unwrap_err().starts_with("`left` was heard on channels 0 and 1"));
    }

    #[test]
    fn the_fewer_are_turned_over() {
        let pair = |first, second| Pair { first, second, band_hz: [100.0, 400.0] };
        let turned = |found: &[(Pair, bool)]| turned_over(4, found);
        assert_eq!(turned(&[(pair(0, 1), false), (pair(0, 2), false)]), [false; 4]);
        assert_eq!(turned(&[(pair(0, 1), true)]), [false, true, false, false]);
        assert_eq!(turned(&[(pair(0, 1), true), (pair(1, 2), false)]), [true, false, false, false]);
        assert_eq!(turned(&[(pair(0, 1), true), (pair(1, 2), true), (pair(2, 3), false)]), [false, true, false, false]);
        assert_eq!(turned(&[(pair(0, 1), false), (pair(2, 3), true)]), [false, false, false, true]);
    }
}
