use std::f64::consts::PI;

use proptest::prelude::*;

use super::*;

const FRAMES: usize = 12_000;

/// What the fixtures were encoded from: a chirp from 200 to 4000 Hz on the left, a rising 440 Hz tone on the right.
fn original() -> [Vec<f32>; 2] {
    let side = |sample: &dyn Fn(f64) -> f64| {
        let value = |frame: usize| (0.4 * sample(frame as f64 / 48_000.0) * 32_767.0).round() / 32_768.0;
        (0..FRAMES).map(|frame| value(frame) as f32).collect()
    };
    [
        side(&|t| (2.0 * PI * (200.0 * t + 0.5 * 3800.0 / 0.25 * t * t)).sin()),
        side(&|t| (2.0 * PI * 440.0 * t).sin() * t / 0.25),
    ]
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn decoded(path: &Path) -> Result<[Vec<f32>; 2], RenderError> {
    let mut decoder = Decoder::open(path)?;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut all = [Vec::new(), Vec::new()];
    while decoder.next(&mut left, &mut right)? {
        all[0].extend_from_slice(&left);
        all[1].extend_from_slice(&right);
    }
    Ok(all)
}

/// Error of `decoded` beside `original` in dB, where it is taken to lag by `lag` frames.
fn error_db(decoded: &[f32], original: &[f32], lag: isize) -> f64 {
    let (mut error, mut power) = (0.0f64, 0.0f64);
    for frame in 500..FRAMES - 500 {
        let found = f64::from(decoded[(frame as isize + lag) as usize]);
        let wanted = f64::from(original[frame]);
        error += (found - wanted).powi(2);
        power += wanted.powi(2);
    }
    10.0 * (error / power).log10()
}

#[test]
fn flac_is_exact() {
    assert_eq!(decoded(&fixture("chirp.flac")).unwrap(), original());
}

#[test]
fn lossy_files_have_their_length_and_place() {
    for name in ["chirp.mp3", "chirp.ogg"] {
        let decoded = decoded(&fixture(name)).unwrap();
        for (decoded, original) in decoded.iter().zip(&original()) {
            assert_eq!(decoded.len(), FRAMES, "{name}");
            let there = error_db(decoded, original, 0);
            assert!(there < -20.0, "{name}: {there} dB");
            for lag in [-2, -1, 1, 2] {
                assert!(there < error_db(decoded, original, lag) - 3.0, "{name}: at {lag}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_damage_makes_it_panic(
        name in prop::sample::select(vec!["chirp.flac", "chirp.mp3", "chirp.ogg"]),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        kept in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(kept.index(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        decoded(&path).ok();
    }
}
