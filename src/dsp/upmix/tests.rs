//! What the upmix promises, on synthetic signals.

use super::*;

mod artifacts;
mod extremes;
mod signals;

const MODES: [UpmixMode; 3] = [UpmixMode::Separation, UpmixMode::SeparationShort, UpmixMode::LowLatency];
const RATES: [u32; 3] = [44_100, 48_000, 96_000];

/// The three outputs, in sync with the input (latency removed).
struct Split {
    left: Vec<f32>,
    right: Vec<f32>,
    center: Vec<f32>,
}

fn upmix(mode: UpmixMode, rate: u32, block: usize) -> Upmix {
    Upmix::new(&UpmixSpec { mode, center_width: 0.0 }, rate, block).unwrap()
}

/// Runs `left` and `right`, then zeros, through `upmix`.
fn run_through(upmix: &mut Upmix, block: usize, left: &[f32], right: &[f32]) -> Split {
    let latency = upmix.latency_frames();
    let total = (left.len() + latency).next_multiple_of(block);
    let pad = |signal: &[f32]| {
        let mut padded = signal.to_vec();
        padded.resize(total, 0.0);
        padded
    };
    let (input_left, input_right) = (pad(left), pad(right));
    let mut planes = [vec![f32::NAN; total], vec![f32::NAN; total], vec![f32::NAN; total]];
    let [out_left, out_right, out_center] = &mut planes;
    for start in (0..total).step_by(block) {
        let range = start..start + block;
        upmix.process(
            &input_left[range.clone()],
            &input_right[range.clone()],
            &mut out_left[range.clone()],
            &mut out_right[range.clone()],
            &mut out_center[range],
        );
    }
    let [left_out, right_out, center] = planes.map(|plane| plane[latency..latency + left.len()].to_vec());
    Split { left: left_out, right: right_out, center }
}

fn run(mode: UpmixMode, rate: u32, block: usize, left: &[f32], right: &[f32]) -> Split {
    run_through(&mut upmix(mode, rate, block), block, left, right)
}

struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

fn noise(frames: usize, seed: u64) -> Vec<f32> {
    let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    (0..frames).map(|_| 0.5 * noise.next()).collect()
}

fn scaled(signal: &[f32], gain: f32) -> Vec<f32> {
    signal.iter().map(|x| gain * x).collect()
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn power(signal: &[f32]) -> f64 {
    signal.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / signal.len() as f64
}

/// Power of `a` against that of `b`, dB.
fn level_db(a: &[f32], b: &[f32]) -> f64 {
    10.0 * (power(a) / power(b) + 1e-30).log10()
}

/// From 0.3 s on: past the first convergence.
fn settled(signal: &[f32], rate: u32) -> &[f32] {
    &signal[3 * rate as usize / 10..]
}

/// A voice-like center and side stems with gaps, so that statistics have to move.
fn program(frames: usize) -> (Vec<f32>, Vec<f32>) {
    let (center, a, b) = (noise(frames, 1), noise(frames, 2), noise(frames, 3));
    let gate = |n: usize, period: usize| if (n / period).is_multiple_of(2) { 1.0 } else { 0.01 };
    let left = (0..frames).map(|n| center[n] * gate(n, 5000) + a[n] * gate(n, 3001)).collect();
    let right = (0..frames).map(|n| center[n] * gate(n, 5000) + b[n] * gate(n, 1777)).collect();
    (left, right)
}

#[test]
fn refuses_what_it_cannot_do() {
    let spec = UpmixSpec::default();
    assert_eq!(Upmix::new(&spec, 7_999, 256).err(), Some(UpmixError::SampleRate(7_999)));
    for block in [0, 8, 100, 16_384] {
        assert_eq!(Upmix::new(&spec, 48_000, block).err(), Some(UpmixError::BlockFrames(block)));
    }
    for center_width in [-0.1, 1.1, f32::NAN] {
        assert!(Upmix::new(&UpmixSpec { center_width, ..spec }, 48_000, 256).is_err());
    }
    for mode in UpmixMode::ALL {
        assert_eq!(UpmixMode::from_name(mode.name()), Some(mode));
    }
}

#[test]
fn latency_is_as_documented() {
    for (mode, block, frames) in [
        (UpmixMode::Separation, 256, 256),
        (UpmixMode::Separation, 64, 448),
        (UpmixMode::Separation, 8192, 256),
        (UpmixMode::SeparationShort, 256, 128),
        (UpmixMode::SeparationShort, 64, 192),
        (UpmixMode::LowLatency, 256, 48),
        (UpmixMode::Off, 256, 0),
    ] {
        assert_eq!(upmix(mode, 48_000, block).latency_frames(), frames, "{mode:?}, block {block}");
    }
}

#[test]
fn off_passes_stereo_through() {
    let (left, right) = program(4096);
    let split = run(UpmixMode::Off, 48_000, 256, &left, &right);
    assert_eq!((split.left, split.right), (left, right));
    assert!(split.center.iter().all(|&x| x == 0.0));
}

#[test]
fn the_split_is_bit_exact_for_24_bit_material() {
    let (left, right) = program(48_000);
    let quantized = |signal: &[f32]| -> Vec<f32> {
        signal.iter().map(|x| (x * 0.99 * 8_388_608.0).round() / 8_388_608.0).collect()
    };
    let (left, right) = (quantized(&left), quantized(&right));
    for mode in MODES {
        let split = run(mode, 48_000, 256, &left, &right);
        assert!(power(&split.center) > 1e-3);
        assert_eq!(sum(&split.left, &split.center), left, "{mode:?}");
        assert_eq!(sum(&split.right, &split.center), right, "{mode:?}");
    }
}

#[test]
fn the_split_is_exact_to_rounding_for_any_material() {
    let (left, right) = program(48_000);
    for mode in MODES {
        let split = run(mode, 48_000, 256, &scaled(&left, 7.3), &scaled(&right, 7.3));
        let error = difference(&sum(&split.left, &split.center), &scaled(&left, 7.3));
        assert!(level_db(&error, &left) < -120.0, "{mode:?}");
    }
}

#[test]
fn the_block_length_does_not_change_the_output() {
    let (left, right) = program(30_000);
    for (mode, rate) in MODES.into_iter().flat_map(|mode| RATES.map(|rate| (mode, rate))) {
        let reference = run(mode, rate, 256, &left, &right);
        let blocks: &[usize] =
            if rate == 48_000 { &[16, 32, 64, 128, 512, 1024, 2048, 4096, 8192] } else { &[16, 1024] };
        for &block in blocks {
            let other = run(mode, rate, block, &left, &right);
            assert!(other.center == reference.center, "{mode:?} at {rate}, block {block}");
            assert!(
                other.left == reference.left && other.right == reference.right,
                "{mode:?} at {rate}, block {block}"
            );
        }
    }
}

#[test]
fn silence_gives_exact_silence_and_a_reset_is_like_new() {
    let (left, right) = program(20_480);
    for mode in MODES {
        let mut used = upmix(mode, 48_000, 256);
        let first = run_through(&mut used, 256, &left, &right);
        let memory = used.memory_frames().next_multiple_of(256);
        run_through(&mut used, 256, &vec![0.0; memory], &vec![0.0; memory]);
        let silence = run_through(&mut used, 256, &vec![0.0; 4096], &vec![0.0; 4096]);
        for plane in [silence.left, silence.right, silence.center] {
            assert!(plane.iter().all(|x| x.to_bits() << 1 == 0), "{mode:?}");
        }
        used.reset();
        let again = run_through(&mut used, 256, &left, &right);
        assert!(first.center == again.center && first.left == again.left, "{mode:?}");
    }
}

#[test]
fn adopted_statistics_leave_nothing_to_converge() {
    let (left, right) = program(48_000);
    for mode in MODES {
        let mut old = upmix(mode, 48_000, 256);
        run_through(&mut old, 256, &left, &right);
        let mut fresh = upmix(mode, 48_000, 256);
        fresh.adopt(&old);
        let after = |upmix: &mut Upmix| run_through(upmix, 256, &left[..12_288], &right[..12_288]).center;
        let (expected, adopted) = (after(&mut old), after(&mut fresh));
        let memory = fresh.memory_frames().min(8_192);
        let error = level_db(&difference(&expected, &adopted)[memory..], &expected[memory..]);
        assert!(error < -45.0, "{mode:?}: {error:.1} dB");
    }
}

#[test]
fn center_width_leaves_a_part_in_the_sides() {
    let (left, right) = program(24_000);
    for mode in MODES {
        let full = run(mode, 48_000, 256, &left, &right).center;
        for center_width in [0.25, 1.0] {
            let mut upmix = Upmix::new(&UpmixSpec { mode, center_width }, 48_000, 256).unwrap();
            let part = run_through(&mut upmix, 256, &left, &right);
            let error = difference(&part.center, &scaled(&full, 1.0 - center_width));
            assert!(power(&error) < 1e-12, "{mode:?}, {center_width}");
            assert!(power(&difference(&sum(&part.left, &part.center), &left)) < 1e-13);
        }
    }
}

/// ACOUSTICS §1, the rows that need no music.
#[test]
fn the_table_of_synthetic_signals() {
    for rate in RATES {
        let frames = 2 * rate as usize;
        let (a, b, zeros) = (noise(frames, 11), noise(frames, 12), vec![0.0; frames]);
        for mode in MODES {
            let separation = mode != UpmixMode::LowLatency;
            let center_db = |left: &[f32], right: &[f32]| {
                let split = run(mode, rate, 256, left, right);
                let input = sum(&scaled(left, 0.5), &scaled(right, 0.5));
                (level_db(settled(&split.center, rate), settled(&input, rate)), split)
            };
            let (hard_left, _) = center_db(&a, &zeros);
            assert!(hard_left <= -60.0, "{mode:?} at {rate}: hard left {hard_left:.1} dB");
            // Against the input's two channels, 6 dB below their mean.
            let (independent, _) = center_db(&a, &b);
            let independent = independent - 6.02;
            assert!(independent <= -22.0, "{mode:?} at {rate}: independent {independent:.1} dB");
            let (mono, split) = center_db(&a, &a);
            let residual = level_db(settled(&split.left, rate), settled(&a, rate));
            let (tolerance, most) = if separation { (0.1, -60.0) } else { (0.1, -40.0) };
            assert!(mono.abs() <= tolerance, "{mode:?} at {rate}: mono {mono:.2} dB");
            assert!(residual <= most, "{mode:?} at {rate}: mono residual {residual:.1} dB");
        }
    }
}
