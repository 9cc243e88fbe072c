//! The whole design, step by step.

use crate::acoustics::{Complex, phasor};

use super::beam::Beamformer;
use super::crosstalk::{Canceller, Lowered, Target};
use super::curve::LogGrid;
use super::device::{Device, Driver};
use super::evaluate::headroom::Played;
use super::evaluate::{Figures, before_the_limiter};
use super::file::{Form, Role};
use super::filter_set::FilterSet;
use super::fir::{self, Bins};
use super::radiation::RadiatedPower;
use super::room::Room;
use super::shortfalls::shortfalls;
use super::{LOWEST_HZ, Spectra, balance, band_drivers, boost, center, common_phase, on_both, rtf, transposed};

/// Points an octave on which λ is searched.
const GRID_PER_OCTAVE: f64 = 48.0;
/// The own driver's filters keep their early energy below this, dB.
const EARLY_ENERGY_DB: f64 = -18.0;
/// Loudness aimed at, re a flat downmix on the same drivers, dB; pink-weighted above 200 Hz. Three pieces of music came out
/// from 3 dB below that figure, with more of the lows and in the middle, to 1 dB above it.
const LOUDNESS_DB: f64 = 0.5;
/// Mean gain reduction at −14 LUFS that loudness may cost, dB: with programs unlike the synthetic ones below 2.
const MEAN_REDUCTION_DB: f64 = 1.8;
/// Largest make-up gain either way, dB.
const MAX_MAKEUP_DB: f64 = 48.0;

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

/// Designs the filters of a device and evaluates them. `progress` hears the part done, 0 to 1.
pub fn design(device: &Device, progress: &dyn Fn(f64)) -> Design {
    progress(0.0);
    let (mut filters, mut notes, given_up) = filters(device, progress);
    progress(0.8);
    let mut figures = before_the_limiter(device, &filters);
    let played = Played::new(device, &filters);
    // Loudness follows the make-up gain decibel by decibel, until the limiter takes it back.
    let loud_db = (LOUDNESS_DB - figures.levels.loudness_re_downmix_db).clamp(-MAX_MAKEUP_DB, MAX_MAKEUP_DB);
    let makeup_db = played.as_ref().map_or(loud_db, |p| p.makeup_gain_db(loud_db, MEAN_REDUCTION_DB));
    filters.makeup_gain_db = (makeup_db * 10.0).floor() / 10.0;
    figures.levels.makeup_gain_db = filters.makeup_gain_db;
    figures.levels.loudness_re_downmix_db += filters.makeup_gain_db;
    figures.levels.worst_case_gain_db.iter_mut().for_each(|g| *g += filters.makeup_gain_db);
    figures.levels.headroom = played.map(|p| p.headroom(filters.makeup_gain_db));
    notes.extend(shortfalls(device, &figures, given_up));
    progress(1.0);
    Design { filters, figures, notes }
}

/// The filters at no make-up gain, what is to be said of them, and what the sides give up of their power.
fn filters(device: &Device, progress: &dyn Fn(f64)) -> (FilterSet, Vec<String>, Lowered) {
    let (device, delay_frames) = &in_step(device);
    let bins = Bins::for_taps(device.taps, f64::from(device.sample_rate_hz));
    let array = device.indices_of(Role::Array);
    let mut notes = Vec::new();
    let (mut spectra, given_up) = if array.len() == 1 {
        (mono(device, array[0], bins, &mut notes), Lowered::default())
    } else {
        spatial(device, &array, bins, &mut notes, progress)
    };
    progress(0.7);
    for (input, spectra) in spectra.iter_mut().enumerate() {
        band_drivers::add(device, input, spectra, bins);
    }
    let mut filters = realize(device, &spectra, bins, &mut notes);
    filters.eq = band_drivers::equalizers(device);
    filters.delay_frames.clone_from(delay_frames);
    (filters, notes, given_up)
}

/// The whole frames that each driver waits for the one whose converter is the latest, and the device as it then is: less than
/// a frame is left to the filters, which have no room to turn a driver forward.
fn in_step(device: &Device) -> (Device, Vec<usize>) {
    let rate_hz = f64::from(device.sample_rate_hz);
    let latest_us = device.drivers.iter().map(|driver| driver.delay_us).fold(f64::NEG_INFINITY, f64::max);
    let mut device = device.clone();
    let wait_frames = |driver: &mut Driver| {
        let early_us = latest_us - driver.delay_us;
        let frames = (1e-6 * early_us * rate_hz).round();
        driver.delay_us = 1e6 * frames / rate_hz - early_us;
        frames as usize
    };
    let delay_frames = device.drivers.iter_mut().map(wait_frames).collect();
    (device, delay_frames)
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

/// Two drivers and more; and what the sides give up of their power.
fn spatial(
    device: &Device,
    array: &[usize],
    bins: Bins,
    notes: &mut Vec<String>,
    progress: &dyn Fn(f64),
) -> ([Spectra; 3], Lowered) {
    let drivers: Vec<Driver> = array.iter().map(|i| device.drivers[*i].clone()).collect();
    let grid = LogGrid::new(LOWEST_HZ, 0.5 * bins.sample_rate_hz, GRID_PER_OCTAVE);
    let power = RadiatedPower::new(&drivers);

    let room = Room::new(device, &drivers, &power);

    let mut sides = [0, 1].map(|ear| {
        let target = Target {
            ear,
            own: own_driver(&drivers, ear),
            effort_db: &device.crosstalk.effort_db,
            gain_db: &device.crosstalk.gain_db,
            virtual_angle_deg: device.virtual_angle_deg,
        };
        Canceller::new(device, &drivers, &power, &target, room.grid())
    });
    progress(0.1);
    let given_up =
        balance::given_up(device, &room, &mut sides, &Beamformer::new(device, &drivers, &power, room.grid()));
    notes.extend(balance::note(device, given_up));
    progress(0.2);
    let mut programs = on_both(sides, &|side: Canceller| {
        let canceller = side.refined(&grid, given_up);
        let columns: Vec<Vec<Complex>> = (0..bins.count()).map(|bin| canceller.filters(bins.solved_hz(bin))).collect();
        transposed(&columns, drivers.len())
    });
    progress(0.5);
    for spectra in &mut programs {
        boost::limit(spectra, bins);
    }
    let owns = [own_driver(&drivers, 0), own_driver(&drivers, 1)];
    room.level_tone(&mut programs, bins);
    common_phase::share(device, &drivers, &mut programs, owns, bins);
    shorten_early_part(device, &mut programs, owns, bins);

    let beamformer = Beamformer::new(device, &drivers, &power, &grid);
    let mut center = center::filters(device, &drivers, &programs, &beamformer, bins, notes);
    balance::raise_center(device, &room, &mut center, &programs, bins);
    boost::limit(&mut center, bins);

    let spread = |spectra: Spectra| {
        let mut all = vec![vec![Complex::ZERO; bins.count()]; device.drivers.len()];
        array.iter().zip(spectra).for_each(|(i, s)| all[*i] = s);
        all
    };
    let [left, right] = programs;
    ([spread(left), spread(right), spread(center)], given_up)
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
            fir::unwrapped(p[own].iter().zip(minimum).map(|(h, m)| m - h.arg()))
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

/// Filters from spectra, the strongest at 0 dB.
fn realize(device: &Device, spectra: &[Spectra; 3], bins: Bins, notes: &mut Vec<String>) -> FilterSet {
    let taps = device.taps;
    let mut firs: Vec<Vec<f64>> = Vec::with_capacity(3 * device.drivers.len());
    let (mut paths, mut path_delay_frames) = (None, [0; 3]);
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
            path_delay_frames = relative.path_delay_frames;
        }
    }
    let mut set = FilterSet {
        sample_rate_hz: device.sample_rate_hz,
        drivers: device.drivers.len(),
        firs,
        eq: vec![Vec::new(); device.drivers.len()],
        gain_db: vec![0.0; device.drivers.len()],
        delay_frames: vec![0; device.drivers.len()],
        path_delay_frames,
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
