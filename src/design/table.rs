//! The figures as people read them.

use std::fmt::{self, Display, Formatter};

use super::device::Device;
use super::evaluate::{Figures, PerOctave, Tone};

/// Azimuths of the table, degrees, in short and in full; the JSON has more.
const FEW_DEG: [f64; 2] = [45.0, 90.0];
const ALL_DEG: [f64; 7] = [0.0, 30.0, 45.0, 60.0, 90.0, 135.0, 180.0];
/// Places of the listener in the short table.
const FEW_PLACES: [&str; 3] = ["design point", "+5 cm", "+10 cm"];
/// Place of the apparent angles that only the full table has.
const FARTHER_ASIDE: &str = "15 cm to the left";

/// Below this there is nothing: behind a baffle.
const SILENT_DB: f64 = -200.0;

/// Prints a device's figures as a table.
pub struct Table<'a> {
    /// The device.
    pub device: &'a Device,
    /// Its figures.
    pub figures: &'a Figures,
    /// What it cannot do.
    pub notes: &'a [String],
    /// Everything, not only what a maker must know first.
    pub all: bool,
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let (device, figures) = (self.device, self.figures);
        let image = match device.virtual_angle_deg {
            Some(angle) => format!("virtual pair at ±{angle}°"),
            None => "cancellation alone".to_owned(),
        };
        writeln!(
            f,
            "{}: {} drivers, {} taps, {}, {image}, listener at {} m",
            device.name,
            device.drivers.len(),
            device.taps,
            device.crosstalk.mode,
            device.listener.distance_m
        )?;
        row(f, "octave, Hz", &figures.octaves_hz, 0)?;
        heading(f, "cost of a side's program, dB (the larger of both)")?;
        row(f, "effort", &figures.effort_db, 1)?;
        row(f, "radiated power", &figures.radiated_power_db, 1)?;
        self.room(f)?;
        heading(f, "crosstalk cancellation, dB")?;
        for place in figures.crosstalk.iter().filter(|p| self.all || FEW_PLACES.contains(&p.place)) {
            row(f, place.place, &place.xtc_db, 1)?;
        }
        if self.all {
            row(f, "driver mismatch, median", &figures.mismatch.median_db, 1)?;
        }
        row(f, "one device in ten below", &figures.mismatch.tenth_percentile_db, 1)?;
        heading(f, "a side's program at the ears (of left and right the one that falls shorter)")?;
        row(f, "ITD, µs", &figures.interaural_delay_us.device, 0)?;
        row(f, "  ideal pair", &figures.interaural_delay_us.ideal, 0)?;
        row(f, "ILD, dB", &figures.interaural_level_db.device, 1)?;
        row(f, "  ideal pair", &figures.interaural_level_db.ideal, 1)?;
        heading(f, "center beam, dB re on axis (left / right side: the weaker null)")?;
        for azimuth in if self.all { &ALL_DEG[..] } else { &FEW_DEG[..] }.iter().copied() {
            let of = |a: f64| figures.beam.azimuths_deg.iter().position(|x| *x == a).map(|i| figures.beam.polar_db[i]);
            let right = of(-azimuth).or(of(azimuth));
            if let (Some(left), Some(right)) = (of(azimuth), right) {
                let worse: PerOctave = std::array::from_fn(|o| left[o].max(right[o]));
                row(f, &format!("at ±{azimuth}°"), &worse, 1)?;
            }
        }
        row(f, "directivity index", &figures.beam.directivity_index_db, 1)?;
        row(f, &format!("  `{}` alone", figures.beam.single_driver), &figures.beam.single_driver_db, 1)?;
        row(f, "  all drivers, plain mix", &figures.beam.plain_mix_db, 1)?;
        row(f, "effort", &figures.beam.effort_db, 1)?;
        heading(f, "tone, 200 Hz to 10 kHz in thirds: rms / largest deviation, dB")?;
        tone(f, "L only, re ideal pair", &figures.tones.left)?;
        tone(f, "R only, re ideal pair", &figures.tones.right)?;
        tone(f, "L = R, re source in front", &figures.tones.both)?;
        tone(f, "center on axis, re flat", &figures.tones.center)?;
        heading(f, "levels")?;
        let levels = &figures.levels;
        value(f, "make-up gain", levels.makeup_gain_db, "dB")?;
        value(f, "loudness re flat downmix", levels.loudness_re_downmix_db, "dB")?;
        if let Some(headroom) = &levels.headroom {
            value(f, "limiter at -14 LUFS, mean", headroom.mean_reduction_db, "dB")?;
            value(f, "  5 % of the time more than", headroom.most_reduction_db, "dB")?;
            value(f, "limiter at -20 LUFS, mean", headroom.mean_reduction_quiet_db, "dB")?;
        }
        value(f, "center re phantom center", levels.center_re_phantom_db, "dB")?;
        if self.all {
            self.paths(f)?;
        }
        if !figures.excursion.is_empty() {
            heading(f, "loudest sine at the listener within xmax, dB SPL: Hz, all of the octave")?;
        }
        for limit in &figures.excursion {
            write!(f, "  {:<26}", limit.driver)?;
            for (octave_hz, level_db) in limit.octaves_hz.iter().zip(&limit.level_db) {
                write!(f, "{octave_hz:>8}: {level_db:.0}")?;
            }
            writeln!(f)?;
        }
        for note in self.notes {
            writeln!(f, "note: {note}")?;
        }
        if !self.all {
            writeln!(f, "more figures: --all")?;
        }
        Ok(())
    }
}

impl Table<'_> {
    /// What a listener in a room gets.
    fn room(&self, f: &mut Formatter) -> fmt::Result {
        let room = &self.figures.room;
        heading(f, "in a living room of 60 m³ and 0.5 s, re a real pair")?;
        writeln!(f, "  {:<26}{:>8.1} / {:.1} dB", "tone of a side, rms / hump", room.tone_rms_db, room.tone_hump_db)?;
        writeln!(
            f,
            "  {:<26}{:>8.1} dB (direct sound {:.1})",
            "sides re center", room.sides_re_center_db, room.direct_sides_re_center_db
        )?;
        heading(
            f,
            "  seem to be at, degrees by time / level / mean of both / both at once: left program, right program",
        )?;
        for seen in room.apparent.iter().filter(|seen| self.all || seen.place != FARTHER_ASIDE) {
            let angle = |a: &super::evaluate::Azimuth| {
                format!("{:.0} / {:.0} / {:.0} / {:.0}", a.by_time_deg, a.by_level_deg, a.mean_deg, a.nearest_deg)
            };
            writeln!(f, "    {:<20}{:>21}{:>23}", seen.place, angle(&seen.left), angle(&seen.right))?;
        }
        row(f, "center over diffuse, dB", &room.center_direct_to_diffuse_db, 1)?;
        row(f, "  up to, m", &room.center_critical_distance_m, 2)?;
        row(f, &format!("  `{}` alone", self.figures.beam.single_driver), &room.single_critical_distance_m, 2)?;
        if self.all {
            row(f, "  all drivers, plain mix", &room.plain_critical_distance_m, 2)?;
        }
        Ok(())
    }

    /// How the paths add up, and what each driver gets.
    fn paths(&self, f: &mut Formatter) -> fmt::Result {
        let (figures, levels) = (self.figures, &self.figures.levels);
        value(f, "pan L to C to R varies", levels.pan_range_db, "dB")?;
        value(f, "paths' sum loses at most", figures.alignment.largest_loss_db, "dB")?;
        value(f, "paths' group delays differ", figures.alignment.group_delay_difference_us, "µs")?;
        heading(f, "drivers: largest gain of L, R, C; early energy; worst case with make-up, dB")?;
        for (index, name) in figures.drivers.iter().enumerate() {
            write!(f, "  {name:<26}")?;
            for input in 0..3 {
                write!(f, "{:>8.1}", figures.peak_gain_db[input][index])?;
            }
            for input in 0..3 {
                write!(f, "{:>8.1}", figures.early_energy_db[input][index])?;
            }
            writeln!(f, "{:>8.1}", levels.worst_case_gain_db[index])?;
        }
        Ok(())
    }
}

fn heading(f: &mut Formatter, text: &str) -> fmt::Result {
    writeln!(f, "{text}")
}

fn row(f: &mut Formatter, name: &str, values: &[f64], decimals: usize) -> fmt::Result {
    write!(f, "  {name:<26}")?;
    for value in values {
        if *value < SILENT_DB {
            write!(f, "{:>8}", "–")?;
            continue;
        }
        // A tiny negative number would print as -0.0.
        let shown = if value.abs() < 0.5 * 10f64.powi(-(decimals as i32)) { 0.0 } else { *value };
        write!(f, "{shown:>8.decimals$}")?;
    }
    writeln!(f)
}

fn tone(f: &mut Formatter, name: &str, tone: &Tone) -> fmt::Result {
    writeln!(f, "  {name:<26}{:>8.2} / {:.2}", tone.rms_db, tone.max_db)
}

fn value(f: &mut Formatter, name: &str, number: f64, unit: &str) -> fmt::Result {
    writeln!(f, "  {name:<26}{number:>8.1} {unit}")
}
