//! Scores every upmix mode on stems whose truth is known, beside a passive center and a simple 10-band method.
//!
//! `cargo run --release --example upmix_score [-- --sets] [--seconds N]` prints the table of `docs/upmix.md`;
//! `--sets` adds a line for every set; `--write DIR` writes the stems instead (center, left, right, ambience);
//! `--pan-law FILE.svg` plots the level of C against the pan angle instead. Voices need espeak-ng; two more sets use Ogg
//! music where the system has some.

mod figures;
mod methods;
mod pan_law;
mod stems;

use figures::{db, leakage_db, log_kurtosis, power, si_sdr_db, windowed_correlation};
use methods::Method;
use spatiald::dsp::upmix::UpmixMode;
use stems::{Noise, RATE, StemSet};

/// Center against each side stem, dB.
const LEVELS_DB: [f32; 3] = [-6.0, 0.0, 6.0];
/// Ambience of each channel against a side stem, dB.
const AMBIENCE_DB: f32 = -12.0;

#[derive(Default, Clone)]
struct Score {
    sdr_db: [f64; 3],
    leakage_db: f64,
    correlation: f64,
    independent_db: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(path) =
        arguments.iter().position(|argument| argument == "--pan-law").and_then(|at| arguments.get(at + 1))
    {
        let methods = [(UpmixMode::LowLatency, "#c60"), (UpmixMode::Separation, "#06c")];
        let plot = pan_law::svg(&methods.map(|(mode, color)| (Method::Mode(mode), color)));
        if let Err(error) = std::fs::write(path, plot) {
            eprintln!("{path}: {error}");
        }
        return;
    }
    let seconds = arguments
        .iter()
        .position(|argument| argument == "--seconds")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(10.0);
    let sets = stems::all(seconds);
    if let Some(folder) =
        arguments.iter().position(|argument| argument == "--write").and_then(|at| arguments.get(at + 1))
    {
        for (index, set) in sets.iter().enumerate() {
            let path = std::path::Path::new(folder).join(format!("set{index}.wav"));
            if let Err(error) = set.write(&path) {
                eprintln!("{}: {error}", path.display());
            }
        }
        return;
    }
    println!(
        "method                latency  SI-SDR of C -6/0/+6 dB  mean   sides in C  corr(C, L-R)  indep. L+R mean/worst  mono residual  log-kurtosis"
    );
    for method in Method::ALL {
        let scores: Vec<Score> = sets.iter().map(|set| score(method, set)).collect();
        if arguments.iter().any(|argument| argument == "--sets") {
            for (set, score) in sets.iter().zip(&scores) {
                print_row(&format!("  {}", set.name), "", score, score.independent_db, "");
            }
        }
        let count = scores.len() as f64;
        let mean = |figure: &dyn Fn(&Score) -> f64| scores.iter().map(figure).sum::<f64>() / count;
        let total = Score {
            sdr_db: std::array::from_fn(|level| mean(&|score| score.sdr_db[level])),
            leakage_db: mean(&|score| score.leakage_db),
            correlation: mean(&|score| score.correlation),
            independent_db: mean(&|score| score.independent_db),
        };
        let worst = scores.iter().map(|score| score.independent_db).fold(f64::MIN, f64::max);
        let rest = format!("{:9.1} dB  {:10.2}", mono_residual_db(method), musical_noise(method));
        print_row(method.name(), &format!("{:5.1} ms", method.latency_ms()), &total, worst, &rest);
    }
}

fn print_row(name: &str, latency: &str, score: &Score, worst_db: f64, rest: &str) {
    let name: String = name.chars().take(24).collect();
    let [low, middle, high] = score.sdr_db;
    println!(
        "{name:<22}{latency:>8}  {low:5.1} {middle:5.1} {high:5.1}       {:5.2}  {:7.1} dB  {:9.3}      {:6.1} / {worst_db:.1} dB   {rest}",
        (low + middle + high) / 3.0,
        score.leakage_db,
        score.correlation,
        score.independent_db,
    );
}

fn score(method: Method, set: &StemSet) -> Score {
    let mut score = Score::default();
    let ambience_gain = 10f32.powf(AMBIENCE_DB / 20.0);
    for (level, level_db) in LEVELS_DB.into_iter().enumerate() {
        let gain = 10f32.powf(level_db / 20.0) * 0.1;
        let truth: Vec<f32> = set.center.iter().map(|x| gain * x).collect();
        let side = |stem: &[f32], ambience: &[f32]| -> Vec<f32> {
            (0..truth.len()).map(|n| truth[n] + 0.1 * (stem[n] + ambience_gain * ambience[n])).collect()
        };
        let (left, right) = (side(&set.left, &set.ambience[0]), side(&set.right, &set.ambience[1]));
        let center = method.center(&left, &right);
        score.sdr_db[level] = si_sdr_db(&center, &truth);
        let both: Vec<f32> =
            (0..truth.len()).map(|n| 0.1 * ambience_gain * (set.ambience[0][n] + set.ambience[1][n])).collect();
        let sides = [&set.left, &set.right].map(|stem| stem.iter().map(|x| 0.1 * x).collect::<Vec<f32>>());
        score.leakage_db += leakage_db(&center, &[&truth, &sides[0], &sides[1], &both]) / 3.0;
        let difference: Vec<f32> = left.iter().zip(&right).map(|(l, r)| l - r).collect();
        score.correlation += windowed_correlation(&center, &difference) / 3.0;
    }
    let center = method.center(&set.left, &set.right);
    score.independent_db = db(power(&center) / (power(&set.left) + power(&set.right)));
    score
}

/// L′ against L for equal channels.
fn mono_residual_db(method: Method) -> f64 {
    let mut noise = Noise::new(5);
    let signal: Vec<f32> = (0..5 * RATE).map(|_| 0.1 * noise.normal()).collect();
    let center = method.center(&signal, &signal);
    let from = RATE as usize / 2;
    let residual: Vec<f32> = signal[from..].iter().zip(&center[from..]).map(|(x, c)| x - c).collect();
    db(power(&residual) / power(&signal))
}

/// Log-kurtosis of C against that of its input, independent white noise in both channels.
fn musical_noise(method: Method) -> f64 {
    let mut noise = Noise::new(6);
    let mut channel = || -> Vec<f32> { (0..30 * RATE).map(|_| 0.1 * noise.normal()).collect() };
    let (left, right) = (channel(), channel());
    let center = method.center(&left, &right);
    log_kurtosis(&center[RATE as usize..]) - log_kurtosis(&left)
}
