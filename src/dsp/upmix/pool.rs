//! Averages over neighboring bins, a constant width on the ERB-rate scale.
//!
//! Sums of 2, 4, 8, … bins are built by doubling and put together per run of equal width. Against prefix sums this
//! loses no precision below a strong bass and runs in vector registers.

/// ERB-rate of a frequency (Glasberg and Moore 1990).
pub(super) fn erb_rate(hz: f64) -> f64 {
    21.4 * (1.0 + 0.00437 * hz).log10()
}

fn erb_rate_to_hz(rate: f64) -> f64 {
    (10f64.powf(rate / 21.4) - 1.0) / 0.00437
}

/// Bins `start..end` each average `width` bins from `before` bins below.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    before: usize,
    width: usize,
}

/// Averages every bin with those within a half-width in ERB.
pub(super) struct Pool {
    bins: usize,
    runs: Vec<Run>,
    /// 1 / number of bins in the window.
    weight: Vec<f32>,
    /// Zeros kept on either side of the bins.
    margin: usize,
    /// `sums[b][margin + k]`: sum of 2^b bins from bin k on.
    sums: Vec<Vec<f32>>,
}

impl Pool {
    pub fn new(bins: usize, bin_hz: f64, half_width_erb: f64) -> Pool {
        let window = |k: usize| {
            let center = erb_rate(k as f64 * bin_hz);
            let low = erb_rate_to_hz(center - half_width_erb) / bin_hz;
            let high = erb_rate_to_hz(center + half_width_erb) / bin_hz;
            // Bins outside the spectrum are in the zero margin: they count in neither sum nor weight.
            (k - low.ceil().clamp(0.0, k as f64) as usize, (high.floor() as usize).max(k) - k)
        };
        let mut runs: Vec<Run> = Vec::new();
        let mut weight = Vec::with_capacity(bins);
        for k in 0..bins {
            let (before, after) = window(k);
            weight.push(1.0 / (before + 1 + after.min(bins - 1 - k)) as f32);
            let width = before + 1 + after;
            match runs.last_mut() {
                Some(run) if run.before == before && run.width == width => run.end = k + 1,
                _ => runs.push(Run { start: k, end: k + 1, before, width }),
            }
        }
        let widest = runs.iter().map(|run| run.width).max().unwrap_or(1);
        let levels = widest.ilog2() as usize + 1;
        let sums = vec![vec![0.0; bins + 2 * widest]; levels];
        Pool { bins, runs, weight, margin: widest, sums }
    }

    /// `values[k]` becomes the average around bin k. Inlined into the caller's instruction set.
    #[inline(always)]
    pub fn apply(&mut self, values: &mut [f32]) {
        let values = &mut values[..self.bins];
        self.sums[0][self.margin..][..self.bins].copy_from_slice(values);
        for level in 1..self.sums.len() {
            let step = 1 << (level - 1);
            let (done, rest) = self.sums.split_at_mut(level);
            let finer = &done[level - 1];
            let length = finer.len() - step;
            let (low, high) = (&finer[..length], &finer[step..]);
            for ((sum, low), high) in rest[0][..length].iter_mut().zip(low).zip(high) {
                *sum = low + high;
            }
        }
        for run in &self.runs {
            let count = run.end - run.start;
            let target = &mut values[run.start..run.end];
            let mut position = self.margin + run.start - run.before;
            let top = run.width.ilog2() as usize;
            target.copy_from_slice(&self.sums[top][position..][..count]);
            position += 1 << top;
            for level in (0..top).rev().filter(|level| run.width >> level & 1 == 1) {
                for (value, sum) in target.iter_mut().zip(&self.sums[level][position..][..count]) {
                    *value += sum;
                }
                position += 1 << level;
            }
            for (value, weight) in target.iter_mut().zip(&self.weight[run.start..run.end]) {
                *value *= weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_plain_average() {
        for (bins, bin_hz, half_width) in
            [(1025, 23.4375, 0.125), (1025, 23.4375, 0.175), (513, 46.875, 0.25), (129, 31.25, 0.175)]
        {
            let mut pool = Pool::new(bins, bin_hz, half_width);
            let input: Vec<f32> =
                (0..bins).map(|k| ((k * 7919) % 101) as f32 * 10f32.powi(-((k / 100) as i32))).collect();
            let mut output = input.clone();
            pool.apply(&mut output);
            for (k, &pooled) in output.iter().enumerate() {
                let center = erb_rate(k as f64 * bin_hz);
                let near: Vec<f64> = (0..bins)
                    .filter(|&j| (erb_rate(j as f64 * bin_hz) - center).abs() <= half_width + 1e-9)
                    .map(|j| f64::from(input[j]))
                    .collect();
                let mean = near.iter().sum::<f64>() / near.len() as f64;
                assert!((f64::from(pooled) - mean).abs() <= 1e-6 * mean, "bin {k}: {pooled}, not {mean}");
            }
        }
    }
}
