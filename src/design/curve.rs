//! Curves over frequency: levels in dB at a few frequencies, straight lines between them on a logarithmic axis.

/// A level in dB over frequency.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve(Vec<(f64, f64)>);

impl Curve {
    /// From (Hz, dB) points in order of frequency; constant beyond the ends. At least one point.
    pub fn new(points: &[(f64, f64)]) -> Self {
        Self(points.to_vec())
    }

    /// The highest level, dB.
    pub fn largest_db(&self) -> f64 {
        self.0.iter().map(|(_, v)| *v).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The level at a frequency, dB.
    pub fn at(&self, frequency_hz: f64) -> f64 {
        let points = &self.0;
        let after = points.partition_point(|(f, _)| *f <= frequency_hz);
        match (after.checked_sub(1).map(|i| points[i]), points.get(after)) {
            (Some((f0, v0)), Some((f1, v1))) => v0 + (v1 - v0) * (frequency_hz / f0).ln() / (f1 / f0).ln(),
            (Some((_, v)), None) | (None, Some(&(_, v))) => v,
            (None, None) => 0.0,
        }
    }
}

/// Frequencies on a logarithmic axis, and the way from them to any other.
#[derive(Debug, Clone)]
pub struct LogGrid {
    lowest_hz: f64,
    per_octave: f64,
    /// The frequencies, Hz.
    pub frequencies_hz: Vec<f64>,
}

impl LogGrid {
    /// From `lowest_hz` to `highest_hz` with `per_octave` points an octave.
    pub fn new(lowest_hz: f64, highest_hz: f64, per_octave: f64) -> Self {
        let count = ((highest_hz / lowest_hz).log2() * per_octave).floor() as usize + 2;
        let frequencies_hz = (0..count).map(|i| lowest_hz * 2f64.powf(i as f64 / per_octave)).collect();
        Self { lowest_hz, per_octave, frequencies_hz }
    }

    /// Linear interpolation of values on the grid, constant beyond its ends.
    pub fn interpolate(&self, values: &[f64], frequency_hz: f64) -> f64 {
        let (low, part) = self.place(frequency_hz);
        let high = (low + 1).min(values.len() - 1);
        values[low] + (values[high] - values[low]) * part
    }

    /// Index of the grid's frequency below this one, and the part of the way to the next: 0 at the last one.
    pub fn place(&self, frequency_hz: f64) -> (usize, f64) {
        let last = self.frequencies_hz.len() - 1;
        let place = ((frequency_hz / self.lowest_hz).log2() * self.per_octave).clamp(0.0, last as f64);
        let low = place.floor() as usize;
        (low, place - low as f64)
    }

    /// Moving average over `width_octaves`.
    pub fn smooth(&self, values: &[f64], width_octaves: f64) -> Vec<f64> {
        let reach = (0.5 * width_octaves * self.per_octave).round() as usize;
        (0..values.len())
            .map(|i| {
                let window = &values[i.saturating_sub(reach)..(i + reach + 1).min(values.len())];
                window.iter().sum::<f64>() / window.len() as f64
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_straight_on_a_log_axis() {
        let curve = Curve::new(&[(100.0, 0.0), (400.0, 6.0)]);
        assert!((curve.at(200.0) - 3.0).abs() < 1e-12);
        assert_eq!((curve.at(10.0), curve.at(1e4)), (0.0, 6.0));
    }

    #[test]
    fn a_grid_gives_its_own_values_back() {
        let grid = LogGrid::new(20.0, 20_000.0, 48.0);
        let values: Vec<f64> = grid.frequencies_hz.iter().map(|f| f.ln()).collect();
        for f in [20.0, 33.0, 1000.0, 19_999.0] {
            assert!((grid.interpolate(&values, f) - f64::ln(f)).abs() < 1e-4);
        }
    }
}
