//! The level of C against the pan angle of a single source, measured and in closed form, as a plot.

use std::f64::consts::FRAC_PI_4;
use std::fmt::Write;

use crate::methods::Method;
use crate::signal::{Noise, RATE};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 48.0;
const LOWEST_DB: f64 = -40.0;

/// The weaker channel's gain less what the loading of the powers, 0.05 % of their sum, costs.
fn closed_form(angle: f64) -> f64 {
    let (l, r) = (angle.cos(), angle.sin());
    let pc = l.min(r).powi(2);
    let own = (l - r).powi(2);
    let load = 0.0005 * (own + 2.0 * pc);
    let (strong, weak) = (own + load, load);
    pc * (weak * l.max(r) + strong * l.min(r)) / (pc * (strong + weak) + strong * weak)
}

/// Least-squares gain of C for noise at `angle` (0: left, π/2: right).
fn measured(method: Method, angle: f64) -> f64 {
    let mut noise = Noise::new(8);
    let source: Vec<f32> = (0..RATE).map(|_| 0.1 * noise.normal()).collect();
    let channel = |gain: f64| -> Vec<f32> { source.iter().map(|x| gain as f32 * x).collect() };
    let center = method.center(&channel(angle.cos()), &channel(angle.sin()));
    let from = RATE as usize / 2;
    let inner = |a: &[f32]| a[from..].iter().zip(&source[from..]).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    inner(&center) / inner(&source)
}

/// The plot as an SVG document: a line for the closed form, dots for `method`, hard left to hard right.
pub fn svg(methods: &[(Method, &str)]) -> String {
    let x = |angle: f64| MARGIN + (WIDTH - 2.0 * MARGIN) * angle / (2.0 * FRAC_PI_4);
    let y = |gain: f64| {
        let db = 20.0 * gain.max(1e-9).log10();
        MARGIN + (HEIGHT - 2.0 * MARGIN) * (db.max(LOWEST_DB) / LOWEST_DB)
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut add = |line: std::fmt::Arguments| {
        // Writing to a string cannot fail.
        writeln!(svg, "{line}").ok();
    };
    for db in [0, -10, -20, -30, -40] {
        let height = y(10f64.powf(f64::from(db) / 20.0));
        add(format_args!(
            "<path d=\"M{MARGIN} {height:.1}H{}\" stroke=\"#ddd\"/><text x=\"8\" y=\"{:.1}\">{db} dB</text>",
            WIDTH - MARGIN,
            height + 4.0
        ));
    }
    for (degrees, name) in [(0.0, "left"), (45.0, "middle"), (90.0, "right")] {
        let at = x(f64::to_radians(degrees));
        add(format_args!("<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", HEIGHT - MARGIN + 20.0));
    }
    let line: String = (4..=356)
        .map(|step| f64::to_radians(f64::from(step) / 4.0))
        .map(|angle| format!("{:.1},{:.1} ", x(angle), y(closed_form(angle))))
        .collect();
    add(format_args!("<polyline points=\"{line}\" fill=\"none\" stroke=\"#888\" stroke-width=\"2\"/>"));
    for (index, (method, color)) in methods.iter().enumerate() {
        for degrees in (1..30).map(|step| 3.0 * f64::from(step)) {
            let angle = f64::to_radians(degrees);
            let (at, height) = (x(angle), y(measured(*method, angle)));
            add(format_args!("<circle cx=\"{at:.1}\" cy=\"{height:.1}\" r=\"2.5\" fill=\"{color}\"/>"));
        }
        let (name, height) = (method.name(), 20.0 + 16.0 * index as f64);
        add(format_args!("<text x=\"{}\" y=\"{height}\" fill=\"{color}\">{name}</text>", MARGIN + 12.0));
    }
    add(format_args!("<text x=\"{}\" y=\"20\" fill=\"#666\">closed form (separation)</text>", WIDTH - 200.0));
    svg.push_str("</svg>\n");
    svg
}
