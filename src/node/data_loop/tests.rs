use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::thread;

use nix::sys::eventfd::EventFd;

use super::fake::FakeLoop;
use super::*;

/// The cell is shared by reference as PipeWire's callbacks share it.
struct Shared(DataCell<u32>);

// SAFETY: what is tested is that `with` lets one thread in only.
unsafe impl Sync for Shared {}

#[test]
fn the_first_thread_keeps_the_value_and_a_second_is_told_of() {
    let shared = Shared(DataCell::new(1));
    let add_one = || {
        // SAFETY: stands for a callback of the data loop; does not nest.
        unsafe { shared.0.with(|value| *value += 1) }
    };
    assert!(add_one().is_some() && add_one().is_some());
    assert!(!shared.0.is_contested());
    let shared = &shared;
    // SAFETY: as above.
    let other = thread::scope(|scope| scope.spawn(move || unsafe { shared.0.with(|value| *value += 1) }).join());
    assert!(other.unwrap().is_none());
    assert!(shared.0.is_contested() && add_one().is_some());
}

#[test]
fn a_value_is_changed_on_the_loop_s_own_thread_while_we_wait() {
    let fake = FakeLoop::start();
    let cell = DataCell::new(String::from("a"));
    let changed = cell.change(&fake.data_loop(), |value| {
        value.push('b');
        (thread::current().id(), value.clone())
    });
    assert_eq!(changed.map(|(on, value)| (Some(on), value)), Ok((fake.thread(), "ab".into())));
}

#[test]
fn where_the_loop_refuses_nothing_is_changed_and_nothing_watched() {
    let fake = FakeLoop::start();
    fake.refuse(true);
    let cell = DataCell::new(1);
    assert_eq!(cell.change(&fake.data_loop(), |value| *value = 2), Err(Errno::EPIPE));
    let fd = EventFd::new().unwrap();
    assert_eq!(fake.data_loop().watch(fd.as_fd(), || {}).err(), Some(Errno::EPIPE));
    fake.refuse(false);
    assert_eq!(cell.change(&fake.data_loop(), |value| *value), Ok(1));
    let _watch = fake.data_loop().watch(fd.as_fd(), || {}).unwrap();
    let second = fake.data_loop().watch(fd.as_fd(), || {}).err();
    assert_eq!((second, fake.sources()), (Some(Errno::EEXIST), 1), "the loop's own refusal");
}

#[test]
fn a_watched_descriptor_calls_until_it_is_let_go() {
    let fake = FakeLoop::start();
    let (fd, calls) = (Arc::new(EventFd::new().unwrap()), Arc::new(AtomicU32::new(0)));
    let watch = fake.data_loop().watch(fd.as_fd(), {
        let (fd, calls) = (Arc::clone(&fd), Arc::clone(&calls));
        move || {
            fd.read().unwrap();
            calls.fetch_add(1, Relaxed);
        }
    });
    for wanted in 1..=3 {
        fd.write(1).unwrap();
        while calls.load(Relaxed) < wanted {
            thread::yield_now();
        }
    }
    drop(watch);
    assert_eq!((Arc::strong_count(&calls), fake.sources()), (1, 0), "the closure is gone");
    fd.write(1).unwrap();
    fake.data_loop().run(|| ()).unwrap();
    assert_eq!(calls.load(Relaxed), 3);
}

#[test]
fn another_loop_than_the_watched_one_gets_at_nothing() {
    let (watched, other) = (FakeLoop::start(), FakeLoop::start());
    let cell = Arc::new(Shared(DataCell::new(1)));
    watched
        .data_loop()
        .run({
            let cell = Arc::clone(&cell);
            // SAFETY: on a data loop; does not nest.
            move || assert!(unsafe { cell.0.with(|value| *value += 1) }.is_some())
        })
        .unwrap();
    assert_eq!(cell.0.change(&other.data_loop(), |value| *value = 0), Err(Errno::EAGAIN));
    assert!(cell.0.is_contested());
    assert_eq!(cell.0.change(&watched.data_loop(), |value| *value), Ok(2));
    // SAFETY: nothing is on its way.
    unsafe { cell.0.release() };
    assert!(!cell.0.is_contested() && cell.0.change(&other.data_loop(), |value| *value) == Ok(2));
}

/// `change` comes on one loop at the moment in which another one takes the value.
#[test]
fn two_loops_at_once_are_not_both_let_in() {
    let (watched, other) = (FakeLoop::start(), FakeLoop::start());
    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
        let (cell, entered) = (Arc::new(Shared(DataCell::new(0))), Arc::new(AtomicU32::new(0)));
        let fd = Arc::new(EventFd::new().unwrap());
        let watch = other.data_loop().watch(fd.as_fd(), {
            let (cell, entered, fd) = (Arc::clone(&cell), Arc::clone(&entered), Arc::clone(&fd));
            move || {
                fd.read().unwrap();
                // SAFETY: on a data loop; does not nest.
                if unsafe { cell.0.with(|value| *value += 1) }.is_some() {
                    entered.fetch_add(1, Relaxed);
                }
            }
        });
        fd.write(1).unwrap();
        let changed = cell.0.change(&watched.data_loop(), |value| *value += 1);
        drop(watch);
        // SAFETY: no data thread knows the cell any more.
        let value = unsafe { cell.0.change_here(|value| *value) };
        assert_eq!(value, entered.load(Relaxed) + u32::from(changed.is_ok()));
    }
}
