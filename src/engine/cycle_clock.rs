//! When a cycle of the graph should have begun, from when it did.

use std::f64::consts::{SQRT_2, TAU};

/// Bandwidth of the loop, in Hz: wide enough to be on time within seconds, narrow enough that a cycle which begins a
/// millisecond late moves its clock by a hundredth of that.
const BANDWIDTH_HZ: f64 = 0.25;

/// A delay-locked loop over the beginnings of the cycles (F. Adriaensen, "Using a DLL to filter time", Linux Audio
/// Conference 2005). Threads begin late, or several short cycles at once: players that keep pictures in step want the
/// even clock behind it.
#[derive(Debug, Default)]
pub struct CycleClock {
    last: Option<Cycle>,
}

#[derive(Debug, Clone, Copy)]
struct Cycle {
    begin_ns: f64,
    /// Nominal length.
    length_ns: f64,
    /// Its true length over the nominal one, minus one.
    stretch: f64,
}

impl CycleClock {
    /// A cycle begins at `now_ns`, by nominal time `length_ns` after the last one. Returns when it should have.
    ///
    /// A time more than `slack_ns` off, or a cycle of another length, begins a new clock: there was a pause.
    pub fn begin(&mut self, now_ns: u64, length_ns: f64, slack_ns: f64) -> u64 {
        let now = now_ns as f64;
        let new = Cycle { begin_ns: now, length_ns, stretch: 0.0 };
        let cycle = self.last.map_or(new, |last| {
            let expected_ns = last.begin_ns + length_ns * (1.0 + last.stretch);
            let late_ns = now - expected_ns;
            // As it must be, so that a length of 0 begins anew, too.
            let goes_on = late_ns.abs() <= slack_ns && (last.length_ns / length_ns - 1.0).abs() <= 0.01;
            if !goes_on {
                return new;
            }
            // Stable below 1: that is a cycle of 0.6 s.
            let omega = (TAU * BANDWIDTH_HZ * length_ns * 1e-9).min(0.5);
            Cycle {
                begin_ns: expected_ns + SQRT_2 * omega * late_ns,
                length_ns,
                stretch: last.stretch + omega * omega * late_ns / length_ns,
            }
        });
        self.last = Some(cycle);
        cycle.begin_ns as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_NS: u64 = 1_000_000_000_000;
    const LENGTH_NS: f64 = 256e9 / 48_000.0;
    const SLACK_NS: f64 = 2.0 * LENGTH_NS;

    /// What is left of the cycles' lateness after `cycles` of them, on a card `ppm` fast.
    fn errors(cycles: usize, ppm: f64, late_ns: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut clock = CycleClock::default();
        let due = |cycle: usize| START_NS as f64 + cycle as f64 * LENGTH_NS / (1.0 + ppm * 1e-6);
        (0..cycles)
            .map(|cycle| {
                let now_ns = (due(cycle) + late_ns(cycle)) as u64;
                clock.begin(now_ns, LENGTH_NS, SLACK_NS) as f64 - due(cycle)
            })
            .collect()
    }

    #[test]
    fn an_even_clock_is_left_as_it_is() {
        assert!(errors(1000, 0.0, |_| 0.0).iter().all(|error| error.abs() < 2.0));
    }

    #[test]
    fn one_late_cycle_hardly_moves_it() {
        let errors = errors(1000, 0.0, |cycle| if cycle == 500 { 1e6 } else { 0.0 });
        let worst = errors.iter().fold(0.0f64, |worst, error| worst.max(error.abs()));
        assert!(worst > 1e3 && worst < 20e3, "{worst} ns");
    }

    #[test]
    fn a_card_that_is_fast_is_followed() {
        for ppm in [-500.0, 500.0] {
            let errors = errors(2000, ppm, |cycle| (cycle * 7919 % 100) as f64 * 1e3 - 49.5e3);
            assert!(errors[1500..].iter().all(|error| error.abs() < 5e3), "{ppm} ppm: {:?}", &errors[1990..]);
        }
    }

    #[test]
    fn cycles_that_come_four_at_once_are_spread_evenly() {
        let quarter = LENGTH_NS / 4.0;
        let mut clock = CycleClock::default();
        let begun: Vec<f64> = (0..8000)
            .map(|cycle| {
                let now_ns = (START_NS as f64 + (cycle / 4) as f64 * LENGTH_NS) as u64;
                clock.begin(now_ns, quarter, quarter + LENGTH_NS) as f64
            })
            .collect();
        let even = |pair: &[f64]| (pair[1] - pair[0] - quarter).abs() < 0.02 * quarter;
        assert!(begun[6000..].windows(2).all(even));
        // The middle of each four is where they come.
        let middle = (begun[7996] + begun[7999]) / 2.0 - (START_NS as f64 + 1999.0 * LENGTH_NS);
        assert!(middle.abs() < 0.1 * quarter, "{middle} ns");
    }

    #[test]
    fn a_pause_or_another_length_begins_anew() {
        let mut clock = CycleClock::default();
        clock.begin(START_NS, LENGTH_NS, SLACK_NS);
        let after_pause = START_NS + 1_000_000_000;
        assert_eq!(clock.begin(after_pause, LENGTH_NS, SLACK_NS), after_pause);
        let other = after_pause + 9_000_000;
        assert_eq!(clock.begin(other, 4.0 * LENGTH_NS, SLACK_NS), other);
        assert_eq!(clock.begin(START_NS, 4.0 * LENGTH_NS, SLACK_NS), START_NS, "back in time");
        for _ in 0..3 {
            assert_eq!(clock.begin(other, 0.0, SLACK_NS), other, "of no length");
        }
    }
}
