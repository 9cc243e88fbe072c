//! How the gain returns: fast after a transient, slowly under sustained level.

use super::*;

/// Gain reduction in dB, one value a millisecond, over `signal` at 48 kHz.
fn reductions_db(signal: &[f32]) -> Vec<f64> {
    let mut limiter = limiter(&[0]);
    let mut signal = signal.to_vec();
    let reduction = |call: &mut [f32]| {
        limiter.process(&mut [call]);
        f64::from(limiter.gain_reduction_db(0))
    };
    signal.chunks_mut(48).map(reduction).collect()
}

/// Bursts of a 1 kHz tone 12 dB over full scale, `burst_ms` of each `period_ms`, with half of full scale between them.
fn bursts(ms: usize, burst_ms: usize, period_ms: usize) -> Vec<f32> {
    let amplitude = |ms: usize| if ms % period_ms < burst_ms { 4.0 } else { 0.5 };
    tone(48 * ms, 1_000.0, 1.0, 0.0).iter().enumerate().map(|(n, x)| amplitude(n / 48) * x).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_transient_is_over_within_a_tenth_of_a_second() {
    let reductions_db = reductions_db(&bursts(400, 5, 400));
    assert!(reductions_db[4] > 12.0, "{:.2} dB in the burst", reductions_db[4]);
    assert!(reductions_db[5 + 100] < 1.5, "{:.2} dB 100 ms behind it", reductions_db[5 + 100]);
}

#[test]
fn dense_bursts_keep_an_even_gain() {
    let reductions_db = &reductions_db(&bursts(4_000, 40, 100))[3_000..];
    let mean_db = mean(reductions_db);
    let deviation_db = mean(&reductions_db.iter().map(|db| (db - mean_db).powi(2)).collect::<Vec<_>>()).sqrt();
    assert!(mean_db > 8.0, "the music stays limited: {mean_db:.2} dB");
    assert!(deviation_db < 2.0, "standard deviation {deviation_db:.2} dB");
}

#[test]
fn sustained_level_is_released_slowly() {
    let mut signal = bursts(2_000, 2_000, 2_000);
    signal.extend(bursts(2_000, 0, 2_000));
    let reductions_db = reductions_db(&signal);
    let (before, soon, later) = (reductions_db[1_999], reductions_db[2_200], reductions_db[3_999]);
    assert!(before > 12.0, "{before:.2} dB");
    assert!(soon > 8.0, "{soon:.2} dB 0.2 s later");
    assert!(later < 2.0, "{later:.2} dB 2 s later");
}
