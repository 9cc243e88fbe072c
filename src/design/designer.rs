//! The whole design, step by step.

use crate::acoustics::{Complex, phasor};
use crate::dsp::biquad::{BiquadKind, BiquadSpec};

use super::beam::Beamformer;
use super::crosstalk::{Canceller, Target};
use super::curve::LogGrid;
use super::device::{Device, Driver};
use super::evaluate::bands::pink_energy;
use super::evaluate::{Figures, evaluate};
use super::file::{Form, Role};
use super::filter_set::FilterSet;
use super::fir::{self, Bins};
use super::{IDEAL_ANGLE_DEG, rtf, transfer};

/// Points an octave on which λ is searched.
const GRID_PER_OCTAVE: f64 = 48.0;
/// Below this nothing is solved anew: no driver here plays it.
const LOWEST_HZ: f64 = 20.0;
/// Filters are held constant in level from this part of the Nyquist frequency on.
const HIGHEST_PART: f64 = 0.9;
/// The own driver's filters keep their early energy below this, dB.
const EARLY_ENERGY_DB: f64 = -18.0;
/// No filter is louder than its program's median by more than this, dB.
const MAX_BOOST_DB: f64 = 24.0;
/// Loudness aimed at, re a flat downmix on the same drivers, dB.
const LOUDNESS_DB: f64 = -2.5;
/// Largest make-up gain, dB.
const MAX_MAKEUP_DB: f64 = 24.0;
/// A high-pass lies below the lowest frequency its drivers serve by this factor, so that the band itself stays flat.
const HIGH_PASS_PART: f64 = 0.7;

/// A finished design.
#[derive(Debug, Clone)]
pub struct Design {
    /// The filters and all around them.
    pub filters: FilterSet,
    /// What they do.
    pub figures: Figures,
    /// What the device cannot do, and why: a sentence each.
    pub notes: Vec<String>,
}

/// Complex responses `[driver][bin]` of one input.
type Spectra = Vec<Vec<Complex>>;

/// Designs the filters of a device and evaluates them. `progress` hears the part done, 0 to 1.
pub fn design(device: &Device, progress: &dyn Fn(f64)) -> Design {
    let bins = Bins::for_taps(device.taps, f64::from(device.sample_rate_hz));
    let array = device.indices_of(Role::Array);
    let mut notes = Vec::new();
    progress(0.0);
    let mut spectra = if array.len() == 1 {
        mono(device, array[0], bins, &mut notes)
    } else {
        spatial(device, &array, bins, &mut notes, progress)
    };
    progress(0.7);
    for (input, spectra) in spectra.iter_mut().enumerate() {
        add_band_drivers(device, input, spectra, bins);
    }
    let mut filters = realize(device, &spectra, bins, &mut notes);
    filters.eq = equalizers(device, &array);
    progress(0.8);
    let mut figures = evaluate(device, &filters);
    // Loudness follows the make-up gain decibel by decibel.
    let makeup_db = (LOUDNESS_DB - figures.levels.loudness_re_downmix_db).clamp(0.0, MAX_MAKEUP_DB);
    filters.makeup_gain_db = (makeup_db * 10.0).round() / 10.0;
    figures.levels.makeup_gain_db = filters.makeup_gain_db;
    figures.levels.loudness_re_downmix_db += filters.makeup_gain_db;
    figures.levels.worst_case_gain_db.iter_mut().for_each(|g| *g += filters.makeup_gain_db);
    notes.extend(shortfalls(device, &figures));
    progress(1.0);
    Design { filters, figures, notes }
}

/// One driver: nothing to cancel with.
fn mono(device: &Device, driver: usize, bins: Bins, notes: &mut Vec<String>) -> [Spectra; 3] {
    notes.push("one array driver: mono; left, right and center all go to it flat".to_owned());
    [0.5, 0.5, 1.0].map(|gain| {
        let mut spectra = vec![vec![Complex::ZERO; bins.count()]; device.drivers.len()];
        spectra[driver].fill(Complex::from(gain));
        spectra
    })
}

fn spatial(
    device: &Device,
    array: &[usize],
    bins: Bins,
    notes: &mut Vec<String>,
    progress: &dyn Fn(f64),
) -> [Spectra; 3] {
    let drivers: Vec<Driver> = array.iter().map(|i| device.drivers[*i].clone()).collect();
    let grid = LogGrid::new(LOWEST_HZ, 0.5 * bins.sample_rate_hz, GRID_PER_OCTAVE);
    let highest = (HIGHEST_PART * (bins.count() - 1) as f64) as usize;
    // Outside its ends the response keeps the value there, in level.
    let clamped = |bin: usize| bins.frequency_hz(bin.min(highest)).max(LOWEST_HZ);

    let mut programs: Vec<Spectra> = Vec::new();
    for ear in 0..2 {
        let target = Target {
            ear,
            own: own_driver(&drivers, ear),
            effort_db: &device.crosstalk.effort_db,
            gain_db: &device.crosstalk.gain_db,
            virtual_angle_deg: device.virtual_angle_deg,
        };
        let canceller = Canceller::new(device, &drivers, target, &grid);
        progress(0.1 + 0.3 * ear as f64);
        let columns: Vec<Vec<Complex>> = (0..bins.count()).map(|bin| canceller.filters(clamped(bin))).collect();
        programs.push(transposed(&columns, drivers.len()));
        progress(0.3 + 0.3 * ear as f64);
    }
    for spectra in &mut programs {
        limit_boost(spectra, bins);
    }
    let owns = [own_driver(&drivers, 0), own_driver(&drivers, 1)];
    shorten_early_part(device, &mut programs, owns, bins);

    // The center on axis has the phase of L + R there, so that what the upmix leaves in L and R adds to it.
    let distance_m = device.listener.distance_m;
    let axis: Vec<Vec<Complex>> =
        (0..bins.count()).map(|bin| transfer::to_point(&drivers, [distance_m, 0.0, 0.0], clamped(bin))).collect();
    let unwound: Vec<Complex> = (0..bins.count())
        .map(|bin| {
            let sum: Complex =
                (0..drivers.len()).map(|d| axis[bin][d] * (programs[0][d][bin] + programs[1][d][bin])).sum();
            sum * phasor(2.0 * std::f64::consts::PI * clamped(bin) * distance_m / crate::acoustics::SPEED_OF_SOUND)
        })
        .collect();
    let phases = smoothed_phases(&unwound);
    let beamformer = Beamformer::new(device, &drivers, &grid);
    match beamformer.nulls_up_to_hz() {
        Some(hz) if hz.is_finite() => {
            notes.push(format!("the beam's nulls hold up to {hz:.0} Hz; above, fewer drivers play the center"))
        }
        Some(_) => {}
        None => notes.push("two drivers make no nulls at the sides: the center is their flat matched sum".to_owned()),
    }
    let columns: Vec<Vec<Complex>> = (0..bins.count())
        .map(|bin| {
            let k = crate::acoustics::wave_number(clamped(bin));
            beamformer.filters(clamped(bin), phasor(phases[bin] - k * distance_m))
        })
        .collect();
    let mut center = transposed(&columns, drivers.len());
    level_center(device, &drivers, &mut center, bins);

    let spread = |spectra: Spectra| {
        let mut all = vec![vec![Complex::ZERO; bins.count()]; device.drivers.len()];
        array.iter().zip(spectra).for_each(|(i, s)| all[*i] = s);
        all
    };
    let mut programs = programs.into_iter();
    let (left, right) = (programs.next().unwrap_or_default(), programs.next().unwrap_or_default());
    [spread(left), spread(right), spread(center)]
}

/// The driver that plays a side's program: the outermost on that side; of equals, the first.
fn own_driver(drivers: &[Driver], ear: usize) -> usize {
    let side = if ear == 0 { 1.0 } else { -1.0 };
    let mut best = 0;
    for (index, driver) in drivers.iter().enumerate() {
        if side * driver.position[1] > side * drivers[best].position[1] + 1e-6 {
            best = index;
        }
    }
    best
}

fn transposed(columns: &[Vec<Complex>], drivers: usize) -> Spectra {
    (0..drivers).map(|d| columns.iter().map(|column| column[d]).collect()).collect()
}

/// Where a level would need more than any amplifier has, it is missed instead.
fn limit_boost(spectra: &mut Spectra, bins: Bins) {
    let loudest = |spectra: &Spectra, bin: usize| spectra.iter().map(|s| s[bin].norm()).fold(0.0, f64::max);
    let mut levels: Vec<f64> = (1..bins.count())
        .filter(|b| (200.0..5000.0).contains(&bins.frequency_hz(*b)))
        .map(|b| loudest(spectra, b))
        .collect();
    levels.sort_by(f64::total_cmp);
    let Some(median) = levels.get(levels.len() / 2) else { return };
    let ceiling = median * 10f64.powf(MAX_BOOST_DB / 20.0);
    for bin in 0..bins.count() {
        let level = loudest(spectra, bin);
        if level > ceiling {
            spectra.iter_mut().for_each(|s| s[bin] *= ceiling / level);
        }
    }
}

/// Turns both programs by one common phase, as far towards minimum phase of the own drivers' filters as their early
/// energy asks for. A phase common to all drivers changes neither cancellation nor tone.
fn shorten_early_part(device: &Device, programs: &mut [Spectra], owns: [usize; 2], bins: Bins) {
    let delay = fir::modelling_delay(device.taps);
    let early = |programs: &[Spectra]| {
        programs
            .iter()
            .zip(owns)
            .map(|(p, own)| fir::early_energy_db(&fir::realize(&p[own], bins, device.taps, delay), bins.sample_rate_hz))
            .fold(f64::NEG_INFINITY, f64::max)
    };
    // Mean of both sides: the image of what L and R share must not be skewed.
    let excess: Vec<Vec<f64>> = programs
        .iter()
        .zip(owns)
        .map(|(p, own)| {
            let magnitudes: Vec<f64> = p[own].iter().map(|h| h.norm()).collect();
            let minimum = fir::minimum_phase(&magnitudes, bins);
            let mut unwrapped = 0.0;
            let mut last = 0.0;
            p[own]
                .iter()
                .zip(minimum)
                .map(|(h, m)| {
                    let raw = m - h.arg();
                    unwrapped += (raw - last + std::f64::consts::PI).rem_euclid(2.0 * std::f64::consts::PI)
                        - std::f64::consts::PI;
                    last = raw;
                    unwrapped
                })
                .collect()
        })
        .collect();
    let original = programs.to_vec();
    for part in [0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0] {
        for (program, source) in programs.iter_mut().zip(&original) {
            for (spectrum, from) in program.iter_mut().zip(source) {
                for (bin, value) in spectrum.iter_mut().enumerate() {
                    *value = from[bin] * phasor(part * 0.5 * (excess[0][bin] + excess[1][bin]));
                }
            }
        }
        if early(programs) <= EARLY_ENERGY_DB {
            return;
        }
    }
}

/// Phases of a spectrum, averaged as complex numbers over about a third of an octave.
fn smoothed_phases(spectrum: &[Complex]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(spectrum.len() + 1);
    let mut sum = Complex::ZERO;
    sums.push(sum);
    for value in spectrum {
        sum += value;
        sums.push(sum);
    }
    (0..spectrum.len())
        .map(|bin| {
            let reach = (bin as f64 * 0.06) as usize;
            (sums[(bin + reach + 1).min(spectrum.len())] - sums[bin - reach.min(bin)]).arg()
        })
        .collect()
}

/// Scales the center to what the ideal pair's phantom center has at the ears.
fn level_center(device: &Device, drivers: &[Driver], center: &mut Spectra, bins: Bins) {
    let head = &device.listener.head;
    let listener = crate::acoustics::Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let highest = super::evaluate::bands::highest(bins);
    let (mut device_ears, mut phantom) = (vec![Complex::ZERO; 2 * highest], vec![Complex::ZERO; highest]);
    let (left_ear, right_ear) = device_ears.split_at_mut(highest);
    for bin in 1..highest {
        let frequency_hz = bins.frequency_hz(bin);
        let [left, right] = transfer::to_ears(drivers, head, &listener, frequency_hz);
        left_ear[bin] = left.iter().zip(center.iter()).map(|(c, h)| c * h[bin]).sum();
        right_ear[bin] = right.iter().zip(center.iter()).map(|(c, h)| c * h[bin]).sum();
        let [near, far] = transfer::ideal_ears(head, IDEAL_ANGLE_DEG, device.listener.distance_m, frequency_hz);
        phantom[bin] = near + far;
    }
    let now = 0.5 * (pink_energy(bins, left_ear) + pink_energy(bins, right_ear));
    let gain = (pink_energy(bins, &phantom) / now.max(1e-300)).sqrt();
    center.iter_mut().flatten().for_each(|h| *h *= gain);
}

/// Woofers and tweeters outside the array: the level of the array's program in its own phase, shared evenly.
fn add_band_drivers(device: &Device, input: usize, spectra: &mut Spectra, bins: Bins) {
    let array = device.indices_of(Role::Array);
    let point = [device.listener.distance_m, 0.0, 0.0];
    for role in [Role::Woofer, Role::Tweeter] {
        let members = device.band_only(role);
        let crossover_hz = match role {
            Role::Woofer => device.low_crossover_hz,
            _ => device.high_crossover_hz,
        };
        let Some(crossover_hz) = crossover_hz else { continue };
        for &member in &members {
            let band = device.drivers[member].band_hz;
            let mut values: Vec<Complex> = (0..bins.count())
                .map(|bin| {
                    // Beyond its band, and beyond the octave after the crossover, the value at the end is held.
                    let (low, high) = match role {
                        Role::Woofer => (band.0.max(LOWEST_HZ), band.1.min(2.0 * crossover_hz)),
                        _ => (band.0.max(0.5 * crossover_hz), band.1.min(HIGHEST_PART * 0.5 * bins.sample_rate_hz)),
                    };
                    let frequency_hz = bins.frequency_hz(bin).clamp(low, high.max(low));
                    let at = ((frequency_hz / bins.frequency_hz(1)).round() as usize).min(bins.count() - 1);
                    let field = transfer::to_point(&device.drivers, point, frequency_hz);
                    let wanted: Complex = match input {
                        // Both ears hear the lows alike: what matters is the level of the ipsilateral ear.
                        0 | 1 => {
                            let ears = transfer::to_ears(
                                &device.drivers,
                                &device.listener.head,
                                &crate::acoustics::Listener::at(point),
                                frequency_hz,
                            );
                            let heard: Complex = array.iter().map(|i| ears[input][*i] * spectra[*i][at]).sum();
                            heard / ears[input][member] * field[member]
                        }
                        _ => array.iter().map(|i| field[*i] * spectra[*i][at]).sum(),
                    };
                    let value = wanted / field[member] / members.len() as f64;
                    // Held in level, but the flight time goes on.
                    let path = phasor(
                        2.0 * std::f64::consts::PI
                            * (frequency_hz - bins.frequency_hz(bin))
                            * delay_s(device, &array, member),
                    );
                    value * path
                })
                .collect();
            values[0] = Complex::from(values[0].norm() * values[0].re.signum());
            spectra[member] = values;
        }
    }
}

/// How much later than the member the array's sound arrives, s.
fn delay_s(device: &Device, array: &[usize], member: usize) -> f64 {
    use crate::acoustics::vector::{norm, sub};
    let point = [device.listener.distance_m, 0.0, 0.0];
    let flight = |i: usize| norm(sub(point, device.drivers[i].position)) / crate::acoustics::SPEED_OF_SOUND;
    array.iter().map(|i| flight(*i)).sum::<f64>() / array.len() as f64 - flight(member)
}

/// Filters from spectra, the strongest at 0 dB.
fn realize(device: &Device, spectra: &[Spectra; 3], bins: Bins, notes: &mut Vec<String>) -> FilterSet {
    let taps = device.taps;
    let mut firs: Vec<Vec<f64>> = Vec::with_capacity(3 * device.drivers.len());
    let mut paths = None;
    match device.form {
        Form::Full => {
            let delay = fir::modelling_delay(taps);
            firs.extend(spectra.iter().flatten().map(|h| fir::realize(h, bins, taps, delay)));
        }
        Form::Rtf => {
            let relative = rtf::relative(device, spectra, bins);
            notes.extend(relative.notes);
            firs = relative.firs;
            paths = Some(relative.paths);
        }
    }
    let mut set = FilterSet {
        sample_rate_hz: device.sample_rate_hz,
        drivers: device.drivers.len(),
        firs,
        eq: vec![Vec::new(); device.drivers.len()],
        gain_db: vec![0.0; device.drivers.len()],
        delay_frames: vec![0; device.drivers.len()],
        path_delay_frames: [0; 3],
        makeup_gain_db: 0.0,
        rtf: paths,
    };
    let loudest = set.responses(bins).iter().flatten().flatten().map(|h| h.norm()).fold(0.0, f64::max);
    if loudest > 0.0 {
        for (index, filter) in set.firs.iter_mut().enumerate() {
            let scaled = set.rtf.is_none_or(|paths| paths[index / set.drivers].own == index % set.drivers);
            if scaled {
                filter.iter_mut().for_each(|v| *v /= loudest);
            }
        }
    }
    // The file holds 32-bit floats: what is evaluated is what will be played.
    set.firs.iter_mut().flatten().for_each(|v| *v = f64::from(*v as f32));
    set
}

/// Crossovers (LR4) and the high-passes that keep drivers in their bands.
fn equalizers(device: &Device, array: &[usize]) -> Vec<Vec<BiquadSpec>> {
    let section = |kind: BiquadKind, frequency_hz: f64| BiquadSpec {
        kind,
        frequency_hz: frequency_hz as f32,
        q: std::f32::consts::FRAC_1_SQRT_2,
        gain_db: 0.0,
    };
    let nyquist = 0.5 * f64::from(device.sample_rate_hz);
    let lowest = array.iter().map(|i| device.drivers[*i].band_hz.0).fold(f64::INFINITY, f64::min);
    let woofers = !device.band_only(Role::Woofer).is_empty();
    device
        .drivers
        .iter()
        .map(|driver| {
            let mut eq = Vec::new();
            let in_array = driver.is(Role::Array);
            let mut lr4 = |kind: BiquadKind, hz: f64| eq.extend([section(kind, hz), section(kind, hz)]);
            let (high, low) = (BiquadKind::HighPass, BiquadKind::LowPass);
            if let Some(hz) = device.low_crossover_hz.filter(|_| woofers) {
                lr4(if in_array || driver.is(Role::Tweeter) { high } else { low }, hz);
            }
            if let Some(hz) = device.high_crossover_hz.filter(|_| !device.band_only(Role::Tweeter).is_empty()) {
                lr4(if driver.is(Role::Tweeter) && !in_array { high } else { low }, hz);
            }
            // One corner for the whole array: different ones would turn its phases apart.
            let protective = if in_array {
                let asked = array.iter().filter_map(|i| device.drivers[*i].high_pass_hz).reduce(f64::max);
                asked.or((!woofers).then_some(HIGH_PASS_PART * lowest))
            } else {
                driver.high_pass_hz.or(driver.is(Role::Woofer).then_some(HIGH_PASS_PART * driver.band_hz.0))
            };
            if let Some(hz) = protective.filter(|hz| *hz >= 15.0 && *hz < nyquist) {
                eq.push(section(high, hz));
            }
            eq
        })
        .collect()
}

/// Where the design stays short of its target, by how much, and why.
fn shortfalls(device: &Device, figures: &Figures) -> Vec<String> {
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
