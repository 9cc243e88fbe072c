//! Everything that reads what others wrote, each as a function of bytes: run by the fuzz targets, and by
//! tests/mutations.rs on damaged files. An error is an answer, and `false` returned; a panic, a hang or much memory is a
//! finding.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use spatiald::acoustics::measured::{ImpulseResponse, MeasuredDriver};
use spatiald::acoustics::measured_head::MeasuredHead;
use spatiald::audio_file::{Part, WavReader};
use spatiald::config::Config;
#[cfg(feature = "daemon")]
use spatiald::daemon::control::{Reply, Request};
use spatiald::design::Device;
use spatiald::dsp::{Chain, Coefficients};
use spatiald::profile::{Profile, read_coefficients, write_coefficients};
use spatiald::render::{self, Tap};

const RATE_HZ: u32 = 48_000;

/// `spatiald.toml`.
pub fn config(folder: &Path, bytes: &[u8]) -> bool {
    Config::load(&written(folder, "spatiald.toml", bytes)).is_ok()
}

/// `profile.toml`, beside coefficients for as many drivers as it seems to have, up to the chain.
pub fn profile(folder: &Path, bytes: &[u8]) -> bool {
    let drivers = String::from_utf8_lossy(bytes).matches("[[driver]]").count();
    write_impulses(folder, drivers.clamp(1, 16));
    written(folder, "profile.toml", bytes);
    let Ok(profile) = Profile::load(folder) else { return false };
    Chain::new(&profile.chain_spec()).expect("a valid profile has a chain");
    profile.at_rate(44_100).ok();
    Profile::load(&copy(&profile, folder)).expect("a valid profile can be saved and loaded again");
    true
}

/// A device description.
pub fn device(folder: &Path, bytes: &[u8]) -> bool {
    Device::load(&written(folder, "device.toml", bytes)).is_ok()
}

/// A WAV file as each of its readers takes it: sound, coefficients, a measured response.
pub fn wav(folder: &Path, bytes: &[u8]) -> bool {
    let path = written(folder, "file.wav", bytes);
    read_coefficients(&path, 2, RATE_HZ).ok();
    ImpulseResponse::from_wav(&path).ok();
    let Ok(mut reader) = WavReader::new(bytes) else { return false };
    let mut values = Vec::new();
    loop {
        while reader.read(4096, &mut values).is_ok_and(|frames| frames > 0) {}
        if matches!(reader.next_part(), Ok(Part::Nothing) | Err(_)) {
            return true;
        }
    }
}

/// Anything that `render` plays, its first ten seconds at most.
pub fn audio(folder: &Path, bytes: &[u8]) -> bool {
    const PLAIN: &str = "format = 1\nname = \"plain\"\nsample_rate_hz = 48000\n[upmix]\nmode = \"off\"\n\
                         [[driver]]\nname = \"left\"\nchannel = 0\n";
    write_impulses(folder, 1);
    written(folder, "profile.toml", PLAIN.as_bytes());
    let profile = Profile::load(folder).expect("a profile of one driver");
    let request = render::Request {
        profile: &profile,
        input: &written(folder, "music", bytes),
        output: &folder.join("out.wav"),
        limiter: false,
        tap: Tap::Drivers,
        aim: None,
        controls: Default::default(),
        stop: None,
    };
    let rendered = render::render(&request, &mut |progress| {
        let seconds = progress.frames / u64::from(progress.sample_rate_hz);
        if seconds < 10 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    rendered.is_ok()
}

/// A SOFA file, as a head and as a driver.
pub fn sofa(folder: &Path, bytes: &[u8]) -> bool {
    let path = written(folder, "file.sofa", bytes);
    let head = MeasuredHead::from_sofa(&path, 0.0875);
    let driver = MeasuredDriver::from_sofa(&path);
    head.is_ok() || driver.is_ok()
}

/// A line of the control socket: a client's request, or the daemon's answer.
#[cfg(feature = "daemon")]
pub fn control(_: &Path, line: &[u8]) -> bool {
    let request = serde_json::from_slice::<Request>(line);
    if let Ok(request) = &request {
        let said = serde_json::to_vec(request).expect("a request is JSON");
        assert_eq!(&serde_json::from_slice::<Request>(&said).expect("our own words"), request);
    }
    request.is_ok() || serde_json::from_slice::<Reply>(line).is_ok()
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file is written");
    path
}

/// `coefficients.wav` for so many drivers: an impulse each.
fn write_impulses(folder: &Path, drivers: usize) {
    let samples = [1.0f32, 0.0, 0.0, 0.0].repeat(3 * drivers);
    let coefficients = Coefficients::new(drivers, 4, samples).expect("1 to 16 drivers");
    write_coefficients(&folder.join("coefficients.wav"), &coefficients, RATE_HZ).expect("a file is written");
}

fn copy(profile: &Profile, folder: &Path) -> PathBuf {
    let copy = folder.join("copy");
    profile.save(&copy, None).expect("a profile is saved");
    copy
}
