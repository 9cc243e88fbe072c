//! A request on its way to the main loop, and its answer on the way back.

use std::sync::{Arc, Weak, mpsc};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::protocol::{Reply, Request};

/// A request on its way to the main loop, with where its answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What was asked.
    pub request: Request,
    /// Where the answer goes.
    pub reply: Answer,
}

/// Where one answer goes. Whoever drops it unsent leaves the client the answer that the daemon is stopping.
#[derive(Debug)]
pub struct Answer {
    client: u64,
    outbox: Option<(Outbox, Place)>,
}

/// One of the places there are for requests of a kind, held until the control thread has the answer: that bounds what
/// the main loop has to remember, and the answers on their way, whether the clients stay or leave.
pub(super) type Place = Arc<()>;

/// An answer on its way: to which client, and whose place it frees.
pub(super) type Sent = (u64, Reply, Place);

impl Answer {
    pub(super) fn new(client: u64, outbox: Outbox, place: Place) -> Answer {
        Answer { client, outbox: Some((outbox, place)) }
    }

    /// Dead as soon as nobody waits for the answer any more, and nothing that it gave lasts: what is done for the client is
    /// done for nobody.
    pub fn lease(&self) -> Weak<()> {
        self.outbox.as_ref().map_or_else(Weak::new, |(_, place)| Arc::downgrade(place))
    }

    /// Answers. Never waits; a client that left meanwhile is no error.
    pub fn send(mut self, reply: Reply) {
        if let Some((outbox, place)) = self.outbox.take() {
            outbox.put((self.client, reply, place));
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some((outbox, place)) = self.outbox.take() {
            outbox.put((self.client, Reply::stopping(), place));
        }
    }
}

/// Answers on their way to the control thread.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    replies: mpsc::Sender<Sent>,
    wake: Arc<Wake>,
}

impl Outbox {
    pub(super) fn new(wake: Arc<Wake>) -> (Outbox, mpsc::Receiver<Sent>) {
        let (replies, receiver) = mpsc::channel();
        (Outbox { replies, wake }, receiver)
    }

    fn put(&self, sent: Sent) {
        // Refused only after the control thread has ended, and its clients with it.
        if self.replies.send(sent).is_ok() {
            self.wake.ring();
        }
    }
}

/// Ends the control thread's wait.
#[derive(Debug)]
pub(super) struct Wake(EventFd);

impl Wake {
    pub(super) fn new() -> nix::Result<Wake> {
        EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC).map(Wake)
    }

    pub(super) fn ring(&self) {
        match self.0.write(1) {
            // Full: it has been rung two to the power of 64 times, and not heard yet.
            Ok(_) | Err(Errno::EAGAIN) => {}
            Err(error) => log::error!("the control thread cannot be woken: {error}"),
        }
    }

    pub(super) fn clear(&self) {
        match self.0.read() {
            Ok(_) | Err(Errno::EAGAIN) => {}
            Err(error) => log::error!("the control thread's wake-up cannot be read: {error}"),
        }
    }
}

impl std::os::fd::AsFd for Wake {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
