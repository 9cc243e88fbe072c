//! The reload transaction's bookkeeping: one switch in flight at a time, requests that pile up coalesce.
//!
//! What a switch *does* (read, validate, build, hand over, crossfade) is the daemon's; here stands only who waits for
//! which outcome, so that it can be tested without a daemon.

use std::time::Instant;

use super::control::Choice;
use crate::config::Change;

/// What is asked for: a profile, settings, or both.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wish {
    /// Which profile; `None`: the one that plays, as it was read.
    pub choice: Option<Choice>,
    /// What is set, in order; of a key the last counts.
    pub changes: Vec<Change>,
}

impl From<Choice> for Wish {
    fn from(choice: Choice) -> Wish {
        Wish { choice: Some(choice), changes: Vec::new() }
    }
}

impl Wish {
    /// Takes in a later one. "Again" keeps the choice that is already wanted.
    pub fn join(&mut self, later: Wish) {
        if later.choice.as_ref().is_some_and(|choice| *choice != Choice::Again) || self.choice.is_none() {
            self.choice = later.choice;
        }
        self.changes.extend(later.changes);
        // As many as there are keys: of each the last.
        let is_last =
            |index: usize, changes: &[Change]| !changes[index + 1..].iter().any(|c| c.is_of_same_key(&changes[index]));
        self.changes =
            (0..self.changes.len()).filter(|i| is_last(*i, &self.changes)).map(|i| self.changes[i].clone()).collect();
    }
}

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
    wish: Wish,
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
    /// Takes a request in. The last choice wins, and the last setting of each key.
    pub fn ask(&mut self, wish: impl Into<Wish>, waiter: W) {
        let waiting = Waiting { waiter, since: Instant::now() };
        let wish = wish.into();
        match &mut self.next {
            None => self.next = Some(Wanted { wish, waiting: vec![waiting] }),
            Some(wanted) => {
                wanted.wish.join(wish);
                wanted.waiting.push(waiting);
            }
        }
    }

    /// What to switch to now; `None` while a switch is in flight or nothing is wanted.
    pub fn start(&mut self) -> Option<Wish> {
        if self.in_flight.is_some() {
            return None;
        }
        let wanted = self.next.take()?;
        Some(self.in_flight.insert(wanted).wish.clone())
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

    /// The profile that is switched to in the end, as far as is known now.
    pub fn goal(&self) -> Option<&Choice> {
        [&self.next, &self.in_flight].into_iter().flatten().find_map(|wanted| wanted.wish.choice.as_ref())
    }

    /// What is set in the end, in order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        [&self.in_flight, &self.next].into_iter().flatten().flat_map(|wanted| &wanted.wish.changes)
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
        assert_eq!(reloads.start(), Some(named("a").into()));
        for i in 1..50 {
            reloads.ask(named(if i % 2 == 0 { "a" } else { "b" }), i);
            assert_eq!(reloads.start(), None, "one in flight at a time");
        }
        assert_eq!(reloads.end().len(), 1);
        assert_eq!(reloads.start(), Some(named("b").into()));
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
        assert_eq!(reloads.start(), Some(named("b").into()));
    }

    #[test]
    fn reading_again_does_not_undo_a_choice_that_still_waits() {
        let mut reloads = Reloads::default();
        reloads.ask(named("a"), ());
        reloads.ask(Choice::Again, ());
        assert_eq!(reloads.start(), Some(named("a").into()));
        reloads.ask(Choice::Again, ());
        reloads.ask(Choice::Default, ());
        reloads.end();
        assert_eq!(reloads.start(), Some(Choice::Default.into()));
    }

    #[test]
    fn settings_that_pile_up_become_the_last_of_each_key_and_undo_no_choice() {
        let set = |changes: &[&str]| Wish {
            choice: None,
            changes: changes.iter().map(|change| change.parse().unwrap()).collect(),
        };
        let mut reloads = Reloads::default();
        reloads.ask(set(&["mono=on"]), ());
        assert_eq!(reloads.start(), Some(set(&["mono=on"])));
        reloads.ask(set(&["center_db=1"]), ());
        reloads.ask(named("a"), ());
        for step in 0..50 {
            reloads.ask(set(&[&format!("center_db={}", f64::from(step) / 10.0), "seat=3"]), ());
        }
        assert_eq!(reloads.goal(), Some(&named("a")));
        assert_eq!(reloads.changes().count(), 3);
        assert_eq!(reloads.end().len(), 1);
        let wish = Wish { choice: Some(named("a")), ..set(&["center_db=4.9", "seat=3"]) };
        assert_eq!(reloads.start(), Some(wish));
        assert_eq!(reloads.end().len(), 52);
    }
}
