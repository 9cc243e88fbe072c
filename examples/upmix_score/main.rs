//! Scores every upmix mode on stems whose truth is known, beside a passive center and a simple 10-band method.
//!
//! `cargo run --release --example upmix_score [-- --sets] [--seconds N]` prints the tables of `docs/upmix.md`: the sets
//! that the parameters were chosen on, and those that were held out. `--sets` adds a line for every set; `--write DIR`
//! writes the stems instead (center, left, right, ambience); `--plots DIR` draws the plots of `docs/upmix.md` instead.
//! Voices need `espeak-ng`, real tracks `singularity-music`, `hyperrogue-music` and `vorbis-tools` (Debian's names).

mod figures;
mod further_instruments;
mod instruments;
mod methods;
mod pan_law;
mod score;
mod score_plot;
mod signal;
mod stems;
mod tracks;
mod voices;

use std::error::Error;
use std::path::Path;

use methods::Method;
use score::{Score, mono_residual_db, musical_noise, score};
use signal::RATE;
use spatiald::dsp::upmix::UpmixMode;
use stems::StemSet;

/// What the command line asks for.
struct Options {
    seconds: f32,
    each_set: bool,
    write: Option<String>,
    plots: Option<String>,
}

impl Options {
    fn parse() -> Result<Options, Box<dyn Error>> {
        let mut options = Options { seconds: 10.0, each_set: false, write: None, plots: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--sets" => options.each_set = true,
                "--seconds" => options.seconds = value()?.parse()?,
                "--write" => options.write = Some(value()?),
                "--plots" => options.plots = Some(value()?),
                _ => return Err(format!("{argument}: give --sets, --seconds N, --write DIR or --plots DIR").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse()?;
    let frames = (options.seconds * RATE as f32) as usize;
    let groups = [("tuned", stems::tuned(frames)), ("held out", stems::held_out(frames))];
    if let Some(folder) = &options.write {
        let sets = groups.iter().flat_map(|(_, sets)| sets);
        for (index, set) in sets.enumerate() {
            set.write(&Path::new(folder).join(format!("set{index:02}.wav")))?;
        }
        return Ok(());
    }
    if let Some(folder) = &options.plots {
        let folder = Path::new(folder);
        std::fs::create_dir_all(folder)?;
        let methods = [(UpmixMode::LowLatency, "#c60"), (UpmixMode::Separation, "#06c")];
        std::fs::write(
            folder.join("pan-law.svg"),
            pan_law::svg(&methods.map(|(mode, color)| (Method::Mode(mode), color))),
        )?;
        std::fs::write(folder.join("scores.svg"), score_plot::svg(&groups))?;
        return Ok(());
    }
    for (name, sets) in &groups {
        print_table(name, sets, options.each_set);
    }
    println!("\nwhatever the sets      mono residual  log-kurtosis");
    for method in Method::ALL {
        println!("{:<22} {:9.1} dB  {:12.2}", method.name(), mono_residual_db(method), musical_noise(method));
    }
    Ok(())
}

fn print_table(name: &str, sets: &[StemSet], each_set: bool) {
    println!("\n{name}: {} sets", sets.len());
    println!(
        "method                    latency  SI-SDR of C -6/0/+6 dB   mean   sides in C: tiles, 85 ms  corr(C, L-R)  indep. L+R mean / worst"
    );
    for method in Method::ALL {
        let scores: Vec<Score> = sets.iter().map(|set| score(method, set)).collect();
        if each_set {
            for (set, score) in sets.iter().zip(&scores) {
                print_row(&format!("  {}", set.name), "", score);
            }
        }
        print_row(method.name(), &format!("{:.1} ms", method.latency_ms()), &Score::mean(&scores));
        let independent: Vec<Score> = scores.iter().filter(|score| score.independent_db.is_some()).cloned().collect();
        if independent.len() < scores.len() {
            print_row(&format!("  {} with independent sides", independent.len()), "", &Score::mean(&independent));
        }
    }
}

fn print_row(name: &str, latency: &str, score: &Score) {
    let [low, middle, high] = score.sdr_db;
    let independent = score.independent_db.map_or(String::new(), |[mean, worst]| format!("{mean:6.1} / {worst:.1} dB"));
    let name: String = name.chars().take(26).collect();
    println!(
        "{name:<26}{latency:>7}     {low:5.1} {middle:5.1} {high:5.1}        {:5.2}     {:6.1}  {:6.1} dB         {:.3}         {independent}",
        score.mean_sdr_db(),
        score.leakage_db,
        score.windowed_leakage_db,
        score.correlation,
    );
}
