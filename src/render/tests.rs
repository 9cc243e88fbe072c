//! What comes out: the chain's samples, in sync with the input.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::dsp::{Chain, Coefficients, UpmixMode};
use crate::profile::write_coefficients;

mod input;
mod refusals;

const RATE_HZ: u32 = 48_000;

/// A folder with a profile of two drivers with FIRs of `firs`, input-major, and no upmix.
struct Bed {
    folder: tempfile::TempDir,
    profile: Profile,
}

impl Bed {
    fn new(taps: usize, firs: Vec<f32>) -> Bed {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("profile.toml"),
            "format = 1\nname = \"two\"\nsample_rate_hz = 48000\nblock_frames = 64\n[upmix]\nmode = \"off\"\n[[driver]]\nname = \"left\"\nchannel = 1\n[[driver]]\nname = \"right\"\nchannel = 0\n",
        )
        .unwrap();
        write_coefficients(
            &folder.path().join("coefficients.wav"),
            &Coefficients::new(2, taps, firs).unwrap(),
            RATE_HZ,
        )
        .unwrap();
        let profile = Profile::load(folder.path()).unwrap();
        Bed { folder, profile }
    }

    /// L′ to the left driver and R′ to the right one, unchanged.
    fn straight() -> Bed {
        let mut firs = vec![0.0; 6 * 8];
        firs[0] = 1.0;
        firs[3 * 8] = 1.0;
        Bed::new(8, firs)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn request<'a>(&'a self, input: &'a Path, output: &'a Path) -> Request<'a> {
        Request { limiter: false, ..whole(&self.profile, input, output) }
    }

    /// Renders `input` and reads the planes of the output.
    fn render(&self, input: &Path) -> (Summary, Vec<Vec<f32>>) {
        let output = self.path("out.wav");
        let summary = quietly(&self.request(input, &output)).unwrap_or_else(|e| panic!("{e}"));
        (summary, planes(&output))
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !matches!(name.as_str(), "profile.toml" | "coefficients.wav"))
            .collect();
        names.sort();
        names
    }
}

fn quietly(request: &Request) -> Result<Summary, RenderError> {
    render(request, &mut |_| ControlFlow::Continue(()))
}

fn planes(path: &Path) -> Vec<Vec<f32>> {
    let mut reader = hound::WavReader::open(path).unwrap();
    let channels = usize::from(reader.spec().channels);
    let samples: Vec<f32> = reader.samples().map(Result::unwrap).collect();
    (0..channels).map(|channel| samples.iter().skip(channel).step_by(channels).copied().collect()).collect()
}

/// Writes interleaved integers of `bits`.
fn write_integers(path: &Path, channels: u16, bits: u16, samples: &[i32]) {
    let spec = hound::WavSpec {
        channels,
        sample_rate: RATE_HZ,
        bits_per_sample: bits,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for &sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
}

fn write_floats(path: &Path, rate_hz: u32, channels: u16, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate_hz,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for &sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
}

/// Reproducible noise within ±0.5.
fn noise(length: usize, mut seed: u32) -> Vec<f32> {
    (0..length)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1u32 << 24) as f32 - 0.5
        })
        .collect()
}

/// The whole chain over a file, all as it is by default.
fn whole<'a>(profile: &'a Profile, input: &'a Path, output: &'a Path) -> Request<'a> {
    Request {
        profile,
        input,
        output,
        limiter: true,
        tap: Tap::Drivers,
        aim: None,
        controls: Controls::default(),
        stop: None,
    }
}

#[test]
fn the_output_is_the_convolution_in_sync() {
    let taps = 96;
    let mut firs = noise(6 * taps, 7);
    // The strongest tap of the left input's paths is tap 24: that is the modelling delay which is removed.
    firs[24] = 4.0;
    firs[3 * taps + 24] = 4.0;
    let bed = Bed::new(taps, firs.clone());
    let input = bed.path("in.wav");
    let samples = noise(2 * 3000, 3);
    write_floats(&input, RATE_HZ, 2, &samples);
    let (summary, planes) = bed.render(&input);
    assert_eq!(summary.input_frames, 3000);
    assert!(summary.output_frames >= 3000 + taps as u64 - 25);
    assert_eq!(summary.output_frames, planes[0].len() as u64);
    for (driver, plane) in planes.iter().enumerate() {
        for (frame, &found) in plane.iter().enumerate() {
            let mut expected = 0.0f64;
            for input in 0..2 {
                let fir = &firs[(input * 2 + driver) * taps..][..taps];
                for (tap, &h) in fir.iter().enumerate() {
                    let at = (frame + 24).checked_sub(tap);
                    let x = at.and_then(|at| samples.get(2 * at + input));
                    expected += x.map_or(0.0, |&x| f64::from(x) * f64::from(h));
                }
            }
            assert!(
                (f64::from(found) - expected).abs() < 2e-5,
                "driver {driver}, frame {frame}: {found} is not {expected}"
            );
        }
        let peak = plane.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
        assert_eq!(summary.peaks[driver].1, peak);
    }
}

#[test]
fn shipped_profiles_keep_an_impulse_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
    // From the left only, so that the path of the left driver carries it.
    let mut samples = vec![0.0; 2 * 6000];
    samples[2 * 2500] = 0.01;
    write_floats(&input, RATE_HZ, 2, &samples);
    for name in ["pair", "cylinder", "bar-wide"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles").join(name);
        let mut profile = Profile::load(&path).unwrap();
        profile.upmix.mode = UpmixMode::Off;
        let request = whole(&profile, &input, &output);
        quietly(&request).unwrap();
        let strongest = planes(&output)
            .iter()
            .flat_map(|plane| plane.iter().copied().enumerate().collect::<Vec<_>>())
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
            .unwrap();
        assert!(strongest.0.abs_diff(2500) <= 24, "{name}: frame {}", strongest.0);
    }
}

/// The reference devices are their own mirror images, and what designs their filters keeps that within rounding.
#[test]
fn shipped_profiles_are_computed_in_the_cheapest_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles");
    for name in ["pair", "cylinder", "bar"].into_iter().flat_map(|d| ["", "-wide", "-room"].map(|m| format!("{d}{m}")))
    {
        let profile = Profile::load(&folder.join(&name)).unwrap();
        let form = Chain::new(&profile.chain_spec()).unwrap().form();
        assert!(form.mid_side, "{name}: {form}");
        assert!(form.multiplied_partitions * 3 <= form.all_partitions * 2, "{name}: {form}");
    }
}

#[test]
fn it_is_what_the_chain_makes_of_the_samples() {
    let profile = Profile::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles/cylinder")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
    let samples = noise(2 * 20_000, 11);
    write_floats(&input, RATE_HZ, 2, &samples);
    let request = whole(&profile, &input, &output);
    let summary = quietly(&request).unwrap();
    let mut chain = Chain::new(&profile.chain_spec()).unwrap();
    let latency = chain.latency_frames();
    let frames = summary.output_frames as usize + latency;
    let side = |side: usize| -> Vec<f32> {
        let mut plane: Vec<f32> = samples.iter().skip(side).step_by(2).copied().collect();
        plane.resize(frames, 0.0);
        plane
    };
    let mut expected = vec![vec![0.0; frames]; 3];
    let mut slices: Vec<&mut [f32]> = expected.iter_mut().map(Vec::as_mut_slice).collect();
    chain.process(&side(0), &side(1), &mut slices);
    for (found, expected) in planes(&output).iter().zip(&expected) {
        assert!(found.iter().zip(&expected[latency..]).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}

#[test]
fn the_tap_gives_a_sum_that_is_the_input() {
    let mut bed = Bed::straight();
    bed.profile.upmix.mode = UpmixMode::Separation;
    let (input, output) = (bed.path("in.wav"), bed.path("out.wav"));
    // Silence at first: the grid begins with the sound.
    let mut samples = vec![0.0; 2 * 777];
    samples.extend(noise(2 * 9000, 5));
    write_floats(&input, RATE_HZ, 2, &samples);
    let request = Request { tap: Tap::Upmix, ..bed.request(&input, &output) };
    let summary = quietly(&request).unwrap();
    let planes = planes(&output);
    assert_eq!(planes.len(), 3);
    assert_eq!(summary.peaks[2].0, "center");
    for (frame, pair) in samples.chunks(2).enumerate() {
        let center = planes[2][frame];
        assert!((planes[0][frame] + center - pair[0]).abs() < 1e-6, "frame {frame}");
        assert!((planes[1][frame] + center - pair[1]).abs() < 1e-6, "frame {frame}");
    }
}

#[test]
fn a_shipped_profile_sends_mono_to_the_center() {
    let profile = Profile::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/profiles/cylinder")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
    let samples = noise(24_000, 9);
    write_floats(&input, RATE_HZ, 1, &samples);
    let request = Request { tap: Tap::Upmix, ..whole(&profile, &input, &output) };
    quietly(&request).unwrap();
    let power = |samples: &[f32]| samples[12_000..24_000].iter().map(|v| f64::from(v * v)).sum::<f64>();
    let planes = planes(&output);
    assert!(power(&planes[2]) > 0.9 * power(&samples));
    assert!(power(&planes[0]) < 1e-3 * power(&samples));
}
