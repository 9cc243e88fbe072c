//! What lasts over connections.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use pipewire::channel::Sender;
use pipewire::main_loop::MainLoopRc;

use crate::engine::Pace;

use super::manager::Orphan;
use super::params::Props;
use super::{Command, Event, Request, Shown, Tell};

/// All of it is on the node's thread.
pub(super) struct Persistent {
    pub main_loop: MainLoopRc,
    pub pace: Arc<Pace>,
    pub request: RefCell<Request>,
    pub latency_frames: Cell<usize>,
    pub props: RefCell<Props>,
    pub quits: Cell<bool>,
    pub orphan: Orphan,
    pub ask: Sender<Command>,
    tell: Tell,
    last_reason: RefCell<String>,
}

impl Persistent {
    pub fn new(
        main_loop: MainLoopRc,
        pace: Arc<Pace>,
        request: Request,
        shown: &Shown,
        tell: Tell,
        ask: Sender<Command>,
    ) -> Persistent {
        Persistent {
            main_loop,
            pace,
            request: RefCell::new(request),
            latency_frames: Cell::new(shown.latency_frames),
            props: RefCell::new(Props::new(&shown.profile)),
            quits: Cell::new(false),
            orphan: Orphan::default(),
            ask,
            tell,
            last_reason: RefCell::default(),
        }
    }

    pub fn tell(&self, event: Event) {
        (self.tell)(event);
    }

    /// Tells that the sink is up.
    pub fn up(&self, id: u32) {
        self.last_reason.borrow_mut().clear();
        self.tell(Event::Up(id));
    }

    /// Tells that the sink is not there; the same reason only once.
    pub fn down(&self, reason: &str) {
        if *self.last_reason.borrow() != reason {
            self.last_reason.replace(reason.to_owned());
            self.tell(Event::Down(reason.to_owned()));
        }
    }
}
