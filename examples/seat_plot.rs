//! Draws the cancellation over the listener's azimuth, with a profile as it was designed and turned to a seat, and prints
//! the table of seats of `docs/listening.md`.
//!
//! `cargo run --release --example seat_plot docs/listening`

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use spatiald::acoustics::Listener;
use spatiald::config::Seat;
use spatiald::config::controls::Controls;
use spatiald::controls::{Aim, chain_spec};
use spatiald::design::seat::at;
use spatiald::design::{Device, FilterSet, design, folder};
use spatiald::profile::Profile;

const DEVICES: [&str; 3] = ["pair-wide", "cylinder-wide", "bar-wide"];
const SEATS: [&str; 8] = ["0,2", "5,2", "10,2", "20,2", "0,1", "0,1.5", "0,3", "10,3"];
/// The seat of the plot, and how far beside it the listener may be, degrees.
const PLOTTED_DEG: f64 = 10.0;
const REACH_DEG: i32 = 20;
const COLORS: [&str; 3] = ["#1b6ca8", "#c1440e", "#3a7d44"];
const OCTAVES: [(usize, &str); 3] = [(2, "1 kHz"), (3, "2 kHz"), (4, "4 kHz")];

fn main() -> Result<(), Box<dyn Error>> {
    let Some(folder) = std::env::args().nth(1) else { return Err("usage: seat_plot FOLDER".into()) };
    let profiles: Vec<(Device, Profile)> = DEVICES.into_iter().map(designed).collect::<Result<_, _>>()?;
    for place in SEATS {
        let seat: Seat = place.parse()?;
        let mut row = format!("| {}°, {} m |", seat.azimuth_deg, seat.distance_m.unwrap_or(2.0));
        for (device, profile) in &profiles {
            let aim = Aim::new(device.clone(), seat)?;
            let plain = FilterSet::from_chain_spec(&profile.chain_spec());
            for set in [plain, turned(profile, &aim)?] {
                let [a, b, c] = xtc_db(device, &set, &aim.listener());
                write!(row, " {a:.0}/{b:.0}/{c:.0} |")?;
            }
        }
        println!("{row}");
    }
    let (device, profile) = &profiles[1];
    let aim = Aim::new(device.clone(), Seat { azimuth_deg: PLOTTED_DEG, distance_m: Some(2.0) })?;
    let sets = [FilterSet::from_chain_spec(&profile.chain_spec()), turned(profile, &aim)?];
    std::fs::create_dir_all(&folder)?;
    std::fs::write(Path::new(&folder).join("seat.svg"), plot(device, &sets)?)?;
    Ok(())
}

/// A profile of cancellation alone.
fn designed(name: &str) -> Result<(Device, Profile), Box<dyn Error>> {
    let mut device = Device::load(&Path::new("conf/devices").join(format!("{name}.toml")))?;
    device.virtual_angle_deg = None;
    let profile = folder::profile(&device, &design(&device, &|_| ()))?;
    Ok((device, profile))
}

fn turned(profile: &Profile, aim: &Aim) -> Result<FilterSet, Box<dyn Error>> {
    Ok(FilterSet::from_chain_spec(&chain_spec(profile, Some(aim), &Controls::default())?))
}

fn xtc_db(device: &Device, set: &FilterSet, listener: &Listener) -> [f64; 3] {
    let figures = at(device, set, listener);
    OCTAVES.map(|(octave, _)| figures.xtc_db[octave])
}

/// XTC over azimuth: dashed as it was designed, drawn through turned.
fn plot(device: &Device, sets: &[FilterSet; 2]) -> Result<String, Box<dyn Error>> {
    let x = |azimuth_deg: f64| 60.0 + 640.0 * (azimuth_deg + f64::from(REACH_DEG)) / f64::from(2 * REACH_DEG);
    let y = |db: f64| 340.0 - 300.0 * (db + 5.0) / 30.0;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 400\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"720\" height=\"400\" fill=\"white\"/>\n",
    );
    writeln!(
        svg,
        "<text x=\"60\" y=\"24\">XTC in dB of {} without the virtual pair at 2 m: dashed as designed, solid turned to {PLOTTED_DEG}°</text>",
        device.name
    )?;
    for db in (-5..=25).step_by(5) {
        let at = y(f64::from(db));
        writeln!(svg, "<path d=\"M60 {at:.1}H700\" stroke=\"#ddd\"/><text x=\"32\" y=\"{:.1}\">{db}</text>", at + 4.0)?;
    }
    for azimuth in (-REACH_DEG..=REACH_DEG).step_by(5) {
        let at = x(f64::from(azimuth));
        writeln!(
            svg,
            "<path d=\"M{at:.1} 40V340\" stroke=\"#eee\"/><text x=\"{:.1}\" y=\"358\">{azimuth}°</text>",
            at - 8.0
        )?;
    }
    writeln!(svg, "<text x=\"250\" y=\"380\">where the listener sits, positive to the left of who faces it</text>")?;
    for (set, dash) in sets.iter().zip(["4 4", "none"]) {
        let mut lines = [String::new(), String::new(), String::new()];
        for azimuth_deg in (-2 * REACH_DEG..=2 * REACH_DEG).map(|half| 0.5 * f64::from(half)) {
            let seat = Aim::new(device.clone(), Seat { azimuth_deg, distance_m: Some(2.0) })?;
            for (line, db) in lines.iter_mut().zip(xtc_db(device, set, &seat.listener())) {
                write!(line, "{}{:.1} {:.1}", if line.is_empty() { "M" } else { "L" }, x(azimuth_deg), y(db))?;
            }
        }
        for (line, color) in lines.iter().zip(COLORS) {
            writeln!(
                svg,
                "<path d=\"{line}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" stroke-dasharray=\"{dash}\"/>"
            )?;
        }
    }
    for (index, ((_, name), color)) in OCTAVES.iter().zip(COLORS).enumerate() {
        writeln!(svg, "<text x=\"{}\" y=\"54\" fill=\"{color}\">{name}</text>", 70 + 60 * index)?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}
