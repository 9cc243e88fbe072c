//! What plays the sounds: the running daemon, or, where none runs, the device itself.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::Args;
use crate::cli::{Failure, asked};
use crate::config::controls::Key;
use crate::daemon::control::{self, AskError, Held, Reply, Request};
use crate::daemon::prepare::{Plan, Reading, read_at_start};
use crate::daemon::requests::{self, Rates};
use crate::daemon::sound::{Sound, peak};
use crate::engine::probe::{Probe, Sounding};
use crate::engine::{Counters, Pace, Player, Wires, handover, ring};
use crate::output::{Event, OutputError, Params, Writer};
use crate::profile::choice::NO_PROFILE;

/// A card that is there opens within this time.
const OPENING: Duration = Duration::from_secs(5);
/// The sound before has faded by then.
const HAND_OVER: Duration = Duration::from_secs(1);

/// See the module.
pub enum Speaker {
    /// By its control socket.
    Daemon,
    /// The device is ours.
    Alone(Box<Alone>),
}

/// A sound that lasts until this is dropped.
pub enum Voice {
    /// Of the daemon.
    Daemon { _held: Held },
    /// Of the device.
    Alone { _sounding: Sounding },
}

/// What is found at the start.
pub struct Found {
    pub speaker: Speaker,
    /// The folder of the profile that plays.
    pub folder: PathBuf,
    /// Its name.
    pub profile: String,
}

impl Found {
    /// The daemon if one runs; else the device of the configuration, opened for its profile.
    ///
    /// # Errors
    /// There is no profile, or the device cannot be had.
    pub fn look(args: &Args) -> Result<Found, Failure> {
        match control::ask(&args.started.instance, &Request::Status) {
            Ok(Reply::Status(status)) => {
                let profile = status.profile.ok_or(NO_PROFILE)?;
                Ok(Found { speaker: Speaker::Daemon, folder: profile.folder.into(), profile: profile.name })
            }
            Ok(other) => Err(asked::no_answer(other)),
            Err(AskError::NotRunning { .. }) => {
                let plan = read_at_start(&args.started.options(), &Reading::default())?;
                let chosen = plan.profile.clone().ok_or(NO_PROFILE)?;
                let speaker = Speaker::Alone(Box::new(Alone::start(&plan)?));
                Ok(Found { speaker, folder: chosen.profile.folder.clone(), profile: chosen.profile.name.clone() })
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Speaker {
    /// Plays `sound` over and over; with it, the number of the device's channels.
    ///
    /// # Errors
    /// The daemon refuses it, or the device does not play.
    pub fn play(&mut self, args: &Args, sound: &Sound) -> Result<(Voice, usize), Failure> {
        match self {
            Speaker::Daemon => match control::hold(&args.started.instance, &Request::Identify(sound.clone()))? {
                (Reply::Sounding { channels }, held) => Ok((Voice::Daemon { _held: held }, channels)),
                (other, _) => Err(asked::no_answer(other)),
            },
            Speaker::Alone(alone) => Ok((Voice::Alone { _sounding: alone.play(sound)? }, alone.params.channels)),
        }
    }
}

/// The device, with nothing but our sounds on it. Dropping it fades out and closes the device.
pub struct Alone {
    _writer: Writer<Wires>,
    probes: handover::Sender<Probe>,
    params: Params,
    peak: f32,
}

impl Alone {
    /// Opens the device as the daemon would.
    fn start(plan: &Plan) -> Result<Alone, Failure> {
        let profile = &plan.profile.as_ref().ok_or(NO_PROFILE)?.profile;
        let (pcm, own_hz) = (&plan.config.device, profile.sample_rate_hz);
        let peak = peak(plan.controls().get(Key::TrimDb), profile.limiter.ceiling_dbfs);
        let mut rates = Rates::default();
        loop {
            let rate_hz = rates.on(pcm, own_hz);
            let mut request = requests::device(&plan.config, rate_hz, profile.channels_needed());
            request.suspend_after = None;
            let pace = Pace::new(rate_hz)?;
            let counters = Arc::new(Counters::default());
            let (probes, sounds) = handover::handover();
            // Nothing comes through the ring, and no chain: there is only what is laid over it.
            let player = Player::new(ring(1).1, Wires::SILENCE, handover::handover().1, pace.clone(), counters.clone());
            let (events, told) = mpsc::channel();
            let tell = Arc::new(move |event| drop(events.send(event)));
            let writer = Writer::spawn(player.with_probes(sounds), request, pace, counters, tell)?;
            match opened(&told)? {
                Ok(params) => return Ok(Alone { _writer: writer, probes, params, peak }),
                Err(OutputError::Rate { offered_hz, .. })
                    if rates.refused(pcm, own_hz, rate_hz, &offered_hz).is_some() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn play(&mut self, sound: &Sound) -> Result<Sounding, Failure> {
        sound.check(self.params.channels)?;
        let (probe, sounding) = sound.build(self.peak, self.params.rate_hz);
        let (mut probe, until) = (Box::new(probe), Instant::now() + HAND_OVER);
        while let Err(waiting) = self.probes.send(probe) {
            if Instant::now() > until {
                return Err(format!("{} takes nothing: is it still there?", self.params.pcm).into());
            }
            probe = waiting;
            std::thread::sleep(Duration::from_millis(5));
        }
        while self.probes.reclaim().is_some() {}
        Ok(sounding)
    }
}

/// How the opening ends.
fn opened(told: &mpsc::Receiver<Event>) -> Result<Result<Params, OutputError>, Failure> {
    let until = Instant::now() + OPENING;
    loop {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Event::Opened { params, .. }) => return Ok(Ok(params)),
            Ok(Event::Waiting(error)) => return Ok(Err(error)),
            Ok(_) => {}
            Err(_) => return Err(format!("the device has not opened within {} s", OPENING.as_secs()).into()),
        }
    }
}
