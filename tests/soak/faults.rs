//! What may happen to a speaker, done to a daemon that plays a tone.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::Dice;
use crate::support::bed::RATE_HZ;
use crate::support::card::Word;
use crate::support::wait::{PATIENCE, wait_until};
use crate::support::{Bed, Card, Options, Process, Setup, Source};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Replug,
    Xrun,
    Stall,
    Busy,
    SlowOpen,
    PipewireDies,
    WireplumberDies,
    PipewireStops,
    Quantum,
    Rate,
    OtherDefault,
    Reloads,
    Hangups,
    BadClients,
}

impl Fault {
    pub const ALL: [Fault; 14] = [
        Fault::Replug,
        Fault::Xrun,
        Fault::Stall,
        Fault::Busy,
        Fault::SlowOpen,
        Fault::PipewireDies,
        Fault::WireplumberDies,
        Fault::PipewireStops,
        Fault::Quantum,
        Fault::Rate,
        Fault::OtherDefault,
        Fault::Reloads,
        Fault::Hangups,
        Fault::BadClients,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Fault::Replug => "unplugged, put back",
            Fault::Xrun => "xrun",
            Fault::Stall => "device stands still",
            Fault::Busy => "device taken by another",
            Fault::SlowOpen => "device opens slowly",
            Fault::PipewireDies => "PipeWire killed",
            Fault::WireplumberDies => "WirePlumber killed",
            Fault::PipewireStops => "PipeWire stopped for 5 s",
            Fault::Quantum => "forced quantum",
            Fault::Rate => "forced rate",
            Fault::OtherDefault => "another default sink",
            Fault::Reloads => "reloads by six clients",
            Fault::Hangups => "100 SIGHUP",
            Fault::BadClients => "clients that hang",
        }
    }
}

/// RMS, in windows of 10 ms, from which the tone is there: of all its profiles' levels the lower half.
const AUDIBLE: f64 = 1e-3;
const WINDOW_FRAMES: usize = RATE_HZ as usize / 100;
/// For so long the sound must be there without a gap to be back.
const STEADY: Duration = Duration::from_millis(1500);

pub struct Rig {
    // Ends before the session does.
    player: Option<Source>,
    bed: Bed,
}

impl Rig {
    pub fn start() -> Rig {
        // A profile of two drivers takes two channels, one of three takes four: a reload opens the device anew.
        let card = Card::with_limits("CHANNELS=2/4,FORMATS=S16_LE");
        let bed = Bed::with_card(card, Setup { quantum_frames: 512, pulse: false }, &Options::default());
        let broken = bed.session.path("config/spatiald/profiles/bar/coefficients.wav");
        std::fs::write(&broken, b"no audio").expect("a broken profile");
        let mut rig = Rig { player: None, bed };
        rig.set_default(&rig.bed.daemon.sink());
        rig.play();
        rig.measure_return(Instant::now());
        rig
    }

    pub fn pid(&mut self) -> Pid {
        self.bed.daemon.process().pid()
    }

    pub fn log(&self) -> String {
        self.bed.daemon.log()
    }

    /// Looks at the daemon while one and the same profile plays, and nothing is under way.
    pub fn at_rest<T>(&mut self, look: impl FnOnce() -> T) -> T {
        self.reload("cylinder");
        self.measure_return(Instant::now());
        sleep(Duration::from_secs(2));
        look()
    }

    /// Where the music goes when it goes away. It is never suspended: WirePlumber 0.4 dies of a sink that is gone when
    /// its time to be suspended has come (`wp_node_send_command` on a proxy without an object).
    fn create_other_sink(&self) {
        let properties = "{ factory.name = support.null-audio-sink node.name = other media.class = Audio/Sink \
                          object.linger = true audio.position = [ FL FR ] session.suspend-timeout-seconds = 0 }";
        self.bed.session.text("pw-cli", &["create-node", "adapter", properties]);
    }

    fn play(&mut self) {
        self.player = None;
        let mut n = 0_u64;
        let step = std::f64::consts::TAU * 997.0 / f64::from(RATE_HZ);
        // It names no sink: it follows the default.
        let tone = move |left: &mut [f32], right: &mut [f32], _| {
            for (left, right) in left.iter_mut().zip(right) {
                *left = (0.1 * (step * (n % u64::from(RATE_HZ)) as f64).sin()) as f32;
                *right = *left;
                n += 1;
            }
        };
        self.player = Some(Source::start(&self.bed.session.path("run/pipewire-0"), "", 512, tone));
    }

    fn set_default(&self, sink: &str) {
        let value = format!("{{\"name\":\"{sink}\"}}");
        self.metadata(&["0", "default.configured.audio.sink", &value, "Spa:String:JSON"]);
    }

    fn metadata(&self, arguments: &[&str]) {
        self.bed.session.text("pw-metadata", arguments);
    }

    fn reload(&self, profile: &str) {
        let answer = self.bed.daemon.ask(&["--reload", profile]);
        assert!(answer.status.success(), "{}\n{}", String::from_utf8_lossy(&answer.stderr), self.log());
    }

    /// Does it, undoes it, and tells how long after that the sound was there again, for good.
    pub fn suffer(&mut self, fault: Fault, dice: &mut Dice) -> Duration {
        let card = &self.bed.card;
        let a_while = Duration::from_millis(200 + dice.below(2500));
        let over = match fault {
            Fault::Replug => {
                card.unplug();
                sleep(a_while);
                card.replug();
                Instant::now()
            }
            Fault::Xrun => {
                let before = card.get(Word::ForcedXruns);
                card.force_xrun();
                assert!(wait_until(|| card.get(Word::ForcedXruns) > before));
                Instant::now()
            }
            Fault::Stall => {
                card.set(Word::Stalled, 1);
                sleep(a_while);
                card.set(Word::Stalled, 0);
                Instant::now()
            }
            Fault::Busy => {
                card.set(Word::Busy, 1);
                card.unplug();
                self.wait_for_loss();
                self.bed.card.replug();
                sleep(a_while);
                self.bed.card.set(Word::Busy, 0);
                Instant::now()
            }
            Fault::SlowOpen => {
                card.set(Word::OpenDelayMs, a_while.as_millis() as i64);
                card.unplug();
                self.wait_for_loss();
                self.bed.card.replug();
                let over = Instant::now() + a_while;
                let opens = self.bed.card.get(Word::Opens);
                assert!(wait_until(|| self.bed.card.get(Word::Opens) > opens), "{}", self.log());
                self.bed.card.set(Word::OpenDelayMs, 0);
                over
            }
            Fault::PipewireDies => {
                self.bed.session.kill_pipewire();
                sleep(a_while);
                self.bed.session.start_pipewire();
                let over = Instant::now();
                self.play();
                over
            }
            Fault::WireplumberDies => {
                self.bed.session.kill_wireplumber();
                sleep(a_while);
                self.bed.session.start_wireplumber();
                Instant::now()
            }
            Fault::PipewireStops => {
                self.bed.session.signal_pipewire(Signal::SIGSTOP);
                sleep(Duration::from_secs(5));
                self.bed.session.signal_pipewire(Signal::SIGCONT);
                Instant::now()
            }
            Fault::Quantum => {
                self.bed.session.force_quantum(64 << dice.below(6));
                sleep(a_while);
                self.bed.session.force_quantum(0);
                Instant::now()
            }
            Fault::Rate => {
                self.metadata(&["-n", "settings", "0", "clock.force-rate", "44100"]);
                sleep(a_while);
                self.metadata(&["-n", "settings", "0", "clock.force-rate", "0"]);
                Instant::now()
            }
            Fault::OtherDefault => {
                self.create_other_sink();
                self.set_default("other");
                sleep(a_while);
                self.set_default(&self.bed.daemon.sink());
                let over = Instant::now();
                let other = self.bed.session.node_id("other").to_string();
                self.bed.session.text("pw-cli", &["destroy", &other]);
                over
            }
            Fault::Reloads => {
                self.reload_by_many(dice);
                Instant::now()
            }
            Fault::Hangups => {
                for _ in 0..100 {
                    self.bed.daemon.signal(Signal::SIGHUP);
                    sleep(Duration::from_millis(dice.below(5)));
                }
                Instant::now()
            }
            Fault::BadClients => {
                self.hang_clients();
                Instant::now()
            }
        };
        self.measure_return(over)
    }

    fn wait_for_loss(&self) {
        let lost = wait_until(|| self.bed.daemon.status()["state"] == "no-device");
        assert!(lost, "{}", self.log());
    }

    /// Each is told its own truth.
    fn reload_by_many(&self, dice: &mut Dice) {
        let names = ["pair", "cylinder-wide", "bar", "cylinder", "nowhere", "pair-wide"];
        let start = |i: usize| {
            let name = names[dice.below(6) as usize];
            let mut command = self.bed.daemon.ask_later(&["--reload", name]);
            (name, self.bed.session.spawn(&format!("reload-{i}"), &mut command))
        };
        let clients: Vec<(&str, Process)> = (0..6).map(start).collect();
        for (name, mut client) in clients {
            // One that was overtaken by a later one gets that one's answer, which says so.
            let status = client.wait();
            assert!(matches!(status.code(), Some(0 | 1)), "{name}: {status}, {}", client.output());
        }
        let status = self.bed.daemon.status();
        assert!(!["bar", "nowhere"].contains(&status["profile"]["name"].as_str().unwrap_or("nowhere")), "{status}");
    }

    /// Some send nothing, some half a request, some ask and do not read. Another one is served meanwhile.
    fn hang_clients(&self) {
        let socket = self.bed.session.path("run/spatiald/test.sock");
        let requests: [&[u8]; 3] = [b"", b"{\"reload\":", b"\"status\"\n"];
        let connect = |i: usize| {
            let mut stream = UnixStream::connect(&socket).ok()?;
            // It may have been turned away already.
            stream.write_all(requests[i % 3]).ok();
            Some(stream)
        };
        let hanging: Vec<_> = (0..60).filter_map(connect).collect();
        assert!(hanging.len() > 30, "{} connected", hanging.len());
        sleep(Duration::from_millis(500));
        drop(hanging);
        self.bed.daemon.status();
    }

    /// How long after `over` the sound was there again, without a gap since: by frames of the recording, of which the
    /// last is as old as this look at it.
    fn measure_return(&self, over: Instant) -> Duration {
        let card = &self.bed.card;
        let deadline = Instant::now() + PATIENCE;
        // What was recorded before is not looked at again.
        let (mut number, mut begin) = (card.get(Word::RecordingNumber), card.recorded_frames());
        card.set(Word::MutedRecord, 0);
        loop {
            sleep(Duration::from_millis(100));
            self.bed.daemon.assert_alive();
            if number != card.get(Word::RecordingNumber) {
                (number, begin) = (card.get(Word::RecordingNumber), 0);
            }
            let frames = card.recorded_frames();
            let looked = Instant::now();
            let steady_frames = (STEADY.as_secs_f64() * f64::from(RATE_HZ)) as usize;
            if frames > begin + steady_frames {
                let sound = card.recording_from(begin).channel(0);
                let silent = |window: &[f64]| crate::support::analysis::rms(window) < AUDIBLE;
                let windows: Vec<&[f64]> = sound.chunks_exact(WINDOW_FRAMES).collect();
                let silence = windows.iter().rposition(|window| silent(window)).map_or(0, |i| i + 1) * WINDOW_FRAMES;
                let started = (card.get(Word::StartFrame) as usize).saturating_sub(begin);
                let returned = silence.max(started.min(sound.len()));
                let since = Duration::from_secs_f64((sound.len() - returned) as f64 / f64::from(RATE_HZ));
                if since >= STEADY {
                    card.set(Word::MutedRecord, 1);
                    self.forget_recordings(number);
                    return looked.saturating_duration_since(over).saturating_sub(since);
                }
            }
            assert!(
                Instant::now() < deadline,
                "no sound:\n{}\n{}\n{}",
                self.bed.daemon.status(),
                String::from_utf8_lossy(&self.bed.session.output("pw-cli", &["ls", "Node"]).stdout),
                self.log()
            );
        }
    }

    /// Hours of sound would fill the memory they lie in.
    fn forget_recordings(&self, present: i64) {
        for number in 0..present {
            // Most are gone.
            std::fs::remove_file(self.bed.card.folder().join(format!("recording-{number}.wav"))).ok();
        }
    }
}
