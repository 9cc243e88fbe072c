//! Notices when the session manager goes away, and whether the next one has taken the sink over.
//!
//! WirePlumber 0.4, whenever it configures the ports of a node, waits for them to appear. Those of a node that its
//! predecessor has configured are there already: it waits for ever, and links neither such a sink nor such a player
//! (WirePlumber's issue 527, mended in 0.5). So a sink that was left behind is made anew. That is all it takes for new
//! players; one that was playing is linked at the second try only, when its ports are as WirePlumber left them: so where
//! players wait and none is linked, the sink is made anew once more.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// The metadata that every session manager owns, and that goes with it.
const METADATA: &str = "default";
/// How long a manager that has configured the sink may take to link the players. Doubled at each further attempt.
const PATIENCE: Duration = Duration::from_millis(400);
/// Players that wait may be somebody else's.
const ATTEMPTS: u32 = 3;

/// What one connection's registry tells of the session manager.
#[derive(Debug, Default)]
pub(super) struct Manager {
    metadata: Cell<Option<u32>>,
    lost: Cell<bool>,
    players: RefCell<HashSet<u32>>,
    links: RefCell<HashSet<u32>>,
    configured: Cell<Option<Instant>>,
}

/// What of it lasts over connections: how often the sink was made anew since a manager was lost.
#[derive(Debug, Default)]
pub(super) struct Orphan(Cell<Option<u32>>);

impl Manager {
    /// A metadata object of this name appeared.
    pub fn metadata(&self, id: u32, name: Option<&str>) {
        if name == Some(METADATA) {
            self.metadata.set(Some(id));
        }
    }

    /// A stream that plays appeared.
    pub fn player(&self, id: u32) {
        self.players.borrow_mut().insert(id);
    }

    /// The sink was linked.
    pub fn link(&self, id: u32) {
        self.links.borrow_mut().insert(id);
    }

    /// The sink has a port: a manager has configured it.
    pub fn port(&self, now: Instant) {
        self.configured.set(Some(self.configured.get().unwrap_or(now)));
    }

    /// An object is gone; ids are used again.
    pub fn removed(&self, id: u32) {
        if self.metadata.get() == Some(id) {
            self.metadata.set(None);
            self.lost.set(true);
        }
        self.players.borrow_mut().remove(&id);
        self.links.borrow_mut().remove(&id);
    }

    /// True once a manager that was there has gone, whoever has come after it.
    pub fn is_lost(&self) -> bool {
        self.lost.get()
    }

    /// For how long players have been waiting beside a sink that is ready for them.
    fn waiting(&self, now: Instant) -> Option<Duration> {
        let waits = !self.players.borrow().is_empty() && self.links.borrow().is_empty();
        self.configured.get().filter(|_| waits).map(|since| now.saturating_duration_since(since))
    }
}

impl Orphan {
    /// The manager is lost; the sink is made anew.
    pub fn begin(&self) {
        self.0.set(Some(0));
    }

    /// True while a manager is missing or has not shown that it links players.
    pub fn is_one(&self) -> bool {
        self.0.get().is_some()
    }

    /// True when the sink is to be made anew once more.
    pub fn tries_again(&self, manager: &Manager, now: Instant) -> bool {
        let Some(attempts) = self.0.get() else { return false };
        if !manager.links.borrow().is_empty() {
            self.0.set(None);
        }
        let again = manager.waiting(now).is_some_and(|waiting| waiting >= PATIENCE * 2_u32.pow(attempts));
        if again {
            self.0.set(Some(attempts + 1).filter(|&attempts| attempts < ATTEMPTS));
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_its_own_metadata_is_its_end() {
        let manager = Manager::default();
        manager.removed(30);
        manager.metadata(30, Some("settings"));
        manager.metadata(31, None);
        manager.metadata(32, Some("default"));
        for id in [30, 31, 33] {
            manager.removed(id);
        }
        assert!(!manager.is_lost());
        manager.removed(32);
        assert!(manager.is_lost());
        manager.metadata(40, Some("default"));
        assert!(manager.is_lost(), "the sink that the first one left behind is still the same");
    }

    #[test]
    fn players_that_wait_beside_a_configured_sink_are_tried_thrice() {
        let (orphan, start) = (Orphan::default(), Instant::now());
        let waiting = |id| {
            let manager = Manager::default();
            manager.player(id);
            manager.port(start);
            manager
        };
        assert!(!orphan.tries_again(&waiting(50), start + 100 * PATIENCE), "a manager that was never lost");
        orphan.begin();
        let absent = Manager::default();
        absent.player(50);
        assert!(!orphan.tries_again(&absent, start + 100 * PATIENCE), "nobody has configured the sink");
        let idle = Manager::default();
        idle.port(start);
        assert!(!orphan.tries_again(&idle, start + 100 * PATIENCE), "nobody plays");
        for patience in [PATIENCE, 2 * PATIENCE, 4 * PATIENCE] {
            assert!(!orphan.tries_again(&waiting(50), start + patience - Duration::from_millis(1)));
            assert!(orphan.tries_again(&waiting(50), start + patience));
        }
        assert!(!orphan.is_one() && !orphan.tries_again(&waiting(50), start + 100 * PATIENCE));
    }

    #[test]
    fn a_manager_that_links_a_player_is_left_in_peace() {
        let (orphan, manager, start) = (Orphan::default(), Manager::default(), Instant::now());
        orphan.begin();
        manager.player(50);
        manager.port(start);
        manager.link(60);
        assert!(!orphan.tries_again(&manager, start + PATIENCE) && !orphan.is_one());
        manager.removed(60);
        assert!(!orphan.tries_again(&manager, start + 2 * PATIENCE), "what happens later has other reasons");
    }
}
