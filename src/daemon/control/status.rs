//! What `--status` and `--status --json` say: part of what is spoken over the socket.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::controls;
use crate::source::printable;

/// Everything `--status` says. Field names carry their units and are kept from version to version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of this form: 1. Keys may be added to it; one that is taken away or changes its meaning makes it 2.
    #[serde(alias = "format")]
    pub schema: u32,
    /// Of the daemon.
    pub version: String,
    /// Which daemon, where several run.
    pub instance: String,
    /// What it does now.
    pub state: State,
    /// What plays, and why this one; `None`: no profile, so silence.
    pub profile: Option<ProfileStatus>,
    /// What keeps it from playing, and the remedy; empty when all is well.
    pub problems: Vec<String>,
    /// Frames a second, of sink, chain and device alike.
    pub rate_hz: u32,
    /// Frames a cycle of the graph, as last seen.
    pub quantum_frames: u32,
    /// Who sets the graph's pace.
    pub graph: GraphStatus,
    /// What lies between a player's sample and the driver's.
    pub latency: LatencyStatus,
    /// Share of a period the chain took.
    pub dsp_load: Load,
    /// Times the device ran dry.
    pub xruns: u64,
    /// Times the ring ran dry while the sink played.
    pub underruns: u64,
    /// Times frames were thrown away because the ring was full, or to bring the latency back.
    #[serde(default)]
    pub overruns: u64,
    /// Times the device was opened again after it was lost.
    #[serde(default)]
    pub reopens: u64,
    /// Cycles the sink was given.
    pub cycles: u64,
    /// Frames the device was given.
    pub frames: u64,
    /// The card's clock against the system's; `None` until it has been observed for some ten seconds.
    pub drift_ppm: Option<f64>,
    /// What the limiter takes away now, by driver.
    pub gain_reduction_db: BTreeMap<String, f32>,
    /// Scheduling, as read back from the threads themselves.
    pub realtime: Realtime,
    /// The device; `None` while it is closed or gone.
    pub device: Option<DeviceStatus>,
    /// The device asked for.
    pub pcm: String,
    /// What may be set, by name.
    #[serde(default)]
    pub controls: BTreeMap<String, controls::Shown>,
    /// Where the listener is said to sit; `None`: where the profile was designed for.
    #[serde(default)]
    pub seat: Option<SeatStatus>,
}

/// Where the listener is said to sit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeatStatus {
    /// As it was set: a place, or the name of a `[[seat]]`.
    pub set: String,
    /// From the device's axis, positive to the left of who faces it.
    pub azimuth_deg: f64,
    /// From the device's middle; `None`: as the profile was designed.
    pub distance_m: Option<f64>,
}

impl fmt::Display for SeatStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} deg", self.azimuth_deg)?;
        if let Some(distance_m) = self.distance_m {
            write!(f, ", {distance_m} m")?;
        }
        if self.set.starts_with(char::is_alphabetic) { write!(f, " ({})", self.set) } else { Ok(()) }
    }
}

/// What the daemon does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A player is connected, the graph runs.
    Playing,
    /// Nobody plays; the device is held open on silence.
    Idle,
    /// Nobody plays; the device is closed until somebody does (`suspend_seconds`).
    Standby,
    /// Device and sink are coming up.
    Starting,
    /// A thread that carries sound does not move.
    Stalled,
    /// No profile is named: neither the sink nor the device is there.
    NoProfile,
    /// The device cannot be opened, or is gone; it is tried again.
    NoDevice,
    /// PipeWire cannot be reached; it is tried again.
    NoPipewire,
}

/// The profile that plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileStatus {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub folder: String,
    /// Why this one: asked for, remembered, matched, configured.
    pub chosen_by: String,
    /// Drivers in order.
    pub drivers: Vec<String>,
    /// The form its FIR matrix is computed in, and how much of it is multiplied; empty while nothing can play.
    #[serde(default)]
    pub matrix: String,
}

/// Who sets the graph's pace.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GraphStatus {
    /// Our device does; else another one, and its rate is followed.
    pub driving: bool,
    /// By what its rate is followed: its clock against our device's. 0 while ours drives.
    pub correction_ppm: f64,
}

/// Latency by stage, in frames at `rate_hz`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LatencyStatus {
    /// All of it, from the sink's input to the driver: what players are told.
    pub total_frames: usize,
    /// The same, in milliseconds.
    pub total_ms: f64,
    /// Collecting a block.
    pub block_frames: usize,
    /// The upmix beyond that.
    pub upmix_frames: usize,
    /// The filters' modelling delay and the path delays.
    pub filter_frames: usize,
    /// The limiter's look-ahead.
    pub limiter_frames: usize,
    /// The resampler that stands by for another device's clock.
    pub resampler_frames: usize,
    /// Waiting in the ring between sink and device.
    pub ring_frames: usize,
    /// Waiting in the device.
    pub device_frames: usize,
}

/// A share of the time there was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Over the last seconds.
    pub mean: f64,
    /// Of one period, since the start.
    pub max: f64,
}

/// Scheduling of the two threads that must not wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Realtime {
    /// PipeWire's data thread in this process.
    pub data_thread: String,
    /// The thread that writes to the device.
    pub writer_thread: String,
    /// No page of the process is swapped out.
    #[serde(default)]
    pub memory_locked: bool,
}

/// The open device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Sample format, in ALSA's name.
    pub sample_format: String,
    /// Channels as opened.
    pub channels: u32,
    /// Frames a period, as the card granted.
    pub period_frames: u32,
    /// Frames of the whole buffer, as the card granted.
    pub buffer_frames: u32,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Playing => "playing",
            State::Idle => "idle",
            State::Standby => "standby",
            State::Starting => "starting",
            State::Stalled => "stalled",
            State::NoProfile => "silent: no profile",
            State::NoDevice => "waiting for the device",
            State::NoPipewire => "waiting for PipeWire",
        })
    }
}

impl Status {
    /// The graph's quantum and who sets its pace, while it runs.
    fn pace(&self) -> String {
        let quantum_frames = self.quantum_frames;
        match self.state {
            State::Playing if self.graph.driving => format!(", quantum {quantum_frames} frames, paced by the device"),
            State::Playing => format!(
                ", quantum {quantum_frames} frames, paced by another device: followed by {:+.0} ppm",
                self.graph.correction_ppm
            ),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |frames: usize| frames as f64 * 1e3 / f64::from(self.rate_hz.max(1));
        // Names, paths and reasons are of others: no row may write anywhere but in its line.
        let mut row = |name: &str, text: String| writeln!(f, "{name:<11} {}", printable(text));
        row("state", self.state.to_string())?;
        for problem in &self.problems {
            row("problem", problem.clone())?;
        }
        match &self.profile {
            Some(p) => row("profile", format!("{} ({}), {}: {}", p.name, p.chosen_by, p.folder, p.drivers.join(", ")))?,
            None => row("profile", "none".into())?,
        }
        if let Some(matrix) = self.profile.as_ref().map(|p| &p.matrix).filter(|matrix| !matrix.is_empty()) {
            row("matrix", matrix.clone())?;
        }
        let is_set = |control: &&(&String, &controls::Shown)| control.1.value != control.1.default;
        let set: Vec<String> = self
            .controls
            .iter()
            .filter(|control| is_set(&control))
            .map(|(name, shown)| format!("{name} {} {}", shown.value, shown.unit).trim_end().to_owned())
            .collect();
        if !set.is_empty() {
            row("set", set.join(", "))?;
        }
        if let Some(seat) = &self.seat {
            row("seat", seat.to_string())?;
        }
        row(
            "device",
            match &self.device {
                Some(d) => format!(
                    "{}: {} channels of {}, {} frames in periods of {}",
                    self.pcm, d.channels, d.sample_format, d.buffer_frames, d.period_frames
                ),
                None => format!("{}: closed", self.pcm),
            },
        )?;
        if self.state == State::NoProfile {
            // Nothing is open: the rest would be zeros.
            return Ok(());
        }
        row("rate", format!("{} Hz{}", self.rate_hz, self.pace()))?;
        let l = &self.latency;
        row(
            "latency",
            format!(
                "{:.1} ms = block {:.1} + upmix {:.1} + filters {:.1} + limiter {:.1} + resampler {:.1} + ring {:.1} + device {:.1}",
                l.total_ms,
                ms(l.block_frames),
                ms(l.upmix_frames),
                ms(l.filter_frames),
                ms(l.limiter_frames),
                ms(l.resampler_frames),
                ms(l.ring_frames),
                ms(l.device_frames)
            ),
        )?;
        row(
            "load",
            format!("{:.1} % of a period, at most {:.1} %", 100.0 * self.dsp_load.mean, 100.0 * self.dsp_load.max),
        )?;
        row(
            "xruns",
            format!(
                "{} (ring dry {} times, full {} times) over {} frames",
                self.xruns, self.underruns, self.overruns, self.frames
            ),
        )?;
        if self.reopens > 0 {
            row("reopened", format!("{} times: the device was lost", self.reopens))?;
        }
        if let Some(ppm) = self.drift_ppm {
            // Adding 0 makes −0 a +0.
            row("drift", format!("{:+.0} ppm, card against system", ppm.round() + 0.0))?;
        }
        match self.gain_reduction_db.iter().max_by(|a, b| a.1.total_cmp(b.1)) {
            Some((name, db)) if *db >= 0.05 => row("limiter", format!("takes {db:.1} dB (most: {name})"))?,
            Some(_) => row("limiter", "takes nothing".into())?,
            None => {}
        }
        row(
            "real time",
            format!(
                "graph thread {}, device thread {}, memory {}",
                self.realtime.data_thread,
                self.realtime.writer_thread,
                if self.realtime.memory_locked { "locked" } else { "not locked" }
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_stay_in_their_row() {
        let evil = || "a\u{1b}]0;x\u{7}\nstate       playing\u{9b}2J\u{202e}".to_owned();
        let profile = ProfileStatus {
            name: evil(),
            folder: evil(),
            chosen_by: evil(),
            drivers: vec![evil(), evil()],
            matrix: evil(),
        };
        let status = Status {
            schema: 1,
            version: "0".into(),
            instance: "default".into(),
            state: State::Idle,
            profile: Some(profile),
            problems: vec![evil()],
            rate_hz: 48000,
            quantum_frames: 0,
            graph: GraphStatus::default(),
            latency: LatencyStatus::default(),
            dsp_load: Load { mean: 0.0, max: 0.0 },
            xruns: 0,
            underruns: 0,
            overruns: 0,
            reopens: 1,
            cycles: 0,
            frames: 0,
            drift_ppm: Some(0.0),
            gain_reduction_db: BTreeMap::from([(evil(), 3.0)]),
            realtime: Realtime { data_thread: evil(), writer_thread: evil(), memory_locked: false },
            device: None,
            pcm: evil(),
            controls: BTreeMap::from([(
                evil(),
                controls::Shown { value: evil(), unit: evil(), range: evil(), default: String::new(), help: evil() },
            )]),
            seat: Some(SeatStatus { set: evil(), azimuth_deg: 1.0, distance_m: None }),
        };
        let text = status.to_string();
        let rows: Vec<_> = text.lines().collect();
        assert_eq!(rows.iter().filter(|row| row.starts_with("state")).count(), 1);
        assert!(rows.iter().all(|row| printable(row).to_string() == **row), "{text:?}");
        assert_eq!(rows.len(), 15, "{text}");
    }
}
