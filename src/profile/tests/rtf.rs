//! The RTF form: folded, or refused.

use super::*;

#[test]
fn the_rtf_form_folds_into_full_firs() {
    let folder = folder_with(&format!(
        "{}\n[rtf]\nleft = {{ own = \"left\", delay_frames = 2 }}\nright = {{ own = \"right\" }}\ncenter = {{ own = \"left\", delay_frames = 1 }}\n",
        PAIR.replace("48000\n", "48000\nform = \"rtf\"\n")
    ));
    #[rustfmt::skip]
    let stored = vec![
        1.0, 0.5, 0.0,   0.0, 0.0, 2.0, // left: EQ, W
        0.0, 3.0, 0.0,   1.0, 0.0, 0.0, // right: W, EQ
        1.0, 0.0, 0.0,   0.25, 0.0, 0.0, // center: EQ, W
    ];
    let set = Coefficients::new(2, 3, stored).unwrap();
    write_coefficients(&folder.path().join("coefficients.wav"), &set, 48_000).unwrap();
    let full = Profile::load(folder.path()).unwrap().full_coefficients().unwrap();
    assert_eq!(full.taps(), 4);
    assert_eq!(full.fir(0, 0), [0.0, 0.0, 1.0, 0.5]);
    assert_eq!(full.fir(0, 1), [0.0, 0.0, 2.0, 1.0]);
    assert_eq!(full.fir(1, 0), [0.0, 3.0, 0.0, 0.0]);
    assert_eq!(full.fir(1, 1), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(full.fir(2, 0), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(full.fir(2, 1), [0.25, 0.0, 0.0, 0.0]);
}

/// A profile of two drivers in the RTF form whose FIRs are `equalizer` (own driver) and `transfer` (the other).
fn rtf_folder(equalizer: &[f32], transfer: &[f32]) -> tempfile::TempDir {
    let folder = folder_with(&format!(
        "{}\n[rtf]\nleft = {{ own = \"left\" }}\nright = {{ own = \"right\" }}\ncenter = {{ own = \"left\" }}\n",
        PAIR.replace("48000\n", "48000\nform = \"rtf\"\n")
    ));
    write_rtf(&folder.path().join("coefficients.wav"), equalizer, transfer, 48_000);
    folder
}

fn write_rtf(path: &Path, equalizer: &[f32], transfer: &[f32], rate_hz: u32) {
    let [e, w] = [equalizer, transfer];
    let set = Coefficients::new(2, e.len(), [e, w, w, e, e, w].concat()).unwrap();
    write_coefficients(path, &set, rate_hz).unwrap();
}

/// Played unfolded or cut short, an RTF profile would be another filter altogether.
#[test]
fn an_rtf_form_that_does_not_fold_is_refused() {
    let long: Vec<f32> = (0..5000).map(|n| if n == 0 || n == 4999 { 1.0 } else { 0.0 }).collect();
    let too_long = "equalizer and relative transfer functions together have 9999 taps; use at most 8192";
    assert_eq!(fault(rtf_folder(&long, &long).path()), format!("coefficients.wav: {too_long}"));

    let too_large = fault(rtf_folder(&[1e4, 0.0], &[1e4, 0.0]).path());
    assert!(too_large.starts_with("coefficients.wav: equalizer times relative transfer function"), "{too_large}");
    assert!(too_large.contains("; lower the gain"), "{too_large}");

    let folder = rtf_folder(&[1.0, 0.5], &[0.0, 1.0]);
    let profile = Profile::load(folder.path()).unwrap();
    profile.at_rate(44_100).unwrap();
    let other = folder.path().join("coefficients-44100.wav");
    write_rtf(&other, &long, &long, 44_100);
    let error = profile.at_rate(44_100).unwrap_err().to_string();
    assert_eq!(error, format!("{}: {too_long}", other.display()));
    write_rtf(&other, &[1e4, 0.0], &[1e4, 0.0], 44_100);
    let error = profile.at_rate(44_100).unwrap_err().to_string();
    assert!(error.contains("coefficients-44100.wav: equalizer times"), "{error}");

    let mut by_hand = profile.clone();
    by_hand.coefficients = Coefficients::new(2, 1, vec![1e4; 6]).unwrap();
    assert!(by_hand.chain_spec().coefficients.samples().iter().all(|&tap| tap == 0.0));
}
