//! A raised-cosine gain between silence and unity, at whose upper end the signal passes untouched, bit for bit.

use crate::dsp::raised_cosine;

/// Where a [`Fade`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// The gain on everything that goes to the device. Starts muted.
#[derive(Debug)]
pub struct Fade {
    /// Rising half of a raised cosine, without its end points 0 and 1.
    curve: Box<[f32]>,
    /// 0 = muted … `curve.len() + 1` = unity.
    position: usize,
    direction: Direction,
}

impl Fade {
    /// A muted fade whose way from silence to unity takes `frames`.
    pub fn new(frames: usize) -> Fade {
        Fade { curve: rising_curve(frames), position: 0, direction: Direction::Out }
    }

    /// The same at unity.
    pub fn open(frames: usize) -> Fade {
        let muted = Fade::new(frames);
        Fade { position: muted.end(), direction: Direction::In, ..muted }
    }

    /// Heads for unity.
    pub fn fade_in(&mut self) {
        self.direction = Direction::In;
    }

    /// Heads for silence.
    pub fn fade_out(&mut self) {
        self.direction = Direction::Out;
    }

    /// Silences at once: the device has been silent itself, so there is nothing to fade.
    pub fn mute(&mut self) {
        self.direction = Direction::Out;
        self.position = 0;
    }

    /// True once everything that leaves is silence.
    pub fn is_muted(&self) -> bool {
        self.direction == Direction::Out && self.position == 0
    }

    /// True when the signal passes untouched.
    pub fn is_open(&self) -> bool {
        self.direction == Direction::In && self.position == self.end()
    }

    fn end(&self) -> usize {
        self.curve.len() + 1
    }

    fn gain(&self, position: usize) -> f32 {
        match position {
            0 => 0.0,
            _ => self.curve.get(position - 1).copied().unwrap_or(1.0),
        }
    }

    fn step(&self, position: usize) -> usize {
        match self.direction {
            Direction::In => (position + 1).min(self.end()),
            Direction::Out => position.saturating_sub(1),
        }
    }

    /// Applies the gain to planes of equal length and moves on by that length.
    pub fn apply(&mut self, planes: &mut [&mut [f32]]) {
        if self.is_open() {
            return;
        }
        let frames = planes.first().map_or(0, |plane| plane.len());
        let mut end = self.position;
        for plane in planes.iter_mut() {
            let mut position = self.position;
            for sample in plane.iter_mut() {
                position = self.step(position);
                *sample *= self.gain(position);
            }
            end = position;
        }
        if frames > 0 {
            self.position = end;
        }
    }
}

/// Rising half of a raised cosine at `frames` points strictly between 0 and 1.
pub(super) fn rising_curve(frames: usize) -> Box<[f32]> {
    (1..=frames).map(|i| raised_cosine(i as f64 / (frames as f64 + 1.0)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(fade: &mut Fade, frames: usize) -> Vec<f32> {
        let mut plane = vec![1.0; frames];
        fade.apply(&mut [&mut plane]);
        plane
    }

    #[test]
    fn starts_muted_opens_smoothly_and_ends_exact() {
        let mut fade = Fade::new(100);
        assert!(fade.is_muted());
        assert_eq!(run(&mut fade, 10), [0.0; 10]);
        fade.fade_in();
        let rise = run(&mut fade, 150);
        assert!(rise.windows(2).all(|pair| pair[1] >= pair[0] && pair[1] - pair[0] < 0.017));
        assert_eq!(rise[100..], [1.0; 50]);
        assert!(fade.is_open());
        fade.fade_out();
        let fall = run(&mut fade, 150);
        assert!(fall.windows(2).all(|pair| pair[1] <= pair[0] && pair[0] - pair[1] < 0.017));
        assert!(fade.is_muted());
    }

    #[test]
    fn open_passes_every_bit() {
        let mut fade = Fade::new(3);
        fade.fade_in();
        run(&mut fade, 10);
        let mut plane = [f32::from_bits(1), -0.0, 0.1, 3.0e38];
        let before = plane.map(f32::to_bits);
        fade.apply(&mut [&mut plane]);
        assert_eq!(plane.map(f32::to_bits), before);
    }

    #[test]
    fn a_turn_half_way_does_not_jump() {
        let mut fade = Fade::new(100);
        fade.fade_in();
        let up = run(&mut fade, 50);
        fade.fade_out();
        let down = run(&mut fade, 50);
        assert!((up[49] - down[0]).abs() < 0.017);
        assert_eq!(down[49], 0.0);
    }

    #[test]
    fn the_split_into_calls_does_not_matter() {
        let mut whole = Fade::new(64);
        whole.fade_in();
        let expected = run(&mut whole, 90);
        let mut parts = Fade::new(64);
        parts.fade_in();
        let mut got = Vec::new();
        for frames in [1, 7, 0, 30, 52] {
            got.extend(run(&mut parts, frames));
        }
        assert_eq!(got, expected);
    }
}
