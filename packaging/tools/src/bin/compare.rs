//! `compare PROFILE RECORDING RENDERED`: one line on what became of a file between its player and the device.
//!
//! RECORDING is what the device played (channels as the device has them), RENDERED what `spatiald render` made of the file
//! (the profile's drivers in order). A player that was held up leaves a gap that nobody counts as an xrun: behind it,
//! everything is late against the rendered file, and by that it is found.

use std::error::Error;
use std::path::Path;

use spatiald::profile::Profile;

/// Frames that are compared at a time.
const BLOCK_FRAMES: usize = 2048;
/// How far a gap may shift what follows.
const REACH_FRAMES: isize = 16_384;
/// Energy of the difference, against that of the sound, up to which a block is the same sound: −20 dB. After a gap the
/// upmix listens anew for a while, so it is not the same to the last bit.
const SAME: f64 = 0.01;
/// Blocks quieter than the loudest by this much, −60 dB, tell nothing.
const QUIET: f64 = 1e-6;
/// Half a step of a device of 32 bits: what rounding to it may change.
const ROUNDING: f32 = 1.0 / (1_u64 << 32) as f32;
/// Not compared at the end: `pw-play` loses the last, partial quantum.
const END_FRAMES: usize = 9_600;

/// Full scale = 1; `planes[channel][frame]`.
fn read(path: &Path) -> Result<Vec<Vec<f32>>, hound::Error> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let full_scale = (1_u64 << (spec.bits_per_sample - 1)) as f64;
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
        hound::SampleFormat::Int => reader
            .samples::<i32>()
            .map(|sample| Ok((f64::from(sample?) / full_scale) as f32))
            .collect::<Result<_, hound::Error>>()?,
    };
    let channels = usize::from(spec.channels);
    Ok((0..channels).map(|channel| samples.iter().skip(channel).step_by(channels).copied().collect()).collect())
}

fn energy(signal: &[f32]) -> f64 {
    signal.iter().map(|&x| f64::from(x).powi(2)).sum()
}

/// The difference of a block from `played` at `begin`, relative to the block's energy; infinite beyond the ends.
fn difference(played: &[f32], block: &[f32], begin: isize, step: usize) -> f64 {
    let Some(there) = usize::try_from(begin).ok().and_then(|begin| played.get(begin..begin + block.len())) else {
        return f64::INFINITY;
    };
    let pairs = || there.iter().zip(block).step_by(step);
    let apart: f64 = pairs().map(|(p, b)| f64::from(p - b).powi(2)).sum();
    apart / pairs().map(|(_, b)| f64::from(*b).powi(2)).sum::<f64>()
}

/// What the comparison found.
#[derive(Debug, Default)]
struct Found {
    /// Frames that the recording is late against the rendered file at the first block.
    offset_frames: isize,
    gaps: usize,
    /// By which the gaps have shifted what follows.
    shifted_frames: isize,
    matched_blocks: usize,
    unmatched_blocks: usize,
    /// By which each block is late; `None` where it was not found.
    offsets: Vec<Option<isize>>,
}

/// Follows `rendered` through `played`, one driver of each.
fn follow(played: &[f32], rendered: &[f32]) -> Found {
    let mut found = Found::default();
    let first = |signal: &[f32]| signal.iter().position(|&x| x != 0.0).unwrap_or(0) as isize;
    let mut offset = first(played) - first(rendered);
    let compared = &rendered[..rendered.len().saturating_sub(END_FRAMES)];
    let loudest = compared.chunks_exact(BLOCK_FRAMES).map(energy).fold(0.0, f64::max);
    for (i, block) in compared.chunks_exact(BLOCK_FRAMES).enumerate() {
        let begin = (i * BLOCK_FRAMES) as isize;
        if energy(block) <= QUIET * loudest {
            found.offsets.push(Some(offset));
            continue;
        }
        if difference(played, block, begin + offset, 1) > SAME {
            let shifts = -REACH_FRAMES..=REACH_FRAMES;
            let best = shifts
                .map(|shift| (difference(played, block, begin + offset + shift, 4), shift))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            let shift = best.map_or(0, |(_, shift)| shift);
            if difference(played, block, begin + offset + shift, 1) > SAME {
                found.unmatched_blocks += 1;
                found.offsets.push(None);
                continue;
            }
            offset += shift;
            if found.matched_blocks > 0 {
                found.gaps += 1;
                found.shifted_frames += shift;
            }
        }
        if found.matched_blocks == 0 {
            found.offset_frames = offset;
        }
        found.matched_blocks += 1;
        found.offsets.push(Some(offset));
    }
    found
}

/// Percent of the frames that are the rendered ones, to the last bit, on all `drivers` (played, rendered).
fn equal_percent(drivers: &[(&Vec<f32>, &Vec<f32>)], offsets: &[Option<isize>]) -> f64 {
    let is_equal = |n: usize, offset: isize| {
        drivers.iter().all(|(played, rendered)| {
            let there = usize::try_from(n as isize + offset).ok().and_then(|at| played.get(at));
            there.is_some_and(|there| (there - rendered[n]).abs() <= ROUNDING)
        })
    };
    let frames = offsets.iter().enumerate().flat_map(|(i, &offset)| {
        let block = i * BLOCK_FRAMES..(i + 1) * BLOCK_FRAMES;
        block.map(move |n| offset.is_some_and(|offset| is_equal(n, offset)))
    });
    100.0 * frames.filter(|&equal| equal).count() as f64 / (offsets.len() * BLOCK_FRAMES) as f64
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [profile, recording, rendered] = &arguments[..] else {
        return Err("usage: compare PROFILE RECORDING RENDERED".into());
    };
    let profile = Profile::load(Path::new(profile))?;
    let (played, rendered) = (read(Path::new(recording))?, read(Path::new(rendered))?);
    let silence = Vec::new();
    let drivers: Vec<(&Vec<f32>, &Vec<f32>)> = profile
        .drivers
        .iter()
        .zip(&rendered)
        .map(|(driver, rendered)| (played.get(driver.channel).unwrap_or(&silence), rendered))
        .collect();
    let Some(&(played, loudest)) = drivers.iter().max_by(|a, b| energy(a.1).total_cmp(&energy(b.1))) else {
        return Err("no drivers".into());
    };
    let found = follow(played, loudest);
    if found.matched_blocks <= found.unmatched_blocks {
        println!("compared    cannot be: what was played is not the file as rendered (another volume?)");
        return Ok(());
    }
    if found.gaps > 0 {
        println!(
            "compared    GAPS: {}, of {} frames in all; {:.1} % of the frames are the rendered ones; what is neither an xrun \
             nor a dry ring is the player's, held up by a busy machine",
            found.gaps,
            found.shifted_frames,
            equal_percent(&drivers, &found.offsets)
        );
        return Ok(());
    }
    let apart = drivers.iter().flat_map(|(played, rendered)| {
        let end = rendered.len().saturating_sub(END_FRAMES);
        let at = move |n: usize| played.get(usize::try_from(n as isize + found.offset_frames).ok()?).copied();
        (0..end).map(move |n| (at(n).unwrap_or(0.0) - rendered[n]).abs())
    });
    match apart.fold(0.0, f32::max) {
        most if most <= ROUNDING => println!("compared    no gap, every sample is the rendered one"),
        most => println!(
            "compared    no gap; samples differ from the rendered ones by at most {:.0} dBFS",
            20.0 * most.log10()
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(frames: usize) -> Vec<f32> {
        let mut state = 0x5eed_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..frames).map(|_| next()).collect()
    }

    #[test]
    fn a_gap_is_found_and_measured() {
        let rendered = noise(96_000);
        let mut played = vec![0.0; 1_000];
        played.extend(&rendered);
        let whole = follow(&played, &rendered);
        assert_eq!((whole.offset_frames, whole.gaps, whole.unmatched_blocks), (1_000, 0, 0));
        for (at, gap) in [(31_000, 256), (61_000, 512)] {
            played.splice(at..at, vec![0.0; gap]);
        }
        let found = follow(&played, &rendered);
        assert_eq!((found.offset_frames, found.gaps, found.shifted_frames), (1_000, 2, 768));
        assert!(found.unmatched_blocks <= 2, "{found:?}");
        let percent = equal_percent(&[(&played, &rendered)], &found.offsets);
        assert!((94.0..99.0).contains(&percent), "two blocks of 46 have a gap within, but {percent} % are equal");
    }

    #[test]
    fn another_sound_does_not_match() {
        let rendered = noise(48_000);
        let other: Vec<f32> = noise(96_000).split_off(48_000);
        let found = follow(&other, &rendered);
        assert_eq!((found.matched_blocks, found.gaps), (0, 0));
    }
}
