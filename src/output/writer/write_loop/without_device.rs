//! Turns of the writer's loop while no device plays: none is there, none is wanted, or the card sleeps.

use nix::libc;

use super::super::channel::Delivery;
use super::super::state::Event;
use super::{Errno, Planes, SLOW_NS, Stage, WriteLoop, now_ns};

/// Where periods go while there is no device.
pub(in crate::output::writer) struct NullDevice {
    planes: Planes,
    pub(super) frames: usize,
}

impl NullDevice {
    pub(in crate::output::writer) fn new(channels: usize, period_frames: usize) -> NullDevice {
        let frames = period_frames.clamp(16, 16_384);
        NullDevice { planes: Planes::new(channels, frames), frames }
    }
}

impl<S: Stage> WriteLoop<S> {
    /// No device: a timer takes its place, and what it renders is heard by nobody. The graph and its clients go on.
    pub(super) fn turn_without_device(&mut self) -> Result<(), Errno> {
        if self.delivery.is_none() {
            self.delivery = self.keeper.take_device();
        }
        if let Some(Delivery { device, power, chain }) = self.delivery.take() {
            match chain.map_or(Ok(()), |chain| self.player.take_over(chain)) {
                Ok(()) => {
                    self.adopt(device, power);
                    self.on(Event::Opened);
                    return Ok(());
                }
                // A switch is under way: its end is played to nobody.
                Err(chain) => self.delivery = Some(Delivery { device, power, chain: Some(chain) }),
            }
        }
        let now = now_ns();
        if now < self.keep_sound_until_ns {
            self.player.hold(2 * self.null_device.frames);
        }
        if now >= self.tick_ns {
            if let Some(nap_ns) = self.restraint.nap_ns(now) {
                self.sleep(nap_ns)?;
            }
            self.null_device.planes.render(&mut self.player);
            self.note_fill();
            let period_ns = self.pace.to_ns(self.null_device.frames);
            // After a pause of the whole program there is nothing to catch up with.
            self.tick_ns = (self.tick_ns + period_ns).max(now.saturating_sub(4 * period_ns));
            return Ok(());
        }
        self.sleep(self.tick_ns - now)
    }

    /// Nothing plays and no device is open: only chains are exchanged. Slowly, unless one is being switched to.
    pub(super) fn turn_in_standby(&mut self) -> Result<(), Errno> {
        if self.pace.is_streaming() || self.player.fill_frames() > 0 || self.player.is_probing() {
            self.on(Event::Wanted);
            return Ok(());
        }
        self.player.hold(2 * self.null_device.frames);
        self.null_device.planes.render(&mut self.player);
        self.sleep(if self.player.is_switching() { self.pace.to_ns(self.null_device.frames) } else { SLOW_NS })
    }

    pub(super) fn turn_asleep(&mut self) -> Result<(), Errno> {
        let Some(device) = self.device.as_deref_mut() else {
            return Err(libc::ENODEV);
        };
        match device.resume() {
            Ok(()) => self.on(Event::Awake),
            Err(libc::EAGAIN) if now_ns().saturating_sub(self.progress_ns) < 20 * SLOW_NS => self.sleep(SLOW_NS)?,
            Err(libc::EAGAIN) => self.on(Event::NoProgress),
            // The driver cannot resume: prepare instead.
            Err(libc::ENOSYS) => self.on(Event::Awake),
            Err(errno) => return Err(errno),
        }
        Ok(())
    }
}
