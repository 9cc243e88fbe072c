//! Lends the device to a client for a sound by which people tell drivers apart, for as long as it stays.

use std::time::{Duration, Instant};

use super::control::{Answer, Reply};
use super::event::Event;
use super::sound::{Identify, Sound, SoundError, peak};
use super::state::Daemon;
use crate::config::controls::Key;
use crate::engine::probe::{Probe, Sounding};
use crate::profile::choice::NO_PROFILE;

/// A writer that turns takes a sound within this time, …
const HAND_OVER: Duration = Duration::from_millis(150);
/// … and a machine that is busy has built it within this.
const BUILD: Duration = Duration::from_secs(2);

impl Daemon {
    /// A client wants a sound, and has none: the control thread sees to it that there is one such client.
    pub(super) fn identify(&mut self, sound: Sound, reply: Answer) {
        // Of a client before, whose leaving has not been noticed here yet.
        self.identify = None;
        let (peak, rate_hz) = match self.may_sound(&sound) {
            Ok(terms) => terms,
            Err(error) => return reply.send(Reply::refused(&error)),
        };
        log::info!("identify: {sound:?}");
        let (ticket, events) = (self.new_ticket(), self.events.clone());
        let build = move || drop(events.send(Event::Built(ticket, Box::new(sound.build(peak, rate_hz)))));
        match std::thread::Builder::new().name("burst".into()).spawn(build) {
            Ok(_) => {
                let (lease, deadline) = (reply.lease(), Instant::now() + BUILD);
                self.identify =
                    Some(Identify { ticket, lease, deadline, reply: Some(reply), probe: None, sounding: None });
            }
            Err(error) => reply.send(Reply::refused(&SoundError::NotPlaying(format!("no thread is left ({error})")))),
        }
    }

    /// The largest sample that `sound` may have now, and the device's rate.
    fn may_sound(&self, sound: &Sound) -> Result<(f32, u32), SoundError> {
        let (Some(pipeline), Some(chosen)) = (&self.pipeline, &self.plan.profile) else {
            return Err(SoundError::NotPlaying(NO_PROFILE.into()));
        };
        if !(self.device.is_open || self.device.standby) || self.standstill.is_some() {
            return Err(SoundError::NotPlaying(self.what_is_wrong()));
        }
        sound.check(pipeline.channels())?;
        let trim_db = self.plan.controls().get(Key::TrimDb);
        Ok((peak(trim_db, chosen.profile.limiter.ceiling_dbfs), pipeline.rate_hz()))
    }

    /// The sound is there; dropped at once where its client has left.
    pub(super) fn on_built(&mut self, ticket: u64, (probe, sounding): (Probe, Sounding)) {
        if let Some(identify) = self.identify.as_mut().filter(|identify| identify.ticket == ticket) {
            identify.probe = Some(Box::new(probe));
            identify.sounding = Some(sounding);
            identify.deadline = Instant::now() + HAND_OVER;
            self.look_after_sound();
        }
    }

    /// Hands over what is built, and ends what nobody wants any more.
    pub(super) fn look_after_sound(&mut self) {
        let Some(identify) = &mut self.identify else { return };
        if identify.lease.strong_count() == 0 {
            self.identify = None;
            return;
        }
        if let (Some(probe), Some(pipeline)) = (identify.probe.take(), &mut self.pipeline) {
            identify.probe = pipeline.sound(probe).err();
            if identify.probe.is_none()
                && let Some(reply) = identify.reply.take()
            {
                reply.send(Reply::Sounding { channels: pipeline.channels() });
            }
        }
        if identify.reply.is_some() && Instant::now() > identify.deadline {
            self.end_sound("it takes nothing");
        }
    }

    /// Ends the sound; whoever has not heard it yet is told why.
    pub(super) fn end_sound(&mut self, why: &str) {
        if let Some(reply) = self.identify.take().and_then(|mut identify| identify.reply.take()) {
            reply.send(Reply::refused(&SoundError::NotPlaying(why.into())));
        }
    }
}
