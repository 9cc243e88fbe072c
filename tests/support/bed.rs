//! Session, card and daemon together, and a tone through them.

use std::f64::consts::TAU;

use super::analysis::breaks_in_tone;
use super::card::{Card, Word};
use super::daemon::{Daemon, Options};
use super::player::play;
use super::process::Process;
use super::session::{Session, Setup};
use super::source::{Source, Time};
use super::wait::wait_until;

pub const RATE_HZ: u32 = 48_000;
pub const TONE_HZ: f64 = 997.0;

/// Residual, relative to the tone, from which a break is counted: a quarter of what one dropped sample gives at least,
/// far above what an upmix that still listens adds.
pub const TOLERANCE: f64 = 0.002;

/// A running daemon, its sink at 100 %. Fields are dropped in order.
pub struct Bed {
    pub daemon: Daemon,
    pub session: Session,
    pub card: Card,
}

impl Bed {
    pub fn start(setup: Setup, options: &Options) -> Bed {
        Bed::with_card(Card::with_limits("CHANNELS=8,FORMATS=S32_LE"), setup, options)
    }

    pub fn with_card(card: Card, setup: Setup, options: &Options) -> Bed {
        Bed::in_session(Session::with(setup), card, options)
    }

    pub fn in_session(session: Session, card: Card, options: &Options) -> Bed {
        let daemon = Daemon::start(&session, &card, options);
        session.turn_up(&daemon.sink());
        Bed { daemon, session, card }
    }

    /// Kills the daemon, if it has not ended yet, and starts another in its place.
    pub fn restart_daemon(&mut self, options: &Options) {
        self.daemon.signal(nix::sys::signal::Signal::SIGKILL);
        self.daemon.process().wait();
        self.daemon = Daemon::start(&self.session, &self.card, options);
    }

    /// Plays a file into the sink with `pw-cat`.
    pub fn play(&self, file: &std::path::Path, quantum_frames: u32) -> Process {
        play(&self.session, &self.daemon.sink(), file, quantum_frames)
    }

    /// Plays computed sound into the sink.
    pub fn source(
        &self,
        quantum_frames: u32,
        fill: impl FnMut(&mut [f32], &mut [f32], Option<Time>) + Send + 'static,
    ) -> Source {
        Source::start(&self.session.path("run/pipewire-0"), &self.daemon.sink(), quantum_frames, fill)
    }

    /// Plays a tone without end, both channels alike, and waits until it has been heard for `settle_s` seconds.
    pub fn play_tone(&self, amplitude: f64, quantum_frames: u32, settle_s: f64) -> Source {
        self.play_tones([amplitude; 2], quantum_frames, settle_s)
    }

    /// The same, each channel in a level of its own.
    pub fn play_tones(&self, amplitudes: [f64; 2], quantum_frames: u32, settle_s: f64) -> Source {
        let begin = self.card.recorded_frames();
        let mut n = 0_u64;
        let source = self.source(quantum_frames, move |left, right, _| {
            for (left, right) in left.iter_mut().zip(right) {
                // Whole hertz: the phase repeats every second, so it never loses precision.
                let phase = TAU * TONE_HZ * (n % u64::from(RATE_HZ)) as f64 / f64::from(RATE_HZ);
                *left = (amplitudes[0] * phase.sin()) as f32;
                *right = (amplitudes[1] * phase.sin()) as f32;
                n += 1;
            }
        });
        let sounds = wait_until(|| {
            self.daemon.assert_alive();
            self.card.recording_from(begin).first_sound().is_some()
        });
        assert!(sounds, "no sound from the card:\n{}", self.daemon.log());
        self.listen(settle_s);
        source
    }

    /// Waits until the card has played so many seconds more; gives the frame before and the frame after.
    pub fn listen(&self, seconds: f64) -> std::ops::Range<usize> {
        let begin = self.card.recorded_frames();
        let end = begin + (seconds * f64::from(RATE_HZ)) as usize;
        let patience = std::time::Instant::now() + std::time::Duration::from_secs_f64(seconds + 30.0);
        while self.card.recorded_frames() < end {
            self.daemon.assert_alive();
            assert!(std::time::Instant::now() < patience, "the card stands still:\n{}", self.daemon.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        begin..self.card.recorded_frames()
    }

    /// What a channel played between two frames of the recording.
    pub fn heard(&self, channel: usize, range: std::ops::Range<usize>) -> Vec<f64> {
        let mut signal = self.card.recording_from(range.start).channel(channel);
        signal.truncate(range.len());
        signal
    }

    /// Asserts that the tone went through a stretch whole, and that nothing was counted as an xrun.
    pub fn assert_whole(&self, range: std::ops::Range<usize>) {
        for channel in 0..self.status_drivers() {
            let signal = self.heard(channel, range.clone());
            let breaks = breaks_in_tone(&signal, TONE_HZ, RATE_HZ, TOLERANCE);
            assert!(breaks.is_empty(), "channel {channel}: breaks at {breaks:?} of {}", signal.len());
        }
        assert_eq!(self.card.get(Word::Xruns), 0, "{}", self.card.events());
        assert_eq!((self.daemon.count("xruns"), self.daemon.count("underruns")), (0, 0), "{}", self.daemon.log());
    }

    fn status_drivers(&self) -> usize {
        self.daemon.status()["profile"]["drivers"].as_array().map_or(0, Vec::len)
    }
}
