//! The living room wall by wall (Allen & Berkley, JASA 65, 1979), with what each driver radiates towards every wall: does
//! the printable model of `evaluate::room` say the same, and where do a side's onsets seem to come from?

use std::f64::consts::{PI, TAU};

use crate::acoustics::spherical::SphereHeadSeries;
use crate::acoustics::vector::{Vec3, direction, dot, norm, unit};
use crate::acoustics::{Complex, Listener, wave_number};

use super::evaluate::bands::thirds;
use super::evaluate::mismatch::Random;
use super::fir::{self, Bins};
use super::tests::SHIPPED;
use super::{Design, Device, IDEAL_ANGLE_DEG, transfer};

/// A living room of 60 m³, and what its walls reflect of a wave's energy: 0.5 s of reverberation (Eyring).
const ROOM_M: Vec3 = [5.0, 4.8, 2.5];
const REFLECTED: f64 = 0.82;
/// Where the device stands in it, facing along the first axis, and the listener 2 m before it.
const DEVICE_M: Vec3 = [0.9, 2.1, 1.0];
const DISTANCE_M: f64 = 2.0;
const HEAD_RADIUS_M: f64 = 0.0875;
/// Where the model's tone and level are looked at, Hz.
const TONE_HZ: (f64, f64) = (200.0, 8000.0);

/// A listener as one image of the room has him: where he is re a source that faces along the first axis, his left ear's
/// axis, and the energy that the walls on the way leave.
struct Image {
    listener: Vec3,
    left_ear: Vec3,
    left: f64,
}

/// The images of a listener no farther than `farthest_m` from a source, itself the first: whether a wall mirrors the source
/// or the listener is the same.
fn images(source: Vec3, listener: Vec3, farthest_m: f64) -> Vec<Image> {
    let along = |axis: usize| {
        let count = (farthest_m / ROOM_M[axis]).ceil() as i32;
        let pair = move |n: i32| {
            let room = 2.0 * f64::from(n) * ROOM_M[axis];
            [(room + listener[axis], 1.0, (2 * n).abs()), (room - listener[axis], -1.0, (2 * n - 1).abs())]
        };
        (-count..=count).flat_map(pair).map(move |(at, sign, walls)| (at - source[axis], sign, walls))
    };
    let all = along(0).flat_map(|x| along(1).flat_map(move |y| along(2).map(move |z| [x, y, z])));
    let mut images: Vec<Image> = all
        .map(|axes| Image {
            listener: axes.map(|a| a.0),
            left_ear: [0.0, axes[1].1, 0.0],
            left: REFLECTED.powi(axes.iter().map(|a| a.2).sum()),
        })
        .filter(|image| norm(image.listener) <= farthest_m)
        .collect();
    images.sort_by(|a, b| norm(a.listener).total_cmp(&norm(b.listener)));
    images
}

/// Far-field energy at 1 m over a grid of directions, every 5°.
struct Pattern(Vec<f64>);

impl Pattern {
    const STEP_DEG: f64 = 5.0;
    const AZIMUTHS: usize = 72;

    /// Of filters on a device's drivers.
    fn new(device: &Device, filters: &[Complex], frequency_hz: f64) -> Self {
        let far_m = 4.0;
        let directions: Vec<Vec3> = (0..=36)
            .flat_map(|e| (0..Self::AZIMUTHS).map(move |a| (a as f64, f64::from(e) - 18.0)))
            .map(|(a, e)| direction(a * Self::STEP_DEG, e * Self::STEP_DEG))
            .collect();
        let k = wave_number(frequency_hz);
        let mut sum = vec![Complex::ZERO; directions.len()];
        for (driver, h) in device.drivers.iter().zip(filters) {
            let field = driver.radiator.pressures_on_sphere(k, &directions, far_m);
            sum.iter_mut().zip(field).for_each(|(sum, p)| *sum += p * driver.wiring(frequency_hz) * h);
        }
        Self(sum.into_iter().map(|p| p.norm_sqr() * far_m * far_m).collect())
    }

    /// Interpolated over azimuth and elevation.
    fn towards(&self, at: Vec3) -> f64 {
        let [x, y, z] = unit(at);
        let azimuth = (y.atan2(x).rem_euclid(TAU)).to_degrees() / Self::STEP_DEG;
        let elevation = (z.asin().to_degrees() + 90.0) / Self::STEP_DEG;
        let (a, e) = (azimuth.floor(), elevation.floor().min(35.0));
        let at = |e: f64, a: f64| self.0[e as usize * Self::AZIMUTHS + a as usize % Self::AZIMUTHS];
        let (across, up) = (azimuth - a, elevation - e);
        let ring = |e: f64| at(e, a) * (1.0 - across) + at(e, a + 1.0) * across;
        ring(e) * (1.0 - up) + ring(e + 1.0) * up
    }
}

/// Energy at both ears of a head from all of a source's images; `towards` is the source's energy at 1 m.
fn energy(images: &[Image], head: &[f64; 181], towards: impl Fn(Vec3) -> f64) -> f64 {
    let ears = |image: &Image| {
        let lateral = -dot(unit(image.listener), image.left_ear);
        let of = |cos: f64| head[(90.0 * (cos + 1.0)).round() as usize];
        of(lateral) + of(-lateral)
    };
    images.iter().map(|i| i.left * towards(i.listener) * ears(i) / dot(i.listener, i.listener)).sum()
}

/// What the model predicts, computed image by image: tone as standard deviation and hump of a side, and the sides re the
/// center, dB.
fn wall_by_wall(device: &Device, made: &Design) -> [f64; 3] {
    let bins = Bins { length: 16_384, sample_rate_hz: 48_000.0 };
    let responses = made.filters.responses(bins);
    let listener = [DEVICE_M[0] + DISTANCE_M, DEVICE_M[1], DEVICE_M[2]];
    // Up to where 97 % of the energy has arrived.
    let farthest_m = 45.0;
    let of_device = images(DEVICE_M, listener, farthest_m);
    let (sin, cos) = IDEAL_ANGLE_DEG.to_radians().sin_cos();
    let of_pair = [1.0, -1.0].map(|side| {
        let at = [listener[0] - DISTANCE_M * cos, listener[1] + side * DISTANCE_M * sin, listener[2]];
        images(at, listener, farthest_m)
    });
    let [mut sides, mut centers] = [Vec::new(), Vec::new()];
    for (low_hz, high_hz) in thirds(TONE_HZ) {
        // [left, right, center], [one loudspeaker, the phantom center]
        let (mut device_energy, mut pair_energy) = ([0.0; 3], [0.0; 2]);
        for part in [1.0 / 6.0, 0.5, 5.0 / 6.0] {
            let bin = ((low_hz + part * (high_hz - low_hz)) / bins.frequency_hz(1)).round() as usize;
            let frequency_hz = bins.frequency_hz(bin);
            let series = SphereHeadSeries::new(wave_number(frequency_hz), HEAD_RADIUS_M, DISTANCE_M);
            let head = std::array::from_fn(|i| series.at(Complex::from(i as f64 / 90.0 - 1.0)).norm_sqr());
            for (program, sum) in device_energy.iter_mut().enumerate() {
                let filters: Vec<Complex> = responses[program].iter().map(|h| h[bin]).collect();
                let pattern = Pattern::new(device, &filters, frequency_hz);
                *sum += energy(&of_device, &head, |at| pattern.towards(at));
            }
            let each = of_pair.each_ref().map(|images| energy(images, &head, |_| 1.0));
            // Only the direct sounds of the two add in step.
            let direct = transfer::ideal_ears(&device.listener.head, IDEAL_ANGLE_DEG, DISTANCE_M, frequency_hz);
            let in_step = 2.0 * (direct[0] + direct[1]).norm_sqr();
            let apart = 2.0 * (direct[0].norm_sqr() + direct[1].norm_sqr());
            pair_energy[0] += 0.5 * (each[0] + each[1]);
            pair_energy[1] += each[0] + each[1] + in_step - apart;
        }
        sides.push(0.5 * (device_energy[0] + device_energy[1]) / pair_energy[0]);
        centers.push(device_energy[2] / pair_energy[1]);
    }
    let thirds_db: Vec<f64> = sides.iter().map(|t| 10.0 * t.log10()).collect();
    let mean = thirds_db.iter().sum::<f64>() / thirds_db.len() as f64;
    let square = thirds_db.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / thirds_db.len() as f64;
    let hump = thirds_db.iter().map(|t| t - mean).fold(f64::NEG_INFINITY, f64::max);
    let centers_db = centers.iter().map(|t| 10.0 * t.log10()).sum::<f64>() / centers.len() as f64;
    [square.sqrt(), hump, mean - centers_db]
}

#[test]
fn the_printable_model_says_what_the_walls_say() {
    let both = |(device, design): &(Device, Design)| {
        (device.name.clone(), wall_by_wall(device, design), {
            let room = &design.figures.room;
            [room.tone_rms_db, room.tone_hump_db, room.sides_re_center_db]
        })
    };
    let rows: Vec<_> = SHIPPED.iter().map(both).collect();
    for (name, walls, model) in &rows {
        println!(
            "{name:<14} walls: tone {:.2} / {:.2}, sides {:+.2}; model: tone {:.2} / {:.2}, sides {:+.2}",
            walls[0], walls[1], walls[2], model[0], model[1], model[2]
        );
    }
    for (name, walls, model) in rows {
        walls.iter().zip(model).for_each(|(a, b)| assert!((a - b).abs() <= 1.0, "{name}: {walls:?}, model {model:?}"));
    }
}

/// Ear signals of a side's program in the room, from all that arrives within 12 ms of the direct sound.
fn early_responses(device: &Device, made: &Design) -> [Vec<f64>; 2] {
    let bins = Bins { length: 2048, sample_rate_hz: 48_000.0 };
    let left = &made.filters.responses(bins)[0];
    let listener = [DEVICE_M[0] + DISTANCE_M, DEVICE_M[1], DEVICE_M[2]];
    let images = images(DEVICE_M, listener, DISTANCE_M + 4.1);
    let spectra = [0, 1].map(|ear| {
        let at = |bin: usize| {
            let frequency_hz = bins.frequency_hz(bin);
            if !(100.0..10_000.0).contains(&frequency_hz) {
                return Complex::ZERO;
            }
            let heard = |image: &Image| -> Complex {
                let ears = transfer::to_ears(
                    &device.drivers,
                    &device.listener.head,
                    &Listener::at(image.listener),
                    frequency_hz,
                );
                // A wall at the side changes over left and right.
                let ear = if image.left_ear[1] < 0.0 { 1 - ear } else { ear };
                ears[ear].iter().zip(left).map(|(c, h)| c * h[bin]).sum::<Complex>() * image.left.sqrt()
            };
            images.iter().map(heard).sum()
        };
        (0..bins.count()).map(at).collect::<Vec<Complex>>()
    });
    spectra.map(|spectrum| fir::inverse(&spectrum, bins))
}

/// The part of the onsets of bursts of noise on the left channel whose cues point to the left: third octaves' time
/// differences 250 Hz to 1.5 kHz, and level differences 2 to 8 kHz, in the 10 ms from when the direct sound arrives.
fn onsets_on_the_left(responses: &[Vec<f64>; 2]) -> [f64; 2] {
    const BURSTS: usize = 40;
    const WINDOW: usize = 480;
    let bins = Bins { length: 2048, sample_rate_hz: 48_000.0 };
    let starts = {
        let energy: f64 = responses.iter().flatten().map(|v| v * v).sum();
        let mut so_far = 0.0;
        let early = |n: &usize| {
            so_far += responses.iter().map(|r| r[*n].powi(2)).sum::<f64>();
            so_far >= 0.1 * energy
        };
        (0..responses[0].len()).find(early).unwrap_or(0).saturating_sub(24)
    };
    let mut random = Random::new(7);
    let ranges = [(250.0, 1500.0), (2000.0, 8000.0)];
    let (mut left, mut all) = ([0.0; 2], [0.0; 2]);
    for _ in 0..BURSTS {
        let noise: Vec<f64> = (0..starts + WINDOW).map(|_| random.normal()).collect();
        let heard = responses.each_ref().map(|response| {
            let at = |n: usize| -> f64 { (0..=n).map(|m| noise[m] * response[n - m]).sum() };
            let window = |i: usize| 0.5 + 0.5 * (PI * i as f64 / WINDOW as f64).cos();
            let samples: Vec<f64> = (0..WINDOW).map(|i| at(starts + i) * window(i)).collect();
            fir::response(&samples, bins)
        });
        for (cue, range) in ranges.iter().enumerate() {
            for (low_hz, high_hz) in thirds(*range) {
                let band = (low_hz / bins.frequency_hz(1)).ceil() as usize..(high_hz / bins.frequency_hz(1)) as usize;
                let cross: Complex = band.clone().map(|b| heard[0][b] * heard[1][b].conj()).sum();
                let level = |ear: usize| band.clone().map(|b| heard[ear][b].norm_sqr()).sum::<f64>();
                let points_left = if cue == 0 { cross.im > 0.0 } else { level(0) > level(1) };
                left[cue] += f64::from(u8::from(points_left));
                all[cue] += 1.0;
            }
        }
    }
    [left[0] / all[0], left[1] / all[1]]
}

#[test]
fn the_onsets_of_a_side_are_on_its_side() {
    let rows: Vec<(String, [f64; 2])> = SHIPPED
        .iter()
        .map(|(device, design)| (device.name.clone(), onsets_on_the_left(&early_responses(device, design))))
        .collect();
    for (name, parts) in &rows {
        println!(
            "{name:<14} onsets on the left: {:.0} % by time, {:.0} % by level",
            100.0 * parts[0],
            100.0 * parts[1]
        );
    }
    for (name, [time, level]) in rows {
        assert!(0.5 * (time + level) >= 0.85, "{name}: {time:.2} by time, {level:.2} by level");
    }
}
