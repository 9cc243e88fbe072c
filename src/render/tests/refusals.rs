//! What is refused or stopped, and that nothing is left behind.

use std::io::Write;

use super::*;
use crate::audio_file::WavWriter;

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
    assert!(refuse("empty.wav", b"").starts_with("empty.wav: this is no WAV, AIFF, FLAC"));
    let text = refuse("text.txt", b"hello, this is text");
    assert!(text.starts_with("text.txt: this is no WAV") && text.contains("(nothing in it looks like one)"), "{text}");
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
