//! Real music: the tracks of two Debian packages.

use std::path::Path;
use std::process::Command;

use crate::signal::{RATE, read_wav, resample};

/// Where a package keeps its Ogg tracks.
#[derive(Debug, Clone, Copy)]
pub struct Album {
    pub package: &'static str,
    pub folder: &'static str,
}

/// Electronic.
pub const SINGULARITY: Album = Album { package: "singularity-music", folder: "/usr/share/games/singularity/music" };
/// Strings, winds, harp, percussion.
pub const HYPERROGUE: Album = Album { package: "hyperrogue-music", folder: "/usr/share/hyperrogue/music" };

/// Both channels of a passage of a track.
pub struct Track {
    pub left: Vec<f32>,
    pub right: Vec<f32>,
}

impl Track {
    pub fn mono(&self) -> Vec<f32> {
        self.left.iter().zip(&self.right).map(|(l, r)| 0.5 * (l + r)).collect()
    }

    /// The same music with its side signal `side_db` against its middle, whatever it was.
    pub fn with_side(&self, side_db: f32) -> Track {
        let middle = self.mono();
        let side: Vec<f32> = self.left.iter().zip(&self.right).map(|(l, r)| 0.5 * (l - r)).collect();
        let energy = |signal: &[f32]| signal.iter().map(|&x| f64::from(x * x)).sum::<f64>();
        let gain = 10f32.powf(side_db / 20.0) * (energy(&middle) / energy(&side).max(1e-12)).sqrt() as f32;
        let channel = |sign: f32| middle.iter().zip(&side).map(|(m, s)| m + sign * gain * s).collect();
        Track { left: channel(1.0), right: channel(-1.0) }
    }
}

impl Album {
    /// `frames` of the track `name` from 20 s on; `None`, with a word on stderr, where the system does not have it.
    pub fn track(&self, name: &str, frames: usize) -> Option<Track> {
        let track = decode(&Path::new(self.folder).join(name).with_extension("ogg"), frames);
        if track.is_none() {
            eprintln!("{name}: a set is left out; `apt install {} vorbis-tools` brings it", self.package);
        }
        track
    }
}

/// By vorbis-tools.
fn decode(path: &Path, frames: usize) -> Option<Track> {
    let wav = std::env::temp_dir().join(format!("upmix-score-track-{}.wav", std::process::id()));
    let decoded = path.exists().then(|| Command::new("oggdec").args(["-Q", "-o"]).arg(&wav).arg(path).status());
    let (channels, rate) = match decoded {
        Some(Ok(status)) if status.success() => read_wav(&wav),
        _ => (Vec::new(), RATE),
    };
    std::fs::remove_file(&wav).ok();
    let needed = frames * rate as usize / RATE as usize + 1;
    let passage = |channel: &Vec<f32>| {
        let from = channel.get(20 * rate as usize..)?;
        let mut passage = resample(&from[..needed.min(from.len())], rate);
        (passage.len() + 100 >= frames).then(|| {
            passage.resize(frames, 0.0);
            passage
        })
    };
    let (left, right) = (channels.first().and_then(passage)?, channels.last().and_then(passage)?);
    Some(Track { left, right })
}
