//! A ring of stereo frames between two threads: one writes, one reads, neither ever waits.

use rtrb::{Consumer, Producer, RingBuffer};

/// The least capacity, in frames.
const LEAST_CAPACITY_FRAMES: usize = 32_768;
/// PipeWire's largest quantum, in frames, at the lowest rate that graphs run at.
const LARGEST_QUANTUM: (usize, u32) = (8192, 44_100);

/// The capacity for a device at `rate_hz`: two of PipeWire's largest quanta, resampled to that rate, and a quarter.
pub fn capacity_frames(rate_hz: u32) -> usize {
    let (frames, graph_hz) = LARGEST_QUANTUM;
    let quantum_frames = (frames as u64 * u64::from(rate_hz)).div_ceil(u64::from(graph_hz)) as usize;
    LEAST_CAPACITY_FRAMES.max(2 * quantum_frames + quantum_frames / 4)
}

/// Creates a ring for `capacity_frames` stereo frames. All memory is allocated here.
///
/// ```
/// let (mut writer, mut reader) = spatiald::engine::ring(4);
/// assert_eq!(writer.push(&[1.0, 2.0], &[3.0, 4.0]), 2);
/// let (mut left, mut right) = ([0.0; 4], [0.0; 4]);
/// assert_eq!(reader.pop(&mut left, &mut right), 2);
/// assert_eq!((left[1], right[1]), (2.0, 4.0));
/// ```
pub fn ring(capacity_frames: usize) -> (RingWriter, RingReader) {
    let (producer, consumer) = RingBuffer::new(capacity_frames);
    (RingWriter { producer }, RingReader { consumer })
}

/// The writing end; belongs to PipeWire's data thread.
#[derive(Debug)]
pub struct RingWriter {
    producer: Producer<[f32; 2]>,
}

impl RingWriter {
    /// Appends as many frames as fit and returns their number. `left` and `right` are planes; of unequal lengths the
    /// shorter counts.
    pub fn push(&mut self, left: &[f32], right: &[f32]) -> usize {
        let frames = left.len().min(right.len()).min(self.producer.slots());
        let Ok(chunk) = self.producer.write_chunk_uninit(frames) else {
            return 0;
        };
        chunk.fill_from_iter(left.iter().zip(right).map(|(&l, &r)| [l, r]))
    }

    /// Frames waiting to be read.
    pub fn fill_frames(&self) -> usize {
        self.capacity_frames() - self.producer.slots()
    }

    /// Frames the ring can hold.
    pub fn capacity_frames(&self) -> usize {
        self.producer.buffer().capacity()
    }
}

/// The reading end; belongs to the writer thread of the device.
#[derive(Debug)]
pub struct RingReader {
    consumer: Consumer<[f32; 2]>,
}

impl RingReader {
    /// Takes as many frames as there are, at most the planes' length, and returns their number. What lies beyond in
    /// `left` and `right` is left as it was.
    pub fn pop(&mut self, left: &mut [f32], right: &mut [f32]) -> usize {
        let frames = left.len().min(right.len()).min(self.consumer.slots());
        let Ok(chunk) = self.consumer.read_chunk(frames) else {
            return 0;
        };
        let (first, second) = chunk.as_slices();
        for ((frame, l), r) in first.iter().chain(second).zip(left).zip(right) {
            [*l, *r] = *frame;
        }
        chunk.commit_all();
        frames
    }

    /// Drops up to `frames` of the oldest frames and returns how many.
    pub fn discard(&mut self, frames: usize) -> usize {
        let frames = frames.min(self.consumer.slots());
        let Ok(chunk) = self.consumer.read_chunk(frames) else {
            return 0;
        };
        chunk.commit_all();
        frames
    }

    /// Frames waiting to be read.
    pub fn fill_frames(&self) -> usize {
        self.consumer.slots()
    }

    /// Frames the ring can hold.
    pub fn capacity_frames(&self) -> usize {
        self.consumer.buffer().capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn the_capacity_holds_two_of_the_largest_quanta_at_every_rate() {
        for rate_hz in [44_100, 48_000, 96_000, 176_400, 192_000] {
            let quantum_frames = (8192.0 * f64::from(rate_hz) / 44_100.0).ceil() as usize;
            assert!(capacity_frames(rate_hz) > 2 * quantum_frames, "{rate_hz} Hz");
        }
        assert_eq!(capacity_frames(48_000), 32_768);
    }

    const STEPS: usize = if cfg!(miri) { 30 } else { 200 };

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Pop(usize),
        Discard(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..40usize).prop_map(Step::Push),
            (0..40usize).prop_map(Step::Pop),
            (0..10usize).prop_map(Step::Discard),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_bounded_queue(capacity in 1..50usize, steps in prop::collection::vec(step(), 0..STEPS)) {
            let (mut writer, mut reader) = ring(capacity);
            let mut model = VecDeque::new();
            let mut next = 0u32;
            for step in steps {
                match step {
                    Step::Push(frames) => {
                        let left: Vec<f32> = (0..frames as u32).map(|i| (next + i) as f32).collect();
                        let right: Vec<f32> = left.iter().map(|x| -x).collect();
                        let pushed = writer.push(&left, &right);
                        prop_assert_eq!(pushed, frames.min(capacity - model.len()));
                        model.extend(left[..pushed].iter().copied());
                        next += pushed as u32;
                    }
                    Step::Pop(frames) => {
                        let (mut left, mut right) = (vec![f32::NAN; frames], vec![f32::NAN; frames]);
                        let popped = reader.pop(&mut left, &mut right);
                        prop_assert_eq!(popped, frames.min(model.len()));
                        for i in 0..popped {
                            prop_assert_eq!(Some(left[i]), model.pop_front());
                            prop_assert_eq!(right[i], -left[i]);
                        }
                        prop_assert!(left[popped..].iter().all(|x| x.is_nan()));
                    }
                    Step::Discard(frames) => {
                        let dropped = reader.discard(frames);
                        prop_assert_eq!(dropped, frames.min(model.len()));
                        model.drain(..dropped);
                    }
                }
                prop_assert_eq!(writer.fill_frames(), model.len());
                prop_assert_eq!(reader.fill_frames(), model.len());
            }
        }
    }

    #[test]
    fn two_threads_lose_and_reorder_nothing() {
        const FRAMES: usize = if cfg!(miri) { 2000 } else { 200_000 };
        let (mut writer, mut reader) = ring(777);
        let producer = std::thread::spawn(move || {
            let mut sent = 0;
            while sent < FRAMES {
                let frames = (1 + sent % 300).min(FRAMES - sent);
                let left: Vec<f32> = (sent..sent + frames).map(|i| i as f32).collect();
                let right: Vec<f32> = left.iter().map(|x| x + 0.5).collect();
                let pushed = writer.push(&left, &right);
                sent += pushed;
                if pushed == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let (mut left, mut right) = ([0.0; 256], [0.0; 256]);
        let mut received = 0;
        while received < FRAMES {
            let popped = reader.pop(&mut left, &mut right);
            for i in 0..popped {
                assert_eq!(left[i], (received + i) as f32);
                assert_eq!(right[i], left[i] + 0.5);
            }
            received += popped;
            if popped == 0 {
                std::thread::yield_now();
            }
        }
        producer.join().unwrap();
        assert_eq!(reader.fill_frames(), 0);
    }
}
