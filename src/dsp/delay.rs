//! A delay by whole frames.

/// Delays one signal by a constant number of frames.
#[derive(Debug, Clone)]
pub struct Delay {
    line: Vec<f32>,
    at: usize,
}

impl Delay {
    /// A delay of `frames` frames, filled with silence; 0 passes the signal on.
    pub fn new(frames: usize) -> Delay {
        Delay { line: vec![0.0; frames], at: 0 }
    }

    /// The delay in frames.
    pub fn frames(&self) -> usize {
        self.line.len()
    }

    /// Back to silence.
    pub fn reset(&mut self) {
        self.line.fill(0.0);
        self.at = 0;
    }

    /// Goes on where `old` is, if it is as long: then true.
    pub fn adopt(&mut self, old: &Delay) -> bool {
        let is_same = self.line.len() == old.line.len();
        if is_same {
            self.line.copy_from_slice(&old.line);
            self.at = old.at;
        }
        is_same
    }

    /// Delays `signal` in place.
    pub fn process(&mut self, signal: &mut [f32]) {
        let mut rest = signal;
        while !self.line.is_empty() && !rest.is_empty() {
            let part = rest.len().min(self.line.len() - self.at);
            let (now, later) = rest.split_at_mut(part);
            now.swap_with_slice(&mut self.line[self.at..self.at + part]);
            self.at = (self.at + part) % self.line.len();
            rest = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_comes_out_so_many_frames_later() {
        for frames in [0, 1, 5, 100] {
            for call in [1, 3, 64] {
                let mut delay = Delay::new(frames);
                let mut signal: Vec<f32> = (1..=200).map(|n| n as f32).collect();
                signal.chunks_mut(call).for_each(|part| delay.process(part));
                let expected: Vec<f32> = (0..200).map(|n| (n + 1 - frames.min(n + 1)) as f32).collect();
                assert_eq!(signal, expected, "{frames} frames, calls of {call}");
            }
        }
    }
}
