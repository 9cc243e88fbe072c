//! What the controls do to sound, on the shipped profiles.

use std::f64::consts::TAU;
use std::path::Path;

use super::*;
use crate::acoustics::{Complex, Listener};
use crate::config::{Change, Settings};
use crate::design::evaluate::ears::EarGrid;
use crate::design::fir::{self, Bins};
use crate::design::{Device, loudness};
use crate::dsp::limits::INPUTS;
use crate::dsp::{Chain, Coefficients, DriverSpec, Switcher, UpmixMode, UpmixSpec};

const RATE_HZ: f64 = 48_000.0;

pub(super) fn shipped(name: &str) -> Profile {
    Profile::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles").join(name)).unwrap()
}

pub(super) fn of(changes: &[&str]) -> Controls {
    let mut settings = Settings::default();
    changes.iter().for_each(|text| settings.change(&text.parse::<Change>().unwrap()));
    settings.controls_over(&Settings::default())
}

/// Noise of a power that falls with frequency, in ±`peak`, whose level swells `swells_hz` times a second.
fn noise(seed: u64, frames: usize, corner_hz: f64, swells_hz: f64, peak: f64) -> Vec<f64> {
    let mut state = seed;
    let (mut low, mut lower) = (0.0, 0.0);
    let pole = (-TAU * corner_hz / RATE_HZ).exp();
    let signal: Vec<f64> = (0..frames)
        .map(|n| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let white = (state >> 33) as f64 / f64::from(1u32 << 30) - 1.0;
            low = pole * low + (1.0 - pole) * white;
            lower = 0.99 * lower + 0.01 * white;
            (low + lower) * (0.6 + 0.4 * (TAU * swells_hz * n as f64 / RATE_HZ).cos())
        })
        .collect();
    let most = signal.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    signal.iter().map(|v| v * peak / most).collect()
}

/// What the drivers play of `left` and `right`.
fn played(spec: &ChainSpec, left: &[f64], right: &[f64]) -> Vec<Vec<f32>> {
    let mut chain = Chain::new(spec).unwrap();
    let [left, right] = [left, right].map(|side| side.iter().map(|v| *v as f32).collect::<Vec<f32>>());
    let mut out = vec![vec![0.0f32; left.len()]; chain.drivers()];
    chain.process(&left, &right, &mut out.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
    out
}

#[test]
fn defaults_are_the_profile_to_the_bit() {
    for name in ["pair", "cylinder-wide", "bar-room"] {
        let profile = shipped(name);
        assert_eq!(chain_spec(&profile, None, &Controls::default()).unwrap(), profile.chain_spec());
    }
}

#[test]
fn trim_and_delay_are_level_and_latency() {
    let profile = shipped("cylinder");
    let plain = Chain::new(&profile.chain_spec()).unwrap().latency();
    let spec = chain_spec(&profile, None, &of(&["trim_db=-24", "delay_ms=500"])).unwrap();
    let late = Chain::new(&spec).unwrap().latency();
    assert_eq!(late.filter_frames, plain.filter_frames + 24_000);
    assert_eq!(spec.makeup_gain_db, profile.makeup_gain_db - 24.0);
    let fast = profile.at_rate(192_000).unwrap();
    let spec = chain_spec(&fast, None, &of(&["delay_ms=500"])).unwrap();
    assert_eq!(spec.path_delay_frames, fast.path_delay_frames.map(|frames| frames + 96_000));
    // A profile that is quiet already stays within what a chain takes.
    let quiet = Profile { makeup_gain_db: -50.0, ..profile };
    assert_eq!(chain_spec(&quiet, None, &of(&["trim_db=-24"])).unwrap().makeup_gain_db, -60.0);
}

/// Left and center to one driver, right and center to another: what the upmix makes of a mix, put together again.
fn remixer(mode: UpmixMode, controls: &Controls) -> ChainSpec {
    let mut taps = vec![0.0; INPUTS * 2];
    [0, 3, 4, 5].into_iter().for_each(|index| taps[index] = 1.0);
    let mut spec = ChainSpec {
        sample_rate_hz: 48_000,
        block_frames: 256,
        upmix: UpmixSpec { mode, center_width: 0.0 },
        path_delay_frames: [0; INPUTS],
        coefficients: Coefficients::new(2, 1, taps).unwrap(),
        drivers: vec![DriverSpec::flat("left", 0), DriverSpec::flat("right", 1)],
        makeup_gain_db: 0.0,
        limiter: None,
    };
    mix::mix(&mut spec, controls).unwrap();
    spec
}

/// A voice: a gliding series of harmonics with formants, syllables and pauses.
fn voice(frames: usize) -> Vec<f64> {
    let mut phase = 0.0;
    (0..frames)
        .map(|n| {
            let s = n as f64 / RATE_HZ;
            let pitch_hz = 150.0 * (1.0 + 0.2 * (TAU * 0.7 * s).sin() + 0.02 * (TAU * 5.0 * s).sin());
            phase += TAU * pitch_hz / RATE_HZ;
            let formant = |hz: f64, center: f64| 1.0 / (1.0 + ((hz - center) / 150.0).powi(2));
            let first_hz = 500.0 + 250.0 * (TAU * 1.9 * s).sin();
            let tones = (1..24).map(|k| {
                let hz = f64::from(k) * pitch_hz;
                (formant(hz, first_hz) + 0.5 * formant(hz, 1500.0) + 0.3 * formant(hz, 2600.0))
                    * (f64::from(k) * phase).sin()
            });
            tones.sum::<f64>() * (TAU * 2.1 * s).sin().max(0.0)
        })
        .collect()
}

/// Plucked strings: decaying harmonics, a note every `every_s`.
fn plucks(frames: usize, root_hz: f64, every_s: f64) -> Vec<f64> {
    const STEPS: [f64; 5] = [1.0, 1.5, 1.25, 2.0, 1.125];
    (0..frames)
        .map(|n| {
            let s = n as f64 / RATE_HZ;
            let (note, since) = ((s / every_s) as usize, s % every_s);
            let hz = root_hz * STEPS[note % STEPS.len()];
            let onset = (since / 0.003).min(1.0);
            let tones = (1..16).map(|k| {
                let k = f64::from(k);
                (TAU * k * hz * since).sin() / k * (-since * (3.0 + 2.0 * k)).exp()
            });
            tones.sum::<f64>() * onset
        })
        .collect()
}

/// By how much `center_db` moves a voice and two sides, as their projections on the outputs say, in dB.
fn moved_db(mode: UpmixMode, center_db: i32, voice: &[f64], sides: &[Vec<f64>; 2]) -> [f64; 3] {
    let mixed = sides.each_ref().map(|side| side.iter().zip(voice).map(|(s, v)| s + v).collect::<Vec<f64>>());
    let stems = |changes: &[&str]| {
        let spec = remixer(mode, &of(changes));
        let late = Chain::new(&spec).unwrap().latency_frames();
        let out = played(&spec, &mixed[0], &mixed[1]);
        let settled = 48_000..voice.len() - late;
        let of_stem = |stem: &[f64], plane: &[f32]| -> f64 {
            settled.clone().map(|n| stem[n] * f64::from(plane[n + late])).sum()
        };
        let voices = [0, 1].map(|side| of_stem(voice, &out[side]));
        [voices[0] + voices[1], of_stem(&sides[0], &out[0]), of_stem(&sides[1], &out[1])]
    };
    let (moved, plain) = (stems(&[&format!("center_db={center_db}")]), stems(&[]));
    [0, 1, 2].map(|stem| 20.0 * (moved[stem] / plain[stem]).abs().log10())
}

#[test]
fn the_center_moves_and_the_sides_stay() {
    let frames = 8 * 48_000;
    let level = |signal: Vec<f64>| {
        let rms = (signal.iter().map(|v| v * v).sum::<f64>() / signal.len() as f64).sqrt();
        signal.into_iter().map(|v| 0.05 * v / rms).collect::<Vec<f64>>()
    };
    let voice = level(voice(frames));
    let sides = [level(plucks(frames, 220.0, 0.31)), level(plucks(frames, 331.0, 0.47))];
    // In turn, as in a dialogue over pauses of the music: 0.7 s each, with the fades of an editor.
    let turn = |signal: &[f64], sign: f64| -> Vec<f64> {
        let gate = |n: usize| (0.5 + 4.0 * sign * (TAU * n as f64 / 67_200.0).sin()).clamp(0.0, 1.0);
        signal.iter().enumerate().map(|(n, v)| v * gate(n)).collect()
    };
    let (voice_in_turn, sides_in_turn) = (turn(&voice, 1.0), sides.each_ref().map(|side| turn(side, -1.0)));
    for mode in [UpmixMode::Separation, UpmixMode::LowLatency] {
        for center_db in [6, -6] {
            let wanted_db = f64::from(center_db);
            let [voice_db, left_db, right_db] = moved_db(mode, center_db, &voice_in_turn, &sides_in_turn);
            println!("{mode:?} {center_db}: in turn {voice_db:.2} {left_db:.2} {right_db:.2}");
            let together = moved_db(mode, center_db, &voice, &sides);
            println!("{mode:?} {center_db}: together {together:.2?}");
            let both = (voice_db - wanted_db).abs().max(left_db.abs()).max(right_db.abs());
            assert!(both <= 0.3, "{mode:?}, {center_db}: {voice_db:.2}, {left_db:.2}, {right_db:.2} dB");
            // At once, equally loud and in the same octaves, the upmix finds some 88 % of the voice.
            assert!((together[0] - wanted_db).abs() <= 1.5, "{mode:?}, {center_db}: {together:.2?} dB");
            assert!(together[1].abs().max(together[2].abs()) <= 1.0, "{mode:?}, {center_db}: {together:.2?} dB");
        }
    }
}

#[test]
fn mono_and_a_folded_image_are_one_signal_and_balance_is_a_channel_turned_down() {
    let frames = 24_000;
    let (left, right) = (noise(4, frames, 3000.0, 2.0, 0.3), noise(5, frames, 3000.0, 3.0, 0.3));
    let late = Chain::new(&remixer(UpmixMode::Separation, &of(&[]))).unwrap().latency_frames();
    let near = |changes: &[&str], wanted: [&dyn Fn(usize) -> f64; 2]| {
        let out = played(&remixer(UpmixMode::Separation, &of(changes)), &left, &right);
        for (plane, wanted) in out.iter().zip(wanted) {
            for n in 0..frames - late {
                assert!((f64::from(plane[n + late]) - wanted(n)).abs() < 1e-5, "{changes:?} at {n}");
            }
        }
    };
    let half = 10f64.powf(-0.3);
    near(&["mono=on"], [&|n| 0.5 * (left[n] + right[n]); 2]);
    near(&["width=0"], [&|n| 0.5 * (left[n] + right[n]); 2]);
    near(&["balance_db=6"], [&|n| half * left[n], &|n| right[n]]);
    near(&["balance_db=-6"], [&|n| left[n], &|n| half * right[n]]);
}

#[test]
fn nothing_goes_over_the_ceiling_with_any_setting() {
    let frames = 24_000;
    let loud = noise(6, frames, 8000.0, 3.0, 8.0);
    let against: Vec<f64> = loud.iter().map(|v| -v).collect();
    let profile = shipped("bar-wide");
    let ceiling = 10f32.powf(profile.limiter.ceiling_dbfs / 20.0);
    for changes in [
        &["center_db=9", "width=150"][..],
        &["bypass=on", "center_db=9"],
        &["mono=on", "center_db=9"],
        &["balance_db=-12", "width=150", "delay_ms=3"],
    ] {
        let spec = chain_spec(&profile, None, &of(changes)).unwrap();
        for other in [&loud, &against] {
            let out = played(&spec, &loud, other);
            let peak = out.iter().flatten().fold(0.0f32, |peak, v| peak.max(v.abs()));
            assert!(peak <= ceiling, "{changes:?}: {peak}");
        }
    }
}

/// Loudness of what the ears at the design point hear, LU from anywhere.
fn loudness_at_ears(device: &Device, spec: &ChainSpec, left: &[f64], right: &[f64]) -> f64 {
    let spec = ChainSpec { limiter: None, ..spec.clone() };
    let planes = played(&spec, left, right);
    let bins = Bins { length: 2048, sample_rate_hz: RATE_HZ };
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let grid = EarGrid::new(&device.drivers, &device.listener.head, &listener, bins);
    let long = Bins { length: (left.len() + bins.length).next_power_of_two(), sample_rate_hz: RATE_HZ };
    let ears = grid.0.map(|drivers| {
        let mut heard = vec![0.0; left.len() + bins.length];
        for (mut transfer, plane) in drivers.into_iter().zip(&planes) {
            transfer.resize(bins.count(), Default::default());
            let plane: Vec<f64> = plane.iter().map(|v| f64::from(*v)).collect();
            let driver = fir::convolved(&plane, &fir::inverse(&transfer, bins));
            heard.iter_mut().zip(driver).for_each(|(sum, value)| *sum += value);
        }
        fir::response(&heard, long)
    });
    let power = |bin: usize| ears.iter().map(|ear| ear[bin].norm_sqr()).sum::<f64>();
    10.0 * loudness::energy(long, 0..long.count(), 1, |_| 1.0, power).log10()
}

#[test]
fn bypass_is_as_loud_as_the_image_on_every_shipped_profile() {
    let frames = 3 * 48_000;
    // Voice and sides: their levels, and how bright they are.
    let programs = [(1.0, 0.5, 1500.0), (0.7, 0.7, 4000.0), (0.3, 0.8, 800.0), (0.5, 0.9, 8000.0), (0.9, 0.05, 500.0)];
    for name in
        ["pair", "pair-wide", "pair-room", "cylinder", "cylinder-wide", "cylinder-room", "bar", "bar-wide", "bar-room"]
    {
        let profile = shipped(name);
        let device = Device::load(&profile.folder.join("device.toml")).unwrap();
        let specs = [&[][..], &["bypass=on"]].map(|changes| chain_spec(&profile, None, &of(changes)).unwrap());
        assert_eq!(Chain::new(&specs[1]).unwrap().channels(), Chain::new(&specs[0]).unwrap().channels());
        for (index, (center, sides, corner_hz)) in programs.into_iter().enumerate() {
            let voice = noise(10, frames, 2000.0, 4.0, 0.1 * center);
            let channel = |seed: u64| -> Vec<f64> {
                let side = noise(seed, frames, corner_hz, 2.0, 0.1 * sides);
                side.iter().zip(&voice).map(|(s, v)| s + v).collect()
            };
            let (left, right) = (channel(11), channel(12));
            let [image, flat] = specs.each_ref().map(|spec| loudness_at_ears(&device, spec, &left, &right));
            println!("{name}, program {index}: {:+.2} LU", flat - image);
            assert!((flat - image).abs() <= 0.3, "{name}, program {index}: {:+.2} LU", flat - image);
        }
    }
}

#[test]
fn a_profile_that_says_nothing_of_bypass_refuses_it_in_one_line() {
    let profile = Profile { bypass: None, ..shipped("pair") };
    let error = chain_spec(&profile, None, &of(&["bypass=on"])).unwrap_err().to_string();
    assert!(error.contains("[bypass]") && error.contains("design it again"), "{error}");
}

#[test]
fn fifty_changes_under_a_tone_spread_no_spectrum() {
    let profile = shipped("cylinder");
    let aim = Aim::load(&profile, "12,1.5".parse().unwrap()).unwrap();
    let cycle: [(&[&str], bool); 10] = [
        (&["center_db=6"], false),
        (&["bypass=on"], false),
        (&["width=150"], true),
        (&["balance_db=-12"], false),
        (&["mono=on"], false),
        (&["trim_db=-24"], true),
        (&["delay_ms=40"], false),
        (&["center_db=-9", "width=0"], false),
        (&[], true),
        (&[], false),
    ];
    let chain = |changes: &[&str], aimed: bool| {
        let spec = chain_spec(&profile, Some(&aim).filter(|_| aimed), &of(changes)).unwrap();
        Box::new(Chain::new(&spec).unwrap())
    };
    let sine = |n: usize| (0.126 * (TAU * 997.0 * n as f64 / RATE_HZ).sin()) as f32;
    let mut switcher = Switcher::new(chain(&[], false));
    let (mut at, mut planes) = (0, vec![Vec::new(); 3]);
    let mut run = |switcher: &mut Switcher, planes: &mut Vec<Vec<f32>>| {
        let left: Vec<f32> = (at..at + 1200).map(sine).collect();
        let mut out = vec![vec![0.0f32; left.len()]; 3];
        switcher.process(&left, &[0.0; 1200], &mut out.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
        planes.iter_mut().zip(out).for_each(|(plane, part)| plane.extend(part));
        at += left.len();
    };
    (0..60).for_each(|_| run(&mut switcher, &mut planes));
    for (changes, aimed) in cycle.into_iter().cycle().take(50) {
        assert!(switcher.install(chain(changes, aimed)).is_ok());
        planes.iter_mut().for_each(Vec::clear);
        // The end of the switch in the middle of a second.
        let mut after = 0;
        while after < 20 || planes[0].len() < 48_000 {
            run(&mut switcher, &mut planes);
            after += usize::from(!switcher.is_switching());
        }
        assert!(switcher.take_retired().is_some());
        for plane in &planes {
            let around = plane.len() - 48_000;
            let hann = |n: usize| 0.5 - 0.5 * (TAU * n as f64 / RATE_HZ).cos();
            let second: Vec<f64> = plane[around..].iter().enumerate().map(|(n, v)| f64::from(*v) * hann(n)).collect();
            let mut spectrum: Vec<Complex> = second.into_iter().map(Complex::from).collect();
            rustfft::FftPlanner::new().plan_fft_forward(48_000).process(&mut spectrum);
            let level = |bin: usize| 20.0 * (4.0 * spectrum[bin].norm() / RATE_HZ).max(1e-12).log10();
            let worst = (0..24_000usize).filter(|bin| bin.abs_diff(997) > 100).map(level).fold(f64::MIN, f64::max);
            assert!(worst <= -80.0, "{changes:?}: {worst:.1} dBFS outside ±100 Hz");
        }
    }
    assert_eq!(switcher.switches(), 50);
}
