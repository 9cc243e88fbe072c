//! Averages over neighboring bands, a constant width on the ERB-rate scale.

/// ERB-rate of a frequency (Glasberg and Moore 1990).
fn erb_rate(hz: f64) -> f64 {
    21.4 * (1.0 + 0.00437 * hz).log10()
}

/// First and last of the bands whose middle is within `half_width_erb` of each band's.
fn windows(centers_hz: &[f64], half_width_erb: f64) -> Vec<(usize, usize)> {
    let rates: Vec<f64> = centers_hz.iter().map(|&hz| erb_rate(hz)).collect();
    let window = |(k, rate): (usize, &f64)| {
        let near = |other: &f64| (other - rate).abs() <= half_width_erb;
        (rates.iter().position(near).unwrap_or(k), rates.iter().rposition(near).unwrap_or(k))
    };
    rates.iter().enumerate().map(window).collect()
}

/// Bands `start..end` each average `width` bands from `before` bands below.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    before: usize,
    width: usize,
}

/// For windows of a few bands: their sums, in vector registers.
pub(super) struct Pool {
    runs: Vec<Run>,
}

impl Pool {
    pub fn new(centers_hz: &[f64], half_width_erb: f64) -> Pool {
        let mut runs: Vec<Run> = Vec::new();
        for (k, (first, last)) in windows(centers_hz, half_width_erb).into_iter().enumerate() {
            let (before, width) = (k - first, last - first + 1);
            match runs.last_mut() {
                Some(run) if run.before == before && run.width == width => run.end = k + 1,
                _ => runs.push(Run { start: k, end: k + 1, before, width }),
            }
        }
        Pool { runs }
    }

    /// `pooled[k]` becomes the average of `values` around band k. Inlined into the caller's instruction set.
    #[inline(always)]
    pub fn apply(&self, values: &[f32], pooled: &mut [f32]) {
        for run in &self.runs {
            let from = &values[run.start - run.before..];
            let target = &mut pooled[run.start..run.end];
            // The widths that there are at the usual rates, so that each compiles to one loop.
            match run.width {
                1 => target.copy_from_slice(&from[..target.len()]),
                2 => average::<2>(from, target),
                3 => average::<3>(from, target),
                5 => average::<5>(from, target),
                7 => average::<7>(from, target),
                9 => average::<9>(from, target),
                width => {
                    for (value, window) in target.iter_mut().zip(from.windows(width)) {
                        *value = window.iter().sum::<f32>() / width as f32;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn average<const WIDTH: usize>(from: &[f32], target: &mut [f32]) {
    let count = target.len();
    let from: [&[f32]; WIDTH] = std::array::from_fn(|offset| &from[offset..][..count]);
    for k in 0..count {
        let mut sum = from[0][k];
        for values in &from[1..] {
            sum += values[k];
        }
        target[k] = sum * (1.0 / WIDTH as f32);
    }
}

/// For wide windows and two signals at once: prefix sums, in double precision, so that a strong bass leaves the treble
/// its own.
pub(super) struct WidePool {
    /// First band, and band after the last, of every window.
    windows: Vec<[u32; 2]>,
    sums: Vec<[f64; 2]>,
}

impl WidePool {
    pub fn new(centers_hz: &[f64], half_width_erb: f64) -> WidePool {
        let windows = windows(centers_hz, half_width_erb);
        WidePool {
            sums: vec![[0.0; 2]; windows.len() + 1],
            windows: windows.into_iter().map(|(first, last)| [first as u32, last as u32 + 1]).collect(),
        }
    }

    /// `values` become the sums around each band.
    #[inline(always)]
    pub fn apply(&mut self, values: [&mut [f32]; 2]) {
        let [a, b] = values;
        let mut sum = [0.0f64; 2];
        for (next, (a, b)) in self.sums[1..].iter_mut().zip(a.iter().zip(b.iter())) {
            sum = [sum[0] + f64::from(*a), sum[1] + f64::from(*b)];
            *next = sum;
        }
        for (window, (a, b)) in self.windows.iter().zip(a.iter_mut().zip(b)) {
            let (first, end) = (self.sums[window[0] as usize], self.sums[window[1] as usize]);
            *a = (end[0] - first[0]) as f32;
            *b = (end[1] - first[1]) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(centers_hz: &[f64], half_width: f64, k: usize) -> Vec<usize> {
        let rate = |k: usize| erb_rate(centers_hz[k]);
        (0..centers_hz.len()).filter(|&j| (rate(j) - rate(k)).abs() <= half_width).collect()
    }

    #[test]
    fn pools_equal_the_plain_average() {
        let mut centers_hz: Vec<f64> = (0..100).map(|k| 31.25 * k as f64).collect();
        centers_hz.extend((0..60).map(|k| 3_140.0 * 2f64.powf(k as f64 / 24.0)));
        let value = |k: usize| ((k * 7919) % 101) as f32 * 10f32.powi(-((k / 20) as i32));
        let input: Vec<f32> = (0..centers_hz.len()).map(value).collect();
        for half_width in [0.125, 0.2, 0.25, 0.9, 3.0] {
            let mut pooled = vec![f32::NAN; input.len()];
            Pool::new(&centers_hz, half_width).apply(&input, &mut pooled);
            let (mut sums, mut doubled) = (input.clone(), input.iter().map(|x| 2.0 * x).collect::<Vec<f32>>());
            WidePool::new(&centers_hz, half_width).apply([&mut sums, &mut doubled]);
            for k in 0..input.len() {
                let near = near(&centers_hz, half_width, k);
                let sum: f64 = near.iter().map(|&j| f64::from(input[j])).sum();
                let mean = sum / near.len() as f64;
                assert!((f64::from(pooled[k]) - mean).abs() <= 1e-6 * mean, "band {k}: {}, not {mean}", pooled[k]);
                assert!((f64::from(sums[k]) - sum).abs() <= 1e-6 * sum, "band {k}: {}, not {sum}", sums[k]);
                assert!((f64::from(doubled[k]) - 2.0 * sum).abs() <= 2e-6 * sum);
            }
        }
    }
}
