use std::mem::{MaybeUninit, size_of};
use std::rc::Rc;
use std::thread;

use pipewire::spa::sys as spa_sys;

use super::*;
use crate::engine::{RingReader, ring};
use crate::node::clock::Clock;
use crate::node::data_loop::{DataCell, SendPtr, fake::FakeLoop};

const QUANTUM: usize = 32;
const PERIOD: usize = 48;
const PERIODS: usize = if cfg!(miri) { 12 } else { 2000 };

/// What a server shares: a position that begins with the clock of the driver, which is number 40.
fn position() -> Box<spa_sys::spa_io_position> {
    // SAFETY: plain numbers and arrays of them.
    let mut position: Box<spa_sys::spa_io_position> = unsafe { Box::new(MaybeUninit::zeroed().assume_init()) };
    position.clock.id = 40;
    position.clock.duration = QUANTUM as u64;
    position.clock.rate = spa_sys::spa_fraction { num: 1, denom: 48_000 };
    position
}

/// The writer thread: takes period after period, and asks for cycles. Frames are numbered.
fn write(mut ring: RingReader, pace: &Pace) {
    let (mut left, mut right) = ([0.0; PERIOD], [0.0; PERIOD]);
    for period in 0..PERIODS {
        loop {
            let fill = ring.fill_frames();
            pace.set_ring_fill_frames(fill);
            if pace.wants_cycle(fill, now_ns()) {
                pace.request(now_ns());
            }
            if fill >= PERIOD {
                break;
            }
            thread::yield_now();
        }
        assert_eq!(ring.pop(&mut left, &mut right), PERIOD);
        for frame in 0..PERIOD {
            assert_eq!((left[frame], right[frame]), ((period * PERIOD + frame) as f32, -left[frame]));
        }
    }
}

/// All three threads at what they do in the daemon: the writer asks, the data thread answers, the main-loop thread takes
/// areas away, which are unmapped then, and gives others.
#[test]
fn writer_data_thread_and_main_thread_share_nothing_but_what_they_may() {
    let fake = FakeLoop::start();
    let data_loop = fake.data_loop();
    let (ring_writer, ring_reader) = ring(64 * QUANTUM);
    let (pace, counters) = (Pace::new(48_000).unwrap(), Arc::new(Counters::default()));
    let cell = Rc::new(DataCell::new(Cycle::new(ring_writer, Arc::clone(&pace), Arc::clone(&counters))));
    let mut own = position().clock;
    // SAFETY: the area outlives the watch; no data thread knows the cell yet.
    unsafe {
        cell.change_here(|cycle| cycle.set_area(spa_sys::SPA_IO_Clock, (&raw mut own).cast(), size_of::<Clock>()));
    }
    pace.set_period_frames(PERIOD);
    pace.set_quantum_frames(QUANTUM);
    pace.set_driving(true);
    pace.set_streaming(true);

    let mut sent = 0;
    let watch = data_loop.watch(pace.fd(), {
        let cell = Rc::clone(&cell);
        move || {
            // SAFETY: a callback of the data loop; does not nest.
            if unsafe { cell.with(Cycle::prepare) } != Some(true) {
                return;
            }
            let left: [f32; QUANTUM] = std::array::from_fn(|frame| (sent + frame) as f32);
            sent += QUANTUM;
            // SAFETY: as above.
            let completed = unsafe {
                cell.with(|cycle| {
                    let frames = cycle.push(&left, &left.map(|sample| -sample));
                    cycle.complete(frames);
                })
            };
            assert!(completed.is_some());
        }
    });
    let watch = watch.unwrap();
    let writer = thread::spawn({
        let pace = Arc::clone(&pace);
        move || write(ring_reader, &pace)
    });
    let set = |area: *mut spa_sys::spa_io_position, size: usize| {
        let area = SendPtr(area.cast());
        let changed = cell.change(&data_loop, move |cycle| {
            // SAFETY: each area is withdrawn before it is dropped.
            unsafe { cycle.set_area(spa_sys::SPA_IO_Position, area.get(), size) };
            cycle.is_driving()
        });
        changed.unwrap()
    };
    let mut last_position = 0;
    while !writer.is_finished() {
        let area = Box::into_raw(position());
        assert!(set(area, size_of::<spa_sys::spa_io_position>()));
        // A while in which the graph runs.
        for _ in 0..50 {
            thread::yield_now();
        }
        assert!(!set(std::ptr::null_mut(), 0));
        // SAFETY: nobody knows it any more.
        last_position = unsafe { Box::from_raw(area) }.clock.position.max(last_position);
    }
    writer.join().unwrap();
    drop(watch);
    let snapshot = counters.snapshot();
    assert!(snapshot.frames_in as usize >= PERIODS * PERIOD && snapshot.overruns == 0, "{snapshot:?}");
    assert!(last_position > 0 && !cell.is_contested());
}

#[test]
fn offset_and_size_of_a_buffer_are_not_trusted() {
    let mut memory: [f32; 16] = std::array::from_fn(|sample| sample as f32);
    let mut samples = |offset: u32, size: u32| {
        let mut chunk = spa_sys::spa_chunk { offset, size, stride: 4, flags: 0 };
        let mut raw = data(memory.as_mut_ptr().cast(), &mut chunk);
        // SAFETY: a transparent wrapper of it.
        plane(unsafe { &mut *(&raw mut raw).cast::<Data>() }).to_vec()
    };
    assert_eq!(samples(0, 64).len(), 16);
    assert_eq!(samples(8, 8), [2.0, 3.0]);
    assert_eq!(samples(56, u32::MAX), [14.0, 15.0]);
    assert_eq!(samples(2, 14), [1.0, 2.0, 3.0], "what is aligned of it");
    assert!(samples(64, 4).is_empty() && samples(u32::MAX, u32::MAX).is_empty());
    let (null, mut chunk) = (std::ptr::null_mut(), spa_sys::spa_chunk { offset: 0, size: 64, stride: 4, flags: 0 });
    for mut raw in [data(null, &mut chunk), data(memory.as_mut_ptr().cast(), std::ptr::null_mut())] {
        // SAFETY: as above.
        assert!(plane(unsafe { &mut *(&raw mut raw).cast::<Data>() }).is_empty());
    }
}

/// A buffer's plane of 64 bytes.
fn data(memory: *mut c_void, chunk: *mut spa_sys::spa_chunk) -> spa_sys::spa_data {
    spa_sys::spa_data {
        type_: spa_sys::SPA_DATA_MemPtr,
        flags: 0,
        fd: -1,
        mapoffset: 0,
        maxsize: 64,
        data: memory,
        chunk,
    }
}
