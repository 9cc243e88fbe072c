use super::*;
use proptest::prelude::*;

/// One plane through a one-channel converter.
fn bytes(format: SampleFormat, plane: &[f32]) -> Vec<u8> {
    let mut out = vec![0xaa; plane.len() * format.bytes()];
    Converter::new(format, 1).convert(&[plane], &mut out);
    out
}

fn s32(x: f32) -> i32 {
    i32::from_le_bytes(bytes(SampleFormat::S32, &[x]).try_into().unwrap())
}

fn s24(x: f32) -> i32 {
    i32::from_le_bytes(bytes(SampleFormat::S24, &[x]).try_into().unwrap())
}

fn s16_values(plane: &[f32]) -> Vec<i16> {
    bytes(SampleFormat::S16, plane).chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

/// Exact steps, halves between steps, and both ends, as seen from each format.
fn edges(bits: u32) -> Vec<f32> {
    let full = 2f32.powi(bits as i32 - 1);
    let mut edges = vec![0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 16.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-42];
    edges.extend([f32::INFINITY, f32::NEG_INFINITY, 1.0f32.next_down(), -(1.0f32.next_down()), 1.0f32.next_up()]);
    for step in [0.25f32, 0.5, 0.75, 1.0, 1.5, 2.5, 3.5, 4095.5, 8191.5] {
        for x in [step, step.next_up(), step.next_down()] {
            edges.extend([x / full, -x / full]);
        }
    }
    edges
}

#[test]
fn s32_is_the_scaled_sample_rounded_and_clamped() {
    for x in edges(32) {
        let expected = (x as f64 * 2147483648.0).round().clamp(i32::MIN as f64, i32::MAX as f64) as i32;
        assert_eq!(s32(x), expected, "{x:e}");
    }
    assert_eq!(s32(f32::NAN), 0);
    assert_eq!((s32(1.0), s32(-1.0)), (i32::MAX, i32::MIN));
}

#[test]
fn s24_is_the_scaled_sample_rounded_and_clamped() {
    for x in edges(24) {
        let expected = (x as f64 * 8388608.0).round().clamp(-8388608.0, 8388607.0) as i32;
        assert_eq!(s24(x), expected, "{x:e}");
        let packed = bytes(SampleFormat::S24Packed, &[x]);
        assert_eq!(packed, expected.to_le_bytes()[..3], "{x:e}");
    }
    assert_eq!(s24(f32::NAN), 0);
}

#[test]
fn float_passes_every_bit() {
    let mut samples = edges(24);
    samples.push(f32::from_bits(0x7fc1_2345));
    for x in samples {
        assert_eq!(bytes(SampleFormat::Float, &[x]), x.to_le_bytes());
    }
}

/// Every 16- and 24-bit integer comes back as itself where no dither is added.
#[test]
fn whole_steps_survive() {
    for value in -32768i32..=32767 {
        let x = value as f32 / 32768.0;
        assert_eq!(s32(x), value << 16);
        assert_eq!(s24(x), value << 8);
    }
    let steps: Vec<f32> = (-8_388_608..8_388_608).step_by(7).map(|value| value as f32 / 8_388_608.0).collect();
    for (chunk, value) in bytes(SampleFormat::S24, &steps).chunks_exact(4).zip((-8_388_608..).step_by(7)) {
        assert_eq!(chunk, i32::to_le_bytes(value));
    }
}

proptest! {
    #[test]
    fn any_float_rounds_like_the_definition(x in any::<f32>().prop_filter("a number", |x| !x.is_nan())) {
        prop_assert_eq!(s32(x), (x as f64 * 2147483648.0).round() as i32);
        prop_assert_eq!(s24(x), (x as f64 * 8388608.0).round().clamp(-8388608.0, 8388607.0) as i32);
        let near = (f64::from(x) * 32768.0).clamp(-32768.0, 32767.0);
        prop_assert!((f64::from(s16_values(&[x])[0]) - near).abs() <= 1.5);
    }
}

#[test]
fn silence_stays_silence_in_every_format() {
    for format in SampleFormat::PREFERENCE {
        assert!(bytes(format, &[0.0; 1000]).iter().all(|&byte| byte == 0), "{format}");
        if format != SampleFormat::Float {
            assert!(bytes(format, &[-0.0; 1000]).iter().all(|&byte| byte == 0), "{format}");
        }
    }
}

#[test]
fn full_scale_does_not_wrap_in_16_bits() {
    assert!(s16_values(&[1.0; 5000]).iter().all(|&value| value >= 32766));
    assert!(s16_values(&[-1.0; 5000]).iter().all(|&value| value <= -32766));
    assert!(s16_values(&[f32::INFINITY; 10]).iter().all(|&value| value == i16::MAX));
    assert_eq!(s16_values(&[f32::NAN]), [0]);
}

/// Triangular dither of ±1 LSB: the mean follows the signal between the steps, the error's power is 1/4 LSB²
/// (1/12 quantization + 1/6 dither) wherever the signal lies.
#[test]
fn dither_makes_the_error_independent_of_the_signal() {
    for fraction in [0.1, 0.25, 0.5, 0.8] {
        let x = ((100.0 + fraction) / 32768.0) as f32;
        let errors: Vec<f64> =
            s16_values(&vec![x; 200_000]).iter().map(|&y| f64::from(y) - f64::from(x) * 32768.0).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let power = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
        assert!(mean.abs() < 0.005, "mean {mean} at {fraction}");
        assert!((power - 0.25).abs() < 0.005, "power {power} at {fraction}");
        let lag = errors.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / errors.len() as f64;
        assert!(lag.abs() < 0.005, "neighbors correlate: {lag}");
    }
}

#[test]
fn dither_is_repeatable_and_differs_between_channels() {
    let plane = vec![1e-4f32; 4096];
    let planes = [plane.clone(), plane];
    let convert = || {
        let mut out = vec![0; 4096 * 4];
        Converter::new(SampleFormat::S16, 2).convert(&planes, &mut out);
        out
    };
    let out = convert();
    assert_eq!(out, convert());
    let same = out.chunks_exact(4).filter(|frame| frame[..2] == frame[2..]).count();
    assert!(same < 3000, "{same} of 4096 frames equal");
}

#[test]
fn planes_land_on_their_channels() {
    let planes = [[0.25f32, 0.5], [-0.25, -0.5]];
    let mut out = vec![0xff; 2 * 4 * 4];
    Converter::new(SampleFormat::Float, 4).convert(&planes, &mut out);
    let samples: Vec<f32> = out.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(samples, [0.25, -0.25, 0.0, 0.0, 0.5, -0.5, 0.0, 0.0]);
}

#[test]
fn short_planes_end_in_silence_and_long_ones_are_cut() {
    let mut out = vec![0xff; 3 * 4];
    Converter::new(SampleFormat::S32, 1).convert(&[[0.5f32]], &mut out);
    assert_eq!(out, [0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0]);
    Converter::new(SampleFormat::S32, 1).convert(&[[0.5f32; 9]], &mut out);
    assert_eq!(out, [0, 0, 0, 0x40].repeat(3));
}

/// Frames of three channels in every format: what the other byte order and layout give is the same samples.
#[test]
fn byte_order_and_layout_move_bytes_and_change_none() {
    let planes: Vec<Vec<f32>> =
        (0..3).map(|channel| (0..50).map(|i| ((i * 3 + channel) as f32).sin()).collect()).collect();
    for format in SampleFormat::PREFERENCE {
        let bytes = format.bytes();
        let convert = |is_big_endian, is_planar| {
            let mut out = vec![0xaa; 50 * 3 * bytes];
            Converter::new(Encoding { format, is_big_endian, is_planar }, 3).convert(&planes, &mut out);
            out
        };
        let plain = convert(false, false);
        let swapped: Vec<u8> = plain.chunks_exact(bytes).flat_map(|sample| sample.iter().rev().copied()).collect();
        assert_eq!(convert(true, false), swapped, "{format}");
        let planar: Vec<u8> = (0..3)
            .flat_map(|channel| {
                plain.chunks_exact(bytes).skip(channel).step_by(3).flatten().copied().collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(convert(false, true), planar, "{format}");
    }
    let big = |format| Encoding { is_big_endian: true, ..Encoding::from(format) }.to_string();
    assert_eq!(SampleFormat::PREFERENCE.map(big), ["S32_BE", "FLOAT_BE", "S24_BE", "S24_3BE", "S16_BE"]);
}

#[test]
fn no_channel_and_no_room_are_nothing_to_do() {
    Converter::new(SampleFormat::S32, 0).convert(&[[0.5f32]], &mut [0; 8]);
    Converter::new(SampleFormat::S32, 2).convert(&[[0.5f32]], &mut [0; 7]);
    Converter::new(SampleFormat::S32, 2).convert(&[[0.5f32]], &mut []);
}
