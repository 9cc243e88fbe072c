//! What alsa-lib says beside its error numbers.

use std::cell::RefCell;
use std::rc::Rc;

/// alsa-lib reports by printing to stderr; for this thread it reports here instead.
pub(super) struct Chatter(Option<Rc<RefCell<alsa::Output>>>);

impl Chatter {
    pub(super) fn listen() -> Chatter {
        Chatter(alsa::Output::local_error_handler().ok())
    }

    /// What it said first, less the name of its C function.
    pub(super) fn first_line(&self) -> String {
        let Some(output) = &self.0 else {
            return String::new();
        };
        let text = output.borrow().to_string();
        let line = text.lines().next().unwrap_or_default();
        line.split_once(": ").map_or(line, |(_, message)| message).trim().to_string()
    }
}
