//! What happens on PipeWire's data thread: a request from the writer starts a cycle, a cycle ends in the ring.
//!
//! Nothing here allocates, locks, logs or waits; after the first cycle the only system calls are reads and writes of
//! an eventfd.

use std::ffi::c_void;
use std::sync::Arc;

use pipewire::spa::buffer::Data;
use pipewire::stream::Stream;

use crate::engine::{Counters, Pace, RingWriter, pace::now_ns, realtime::scheduling};

use super::clock::{Areas, Start};

/// Name of the data thread; PipeWire before 1.2 leaves it that of our main-loop thread.
const THREAD_NAME: &std::ffi::CStr = c"pipewire-data";

/// The data thread's own state.
pub(super) struct Cycle {
    ring: RingWriter,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    areas: Areas,
    introduced: bool,
}

impl Cycle {
    pub fn new(ring: RingWriter, pace: Arc<Pace>, counters: Arc<Counters>) -> Self {
        Cycle { ring, pace, counters, areas: Areas::default(), introduced: false }
    }

    /// An area of shared memory was given or withdrawn (see [`Areas::set`]).
    ///
    /// # Safety
    /// As for [`Areas::set`].
    pub unsafe fn set_area(&mut self, id: u32, area: *mut c_void, size: usize) {
        // SAFETY: passed on.
        unsafe { self.areas.set(id, area, size) };
    }

    /// Back to the beginning, for another connection.
    pub fn forget_areas(&mut self) {
        self.areas = Areas::default();
        self.introduced = false;
    }

    /// Frames, at our rate, of the graph's next cycle as its position area tells; 0 when unknown.
    pub fn quantum_frames(&self) -> usize {
        self.areas.quantum_frames(self.pace.rate_hz())
    }

    /// True when the graph's clock is our own.
    pub fn is_driving(&self) -> bool {
        self.areas.is_driving()
    }

    /// Answers the writer's request: true when a cycle is to be triggered now. The clock is ready then.
    ///
    /// The caller triggers after this has returned: newer PipeWire runs `process` from within the trigger.
    pub fn prepare(&mut self) -> bool {
        self.counters.add_data_turn();
        if !self.pace.take_request() || !self.pace.is_streaming() || !self.areas.is_driving() {
            return false;
        }
        let now_ns = now_ns();
        self.areas.advance(Start {
            now_ns,
            period_frames: self.pace.period_frames(),
            delay_frames: self.pace.latency_now_frames(self.ring.fill_frames(), now_ns) as u64,
            rate_hz: self.pace.rate_hz(),
            rate_ratio: 1.0 + self.pace.device_rate_offset().unwrap_or_default(),
        });
        true
    }

    /// A cycle of the graph reached the sink: its frames go into the ring, and the next cycle is asked for when the
    /// writer needs more than one.
    pub fn process(&mut self, stream: &Stream) {
        if !self.introduced {
            self.introduce();
        }
        let mut frames = 0;
        while let Some(mut buffer) = stream.dequeue_buffer() {
            let [left, right, ..] = buffer.datas_mut() else { continue };
            frames += self.push(plane(left), plane(right));
        }
        self.complete(frames);
    }

    /// Frames of the cycle, into the ring; returns their number.
    fn push(&mut self, left: &[f32], right: &[f32]) -> usize {
        let frames = left.len().min(right.len());
        let accepted = self.ring.push(left, right);
        self.counters.add_cycle(frames, accepted);
        frames
    }

    /// The cycle has brought `frames` in all.
    fn complete(&mut self, frames: usize) {
        if frames > 0 {
            self.pace.note_cycle(frames);
        }
        // Through the eventfd rather than at once: this cycle is complete only when the loop has taken note of our
        // return. A graph that was won just now is asked by the writer, as late as can be.
        let now_ns = now_ns();
        if !self.pace.is_settling() && self.pace.wants_cycle(self.ring.fill_frames(), now_ns) {
            self.pace.request(now_ns);
        }
    }

    /// Once, in the first cycle: notes how this thread is scheduled, and names it for `top -H` and debuggers.
    fn introduce(&mut self) {
        self.counters.set_data_thread(scheduling());
        // Only a convenience.
        nix::sys::prctl::set_name(THREAD_NAME).ok();
        self.introduced = true;
    }
}

/// The samples of one channel. Offset and size come from memory shared with other processes: neither is trusted.
fn plane(data: &mut Data) -> &[f32] {
    if data.as_raw().chunk.is_null() {
        return &[];
    }
    let (offset, size) = (data.chunk().offset() as usize, data.chunk().size() as usize);
    let Some(bytes) = data.data() else { return &[] };
    let offset = offset.min(bytes.len());
    let size = size.min(bytes.len() - offset);
    // SAFETY: every bit pattern is an `f32`; what is misaligned is left out.
    let (_, samples, _) = unsafe { bytes[offset..offset + size].align_to::<f32>() };
    samples
}

#[cfg(test)]
mod tests;
