//! Whether sound moves: the heartbeats of the two threads that carry it.

use std::time::{Duration, Instant};

/// Longer than any turn of the writer takes, and than any cycle of the graph.
const STANDSTILL: Duration = Duration::from_secs(1);

/// The heartbeats, as read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beats {
    /// Turns of the writer's loop.
    pub turns: u64,
    /// Cycles of the graph.
    pub cycles: u64,
    /// A cycle has been asked for, and has not come yet.
    pub waits_for_cycle: bool,
}

/// What does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standstill {
    /// The thread that writes to the device.
    Writer,
    /// PipeWire's graph, which our device drives.
    Graph,
}

impl Standstill {
    /// What is wrong and what to do, in a line.
    pub fn explain(self) -> &'static str {
        match self {
            Standstill::Writer => {
                "the thread that writes to the device does not move: its driver hangs; systemctl --user restart spatiald"
            }
            Standstill::Graph => {
                "PipeWire's graph does not move although the device asks for sound: is PipeWire overloaded or stopped? \
                 systemctl --user restart pipewire"
            }
        }
    }
}

/// Watches the heartbeats.
#[derive(Debug)]
pub struct Health {
    last: Beats,
    turned: Instant,
    cycled: Instant,
}

impl Health {
    /// All is well at `now`.
    pub fn new(now: Instant) -> Health {
        Health { last: Beats { turns: 0, cycles: 0, waits_for_cycle: false }, turned: now, cycled: now }
    }

    /// Takes note of the heartbeats at `now`; what stands still.
    pub fn look(&mut self, beats: Beats, now: Instant) -> Option<Standstill> {
        if beats.turns != self.last.turns {
            self.turned = now;
        }
        if beats.cycles != self.last.cycles || !beats.waits_for_cycle {
            self.cycled = now;
        }
        self.last = beats;
        if now.duration_since(self.turned) >= STANDSTILL {
            return Some(Standstill::Writer);
        }
        (now.duration_since(self.cycled) >= STANDSTILL).then_some(Standstill::Graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(begin: Instant, ms: u64) -> Instant {
        begin + Duration::from_millis(ms)
    }

    #[test]
    fn a_writer_that_does_not_turn_is_found() {
        let begin = Instant::now();
        let mut health = Health::new(begin);
        let beats = |turns| Beats { turns, cycles: 0, waits_for_cycle: false };
        assert_eq!(health.look(beats(1), after(begin, 900)), None);
        assert_eq!(health.look(beats(1), after(begin, 1800)), None);
        assert_eq!(health.look(beats(1), after(begin, 1900)), Some(Standstill::Writer));
        assert_eq!(health.look(beats(2), after(begin, 2000)), None);
    }

    #[test]
    fn a_graph_stands_still_only_while_it_is_waited_for() {
        let begin = Instant::now();
        let mut health = Health::new(begin);
        let mut turns = 0;
        let mut look = |cycles, waits_for_cycle, ms| {
            turns += 1;
            health.look(Beats { turns, cycles, waits_for_cycle }, after(begin, ms))
        };
        assert_eq!(look(5, true, 500), None);
        assert_eq!(look(5, false, 1900), None, "nobody plays");
        assert_eq!(look(5, true, 2500), None);
        assert_eq!(look(5, true, 2900), Some(Standstill::Graph));
        assert_eq!(look(6, true, 3000), None);
    }
}
