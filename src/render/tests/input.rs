//! What is read: sample formats, mono, other rates, files that are cut short, pipes.

use std::io::{Seek, Write};

use super::*;

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
