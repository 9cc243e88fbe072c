//! `spatiald --set [KEY=VALUE…]` and `--seat SEAT`: what the running daemon shall change, or what it has.

use super::Failure;
use super::reload::Refused;
use super::report::{note as note_down, print};
use crate::config::Change;
use crate::config::controls::{DEFAULT_WORD, SEAT_KEY, TABLE};
use crate::daemon::Instance;
use crate::daemon::control::status::Status;
use crate::daemon::control::{Reply, Request, ask};
use crate::source::printable;

/// Sets what `changes` say and waits until it is heard; without any, shows all controls.
///
/// # Errors
/// A value that is none, no daemon there, or one that refuses: then nothing has changed.
pub fn run(instance: &Instance, changes: &[String]) -> Result<(), Failure> {
    if changes.is_empty() {
        return show(instance);
    }
    // As a person writes it; what is no change is refused without a daemon, too.
    let changes = changes.iter().map(|change| change.parse::<Change>()).collect::<Result<Vec<_>, _>>()?;
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    match ask(instance, &Request::Set { changes: changes.clone() })? {
        Reply::Switched(done) => {
            if let Some(note) = &done.note {
                note_down(note);
            }
            Ok(print(&format!("{} in {:.0} ms\n", changes.join(", "), done.took_ms))?)
        }
        Reply::Refused { reason, causes } => Err(Refused::new(reason, causes).into()),
        Reply::Status(_) => Err("the daemon answered another question: restart it, it is of another version".into()),
    }
}

/// Moves the seat.
///
/// # Errors
/// As [`run`].
pub fn seat(instance: &Instance, seat: &str) -> Result<(), Failure> {
    run(instance, &[format!("{SEAT_KEY}={seat}")])
}

fn show(instance: &Instance) -> Result<(), Failure> {
    match ask(instance, &Request::Status)? {
        Reply::Status(status) => Ok(print(&table(&status))?),
        Reply::Refused { reason, causes } => Err(Refused::new(reason, causes).into()),
        Reply::Switched(_) => Err("the daemon answered another question: restart it, it is of another version".into()),
    }
}

/// A row for each control, in the table's order, and one for the seat.
fn table(status: &Status) -> String {
    let mut text = String::new();
    for (name, shown) in TABLE.iter().filter_map(|entry| Some((entry.name, status.controls.get(entry.name)?))) {
        let value = format!("{} {}", shown.value, shown.unit);
        let range = format!("{} ({})", shown.range, shown.default);
        text += &format!(
            "{name:<11} {:<9} {:<20} {}\n",
            printable(value.trim_end()),
            printable(range),
            printable(&shown.help)
        );
    }
    let seat = status.seat.as_ref().map_or_else(|| DEFAULT_WORD.to_owned(), ToString::to_string);
    text + &format!("{SEAT_KEY:<11} {:<30} where the listener sits (spatiald --seat)\n", printable(seat))
}
