//! Draws what a device's design does, as SVG: cancellation and effort over frequency, the beam's polar plot.
//!
//! `cargo run --release --example design_plots conf/devices/cylinder.toml docs/designing`

use std::error::Error;
use std::f64::consts::FRAC_PI_2;
use std::fmt::Write as _;
use std::path::Path;

use spatiald::acoustics::Listener;
use spatiald::design::Mode;
use spatiald::design::curve::Curve;
use spatiald::design::evaluate::ears::{EarGrid, ideal};
use spatiald::design::fir::Bins;
use spatiald::design::{Design, Device, design, targets};

const BINS: Bins = Bins { length: 16_384, sample_rate_hz: 48_000.0 };
const COLORS: [&str; 4] = ["#1b6ca8", "#c1440e", "#3a7d44", "#7b4b94"];

/// (x, y) in plot units.
type Points = Vec<(f64, f64)>;

/// One line of a plot.
struct Line {
    name: String,
    points: Points,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [device, folder] = arguments.as_slice() else { return Err("usage: design_plots DEVICE.toml FOLDER".into()) };
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let mut device = Device::load(Path::new(device))?;
    device.virtual_angle_deg = None;
    let (mut cancellation, mut efforts) = (Vec::new(), Vec::new());
    let mut beam = None;
    for mode in [Mode::Balanced, Mode::Wide] {
        device.crosstalk.effort_db = targets::effort(mode, false);
        device.crosstalk.power_db = targets::power(mode, false);
        let made = design(&device, &|_| ());
        let (xtc, effort) = curves(&device, &made);
        cancellation.push(Line { name: mode.word().to_owned(), points: xtc });
        efforts.push(Line { name: mode.word().to_owned(), points: effort });
        beam = beam.or(Some(made.figures.beam));
    }
    let limit = targets::cancellation();
    cancellation.push(Line { name: "target (averaged over the window)".to_owned(), points: sampled(&limit) });
    let title = format!("{}, cancellation alone, sixth-octave means", device.name);
    std::fs::write(
        folder.join("cancellation.svg"),
        over_frequency(&format!("XTC, dB: {title}"), 40.0, &cancellation)?,
    )?;
    std::fs::write(folder.join("effort.svg"), over_frequency(&format!("Effort, dB: {title}"), 15.0, &efforts)?)?;
    if let Some(beam) = beam {
        let lines: Vec<Line> = (1..5)
            .map(|octave| Line {
                name: format!("{:.0} Hz", 125.0 * 2f64.powi(octave + 1)),
                points: beam
                    .azimuths_deg
                    .iter()
                    .zip(&beam.polar_db)
                    .map(|(a, row)| (*a, row[octave as usize]))
                    .collect(),
            })
            .collect();
        std::fs::write(
            folder.join("beam.svg"),
            polar(&format!("{}: the center, dB re on axis", device.name), &lines)?,
        )?;
    }
    Ok(())
}

fn sampled(curve: &Curve) -> Points {
    (0..60).map(|i| 125.0 * 80f64.powf(f64::from(i) / 59.0)).map(|f| (f, curve.at(f))).collect()
}

/// XTC and effort of the left program over frequency.
fn curves(device: &Device, made: &Design) -> (Points, Points) {
    let filters = &made.filters.responses(BINS)[0];
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    let [near, far] = EarGrid::new(&device.drivers, &device.listener.head, &listener, BINS).both(filters);
    let omni = &ideal(BINS, &device.listener.head, 0.0, device.listener.distance_m)[0];
    let centers = (0..=76).map(|i| 125.0 * 2f64.powf(f64::from(i) / 12.0)).filter(|f| *f < 10_500.0);
    let step = BINS.frequency_hz(1);
    centers
        .map(|f| {
            let band = (f / 2f64.powf(1.0 / 12.0) / step) as usize..(f * 2f64.powf(1.0 / 12.0) / step) as usize + 1;
            let sum = |of: &dyn Fn(usize) -> f64| band.clone().map(of).sum::<f64>();
            let (ipsi, contra) = (sum(&|b| near[b].norm_sqr()), sum(&|b| far[b].norm_sqr()));
            let driven = |b: usize| filters.iter().map(|h| h[b].norm_sqr()).sum::<f64>();
            let effort = sum(&|b| driven(b) * omni[b].norm_sqr() / near[b].norm_sqr()) / band.len() as f64;
            ((f, 10.0 * (ipsi / contra).log10()), (f, 10.0 * effort.log10()))
        })
        .unzip()
}

/// A frame of 640 × 360 with a logarithmic frequency axis, 125 Hz to 10 kHz.
fn over_frequency(title: &str, top_db: f64, lines: &[Line]) -> Result<String, std::fmt::Error> {
    let x = |f: f64| 50.0 + 570.0 * (f / 125.0).log2() / 80f64.log2();
    let y = |db: f64| 320.0 - 280.0 * (db.clamp(-5.0, top_db) + 5.0) / (top_db + 5.0);
    let mut svg = frame(640, 360, title)?;
    for octave in 0..7 {
        let f = 125.0 * 2f64.powi(octave);
        grid(&mut svg, x(f), 40.0, x(f), 320.0)?;
        writeln!(svg, r#"<text x="{:.0}" y="336" text-anchor="middle">{f:.0} Hz</text>"#, x(f))?;
    }
    for db in (-1..=(top_db / 5.0) as i32).map(|i| 5.0 * f64::from(i)) {
        grid(&mut svg, 50.0, y(db), 620.0, y(db))?;
        writeln!(svg, r#"<text x="44" y="{:.0}" text-anchor="end">{db:.0}</text>"#, y(db) + 4.0)?;
    }
    let placed = |(f, db): &(f64, f64)| (x(*f), y(*db));
    draw(&mut svg, lines, placed, 70, "polyline")?;
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// The front is up, the listener's left is left; rings every 6 dB down to −30.
fn polar(title: &str, lines: &[Line]) -> Result<String, std::fmt::Error> {
    let radius = |db: f64| 160.0 * (db.clamp(-30.0, 0.0) + 30.0) / 30.0;
    let mut svg = frame(480, 400, title)?;
    for db in [0.0, -6.0, -12.0, -18.0, -24.0] {
        writeln!(svg, r##"<circle cx="200" cy="215" r="{:.0}" fill="none" stroke="#ccc"/>"##, radius(db))?;
        writeln!(svg, r#"<text x="204" y="{:.0}">{db:.0}</text>"#, 215.0 - radius(db) - 2.0)?;
    }
    for diagonal in [45.0f64, 90.0, 135.0, 180.0] {
        let (sin, cos) = diagonal.to_radians().sin_cos();
        grid(&mut svg, 200.0 - 160.0 * sin, 215.0 - 160.0 * cos, 200.0 + 160.0 * sin, 215.0 + 160.0 * cos)?;
    }
    let placed = |(azimuth, db): &(f64, f64)| {
        let angle = FRAC_PI_2 + azimuth.to_radians();
        (200.0 + radius(*db) * angle.cos(), 215.0 - radius(*db) * angle.sin())
    };
    draw(&mut svg, lines, placed, 385, "polygon")?;
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn frame(width: u32, height: u32, title: &str) -> Result<String, std::fmt::Error> {
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">"#
    )?;
    writeln!(svg, r#"<rect width="{width}" height="{height}" fill="white"/>"#)?;
    writeln!(svg, r#"<text x="12" y="22" font-size="14">{title}</text>"#)?;
    Ok(svg)
}

fn grid(svg: &mut String, x1: f64, y1: f64, x2: f64, y2: f64) -> std::fmt::Result {
    writeln!(svg, r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#ccc"/>"##)
}

fn draw(
    svg: &mut String,
    lines: &[Line],
    placed: impl Fn(&(f64, f64)) -> (f64, f64),
    key_x: u32,
    shape: &str,
) -> std::fmt::Result {
    for (index, line) in lines.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        let points: Vec<String> = line.points.iter().map(placed_text(&placed)).collect();
        writeln!(svg, r#"<{shape} points="{}" fill="none" stroke="{color}" stroke-width="2"/>"#, points.join(" "))?;
        writeln!(svg, r#"<text x="{key_x}" y="{}" fill="{color}">{}</text>"#, 56 + 16 * index, line.name)?;
    }
    Ok(())
}

fn placed_text<'a>(placed: &'a impl Fn(&(f64, f64)) -> (f64, f64)) -> impl Fn(&(f64, f64)) -> String + 'a {
    move |point| {
        let (x, y) = placed(point);
        format!("{x:.1},{y:.1}")
    }
}
