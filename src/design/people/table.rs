//! The figures over people as people read them.

use std::fmt::{self, Display, Formatter};

use super::super::evaluate::PerOctave;
use super::{Azimuth, PeopleFigures, Spread};

/// Prints them, to follow a device's table.
pub struct PeopleTable<'a>(pub &'a PeopleFigures);

impl Display for PeopleTable<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let figures = self.0;
        let (model, both) = (&figures.model, [0, 1]);
        writeln!(f, "people: {} measured heads, as they sit and at the best seat of each", figures.heads.len())?;
        row(f, "octave, Hz", &figures.octaves_hz, 0)?;
        writeln!(f, "crosstalk cancellation, dB")?;
        row(f, "model head", &model.xtc_db, 1)?;
        spreads(f, figures, |f, name, median, worst| {
            row(f, name, &median.xtc_db, 1)?;
            row(f, WORST, &worst.xtc_db, 1)
        })?;
        writeln!(f, "ILD of a side's program, dB")?;
        let model_level: PerOctave =
            std::array::from_fn(|o| 0.5 * both.map(|side| model.interaural_level_db[side][o]).iter().sum::<f64>());
        row(f, "model head", &model_level, 1)?;
        spreads(f, figures, |f, name, median, worst| {
            row(f, name, &median.interaural_level_db, 1)?;
            row(f, WORST, &worst.interaural_level_db, 1)
        })?;
        writeln!(f, "apparent angle of a side's program, degrees: by time, by level, mean, both at once")?;
        let middle = |of: fn(&Azimuth) -> f64| 0.5 * model.angles.iter().map(of).sum::<f64>();
        let model_angles = Azimuth {
            by_time_deg: middle(|a| a.by_time_deg),
            by_level_deg: middle(|a| a.by_level_deg),
            mean_deg: middle(|a| a.mean_deg),
            nearest_deg: middle(|a| a.nearest_deg),
        };
        angles(f, "model head", &model_angles)?;
        spreads(f, figures, |f, name, median, worst| {
            angles(f, name, &median.angles)?;
            angles(f, WORST, &worst.angles)
        })?;
        let off = |part| super::quantile(figures.heads.iter().map(|head| head.seat_deg.abs()), part);
        writeln!(
            f,
            "  best seats: half of them {:.1} degrees off the middle or more, the farthest {:.1}",
            off(0.5),
            off(1.0)
        )
    }
}

const WORST: &str = "  one head in ten below";

fn spreads(
    f: &mut Formatter,
    figures: &PeopleFigures,
    rows: impl Fn(&mut Formatter, &str, &super::Statistic, &super::Statistic) -> fmt::Result,
) -> fmt::Result {
    for (name, spread) in [("as they sit, median", &figures.as_they_sit), ("best seat, median", &figures.best_seat)] {
        let Spread { median, worst_tenth } = spread;
        rows(f, name, median, worst_tenth)?;
    }
    Ok(())
}

fn row(f: &mut Formatter, name: &str, values: &PerOctave, decimals: usize) -> fmt::Result {
    write!(f, "  {name:<26}")?;
    for value in values {
        // A tiny negative number would print as -0.0.
        let shown = if value.abs() < 0.5 * 10f64.powi(-(decimals as i32)) { 0.0 } else { *value };
        write!(f, "{shown:>8.decimals$}")?;
    }
    writeln!(f)
}

fn angles(f: &mut Formatter, name: &str, angles: &Azimuth) -> fmt::Result {
    let Azimuth { by_time_deg, by_level_deg, mean_deg, nearest_deg } = angles;
    writeln!(f, "  {name:<26}{by_time_deg:>8.1}{by_level_deg:>8.1}{mean_deg:>8.1}{nearest_deg:>8.1}")
}
