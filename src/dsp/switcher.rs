//! From one whole chain to the next without a click: run both on the live input, then crossfade.
//!
//! A chain that starts on music has empty memories: its first output is not what it will be. So the next chain first
//! takes over from the old one what it can ([`Chain::adopt`]), listens for as long as fills the rest (the *pre-roll*),
//! unheard, and is then faded in over [`FADE_S`] with a raised-cosine gain while the old one is faded out with the
//! complement. Everything counts frames, so the result is the same for every split of the input into calls.

use super::limits::MAX_DRIVERS;
use super::{Chain, raised_cosine};

/// Length of the crossfade in seconds. A raised cosine this long spreads a tone by less than −80 dB beyond ±100 Hz.
pub const FADE_S: f64 = 0.05;

/// Frames processed at a time: bounds the scratch planes.
const CHUNK_FRAMES: usize = 256;

/// One chain that plays and, during a switch, one that takes over.
///
/// Output goes to *device channels*: driver k of a chain feeds channel [`Chain::channels`]`[k]`, so chains with
/// different numbers of drivers can follow one another on an open device.
pub struct Switcher {
    current: Box<Chain>,
    next: Option<Next>,
    retired: Option<Box<Chain>>,
    scratch: Vec<[f32; CHUNK_FRAMES]>,
    gains: [f32; CHUNK_FRAMES],
    switches: u64,
}

struct Next {
    chain: Box<Chain>,
    /// Frames still to be heard unheard.
    preroll_frames: usize,
    fade_frames: usize,
    /// Frames of the fade that have been played.
    faded_frames: usize,
}

impl Switcher {
    /// A switcher that plays `chain`.
    pub fn new(chain: Box<Chain>) -> Switcher {
        Switcher {
            current: chain,
            next: None,
            retired: None,
            scratch: vec![[0.0; CHUNK_FRAMES]; MAX_DRIVERS],
            gains: [0.0; CHUNK_FRAMES],
            switches: 0,
        }
    }

    /// Begins the switch to `next`.
    ///
    /// What the old chain knows of its input is copied where the settings are equal.
    ///
    /// # Errors
    /// Gives `next` back while a switch is under way or the last retired chain was not yet taken.
    pub fn install(&mut self, mut next: Box<Chain>) -> Result<(), Box<Chain>> {
        if self.next.is_some() || self.retired.is_some() {
            return Err(next);
        }
        let preroll_frames = next.adopt(&self.current);
        let fade_frames = (FADE_S * f64::from(next.sample_rate_hz())).round().max(1.0) as usize;
        self.next = Some(Next { preroll_frames, fade_frames, faded_frames: 0, chain: next });
        Ok(())
    }

    /// Plays `left` and `right` (equal lengths) into `out`, one plane a device channel, each at least as long.
    ///
    /// Channels that no driver uses get exact zeros; a driver whose channel `out` does not have is not heard.
    pub fn process(&mut self, left: &[f32], right: &[f32], out: &mut [&mut [f32]]) {
        let frames = left.len().min(right.len());
        for plane in out.iter_mut() {
            plane[..frames].fill(0.0);
        }
        let mut done = 0;
        while done < frames {
            let mut part = (frames - done).min(CHUNK_FRAMES);
            if let Some(next) = &self.next {
                part = part.min(next.frames_of_phase());
            }
            self.process_part(&left[done..done + part], &right[done..done + part], done, out);
            done += part;
        }
    }

    /// One part, all of it in one phase of a switch; `at` is its place in `out`.
    fn process_part(&mut self, left: &[f32], right: &[f32], at: usize, out: &mut [&mut [f32]]) {
        let span = at..at + left.len();
        run(&mut self.current, left, right, &mut self.scratch);
        for_each_channel(&self.current, &self.scratch, out, |out, plane| {
            out[span.clone()].copy_from_slice(&plane[..left.len()]);
        });
        let Some(next) = &mut self.next else { return };
        run(&mut next.chain, left, right, &mut self.scratch);
        if next.preroll_frames > 0 {
            next.preroll_frames -= left.len();
            return;
        }
        let gains = &mut self.gains[..left.len()];
        next.fill_gains(gains);
        for plane in out.iter_mut() {
            for (out, gain) in plane[span.clone()].iter_mut().zip(gains.iter()) {
                *out *= 1.0 - gain;
            }
        }
        for_each_channel(&next.chain, &self.scratch, out, |out, plane| {
            for ((out, sample), gain) in out[span.clone()].iter_mut().zip(plane).zip(gains.iter()) {
                *out += gain * sample;
            }
        });
        next.faded_frames += left.len();
        if next.faded_frames >= next.fade_frames
            && let Some(next) = self.next.take()
        {
            self.retired = Some(std::mem::replace(&mut self.current, next.chain));
            self.switches += 1;
        }
    }

    /// The chain that was faded out, once: to be dropped where dropping is allowed.
    pub fn take_retired(&mut self) -> Option<Box<Chain>> {
        self.retired.take()
    }

    /// Whether a chain waits to take over, or is being faded in.
    pub fn is_switching(&self) -> bool {
        self.next.is_some()
    }

    /// How many switches have ended.
    pub fn switches(&self) -> u64 {
        self.switches
    }

    /// The chain that plays; during a crossfade the old one.
    pub fn current(&self) -> &Chain {
        &self.current
    }
}

impl Next {
    /// Frames until the pre-roll or the fade ends.
    fn frames_of_phase(&self) -> usize {
        match self.preroll_frames {
            0 => self.fade_frames - self.faded_frames,
            frames => frames,
        }
    }

    /// The next chain's gain over the coming frames: (1 − cos πt) / 2.
    fn fill_gains(&self, gains: &mut [f32]) {
        for (frame, gain) in (self.faded_frames..).zip(gains) {
            *gain = raised_cosine(frame as f64 / self.fade_frames as f64) as f32;
        }
    }
}

/// Runs `chain` over one part into the scratch planes, one a driver.
fn run(chain: &mut Chain, left: &[f32], right: &[f32], scratch: &mut [[f32; CHUNK_FRAMES]]) {
    let mut planes: [&mut [f32]; MAX_DRIVERS] = Default::default();
    for (plane, scratch) in planes.iter_mut().zip(scratch) {
        *plane = &mut scratch[..left.len()];
    }
    let drivers = chain.drivers();
    chain.process(left, right, &mut planes[..drivers]);
}

/// Visits the device channel and the plane of every driver whose channel the device has.
fn for_each_channel(
    chain: &Chain,
    scratch: &[[f32; CHUNK_FRAMES]],
    out: &mut [&mut [f32]],
    mut visit: impl FnMut(&mut [f32], &[f32]),
) {
    for (&channel, plane) in chain.channels().iter().zip(scratch) {
        if let Some(out) = out.get_mut(channel) {
            visit(out, plane);
        }
    }
}
