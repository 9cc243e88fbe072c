use std::fs;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use super::*;
use crate::audio_file::WavWriter;
use crate::dsp::{Chain, Coefficients, UpmixMode};
use crate::profile::write_coefficients;

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
fn integers_arrive_exactly() {
    let bed = Bed::straight();
    let input = bed.path("in.wav");
    let decoded = |channels: u16, bits: u16, samples: &[i32]| {
        write_integers(&input, channels, bits, samples);
        let mut decoder = Decoder::open(&input, None).unwrap();
        assert_eq!(decoder.frames(), Some(samples.len() as u64 / u64::from(channels)));
        let mut sides = [Vec::new(), Vec::new()];
        assert!(decoder.next(&mut sides).unwrap());
        let [left, right] = sides;
        (left, right)
    };
    assert_eq!(
        decoded(2, 16, &[32_767, -32_768, 1, -1]),
        (vec![32_767.0 / 32_768.0, 1.0 / 32_768.0], vec![-1.0, -1.0 / 32_768.0])
    );
    let full = (1 << 23) - 1;
    let unit = 1.0 / 8_388_608.0;
    assert_eq!(decoded(2, 24, &[full, -full - 1, 1, -321]), (vec![1.0 - unit, unit], vec![-1.0, -321.0 * unit]));
    // Of 32 bits the upper 24 count.
    assert_eq!(
        decoded(2, 32, &[0x1234_5678, -0x1234_5678]),
        (vec![0x12_3456 as f32 * unit], vec![(-0x1234_5678 >> 8) as f32 * unit])
    );
    assert_eq!(decoded(1, 16, &[5, 6]).0, decoded(1, 16, &[5, 6]).1);
}

#[test]
fn mono_goes_to_both_sides() {
    let bed = Bed::straight();
    let input = bed.path("in.wav");
    write_integers(&input, 1, 16, &[1000, -2000]);
    let (_, planes) = bed.render(&input);
    assert!((planes[0][0] - 1000.0 / 32_768.0).abs() < 1e-6 && (planes[0][1] + 2000.0 / 32_768.0).abs() < 1e-6);
    assert!(planes[0].iter().zip(&planes[1]).all(|(left, right)| (left - right).abs() < 1e-6));
}

#[test]
fn another_rate_is_served() {
    let bed = Bed::straight();
    let input = bed.path("in.wav");
    let tone: Vec<f32> = (0..2 * 4410).map(|i| (0.05 * (i / 2) as f32).sin() * 0.5).collect();
    write_floats(&input, 44_100, 2, &tone);
    let (summary, planes) = bed.render(&input);
    assert_eq!(summary.sample_rate_hz, 44_100);
    for frame in 200..4200 {
        assert!((planes[0][frame] - tone[2 * frame]).abs() < 0.005, "frame {frame}");
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

#[test]
fn every_refusal_says_why_and_leaves_nothing_behind() {
    let bed = Bed::straight();
    let output = bed.path("out.wav");
    let refuse = |name: &str, bytes: &[u8]| {
        let input = bed.path(name);
        fs::write(&input, bytes).unwrap();
        let error = quietly(&bed.request(&input, &output)).unwrap_err().to_string();
        fs::remove_file(&input).unwrap();
        assert_eq!(bed.files(), [] as [String; 0], "after: {error}");
        assert!(!error.contains('\n'));
        error.replace(&format!("{}/", bed.folder.path().display()), "")
    };
    assert!(refuse("empty.wav", b"").starts_with("empty.wav: this is no WAV, FLAC"));
    assert!(refuse("text.txt", b"hello, this is text").starts_with("text.txt: this is no WAV"));
    let six = bed.path("six.wav");
    write_integers(&six, 6, 16, &[1; 60]);
    let bytes = fs::read(&six).unwrap();
    fs::remove_file(&six).unwrap();
    assert_eq!(
        refuse("six.wav", &bytes),
        "six.wav: the file has 6 channels; mix it down to stereo first, for example with `sox IN -c 2 OUT`"
    );
    let none = bed.path("none.wav");
    write_integers(&none, 2, 16, &[]);
    let bytes = fs::read(&none).unwrap();
    fs::remove_file(&none).unwrap();
    let error = refuse("none.wav", &bytes);
    assert!(error.starts_with("none.wav: "), "{error}");

    let absent = bed.path("absent.flac");
    let error = quietly(&bed.request(&absent, &output)).unwrap_err().to_string();
    assert!(error.ends_with("absent.flac: cannot read it: no such file or directory; check the name"), "{error}");

    let input = bed.path("in.wav");
    write_integers(&input, 2, 16, &[1; 200_000]);
    let refuse_output = |output: &Path| quietly(&bed.request(&input, output)).unwrap_err().to_string();
    assert!(refuse_output(&input).contains("this is the input file"));
    let link = bed.path("link.wav");
    std::os::unix::fs::symlink(&input, &link).unwrap();
    assert!(refuse_output(&link).contains("this is the input file"));
    fs::remove_file(&link).unwrap();
    assert!(refuse_output(bed.folder.path()).contains("no regular file"));
    assert!(refuse_output(Path::new("/dev/null")).contains("no regular file"));
    let error = refuse_output(&bed.path("absent/out.wav"));
    assert!(error.contains("cannot write it: no such file or directory; there is no folder "), "{error}");

    fs::write(&output, "keep me").unwrap();
    let stopped = render(&bed.request(&input, &output), &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(RenderError::Stopped)));
    assert_eq!(fs::read(&output).unwrap(), b"keep me");
    assert_eq!(bed.files(), ["in.wav", "out.wav"]);
}

#[test]
fn a_full_disk_is_an_error_without_a_file() {
    // /dev/full takes no byte; the writer must say so at the latest when it is finished.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let failed = WavWriter::new(std::io::BufWriter::new(full), 2, RATE_HZ)
        .and_then(|mut writer| {
            writer.write(&[vec![0.0; 9], vec![0.0; 9]], 0..9)?;
            writer.finish()
        })
        .map(|_| ());
    assert!(failed.is_err());
}

#[test]
fn a_file_that_ends_early_is_rendered_as_far_as_it_goes() {
    let bed = Bed::straight();
    let input = bed.path("in.wav");
    write_integers(&input, 2, 16, &[100; 2 * 20_000]);
    let length = fs::metadata(&input).unwrap().len();
    let mut file = fs::OpenOptions::new().write(true).open(&input).unwrap();
    file.set_len(length - 40_000).unwrap();
    file.rewind().unwrap();
    file.flush().unwrap();
    let (summary, _) = bed.render(&input);
    assert!(summary.cut_short);
    assert!((9_000..=10_000).contains(&summary.input_frames), "{}", summary.input_frames);
}

/// A pipe without a writer, one that pauses, and one that nobody reads: each is left as soon as that is asked for.
#[cfg(unix)]
#[test]
fn waiting_ends_when_asked_to_and_nothing_stays_behind() {
    use std::os::unix::fs::OpenOptionsExt;
    let bed = Bed::straight();
    let pipe = bed.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let output = bed.path("out.wav");
    let whole = bed.path("whole.wav");
    write_integers(&whole, 2, 16, &[100; 2 * 30_000]);
    let bytes = fs::read(&whole).unwrap();
    for written in [0, 7, 44, 60_000] {
        let stop = Arc::new(AtomicBool::new(false));
        let mut writer = (written > 0).then(|| {
            // Both ends: opening does not wait, and the pipe stays open.
            fs::OpenOptions::new().read(true).write(true).custom_flags(0).open(&pipe).unwrap()
        });
        let request = Request { stop: Some(&stop), ..bed.request(&pipe, &output) };
        let outcome = std::thread::scope(|scope| {
            let rendering = scope.spawn(|| quietly(&request));
            if let Some(writer) = &mut writer {
                writer.write_all(&bytes[..written]).unwrap();
            }
            // It waits for the rest by now, or will find that it need not.
            std::thread::sleep(Duration::from_millis(50));
            stop.store(true, Ordering::Relaxed);
            rendering.join().unwrap()
        });
        assert!(matches!(outcome, Err(RenderError::Stopped)), "{written} bytes: {outcome:?}");
        assert_eq!(bed.files(), ["pipe", "whole.wav"], "{written} bytes");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_rendered_like_the_file() {
    let bed = Bed::straight();
    let (pipe, file) = (bed.path("pipe"), bed.path("in.flac"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for name in ["chirp.flac", "chirp.mp3", "chirp.ogg", "chirp.m4a", "chirp.aac"] {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name), &file).unwrap();
        let (_, direct) = bed.render(&file);
        let bytes = fs::read(&file).unwrap();
        let (_, piped) = std::thread::scope(|scope| {
            scope.spawn(|| fs::write(&pipe, bytes).unwrap());
            bed.render(&pipe)
        });
        // In a pipe nothing tells the length ahead: an encoder's padding at the end may stay.
        let common = direct[0].len().min(12_000);
        assert_eq!(piped[0][..common], direct[0][..common], "{name}");
    }
}
