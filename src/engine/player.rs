//! What the device plays: the ring through the chain, faded in and out. Runs on the writer thread and owns the chain.

use std::sync::Arc;

use super::counters::{Counters, MAX_DRIVERS};
use super::fade::Fade;
use super::feed::Feed;
use super::handover::{self, Receiver};
use super::pace::{Pace, now_ns};
use super::probe::{Overlay, Probe};
use super::resample::{LATENCY_FRAMES, RateLoop, Resampler, max_input_frames};
use super::ring::RingReader;

/// Most device channels a player fills.
pub const MAX_CHANNELS: usize = 32;
/// Time from silence to full level, and back, in ms.
const FADE_MS: usize = 50;
/// Frames processed at a time.
const CHUNK_FRAMES: usize = 1024;

/// The stage between the stereo input and the device's channels: chains, and the crossfade between them. None of the
/// calls may allocate, free or wait.
pub trait Stage: Send + 'static {
    /// What can be switched to.
    type Chain: Send + 'static;
    /// Fills `out`, one plane per device channel, from `left` and `right`; all of one length.
    fn process(&mut self, left: &[f32], right: &[f32], out: &mut [&mut [f32]]);
    /// Begins the switch to `next`.
    ///
    /// # Errors
    /// Gives `next` back while a switch is under way.
    fn install(&mut self, next: Box<Self::Chain>) -> Result<(), Box<Self::Chain>>;
    /// True from [`Stage::install`] until the new chain plays alone.
    fn is_switching(&self) -> bool;
    /// The chain that was switched away from, once that is over.
    fn take_retired(&mut self) -> Option<Box<Self::Chain>>;
    /// Constant latency of the chain that plays.
    fn latency_frames(&self) -> usize;
    /// Drivers of the chain that plays.
    fn drivers(&self) -> usize;
    /// Gain reduction of its limiter.
    fn gain_reduction_db(&self, driver: usize) -> f32;
    /// True while it gives out silence from silence.
    fn is_resting(&self) -> bool;
}

/// See the module.
pub struct Player<S: Stage> {
    feed: Feed,
    stage: S,
    handover: Receiver<S::Chain>,
    /// A chain whose way back was full.
    unreturned: Option<Box<S::Chain>>,
    overlay: Overlay,
    fade: Fade,
    /// Nothing is heard, and the fade waits, until the switch under way has ended.
    switches_unheard: bool,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    resampler: Resampler,
    rate_loop: RateLoop,
    /// What the ring gave, left and right.
    input: [Box<[f32]>; 2],
    /// The same on the device's clock.
    left: Box<[f32]>,
    right: Box<[f32]>,
    latency_frames: usize,
}

impl<S: Stage> Player<S> {
    /// A muted player of `stage`, fed by `reader`, taking new chains from `chains`.
    pub fn new(
        reader: RingReader,
        stage: S,
        chains: Receiver<S::Chain>,
        pace: Arc<Pace>,
        counters: Arc<Counters>,
    ) -> Player<S> {
        let latency_frames = stage.latency_frames() + LATENCY_FRAMES;
        pace.set_chain_latency_frames(latency_frames);
        Player {
            feed: Feed::new(reader, Arc::clone(&pace), Arc::clone(&counters)),
            stage,
            handover: chains,
            unreturned: None,
            switches_unheard: false,
            // Nobody has the other end: it stays empty.
            overlay: Overlay::new(handover::handover().1, pace.rate_hz()),
            fade: Fade::new(FADE_MS * pace.rate_hz() as usize / 1000),
            pace,
            counters,
            resampler: Resampler::new(CHUNK_FRAMES),
            rate_loop: RateLoop::default(),
            input: std::array::from_fn(|_| vec![0.0; max_input_frames(CHUNK_FRAMES)].into()),
            left: vec![0.0; CHUNK_FRAMES].into(),
            right: vec![0.0; CHUNK_FRAMES].into(),
            latency_frames,
        }
    }

    /// The same, with what comes from `probes` in place of the music while it lasts.
    pub fn with_probes(self, probes: Receiver<Probe>) -> Player<S> {
        Player { overlay: Overlay::new(probes, self.pace.rate_hz()), ..self }
    }

    /// Fills `out`, planes of equal length, one per device channel, with what comes next.
    pub fn render(&mut self, out: &mut [&mut [f32]]) {
        let begun_ns = now_ns();
        let frames = out.first().map_or(0, |plane| plane.len());
        self.exchange_chains();
        let mut done = 0;
        while done < frames {
            let chunk = (frames - done).min(CHUNK_FRAMES);
            let mut planes: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| &mut [][..]);
            let channels = out.len().min(MAX_CHANNELS);
            for (part, plane) in planes.iter_mut().zip(out.iter_mut()) {
                *part = &mut plane[done..done + chunk];
            }
            let planes = &mut planes[..channels];
            self.steer(chunk, begun_ns, done);
            let (left, right) = (&mut self.left[..chunk], &mut self.right[..chunk]);
            let needed = self.resampler.input_frames(chunk).min(self.input[0].len());
            let [input_left, input_right] = &mut self.input;
            self.feed.pull(&mut input_left[..needed], &mut input_right[..needed]);
            self.resampler.process([&input_left[..needed], &input_right[..needed]], [&mut *left, &mut *right]);
            self.stage.process(left, right, planes);
            let is_heard = !(self.switches_unheard || self.fade.is_muted() || self.feed.is_held());
            self.overlay.apply(planes, is_heard);
            if self.switches_unheard {
                planes.iter_mut().for_each(|plane| plane.fill(0.0));
                self.switches_unheard = self.stage.is_switching();
            } else {
                self.fade.apply(planes);
            }
            done += chunk;
        }
        self.report(frames, begun_ns);
    }

    /// Sets the ratio for the next `frames`: towards exactness while the device's clock drives the graph, after the
    /// other driver's clock while not. `done` frames have been taken since `now_ns`.
    fn steer(&mut self, frames: usize, now_ns: u64, done: usize) {
        let follows = !self.pace.is_driving() && self.pace.is_streaming() && self.feed.is_playing();
        if !follows {
            self.rate_loop.release();
            self.resampler.glide(frames);
            self.counters.set_correction_ppm(0.0);
            return;
        }
        let rate_hz = f64::from(self.pace.rate_hz().max(1));
        let fill_frames = (self.feed.fill_frames() + done) as f64;
        let target_frames = self.pace.following_target_frames();
        let error_frames = fill_frames + self.pace.frames_since_cycle(now_ns) - target_frames as f64;
        // More than the loop could bring back in reasonable time: after a stall of the device, or before any cycle.
        if done == 0 && error_frames > (2 * target_frames).max(4096) as f64 {
            self.feed.skip(error_frames as usize);
            self.rate_loop.release();
            return;
        }
        let offset = self.rate_loop.update(error_frames, rate_hz, frames as f64 / rate_hz);
        self.resampler.set_offset(offset);
        self.counters.set_correction_ppm((self.rate_loop.drift() * 1e6) as f32);
    }

    /// Takes a new chain if one waits and none is being switched to; sends away the one that is done.
    fn exchange_chains(&mut self) {
        if let Some(old) = self.unreturned.take().or_else(|| self.stage.take_retired()) {
            self.unreturned = self.handover.retire(old).err();
        }
        if self.unreturned.is_none()
            && !self.stage.is_switching()
            && let Some(next) = self.handover.receive()
        {
            // Refused in spite of the question above: it goes back undropped.
            self.unreturned = self.stage.install(next).err();
        }
    }

    fn report(&mut self, frames: usize, begun_ns: u64) {
        let latency_frames = self.stage.latency_frames() + LATENCY_FRAMES;
        if latency_frames != self.latency_frames {
            self.latency_frames = latency_frames;
            self.pace.set_chain_latency_frames(latency_frames);
        }
        for driver in 0..self.stage.drivers().min(MAX_DRIVERS) {
            self.counters.set_gain_reduction_db(driver, self.stage.gain_reduction_db(driver));
        }
        if frames > 0 {
            let spent_ns = now_ns().saturating_sub(begun_ns) as f32;
            let period_ns = frames as f32 * 1e9 / self.pace.rate_hz() as f32;
            self.counters.add_load(spent_ns / period_ns);
        }
    }

    /// Switches to `next` unheard, and fades in only then: for another device, whose channels may be other drivers.
    ///
    /// # Errors
    /// Gives `next` back while a switch is under way, or its old chain has not been sent away yet.
    pub fn take_over(&mut self, next: Box<S::Chain>) -> Result<(), Box<S::Chain>> {
        self.exchange_chains();
        if self.unreturned.is_some() || self.stage.is_switching() {
            return Err(next);
        }
        self.stage.install(next)?;
        self.switches_unheard = true;
        Ok(())
    }

    /// True while a new chain takes over.
    pub fn is_switching(&self) -> bool {
        self.stage.is_switching()
    }

    /// See [`Feed::is_ready`].
    pub fn is_ready(&self, frames: usize) -> bool {
        self.feed.is_ready(self.resampler.input_frames(frames))
    }

    /// True while frames of the ring are played.
    pub fn is_playing(&self) -> bool {
        self.feed.is_playing()
    }

    /// Frames waiting in the ring.
    pub fn fill_frames(&self) -> usize {
        self.feed.fill_frames()
    }

    /// True while only silence comes in and only silence goes out.
    pub fn is_resting(&self) -> bool {
        self.feed.is_idle() && self.stage.is_resting() && self.overlay.is_at_rest()
    }

    /// True while there is a sound that does not come from the ring: it needs a device.
    pub fn is_probing(&self) -> bool {
        self.overlay.is_wanted()
    }

    /// Plays silence for the next `frames`, leaving what comes in the ring.
    pub fn hold(&mut self, frames: usize) {
        self.feed.hold(frames);
    }

    /// Rises to full level.
    pub fn fade_in(&mut self) {
        self.fade.fade_in();
    }

    /// Falls to silence.
    pub fn fade_out(&mut self) {
        self.fade.fade_out();
    }

    /// Silent from the next frame on: the device has stopped by itself.
    pub fn mute(&mut self) {
        self.fade.mute();
    }

    /// True once everything that leaves is silence.
    pub fn is_muted(&self) -> bool {
        self.fade.is_muted()
    }
}

#[cfg(test)]
mod tests;
