//! Why a device cannot be used, and what to do about it.

use thiserror::Error;

use super::errno::explain;
use super::holder::Holder;
use super::mixer::MixerError;
use crate::config::SampleFormat;

/// Why a device could not be opened. Each message names the PCM, the value and the remedy, in one line.
#[derive(Debug, Error)]
pub enum OutputError {
    /// ALSA knows no PCM of this name, or its card is not there.
    #[error("ALSA PCM '{pcm}' does not exist; `aplay -L` lists those that do{}", detail(.message))]
    NotFound {
        /// The ALSA PCM.
        pcm: String,
        /// What ALSA said.
        message: String,
    },
    /// Another process holds it.
    #[error("ALSA PCM '{pcm}' is busy{}; stop the holder or choose another device", held_by(.holder))]
    Busy {
        /// The ALSA PCM.
        pcm: String,
        /// Who holds it.
        holder: Option<Holder>,
    },
    /// Another program has its card by agreement on the session bus, was asked for it, and keeps it.
    #[error(
        "the card of ALSA PCM '{pcm}' is reserved by {holder}, which was asked to release it and refused; stop the holder or choose another device"
    )]
    Reserved {
        /// The ALSA PCM.
        pcm: String,
        /// Who has it, as it calls itself.
        holder: String,
    },
    /// The device node may not be opened by this user.
    #[error(
        "no permission to open ALSA PCM '{pcm}'; add the user to the group 'audio' or log in on the machine's seat"
    )]
    Permission {
        /// The ALSA PCM.
        pcm: String,
    },
    /// No configuration with enough channels.
    #[error("ALSA PCM '{pcm}' has {offered} channels and the profile needs {needed}; choose another device or profile")]
    Channels {
        /// The ALSA PCM.
        pcm: String,
        /// Channels needed.
        needed: usize,
        /// What the card offers.
        offered: String,
    },
    /// The card does not run at this rate.
    #[error("ALSA PCM '{pcm}' does not run at {rate_hz} Hz; it offers {}: choose another device, or a profile designed for a rate it offers", rates(.offered_hz))]
    Rate {
        /// The ALSA PCM.
        pcm: String,
        /// The rate in Hz.
        rate_hz: u32,
        /// Rates the card offers, in Hz.
        offered_hz: Vec<u32>,
    },
    /// None of the formats we speak, or not the one asked for.
    #[error("ALSA PCM '{pcm}' does not take {}", formats(*.wanted, .offered))]
    Format {
        /// The ALSA PCM.
        pcm: String,
        /// What was asked for; `None`: any that is known here.
        wanted: Option<SampleFormat>,
        /// What the card offers.
        offered: Vec<SampleFormat>,
    },
    /// Samples can be handed to it by memory mapping only.
    #[error("ALSA PCM '{pcm}' takes samples by memory mapping only; put `plug:` before its name")]
    Access {
        /// The ALSA PCM.
        pcm: String,
    },
    /// The buffer does not hold two periods.
    #[error(
        "ALSA PCM '{pcm}' offers a buffer of {buffer_frames} frames for periods of {period_frames}; ask for a shorter period"
    )]
    Buffer {
        /// The ALSA PCM.
        pcm: String,
        /// Frames of a period.
        period_frames: usize,
        /// Frames of the buffer.
        buffer_frames: usize,
    },
    /// A control of its mixer cannot be set: it would be played at whatever gain there is.
    #[error("ALSA PCM '{pcm}' is not played on: {error}")]
    Mixer {
        /// The ALSA PCM.
        pcm: String,
        /// Which control, and why.
        error: MixerError,
    },
    /// Any other refusal.
    #[error("ALSA PCM '{pcm}': {what} failed{}: {}", detail(.message), explain(*.errno))]
    Alsa {
        /// The ALSA PCM.
        pcm: String,
        /// What was tried.
        what: &'static str,
        /// The system's error number.
        errno: i32,
        /// What ALSA said.
        message: String,
    },
    /// The name cannot be passed to ALSA.
    #[error("'{0}' cannot be the name of an ALSA PCM: it is empty or contains a zero byte; `aplay -L` lists names")]
    Name(String),
    /// A thread could not be started.
    #[error("could not start the thread '{name}'; the system is out of memory or allows no more threads")]
    Thread {
        /// The name.
        name: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

fn detail(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}

fn held_by(holder: &Option<Holder>) -> String {
    holder.as_ref().map_or_else(String::new, |holder| format!(": held by {holder}"))
}

fn join<T: ToString>(values: &[T]) -> String {
    if values.is_empty() {
        return "none".into();
    }
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn rates(offered_hz: &[u32]) -> String {
    if offered_hz.is_empty() { "no usual rate".into() } else { format!("{} Hz", join(offered_hz)) }
}

fn formats(wanted: Option<SampleFormat>, offered: &[SampleFormat]) -> String {
    match wanted {
        Some(wanted) => format!("{wanted}; it offers {}: set `device_format` to \"auto\"", join(offered)),
        None => format!(
            "{}; put `plug:` before its name, or choose another device",
            SampleFormat::PREFERENCE.map(|format| format.to_string()).join(" or ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_one_line_that_names_the_device() {
        let pcm = || "hw:DAC8x".to_string();
        let holder = Some(Holder { pid: 7, name: "pipewire".into() });
        let errors = [
            OutputError::NotFound { pcm: pcm(), message: String::new() },
            OutputError::Busy { pcm: pcm(), holder },
            OutputError::Permission { pcm: pcm() },
            OutputError::Channels { pcm: pcm(), needed: 6, offered: "2".into() },
            OutputError::Rate { pcm: pcm(), rate_hz: 44_100, offered_hz: vec![48_000, 96_000] },
            OutputError::Format { pcm: pcm(), wanted: Some(SampleFormat::S16), offered: vec![] },
            OutputError::Buffer { pcm: pcm(), period_frames: 512, buffer_frames: 600 },
            OutputError::Alsa { pcm: pcm(), what: "open", errno: 5, message: "x".into() },
            OutputError::Reserved { pcm: pcm(), holder: "JACK".into() },
            OutputError::Access { pcm: pcm() },
            OutputError::Format { pcm: pcm(), wanted: None, offered: vec![] },
        ];
        for error in &errors {
            let text = error.to_string();
            assert!(text.contains("hw:DAC8x") && !text.contains('\n'), "{text}");
        }
        assert!(errors[1].to_string().contains("held by pipewire (pid 7)"));
        assert!(errors[4].to_string().contains("offers 48000, 96000 Hz: choose"));
        assert!(!errors[4].to_string().contains("plug:"), "a plug's resampling is refused as well");
        assert!(errors[5].to_string().contains("offers none: set"));
        assert!(errors[7].to_string().contains("open failed (x): the card does not answer"));
    }
}
