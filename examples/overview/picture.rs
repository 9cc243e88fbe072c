//! The picture: on the left the way of the signal, on the right the field that it ends in, seen from above.

use std::fmt::{Error, Write as _};

use spatiald::acoustics::vector::norm;
use spatiald::design::Device;

use super::field::{BAND_HZ, Field};

/// For bright and dark pages alike: a reader's choice of either picks the colors.
const STYLE: &str = "
  text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
  .page { fill: #ffffff; stroke: #d1d9e0 } .room { fill: #f6f8fa } .box { fill: #ffffff; stroke: #818b98 }
  .name { font-weight: 600 } .note { font-size: 11px; fill: #59636e } .level { font-size: 10px; fill: #7d3c00 }
  .wire { fill: none; stroke: #59636e; stroke-width: 1.5 }
  .sides { fill: none; stroke: #0969da; stroke-width: 1.5 } .sides-text, .note.sides-text { fill: #0969da }
  .center { fill: none; stroke: #bc4c00; stroke-width: 1.5 } .center-text { fill: #bc4c00 }
  .field { fill: #e8730c; fill-opacity: 0.13; stroke: #bc4c00; stroke-opacity: 0.45; stroke-width: 0.8 }
  .reference { stroke-opacity: 1; stroke-width: 1.6 } .body { fill: #ffffff; stroke: #1f2328; stroke-width: 1.5 }
  .driver { stroke: #1f2328; stroke-width: 4; stroke-linecap: round }
  .ghost { fill: none; stroke: #0969da; stroke-width: 1.3; stroke-dasharray: 4 3 } .ray { stroke-opacity: 0.6 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .page { fill: #0d1117; stroke: #3d444d } .room { fill: #151b23 } .box { fill: #0d1117; stroke: #9198a1 }
    .note { fill: #9198a1 } .level { fill: #ffc680 }
    .wire { stroke: #9198a1 }
    .sides { stroke: #4493f8 } .sides-text, .note.sides-text { fill: #4493f8 }
    .center { stroke: #f0883e } .center-text { fill: #f0883e }
    .field { fill: #db6d28; fill-opacity: 0.15; stroke: #f0883e }
    .body { fill: #0d1117; stroke: #f0f6fc } .driver { stroke: #f0f6fc } .ghost { stroke: #4493f8 }
  }
";

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 400.0;
/// The room: its corner and its size, and where the device stands in it.
const ROOM: [f64; 4] = [544.0, 16.0, 440.0, 330.0];
const DEVICE_AT: [f64; 2] = [634.0, 181.0];
const PIXELS_PER_M: f64 = 148.0;
/// Levels re the listener's place that have a line, and the azimuth at which it is labeled.
const LINES: [(f64, f64); 6] = [(-3.0, 118.0), (0.0, 104.0), (3.0, 0.0), (6.0, 0.0), (9.0, 0.0), (12.0, 0.0)];
const HEAD_M: f64 = 0.0875;

/// Radius of the round cabinet that carries the drivers, m.
pub fn cabinet_m(device: &Device) -> f64 {
    device.drivers.iter().map(|driver| norm(driver.position)).fold(0.0, f64::max)
}

/// The whole picture as SVG; `apparent_deg`: where the left side is predicted to be heard.
pub fn draw(device: &Device, field: &Field, apparent_deg: f64) -> Result<String, Error> {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>The way of the signal, and the predicted sound field of the center</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"10\"/>\n",
        WIDTH - 1.0,
        HEIGHT - 1.0
    );
    room(&mut svg, device, field)?;
    pair(&mut svg, device, apparent_deg)?;
    way(&mut svg, device)?;
    bodies(&mut svg, device)?;
    let [low_hz, high_hz] = BAND_HZ;
    let around: Vec<String> = [30.0, 90.0, 180.0]
        .map(|azimuth_deg| format!("{azimuth_deg:.0}° {:.0} dB", field.beside_db(azimuth_deg)).replace('-', "−"))
        .into();
    let captions = [
        format!(
            "Right, seen from above: how loud the profile {} makes the center around it, as predicted, without a room; \
             {low_hz:.0} Hz to {:.0} kHz, as much in each octave.",
            device.name,
            high_hz / 1000.0
        ),
        format!(
            "A line every 3 dB, 0 dB at the listener {:.0} m away. Far from it, re the front: {}.",
            device.listener.distance_m,
            around.join(", ")
        ),
    ];
    for (index, caption) in captions.iter().enumerate() {
        text(&mut svg, [16.0, 368.0 + 16.0 * index as f64], "note", caption)?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// From stereo to the drivers.
fn way(svg: &mut String, device: &Device) -> Result<(), Error> {
    let [cabinet_x, middle] = DEVICE_AT;
    let (sides, center) = (middle - 82.0, middle + 82.0);
    text(svg, [16.0, middle - 2.0], "name", "stereo")?;
    text(svg, [16.0, middle + 14.0], "note", "any player")?;
    for (name, y, label_y) in [("L", middle - 8.0, middle - 13.0), ("R", middle + 8.0, middle + 20.0)] {
        wire(svg, "wire", &[[82.0, y], [108.0, y]])?;
        text(svg, [92.0, label_y], "note", name)?;
    }
    block(svg, [108.0, middle - 32.0, 82.0, 64.0], "upmix", ["what both", "sides share"])?;
    for (name, offset, label_y) in [("L′", -5.0, sides - 11.0), ("R′", 5.0, sides + 21.0)] {
        let (turn, from, to) = (204.0 + offset, middle - 14.0 + offset, sides + offset);
        wire(svg, "sides", &[[190.0, from], [turn, from], [turn, to], [232.0, to]])?;
        text(svg, [215.0, label_y], "sides-text", name)?;
    }
    wire(svg, "center", &[[190.0, middle + 14.0], [204.0, middle + 14.0], [204.0, center], [232.0, center]])?;
    text(svg, [215.0, center - 6.0], "center-text", "C")?;
    let aim = device.virtual_angle_deg.map_or_else(String::new, |deg| format!("a virtual pair at ±{deg:.0}°"));
    let sides_notes = ["each side to its own ear:", &aim];
    block(svg, [232.0, sides - 34.0, 172.0, 68.0], "crosstalk cancellation", sides_notes)?;
    let center_notes = ["voices to the listener,", "less of them to the walls"];
    block(svg, [232.0, center - 34.0, 172.0, 68.0], "beam", center_notes)?;
    let drivers = device.drivers.len();
    for (class, y, ends) in [("sides", sides, middle - 9.0), ("center", center, middle + 9.0)] {
        wire(svg, class, &[[404.0, y], [424.0, y], [424.0, ends]])?;
        let slash = y + 0.42 * (ends - y);
        wire(svg, class, &[[419.0, slash + 4.0], [429.0, slash - 4.0]])?;
        text(svg, [434.0, slash + 4.0], "note", &format!("{drivers} drivers"))?;
    }
    writeln!(svg, r#"<circle class="box" cx="424" cy="{middle}" r="9"/>"#)?;
    wire(svg, "wire", &[[419.0, middle], [429.0, middle]])?;
    wire(svg, "wire", &[[424.0, middle - 5.0], [424.0, middle + 5.0]])?;
    wire(svg, "wire", &[[433.0, middle], [450.0, middle]])?;
    block(svg, [450.0, middle - 32.0, 82.0, 64.0], "limiter", ["nothing over", "the ceiling"])?;
    let radius = cabinet_m(device) * PIXELS_PER_M;
    for index in 0..drivers {
        let offset = 14.0 * ((index as f64 + 0.5) / drivers as f64 - 0.5);
        let end = cabinet_x - (radius * radius - offset * offset).max(0.0).sqrt();
        wire(svg, "wire", &[[532.0, middle + offset], [end, middle + offset]])?;
    }
    Ok(())
}

/// The field of the center around the device.
fn room(svg: &mut String, device: &Device, field: &Field) -> Result<(), Error> {
    let [x, y, width, height] = ROOM;
    let area = format!(r#"x="{x}" y="{y}" width="{width}" height="{height}" rx="6""#);
    writeln!(svg, r#"<clipPath id="room"><rect {area}/></clipPath><rect class="room" {area}/>"#)?;
    writeln!(svg, r##"<g clip-path="url(#room)">"##)?;
    let around = |(azimuth_deg, distance_m): (f64, f64)| {
        let (sin, cos) = azimuth_deg.to_radians().sin_cos();
        place([distance_m * cos, distance_m * sin])
    };
    for (level_db, _) in LINES {
        let class = if level_db == 0.0 { "field reference" } else { "field" };
        let line = points(field.contour(level_db).into_iter().map(around));
        writeln!(svg, r#"<polygon class="{class}" points="{line}"/>"#)?;
    }
    writeln!(svg, r#"</g><g text-anchor="middle">"#)?;
    for (level_db, labeled_deg) in LINES {
        let contour = field.contour(level_db);
        let nearest =
            contour.into_iter().min_by(|a, b| (a.0 - labeled_deg).abs().total_cmp(&(b.0 - labeled_deg).abs()));
        let [x, y] = nearest.map_or(DEVICE_AT, around);
        let label = format!("{level_db:+.0}").replace("+0", "0").replace('-', "−");
        text(svg, [x, y - 3.0], "level", &label)?;
    }
    svg.push_str("</g>\n");
    let [x, y] = place([device.listener.distance_m, 0.0]);
    writeln!(svg, r#"<g text-anchor="middle">"#)?;
    text(svg, [x + 26.0, y + 28.0], "note", "listener")?;
    writeln!(svg, "</g>")
}

/// The pair that the sides are to come from, where the listener shall hear it.
fn pair(svg: &mut String, device: &Device, apparent_deg: f64) -> Result<(), Error> {
    let Some(angle_deg) = device.virtual_angle_deg else { return Ok(()) };
    let distance_m = device.listener.distance_m;
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let [to_x, to_y] = place([distance_m, 0.0]);
    for (side, name) in [(1.0, "L′"), (-1.0, "R′")] {
        let [x, y] = place([distance_m * (1.0 - cos), side * distance_m * sin]);
        let (dx, dy) = (to_x - x, to_y - y);
        let turn_deg = dy.atan2(dx).to_degrees();
        writeln!(
            svg,
            r#"<rect class="ghost" x="-17" y="-11" width="28" height="22" rx="2" transform="translate({x:.1} {y:.1}) rotate({turn_deg:.1})"/>"#
        )?;
        let [from, to] = [0.05, 0.92].map(|part| [x + part * dx, y + part * dy]);
        wire(svg, "ghost ray", &[from, to])?;
        writeln!(svg, r#"<g text-anchor="middle">"#)?;
        text(svg, [x - 2.0, y + 4.5], "sides-text", name)?;
        writeln!(svg, "</g>")?;
    }
    let [x, y, width, height] = ROOM;
    writeln!(svg, r#"<g text-anchor="end">"#)?;
    let lines = [format!("virtual pair: aim ±{angle_deg:.0}°,"), format!("predicted ±{apparent_deg:.0}°")];
    for (line, up) in lines.iter().zip([24.0, 9.0]) {
        text(svg, [x + width - 10.0, y + height - up], "note sides-text", line)?;
    }
    writeln!(svg, "</g>")
}

/// The cabinet with its drivers, and the listener's head. Seen from above, with the front to the right: the listener's left
/// is below.
fn bodies(svg: &mut String, device: &Device) -> Result<(), Error> {
    let [x, y] = DEVICE_AT;
    writeln!(svg, r#"<circle class="body" cx="{x}" cy="{y}" r="{:.1}"/>"#, cabinet_m(device) * PIXELS_PER_M)?;
    for driver in &device.drivers {
        let [front, left, _] = driver.position;
        let ([x, y], length) = (place([front, left]), norm(driver.position));
        let (across, along) = (-4.5 * left / length, 4.5 * front / length);
        wire(svg, "driver", &[[x - across, y - along], [x + across, y + along]])?;
    }
    let ([x, y], radius) = (place([device.listener.distance_m, 0.0]), HEAD_M * PIXELS_PER_M);
    let nose = points([[x - 0.8 * radius, y - 5.0], [x - radius - 5.0, y], [x - 0.8 * radius, y + 5.0]].into_iter());
    writeln!(svg, r#"<polyline class="body" points="{nose}"/><circle class="body" cx="{x}" cy="{y}" r="{radius:.1}"/>"#)
}

/// Where a point of the horizontal plane, in m towards the listener and to the listener's left, is drawn.
fn place([front_m, left_m]: [f64; 2]) -> [f64; 2] {
    [DEVICE_AT[0] + PIXELS_PER_M * front_m, DEVICE_AT[1] + PIXELS_PER_M * left_m]
}

fn block(svg: &mut String, [x, y, width, height]: [f64; 4], name: &str, notes: [&str; 2]) -> Result<(), Error> {
    writeln!(svg, r#"<rect class="box" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>"#)?;
    let (middle, top) = (x + 0.5 * width, y + 0.5 * height - 11.0);
    writeln!(svg, r#"<g text-anchor="middle">"#)?;
    text(svg, [middle, top], "name", name)?;
    text(svg, [middle, top + 17.0], "note", notes[0])?;
    text(svg, [middle, top + 31.0], "note", notes[1])?;
    writeln!(svg, "</g>")
}

fn wire(svg: &mut String, class: &str, through: &[[f64; 2]]) -> Result<(), Error> {
    writeln!(svg, r#"<polyline class="{class}" points="{}"/>"#, points(through.iter().copied()))
}

fn points(through: impl Iterator<Item = [f64; 2]>) -> String {
    through.map(|[x, y]| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn text(svg: &mut String, [x, y]: [f64; 2], class: &str, text: &str) -> Result<(), Error> {
    writeln!(svg, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#)
}
