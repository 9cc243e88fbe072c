//! How far the center's beam is from the best there is: `cargo run --release --manifest-path benches/optimum/Cargo.toml`.
//!
//! For each device and frequency the designer's center is taken as its filters play it. A convex program then finds the
//! filters with the least mean power over the sphere, for the same pressure on axis, with no more effort and no more
//! sensitivity to drivers that differ than the designer's have there. Nothing else binds it: its lobe may be as narrow as
//! it likes, and its filters as long.

mod optimum;

use std::f64::consts::{PI, SQRT_2};
use std::path::Path;
use std::process::ExitCode;

use spatiald::acoustics::vector::{Vec3, scale};
use spatiald::acoustics::{Complex, wave_number};
use spatiald::design::fir::Bins;
use spatiald::design::{Device, design, transfer};

use optimum::{Limits, least_power};

const OCTAVES_HZ: [f64; 4] = [500.0, 1000.0, 2000.0, 4000.0];
/// Frequencies of an octave, in the middles of as many equal parts.
const PARTS: usize = 24;
/// Directions over the sphere, and how far away they are taken, m.
const DIRECTIONS: usize = 700;
const DISTANCE_M: f64 = 2.0;
/// What the limits are widened by, so that a solution lies within and not on the edge only.
const SLACK: f64 = 1.005;

/// A column of the table: directivity index and effort, dB.
struct Beam {
    index_db: f64,
    effort_db: f64,
}

fn db(power: f64) -> f64 {
    10.0 * power.log10()
}

/// A Fibonacci lattice of points on a sphere about the device.
fn lattice() -> Vec<Vec3> {
    (0..DIRECTIONS)
        .map(|i| {
            let z = 1.0 - (2.0 * i as f64 + 1.0) / DIRECTIONS as f64;
            let turn = PI * (1.0 + 5f64.sqrt()) * (i as f64 + 0.5);
            let ring = (1.0 - z * z).sqrt();
            scale([ring * turn.cos(), ring * turn.sin(), z], DISTANCE_M)
        })
        .collect()
}

/// Designer's beam and the optimum by octave.
fn beams(device: &Device) -> Result<Vec<[Beam; 2]>, String> {
    let made = design(device, &|_| ());
    let bins = Bins { length: 16_384, sample_rate_hz: f64::from(device.sample_rate_hz) };
    let center = &made.filters.responses(bins)[2];
    let points = lattice();
    OCTAVES_HZ
        .iter()
        .map(|octave_hz| {
            // [designer, optimum]: energy on axis, mean power, effort.
            let mut sums = [[0.0; 3]; 2];
            for part in 0..PARTS {
                let wanted_hz = octave_hz / SQRT_2 * (1.0 + (part as f64 + 0.5) / PARTS as f64);
                let bin = (wanted_hz / bins.frequency_hz(1)).round() as usize;
                let frequency_hz = bins.frequency_hz(bin);
                let filters: Vec<Complex> = center.iter().map(|spectrum| spectrum[bin]).collect();
                let axis = transfer::to_point(&device.drivers, [DISTANCE_M, 0.0, 0.0], frequency_hz);
                let sphere: Vec<Vec<Complex>> = {
                    let k = wave_number(frequency_hz);
                    let directions: Vec<Vec3> = points.iter().map(|p| scale(*p, 1.0 / DISTANCE_M)).collect();
                    let each = device.drivers.iter().map(|driver| {
                        let field = driver.radiator.pressures_on_sphere(k, &directions, DISTANCE_M);
                        field.into_iter().map(|p| p * driver.wiring(frequency_hz)).collect()
                    });
                    each.collect()
                };
                let response: Complex = axis.iter().zip(&filters).map(|(c, h)| c * h).sum();
                let unit: Vec<Complex> = filters.iter().map(|h| h / response).collect();
                let limits = Limits::of(&unit, &sphere, SLACK);
                let best = least_power(&axis, &sphere, &limits).map_err(|e| format!("{frequency_hz:.0} Hz: {e}"))?;
                for (sum, filters) in sums.iter_mut().zip([&unit, &best]) {
                    let energy = response.norm_sqr();
                    sum[0] += energy;
                    sum[1] += energy * optimum::mean_power(filters, &sphere);
                    sum[2] += filters.iter().map(|h| h.norm_sqr()).sum::<f64>() / DISTANCE_M.powi(2) / PARTS as f64;
                }
            }
            Ok(sums.map(|[axis, power, effort]| Beam { index_db: db(axis / power), effort_db: db(effort) }))
        })
        .collect()
}

fn run() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("devices");
    println!("directivity index of the center, dB (effort re one flat omnidirectional driver, dB)");
    println!("{:<12}{:<12}{}", "device", "", OCTAVES_HZ.map(|hz| format!("{hz:>16}")).concat());
    for name in ["ring-of-6", "170", "bar-90"] {
        let device = Device::load(&folder.join(format!("{name}.toml"))).map_err(|e| e.to_string())?;
        let beams = beams(&device).map_err(|e| format!("{name}: {e}"))?;
        for (row, what) in ["spatiald", "optimum"].iter().enumerate() {
            let cells = beams.iter().map(|b| format!("{:>8.2} ({:>5.1})", b[row].index_db, b[row].effort_db));
            println!("{name:<12}{what:<12}{}", cells.collect::<String>());
        }
        let left = beams.iter().map(|b| format!("{:>8.2}        ", b[1].index_db - b[0].index_db));
        println!("{name:<12}{:<12}{}", "to be had", left.collect::<String>());
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("optimum: {error}");
            ExitCode::FAILURE
        }
    }
}
