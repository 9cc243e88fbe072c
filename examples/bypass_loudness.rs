//! How much louder than the image `bypass` is, at the ears of the designer's head: integrated loudness (ITU-R BS.1770,
//! gated) of a minute of each piece, on all shipped profiles, without the limiter. And what the upmix makes of the piece,
//! K-weighted: its center's level re both sides, and how L′ and R′, and L′ + R′ and C, correlate.
//!
//! `cargo run --example bypass_loudness MUSIC.ogg…`

mod music;

use std::error::Error;
use std::path::{Path, PathBuf};

use music::{JUDGED_S, PROFILES, Speaker, integrated_lufs, k_weighted};
use spatiald::render::Tap;

fn main() -> Result<(), Box<dyn Error>> {
    let pieces: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if pieces.is_empty() {
        return Err("usage: bypass_loudness MUSIC.ogg…".into());
    }
    let speakers = PROFILES.into_iter().map(Speaker::load).collect::<Result<Vec<_>, _>>()?;
    for piece in &pieces {
        let [center_db, sides, center] = parted(&speakers[0], piece)?;
        println!(
            "{}: center {center_db:+.1} dB, correlations {sides:+.2} {center:+.2}; bypass re image, LU",
            piece.display()
        );
        for speaker in &speakers {
            let [image, flat] = [&[][..], &["bypass=on"]].map(|set| loudness(speaker, piece, set));
            println!("  {:<14}{:+.2}", speaker.name, flat? - image?);
        }
    }
    Ok(())
}

/// Loudness of a piece at the ears with settings, LU from anywhere.
fn loudness(speaker: &Speaker, piece: &Path, set: &[&str]) -> Result<f64, Box<dyn Error>> {
    let sound = speaker.played(piece, JUDGED_S, Tap::Drivers, set)?;
    Ok(integrated_lufs(&speaker.at_ears(&sound), sound.rate_hz))
}

/// Level of the center re both sides together, dB; correlation of L′ and R′; and of their sum with C.
fn parted(speaker: &Speaker, piece: &Path) -> Result<[f64; 3], Box<dyn Error>> {
    let sound = speaker.played(piece, JUDGED_S, Tap::Upmix, &[])?;
    let weighted: Vec<Vec<f64>> = sound.planes.iter().map(|plane| k_weighted(plane, sound.rate_hz)).collect();
    let [left, right, center] = &weighted[..] else { return Err("the upmix has three outputs".into()) };
    let common = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let sum: Vec<f64> = left.iter().zip(right).map(|(left, right)| left + right).collect();
    let (sides, middle) = (common(left, left) + common(right, right), common(center, center));
    Ok([
        10.0 * (middle / sides).log10(),
        2.0 * common(left, right) / sides,
        common(&sum, center) / (common(&sum, &sum) * middle).sqrt(),
    ])
}
