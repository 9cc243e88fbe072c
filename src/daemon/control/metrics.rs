//! The status as OpenMetrics text, version 1.0.0 of <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
//!
//! Only counters and gauges, so that the node exporter's textfile collector, which knows Prometheus' older types alone,
//! reads it as well.

use std::fmt::{Display, Write};

use super::status::{State, Status};
use crate::source::printable;

/// All states, for a metric that has a line for each.
const STATES: [State; 8] = [
    State::Playing,
    State::Idle,
    State::Standby,
    State::Starting,
    State::Stalled,
    State::NoProfile,
    State::NoDevice,
    State::NoPipewire,
];

/// The figures of `status`, each labeled with its daemon (the instance: Prometheus has a label of that name), in base units (seconds, ratios); ends with `# EOF`.
pub fn open_metrics(status: &Status) -> String {
    let mut text = Text { text: String::new(), instance: &status.instance };
    let (name, folder) = status.profile.as_ref().map_or(("", ""), |profile| (&profile.name, &profile.folder));
    let info = [("version", status.version.as_str()), ("profile", name), ("folder", folder), ("pcm", &status.pcm)];
    text.family("gauge", "build", "info", "Version, profile and device; always 1.", &[(&info, 1.0)]);
    let words = STATES.map(|state| (word(state), f64::from(u8::from(state == status.state))));
    text.by("gauge", "state", "", "What the daemon does: 1 for the state it is in.", "state", &words);
    text.gauge("problems", "", "What keeps it from playing; --status says what.", status.problems.len() as f64);
    text.gauge("device_open", "", "1 while the device is open.", f64::from(u8::from(status.device.is_some())));
    text.gauge("sample_rate", "hertz", "Rate of sink, chain and device.", status.rate_hz.into());
    text.gauge("quantum", "frames", "Frames a cycle of the graph.", status.quantum_frames.into());
    text.gauge("graph_driving", "", "1 while the device paces the graph.", f64::from(u8::from(status.graph.driving)));
    text.gauge(
        "graph_correction",
        "ratio",
        "By what another device's rate is followed.",
        ppm(status.graph.correction_ppm),
    );
    if let Some(drift_ppm) = status.drift_ppm {
        text.gauge("drift", "ratio", "The card's clock against the system's, less 1.", ppm(drift_ppm));
    }
    let latency = &status.latency;
    if status.rate_hz > 0 {
        let seconds = |frames: usize| frames as f64 / f64::from(status.rate_hz);
        text.gauge("latency", "seconds", "From the sink's input to the driver.", seconds(latency.total_frames));
        let stages = [
            ("block", latency.block_frames),
            ("upmix", latency.upmix_frames),
            ("filters", latency.filter_frames),
            ("limiter", latency.limiter_frames),
            ("resampler", latency.resampler_frames),
            ("ring", latency.ring_frames),
            ("device", latency.device_frames),
        ]
        .map(|(stage, frames)| (stage, seconds(frames)));
        text.by("gauge", "stage_latency", "seconds", "The part of each stage in the latency.", "stage", &stages);
    }
    text.gauge("dsp_load_mean", "ratio", "Share of a period the chain takes.", status.dsp_load.mean);
    text.gauge("dsp_load_max", "ratio", "Largest share of a period since the start.", status.dsp_load.max);
    text.counter("xruns", "", "Times the device ran dry.", status.xruns);
    text.counter("ring_underruns", "", "Times the ring ran dry while the sink played.", status.underruns);
    text.counter("ring_overruns", "", "Times frames were dropped from a ring too full.", status.overruns);
    text.counter("device_reopens", "", "Times a lost device was opened again.", status.reopens);
    text.counter("graph_cycles", "", "Cycles the sink was given.", status.cycles);
    text.counter("device_frames", "frames", "Frames the device was given.", status.frames);
    let reductions: Vec<_> =
        status.gain_reduction_db.iter().map(|(name, db)| (name.as_str(), f64::from(*db))).collect();
    if !reductions.is_empty() {
        text.by("gauge", "gain_reduction", "decibels", "What the limiter takes away now.", "driver", &reductions);
    }
    let threads = [("graph", &status.realtime.data_thread), ("device", &status.realtime.writer_thread)];
    let granted = threads.map(|(thread, scheduling)| {
        let real_time = scheduling.starts_with("FIFO") || scheduling.starts_with("round robin");
        (thread, f64::from(u8::from(real_time)))
    });
    text.by("gauge", "realtime", "", "1 where real-time scheduling was granted.", "thread", &granted);
    let locked = f64::from(u8::from(status.realtime.memory_locked));
    text.gauge("memory_locked", "", "1 where the daemon's memory is never swapped out.", locked);
    text.text + "# EOF\n"
}

fn ppm(value: f64) -> f64 {
    value * 1e-6
}

/// As JSON has it.
fn word(state: State) -> &'static str {
    match state {
        State::Playing => "playing",
        State::Idle => "idle",
        State::Standby => "standby",
        State::Starting => "starting",
        State::Stalled => "stalled",
        State::NoProfile => "no-profile",
        State::NoDevice => "no-device",
        State::NoPipewire => "no-pipewire",
    }
}

struct Text<'a> {
    text: String,
    instance: &'a str,
}

impl Text<'_> {
    fn gauge(&mut self, name: &str, unit: &str, help: &str, value: f64) {
        self.family("gauge", name, unit, help, &[(&[], value)]);
    }

    fn counter(&mut self, name: &str, unit: &str, help: &str, value: u64) {
        // Exact to 2^53: at 192 kHz, a count of frames gets there in 1500 years.
        self.family("counter", name, unit, help, &[(&[], value as f64)]);
    }

    /// A sample for each value of one label.
    fn by(&mut self, kind: &str, name: &str, unit: &str, help: &str, label: &str, values: &[(&str, f64)]) {
        let labels: Vec<_> = values.iter().map(|(of, value)| ([(label, *of)], *value)).collect();
        let samples: Vec<_> = labels.iter().map(|(labels, value)| (&labels[..], *value)).collect();
        self.family(kind, name, unit, help, &samples);
    }

    /// A metric family: what it is, then a sample a line. A name ends with its unit, a counter's samples in `_total`.
    fn family(&mut self, kind: &str, name: &str, unit: &str, help: &str, samples: &[(&[(&str, &str)], f64)]) {
        let name = match unit {
            "" => format!("spatiald_{name}"),
            unit => format!("spatiald_{}_{unit}", name.strip_suffix(&format!("_{unit}")).unwrap_or(name)),
        };
        self.line(format_args!("# TYPE {name} {kind}"));
        // `info` is the suffix of a name by custom, and no unit.
        if !matches!(unit, "" | "info") {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        self.line(format_args!("# HELP {name} {help}"));
        let total = if kind == "counter" { "_total" } else { "" };
        for (labels, value) in samples {
            let mut line = format!("{name}{total}{{daemon=\"{}\"", quoted(self.instance));
            for (label, of) in *labels {
                // Writing to a String cannot fail.
                let _ = write!(line, ",{label}=\"{}\"", quoted(of));
            }
            self.line(format_args!("{line}}} {value}"));
        }
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// A label's value: what would move a terminal written out, then quotes and backslashes escaped.
fn quoted(text: &str) -> String {
    printable(text).to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
