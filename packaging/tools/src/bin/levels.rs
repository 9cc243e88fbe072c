//! `levels PROFILE RECORDING [--by-driver]`: peak and RMS of every driver of a profile, in dBFS.
//!
//! The recording's channels are those of the device; with `--by-driver` they are the profile's drivers in order, as
//! `spatiald render` writes them.

use std::error::Error;
use std::path::Path;

use spatiald::profile::Profile;

/// Running peak and energy of one channel, full scale = 1.
#[derive(Clone, Copy, Default)]
struct Level {
    peak: f64,
    energy: f64,
}

impl Level {
    fn add(&mut self, sample: f64) {
        self.peak = self.peak.max(sample.abs());
        self.energy += sample * sample;
    }

    fn rms(&self, frames: usize) -> f64 {
        (self.energy / frames.max(1) as f64).sqrt()
    }
}

fn dbfs(level: f64) -> String {
    if level > 0.0 { format!("{:.1}", 20.0 * level.log10()) } else { "silent".to_owned() }
}

/// Levels per channel, and how many frames lie between the first sound and the last.
fn measure(path: &Path) -> Result<(Vec<Level>, usize), hound::Error> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    let mut levels = vec![Level::default(); channels];
    let (mut first, mut last) = (None, 0);
    let full_scale = f64::from(1_u32 << (spec.bits_per_sample - 1));
    let mut add = |i: usize, sample: f64| {
        levels[i % channels].add(sample);
        if sample != 0.0 {
            first.get_or_insert(i / channels);
            last = i / channels + 1;
        }
    };
    match spec.sample_format {
        hound::SampleFormat::Float => {
            for (i, sample) in reader.samples::<f32>().enumerate() {
                add(i, f64::from(sample?));
            }
        }
        hound::SampleFormat::Int => {
            for (i, sample) in reader.samples::<i32>().enumerate() {
                add(i, f64::from(sample?) / full_scale);
            }
        }
    }
    Ok((levels, last - first.unwrap_or(last)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (profile, recording, by_driver) = match &arguments[..] {
        [profile, recording] => (profile, recording, false),
        [profile, recording, flag] if flag == "--by-driver" => (profile, recording, true),
        _ => return Err("usage: levels PROFILE RECORDING [--by-driver]".into()),
    };
    let profile = Profile::load(Path::new(profile))?;
    let (levels, frames) = measure(Path::new(recording))?;
    println!("driver        channel  peak dBFS   RMS dBFS");
    for (i, driver) in profile.drivers.iter().enumerate() {
        let level = levels.get(if by_driver { i } else { driver.channel }).copied().unwrap_or_default();
        let (peak, rms) = (dbfs(level.peak), dbfs(level.rms(frames)));
        println!("{:<13} {:>7}  {peak:>9}  {rms:>9}", driver.name, driver.channel);
    }
    let seconds = frames as f64 / f64::from(profile.sample_rate_hz);
    println!(
        "{seconds:.1} s from the first sound to the last, {} of {} channels in use",
        profile.drivers.len(),
        levels.len()
    );
    Ok(())
}
