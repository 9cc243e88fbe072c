//! A minute of tone on cards whose clocks are off: not one sample is dropped or repeated.

mod support;

use support::{Bed, Card, Options, Setup, undisturbed};

fn a_minute(quantum_frames: u32, ppm: i64) {
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    card.set_clock_ppm(ppm);
    let bed = Bed::with_card(card, Setup { quantum_frames, pulse: false }, &Options::default());
    bed.session.force_quantum(quantum_frames);
    let _player = bed.play_tone(0.1, quantum_frames, 1.5);
    let minute = bed.listen(60.0);
    assert_eq!(bed.daemon.count("quantum_frames"), u64::from(quantum_frames));
    bed.assert_whole(minute);
}

#[test]
fn small_quantum_on_a_fast_card() {
    undisturbed(|| {
        a_minute(256, 200);
    });
}

#[test]
fn small_quantum_on_a_slow_card() {
    undisturbed(|| {
        a_minute(256, -300);
    });
}

#[test]
fn large_quantum_on_a_fast_card() {
    undisturbed(|| {
        a_minute(1024, 200);
    });
}

#[test]
fn large_quantum_on_a_slow_card() {
    undisturbed(|| {
        a_minute(1024, -300);
    });
}
