//! Who asks for the next graph cycle, and when.
//!
//! The device's clock drives the graph: after each period it writes, the writer thread looks at the ring and, when
//! less than [`Pace::target_frames`] are left, asks PipeWire's data loop for one more cycle through an eventfd (the
//! loop's own queue has a single writer). The data loop runs the cycle and, while the ring is still under target,
//! asks itself for the next one: so a quantum smaller than the period fills a period too.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::cycle_request::CycleRequest;
use super::delay_reading::DelayReading;

/// `CLOCK_MONOTONIC` in nanoseconds; read without entering the kernel where the vDSO allows.
pub fn now_ns() -> u64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// No rate of the device is known.
const UNMEASURED: i64 = i64::MIN;

/// The state shared by the data loop, the writer thread and the main thread. All of it is atomic words and two
/// eventfds; no operation waits.
#[derive(Debug)]
pub struct Pace {
    trigger: EventFd,
    wake: EventFd,
    rate_hz: u32,
    driving: AtomicBool,
    streaming: AtomicBool,
    quantum_frames: AtomicU32,
    period_frames: AtomicU32,
    ring_fill_frames: AtomicU32,
    chain_latency_frames: AtomicU32,
    /// Time of the last cycle.
    cycle_ns: AtomicU64,
    cycle_request: CycleRequest,
    /// A [`DelayReading`].
    device_delay: AtomicU64,
    /// [`UNMEASURED`] until it is known.
    device_offset_ppb: AtomicI64,
}

impl Pace {
    /// Everything at rest: not driving, not streaming.
    ///
    /// # Errors
    /// When the process has no file descriptor left for an eventfd.
    pub fn new(rate_hz: u32) -> Result<Arc<Pace>, Errno> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Arc::new(Pace {
            trigger: EventFd::from_flags(flags)?,
            wake: EventFd::from_flags(flags)?,
            rate_hz,
            driving: AtomicBool::new(false),
            streaming: AtomicBool::new(false),
            quantum_frames: AtomicU32::new(0),
            period_frames: AtomicU32::new(0),
            ring_fill_frames: AtomicU32::new(0),
            chain_latency_frames: AtomicU32::new(0),
            cycle_ns: AtomicU64::new(0),
            cycle_request: CycleRequest::default(),
            device_delay: AtomicU64::new(0),
            device_offset_ppb: AtomicI64::new(UNMEASURED),
        }))
    }

    /// Frames per second of everything counted here.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The eventfd the data loop watches for reading: when it fires, [`Pace::take_request`], then trigger the graph.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.trigger.as_fd()
    }

    /// The eventfd the writer thread watches: fires when `streaming` or `driving` changed, or on [`Pace::wake`].
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Wakes the writer thread out of any wait.
    pub fn wake(&self) {
        // Non-blocking: it can only refuse when 2^64 − 2 wake-ups are pending already.
        self.wake.write(1).ok();
    }

    /// Consumes pending wake-ups (writer thread).
    pub fn take_wake(&self) {
        // EAGAIN: there was none.
        self.wake.read().ok();
    }

    /// Asks the data loop for one cycle, by one `write(2)`, unless a request is on its way already: writer and data
    /// loop may find the ring under target at the same time, and a graph triggered twice would trip over itself.
    pub fn request(&self, now_ns: u64) {
        if self.cycle_request.make(now_ns, self.period_ns(), self.quantum_ns()) {
            // Non-blocking: it can only refuse when 2^64 − 2 requests are pending already.
            self.trigger.write(1).ok();
        }
    }

    /// Consumes pending requests (data loop); false when there was none.
    pub fn take_request(&self) -> bool {
        self.trigger.read().is_ok()
    }

    /// A cycle of `quantum_frames` has come, asked for or not (data loop, in `process`).
    pub fn note_cycle(&self, quantum_frames: usize) {
        self.quantum_frames.store(quantum_frames as u32, Relaxed);
        self.cycle_ns.store(now_ns(), Relaxed);
        self.cycle_request.answer();
    }

    /// True when one more cycle should be asked for: we drive a streaming graph, `ring_fill_frames` is under target,
    /// and a request is due (see `CycleRequest`).
    pub fn wants_cycle(&self, ring_fill_frames: usize, now_ns: u64) -> bool {
        self.is_driving()
            && self.is_streaming()
            && ring_fill_frames < self.target_frames()
            && self.cycle_request.is_due(now_ns, self.period_ns(), self.quantum_ns())
    }

    /// True while a request has not been answered by a cycle.
    pub fn is_waiting_for_cycle(&self) -> bool {
        self.cycle_request.is_pending()
    }

    /// True for a moment after the graph was won from another driver.
    pub fn is_settling(&self) -> bool {
        self.cycle_request.is_settling()
    }

    fn period_ns(&self) -> u64 {
        self.to_ns(self.period_frames())
    }

    fn quantum_ns(&self) -> u64 {
        self.to_ns(self.quantum_frames())
    }

    /// How long `frames` last, in nanoseconds.
    pub fn to_ns(&self, frames: usize) -> u64 {
        frames as u64 * 1_000_000_000 / u64::from(self.rate_hz.max(1))
    }

    /// Frames the ring should hold after the writer took a period: the larger of period and quantum. A period because
    /// the next one must be complete; a quantum because that is the time the graph's clients may take for it.
    pub fn target_frames(&self) -> usize {
        self.quantum_frames.load(Relaxed).max(self.period_frames.load(Relaxed)) as usize
    }

    /// Frames the ring should hold before the writer takes a period, plus those the graph's clock has counted since its
    /// last cycle, while another driver sets the pace: a cycle may just be due when a period is taken, and half a
    /// period makes up for late wake-ups.
    pub fn following_target_frames(&self) -> usize {
        self.quantum_frames() + self.period_frames() * 3 / 2
    }

    /// Frames the graph's clock has counted since its last cycle, at most two quanta.
    pub fn frames_since_cycle(&self, now_ns: u64) -> f64 {
        let age_ns = now_ns.saturating_sub(self.cycle_ns.load(Relaxed));
        (age_ns as f64 * f64::from(self.rate_hz) / 1e9).min(2.0 * self.quantum_frames() as f64)
    }

    /// We drive the graph (as opposed to following another driver).
    pub fn is_driving(&self) -> bool {
        self.driving.load(Acquire)
    }

    /// Set by the node when another driver wins, or we win again.
    pub fn set_driving(&self, driving: bool) {
        // A graph that begins to stream knows its driver already.
        match driving && self.is_streaming() && !self.is_driving() {
            true => self.cycle_request.win(now_ns()),
            false => self.cycle_request.withdraw(),
        }
        self.driving.store(driving, Release);
        self.wake();
    }

    /// The graph wants to run: at least one client is linked and active.
    pub fn is_streaming(&self) -> bool {
        self.streaming.load(Acquire)
    }

    /// Set by the node when its stream enters or leaves `Streaming`.
    pub fn set_streaming(&self, streaming: bool) {
        self.streaming.store(streaming, Release);
        self.cycle_request.withdraw();
        self.wake();
    }

    /// Frames of the graph's cycle; 0 before the first.
    pub fn quantum_frames(&self) -> usize {
        self.quantum_frames.load(Relaxed) as usize
    }

    /// Tells the quantum before the first cycle (from the position area or the requested latency).
    pub fn set_quantum_frames(&self, frames: usize) {
        self.quantum_frames.store(frames as u32, Relaxed);
    }

    /// Frames the writer hands to the device at a time; 0 while none is open.
    pub fn period_frames(&self) -> usize {
        self.period_frames.load(Relaxed) as usize
    }

    /// Set by the writer when a device was opened.
    pub fn set_period_frames(&self, frames: usize) {
        self.period_frames.store(frames as u32, Relaxed);
    }

    /// Frames that a cycle's first frame waits for in the ring. While we drive: those there when the writer last asked for a
    /// cycle, and for a cycle shorter than a period half of what it is shorter by. Such cycles follow each other at once and
    /// wait for each other, but the graph's clock spreads them evenly. While another driver sets the pace: see
    /// [`Pace::note_followed_fill`].
    pub fn ring_wait_frames(&self) -> usize {
        let before = match self.is_driving() {
            true => self.period_frames().saturating_sub(self.quantum_frames()) / 2,
            false => 0,
        };
        self.ring_fill_frames.load(Relaxed) as usize + before
    }

    /// Frames in the ring: set by the writer when it asks for a cycle.
    pub fn set_ring_fill_frames(&self, frames: usize) {
        self.ring_fill_frames.store(frames as u32, Relaxed);
    }

    /// The same while another driver sets the pace, from the frames that are in the ring at `now_ns`: the last cycle's first
    /// frame has a whole quantum behind it, and has come nearer since by what the graph's clock has counted.
    pub fn note_followed_fill(&self, frames: usize, now_ns: u64) {
        let wait_frames = frames as f64 + self.frames_since_cycle(now_ns) - self.quantum_frames() as f64;
        self.set_ring_fill_frames(wait_frames.max(0.0).round() as usize);
    }

    /// Constant latency of the chain that is playing.
    pub fn chain_latency_frames(&self) -> usize {
        self.chain_latency_frames.load(Relaxed) as usize
    }

    /// Set by the player when a chain takes over.
    pub fn set_chain_latency_frames(&self, frames: usize) {
        self.chain_latency_frames.store(frames as u32, Relaxed);
    }

    /// Frames still to be played when the device was last read, including those the writer holds.
    pub fn device_delay_frames(&self) -> usize {
        self.reading().frames() as usize
    }

    /// Publishes a reading of that, made at `read_ns` (writer thread).
    pub fn set_device_delay(&self, frames: usize, read_ns: u64) {
        self.device_delay.store(DelayReading::new(frames, read_ns).0, Release);
    }

    fn reading(&self) -> DelayReading {
        DelayReading(self.device_delay.load(Acquire))
    }

    /// Frames from the beginning of a cycle until its first frame is heard: ring, chain, device, at the last reading.
    pub fn latency_at_reading_frames(&self) -> usize {
        self.ring_wait_frames() + self.chain_latency_frames() + self.device_delay_frames()
    }

    /// Frames until one is heard that is pushed at `now_ns` into a ring of `ring_fill_frames`.
    pub fn latency_now_frames(&self, ring_fill_frames: usize, now_ns: u64) -> usize {
        let reading = self.reading();
        // In days without a device the product grows beyond 64 bits.
        let played = u128::from(reading.age_ns(now_ns)) * u128::from(self.rate_hz) / 1_000_000_000;
        let device = u128::from(reading.frames()).saturating_sub(played) as usize;
        ring_fill_frames + self.chain_latency_frames() + device
    }

    /// Rate of the device's clock over that of `CLOCK_MONOTONIC`, minus 1; `None` until it has been measured.
    pub fn device_rate_offset(&self) -> Option<f64> {
        let ppb = self.device_offset_ppb.load(Relaxed);
        (ppb != UNMEASURED).then_some(ppb as f64 * 1e-9)
    }

    /// Set by the writer each time it has measured it; `None`: another device, not measured yet.
    pub fn set_device_rate_offset(&self, offset: Option<f64>) {
        self.device_offset_ppb.store(offset.map_or(UNMEASURED, |offset| (offset * 1e9) as i64), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn driving(period: usize, quantum: usize) -> Arc<Pace> {
        let pace = Pace::new(48_000).unwrap();
        pace.set_period_frames(period);
        pace.set_quantum_frames(quantum);
        pace.set_driving(true);
        pace.set_streaming(true);
        pace
    }

    #[test]
    fn only_the_driver_of_a_streaming_graph_asks() {
        let pace = driving(256, 256);
        assert!(pace.wants_cycle(0, 1));
        assert!(!pace.wants_cycle(256, 1));
        pace.set_driving(false);
        assert!(!pace.wants_cycle(0, 1));
        pace.set_driving(true);
        pace.set_streaming(false);
        assert!(!pace.wants_cycle(0, 1));
    }

    #[test]
    fn a_request_is_made_once_and_repeated_when_lost() {
        let pace = driving(240, 240);
        pace.request(100 * MS);
        assert!(!pace.wants_cycle(0, 101 * MS));
        assert!(pace.wants_cycle(0, 121 * MS), "20 ms without a cycle");
        pace.note_cycle(240);
        assert!(pace.wants_cycle(0, 101 * MS));
        assert!(pace.take_request());
        assert!(!pace.take_request());
    }

    #[test]
    fn two_requests_at_once_are_one() {
        let pace = driving(240, 240);
        pace.request(100 * MS);
        assert!(pace.take_request());
        pace.request(101 * MS);
        assert!(!pace.take_request(), "the first is on its way");
        pace.request(130 * MS);
        assert!(pace.take_request(), "the first is lost");
    }

    #[test]
    fn the_target_covers_period_and_quantum() {
        assert_eq!(driving(256, 1024).target_frames(), 1024);
        assert_eq!(driving(256, 64).target_frames(), 256);
    }

    /// The graph answers at once; the writer takes a period at a time; both follow the rules above.
    #[test]
    fn every_quantum_fills_every_period() {
        for period in [64, 100, 256, 441, 1024] {
            let pace = driving(period, 256);
            let mut fill = 0usize;
            let mut primed = false;
            for (step, quantum) in [256, 1024, 64, 256, 8192, 16, 441].into_iter().cycle().take(70).enumerate() {
                for _ in 0..9 {
                    let now = step as u64;
                    if fill >= period {
                        fill -= period;
                        primed = true;
                    } else {
                        assert!(!primed, "dry: period {period}, quantum {quantum}, fill {fill}");
                    }
                    if pace.wants_cycle(fill, now) {
                        pace.request(now);
                    }
                    while pace.take_request() || pace.wants_cycle(fill, now) {
                        fill += quantum;
                        pace.note_cycle(quantum);
                    }
                    assert!(fill < 2 * 8192 + period, "grows without bound: {fill}");
                }
            }
        }
    }

    /// Whatever moment between two cycles the writer takes a period at.
    #[test]
    fn a_followed_cycle_waits_for_the_same_all_the_time() {
        for (period, quantum) in [(256, 1024), (256, 256), (256, 64), (1024, 512)] {
            let pace = driving(period, quantum);
            pace.set_driving(false);
            pace.note_cycle(quantum);
            let cycle_ns = pace.cycle_ns.load(Relaxed);
            for since_frames in 0..quantum {
                // What is held before a period is taken, see `following_target_frames`.
                let fill = (pace.following_target_frames() - since_frames).saturating_sub(period);
                pace.note_followed_fill(fill, cycle_ns + pace.to_ns(since_frames));
                assert!(pace.ring_wait_frames().abs_diff(period / 2) <= 1, "{period}, {quantum}, {since_frames}");
            }
        }
    }

    #[test]
    fn latency_ages() {
        let pace = driving(256, 256);
        pace.set_ring_fill_frames(100);
        pace.set_chain_latency_frames(1000);
        pace.set_device_delay(480, 5 * MS);
        assert_eq!(pace.latency_at_reading_frames(), 1580);
        pace.set_period_frames(256);
        pace.note_cycle(64);
        assert_eq!(pace.latency_at_reading_frames(), 1580 + 96);
        assert_eq!(pace.latency_now_frames(100, 5 * MS), 1580);
        assert_eq!(pace.latency_now_frames(100, 10 * MS), 1340);
        assert_eq!(pace.latency_now_frames(100, 100 * MS), 1100, "never below what is certain");
        assert_eq!(pace.latency_now_frames(100, 4 * MS), 1580, "a reading from the future has not aged");
    }

    #[test]
    fn a_change_wakes_the_writer() {
        let pace = Pace::new(48_000).unwrap();
        pace.take_wake();
        pace.set_streaming(true);
        assert!(pace.wake.read().is_ok());
        assert!(pace.wake.read().is_err());
    }
}
