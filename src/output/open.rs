//! Opening a PCM and agreeing with it on format, channels, rate, period and buffer.

use std::ffi::CString;
use std::time::{Duration, Instant};

use alsa::pcm::{Access, Chmap, ChmapPosition, ChmapType, HwParams, PCM};
use alsa::{Direction, ValueOr};
use nix::libc;

use super::card::card_number;
use super::chatter::Chatter;
use super::device::Device;
use super::error::OutputError;
use super::formats::Encoding;
use super::holder::holder_of_card;
use super::mixer::MixerGuard;
use super::request::{MAX_DEVICE_CHANNELS, Params, Request};
use super::reserve::{Refusal, Reservation};
use crate::config::SampleFormat;

/// Rates named when the wanted one is refused, in Hz.
const COMMON_RATES_HZ: [u32; 9] = [16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000];

/// How long a program that released a card on the bus may take to close it, and the pause between two looks.
const CLOSING: Duration = Duration::from_secs(2);
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// alsa-lib's `SND_PCM_NO_AUTO_CHANNELS`: plugins offer the channels of the card below them. Else `plug` would take any
/// number and drop what the card has no driver for, without a word.
const NO_AUTO_CHANNELS: i32 = 0x0002_0000;

/// Opens and configures the device of `request`; nothing plays yet.
///
/// A session bus that did not play along is a note of the returned [`Device`], not an error.
///
/// # Errors
/// See [`OutputError`].
pub fn open(request: &Request) -> Result<Device, OutputError> {
    let chatter = Chatter::listen();
    let mut notes = Vec::new();
    let card = card_number(&request.pcm);
    let reservation = match card {
        Some(card) if request.reserve => match Reservation::acquire(card, &request.pcm) {
            Ok(reservation) => reservation,
            Err(Refusal::Held(name)) => {
                let holder = name.or_else(|| holder_of_card(card).map(|holder| holder.to_string()));
                let holder = holder.unwrap_or_else(|| "another program".into());
                return Err(OutputError::Reserved { pcm: request.pcm.clone(), holder });
            }
            Err(Refusal::Bus(note)) => {
                notes.push(note);
                None
            }
        },
        _ => None,
    };
    let taken_over = reservation.as_ref().is_some_and(Reservation::was_taken_over);
    let pcm = open_pcm(request, &chatter, if taken_over { CLOSING } else { Duration::ZERO })?;
    let params = negotiate(&pcm, request, &chatter)?;
    set_channel_map(&pcm, params.channels);
    set_software_params(&pcm, &params).map_err(|e| alsa_error(&request.pcm, "setting the software parameters", e))?;
    let mixer = MixerGuard::set(&request.pcm, &request.mixer)
        .map_err(|error| OutputError::Mixer { pcm: request.pcm.clone(), error })?;
    Ok(Device::new(pcm, params, mixer, reservation, notes))
}

/// What a PCM can be opened with. What a card can take need not have a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Fewest and most channels.
    pub channels: (u32, u32),
    /// Formats, the one to prefer first.
    pub formats: Vec<SampleFormat>,
    /// Which of the common rates, in Hz.
    pub rates_hz: Vec<u32>,
}

/// What `pcm` can be opened with. It is opened for that, and closed; nothing plays, nothing is set.
///
/// # Errors
/// It cannot be opened: see [`OutputError`].
pub fn offer(pcm: &str) -> Result<Offer, OutputError> {
    let chatter = Chatter::listen();
    let opened = open_pcm(&Request { pcm: pcm.into(), ..Request::default() }, &chatter, Duration::ZERO)?;
    let read = || {
        let params = HwParams::any(&opened)?;
        // As for playing: plugins that resample would offer any rate.
        params.set_rate_resample(false)?;
        let formats =
            SampleFormat::PREFERENCE.into_iter().filter(|&format| encoding_of(&params, format, false).is_some());
        Ok(Offer {
            channels: (params.get_channels_min()?, params.get_channels_max()?),
            formats: formats.collect(),
            rates_hz: rates_of(&params),
        })
    };
    read().map_err(|error| alsa_error(pcm, "reading what it offers", error))
}

/// `format` in a byte order that `params` leave open, little-endian before big-endian.
fn encoding_of(params: &HwParams, format: SampleFormat, is_planar: bool) -> Option<Encoding> {
    let mut encodings = [false, true].into_iter().map(|is_big_endian| Encoding { format, is_big_endian, is_planar });
    encodings.find(|&encoding| params.test_format(alsa_format(encoding)).is_ok())
}

fn rates_of(params: &HwParams) -> Vec<u32> {
    COMMON_RATES_HZ.into_iter().filter(|&rate| params.test_rate(rate).is_ok()).collect()
}

/// Opens the PCM; one that is busy is tried again for `patience`.
fn open_pcm(request: &Request, chatter: &Chatter, patience: Duration) -> Result<PCM, OutputError> {
    let name = CString::new(request.pcm.as_str())
        .ok()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| OutputError::Name(request.pcm.clone()))?;
    let since = Instant::now();
    let opened = loop {
        // SAFETY: the flag is one of alsa-lib's own for this call (pcm.h) and changes no memory contract; the binding
        // marks flags unsafe because it does not know them.
        match unsafe { PCM::open_with_flags(&name, Direction::Playback, true, NO_AUTO_CHANNELS) } {
            Err(error) if is_busy(error.errno()) && since.elapsed() < patience => std::thread::sleep(BUSY_PAUSE),
            opened => break opened,
        }
    };
    opened.map_err(|error| {
        let pcm = request.pcm.clone();
        let message = chatter.first_line();
        match error.errno() {
            libc::ENOENT | libc::ENODEV | libc::ENXIO => OutputError::NotFound { pcm, message },
            errno if is_busy(errno) => {
                let holder = card_number(&pcm).and_then(holder_of_card);
                OutputError::Busy { pcm, holder }
            }
            libc::EACCES | libc::EPERM => OutputError::Permission { pcm },
            errno => OutputError::Alsa { pcm, what: "opening", errno, message },
        }
    })
}

fn is_busy(errno: i32) -> bool {
    matches!(errno, libc::EBUSY | libc::EAGAIN)
}

fn negotiate(pcm: &PCM, request: &Request, chatter: &Chatter) -> Result<Params, OutputError> {
    let name = || request.pcm.clone();
    let failed = |what| {
        move |error: alsa::Error| OutputError::Alsa {
            pcm: name(),
            what,
            errno: error.errno(),
            message: chatter.first_line(),
        }
    };
    let params = HwParams::any(pcm).map_err(failed("reading its configurations"))?;
    let accesses = [(Access::RWInterleaved, false), (Access::RWNonInterleaved, true)];
    let Some((access, is_planar)) = accesses.into_iter().find(|&(access, _)| params.test_access(access).is_ok()) else {
        return Err(OutputError::Access { pcm: name() });
    };
    params.set_access(access).map_err(failed("setting the access"))?;
    // Plugins such as `plug` would resample behind our back and call any rate their own.
    params.set_rate_resample(false).map_err(failed("forbidding resampling"))?;

    let wanted = request.channels.max(1);
    let channels = (wanted..=MAX_DEVICE_CHANNELS).find(|&channels| params.test_channels(channels as u32).is_ok());
    let Some(channels) = channels else {
        return Err(OutputError::Channels { pcm: name(), needed: wanted, offered: offered_channels(&params) });
    };
    params.set_channels(channels as u32).map_err(failed("setting the channels"))?;

    if params.set_rate(request.rate_hz, ValueOr::Nearest).is_err() {
        return Err(OutputError::Rate { pcm: name(), rate_hz: request.rate_hz, offered_hz: rates_of(&params) });
    }

    let offered = |format: SampleFormat| encoding_of(&params, format, is_planar);
    let format = match request.format {
        Some(format) => offered(format),
        None => SampleFormat::PREFERENCE.into_iter().find_map(offered),
    };
    let Some(format) = format else {
        let offered = SampleFormat::PREFERENCE.into_iter().filter(|&format| offered(format).is_some()).collect();
        return Err(OutputError::Format { pcm: name(), wanted: request.format, offered });
    };
    params.set_format(alsa_format(format)).map_err(failed("setting the format"))?;

    let period = params
        .set_period_size_near(request.period_frames.clamp(16, 16_384) as _, ValueOr::Nearest)
        .map_err(failed("setting the period"))?;
    params
        .set_buffer_size_near(period * request.periods.clamp(2, 64) as alsa::pcm::Frames)
        .map_err(failed("setting the buffer"))?;
    pcm.hw_params(&params).map_err(failed("applying the configuration"))?;

    let current = pcm.hw_params_current().map_err(failed("reading the configuration back"))?;
    let period_frames = current.get_period_size().map_err(failed("reading the period back"))? as usize;
    let buffer_frames = current.get_buffer_size().map_err(failed("reading the buffer back"))? as usize;
    if buffer_frames < 2 * period_frames {
        return Err(OutputError::Buffer { pcm: name(), period_frames, buffer_frames });
    }
    Ok(Params { pcm: name(), format, channels, rate_hz: request.rate_hz, period_frames, buffer_frames })
}

/// Wake-ups come once a period is free; the start is ours to give, once the buffer holds silence.
fn set_software_params(pcm: &PCM, params: &Params) -> alsa::Result<()> {
    let software = pcm.sw_params_current()?;
    software.set_avail_min(params.period_frames as _)?;
    software.set_start_threshold(software.get_boundary()?)?;
    software.set_stop_threshold(params.buffer_frames as _)?;
    pcm.sw_params(&software)
}

/// Where positions can be chosen, choose ALSA's own order: then plugins and HDMI agree with us on channels by index.
/// Where they cannot, the index is all there is.
fn set_channel_map(pcm: &PCM, channels: usize) {
    use ChmapPosition::{FC, FL, FR, LFE, RL, RR, SL, SR};
    let order: &[ChmapPosition] = match channels {
        2 => &[FL, FR],
        4 => &[FL, FR, RL, RR],
        6 => &[FL, FR, RL, RR, FC, LFE],
        8 => &[FL, FR, RL, RR, FC, LFE, SL, SR],
        _ => return,
    };
    let is_free = pcm
        .query_chmaps()
        .any(|(kind, map)| kind == ChmapType::Var && Vec::<ChmapPosition>::from(&map).len() == channels);
    if is_free {
        // A refusal leaves the device's own order, which is agreement by index as well.
        pcm.set_chmap(&Chmap::from(order)).ok();
    }
}

fn offered_channels(params: &HwParams) -> String {
    let (min, max) = (params.get_channels_min().unwrap_or(0), params.get_channels_max().unwrap_or(0));
    if min == max { max.to_string() } else { format!("{min} to {max}") }
}

fn alsa_error(pcm: &str, what: &'static str, error: alsa::Error) -> OutputError {
    OutputError::Alsa { pcm: pcm.into(), what, errno: error.errno(), message: String::new() }
}

fn alsa_format(encoding: Encoding) -> alsa::pcm::Format {
    use alsa::pcm::Format;
    match (encoding.format, encoding.is_big_endian) {
        (SampleFormat::S16, false) => Format::S16LE,
        (SampleFormat::S16, true) => Format::S16BE,
        (SampleFormat::S24Packed, false) => Format::S243LE,
        (SampleFormat::S24Packed, true) => Format::S243BE,
        (SampleFormat::S24, false) => Format::S24LE,
        (SampleFormat::S24, true) => Format::S24BE,
        (SampleFormat::S32, false) => Format::S32LE,
        (SampleFormat::S32, true) => Format::S32BE,
        (SampleFormat::Float, false) => Format::FloatLE,
        (SampleFormat::Float, true) => Format::FloatBE,
    }
}

#[cfg(test)]
mod tests;
