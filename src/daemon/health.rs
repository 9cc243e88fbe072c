//! Whether sound moves: the heartbeats of the two threads that carry it, and of the graph between them.

use std::time::{Duration, Instant};

/// Longer than any turn of the writer takes, and than any cycle of the graph.
const STANDSTILL: Duration = Duration::from_secs(1);
/// Longer than the main loop waits between two looks. What lies beyond was not watched: the whole process stood still, by
/// SIGSTOP or for want of a processor, and the threads that carry sound with it.
const WATCHED: Duration = Duration::from_millis(250);

/// The heartbeats, as read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeats {
    /// Turns of the writer's loop.
    pub turns: u64,
    /// Requests for a cycle that the data thread has taken.
    pub data_turns: u64,
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
    /// PipeWire's data thread in this process.
    DataThread,
    /// PipeWire's graph, which our device drives: the data thread starts cycles, and none ends.
    Graph,
}

impl Standstill {
    /// What is wrong and what to do, in a line.
    pub fn explain(self) -> &'static str {
        match self {
            Standstill::Writer => {
                "the thread that writes to the device does not move: its driver hangs; systemctl --user restart spatiald"
            }
            Standstill::DataThread => {
                "the thread that PipeWire runs here does not move; systemctl --user restart spatiald"
            }
            Standstill::Graph => {
                "PipeWire's graph does not move although the device asks for sound: is PipeWire overloaded or stopped? \
                 systemctl --user restart pipewire"
            }
        }
    }

    /// Whether a daemon started anew would do better: not where others keep the graph waiting.
    pub fn is_ours(self) -> bool {
        self != Standstill::Graph
    }
}

/// Watches the heartbeats.
#[derive(Debug)]
pub struct Health {
    last: Heartbeats,
    looked: Instant,
    /// For how long, as far as it was watched, the writer has not turned.
    without_turn: Duration,
    /// No cycle has come although one is waited for …
    without_cycle: Duration,
    /// … and no request for one was taken.
    without_data_turn: Duration,
}

impl Health {
    /// All is well at `now`.
    pub fn new(now: Instant) -> Health {
        Health {
            last: Heartbeats { turns: 0, data_turns: 0, cycles: 0, waits_for_cycle: false },
            looked: now,
            without_turn: Duration::ZERO,
            without_cycle: Duration::ZERO,
            without_data_turn: Duration::ZERO,
        }
    }

    /// Takes note of the heartbeats at `now`; what stands still.
    pub fn look(&mut self, beats: Heartbeats, now: Instant) -> Option<Standstill> {
        let watched = now.duration_since(self.looked).min(WATCHED);
        let longer = |time: Duration, stands_still: bool| if stands_still { time + watched } else { Duration::ZERO };
        self.without_turn = longer(self.without_turn, beats.turns == self.last.turns);
        let waits = beats.waits_for_cycle && beats.cycles == self.last.cycles;
        self.without_cycle = longer(self.without_cycle, waits);
        self.without_data_turn = longer(self.without_data_turn, waits && beats.data_turns == self.last.data_turns);
        (self.last, self.looked) = (beats, now);
        if self.without_turn >= STANDSTILL {
            return Some(Standstill::Writer);
        }
        if self.without_data_turn >= STANDSTILL {
            return Some(Standstill::DataThread);
        }
        (self.without_cycle >= STANDSTILL).then_some(Standstill::Graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A main loop that looks ten times a second.
    struct Watch {
        health: Health,
        now: Instant,
        turns: u64,
        data_turns: u64,
        data_thread_moves: bool,
    }

    impl Watch {
        fn start() -> Watch {
            let now = Instant::now();
            Watch { health: Health::new(now), now, turns: 0, data_turns: 0, data_thread_moves: true }
        }

        /// Looks for so long; what was found last. The writer turns meanwhile, or not.
        fn look(&mut self, ms: u64, turns: bool, cycles: u64, waits_for_cycle: bool) -> Option<Standstill> {
            let mut found = None;
            for _ in 0..ms / 100 {
                self.now += Duration::from_millis(100);
                self.turns += u64::from(turns);
                self.data_turns += u64::from(self.data_thread_moves);
                let (turns, data_turns) = (self.turns, self.data_turns);
                found = self.health.look(Heartbeats { turns, data_turns, cycles, waits_for_cycle }, self.now);
            }
            found
        }
    }

    #[test]
    fn a_writer_that_does_not_turn_is_found() {
        let mut watch = Watch::start();
        assert_eq!(watch.look(2000, true, 0, false), None);
        assert_eq!(watch.look(900, false, 0, false), None);
        assert_eq!(watch.look(100, false, 0, false), Some(Standstill::Writer));
        assert_eq!(watch.look(100, true, 0, false), None);
    }

    #[test]
    fn a_graph_stands_still_only_while_it_is_waited_for() {
        let mut watch = Watch::start();
        assert_eq!(watch.look(500, true, 5, true), None);
        assert_eq!(watch.look(1900, true, 5, false), None, "nobody plays");
        assert_eq!(watch.look(900, true, 5, true), None);
        assert_eq!(watch.look(100, true, 5, true), Some(Standstill::Graph));
        assert_eq!(watch.look(100, true, 6, true), None);
    }

    #[test]
    fn a_graph_that_others_keep_waiting_is_not_our_own_standstill() {
        let mut watch = Watch::start();
        assert_eq!(watch.look(500, true, 5, true), None);
        assert_eq!(watch.look(1100, true, 5, true).map(Standstill::is_ours), Some(false));
        watch.data_thread_moves = false;
        assert_eq!(watch.look(1000, true, 5, true), Some(Standstill::DataThread));
        assert!(Standstill::DataThread.is_ours() && Standstill::Writer.is_ours());
    }

    /// After SIGCONT the main loop may look before the other threads have run.
    #[test]
    fn a_time_that_was_not_watched_is_no_standstill() {
        let mut watch = Watch::start();
        assert_eq!(watch.look(500, true, 5, true), None);
        for _ in 0..3 {
            watch.now += Duration::from_secs(10);
            assert_eq!(watch.look(100, false, 5, true), None);
            assert_eq!(watch.look(100, true, 6, true), None);
        }
    }
}
