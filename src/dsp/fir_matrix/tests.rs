use super::*;

/// Deterministic noise in −1…1.
fn noise(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}

fn noise_firs(inputs: usize, outputs: usize, taps: usize) -> Vec<Vec<Vec<f64>>> {
    (0..inputs)
        .map(|i| {
            (0..outputs).map(|o| noise((1 + i * 100 + o) as u32, taps).into_iter().map(f64::from).collect()).collect()
        })
        .collect()
}

/// Runs `blocks` blocks of noise; returns the inputs and the outputs, one plane per channel.
fn run(level: Level, block: usize, firs: &[Vec<Vec<f64>>], blocks: usize) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let (inputs, outputs) = (firs.len(), firs[0].len());
    let mut matrix = FirMatrix::with_level(level, block, firs);
    let x: Vec<Vec<f32>> = (0..inputs).map(|i| noise(7000 + i as u32, block * blocks)).collect();
    let mut y = vec![Vec::new(); outputs];
    let mut planes = vec![vec![0.0; block]; outputs];
    for at in (0..block * blocks).step_by(block) {
        let input: Vec<&[f32]> = x.iter().map(|x| &x[at..at + block]).collect();
        matrix.process(&input, &mut planes);
        for (y, plane) in y.iter_mut().zip(&planes) {
            y.extend_from_slice(plane);
        }
    }
    (x, y)
}

/// Error of the matrix against direct convolution in f64, in dB, over the last frames of every output.
fn error_db(level: Level, block: usize, firs: &[Vec<Vec<f64>>], blocks: usize) -> f64 {
    let (x, y) = run(level, block, firs, blocks);
    let frames = block * blocks;
    let (mut signal, mut error) = (0.0, 0.0);
    for (output, y) in y.iter().enumerate() {
        for n in frames - 200.min(frames)..frames {
            let exact: f64 = (0..firs.len())
                .map(|input| {
                    let fir = &firs[input][output];
                    fir.iter().take(n + 1).enumerate().map(|(k, h)| h * f64::from(x[input][n - k])).sum::<f64>()
                })
                .sum();
            signal += exact * exact;
            error += (f64::from(y[n]) - exact).powi(2);
        }
    }
    10.0 * (error / signal).log10()
}

#[test]
fn equals_direct_convolution_in_double_precision() {
    for level in Level::available() {
        for outputs in [1, 2, 3, 4, 5, 6, 7, 8, 16] {
            let error = error_db(level, 64, &noise_firs(3, outputs, 200), 6);
            assert!(error < -125.0, "{} 3x{outputs}: {error} dB", level.name());
        }
        for (inputs, block, taps) in [(1, 16, 1), (2, 16, 700), (3, 256, 2048), (3, 1024, 1000), (2, 4096, 5000)] {
            let error = error_db(level, block, &noise_firs(inputs, 3, taps), taps.div_ceil(block) + 2);
            assert!(error < -125.0, "{} {inputs}x3, {taps} taps in blocks of {block}: {error} dB", level.name());
        }
    }
}

#[test]
fn zero_paths_and_partitions_are_skipped_and_change_nothing() {
    let mut firs = noise_firs(3, 5, 500);
    firs[2][0].fill(0.0);
    firs[2][4].clear();
    firs[1][1..4].iter_mut().for_each(|fir| fir[..128].fill(0.0));
    for level in Level::available() {
        assert!(error_db(level, 64, &firs, 10) < -125.0);
    }
    let matrix = FirMatrix::new(64, &firs);
    assert_eq!(matrix.form().multiplied_partitions, 2 * 16 + 3 * (8 + 6 + 8));
}

#[test]
fn an_impulse_returns_the_fir() {
    let firs = noise_firs(3, 4, 300);
    for level in Level::available() {
        for input in 0..3 {
            let mut matrix = FirMatrix::with_level(level, 32, &firs);
            for block in 0..11 {
                let mut x = [[0.0; 32]; 3];
                if block == 0 {
                    x[input][5] = 1.0;
                }
                let mut y = [[0.0; 32]; 4];
                matrix.process(&x, &mut y);
                for (i, &y) in y.iter().flatten().enumerate() {
                    let (output, n) = (i / 32, block * 32 + i % 32);
                    let tap = n.checked_sub(5).and_then(|k| firs[input][output].get(k)).copied().unwrap_or(0.0);
                    assert!((f64::from(y) - tap).abs() < 2e-6, "{} frame {n}: {y} is not {tap}", level.name());
                }
            }
        }
    }
}

#[test]
fn silence_returns_after_the_memory_and_reset_forgets() {
    let firs = noise_firs(3, 3, 100);
    let mut matrix = FirMatrix::new(16, &firs);
    let fresh = |matrix: &mut FirMatrix| {
        let mut y = [[0.0; 16]; 3];
        matrix.process(&[noise(1, 16), noise(2, 16), noise(3, 16)], &mut y);
        y
    };
    let first = fresh(&mut matrix);
    let mut y = [[1.0; 16]; 3];
    for _ in 0..matrix.memory_frames() / 16 {
        matrix.process(&[[0.0; 16]; 3], &mut y);
    }
    assert!(y.iter().flatten().all(|&v| v == 0.0));
    fresh(&mut matrix);
    matrix.reset();
    assert_eq!(fresh(&mut matrix), first);
}

/// The mirror image of output d is output `outputs` − 1 − d.
fn mirrored_firs(outputs: usize, taps: usize) -> Vec<Vec<Vec<f64>>> {
    let mut firs = noise_firs(3, outputs, taps);
    for output in 0..outputs {
        firs[1][outputs - 1 - output] = firs[0][output].clone();
        firs[2][outputs - 1 - output] = firs[2][output].clone();
    }
    firs
}

#[test]
fn a_mirrored_device_is_computed_as_mid_and_side() {
    for (outputs, products) in [(1, 2), (2, 3), (3, 5), (4, 6), (6, 9), (16, 24)] {
        let firs = mirrored_firs(outputs, 500);
        let form = FirMatrix::new(64, &firs).form();
        assert_eq!(form, Form { mid_side: true, multiplied_partitions: 8 * products, all_partitions: 24 * outputs });
        for level in Level::available() {
            let error = error_db(level, 64, &firs, 10);
            assert!(error < -125.0, "{} 3x{outputs}: {error} dB", level.name());
        }
    }
}

#[test]
fn a_middle_that_is_not_mirrored_keeps_the_rest_mid_and_side() {
    let mut firs = mirrored_firs(4, 500);
    firs[2][0].clear();
    let form = FirMatrix::new(64, &firs).form();
    // Of 12 paths: M and C to two, S to two, and C to one of those.
    assert_eq!(form, Form { mid_side: true, multiplied_partitions: 8 * 7, all_partitions: 96 });
    for level in Level::available() {
        let error = error_db(level, 64, &firs, 10);
        assert!(error < -125.0, "{}: {error} dB", level.name());
    }
}

#[test]
fn the_difference_between_mid_side_and_direct_is_rounding() {
    let mut firs = mirrored_firs(4, 500);
    let (_, mid_side) = run(Level::detect(), 64, &firs, 20);
    // 100 dB under the other taps: too much for rounding, too little to hear in the comparison.
    firs[0][0][7] += 1e-5;
    let matrix = FirMatrix::new(64, &firs);
    assert!(!matrix.form().mid_side);
    firs[0][0][7] -= 1e-5;
    firs[0][0][7] += 1e-7;
    assert!(FirMatrix::new(64, &firs).form().mid_side);
    let plan = Plan::new(Level::detect(), 64, &firs);
    let mut direct = FirMatrix::planned(Level::detect(), 64, &firs, plan, None);
    let x: Vec<Vec<f32>> = (0..3).map(|i| noise(7000 + i, 64 * 20)).collect();
    let mut planes = vec![vec![0.0; 64]; 4];
    for block in 0..20 {
        let input: Vec<&[f32]> = x.iter().map(|x| &x[block * 64..(block + 1) * 64]).collect();
        direct.process(&input, &mut planes);
        for (plane, mid_side) in planes.iter().zip(&mid_side) {
            let mid_side = &mid_side[block * 64..(block + 1) * 64];
            let energy: f32 = plane.iter().map(|v| v * v).sum();
            let error: f32 = plane.iter().zip(mid_side).map(|(a, b)| (a - b).powi(2)).sum();
            assert!(error <= 1e-12 * energy, "block {block}: {} dB", 10.0 * (error / energy).log10());
        }
    }
}

#[test]
fn what_is_sparse_already_stays_direct() {
    // Two speakers, each with a side of its own.
    let (fir, none) = (noise_firs(1, 1, 300).remove(0).remove(0), Vec::new());
    let form = FirMatrix::new(64, &[vec![fir.clone(), none.clone()], vec![none, fir]]).form();
    assert_eq!(form, Form { mid_side: false, multiplied_partitions: 10, all_partitions: 20 });
}

#[test]
fn pure_delays_cost_one_partition() {
    // Relative transfer functions: each input's own driver has one tap; no two drivers mirror each other.
    let mut firs = noise_firs(3, 3, 2048);
    for (own, row) in firs.iter_mut().enumerate() {
        row[own].iter_mut().enumerate().for_each(|(tap, value)| *value = if tap == 500 { 1.0 } else { 0.0 });
    }
    let form = FirMatrix::new(256, &firs).form();
    // Six full paths of eight partitions, and three times one.
    assert_eq!(form.multiplied_partitions, 6 * 8 + 3);
    for level in Level::available() {
        assert!(error_db(level, 256, &firs, 10) < -125.0);
    }
}
