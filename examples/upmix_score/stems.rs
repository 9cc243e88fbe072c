//! Stem sets whose truth is known: a center, a stem for either side, decorrelated ambience.

use std::path::Path;

use crate::further_instruments::{bass, bells, electric_piano, flute, percussion, strings};
use crate::instruments::{drums, organ, plucks};
use crate::signal::{RATE, normalized, reverberate};
use crate::tracks::{HYPERROGUE, SINGULARITY};
use crate::voices::{Text, speak};

/// A center, a stem for either side and the ambience of both, each at unit power.
pub struct StemSet {
    pub name: String,
    pub center: Vec<f32>,
    pub left: Vec<f32>,
    pub right: Vec<f32>,
    pub ambience: [Vec<f32>; 2],
    /// Whether the side stems have nothing in common.
    pub independent_sides: bool,
}

impl StemSet {
    fn new(name: &str, center: Vec<f32>, left: Vec<f32>, right: Vec<f32>) -> StemSet {
        let [center, left, right] = [center, left, right].map(normalized);
        let dry: Vec<f32> = (0..center.len()).map(|n| center[n] + left[n] + right[n]).collect();
        let ambience = [1, 2].map(|seed| normalized(reverberate(&dry, seed)));
        StemSet { name: name.into(), center, left, right, ambience, independent_sides: true }
    }

    /// The five stems at −20 dB as channels of a 32-bit float file.
    pub fn write(&self, path: &Path) -> Result<(), hound::Error> {
        let spec = hound::WavSpec {
            channels: 5,
            sample_rate: RATE,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(path, spec)?;
        for n in 0..self.center.len() {
            for stem in [&self.center, &self.left, &self.right, &self.ambience[0], &self.ambience[1]] {
                writer.write_sample(0.1 * stem[n])?;
            }
        }
        writer.finalize()
    }
}

/// The sets that the parameters were chosen on: four synthesized, two of voices alone, two of real tracks.
pub fn tuned(frames: usize) -> Vec<StemSet> {
    let voice = |voice: &str, text: Text| speak(voice, text, frames);
    let mut sets = vec![
        StemSet::new("voice, plucks", voice("en-us", Text::Fox), plucks(frames, 1, 196.0), plucks(frames, 2, 261.6)),
        StemSet::new("voice, drums + organ", voice("en-us+f3", Text::Shells), drums(frames, 3), organ(frames, 4)),
        StemSet::new("voice, organ + plucks", voice("de", Text::Fuchs), organ(frames, 5), plucks(frames, 6, 220.0)),
        StemSet::new("plucks, drums + organ", plucks(frames, 7, 329.6), drums(frames, 8), organ(frames, 9)),
        StemSet::new(
            "three voices",
            voice("en-us+m7", Text::Fox),
            voice("fr", Text::Renard),
            voice("en-us+f2", Text::Shells),
        ),
        StemSet::new(
            "voice, drums + voice",
            voice("fr+f4", Text::Renard),
            drums(frames, 10),
            voice("en-us", Text::Shells),
        ),
    ];
    let pairs = [
        ("en-us+f2", Text::Shells, ["A New Journey", "Aberrations"]),
        ("de+m3", Text::Fuchs, ["Advanced Simulacra", "Awakening"]),
    ];
    for (speaker, text, [left, right]) in pairs {
        if let (Some(l), Some(r)) = (SINGULARITY.track(left, frames), SINGULARITY.track(right, frames)) {
            sets.push(StemSet::new(&format!("voice, {left} + {right}"), voice(speaker, text), l.mono(), r.mono()));
        }
    }
    sets
}

/// The sets that nothing was chosen on: other languages, instruments and music, a widened and a near-mono track.
pub fn held_out(frames: usize) -> Vec<StemSet> {
    let voice = |voice: &str, text: Text| speak(voice, text, frames);
    let mut sets = vec![
        StemSet::new(
            "voice, e-piano + shaker",
            voice("es", Text::Spanish),
            electric_piano(frames, 101),
            percussion(frames, 102),
        ),
        StemSet::new(
            "voice, strings + bells",
            voice("it+f5", Text::Italian),
            strings(frames, 103, 220.0),
            bells(frames, 104),
        ),
        StemSet::new("voice, bass + flute", voice("pl+m4", Text::Polish), bass(frames, 105), flute(frames, 106)),
        StemSet::new(
            "three other voices",
            voice("sv+f1", Text::Swedish),
            voice("en-gb-scotland", Text::Scottish),
            voice("pt-br+f2", Text::Portuguese),
        ),
    ];
    if let (Some(left), Some(right)) =
        (HYPERROGUE.track("hr3-caves", frames), HYPERROGUE.track("hr-savino-palace", frames))
    {
        sets.push(StemSet::new("voice, Caves + Palace", voice("nl", Text::Dutch), left.mono(), right.mono()));
    }
    if let Some(center) = HYPERROGUE.track("hr3-crossroads", frames) {
        let sides = (strings(frames, 107, 146.8), voice("fi+m2", Text::Finnish));
        sets.push(StemSet::new("Crossroads, strings + voice", center.mono(), sides.0, sides.1));
    }
    for (name, speaker, text, track, side_db) in [
        ("voice, Desert widened", "cs+f3", Text::Czech, "hr3-desert", 6.0),
        ("voice, Ocean near mono", "en-gb-scotland+m3", Text::Scottish, "hr-savino-ocean", -14.0),
    ] {
        if let Some(track) = HYPERROGUE.track(track, frames) {
            let sides = track.with_side(side_db);
            let set = StemSet::new(name, voice(speaker, text), sides.left, sides.right);
            sets.push(StemSet { independent_sides: false, ..set });
        }
    }
    sets
}
