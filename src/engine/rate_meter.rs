//! How fast the device's clock runs against the system's, from what it has played and when.

use std::time::Duration;

/// One mark is kept for each stretch of this length.
const STRETCH: Duration = Duration::from_secs(2);
/// Marks kept: the rate is that of the last half minute.
const MARKS: usize = 16;
/// Marks from which a rate is told: five stretches, in which one frame is 2 ppm.
const ENOUGH: usize = 6;

/// A reading of the device: frames it is ahead of its nominal rate, `at_ns`.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    ahead_frames: f64,
    at_ns: u64,
}

/// Measures the rate of a running device.
///
/// A reading can only come late: the device tells its position in steps, and the thread that asks may be held up
/// before it looks at the clock. So the reading most ahead of each stretch is its best, and the rate is the slope
/// between the best ones of the first and the last stretch.
#[derive(Debug)]
pub struct RateMeter {
    rate_hz: f64,
    /// The first reading: where counting begins.
    origin: Option<(i64, u64)>,
    /// The best reading of the present stretch.
    best: Mark,
    stretch_begin_ns: u64,
    marks: [Mark; MARKS],
    count: usize,
}

impl RateMeter {
    /// For a device of the nominal rate `rate_hz`.
    pub fn new(rate_hz: u32) -> RateMeter {
        RateMeter {
            rate_hz: f64::from(rate_hz.max(1)),
            origin: None,
            best: Mark::default(),
            stretch_begin_ns: 0,
            marks: [Mark::default(); MARKS],
            count: 0,
        }
    }

    /// The device was started anew: its position has nothing to do with the one before.
    pub fn restart(&mut self) {
        self.origin = None;
        self.count = 0;
    }

    /// The device had played `position_frames`, from any origin, at `now_ns`. Returns its rate over the nominal one,
    /// minus one, whenever there is a new figure.
    pub fn update(&mut self, position_frames: i64, now_ns: u64) -> Option<f64> {
        let Some((first_frames, first_ns)) = self.origin else {
            self.origin = Some((position_frames, now_ns));
            self.stretch_begin_ns = now_ns;
            self.best = Mark { ahead_frames: 0.0, at_ns: now_ns };
            return None;
        };
        let elapsed_s = now_ns.saturating_sub(first_ns) as f64 * 1e-9;
        let ahead_frames = (position_frames - first_frames) as f64 - self.rate_hz * elapsed_s;
        if now_ns.saturating_sub(self.stretch_begin_ns) < STRETCH.as_nanos() as u64 {
            if ahead_frames > self.best.ahead_frames {
                self.best = Mark { ahead_frames, at_ns: now_ns };
            }
            return None;
        }
        self.keep_best();
        self.stretch_begin_ns = now_ns;
        self.best = Mark { ahead_frames, at_ns: now_ns };
        self.offset()
    }

    fn keep_best(&mut self) {
        if self.count == MARKS {
            self.marks.rotate_left(1);
            self.count -= 1;
        }
        self.marks[self.count] = self.best;
        self.count += 1;
    }

    fn offset(&self) -> Option<f64> {
        let (first, last) = (self.marks[0], self.marks[self.count.checked_sub(1)?]);
        let elapsed_s = last.at_ns.saturating_sub(first.at_ns) as f64 * 1e-9;
        (self.count >= ENOUGH && elapsed_s > 0.0)
            .then(|| (last.ahead_frames - first.ahead_frames) / (self.rate_hz * elapsed_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures, in ppm, that a card `ppm` off gives in `seconds`, read once a period of 256 frames; each reading
    /// is `late_ns` late.
    fn figures(meter: &mut RateMeter, ppm: f64, seconds: u64, late_ns: impl Fn(u64) -> u64) -> Vec<f64> {
        let periods = seconds * 48_000 / 256;
        (0..periods)
            .filter_map(|period| {
                let now_ns = 5_000_000_000 + period * 256 * 1_000_000_000 / 48_000;
                let position = (now_ns as f64 * 48e-6 * (1.0 + ppm * 1e-6)) as i64;
                meter.update(position, now_ns + late_ns(period))
            })
            .map(|offset| offset * 1e6)
            .collect()
    }

    #[test]
    fn a_clock_s_deviation_is_found_within_a_few_ppm() {
        for ppm in [-300.0, 0.0, 200.0] {
            let found = figures(&mut RateMeter::new(48_000), ppm, 60, |_| 0);
            assert!(found.len() > 20 && found.iter().all(|figure| (figure - ppm).abs() < 4.0), "{ppm}: {found:?}");
            assert!((found[found.len() - 1] - ppm).abs() < 1.0, "{ppm}: {found:?}");
        }
    }

    #[test]
    fn late_readings_do_not_count() {
        let late = |period: u64| if period.is_multiple_of(3) { 0 } else { period * 7_919 % 20_000_000 };
        let found = figures(&mut RateMeter::new(48_000), 200.0, 60, late);
        assert!(found.iter().all(|figure| (figure - 200.0).abs() < 4.0), "{found:?}");
    }

    #[test]
    fn nothing_is_told_too_early_nor_across_a_restart() {
        let mut meter = RateMeter::new(48_000);
        assert!(figures(&mut meter, 0.0, 10, |_| 0).is_empty());
        meter.restart();
        assert!(figures(&mut meter, 500.0, 10, |_| 0).is_empty());
    }
}
