use super::*;
use crate::config::{ControlName, MixerControl, MixerValue};

fn null(channels: usize) -> Request {
    Request { pcm: "null".into(), channels, ..Request::default() }
}

#[test]
fn the_null_device_takes_what_is_asked() {
    for format in SampleFormat::PREFERENCE {
        let request = Request { format: Some(format), ..null(6) };
        let device = open(&request).unwrap();
        let params = device.params();
        assert_eq!((params.format, params.channels, params.rate_hz), (format.into(), 6, 48_000));
        assert_eq!((params.period_frames, params.buffer_frames), (256, 768));
    }
}

#[test]
fn the_best_format_is_taken_by_itself() {
    assert_eq!(open(&null(2)).unwrap().params().format, SampleFormat::S32.into());
}

#[test]
fn an_unknown_name_points_to_the_list() {
    let request = Request { pcm: "no-such-device".into(), ..Request::default() };
    let error = open(&request).unwrap_err();
    assert!(matches!(error, OutputError::NotFound { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("no-such-device") && text.contains("aplay -L") && !text.contains('\n'), "{text}");
}

#[test]
fn a_missing_card_is_not_found() {
    let request = Request { pcm: "hw:31,0".into(), ..Request::default() };
    assert!(matches!(open(&request).unwrap_err(), OutputError::NotFound { .. }));
}

#[test]
fn a_name_alsa_cannot_take_is_refused() {
    for pcm in ["", "a\0b"] {
        let request = Request { pcm: pcm.into(), ..Request::default() };
        assert!(matches!(open(&request).unwrap_err(), OutputError::Name(_)));
    }
}

#[test]
fn more_channels_than_there_can_be_are_refused() {
    let error = open(&null(MAX_DEVICE_CHANNELS + 1)).unwrap_err();
    assert!(matches!(error, OutputError::Channels { needed: 257, .. }), "{error}");
}

/// A PCM of asound.conf or `plug:` says nothing of its card: its Master could be at +24 dB.
#[test]
fn mixer_controls_are_never_dropped() {
    let with = |card: Option<&str>| {
        let (control, value) = (ControlName::parse("Master"), MixerValue::Db(-24.0));
        open(&Request { mixer: vec![MixerControl { card: card.map(Into::into), control, value }], ..null(2) })
    };
    let error = with(None).unwrap_err().to_string();
    assert!(["'null'", "'Master'", "`card`"].iter().all(|part| error.contains(part)), "{error}");
    let error = with(Some("hw:31")).unwrap_err().to_string();
    assert!(["'null'", "'Master'", "hw:31"].iter().all(|part| error.contains(part)), "{error}");
}
