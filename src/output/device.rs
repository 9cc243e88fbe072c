//! An open, configured PCM, and the few operations the writer's loop needs. None of them waits, but [`Device::wait`]
//! with its deadline; none allocates.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use alsa::PollDescriptors;
use alsa::pcm::{PCM, State};
use nix::libc;

use crate::engine::player::MAX_CHANNELS;
use crate::engine::{Player, Stage};

use super::formats::Converter;
use super::mixer::MixerGuard;
use super::request::{MAX_DEVICE_CHANNELS, Params};
use super::reserve::Reservation;

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The device says it can take a period, or wants to report an error: look.
    Device,
    /// The wake-up descriptor fired.
    Woken,
    /// Neither, until the deadline.
    Timeout,
}

/// A positive `errno`.
pub(super) type Errno = i32;

/// An open device. Dropping it closes the PCM, then restores the mixer, then gives the card back.
#[derive(Debug)]
pub struct Device {
    pcm: PCM,
    _mixer: MixerGuard,
    reservation: Option<Reservation>,
    params: Params,
    notes: Vec<String>,
    converter: Converter,
    /// One period, as the converter lays it out.
    bytes: Vec<u8>,
    /// Frames of `bytes` the PCM has not accepted yet: the last `pending_frames`.
    pending_frames: usize,
    descriptors: Vec<libc::pollfd>,
    planes: Planes,
}

/// One period of samples: a plane per channel.
#[derive(Debug)]
pub(super) struct Planes(Vec<Box<[f32]>>);

impl Planes {
    pub(super) fn new(channels: usize, frames: usize) -> Planes {
        Planes(vec![vec![0.0; frames].into(); channels.min(MAX_CHANNELS)])
    }

    /// Has `player` fill them.
    pub(super) fn render<S: Stage>(&mut self, player: &mut Player<S>) {
        let channels = self.0.len();
        let mut planes: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| &mut [][..]);
        for (slot, plane) in planes.iter_mut().zip(&mut self.0) {
            *slot = plane;
        }
        player.render(&mut planes[..channels]);
    }
}

impl Device {
    pub(super) fn new(
        pcm: PCM,
        params: Params,
        mixer: MixerGuard,
        reservation: Option<Reservation>,
        notes: Vec<String>,
    ) -> Device {
        let converter = Converter::new(params.format, params.channels);
        let bytes = vec![0; converter.frame_bytes() * params.period_frames];
        let descriptors = vec![libc::pollfd { fd: -1, events: 0, revents: 0 }; pcm.count() + 1];
        let planes = Planes::new(params.channels, params.period_frames);
        Device {
            pcm,
            _mixer: mixer,
            reservation,
            params,
            notes,
            converter,
            bytes,
            pending_frames: 0,
            descriptors,
            planes,
        }
    }

    /// What was agreed on.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// What did not work out while opening, one line each, for the log.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn is_release_requested(&self) -> bool {
        self.reservation.as_ref().is_some_and(Reservation::is_release_requested)
    }

    /// Waits until the device wants attention, `wake` fires, or `timeout` is over.
    pub(super) fn wait(&mut self, wake: BorrowedFd, timeout: Duration) -> Result<Wait, Errno> {
        let (wake_entry, entries) = self.descriptors.split_first_mut().ok_or(libc::EINVAL)?;
        *wake_entry = libc::pollfd { fd: wake.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        self.pcm.fill(entries).map_err(errno)?;
        if poll(&mut self.descriptors, timeout)? == 0 {
            return Ok(Wait::Timeout);
        }
        let woken = self.descriptors[0].revents != 0;
        // Plugins translate: their descriptor may be readable where the PCM is writable. Errors show in the state.
        let flags = self.pcm.revents(&self.descriptors[1..]).map_err(errno)?;
        Ok(match (flags.is_empty(), woken) {
            (false, _) => Wait::Device,
            (true, true) => Wait::Woken,
            (true, false) => Wait::Timeout,
        })
    }

    /// Frames the buffer can take now.
    pub(super) fn available_frames(&self) -> Result<usize, Errno> {
        match self.pcm.avail_update() {
            Ok(frames) => Ok(frames.max(0) as usize),
            Err(error) => Err(self.cause(errno(error))),
        }
    }

    /// Frames the PCM has taken and not played yet, as it says.
    pub(super) fn delay_frames(&self) -> Option<usize> {
        self.pcm.delay().ok().map(|frames| frames.max(0) as usize)
    }

    /// Frames of the last period the PCM has not accepted yet.
    pub(super) fn pending_frames(&self) -> usize {
        self.pending_frames
    }

    /// Has `player` render one period and encodes it for [`Device::flush`].
    pub(super) fn render<S: Stage>(&mut self, player: &mut Player<S>) {
        self.planes.render(player);
        self.converter.convert(&self.planes.0, &mut self.bytes);
        self.pending_frames = self.params.period_frames;
    }

    /// Writes what is pending, as far as the PCM takes it; returns the frames it took.
    pub(super) fn flush(&mut self) -> Result<usize, Errno> {
        if self.pending_frames == 0 {
            return Ok(0);
        }
        match self.write_pending() {
            Ok(frames) => {
                self.pending_frames -= frames.min(self.pending_frames);
                Ok(frames)
            }
            Err(error) if matches!(errno(error), libc::EAGAIN | libc::EINTR) => Ok(0),
            Err(error) => Err(self.cause(errno(error))),
        }
    }

    /// Offers the last `pending_frames` of the period to the PCM.
    fn write_pending(&self) -> alsa::Result<usize> {
        let io = self.pcm.io_bytes();
        let first_frame = self.params.period_frames - self.pending_frames;
        if !self.params.format.is_planar {
            return io.writei(&self.bytes[first_frame * self.converter.frame_bytes()..]);
        }
        let (sample_bytes, channels) = (self.converter.sample_bytes(), self.params.channels);
        let mut planes = [std::ptr::null(); MAX_DEVICE_CHANNELS];
        for (plane, bytes) in planes.iter_mut().zip(self.bytes.chunks_exact(self.params.period_frames * sample_bytes)) {
            *plane = bytes[first_frame * sample_bytes..].as_ptr();
        }
        // SAFETY: `bytes` holds one chunk of `period_frames` samples per channel of the PCM, and no PCM is opened with
        // more than MAX_DEVICE_CHANNELS: the first `channels` pointers are set, each to `pending_frames` samples.
        unsafe { io.writen(&planes[..channels], self.pending_frames) }
    }

    /// Makes the PCM ready from whatever state it is in: stops it, prepares it, drops what was pending.
    pub(super) fn prepare(&mut self) -> Result<(), Errno> {
        self.pending_frames = 0;
        // Fails in states that need no stop.
        self.pcm.drop().ok();
        self.pcm.prepare().map_err(|error| self.cause(errno(error)))
    }

    /// Fills the buffer with silence and starts the PCM.
    pub(super) fn start_with_silence(&mut self) -> Result<(), Errno> {
        self.bytes.fill(0);
        let mut left = self.params.buffer_frames;
        while left > 0 {
            self.pending_frames = left.min(self.params.period_frames);
            let taken = self.flush()?;
            if taken == 0 {
                break;
            }
            left -= taken;
        }
        self.pending_frames = 0;
        if self.is_in(State::Prepared) {
            self.pcm.start().map_err(|error| self.cause(errno(error)))?;
        }
        Ok(())
    }

    /// Wakes a suspended PCM; `EAGAIN` while the card is still asleep.
    pub(super) fn resume(&self) -> Result<(), Errno> {
        self.pcm.resume().map_err(errno)
    }

    /// Some drivers answer with a vague code in a state that says more.
    fn cause(&self, errno: Errno) -> Errno {
        [(State::Disconnected, libc::ENODEV), (State::Suspended, libc::ESTRPIPE), (State::XRun, libc::EPIPE)]
            .into_iter()
            .find(|&(state, _)| self.is_in(state))
            .map_or(errno, |(_, errno)| errno)
    }

    /// The binding's own `state()` panics on a state it does not know.
    fn is_in(&self, state: State) -> bool {
        self.pcm.state_raw() == state as libc::c_int
    }
}

/// The positive code of an error; the binding stores some of them negated.
fn errno(error: alsa::Error) -> Errno {
    error.errno().abs()
}

/// `ppoll(2)` with a relative timeout; an interrupted wait is an early timeout.
pub(super) fn poll(descriptors: &mut [libc::pollfd], timeout: Duration) -> Result<usize, Errno> {
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(timeout.subsec_nanos() as i32),
    };
    // SAFETY: the pointer and length are those of a live slice; the timeout outlives the call; no signal mask.
    let ready =
        unsafe { libc::ppoll(descriptors.as_mut_ptr(), descriptors.len() as libc::nfds_t, &timeout, std::ptr::null()) };
    match ready {
        0.. => Ok(ready as usize),
        _ => match nix::errno::Errno::last_raw() {
            libc::EINTR => Ok(0),
            errno => Err(errno),
        },
    }
}
