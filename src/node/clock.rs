//! The graph's clock, as its driver must fill it: `pw_stream` does not do it for us, and without it the players'
//! `pw_time` stands still.

use std::ffi::c_void;
use std::mem::{offset_of, size_of};
use std::ptr::NonNull;

use pipewire::spa::sys as spa_sys;

use crate::engine::CycleClock;

/// `struct spa_io_clock` as PipeWire 1.x lays it out. In 0.3.x the last five fields are padding, always zero.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub flags: u32,
    /// The node whose clock this is.
    pub id: u32,
    pub name: [u8; 64],
    /// `CLOCK_MONOTONIC` of the cycle's start, freed of the jitter of threads.
    pub nsec: u64,
    pub rate: Rate,
    /// Frames since the driver began, in units of `rate`.
    pub position: u64,
    /// Frames of the cycle.
    pub duration: u64,
    /// Frames between position and hardware: negative for playback.
    pub delay: i64,
    /// Rate of this clock over the rate of `CLOCK_MONOTONIC`.
    pub rate_diff: f64,
    /// Expected start of the next cycle.
    pub next_nsec: u64,
    /// What the driver should take over at the next cycle (PipeWire ≥ 0.3.66; 0 before).
    pub target_rate: Rate,
    pub target_duration: u64,
    pub target_seq: u32,
    pub cycle: u32,
    pub xrun: u64,
}

/// A fraction: the seconds of one frame.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rate {
    pub num: u32,
    pub denom: u32,
}

const _: () = assert!(size_of::<Clock>() == size_of::<spa_sys::spa_io_clock>());
const _: () = assert!(offset_of!(Clock, next_nsec) == offset_of!(spa_sys::spa_io_clock, next_nsec));
const _: () = assert!(offset_of!(spa_sys::spa_io_position, clock) == 0);

/// What the driver knows at the start of a cycle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// `CLOCK_MONOTONIC` now.
    pub now_ns: u64,
    /// Frames (at our rate) of the device's period: what cycles come apart where they are shorter.
    pub period_frames: usize,
    /// Frames (at our rate) between a frame entering the sink now and the loudspeaker.
    pub delay_frames: u64,
    /// Our rate.
    pub rate_hz: u32,
    /// The device's rate over its nominal rate, as measured.
    pub rate_ratio: f64,
}

impl Clock {
    /// Rate of the graph; at least 1.
    fn graph_hz(&self) -> u64 {
        (u64::from(self.rate.denom) / u64::from(self.rate.num.max(1))).max(1)
    }

    /// Length of the present cycle in nanoseconds, on a device whose rate is `rate_ratio` times the nominal one.
    fn cycle_ns(&self, rate_ratio: f64) -> f64 {
        self.duration as f64 * 1e9 / (self.graph_hz() as f64 * rate_ratio)
    }

    /// The clock at the start of the next cycle, which should have begun at `begin_ns`.
    pub fn advanced(mut self, start: Start, begin_ns: u64) -> Clock {
        self.position = self.position.wrapping_add(self.duration);
        if self.target_duration != 0 {
            self.duration = self.target_duration;
        }
        if self.target_rate.denom != 0 {
            self.rate = self.target_rate;
        }
        let graph_hz = self.graph_hz();
        self.nsec = begin_ns;
        self.rate_diff = start.rate_ratio;
        // The graph may run at another rate than we do.
        let delay = start.delay_frames.saturating_mul(graph_hz) / u64::from(start.rate_hz.max(1));
        // Counted from now; to be told from the beginning.
        let since_begin_ns = start.now_ns as f64 - begin_ns as f64;
        let since_begin = (since_begin_ns * 1e-9 * graph_hz as f64).round() as i64;
        self.delay = -i64::try_from(delay).unwrap_or(i64::MAX).saturating_add(since_begin);
        self.next_nsec = begin_ns.saturating_add(self.cycle_ns(start.rate_ratio) as u64);
        self
    }
}

/// The areas PipeWire shares with us: our own clock, and the position of the graph, which begins with the clock of
/// whichever node drives it.
#[derive(Debug, Default)]
pub(super) struct Areas {
    own: Option<NonNull<Clock>>,
    graph: Option<NonNull<Clock>>,
    begins: CycleClock,
}

// SAFETY: the areas are memory shared between processes; they are used on the data thread only (see `Areas::set`).
unsafe impl Send for Areas {}

impl Areas {
    /// Whether an area of this id is one of them.
    pub fn knows(id: u32) -> bool {
        matches!(id, spa_sys::SPA_IO_Clock | spa_sys::SPA_IO_Position)
    }

    /// Takes note of an area given or withdrawn by `io_changed`.
    ///
    /// # Safety
    /// `area` is what `io_changed` passed with `id` and `size`, and this runs on the data thread before the callback
    /// returns: PipeWire may unmap the previous area afterwards.
    pub unsafe fn set(&mut self, id: u32, area: *mut c_void, size: usize) {
        let clock = NonNull::new(area.cast::<Clock>());
        match id {
            spa_sys::SPA_IO_Clock => self.own = clock.filter(|_| size >= size_of::<spa_sys::spa_io_clock>()),
            spa_sys::SPA_IO_Position => self.graph = clock.filter(|_| size >= size_of::<spa_sys::spa_io_position>()),
            _ => {}
        }
    }

    /// True when the clock of the graph is our own: we drive.
    pub fn is_driving(&self) -> bool {
        match (self.own, self.graph) {
            // SAFETY: both areas are mapped until `set` withdraws them.
            (Some(own), Some(graph)) => unsafe { own.as_ptr().read_volatile().id == graph.as_ptr().read_volatile().id },
            _ => false,
        }
    }

    /// Frames of the graph's cycle at our rate, rounded up; 0 when unknown.
    pub fn quantum_frames(&self, rate_hz: u32) -> usize {
        let Some(graph) = self.graph else { return 0 };
        // SAFETY: as in `is_driving`.
        let clock = unsafe { graph.as_ptr().read_volatile() };
        let frames = clock.duration.saturating_mul(u64::from(rate_hz)).div_ceil(clock.graph_hz());
        usize::try_from(frames).unwrap_or(0)
    }

    /// Writes the start of the next cycle into the graph's clock. To be called while driving, before each trigger.
    pub fn advance(&mut self, start: Start) {
        let Some(graph) = self.graph else { return };
        // SAFETY: the area is mapped until `set` withdraws it; as the driver we are the one who writes it now: the
        // server does so only in answer to the trigger.
        unsafe {
            let old = graph.as_ptr().read_volatile();
            let cycle_ns = old.cycle_ns(start.rate_ratio);
            let period_ns = start.period_frames as f64 * 1e9 / f64::from(start.rate_hz.max(1));
            let begin_ns = self.begins.begin(start.now_ns, cycle_ns, cycle_ns + period_ns);
            let new = old.advanced(start, begin_ns);
            // Field by field: the targets and the identity belong to the server.
            let area = graph.as_ptr();
            (&raw mut (*area).nsec).write_volatile(new.nsec);
            (&raw mut (*area).rate).write_volatile(new.rate);
            (&raw mut (*area).position).write_volatile(new.position);
            (&raw mut (*area).duration).write_volatile(new.duration);
            (&raw mut (*area).delay).write_volatile(new.delay);
            (&raw mut (*area).rate_diff).write_volatile(new.rate_diff);
            (&raw mut (*area).next_nsec).write_volatile(new.next_nsec);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Clock {
            flags: 0,
            id: 40,
            name: [0; 64],
            nsec: 0,
            rate: Rate { num: 1, denom: 48_000 },
            position: 1000,
            duration: 256,
            delay: 0,
            rate_diff: 1.0,
            next_nsec: 0,
            target_rate: Rate::default(),
            target_duration: 0,
            target_seq: 0,
            cycle: 0,
            xrun: 0,
        }
    }

    fn start() -> Start {
        Start { now_ns: 5_000_000, period_frames: 256, delay_frames: 480, rate_hz: 48_000, rate_ratio: 1.0 }
    }

    #[test]
    fn position_follows_the_cycles_that_were_run() {
        let mut now = clock().advanced(start(), 5_000_000);
        assert_eq!((now.position, now.nsec, now.delay), (1256, 5_000_000, -480));
        assert_eq!(now.next_nsec, 5_000_000 + 256 * 1_000_000_000 / 48_000);
        now.duration = 1024; // as 0.3.x's server changes it
        assert_eq!(now.advanced(start(), 5_000_000).position, 2280);
    }

    #[test]
    fn targets_are_taken_over_where_the_server_names_them() {
        let clock = Clock { target_duration: 64, target_rate: Rate { num: 1, denom: 96_000 }, ..clock() };
        let next = clock.advanced(start(), 5_000_000);
        assert_eq!((next.position, next.duration, next.rate.denom), (1256, 64, 96_000));
        assert_eq!(next.delay, -960, "in frames of the graph");
    }

    #[test]
    fn a_fast_device_shortens_the_cycle() {
        let next = clock().advanced(Start { rate_ratio: 1.0003, ..start() }, 5_000_000);
        let nominal = 256.0 * 1e9 / 48_000.0;
        assert!(((next.next_nsec - next.nsec) as f64 - nominal / 1.0003).abs() < 2.0);
    }

    #[test]
    fn what_a_late_cycle_promises_is_heard_when_it_says() {
        // A millisecond late: 48 frames less are left from now than from when it should have begun.
        let next = clock().advanced(start(), 4_000_000);
        assert_eq!((next.nsec, next.delay), (4_000_000, -528));
        assert_eq!(next.next_nsec, 4_000_000 + 256 * 1_000_000_000 / 48_000);
    }

    #[test]
    fn only_one_s_own_clock_makes_a_driver() {
        // Words rather than bytes: the area is aligned as the clock in it.
        let size = size_of::<spa_sys::spa_io_position>();
        let (mut own, mut graph) = (clock(), vec![0u64; size.div_ceil(8)]);
        let mut areas = Areas::default();
        assert!(!areas.is_driving());
        let position = graph.as_mut_ptr().cast::<Clock>();
        // SAFETY: memory of the right size, alive to the end of the test.
        unsafe {
            position.write(clock());
            areas.set(spa_sys::SPA_IO_Clock, (&raw mut own).cast(), size_of::<Clock>());
            areas.set(spa_sys::SPA_IO_Position, position.cast(), size);
        }
        assert!(areas.is_driving());
        assert_eq!((areas.quantum_frames(48_000), areas.quantum_frames(44_100)), (256, 236));
        areas.advance(start());
        // SAFETY: as above.
        unsafe {
            assert_eq!((*position).position, 1256);
            (&raw mut (*position).id).write_volatile(41);
        }
        assert!(!areas.is_driving());
        // SAFETY: as above.
        unsafe {
            areas.set(spa_sys::SPA_IO_Position, std::ptr::null_mut(), 0);
        }
        assert_eq!(areas.quantum_frames(48_000), 0);
    }
}
