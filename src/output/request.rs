//! What is wanted of a device, and what was agreed on.

use std::time::Duration;

use super::formats::Encoding;
use crate::config::{MixerControl, SampleFormat};

/// Most channels a device may be opened with: interfaces of studios offer 64 and 128, and nothing less. Those beyond the
/// profile's stay silent.
pub const MAX_DEVICE_CHANNELS: usize = 256;

/// What is wanted of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// ALSA name, as `aplay -L` lists them.
    pub pcm: String,
    /// Exact rate in Hz.
    pub rate_hz: u32,
    /// Channels the profile uses: highest index + 1. More may be opened; they stay silent.
    pub channels: usize,
    /// Frames handed over at a time; the card may round.
    pub period_frames: usize,
    /// Periods in the device's buffer; the card may round. At least 2.
    pub periods: usize,
    /// The only format to use; `None` takes the first of [`SampleFormat::PREFERENCE`] the card offers.
    pub format: Option<SampleFormat>,
    /// Mixer controls to set while the device is open.
    pub mixer: Vec<MixerControl>,
    /// Take `org.freedesktop.ReserveDevice1` of a `hw:` card on the session bus.
    pub reserve: bool,
    /// Close the device when nothing has played for so long; `None` keeps it open on silence.
    pub suspend_after: Option<Duration>,
    /// Silence to play after opening before the first sound: the time an amplifier takes to wake.
    pub amp_wake: Duration,
}

impl Default for Request {
    fn default() -> Request {
        Request {
            pcm: "default".into(),
            rate_hz: 48_000,
            channels: 2,
            period_frames: 256,
            periods: 3,
            format: None,
            mixer: Vec::new(),
            reserve: true,
            suspend_after: None,
            amp_wake: Duration::ZERO,
        }
    }
}

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// The PCM's name.
    pub pcm: String,
    /// How its samples are encoded.
    pub format: Encoding,
    /// Channels, at least those asked for.
    pub channels: usize,
    /// Frames per second.
    pub rate_hz: u32,
    /// Frames of one period.
    pub period_frames: usize,
    /// Frames of the whole buffer.
    pub buffer_frames: usize,
}
