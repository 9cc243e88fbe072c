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
    assert_eq!(matrix.multiplied_partitions(), 2 * 16 + 3 * (8 + 6 + 8));
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
