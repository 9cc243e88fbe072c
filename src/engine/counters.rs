//! What the real-time threads tell about themselves. Every field is one atomic word: written by one thread, read by
//! any, never waited for.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// Drivers whose limiter is reported: as many as a profile may have.
pub const MAX_DRIVERS: usize = 16;

/// How a thread is scheduled, as the kernel reports it (never as it was asked for).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case", tag = "class", content = "priority")]
pub enum Scheduling {
    /// Not read back yet.
    #[default]
    Unknown,
    /// Time sharing (`SCHED_OTHER`): no real-time rights were granted.
    Other,
    /// `SCHED_FIFO` with this priority.
    Fifo(u8),
    /// `SCHED_RR` with this priority.
    RoundRobin(u8),
}

impl Scheduling {
    /// True for a class that is not preempted by ordinary programs.
    pub fn is_realtime(self) -> bool {
        matches!(self, Self::Fifo(_) | Self::RoundRobin(_))
    }

    fn to_word(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Other => 1 << 8,
            Self::Fifo(priority) => 2 << 8 | u32::from(priority),
            Self::RoundRobin(priority) => 3 << 8 | u32::from(priority),
        }
    }

    fn from_word(word: u32) -> Self {
        let priority = (word & 0xff) as u8;
        match word >> 8 {
            1 => Self::Other,
            2 => Self::Fifo(priority),
            3 => Self::RoundRobin(priority),
            _ => Self::Unknown,
        }
    }
}

/// A shared `f32`.
#[derive(Debug, Default)]
struct Level(AtomicU32);

impl Level {
    fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Relaxed))
    }

    fn set(&self, value: f32) {
        self.0.store(value.to_bits(), Relaxed);
    }
}

/// The counters of one daemon, shared by `Arc`. Counts only grow; gauges hold the last value.
#[derive(Debug, Default)]
pub struct Counters {
    turns: AtomicU64,
    data_turns: AtomicU64,
    cycles: AtomicU64,
    frames_in: AtomicU64,
    frames_out: AtomicU64,
    xruns: AtomicU64,
    underruns: AtomicU64,
    overruns: AtomicU64,
    reopens: AtomicU64,
    load_mean: Level,
    load_max: Level,
    gain_reduction_db: [Level; MAX_DRIVERS],
    correction_ppm: Level,
    quantum_frames: AtomicU32,
    ring_fill_frames: AtomicU32,
    data_thread: AtomicU32,
    writer_thread: AtomicU32,
}

impl Counters {
    /// The writer's loop has come round: its heartbeat.
    pub fn add_turn(&self) {
        self.turns.fetch_add(1, Relaxed);
    }

    /// Turns of the writer's loop so far.
    pub fn turns(&self) -> u64 {
        self.turns.load(Relaxed)
    }

    /// The data thread has taken a request: its heartbeat.
    pub fn add_data_turn(&self) {
        self.data_turns.fetch_add(1, Relaxed);
    }

    /// Requests that the data thread has taken so far.
    pub fn data_turns(&self) -> u64 {
        self.data_turns.load(Relaxed)
    }

    /// One graph cycle of `frames` reached the sink, of which `accepted` fitted into the ring (data thread).
    pub fn add_cycle(&self, frames: usize, accepted: usize) {
        self.cycles.fetch_add(1, Relaxed);
        self.frames_in.fetch_add(accepted as u64, Relaxed);
        self.quantum_frames.store(frames as u32, Relaxed);
        if accepted < frames {
            self.overruns.fetch_add(1, Relaxed);
        }
    }

    /// Frames handed to the device (writer thread).
    pub fn add_frames_out(&self, frames: usize) {
        self.frames_out.fetch_add(frames as u64, Relaxed);
    }

    /// The device ran out of frames (EPIPE).
    pub fn add_xrun(&self) {
        self.xruns.fetch_add(1, Relaxed);
    }

    /// The ring ran dry while the graph was streaming.
    pub fn add_underrun(&self) {
        self.underruns.fetch_add(1, Relaxed);
    }

    /// Frames were thrown away to bring the latency back, or did not fit into the ring.
    pub fn add_overrun(&self) {
        self.overruns.fetch_add(1, Relaxed);
    }

    /// The device was opened again after it was lost.
    pub fn add_reopen(&self) {
        self.reopens.fetch_add(1, Relaxed);
    }

    /// Processing time over real time of one period: 1.0 is the limit. The mean has a time constant of 64 periods.
    pub fn add_load(&self, load: f32) {
        let mean = self.load_mean.get();
        self.load_mean.set(mean + (load - mean) / 64.0);
        if load > self.load_max.get() {
            self.load_max.set(load);
        }
    }

    /// Gain reduction of the limiter on `driver`, in dB, 0 or positive.
    pub fn set_gain_reduction_db(&self, driver: usize, gain_db: f32) {
        if let Some(level) = self.gain_reduction_db.get(driver) {
            level.set(gain_db);
        }
    }

    /// What the rate is corrected by while another device drives the graph: its clock over ours, in parts per million.
    pub fn set_correction_ppm(&self, ppm: f32) {
        self.correction_ppm.set(ppm);
    }

    /// Frames in the ring after the writer took its period.
    pub fn set_ring_fill_frames(&self, frames: usize) {
        self.ring_fill_frames.store(frames as u32, Relaxed);
    }

    /// Scheduling of PipeWire's data thread, as read back on it.
    pub fn set_data_thread(&self, scheduling: Scheduling) {
        self.data_thread.store(scheduling.to_word(), Relaxed);
    }

    /// Scheduling of the writer thread, as read back on it.
    pub fn set_writer_thread(&self, scheduling: Scheduling) {
        self.writer_thread.store(scheduling.to_word(), Relaxed);
    }

    /// Graph cycles so far.
    pub fn cycles(&self) -> u64 {
        self.cycles.load(Relaxed)
    }

    /// Everything at once, for `--status` and the tests. Fields are read one by one: they may lie a period apart.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            cycles: self.cycles(),
            frames_in: self.frames_in.load(Relaxed),
            frames_out: self.frames_out.load(Relaxed),
            xruns: self.xruns.load(Relaxed),
            underruns: self.underruns.load(Relaxed),
            overruns: self.overruns.load(Relaxed),
            reopens: self.reopens.load(Relaxed),
            load_mean: self.load_mean.get(),
            load_max: self.load_max.get(),
            gain_reduction_db: self.gain_reduction_db.iter().map(Level::get).collect(),
            correction_ppm: self.correction_ppm.get(),
            quantum_frames: self.quantum_frames.load(Relaxed),
            ring_fill_frames: self.ring_fill_frames.load(Relaxed),
            data_thread: Scheduling::from_word(self.data_thread.load(Relaxed)),
            writer_thread: Scheduling::from_word(self.writer_thread.load(Relaxed)),
        }
    }
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// Graph cycles that reached the sink.
    pub cycles: u64,
    /// Frames the graph delivered into the ring.
    pub frames_in: u64,
    /// Frames the device accepted.
    pub frames_out: u64,
    /// Times the device ran out of frames.
    pub xruns: u64,
    /// Times the ring ran dry while the graph was streaming.
    pub underruns: u64,
    /// Times frames were thrown away.
    pub overruns: u64,
    /// Times the device was opened again.
    pub reopens: u64,
    /// Processing time over real time: running mean.
    pub load_mean: f32,
    /// Processing time over real time: maximum.
    pub load_max: f32,
    /// Limiter gain reduction per driver in dB; of 16 entries those beyond the profile's drivers stay 0.
    pub gain_reduction_db: Vec<f32>,
    /// Rate correction while following another driver.
    pub correction_ppm: f32,
    /// Frames of the last graph cycle.
    pub quantum_frames: u32,
    /// Frames in the ring.
    pub ring_fill_frames: u32,
    /// Scheduling of PipeWire's data thread.
    pub data_thread: Scheduling,
    /// Scheduling of the writer thread.
    pub writer_thread: Scheduling,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheduling_survives_its_word() {
        for scheduling in [
            Scheduling::Unknown,
            Scheduling::Other,
            Scheduling::Fifo(0),
            Scheduling::Fifo(80),
            Scheduling::RoundRobin(99),
        ] {
            assert_eq!(Scheduling::from_word(scheduling.to_word()), scheduling);
        }
    }

    #[test]
    fn a_cycle_that_did_not_fit_is_an_overrun() {
        let counters = Counters::default();
        counters.add_cycle(256, 256);
        counters.add_cycle(1024, 1000);
        let snapshot = counters.snapshot();
        assert_eq!(
            (snapshot.cycles, snapshot.frames_in, snapshot.overruns, snapshot.quantum_frames),
            (2, 1256, 1, 1024)
        );
    }

    #[test]
    fn load_keeps_mean_and_maximum() {
        let counters = Counters::default();
        counters.add_load(0.9);
        for _ in 0..1000 {
            counters.add_load(0.25);
        }
        let snapshot = counters.snapshot();
        assert!((snapshot.load_mean - 0.25).abs() < 1e-3);
        assert_eq!(snapshot.load_max, 0.9);
    }

    #[test]
    fn a_driver_out_of_range_is_ignored() {
        let counters = Counters::default();
        counters.set_gain_reduction_db(MAX_DRIVERS, 3.0);
        counters.set_gain_reduction_db(MAX_DRIVERS - 1, 1.5);
        assert_eq!(counters.snapshot().gain_reduction_db[MAX_DRIVERS - 1], 1.5);
    }
}
