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
    in_flight: Option<Wanted<W>>,
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
        Some(self.in_flight.insert(wanted).choice.clone())
    }

    /// The switch in flight has ended, well or not: those who wait for its outcome.
    pub fn end(&mut self) -> Vec<Waiting<W>> {
        self.in_flight.take().map(|wanted| wanted.waiting).unwrap_or_default()
    }

    /// Everybody who waits, for whatever: they wait no longer, but what they wanted stays wanted.
    pub fn dismiss(&mut self) -> Vec<Waiting<W>> {
        let wanted = self.in_flight.iter_mut().chain(&mut self.next);
        wanted.flat_map(|wanted| std::mem::take(&mut wanted.waiting)).collect()
    }

    /// What is switched to in the end, as far as is known now.
    pub fn goal(&self) -> Option<&Choice> {
        self.next.as_ref().or(self.in_flight.as_ref()).map(|wanted| &wanted.choice)
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
    fn nobody_waits_for_a_switch_that_does_not_end() {
        let mut reloads = Reloads::default();
        reloads.ask(named("a"), 1);
        reloads.start();
        reloads.ask(named("b"), 2);
        assert_eq!(reloads.goal(), Some(&named("b")));
        assert_eq!(reloads.dismiss().into_iter().map(|w| w.waiter).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(reloads.start(), None, "still in flight");
        assert_eq!(reloads.goal(), Some(&named("b")), "and b still wanted");
        assert!(reloads.end().is_empty());
        assert_eq!(reloads.start(), Some(named("b")));
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
