//! The test card itself: what it records, how it paces, and how it fails.

mod support;

use std::time::{Duration, Instant};

use alsa::pcm::{Access, Format, HwParams, PCM, State};
use alsa::{Direction, ValueOr, poll::Descriptors};
use support::card::{Word, use_in_this_process};
use support::recording::Encoding;
use support::witness::be_realtime;
use support::{Card, undisturbed};

const RATE_HZ: u32 = 48_000;
const PERIOD: i64 = 256;
const EPIPE: i32 = nix::errno::Errno::EPIPE as i32;

/// Opens it on a thread that other tests cannot hold up for longer than the buffer lasts.
fn open(card: &Card, nonblock: bool) -> alsa::Result<PCM> {
    use_in_this_process();
    be_realtime(60);
    PCM::new(&card.pcm(), Direction::Playback, nonblock)
}

fn configure(pcm: &PCM, format: Format, channels: u32, rate_hz: u32) -> alsa::Result<()> {
    let hw = HwParams::any(pcm)?;
    hw.set_access(Access::RWInterleaved)?;
    hw.set_format(format)?;
    hw.set_channels(channels)?;
    hw.set_rate(rate_hz, ValueOr::Nearest)?;
    hw.set_period_size(PERIOD, ValueOr::Nearest)?;
    hw.set_buffer_size(4 * PERIOD)?;
    pcm.hw_params(&hw)?;
    let sw = pcm.sw_params_current()?;
    sw.set_start_threshold(4 * PERIOD)?;
    sw.set_avail_min(PERIOD)?;
    pcm.sw_params(&sw)
}

/// Writes `periods` of a counting pattern; returns at the first error.
fn feed(pcm: &PCM, channels: usize, first: i32, periods: i64) -> alsa::Result<i32> {
    let io = pcm.io_i32()?;
    let mut next = first;
    for _ in 0..periods {
        let frames: Vec<i32> = (next..next + PERIOD as i32 * channels as i32).collect();
        next += frames.len() as i32;
        let mut rest = &frames[..];
        while !rest.is_empty() {
            rest = &rest[io.writei(rest)? * channels..];
        }
    }
    Ok(next)
}

fn errno<T>(result: alsa::Result<T>) -> i32 {
    result.err().map_or(0, |e| e.errno())
}

#[test]
fn records_every_frame_in_order() {
    undisturbed(|| {
        let card = Card::new();
        let pcm = open(&card, false).unwrap();
        configure(&pcm, Format::s32(), 6, RATE_HZ).unwrap();
        let end = feed(&pcm, 6, 1, 40).unwrap();
        pcm.drain().unwrap();
        let played = card.recording();
        assert_eq!((played.channels, played.rate_hz, played.encoding), (6, RATE_HZ, Encoding::S32));
        assert_eq!(played.raw, (1..end).collect::<Vec<_>>());
        assert_eq!(card.get(Word::Xruns), 0);
    });
}

#[test]
fn every_format_channel_count_and_rate_opens() {
    for (format, encoding) in [
        (Format::S16LE, Encoding::S16),
        (Format::S243LE, Encoding::S24),
        (Format::S24LE, Encoding::S32),
        (Format::S32LE, Encoding::S32),
        (Format::FloatLE, Encoding::Float),
    ] {
        for (channels, rate_hz) in [(2, 44_100), (8, 48_000), (16, 96_000)] {
            let card = Card::new();
            let pcm = open(&card, false).unwrap();
            configure(&pcm, format, channels, rate_hz).unwrap();
            drop(pcm);
            let played = card.recording();
            assert_eq!((played.encoding, played.channels as u32, played.rate_hz), (encoding, channels, rate_hz));
        }
    }
}

#[test]
fn limits_are_kept() {
    let card = Card::with_limits("CHANNELS=2/8,RATES=48000,FORMATS=S16_LE");
    let pcm = open(&card, false).unwrap();
    let hw = HwParams::any(&pcm).unwrap();
    assert!(hw.set_channels(6).is_err());
    assert!(hw.set_channels(8).is_ok());
    assert!(hw.set_format(Format::S32LE).is_err());
    assert!(hw.set_rate(44_100, ValueOr::Nearest).is_err() && hw.set_rate(48_000, ValueOr::Nearest).is_ok());
}

#[test]
fn runs_by_its_own_clock() {
    undisturbed(|| {
        for ppm in [0, 20_000, -20_000] {
            let card = Card::new();
            card.set_clock_ppm(ppm);
            let pcm = open(&card, false).unwrap();
            configure(&pcm, Format::s32(), 2, RATE_HZ).unwrap();
            let begin = Instant::now();
            feed(&pcm, 2, 0, 4 + 188).unwrap(); // 188 periods through a full buffer: 1.0027 s
            let nominal_s = 188.0 * PERIOD as f64 / f64::from(RATE_HZ);
            // Never early; late only as far as the machine is busy.
            assert!(begin.elapsed().as_secs_f64() > nominal_s / (1.0 + ppm as f64 * 1e-6) - 0.006, "{ppm}");
            let start_ns = card.get(Word::StartNs);
            pcm.avail().unwrap();
            let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
            let elapsed_s = (now.tv_sec() * 1_000_000_000 + now.tv_nsec() - start_ns) as f64 * 1e-9;
            let expected = elapsed_s * f64::from(RATE_HZ) * (1.0 + ppm as f64 * 1e-6);
            assert!((card.recorded_frames() as f64 - expected).abs() < 50.0 || card.get(Word::Xruns) > 0, "{ppm}");
        }
    });
}

#[test]
fn delay_counts_what_is_written_and_not_yet_played() {
    undisturbed(|| {
        let card = Card::new();
        let pcm = open(&card, true).unwrap();
        configure(&pcm, Format::s32(), 2, RATE_HZ).unwrap();
        feed(&pcm, 2, 0, 3).unwrap();
        assert_eq!(pcm.delay().unwrap(), 3 * PERIOD);
        feed(&pcm, 2, 0, 1).unwrap();
        let delay = pcm.delay().unwrap();
        assert!(delay <= 4 * PERIOD && delay + card.recorded_frames() as i64 == 4 * PERIOD, "{delay}");
    });
}

#[test]
fn runs_dry_like_a_card_and_recovers() {
    undisturbed(|| {
        let card = Card::new();
        let pcm = open(&card, false).unwrap();
        configure(&pcm, Format::s32(), 2, RATE_HZ).unwrap();
        feed(&pcm, 2, 1, 4).unwrap();
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(errno(feed(&pcm, 2, 1, 1)), EPIPE);
        assert_eq!(pcm.state(), State::XRun);
        assert_eq!((card.get(Word::Xruns), card.get(Word::StaleFrames)), (1, PERIOD));
        // What stood in its memory sounded once more, until the period at which it noticed.
        let played = card.recording().raw;
        assert_eq!(played.len() as i64, 2 * 5 * PERIOD);
        assert_eq!(played[..2 * PERIOD as usize], played[8 * PERIOD as usize..]);
        pcm.prepare().unwrap();
        feed(&pcm, 2, 1, 6).unwrap();
        assert_eq!((card.get(Word::Starts), card.get(Word::Xruns)), (2, 1));
    });
}

#[test]
fn faults_come_when_commanded() {
    undisturbed(|| {
        let card = Card::new();
        card.set(Word::Busy, 1);
        assert_eq!(errno(open(&card, true)), nix::errno::Errno::EBUSY as i32);
        card.set(Word::Busy, 0);
        card.unplug();
        assert_eq!(errno(open(&card, true)), nix::errno::Errno::ENODEV as i32);
        card.replug();

        let pcm = open(&card, false).unwrap();
        assert_eq!(errno(open(&card, true)), nix::errno::Errno::EBUSY as i32, "one holder at a time");
        configure(&pcm, Format::s32(), 2, RATE_HZ).unwrap();
        feed(&pcm, 2, 1, 4).unwrap();
        card.force_xrun();
        assert_eq!(errno(feed(&pcm, 2, 1, 4)), EPIPE);
        assert_eq!((card.get(Word::Xruns), card.get(Word::ForcedXruns)), (0, 1));
        pcm.prepare().unwrap();
        feed(&pcm, 2, 1, 4).unwrap();
        card.unplug();
        assert_eq!(errno(feed(&pcm, 2, 1, 8)), nix::errno::Errno::ENODEV as i32);
        assert_eq!(pcm.state(), State::Disconnected);
        assert_eq!(errno(pcm.prepare()), nix::errno::Errno::ENODEV as i32);
        drop(pcm);
        card.replug();
        assert!(open(&card, true).is_ok());
    });
}

#[test]
fn a_stalled_card_wakes_nobody_and_goes_on_later() {
    undisturbed(|| {
        let card = Card::new();
        let pcm = open(&card, true).unwrap();
        configure(&pcm, Format::s32(), 2, RATE_HZ).unwrap();
        feed(&pcm, 2, 1, 4).unwrap();
        card.set(Word::Stalled, 1);
        pcm.avail().unwrap();
        let before = card.recorded_frames();
        let mut fds = pcm.get().unwrap();
        let until = Instant::now() + Duration::from_millis(100);
        while Instant::now() < until {
            alsa::poll::poll(&mut fds, 20).unwrap();
            assert!(pcm.revents(&fds).unwrap().is_empty());
        }
        assert_eq!(card.recorded_frames(), before);
        card.set(Word::Stalled, 0);
        assert!(pcm.wait(Some(1000)).unwrap());
        assert_eq!(card.get(Word::Xruns), 0);
    });
}

#[test]
fn non_blocking_writers_are_woken_a_period_at_a_time() {
    let card = Card::new();
    let pcm = open(&card, true).unwrap();
    configure(&pcm, Format::s32(), 2, RATE_HZ).unwrap();
    feed(&pcm, 2, 1, 4).unwrap();
    let mut wakes = 0;
    for _ in 0..100 {
        if let Err(e) = feed(&pcm, 2, 1, 1) {
            if e.errno() == EPIPE {
                pcm.prepare().unwrap(); // a busy machine: not what is tested here
                continue;
            }
            assert_eq!(e.errno(), nix::errno::Errno::EAGAIN as i32);
            assert!(pcm.wait(Some(1000)).unwrap() || pcm.state() != State::Running);
            wakes += 1;
        }
    }
    assert!(wakes > 0 && card.get(Word::Starts) >= 1);
}
