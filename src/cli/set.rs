//! `spatiald --set [KEY=VALUE…]`: what the running daemon shall change, or what it has.

use super::report::{note as note_down, print};
use super::{Failure, asked};
use crate::config::Change;
use crate::config::controls::{DEFAULT_WORD, SEAT_KEY, TABLE};
use crate::daemon::Instance;
use crate::daemon::control::Request;
use crate::daemon::control::status::Status;
use crate::source::printable;

/// Sets what `changes` say and waits until it is heard; without any, shows all controls.
///
/// # Errors
/// A value that is none, no daemon there, or one that refuses: then nothing has changed.
pub fn run(instance: &Instance, changes: &[String]) -> Result<(), Failure> {
    if changes.is_empty() {
        return Ok(print(&table(&asked::status(instance)?))?);
    }
    // As a person writes it; what is no change is refused without a daemon, too.
    let changes = changes.iter().map(|change| change.parse::<Change>()).collect::<Result<Vec<_>, _>>()?;
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let done = asked::switched(instance, &Request::Set { changes: changes.clone() })?;
    if let Some(note) = &done.note {
        note_down(note);
    }
    Ok(print(&format!("{} in {:.0} ms\n", changes.join(", "), done.took_ms))?)
}

/// A row for each control, in the table's order, and one for the seat.
fn table(status: &Status) -> String {
    let row = |name: &str, value: &str, range: &str, help: &str| {
        let [value, range] = [value, range].map(|text| printable(text.trim_end()).to_string());
        format!("{name:<10}  {value:<9}  {range:<22}  {}\n", printable(help))
    };
    let shown = TABLE.iter().filter_map(|entry| Some((entry.name, status.controls.get(entry.name)?)));
    let mut text: String = shown
        .map(|(name, shown)| {
            let value = format!("{} {}", shown.value, shown.unit);
            row(name, &value, &format!("{} ({})", shown.range, shown.default), &shown.help)
        })
        .collect();
    let seat = status.seat.as_ref().map_or_else(|| DEFAULT_WORD.to_owned(), ToString::to_string);
    text += &row(SEAT_KEY, &seat, "", "where the listener sits: spatiald --seat");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::controls::{Controls, Shown};

    #[test]
    fn every_control_has_its_row_in_columns() {
        let controls = Controls::default();
        let shown = controls.shown().map(|(entry, value)| (entry.name.to_owned(), Shown::new(entry, value)));
        let status = serde_json::json!({
            "schema": 1, "version": "0", "instance": "default", "state": "idle", "profile": null, "problems": [],
            "rate_hz": 48000, "quantum_frames": 0, "graph": { "driving": true, "correction_ppm": 0.0 },
            "latency": serde_json::to_value(crate::daemon::control::status::LatencyStatus::default()).unwrap(),
            "dsp_load": { "mean": 0.0, "max": 0.0 }, "xruns": 0, "underruns": 0, "cycles": 0, "frames": 0,
            "drift_ppm": null, "gain_reduction_db": {}, "realtime": { "data_thread": "", "writer_thread": "" },
            "device": null, "pcm": "hw:0",
        });
        // As a daemon without controls says it.
        let status: Status = serde_json::from_value(status).unwrap();
        assert_eq!(table(&status).lines().count(), 1);
        let status = Status { controls: shown.collect(), ..status };
        let text = table(&status);
        assert_eq!(text.lines().count(), TABLE.len() + 1);
        let center = text.lines().find(|line| line.starts_with("center_db")).unwrap();
        assert!(center.starts_with("center_db   0 dB       -9 to 9 dB (0)          voices"), "{center}");
    }
}
