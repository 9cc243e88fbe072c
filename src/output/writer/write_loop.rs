//! The writer's loop. Nothing in it allocates, locks, logs or waits beyond a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nix::libc;
use nix::unistd::gettid;

use crate::engine::pace::now_ns;
use crate::engine::{Counters, Pace, Player, RateMeter, Stage, realtime};

use super::super::device::{Device, Errno, Planes, Wait, poll};
use super::channel::{Cause, Delivery, LoopEnd, Message, Notice};
use super::power::PowerPolicy;
use super::restraint::Restraint;
use super::state::{Action, Event, Fault, Machine, State};

mod without_device;

pub(super) use without_device::NullDevice;

/// The device may take nothing for twice its buffer, and at least this long, before it counts as stalled.
const STALL_NS: u64 = 200_000_000;
/// How long the first sound after a standby is kept while the device opens.
const WAKE_NS: u64 = 2_000_000_000;
/// Longest wait for the device, so that the loop's heart beats several times a second.
const LOOK_NS: u64 = 300_000_000;
/// Pause between looks at a card that is still asleep, and between turns in standby.
const SLOW_NS: u64 = 100_000_000;

/// All the loop works with.
pub(super) struct WriteLoop<S: Stage> {
    machine: Machine,
    device: Option<Box<Device>>,
    /// A device that waits for the player to be done with a switch.
    delivery: Option<Delivery<S::Chain>>,
    player: Player<S>,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    keeper: LoopEnd<S::Chain>,
    stop: Arc<AtomicBool>,
    null_device: NullDevice,
    power: PowerPolicy,
    /// Why the device is given up, when it is.
    cause: Cause,
    /// The buffer is to be filled and the device started.
    needs_start: bool,
    /// Frames the device took since it was started.
    frames_since_start: usize,
    restraint: Restraint,
    /// The device has not taken a whole buffer yet since it was opened.
    is_untried: bool,
    meter: RateMeter,
    /// Frames of silence written since the fade-out ended.
    silent_frames: usize,
    /// When the device last took frames, or was started.
    progress_ns: u64,
    /// When a period was first found missing, and how long to wait for it.
    late: Option<(u64, u64)>,
    /// When the timer that stands in for the device fires next.
    tick_ns: u64,
    /// Until when the ring keeps the first sound for a device that is being opened.
    keep_sound_until_ns: u64,
    /// Since when nothing has played.
    idle_since_ns: Option<u64>,
}

impl<S: Stage> WriteLoop<S> {
    pub(super) fn new(
        player: Player<S>,
        null_device: NullDevice,
        power: PowerPolicy,
        pace: Arc<Pace>,
        counters: Arc<Counters>,
        keeper: LoopEnd<S::Chain>,
        stop: Arc<AtomicBool>,
    ) -> WriteLoop<S> {
        let rate_hz = pace.rate_hz();
        let mut write_loop = WriteLoop {
            machine: Machine::default(),
            device: None,
            delivery: None,
            player,
            pace,
            counters,
            keeper,
            stop,
            null_device,
            power,
            cause: Cause::NoProgress,
            needs_start: false,
            frames_since_start: 0,
            restraint: Restraint::default(),
            is_untried: true,
            meter: RateMeter::new(rate_hz),
            silent_frames: 0,
            progress_ns: 0,
            late: None,
            tick_ns: 0,
            keep_sound_until_ns: 0,
            idle_since_ns: None,
        };
        write_loop.leave_device();
        write_loop
    }

    /// Runs until stopped and returns the player, muted.
    pub(super) fn run(mut self) -> Player<S> {
        let scheduling = realtime::promote(realtime::WRITER_PRIORITY);
        self.counters.set_writer_thread(scheduling);
        self.keeper.report(Notice::Scheduled(gettid(), scheduling));
        realtime::flush_denormals();
        while self.machine.state() != State::Stopped {
            if self.stop.load(Relaxed) {
                self.on(Event::Stop);
            }
            if self.keeper.is_to_leave() {
                self.on(Event::Leave);
            }
            self.keeper.flush();
            self.counters.add_turn();
            self.ask_for_cycle();
            let outcome = match self.machine.state() {
                State::Lost => self.turn_without_device(),
                State::Standby => self.turn_in_standby(),
                State::Suspended => self.turn_asleep(),
                State::Filling | State::Running | State::Stalled | State::Leaving | State::Stopping => {
                    self.turn_with_device()
                }
                State::Stopped => Ok(()),
            };
            if let Err(errno) = outcome {
                self.cause = Cause::Fault(errno);
                match (Fault::from_errno(errno), self.machine.state()) {
                    (Fault::Again, _) | (Fault::Suspended, State::Suspended) => self.try_later(),
                    (fault, _) => self.on(Event::Fault(fault)),
                }
            }
        }
        self.player.mute();
        self.player
    }

    /// The device asks to be tried again: not at once, and not for ever.
    fn try_later(&mut self) {
        if now_ns().saturating_sub(self.progress_ns) >= STALL_NS.max(20 * SLOW_NS) {
            self.progress_ns = now_ns();
            return self.on(Event::NoProgress);
        }
        let pause_ns = if self.machine.state() == State::Suspended {
            SLOW_NS
        } else {
            self.pace.to_ns(self.pace.period_frames()) / 8
        };
        // A wait that fails is followed by the next turn, which meets the device again.
        self.sleep(pause_ns.max(100_000)).ok();
    }

    /// Moves the machine on and does what it says.
    fn on(&mut self, event: Event) {
        let before = self.machine.state();
        let action = self.machine.on(event);
        match event {
            Event::Fault(Fault::Xrun) if before != State::Stopped => {
                self.counters.add_xrun();
                self.keeper.report(Notice::Xrun);
            }
            Event::NoProgress => {
                self.cause = Cause::NoProgress;
                self.keeper.report(Notice::Stalled);
            }
            Event::ReleaseRequested => self.cause = Cause::ReleaseRequested,
            Event::Fault(Fault::Suspended) if before != State::Suspended => {
                self.progress_ns = now_ns();
                self.keeper.report(Notice::Suspended);
            }
            _ => {}
        }
        match action {
            Action::None | Action::Finish => {}
            Action::Restart => {
                self.player.mute();
                self.needs_start = true;
            }
            // The turn asks the card.
            Action::Resume => self.player.mute(),
            Action::Reopen => {
                self.leave_device();
                self.keeper.order(match self.device.take() {
                    Some(device) => Message::Replace(device, self.cause),
                    None => Message::Open,
                });
            }
            Action::Close => {
                self.leave_device();
                if let Some(device) = self.device.take() {
                    self.keeper.order(Message::Close(device));
                }
            }
            Action::Yield => {
                self.leave_device();
                // Also one that was on its way: the keeper has sent it before it asked.
                let delivery = self.delivery.take().or_else(|| self.keeper.take_device());
                self.keeper.order(Message::Yielded(self.device.take(), delivery));
            }
            Action::Open => {
                self.keep_sound_until_ns = now_ns() + WAKE_NS;
                self.keeper.order(Message::Open);
            }
            Action::FadeOut => {
                self.silent_frames = 0;
                self.player.fade_out();
            }
        }
    }

    fn adopt(&mut self, device: Box<Device>, power: PowerPolicy) {
        self.pace.set_period_frames(device.params().period_frames);
        self.device = Some(device);
        self.power = power;
        self.pace.set_device_rate_offset(None);
        self.needs_start = true;
        self.is_untried = true;
        self.progress_ns = now_ns();
        self.player.hold(power.amp_wake_frames);
    }

    /// From now on a timer sets the pace.
    fn leave_device(&mut self) {
        self.player.mute();
        self.late = None;
        self.idle_since_ns = None;
        self.tick_ns = now_ns();
        self.pace.set_period_frames(self.null_device.frames);
        self.pace.set_device_delay(self.null_device.frames, now_ns());
    }

    /// One look at the device: hand over what it can take, or wait.
    fn turn_with_device(&mut self) -> Result<(), Errno> {
        let Some(device) = self.device.as_deref_mut() else {
            return Err(libc::ENODEV);
        };
        if device.is_release_requested() {
            self.on(Event::ReleaseRequested);
            return Ok(());
        }
        if self.needs_start {
            return self.start();
        }
        let period_frames = device.params().period_frames;
        let buffer_frames = device.params().buffer_frames;
        if device.pending_frames() > 0 {
            let taken = device.flush()?;
            self.note_taken(taken);
        }
        let Some(device) = self.device.as_deref_mut() else {
            return Err(libc::ENODEV);
        };
        if device.pending_frames() > 0 {
            return self.wait_for_device();
        }
        let available_frames = device.available_frames()?;
        if available_frames < period_frames {
            return self.wait_for_device();
        }
        if !self.player.is_ready(period_frames) && self.may_wait(buffer_frames.saturating_sub(available_frames)) {
            return self.wait_for_graph();
        }
        self.late = None;
        let now = now_ns();
        if self.restraint.is_ahead(now, self.pace.rate_hz(), self.frames_since_start, buffer_frames) {
            return self.sleep(self.pace.to_ns(period_frames));
        }
        if let Some(nap_ns) = self.restraint.nap_ns(now) {
            self.sleep(nap_ns)?;
        }
        self.write_period()
    }

    /// Prepares, fills the buffer with silence, starts.
    fn start(&mut self) -> Result<(), Errno> {
        let Some(device) = self.device.as_deref_mut() else {
            return Err(libc::ENODEV);
        };
        device.prepare()?;
        device.start_with_silence()?;
        self.needs_start = false;
        self.frames_since_start = 0;
        self.restraint.note_start(now_ns());
        self.meter.restart();
        self.late = None;
        self.progress_ns = now_ns();
        self.on(Event::Started);
        self.player.fade_in();
        Ok(())
    }

    fn write_period(&mut self) -> Result<(), Errno> {
        let Some(device) = self.device.as_deref_mut() else {
            return Err(libc::ENODEV);
        };
        let was_muted = self.player.is_muted();
        device.render(&mut self.player);
        let taken = device.flush()?;
        let (delay_frames, pending_frames, read_ns) = (device.delay_frames(), device.pending_frames(), now_ns());
        let (period_frames, buffer_frames) = (device.params().period_frames, device.params().buffer_frames);
        self.note_fill();
        self.note_taken(taken);
        if let Some(frames) = delay_frames {
            self.note_delay(frames, pending_frames, read_ns);
        }
        if matches!(self.machine.state(), State::Leaving | State::Stopping) && was_muted {
            self.silent_frames += period_frames;
            if self.silent_frames >= buffer_frames {
                self.on(Event::Silent);
            }
        }
        self.look_for_idleness();
        Ok(())
    }

    /// While another driver sets the pace, nobody here asks for cycles: what the last one waits for is told from here.
    fn note_fill(&mut self) {
        let fill_frames = self.player.fill_frames();
        self.counters.set_ring_fill_frames(fill_frames);
        if !self.pace.is_driving() && self.pace.is_streaming() {
            self.pace.note_followed_fill(fill_frames, now_ns());
        }
    }

    fn note_taken(&mut self, frames: usize) {
        if frames == 0 {
            return;
        }
        self.counters.add_frames_out(frames);
        self.progress_ns = now_ns();
        self.frames_since_start += frames;
        let buffer_frames = self.device.as_ref().map_or(0, |device| device.params().buffer_frames);
        if self.frames_since_start >= buffer_frames {
            self.on(Event::Progress);
            if std::mem::take(&mut self.is_untried) {
                self.keeper.report(Notice::Running);
            }
        }
    }

    /// The device holds `frames` at `read_ns`, and `pending_frames` wait for it.
    fn note_delay(&mut self, frames: usize, pending_frames: usize, read_ns: u64) {
        self.pace.set_device_delay(frames + pending_frames, read_ns);
        if let Some(offset) = self.meter.update(self.frames_since_start as i64 - frames as i64, read_ns) {
            self.pace.set_device_rate_offset(Some(offset));
        }
    }

    fn look_for_idleness(&mut self) {
        let Some(suspend_after_ns) = self.power.suspend_after_ns else {
            return;
        };
        let is_idle = !self.pace.is_streaming() && self.player.fill_frames() == 0 && self.player.is_resting();
        if !is_idle {
            self.idle_since_ns = None;
            return;
        }
        let now = now_ns();
        if now.saturating_sub(*self.idle_since_ns.get_or_insert(now)) >= suspend_after_ns {
            self.on(Event::Idle);
        }
    }

    /// The ring lacks frames the graph may still deliver: the device's buffer gives time, all but half a period of it.
    fn may_wait(&mut self, buffered_frames: usize) -> bool {
        let now = now_ns();
        let period_frames = self.pace.period_frames();
        let patience_ns = self.pace.to_ns(buffered_frames.saturating_sub(period_frames / 2));
        let (since_ns, patience_ns) = *self.late.get_or_insert((now, patience_ns));
        now.saturating_sub(since_ns) < patience_ns
    }

    /// A slice of a period: the graph has no way to wake this thread, and should need none.
    fn wait_for_graph(&mut self) -> Result<(), Errno> {
        let slice_ns = self.pace.to_ns(self.pace.period_frames()) / 8;
        self.sleep(slice_ns.max(100_000))
    }

    fn wait_for_device(&mut self) -> Result<(), Errno> {
        let Some(device) = self.device.as_deref_mut() else {
            return Err(libc::ENODEV);
        };
        let (period_frames, buffer_frames) = (device.params().period_frames, device.params().buffer_frames);
        let (period_ns, buffer_ns) = (self.pace.to_ns(period_frames), self.pace.to_ns(buffer_frames));
        let stall_ns = (2 * buffer_ns).max(STALL_NS);
        let waited_ns = now_ns().saturating_sub(self.progress_ns);
        if waited_ns >= stall_ns {
            self.progress_ns = now_ns();
            self.on(Event::NoProgress);
            return Ok(());
        }
        // Not every driver wakes a waiter when its card goes: look again after two periods.
        let look_ns = (2 * period_ns).min(LOOK_NS);
        let outcome = device.wait(self.pace.wake_fd(), Duration::from_nanos((stall_ns - waited_ns).min(look_ns)))?;
        self.restraint.note_sleep(now_ns());
        match outcome {
            Wait::Woken => self.pace.take_wake(),
            // Some devices keep saying they are writable without taking a period: don't spin on them.
            Wait::Device => {
                let Some(device) = self.device.as_deref_mut() else {
                    return Err(libc::ENODEV);
                };
                if device.pending_frames() > 0 || device.available_frames()? < period_frames {
                    self.sleep(period_ns / 8)?;
                }
            }
            Wait::Timeout => {}
        }
        Ok(())
    }

    /// Asks for a graph cycle if one is due.
    fn ask_for_cycle(&mut self) {
        let (now, fill_frames) = (now_ns(), self.player.fill_frames());
        // A graph that was won just now is asked when a period is missing and the device's buffer has begun to pay for it.
        let can_be_put_off = self.device.is_some() && self.player.is_playing() && self.late.is_none();
        if !(self.pace.is_settling() && can_be_put_off) && self.pace.wants_cycle(fill_frames, now) {
            // This is what the cycle will wait for, whatever the ring holds between cycles.
            self.pace.set_ring_fill_frames(fill_frames);
            self.pace.request(now);
        }
    }

    /// Waits for `time_ns` or a wake-up.
    fn sleep(&mut self, time_ns: u64) -> Result<(), Errno> {
        use std::os::fd::AsRawFd;
        let fd = self.pace.wake_fd().as_raw_fd();
        let mut descriptor = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
        let woken = poll(&mut descriptor, Duration::from_nanos(time_ns))? > 0;
        self.restraint.note_sleep(now_ns());
        if woken {
            self.pace.take_wake();
        }
        Ok(())
    }
}
