//! Mending what a device description says of its wires, and nothing else in it: comments, order and spelling stay.

use std::ops::Range;

use crate::source::{Complaint, Source};

use super::Device;
use super::file::File;

/// How a driver is wired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// ALSA channel, from 0.
    pub channel: usize,
    /// Whether its polarity is turned over.
    pub is_inverted: bool,
}

/// A description with other wires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The whole text.
    pub text: String,
    /// The lines that change, as people read them; empty where nothing does.
    pub changes: Vec<String>,
}

/// The wires of a description's drivers, in its order.
pub fn wires(device: &Device) -> Vec<Wire> {
    let wire = |driver: &super::device::Driver| Wire { channel: driver.channel, is_inverted: driver.polarity < 0.0 };
    device.drivers.iter().map(wire).collect()
}

/// The description in `source` with these `wires`, one a driver in its order.
///
/// # Errors
/// It is no description; or these wires would make none of it.
pub fn mended(source: &Source, wires: &[Wire]) -> Result<Mended, Complaint> {
    let file: File = source.parse()?;
    let text = source.text();
    let mut edits: Vec<Edit> = Vec::new();
    for (table, wire) in file.driver.iter().zip(wires) {
        let (channel, polarity) = (&table.get_ref().channel, &table.get_ref().polarity);
        if *channel.get_ref() != wire.channel as i64 {
            edits.push(Edit { span: channel.span(), with: wire.channel.to_string(), is_line: false });
        }
        let sign = if wire.is_inverted { "-1" } else { "1" };
        match polarity {
            Some(polarity) if (*polarity.get_ref() < 0) != wire.is_inverted => {
                edits.push(Edit { span: polarity.span(), with: sign.into(), is_line: false });
            }
            None if wire.is_inverted => edits.push(insertion(text, channel.span())),
            _ => {}
        }
    }
    edits.sort_by_key(|edit| edit.span.start);
    let changes = edits.iter().map(|edit| edit.shown(source)).collect();
    let mut mended = text.to_owned();
    edits.iter().rev().for_each(|edit| mended.replace_range(edit.span.clone(), &edit.with));
    let is_meant = Device::from_source(&Source::new(source.path(), mended.clone()))
        .is_ok_and(|device| self::wires(&device) == wires);
    if !is_meant {
        let message = "it cannot be mended as it is written; change channel and polarity of its drivers by hand";
        return Err(Complaint::whole(source.path(), message));
    }
    Ok(Mended { text: mended, changes })
}

/// What stands at `span` becomes `with`.
struct Edit {
    span: Range<usize>,
    with: String,
    /// It is a line of its own.
    is_line: bool,
}

impl Edit {
    fn shown(&self, source: &Source) -> String {
        let text = source.text();
        let start = line_start(text, self.span.start);
        let number = text[..start].matches('\n').count() + 1;
        let path = source.path().display();
        if self.is_line {
            return format!("{path}:{number}: + {}", self.with.trim());
        }
        let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let (before, after) = (&text[start..self.span.start], &text[self.span.end..end]);
        format!(
            "{path}:{number}: {} → {}",
            text[start..end].trim(),
            format_args!("{before}{}{after}", self.with).to_string().trim()
        )
    }
}

/// `polarity = -1` behind a channel: on the next line, or in the same table where that is written in one line.
fn insertion(text: &str, channel: Range<usize>) -> Edit {
    let start = line_start(text, channel.start);
    let before = &text[start..channel.start];
    let key = before.trim_start();
    if !key.trim_start_matches(['"', '\'']).starts_with("channel") {
        return Edit { span: channel.end..channel.end, with: ", polarity = -1".into(), is_line: false };
    }
    let indentation = &before[..before.len() - key.len()];
    let (at, with) = match text[channel.end..].find('\n') {
        Some(length) => {
            let end = channel.end + length;
            let newline = if text[..end].ends_with('\r') { "\r\n" } else { "\n" };
            (end + 1, format!("{indentation}polarity = -1{newline}"))
        }
        None => (text.len(), format!("\n{indentation}polarity = -1")),
    };
    Edit { span: at..at, with, is_line: true }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PAIR: &str = include_str!("../../conf/devices/pair.toml");

    fn wire(channel: usize, is_inverted: bool) -> Wire {
        Wire { channel, is_inverted }
    }

    fn mend(text: &str, wires: &[Wire]) -> Result<Mended, Complaint> {
        mended(&Source::new(Path::new("pair.toml"), text), wires)
    }

    #[test]
    fn only_what_is_wrong_changes() {
        let text = PAIR.replace("channel = 0", "  channel   =  0 # the red wire");
        let right = mend(&text, &[wire(0, false), wire(1, false)]).unwrap();
        assert_eq!(right, Mended { text: text.clone(), changes: Vec::new() });
        let swapped = mend(&text, &[wire(1, true), wire(0, false)]).unwrap();
        let expected = text
            .replace("channel = 1", "channel = 0")
            .replace("=  0 # the red wire\n", "=  1 # the red wire\n  polarity = -1\n");
        assert_eq!(swapped.text, expected);
        let lines = |text: &str, what: &str| text.lines().position(|line| line.contains(what)).unwrap() + 1;
        assert_eq!(
            swapped.changes,
            [
                format!(
                    "pair.toml:{}: channel   =  0 # the red wire → channel   =  1 # the red wire",
                    lines(&text, "red")
                ),
                format!("pair.toml:{}: + polarity = -1", lines(&text, "red") + 1),
                format!("pair.toml:{}: channel = 1 → channel = 0", lines(&text, "channel = 1")),
            ]
        );
        let back = mend(&swapped.text, &[wire(0, false), wire(1, false)]).unwrap();
        assert_eq!(back.text, text.replace("red wire\n", "red wire\n  polarity = 1\n"));
    }

    #[test]
    fn every_way_to_write_a_driver_is_understood() {
        let windows = PAIR.replace('\n', "\r\n");
        let mended = mend(&windows, &[wire(0, true), wire(1, false)]).unwrap().text;
        assert_eq!(mended, windows.replace("channel = 0\r\n", "channel = 0\r\npolarity = -1\r\n"));
        let head = PAIR.split("[[driver]]").next().unwrap().replace("format = 1", "format = 1\nDRIVERS");
        let drivers = |polarity: &str| {
            format!(
                "driver = [{{ name = \"a\", channel = 0{polarity}, position_m = [0, 0.1, 0] }},\n\
                 {{ name = \"b\", channel = 1, position_m = [0, -0.1, 0] }}]"
            )
        };
        let inline = head.replace("DRIVERS", &drivers(""));
        let mended = mend(&inline, &[wire(0, true), wire(1, false)]).unwrap();
        assert_eq!(mended.text, head.replace("DRIVERS", &drivers(", polarity = -1")));
        assert!(mended.changes[0].ends_with("channel = 0, polarity = -1, position_m = [0, 0.1, 0] },"), "{mended:?}");
        // The last line, without an end.
        let last = format!(
            "{}[[driver]]\nname = \"a\"\nposition_m = [0, 0.1, 0]\nchannel = 0",
            head.replace("DRIVERS", "").trim_start()
        );
        assert_eq!(
            mend(&last, &[wire(7, true)]).unwrap().text,
            last.replace("channel = 0", "channel = 7\npolarity = -1")
        );
    }

    #[test]
    fn wires_that_make_no_description_are_refused() {
        let error = mend(PAIR, &[wire(1, false), wire(1, false)]).unwrap_err().to_string();
        assert_eq!(
            error,
            "pair.toml: it cannot be mended as it is written; change channel and polarity of its drivers by hand"
        );
        assert!(mend("format = 1\n", &[]).is_err());
    }
}
