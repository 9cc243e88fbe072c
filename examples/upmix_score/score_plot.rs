//! The mean SI-SDR of every set as a plot: a row a set, a dot a method.

use std::fmt::Write;

use crate::methods::Method;
use crate::score::score;
use crate::stems::StemSet;

const WIDTH: f64 = 640.0;
const NAMES: f64 = 200.0;
const ROW: f64 = 20.0;
const TOP: f64 = 48.0;
const COLORS: [&str; 5] = ["#999", "#a6761d", "#c60", "#5ab", "#06c"];

/// The plot as an SVG document.
pub fn svg(groups: &[(&str, Vec<StemSet>)]) -> String {
    let x = |db: f64| NAMES + (WIDTH - NAMES - 20.0) * (db.clamp(-2.0, 16.0) + 2.0) / 18.0;
    let rows = groups.iter().map(|(_, sets)| sets.len() + 2).sum::<usize>();
    let height = TOP + ROW * rows as f64 + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut add = |line: std::fmt::Arguments| {
        // Writing to a string cannot fail.
        writeln!(svg, "{line}").ok();
    };
    for step in 0..=8 {
        let db = 2.0 * f64::from(step);
        add(format_args!("<path d=\"M{:.1} {TOP}V{:.1}\" stroke=\"#ddd\"/>", x(db), height - 24.0));
        add(format_args!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{db}</text>", x(db), height - 8.0));
    }
    add(format_args!("<text x=\"8\" y=\"{:.1}\" fill=\"#666\">SI-SDR of C, dB</text>", height - 8.0));
    for (index, (method, color)) in Method::ALL.into_iter().zip(COLORS).enumerate() {
        let at = 8.0 + 126.0 * index as f64;
        add(format_args!("<circle cx=\"{at}\" cy=\"16\" r=\"4\" fill=\"{color}\"/>"));
        add(format_args!(
            "<text x=\"{}\" y=\"20\" font-size=\"11\" fill=\"{color}\">{}</text>",
            at + 8.0,
            method.name()
        ));
    }
    let mut y = TOP;
    for (group, sets) in groups {
        y += ROW;
        add(format_args!("<text x=\"8\" y=\"{:.1}\" font-weight=\"bold\">{group}</text>", y - 4.0));
        let mut sums = [0.0; Method::ALL.len()];
        for set in sets {
            let figures = Method::ALL.map(|method| score(method, set).mean_sdr_db());
            sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
            y += ROW;
            add(format_args!("<text x=\"20\" y=\"{:.1}\">{}</text>", y - 4.0, set.name));
            for (figure, color) in figures.into_iter().zip(COLORS) {
                add(format_args!("<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{color}\"/>", x(figure), y - 8.0));
            }
        }
        y += ROW;
        add(format_args!("<text x=\"20\" y=\"{:.1}\" fill=\"#666\">mean</text>", y - 4.0));
        for (sum, color) in sums.into_iter().zip(COLORS) {
            let at = x(sum / sets.len() as f64);
            add(format_args!("<path d=\"M{at:.1} {:.1}v14\" stroke=\"{color}\" stroke-width=\"3\"/>", y - 15.0));
        }
    }
    svg.push_str("</svg>\n");
    svg
}
