//! The models against measured heads, where the data lies beside the checkout; elsewhere each test says so and ends.
//!
//! Cancellation is that of a regularized inverse of the model head's transfers, made here, so that what is judged is the
//! heads and the figures over them, whatever the designer aims at.

use std::f64::consts::{SQRT_2, TAU};
use std::path::{Path, PathBuf};

use sofar::reader::OpenOptions;
use spatiald::acoustics::measured::ImpulseResponse;
use spatiald::acoustics::measured_head::MeasuredHead;
use spatiald::acoustics::vector::{Vec3, direction, scale};
use spatiald::acoustics::{Complex, Head, Incident, Listener, phasor, wave_number};
use spatiald::config::Seat;
use spatiald::controls::{Aim, seated};
use spatiald::design::fir::{self, Bins};
use spatiald::design::people::{PeopleFigures, Seated, people, seats_deg};
use spatiald::design::{Device, FilterSet, people, transfer};
use spatiald::dsp::{ChainSpec, Coefficients, DriverSpec, UpmixSpec};
use spatiald::profile::Profile;
use spatiald::source::Source;

const RADIUS_M: f64 = 0.0875;
const BINS: Bins = Bins { length: 16_384, sample_rate_hz: 48_000.0 };
const TAPS: usize = 1024;

/// The folder or file in the measured data; `None`, and a word, where there is none.
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if !path.exists() {
        println!("skipped: no measured data at {}", path.display());
        return None;
    }
    Some(path)
}

fn db(power: f64) -> f64 {
    10.0 * power.log10()
}

fn within(got: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    let near = got.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(near && got.len() == expected.len(), "{what}: {got:.2?} instead of {expected:.2?}");
}

/// Frequencies of an octave, Hz.
fn octave(center_hz: f64) -> impl Iterator<Item = f64> {
    const PARTS: u32 = 32;
    (0..PARTS).map(move |i| center_hz * (1.0 / SQRT_2 + f64::from(2 * i + 1) / f64::from(2 * PARTS) / SQRT_2))
}

/// Two monopoles at ±5° as the listener sees them, at a distance.
fn pair(distance_m: f64) -> Device {
    let at = scale(direction(5.0, 0.0), distance_m);
    let (x, y) = (distance_m - at[0], at[1]);
    let text = format!(
        "format = 1\n[device]\nname = \"pair\"\n[enclosure]\nmodel = \"free-field\"\n\
         [[driver]]\nname = \"left\"\nchannel = 0\nposition_m = [{x}, {y}, 0.0]\n\
         [[driver]]\nname = \"right\"\nchannel = 1\nposition_m = [{x}, {}, 0.0]\n\
         [listener]\ndistance_m = {distance_m}\n",
        -y
    );
    Device::from_source(&Source::new(Path::new("pair.toml"), text)).unwrap_or_else(|error| panic!("{error}"))
}

/// Filters `[ear's program][driver]` at a frequency: (CᴴC + βI)⁻¹Cᴴ, β a thousandth of the diagonal's mean.
fn inverse(device: &Device, frequency_hz: f64) -> [Vec<Complex>; 2] {
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let [near, far] = transfer::to_ears(&device.drivers, &device.listener.head, &listener, frequency_hz);
    let (a, b) = (near[0], far[0]);
    // Alike on both sides: sum and difference part the matrix.
    let beta = 1e-3 * (a.norm_sqr() + b.norm_sqr());
    let of = |c: Complex| c.conj() / (c.norm_sqr() + beta);
    let (sum, difference) = (of(a + b), of(a - b));
    let (own, other) = (0.5 * (sum + difference), 0.5 * (sum - difference));
    [vec![own, other], vec![other, own]]
}

/// The same as what a chain plays.
fn canceller(device: &Device) -> ChainSpec {
    let at: Vec<[Vec<Complex>; 2]> = (0..BINS.count()).map(|bin| inverse(device, BINS.solved_hz(bin))).collect();
    let fir = |program: usize, driver: usize| {
        let spectrum: Vec<Complex> = at.iter().map(|filters| filters[program][driver]).collect();
        fir::realize(&spectrum, BINS, TAPS, TAPS / 2)
    };
    let sides = [fir(0, 0), fir(0, 1), fir(1, 0), fir(1, 1)].concat();
    let samples = sides.into_iter().map(|value| value as f32).chain([0.0; 2 * TAPS]).collect();
    ChainSpec {
        sample_rate_hz: 48_000,
        block_frames: 256,
        upmix: UpmixSpec::default(),
        path_delay_frames: [0; 3],
        coefficients: Coefficients::new(2, TAPS, samples).unwrap_or_else(|error| panic!("{error}")),
        drivers: vec![DriverSpec::flat("left", 0), DriverSpec::flat("right", 1)],
        makeup_gain_db: 0.0,
        limiter: None,
    }
}

/// Octave energies of both ears for a source at an azimuth and distance, `[ear]`.
fn ears(head: &MeasuredHead, azimuth_deg: f64, distance_m: f64, center_hz: f64) -> [f64; 2] {
    let towards = direction(azimuth_deg, 0.0);
    let head = Head::Measured(head.clone());
    let incident = Incident {
        pressure: Complex::ONE,
        propagation: [towards[0].into(), (-towards[1]).into(), 0.0.into()],
        distance_m,
    };
    let listener = Listener::at([0.0; 3]);
    octave(center_hz).fold([0.0; 2], |sum, frequency_hz| {
        let here = head.at(wave_number(frequency_hz)).response(&incident, &listener);
        [0, 1].map(|ear| sum[ear] + here[ear].norm_sqr())
    })
}

/// Root mean square of the error of the far head's ILD, carried to where `near` was measured, over ±`most_deg`, dB.
fn level_error_db(far: &MeasuredHead, near: &MeasuredHead, distance_m: f64, center_hz: f64, most_deg: i32) -> f64 {
    let azimuths = || (-most_deg / 10..=most_deg / 10).map(|i| 10.0 * f64::from(i));
    let off = |azimuth_deg: f64| {
        let [model, truth] = [far, near].map(|head| ears(head, azimuth_deg, distance_m, center_hz));
        db(model[0] / model[1]) - db(truth[0] / truth[1])
    };
    (azimuths().map(|azimuth_deg| off(azimuth_deg).powi(2)).sum::<f64>() / azimuths().count() as f64).sqrt()
}

#[test]
fn a_far_head_carried_near_has_the_level_differences_measured_there() {
    let Some(folder) = data("ku100") else { return };
    let read = |name: &str| {
        let path = folder.join(format!("KU100_CIRC_{name}.sofa"));
        MeasuredHead::from_sofa(&path, RADIUS_M).unwrap_or_else(|error| panic!("{error}"))
    };
    let far = read("far");
    // To 4 kHz and at 8 kHz, over ±90° and over ±30°. A source nearer than 1 m at the side puts the far ear into a
    // sphere's bright spot, which a real head has elsewhere: there 4 kHz is 1.4 and 2.3 dB off.
    #[rustfmt::skip]
    let table = [
        ("far", 3.25, [0.1, 0.1], [0.1, 0.1]),
        ("NF150", 1.5, [1.0, 2.0], [1.0, 2.0]),
        ("NF100", 1.0, [1.0, 2.0], [1.0, 2.0]),
        ("NF075", 0.75, [1.6, 2.0], [1.0, 2.0]),
        ("NF050", 0.5, [2.5, 2.0], [1.0, 2.0]),
    ];
    for (name, distance_m, half, front) in table {
        let near = read(name);
        for center_hz in [250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0] {
            let [wide, ahead] = [90, 30].map(|most_deg| level_error_db(&far, &near, distance_m, center_hz, most_deg));
            println!("{name}, {center_hz} Hz: ILD off by {wide:.2} dB over ±90°, {ahead:.2} over ±30°");
            let column = usize::from(center_hz > 4000.0);
            assert!(wide <= half[column] && ahead <= front[column], "{name}, {center_hz} Hz: {wide}, {ahead}");
        }
    }
}

/// Points and both ears' responses of a file whose azimuths run clockwise.
fn clockwise(path: &Path) -> Vec<(Vec3, [ImpulseResponse; 2])> {
    let sofa = OpenOptions::new().sample_rate(f32::NAN).normalized(false).open(path).expect("a SOFA file");
    let hrtf = sofa.hrtf();
    let (length, rate) = (hrtf.n() as usize, f64::from(hrtf.sample_rate()));
    let ear = |index: usize, ear: usize| {
        let start = (2 * index + ear) * length;
        ImpulseResponse::new(hrtf.data_ir.values[start..start + length].iter().map(|v| f64::from(*v)).collect(), rate)
    };
    let point = |p: &[f32]| [f64::from(p[0]), -f64::from(p[1]), f64::from(p[2])];
    let points = hrtf.source_position.values.chunks_exact(3).take(hrtf.m() as usize);
    points.enumerate().map(|(index, p)| (point(p), [ear(index, 0), ear(index, 1)])).collect()
}

/// Cancellation at 1, 2 and 4 kHz of the pair on two measured loudspeakers at ±5°, the right one later by `trim_s`.
fn cancellation(device: &Device, measured: &[(Vec3, [ImpulseResponse; 2])], trim_s: f64) -> [f64; 3] {
    let near = |azimuth_deg: f64| {
        let towards = direction(azimuth_deg, 0.0);
        let off = |p: &Vec3| (p[0] / 1.5 - towards[0]).hypot(p[1] / 1.5 - towards[1]);
        &measured.iter().find(|(point, _)| off(point) < 1e-3).expect("a loudspeaker there").1
    };
    let drivers = [near(5.0), near(-5.0)];
    [1000.0, 2000.0, 4000.0].map(|center_hz| {
        let (mut wanted, mut leaked) = (0.0, 0.0);
        for frequency_hz in octave(center_hz) {
            let k = wave_number(frequency_hz);
            let late = [Complex::ONE, phasor(-TAU * frequency_hz * trim_s)];
            let programs = inverse(device, frequency_hz);
            for (program, filters) in programs.iter().enumerate() {
                let heard = [0, 1].map(|ear: usize| {
                    let sum: Complex = (0..2).map(|d| drivers[d][ear].at(k) * late[d] * filters[d]).sum();
                    sum.norm_sqr()
                });
                wanted += heard[program];
                leaked += heard[1 - program];
            }
        }
        db(wanted / leaked)
    })
}

#[test]
fn a_trim_gives_a_manikin_back_what_its_place_took_away() {
    let Some(folder) = data("surrey") else { return };
    let device = pair(1.5);
    // As it sits, the best delay of the right loudspeaker in µs, and what is heard with it: the same sums made elsewhere,
    // from the responses alone. The room's manikin is 40 µs off the middle.
    let table = [
        ("UniS_Anechoic_48k", [14.62, 17.96, 19.13], 5.0, [14.92, 18.11, 20.06]),
        ("UniS_A_16k", [2.56, 5.20, 3.79], -40.0, [2.65, 8.15, 10.87]),
    ];
    for (file, sits_db, trim_us, best_db) in table {
        let path = folder.join(format!("{file}.sofa"));
        let refused = MeasuredHead::from_sofa(&path, RADIUS_M).expect_err("clockwise azimuths").to_string();
        assert!(refused.contains("left ear is louder for sources on the right"), "{refused}");
        let measured = clockwise(&path);
        let sits = cancellation(&device, &measured, 0.0);
        let trims = (-20..=20).map(|i| 5e-6 * f64::from(i));
        let (trim_s, best) = trims
            .map(|trim_s| (trim_s, cancellation(&device, &measured, trim_s)))
            .max_by(|a, b| a.1.iter().sum::<f64>().total_cmp(&b.1.iter().sum::<f64>()))
            .expect("one of them");
        println!("{file}: as it sits {sits:.2?} dB, with {:.0} µs {best:.2?} dB", 1e6 * trim_s);
        within(&sits, &sits_db, 0.1, file);
        within(&best, &best_db, 0.1, file);
        assert!((1e6 * trim_s - trim_us).abs() < 5.1, "{file}: {trim_s} s");
    }
}

fn print(figures: &PeopleFigures) {
    for (name, spread) in [("as they sit", &figures.as_they_sit), ("best seat", &figures.best_seat)] {
        println!("{name}: median {:.2?}, worst tenth {:.2?}", spread.median.xtc_db, spread.worst_tenth.xtc_db);
    }
    let mut off: Vec<f64> = figures.heads.iter().map(|head| head.seat_deg.abs()).collect();
    off.sort_by(f64::total_cmp);
    println!("best seats off the middle: {off:?}");
}

#[test]
fn thirty_people_hear_what_was_recorded() {
    let Some(folder) = data("heads") else { return };
    let device = pair(1.0);
    let persons = people::load(&folder, RADIUS_M).unwrap_or_else(|error| panic!("{error}"));
    let turned = |azimuth_deg: f64| {
        let mut spec = canceller(&device);
        let aim = Aim::new(device.clone(), Seat { azimuth_deg, distance_m: None }).unwrap_or_else(|e| panic!("{e}"));
        aim.turn(&mut spec).unwrap_or_else(|error| panic!("{error}"));
        Seated { azimuth_deg, filters: FilterSet::from_chain_spec(&spec) }
    };
    let figures = people(&device, &seats_deg().map(turned).collect::<Vec<_>>(), &persons, &|_| ());
    assert_eq!(persons.len(), 30);
    print(&figures);
    let (sits, best) = (&figures.as_they_sit, &figures.best_seat);
    // Made elsewhere, from the responses at ±5° alone.
    within(&sits.median.xtc_db, &[8.64, 9.95, 7.57, 7.68, 6.38, 0.91], 0.5, "as they sit, median");
    within(&sits.worst_tenth.xtc_db, &[3.67, 5.44, 2.97, 2.25, -2.16, -0.58], 0.5, "as they sit, worst tenth");
    // With the filters turned there is only this code: as it was on 2026-11-29.
    within(&best.median.xtc_db, &[9.95, 12.01, 10.14, 13.00, 14.55, 3.76], 0.5, "best seat, median");
    within(&best.worst_tenth.xtc_db, &[4.54, 8.01, 4.24, 6.72, 6.22, 1.18], 0.5, "best seat, worst tenth");
}

#[test]
fn thirty_people_hear_the_shipped_profiles_turned_to_each() {
    let Some(folder) = data("heads") else { return };
    let persons = people::load(&folder, RADIUS_M).unwrap_or_else(|error| panic!("{error}"));
    // Cancellation at 1, 2 and 4 kHz, as it was on 2026-11-29: median and worst tenth, as they sit and turned to each.
    #[rustfmt::skip]
    let table = [
        ("pair-wide", [[1.63, 6.35, 4.10], [0.87, 2.69, 2.34]], [[1.76, 8.34, 4.47], [1.00, 6.38, 2.39]]),
        ("cylinder-wide", [[2.86, 6.41, 3.58], [1.93, 3.67, 1.97]], [[3.19, 7.82, 3.99], [2.49, 5.14, 2.18]]),
        ("bar-wide", [[2.26, 5.71, 3.22], [1.21, 2.19, 1.75]], [[2.57, 8.26, 3.73], [1.50, 6.84, 1.96]]),
    ];
    for (name, sits, best) in table {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles").join(name);
        let profile = Profile::load(&root).unwrap_or_else(|error| panic!("{error}"));
        let device = Device::load(&root.join("device.toml")).unwrap_or_else(|error| panic!("{error}"));
        let figures = people(&device, &seated(&profile, &device).unwrap_or_else(|e| panic!("{e}")), &persons, &|_| ());
        println!("{name}");
        print(&figures);
        for (spread, [median, worst]) in [(&figures.as_they_sit, sits), (&figures.best_seat, best)] {
            within(&spread.median.xtc_db[2..5], &median, 0.5, name);
            within(&spread.worst_tenth.xtc_db[2..5], &worst, 0.5, name);
        }
    }
}
