//! A sound of our own on chosen channels of the device, in place of the music: to tell drivers apart by.
//!
//! It is built elsewhere and handed over like a chain. While it is there the music is faded out, and the chain listens on
//! unheard; afterwards the music comes back, from the next sample on as if nothing had been.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::fade::Fade;
use super::handover::Receiver;

/// Time in which the music gives way, and comes back, in ms.
const MUSIC_FADE_MS: usize = 50;
/// Time over which a sound ends that is ended in its midst, in ms.
const END_FADE_MS: usize = 20;
/// Time for which the music stays away after a sound, should another one follow, in ms.
const REST_MS: usize = 300;

/// Samples over and over, channel by channel, until its [`Sounding`] is dropped.
#[derive(Debug)]
pub struct Probe {
    parts: Vec<Part>,
    position: usize,
    fade: Fade,
    ended: Arc<AtomicBool>,
}

/// What a [`Probe`] plays on one channel of the device.
#[derive(Debug)]
pub struct Part {
    /// The channel, from 0.
    pub channel: usize,
    /// One round; as long as that of every other part.
    pub samples: Box<[f32]>,
}

/// A sound that lasts as long as this.
#[derive(Debug)]
pub struct Sounding(Arc<AtomicBool>);

impl Drop for Sounding {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl Probe {
    /// A sound that begins with the first of `parts`' samples. Dropping the other half ends it, without a click.
    pub fn new(parts: Vec<Part>, rate_hz: u32) -> (Probe, Sounding) {
        let ended = Arc::new(AtomicBool::new(false));
        let fade = Fade::new(END_FADE_MS * rate_hz as usize / 1000);
        (Probe { parts, position: 0, fade, ended: Arc::clone(&ended) }, Sounding(ended))
    }

    fn is_over(&self) -> bool {
        self.ended.load(Relaxed) && self.fade.is_muted()
    }

    /// Begins anew, when it is heard again.
    fn rewind(&mut self) {
        self.fade.mute();
        self.position = 0;
    }

    /// Fills `planes`, which are silent.
    fn fill(&mut self, planes: &mut [&mut [f32]]) {
        if self.ended.load(Relaxed) {
            self.fade.fade_out();
        } else {
            self.fade.fade_in();
        }
        for part in &self.parts {
            if let Some(plane) = planes.get_mut(part.channel) {
                let rest = part.samples.get(self.position..).unwrap_or_default();
                let samples = rest.iter().chain(part.samples.iter().cycle());
                plane.iter_mut().zip(samples).for_each(|(to, sample)| *to = *sample);
            }
        }
        let frames = planes.first().map_or(0, |plane| plane.len());
        let round = self.parts.first().map_or(1, |part| part.samples.len().max(1));
        self.position = (self.position + frames) % round;
        self.fade.apply(planes);
    }
}

/// Lays probes over the music. Lives on the writer thread: no operation allocates, frees or waits.
#[derive(Debug)]
pub(super) struct Overlay {
    probes: Receiver<Probe>,
    current: Option<Box<Probe>>,
    /// A probe whose way back was full.
    unreturned: Option<Box<Probe>>,
    music: Fade,
    rest_frames: usize,
    /// Frames for which the music still stays away.
    resting_frames: usize,
}

impl Overlay {
    /// Nothing over the music, until `probes` has something.
    pub(super) fn new(probes: Receiver<Probe>, rate_hz: u32) -> Overlay {
        let frames = |ms: usize| ms * rate_hz as usize / 1000;
        Overlay {
            probes,
            current: None,
            unreturned: None,
            music: Fade::open(frames(MUSIC_FADE_MS)),
            rest_frames: frames(REST_MS),
            resting_frames: 0,
        }
    }

    /// What is to be played instead of the music in `planes`, and else the music, bit for bit. Where nothing is heard,
    /// a sound waits.
    pub(super) fn apply(&mut self, planes: &mut [&mut [f32]], is_heard: bool) {
        self.exchange();
        let frames = planes.first().map_or(0, |plane| plane.len());
        match (&mut self.current, self.resting_frames) {
            (None, 0) => self.music.fade_in(),
            (None, left) => self.resting_frames = left.saturating_sub(frames),
            (Some(probe), _) => {
                self.music.fade_out();
                if !is_heard {
                    probe.rewind();
                } else if self.music.is_muted() {
                    planes.iter_mut().for_each(|plane| plane.fill(0.0));
                    return probe.fill(planes);
                }
            }
        }
        self.music.apply(planes);
    }

    /// Sends away a sound that has ended; takes the next one.
    fn exchange(&mut self) {
        if let Some(old) = self.unreturned.take() {
            self.unreturned = self.probes.retire(old).err();
        }
        if let Some(old) = self.current.take_if(|probe| probe.is_over()) {
            self.resting_frames = self.rest_frames;
            self.unreturned = self.probes.retire(old).err();
        }
        if self.current.is_none() && self.unreturned.is_none() {
            self.current = self.probes.receive();
        }
    }

    /// True while a sound is there, or waits.
    pub(super) fn is_wanted(&self) -> bool {
        self.current.is_some() || self.probes.is_waiting()
    }

    /// True while only the music is heard.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.is_wanted() && self.music.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::handover::{Sender, handover};

    const RATE_HZ: u32 = 48_000;
    const ROUND: usize = 1000;

    fn overlay() -> (Sender<Probe>, Overlay) {
        let (sender, receiver) = handover();
        (sender, Overlay::new(receiver, RATE_HZ))
    }

    fn probe(channel: usize) -> (Box<Probe>, Sounding) {
        let samples = (0..ROUND).map(|n| n as f32 / ROUND as f32).collect();
        let (probe, sounding) = Probe::new(vec![Part { channel, samples }], RATE_HZ);
        (Box::new(probe), sounding)
    }

    /// `frames` of the music 1 on two channels, in calls of 256 frames.
    fn run(overlay: &mut Overlay, frames: usize, is_heard: bool) -> [Vec<f32>; 2] {
        let mut heard = [Vec::new(), Vec::new()];
        for _ in 0..frames.div_ceil(256) {
            let mut planes = [[1.0; 256]; 2];
            let [left, right] = &mut planes;
            overlay.apply(&mut [&mut left[..], &mut right[..]], is_heard);
            heard.iter_mut().zip(&planes).for_each(|(heard, plane)| heard.extend_from_slice(plane));
        }
        heard
    }

    fn steepest(signal: &[f32]) -> f32 {
        signal.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn the_music_gives_way_and_comes_back_to_the_bit() {
        let (mut sender, mut overlay) = overlay();
        assert!(overlay.is_at_rest());
        assert!(run(&mut overlay, 5000, true).iter().flatten().all(|v| *v == 1.0));
        let (sent, sounding) = probe(1);
        sender.send(sent).unwrap();
        assert!(overlay.is_wanted());
        let [left, right] = run(&mut overlay, 9000, true);
        assert!(steepest(&left) < 0.01, "faded out: {}", steepest(&left));
        assert!(left[2600..].iter().all(|v| *v == 0.0), "the other channel is silent");
        let sound = right[2400..].iter().position(|v| *v > 0.0).unwrap() + 2400;
        // The second round is whole; the first one fades in.
        let second = &right[sound - 1 + ROUND..][..ROUND];
        assert!(second.iter().enumerate().all(|(n, v)| *v == n as f32 / ROUND as f32));
        drop(sounding);
        let [left, right] = run(&mut overlay, 30_000, true);
        // Its own saw teeth are all that is steep.
        assert!(right.windows(2).all(|pair| pair[1] - pair[0] < 0.01), "no click at the end");
        assert!(left[..14_000].iter().all(|v| *v == 0.0), "another sound may follow");
        assert!(steepest(&left) < 0.01 && left[20_000..].iter().chain(&right[20_000..]).all(|v| *v == 1.0));
        assert!(sender.reclaim().is_some() && overlay.is_at_rest());
    }

    #[test]
    fn where_nothing_is_heard_a_sound_waits_and_can_be_ended() {
        let (mut sender, mut overlay) = overlay();
        let (sent, sounding) = probe(0);
        sender.send(sent).unwrap();
        run(&mut overlay, 9000, false);
        let [left, _] = run(&mut overlay, 512, true);
        assert_eq!(left[0], 0.0, "from its beginning");
        assert!(left[511] > 0.0);
        run(&mut overlay, 256, false);
        drop(sounding);
        run(&mut overlay, 512, false);
        assert!(sender.reclaim().is_some() && !overlay.is_wanted());
        // One that was never heard.
        let (sent, sounding) = probe(0);
        drop(sounding);
        sender.send(sent).unwrap();
        run(&mut overlay, 512, true);
        assert!(sender.reclaim().is_some());
    }

    #[test]
    fn the_next_sound_follows_without_music_in_between() {
        let (mut sender, mut overlay) = overlay();
        let (first, sounding) = probe(0);
        sender.send(first).unwrap();
        run(&mut overlay, 9000, true);
        let (second, _sounding) = probe(5);
        sender.send(second).unwrap();
        drop(sounding);
        let [left, right] = run(&mut overlay, 9000, true);
        assert!(
            right.iter().all(|v| *v == 0.0) && left[1500..].iter().all(|v| *v == 0.0),
            "a channel that is not there"
        );
        assert!(sender.reclaim().is_some() && sender.reclaim().is_none());
    }
}
