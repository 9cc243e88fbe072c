//! The reload transaction's bookkeeping: one switch in flight at a time, requests that pile up coalesce.
//!
//! What a switch *does* (read, validate, build, hand over, crossfade) is the daemon's; here stands only who waits for
//! which outcome, so that it can be tested without a daemon.

use std::time::Instant;

use super::control::Choice;

/// A request and where its outcome goes.
#[derive(Debug)]
pub struct Waiting<W> {
    /// Whoever waits: a control client's reply channel, a property to set, nobody.
    pub waiter: W,
    /// When it asked.
    pub since: Instant,
}

#[derive(Debug)]
struct Wanted<W> {
    choice: Choice,
    waiting: Vec<Waiting<W>>,
}

/// At most one switch in flight, at most one wanted after it.
#[derive(Debug)]
pub struct Reloads<W> {
    in_flight: Option<Vec<Waiting<W>>>,
    next: Option<Wanted<W>>,
}

impl<W> Default for Reloads<W> {
    fn default() -> Self {
        Reloads { in_flight: None, next: None }
    }
}

impl<W> Reloads<W> {
    /// Takes a request in. The last choice wins; "again" keeps the choice that is already wanted.
    pub fn ask(&mut self, choice: Choice, waiter: W) {
        let waiting = Waiting { waiter, since: Instant::now() };
        match &mut self.next {
            None => self.next = Some(Wanted { choice, waiting: vec![waiting] }),
            Some(wanted) => {
                if choice != Choice::Again {
                    wanted.choice = choice;
                }
                wanted.waiting.push(waiting);
            }
        }
    }

    /// The choice to switch to now; `None` while a switch is in flight or nothing is wanted.
    pub fn start(&mut self) -> Option<Choice> {
        if self.in_flight.is_some() {
            return None;
        }
        let wanted = self.next.take()?;
        self.in_flight = Some(wanted.waiting);
        Some(wanted.choice)
    }

    /// The switch in flight has ended, well or not: those who wait for its outcome.
    pub fn end(&mut self) -> Vec<Waiting<W>> {
        self.in_flight.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Choice {
        Choice::Named(name.into())
    }

    #[test]
    fn requests_during_a_switch_become_one_switch_to_the_last_choice() {
        let mut reloads = Reloads::default();
        reloads.ask(named("a"), 0);
        assert_eq!(reloads.start(), Some(named("a")));
        for i in 1..50 {
            reloads.ask(named(if i % 2 == 0 { "a" } else { "b" }), i);
            assert_eq!(reloads.start(), None, "one in flight at a time");
        }
        assert_eq!(reloads.end().len(), 1);
        assert_eq!(reloads.start(), Some(named("b")));
        let answered: Vec<_> = reloads.end().into_iter().map(|w| w.waiter).collect();
        assert_eq!(answered, (1..50).collect::<Vec<_>>(), "every request is answered, once");
        assert_eq!(reloads.start(), None);
    }

    #[test]
    fn reading_again_does_not_undo_a_choice_that_still_waits() {
        let mut reloads = Reloads::default();
        reloads.ask(named("a"), ());
        reloads.ask(Choice::Again, ());
        assert_eq!(reloads.start(), Some(named("a")));
        reloads.ask(Choice::Again, ());
        reloads.ask(Choice::Default, ());
        reloads.end();
        assert_eq!(reloads.start(), Some(Choice::Default));
    }
}
