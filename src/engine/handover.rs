//! Lock-free hand-over of large values to the writer thread, and back: built, and dropped, off the real-time thread.
//!
//! ```text
//!  daemon ── send(Box<Chain>) ──▶ [next] ──▶ receive() ── writer thread
//!  daemon ◀── reclaim() ───────── [old]  ◀── retire()  ──
//! ```
//!
//! At most one value waits in `next`. A value that comes back by [`Sender::reclaim`] is the sign that the switch away
//! from it is complete.

use rtrb::{Consumer, Producer, RingBuffer};

/// Values that can be on their way back before the receiving side must hold one itself.
const RETIRED: usize = 8;

/// Creates both ends. All memory is allocated here.
pub fn handover<T>() -> (Sender<T>, Receiver<T>) {
    let (next_tx, next_rx) = RingBuffer::new(1);
    let (old_tx, old_rx) = RingBuffer::new(RETIRED);
    (Sender { next: next_tx, old: old_rx }, Receiver { next: next_rx, old: old_tx })
}

/// The end that builds and drops.
#[derive(Debug)]
pub struct Sender<T> {
    next: Producer<Box<T>>,
    old: Consumer<Box<T>>,
}

impl<T> Sender<T> {
    /// Hands `value` over.
    ///
    /// # Errors
    /// Gives it back while an earlier one has not been taken yet: newer requests may replace it meanwhile.
    pub fn send(&mut self, value: Box<T>) -> Result<(), Box<T>> {
        self.next.push(value).map_err(|rtrb::PushError::Full(value)| value)
    }

    /// A value the other side is done with. Dropping it here is the purpose.
    pub fn reclaim(&mut self) -> Option<Box<T>> {
        self.old.pop().ok()
    }
}

/// The end on the real-time thread: no operation allocates, frees or waits.
#[derive(Debug)]
pub struct Receiver<T> {
    next: Consumer<Box<T>>,
    old: Producer<Box<T>>,
}

impl<T> Receiver<T> {
    /// The value waiting, if any.
    pub fn receive(&mut self) -> Option<Box<T>> {
        self.next.pop().ok()
    }

    /// Whether a value waits.
    pub fn is_waiting(&self) -> bool {
        !self.next.is_empty()
    }

    /// Sends `value` away to be dropped.
    ///
    /// # Errors
    /// Gives it back when nobody has reclaimed for long: keep it and try again later, never drop it here.
    pub fn retire(&mut self, value: Box<T>) -> Result<(), Box<T>> {
        self.old.push(value).map_err(|rtrb::PushError::Full(value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    static DROPS: AtomicUsize = AtomicUsize::new(0);

    struct Counted(u32);

    impl Drop for Counted {
        fn drop(&mut self) {
            DROPS.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn values_go_over_and_come_back_undropped() {
        let (mut sender, mut receiver) = handover();
        assert!(receiver.receive().is_none());
        assert!(sender.send(Box::new(Counted(1))).is_ok());
        let refused = sender.send(Box::new(Counted(2))).map_err(|value| value.0).unwrap_err();
        assert_eq!(refused, 2);
        let value = receiver.receive().expect("sent before");
        assert_eq!(value.0, 1);
        assert!(receiver.retire(value).is_ok());
        assert_eq!(DROPS.load(SeqCst), 1, "only the refused one");
        assert_eq!(sender.reclaim().expect("retired before").0, 1);
        assert_eq!(DROPS.load(SeqCst), 2);
    }

    #[test]
    fn a_full_way_back_gives_the_value_back() {
        let (_sender, mut receiver) = handover::<u32>();
        for i in 0..RETIRED as u32 {
            assert!(receiver.retire(Box::new(i)).is_ok());
        }
        assert_eq!(receiver.retire(Box::new(99)).unwrap_err(), Box::new(99));
    }
}
