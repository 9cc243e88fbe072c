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
    use std::thread::{self, ThreadId};

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

    /// A value that knows where it was built, and what else it is.
    struct Built(ThreadId, u32);

    impl Drop for Built {
        fn drop(&mut self) {
            assert_eq!(self.0, thread::current().id(), "dropped on the real-time thread");
        }
    }

    #[test]
    fn between_two_threads_values_keep_their_order_and_are_dropped_where_they_were_built() {
        const VALUES: u32 = if cfg!(miri) { 30 } else { 10_000 };
        let (mut sender, mut receiver) = handover::<Built>();
        let realtime = thread::spawn(move || {
            let (mut playing, mut unreturned) = (None::<Box<Built>>, None);
            let mut last = 0;
            while last < VALUES || unreturned.is_some() {
                if let Some(old) = unreturned.take() {
                    unreturned = receiver.retire(old).err();
                } else if let Some(next) = receiver.receive() {
                    assert_eq!(next.1, last + 1);
                    last = next.1;
                    unreturned = playing.replace(next).and_then(|old| receiver.retire(old).err());
                }
                thread::yield_now();
            }
            (receiver, playing)
        });
        let (mut refused, mut reclaimed) = (0, 0);
        let mut reclaim = |sender: &mut Sender<Built>| {
            while let Some(old) = sender.reclaim() {
                reclaimed += 1;
                assert_eq!(old.1, reclaimed);
            }
            reclaimed
        };
        for number in 1..=VALUES {
            let mut next = Some(Box::new(Built(thread::current().id(), number)));
            while let Some(value) = next.take() {
                next = sender.send(value).err();
                refused += u32::from(next.is_some());
                // Seldom, so that the way back fills up.
                if refused % 20 == 19 {
                    reclaim(&mut sender);
                }
                thread::yield_now();
            }
        }
        while !realtime.is_finished() {
            reclaim(&mut sender);
        }
        let (_receiver, playing) = realtime.join().unwrap();
        let reclaimed = reclaim(&mut sender);
        assert_eq!((reclaimed, playing.map(|last| last.1)), (VALUES - 1, Some(VALUES)));
    }
}
