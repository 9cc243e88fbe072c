//! A profile at another sample rate than its own.

use super::*;

/// Frequency response of a FIR, as (re, im).
fn response(fir: &[f32], frequency_hz: f64, rate_hz: f64) -> (f64, f64) {
    let w = 2.0 * std::f64::consts::PI * frequency_hz / rate_hz;
    fir.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, &h)| {
        let phase = w * n as f64;
        (re + f64::from(h) * phase.cos(), im - f64::from(h) * phase.sin())
    })
}

#[test]
fn another_rate_has_the_same_response() {
    let mut profile = Profile::load(&shipped().join("cylinder")).unwrap();
    profile.path_delay_frames = [0, 0, 37];
    profile.drivers[1].delay_frames = 11;
    for rate_hz in [44_100, 96_000, 88_200] {
        let other = profile.at_rate(rate_hz).unwrap();
        assert_eq!(other.sample_rate_hz, rate_hz);
        let rate = f64::from(rate_hz);
        let (before, after) = (profile.full_coefficients().unwrap(), other.full_coefficients().unwrap());
        let total = |profile: &Profile, input: usize, driver: usize| {
            (profile.path_delay_frames[input] + profile.drivers[driver].delay_frames) as f64
        };
        for frequency_hz in [100.0, 1000.0, 5000.0, 12_000.0, 20_000.0] {
            // One lead, common to all paths, is allowed; beyond it the phase must agree too.
            let mut lead = None;
            for input in 0..3 {
                for driver in 0..3 {
                    let (r0, i0) = response(before.fir(input, driver), frequency_hz, 48_000.0);
                    let (r1, i1) = response(after.fir(input, driver), frequency_hz, rate);
                    let level = 20.0 * (r1.hypot(i1) / r0.hypot(i0)).log10();
                    // Deep in a stop band the absolute error counts, not the ratio.
                    let absolute = (r1.hypot(i1) - r0.hypot(i0)).abs();
                    assert!(
                        level.abs() < 0.05 || absolute < 1e-4,
                        "{rate_hz} {frequency_hz} {input}{driver}: {level} dB"
                    );
                    if r0.hypot(i0) < 0.01 {
                        continue;
                    }
                    let delay_s = total(&other, input, driver) / rate - total(&profile, input, driver) / 48_000.0;
                    let turn = i1.atan2(r1) - i0.atan2(r0) - 2.0 * std::f64::consts::PI * frequency_hz * delay_s;
                    let (c, s) = (turn.cos(), turn.sin());
                    let (c0, s0) = *lead.get_or_insert((c, s));
                    assert!((c - c0).hypot(s - s0) < 0.01, "{rate_hz} {frequency_hz} {input}{driver}: phase {turn}");
                }
            }
        }
    }
    assert!(profile.at_rate(7000).is_err());
    assert_eq!(profile.at_rate(48_000).unwrap(), profile);
}

#[test]
fn a_unit_impulse_stays_one_at_another_rate() {
    let folder = folder_with(PAIR);
    let mut set = vec![0.0; 6 * 4];
    set.chunks_exact_mut(4).for_each(|fir| fir[0] = 1.0);
    write_coefficients(&folder.path().join("coefficients.wav"), &Coefficients::new(2, 4, set).unwrap(), 48_000)
        .unwrap();
    let other = Profile::load(folder.path()).unwrap().at_rate(44_100).unwrap();
    let fir = other.full_coefficients().unwrap().fir(0, 0).to_vec();
    for frequency_hz in [20.0, 1000.0, 20_000.0] {
        let (re, im) = response(&fir, frequency_hz, 44_100.0);
        let level = 20.0 * (re.hypot(im) * 48_000.0 / 44_100.0).log10();
        let scale = 20.0 * (48_000.0f64 / 44_100.0).log10();
        assert!((level - scale).abs() < 0.05, "{frequency_hz} Hz: {level} dB, {scale}");
    }
}

#[test]
fn coefficients_of_another_rate_are_preferred() {
    let folder = folder_with(PAIR);
    let other = impulses(2, 9);
    write_coefficients(&folder.path().join("coefficients-44100.wav"), &other, 44_100).unwrap();
    let profile = Profile::load(folder.path()).unwrap();
    let at_rate = profile.at_rate(44_100).unwrap();
    assert_eq!(at_rate.full_coefficients().unwrap().fir(0, 0), &other.fir(0, 0)[..3]);
    fs::write(folder.path().join("coefficients-44100.wav"), b"RIFF").unwrap();
    assert!(profile.at_rate(44_100).unwrap_err().to_string().contains("coefficients-44100.wav"));
}
