//! `spatiald --seat SEAT`: where the listener sits; `--seat tune` finds it by ear, on a terminal.

use std::io::{self, IsTerminal, Read, Write};
use std::process::{Child, Command, Stdio};

use nix::sys::termios::{self, SetArg, SpecialCharacterIndices, Termios};

use super::report::{note, print};
use super::{Failure, asked, set};
use crate::audio_file::WavWriter;
use crate::config::controls::{DEFAULT_WORD, SEAT_KEY};
use crate::config::{MAX_AZIMUTH_DEG, MAX_DISTANCE_M, Seat};
use crate::daemon::Instance;
use crate::daemon::control::Request;
use crate::dsp::burst::burst;

/// What a press of an arrow key moves.
const STEP_DEG: f64 = 0.5;
const STEP_M: f64 = 0.1;
/// The distance that is moved from where nobody has said one: that of a description that says none.
const USUAL_M: f64 = 2.0;
const NEAREST_M: f64 = 0.2;

/// The word for [`tune`].
const TUNE: &str = "tune";
/// What is printed before it begins.
const HOW: &str = "A sound from the left and one from the right, in turn. Turn to the device, and move the seat until each comes\n\
                   from as far aside as it gets: left and right arrows by half a degree, up and down by 10 cm.\n\
                   Enter keeps the seat, Escape goes back.\n";

/// Moves the seat to `seat`: a place, the name of one, `reset`, or `tune`.
///
/// # Errors
/// No place, no daemon there, or one that refuses: then nothing has changed.
pub fn run(instance: &Instance, seat: &str) -> Result<(), Failure> {
    if seat == TUNE { tune(instance) } else { set::run(instance, &[format!("{SEAT_KEY}={seat}")]) }
}

/// Finds the seat by ear.
///
/// # Errors
/// No terminal, no daemon, or one that refuses.
fn tune(instance: &Instance) -> Result<(), Failure> {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err("--seat tune needs a terminal; give the place as --seat AZIMUTH_DEG[,DISTANCE_M]".into());
    }
    let status = asked::status(instance)?;
    let before = status.seat.as_ref().map_or_else(|| DEFAULT_WORD.to_owned(), |seat| seat.set.clone());
    let mut seat = match &status.seat {
        Some(seat) => Seat { azimuth_deg: seat.azimuth_deg, distance_m: seat.distance_m },
        None => Seat { azimuth_deg: 0.0, distance_m: None },
    };
    if status.controls.get("bypass").is_some_and(|bypass| bypass.value == "on") {
        note("bypass is on: there is no image to find; spatiald --set bypass=off");
    }
    print(HOW)?;
    let _player = Player::start(&instance.node_name());
    let terminal = Raw::enter()?;
    let mut drawn = None;
    loop {
        if drawn != Some(seat) {
            print(&format!("\r\x1b[Kseat {}", shown(seat)))?;
            drawn = Some(seat);
        }
        match key(&mut io::stdin())? {
            Some(Key::Move(azimuth_deg, distance_m)) => {
                let moved = moved(seat, azimuth_deg, distance_m);
                match send(instance, &moved.to_string()) {
                    Ok(()) => seat = moved,
                    Err(refused) => {
                        print(&format!("\r\x1b[K{refused}\r\n"))?;
                        drawn = None;
                    }
                }
            }
            Some(Key::Keep) => {
                // It is where it was moved to last.
                drop(terminal);
                return Ok(print("\n")?);
            }
            Some(Key::Back) => {
                drop(terminal);
                print("\n")?;
                return send(instance, &before);
            }
            None => {}
        }
    }
}

fn send(instance: &Instance, seat: &str) -> Result<(), Failure> {
    asked::switched(instance, &Request::Set { changes: vec![format!("{SEAT_KEY}={seat}")] }).map(drop)
}

fn shown(seat: Seat) -> String {
    let distance = seat.distance_m.map_or_else(|| "as designed".into(), |distance_m| format!("{distance_m:.1} m"));
    format!("{:+.1} deg, {distance}", seat.azimuth_deg)
}

/// The seat some steps farther, within its bounds.
fn moved(seat: Seat, steps_aside: i32, steps_away: i32) -> Seat {
    let rounded = |value: f64, step: f64| (value / step).round() * step;
    let azimuth = rounded(seat.azimuth_deg + STEP_DEG * f64::from(steps_aside), STEP_DEG);
    let distance = (steps_away != 0)
        .then(|| rounded(seat.distance_m.unwrap_or(USUAL_M) + STEP_M * f64::from(steps_away), STEP_M))
        // Ten times a tenth is not one: what is shown is what is set.
        .map(|distance| ((10.0 * distance).round() / 10.0).clamp(NEAREST_M, MAX_DISTANCE_M));
    Seat {
        azimuth_deg: azimuth.clamp(-MAX_AZIMUTH_DEG, MAX_AZIMUTH_DEG) + 0.0,
        distance_m: distance.or(seat.distance_m),
    }
}

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Steps to the left of who faces the device, and away from it.
    Move(i32, i32),
    Keep,
    Back,
}

/// The next key; `None`: one that means nothing, or none for a while.
fn key(input: &mut impl Read) -> io::Result<Option<Key>> {
    let mut next = || -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((input.read(&mut byte)? == 1).then_some(byte[0]))
    };
    Ok(match next()? {
        Some(b'\r' | b'\n') => Some(Key::Keep),
        // End of transmission and what an interrupt would be.
        Some(0x03 | 0x04 | b'q') => Some(Key::Back),
        Some(0x1b) => match (next()?, next()?) {
            (None, _) => Some(Key::Back),
            (Some(b'[' | b'O'), Some(b'A')) => Some(Key::Move(0, 1)),
            (Some(b'[' | b'O'), Some(b'B')) => Some(Key::Move(0, -1)),
            (Some(b'[' | b'O'), Some(b'C')) => Some(Key::Move(-1, 0)),
            (Some(b'[' | b'O'), Some(b'D')) => Some(Key::Move(1, 0)),
            _ => None,
        },
        _ => None,
    })
}

/// A terminal that gives keys as they are pressed, until it is dropped.
struct Raw(Termios);

impl Raw {
    fn enter() -> nix::Result<Raw> {
        let before = termios::tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        // A read ends after a tenth of a second: so Escape is told from the arrows, which begin with it.
        raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 0;
        raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 1;
        termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &raw)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no order.
        let _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

/// PipeWire's own player of a file, into the sink; ended when it is dropped.
struct Player {
    child: Child,
    _file: tempfile::NamedTempFile,
}

impl Player {
    /// `None` where it cannot be run: then whatever plays is listened to.
    fn start(sink: &str) -> Option<Player> {
        let started = sound_file().and_then(|file| {
            let mut command = Command::new("pw-cat");
            command.args(["--playback", "--target", sink]).arg(file.path());
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            Ok(Player { child, _file: file })
        });
        started.map_err(|error| note(&format!("pw-cat plays nothing ({error}): play something with wide sides"))).ok()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const RATE_HZ: u32 = 48_000;
/// A sound, and the pause after it.
const SOUND_FRAMES: usize = 28_800;
const PAUSE_FRAMES: usize = 9_600;
/// Left and right in turn, for longer than anybody listens.
const ROUNDS: usize = 240;

/// Left and right in turn, as a file.
fn sound_file() -> io::Result<tempfile::NamedTempFile> {
    let file = tempfile::Builder::new().prefix("spatiald-").suffix(".wav").tempfile()?;
    let mut writer = WavWriter::new(io::BufWriter::new(file.as_file().try_clone()?), 2, RATE_HZ)?;
    let sound = sound();
    let silence = vec![0.0; sound.len()];
    let (left, right) = ([sound.clone(), silence.clone()], [silence, sound]);
    for _ in 0..ROUNDS {
        writer.write(&left, 0..left[0].len())?;
        writer.write(&right, 0..right[0].len())?;
    }
    writer.finish()?.0.flush()?;
    Ok(file)
}

/// A burst in the octaves where cancellation works, and the pause after it.
fn sound() -> Vec<f32> {
    let mut signal = burst([700.0, 4000.0], RATE_HZ, SOUND_FRAMES, 0.1);
    signal.resize(SOUND_FRAMES + PAUSE_FRAMES, 0.0);
    signal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_and_move_the_seat_by_their_steps() {
        let keys = |bytes: &[u8]| key(&mut &bytes[..]).unwrap();
        assert_eq!(keys(b"\x1b[D"), Some(Key::Move(1, 0)), "to the left of who faces the device");
        assert_eq!(keys(b"\x1bOA"), Some(Key::Move(0, 1)));
        assert_eq!([keys(b"\r"), keys(b"\x1b"), keys(b"x"), keys(b"")], [Some(Key::Keep), Some(Key::Back), None, None]);
        let start = Seat { azimuth_deg: 0.0, distance_m: None };
        assert_eq!(moved(start, 1, 0), Seat { azimuth_deg: 0.5, distance_m: None });
        let mut seat = start;
        (0..100).for_each(|_| seat = moved(seat, -1, -1));
        assert_eq!(seat.to_string(), "-30,0.2");
        (0..7).for_each(|_| seat = moved(seat, 1, 1));
        assert_eq!(seat.to_string(), "-26.5,0.9");
    }

    #[test]
    fn the_sound_is_one_side_s_at_a_time() {
        let file = sound_file().unwrap();
        let mut reader = hound::WavReader::open(file.path()).unwrap();
        let samples: Vec<f32> =
            reader.samples::<f32>().take(4 * (SOUND_FRAMES + PAUSE_FRAMES)).map(Result::unwrap).collect();
        assert!(samples.chunks_exact(2).all(|frame| frame[0] == 0.0 || frame[1] == 0.0));
        assert!(samples.iter().all(|v| v.abs() <= 0.1) && samples.iter().any(|v| v.abs() > 0.05));
    }
}
