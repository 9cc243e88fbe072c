//! The request for a cycle of the graph that has not come yet, and when it is made again.
//!
//! # When another driver gives the graph back
//!
//! PipeWire tells each client by a message to its main thread who drives the graph now. A player that has not read it when
//! the first cycle is triggered still reports to the old driver when it is done: the cycle does not end, and its frames lie
//! where nobody fetches them until the next trigger, which ends it and begins another at once (`node_ready` in PipeWire's
//! impl-node.c); newer versions run the cycle without that player. So a driver that has won a streaming graph *settles in*:
//! it gives the players at least half a period, and as long as the ring lasts, to read their messages; repeats a request
//! after a period, while the device's buffer lasts; and knows that a repeated request is answered twice: to ask a third
//! time after the first answer would trip over a player at work.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// Repetitions after which it is no player that has missed a message.
const MAX_REPEATS: u64 = 8;

/// When it was made last, in units of 256 ns; below, in eight bits, how often it was repeated, and whether it has been
/// answered since. All zero: none is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Made(u64);

impl Made {
    const NONE: Made = Made(0);
    const IS_ANSWERED: u64 = 0x80;
    const REPEATS: u64 = 0x7f;

    fn at(now_ns: u64, repeats: u64) -> Made {
        // Never all zero.
        Made((now_ns.max(1 << 8) & !0xff) | repeats)
    }

    fn age_ns(self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.0 & !0xff)
    }

    fn repeats(self) -> u64 {
        self.0 & Made::REPEATS
    }

    fn answered(self) -> Made {
        match self.repeats() == 0 || self.0 & Made::IS_ANSWERED != 0 {
            true => Made::NONE,
            false => Made(self.0 | Made::IS_ANSWERED),
        }
    }
}

/// See the module. Shared by writer and data loop, which ask, the data loop, which answers, and the node's thread, which
/// tells who drives; nobody waits.
#[derive(Debug, Default)]
pub struct CycleRequest {
    /// A [`Made`].
    made: AtomicU64,
    /// When a streaming graph was won, until a cycle has ended by itself since; else 0.
    won_ns: AtomicU64,
}

impl CycleRequest {
    fn made(&self) -> Made {
        Made(self.made.load(Acquire))
    }

    /// True where one may be made: none is on its way, or the last counts as lost. A driver that is settling in has waited
    /// for half a period.
    pub fn is_due(&self, now_ns: u64, period_ns: u64, quantum_ns: u64) -> bool {
        let (made, won_ns) = (self.made(), self.won_ns.load(Acquire));
        let may_be_made = won_ns == 0 || now_ns.saturating_sub(won_ns) >= period_ns / 2;
        may_be_made && (made == Made::NONE || made.age_ns(now_ns) > self.patience_ns(period_ns, quantum_ns))
    }

    /// Two periods and two quanta for players that are slow; a period while there may be one that has not heard of us.
    fn patience_ns(&self, period_ns: u64, quantum_ns: u64) -> u64 {
        if self.is_settling() { period_ns } else { 2 * (period_ns + quantum_ns) }
    }

    /// Makes one where it is due and nobody else has made it meanwhile; whether it did.
    pub fn make(&self, now_ns: u64, period_ns: u64, quantum_ns: u64) -> bool {
        let made = self.made();
        if !self.is_due(now_ns, period_ns, quantum_ns) {
            return false;
        }
        let repeats = match made {
            Made::NONE => 0,
            _ if made.repeats() < MAX_REPEATS => made.repeats() + u64::from(self.is_settling()),
            _ => {
                self.won_ns.store(0, Release);
                0
            }
        };
        self.made.compare_exchange(made.0, Made::at(now_ns, repeats).0, AcqRel, Acquire).is_ok()
    }

    /// A cycle has come.
    pub fn answer(&self) {
        let made = self.made();
        let left = made.answered();
        // It fails where the request was repeated or withdrawn just now: then that counts.
        let is_answered = self.made.compare_exchange(made.0, left.0, AcqRel, Acquire).is_ok();
        if is_answered && left == Made::NONE && made != Made::NONE {
            self.won_ns.store(0, Release);
        }
    }

    /// Nothing is asked for any more.
    pub fn withdraw(&self) {
        self.made.store(Made::NONE.0, Release);
        self.won_ns.store(0, Release);
    }

    /// A streaming graph was won from another driver.
    pub fn win(&self, now_ns: u64) {
        self.made.store(Made::NONE.0, Release);
        self.won_ns.store(now_ns.max(1), Release);
    }

    /// True while one has not been answered.
    pub fn is_pending(&self) -> bool {
        self.made() != Made::NONE
    }

    /// True from the moment in which a streaming graph was won until a cycle has ended by itself.
    pub fn is_settling(&self) -> bool {
        self.won_ns.load(Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    const MS: u64 = 1_000_000;
    const PERIOD: u64 = 5 * MS;
    const QUANTUM: u64 = 5 * MS;

    fn makes(request: &CycleRequest, now_ms: u64) -> bool {
        request.make(now_ms * MS, PERIOD, QUANTUM)
    }

    #[test]
    fn it_is_made_once_and_again_when_lost() {
        let request = CycleRequest::default();
        assert!(makes(&request, 100) && request.is_pending());
        assert!(!makes(&request, 101), "it is on its way");
        assert!(makes(&request, 121), "20 ms without a cycle");
        request.answer();
        assert!(!request.is_pending() && makes(&request, 122), "one answer is enough for a graph that knows us");
    }

    #[test]
    fn the_players_of_a_graph_that_was_won_are_given_time() {
        let request = CycleRequest::default();
        request.win(100 * MS);
        assert!(!makes(&request, 102) && makes(&request, 103));
        request.answer();
        assert!(!request.is_settling() && makes(&request, 104), "it ended by itself: they know");
        assert!(!makes(&request, 114), "and are given their usual time");
    }

    /// A player that hears of its new driver 12 ms after that has begun.
    #[test]
    fn a_repeated_request_is_answered_twice() {
        let request = CycleRequest::default();
        request.win(100 * MS);
        assert!(makes(&request, 103) && !makes(&request, 107) && makes(&request, 109));
        request.answer();
        assert!(!makes(&request, 110), "the frames were those of the first");
        assert!(makes(&request, 115), "the second has not ended by itself either");
        request.answer();
        assert!(request.is_pending() && request.is_settling());
        request.answer();
        assert!(!request.is_pending() && !request.is_settling() && makes(&request, 116));
    }

    #[test]
    fn a_request_that_was_never_heard_is_not_waited_for_twice_for_ever() {
        let request = CycleRequest::default();
        request.win(100 * MS);
        let mut now_ms = 103;
        assert!(makes(&request, now_ms));
        while request.is_settling() {
            now_ms += 6;
            assert!(makes(&request, now_ms) && now_ms < 200);
            request.answer();
        }
        assert!(!request.is_pending() && makes(&request, now_ms + 1));
    }

    /// Writer and data loop find the ring under target at the same moment, round after round.
    #[test]
    fn of_two_threads_that_ask_at_once_one_does() {
        let rounds = if cfg!(miri) { 10 } else { 1000 };
        let (request, made) = (CycleRequest::default(), AtomicU64::new(0));
        let together = Barrier::new(2);
        let ask = || {
            for round in 1..=rounds {
                together.wait();
                made.fetch_add(u64::from(makes(&request, 100 * round)), Relaxed);
                if together.wait().is_leader() {
                    assert_eq!(made.load(Relaxed), round);
                    request.answer();
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(ask);
            ask();
        });
        assert!(!request.is_pending());
    }

    #[test]
    fn what_is_withdrawn_is_made_anew() {
        let request = CycleRequest::default();
        request.win(100 * MS);
        makes(&request, 103);
        request.withdraw();
        assert!(!request.is_pending() && !request.is_settling() && makes(&request, 104));
    }
}
