//! What was chosen and set at run time is stored by one thread at a time: a disk that hangs and comes back must not put an
//! older choice over a newer one.

use super::reload::Wish;

/// Whether a thread stores, and what it has to store after that.
#[derive(Debug, Default)]
pub(super) struct Storing {
    is_busy: bool,
    /// What was wished for while the disk hung.
    owed: Option<Wish>,
}

impl Storing {
    /// True where `wish` is to be stored now. Otherwise an earlier one still hangs, and this one's turn comes when
    /// [`end`](Storing::end) says so.
    pub fn begin(&mut self, wish: &Wish) -> bool {
        if self.is_busy {
            self.owed.get_or_insert_default().join(wish.clone());
        }
        !std::mem::replace(&mut self.is_busy, true)
    }

    /// The thread has ended. What is to be stored next, if anything.
    pub fn end(&mut self) -> Option<Wish> {
        self.is_busy = self.owed.is_some();
        self.owed.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::control::Choice;

    #[test]
    fn one_at_a_time_and_the_newest_last() {
        let wish = |name: &str| Wish::from(Choice::Named(name.into()));
        let set = |change: &str| Wish { choice: None, changes: vec![change.parse().unwrap()] };
        let mut storing = Storing::default();
        assert!(storing.begin(&wish("first")));
        assert_eq!(storing.end(), None);
        assert!(storing.begin(&wish("hangs")));
        for later in [wish("second"), set("center_db=1"), wish("third"), set("center_db=2")] {
            assert!(!storing.begin(&later));
        }
        let owed = storing.end().unwrap();
        assert_eq!((owed.choice, owed.changes), (wish("third").choice, set("center_db=2").changes));
        // That is being stored now.
        assert!(!storing.begin(&wish("last")));
        assert_eq!(storing.end(), Some(wish("last")));
        assert_eq!(storing.end(), None);
        assert!(storing.begin(&wish("again")));
    }
}
