//! Two speakers in a network of their own, for minutes: how far they are apart, and what is lost and comes back.
//! `tests/several.sh` runs it, as root, and prints what docs/several-speakers.md tells.

#[path = "../support/mod.rs"]
mod support;

mod net;
mod snapcast;

use std::time::{Duration, Instant};

use net::Network;
use nix::sys::signal::Signal;
use support::rtp::{Group, play_noise};
use support::step::{Step, step};
use support::{Bed, Options, Session, Source};

/// In step: apart by less than sound takes for 1.7 m.
const IN_STEP_FRAMES: f64 = 240.0;
/// As long they have to be in step to count as it.
const LASTING_S: f64 = 5.0;
/// How far apart two speakers are looked for, and how old must be what is compared for that.
const REACH_S: f64 = 1.0;
const AGE_S: f64 = REACH_S + 0.3;
const ALIKE: f64 = 0.8;
/// What has not come back by then does not come by itself.
const PATIENCE: Duration = Duration::from_secs(240);
const CLOCKS_PPM: [i64; 2] = [60, -40];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Whether this kind of fault is asked for.
fn wanted(name: &str) -> bool {
    name.contains(&std::env::var("SEVERAL_ONLY").unwrap_or_default())
}

fn options(name: &'static str) -> Options {
    Options { instance: name, ..Options::default() }
}

/// Fields are dropped in order: the network last.
struct Rig {
    player: Option<Source>,
    sender: Session,
    speakers: [Bed; 2],
    network: Network,
}

impl Rig {
    fn start() -> Rig {
        let network = Network::new();
        let group = Group::on_ethernet();
        let sender = group.sender(&network.launcher("sender"));
        let speaker = |name, ppm| group.speaker(&options(name), ppm, &network.launcher(name));
        let speakers = [speaker("one", CLOCKS_PPM[0]), speaker("two", CLOCKS_PPM[1])];
        let player = Some(play_noise(&sender, 1));
        Rig { player, sender, speakers, network }
    }
}

impl Pair for Rig {
    fn speakers(&self) -> &[Bed; 2] {
        &self.speakers
    }

    fn second(&mut self) -> (&mut Bed, &Network) {
        (&mut self.speakers[1], &self.network)
    }
}

/// Two speakers, whatever feeds them.
trait Pair {
    fn speakers(&self) -> &[Bed; 2];

    /// The one that loses something, and the network that both are in.
    fn second(&mut self) -> (&mut Bed, &Network);

    fn step(&self, reach_s: f64) -> Option<Step> {
        let [one, two] = self.speakers();
        step(&one.card, &two.card, 0, reach_s + 0.3, reach_s)
    }
}

/// Prints a line every ten seconds, and a summary.
fn measure(rig: &impl Pair, seconds: u64) {
    if seconds == 0 {
        return;
    }
    let mut apart_ms = Vec::new();
    for second in 0..seconds {
        std::thread::sleep(Duration::from_secs(1));
        match rig.step(0.25) {
            Some(step) => {
                let ms = step.late_frames / 48.0;
                if second % 10 == 0 {
                    println!("{second:5} s  {ms:8.3} ms  alike {:.3}  level {:.4}", step.likeness, step.rms);
                }
                apart_ms.push((ms, step.likeness));
            }
            None => println!("{second:5} s  nothing to compare"),
        }
    }
    let good: Vec<f64> = apart_ms.iter().filter(|(_, alike)| *alike > ALIKE).map(|(ms, _)| *ms).collect();
    let mean = good.iter().sum::<f64>() / good.len() as f64;
    let deviation = (good.iter().map(|ms| (ms - mean).powi(2)).sum::<f64>() / good.len() as f64).sqrt();
    let (low, high) = good.iter().fold((f64::MAX, f64::MIN), |(low, high), &ms| (low.min(ms), high.max(ms)));
    assert!(good.len() as u64 * 10 > seconds * 9, "only {} of {seconds} alike", good.len());
    println!("{} of {seconds} alike; mean {mean:.3} ms, deviation {deviation:.3}, {low:.3} to {high:.3}", good.len());
    for bed in rig.speakers() {
        let status = bed.daemon.status();
        println!(
            "{}: xruns {}, drift {} ppm, latency {}",
            bed.daemon.sink(),
            status["xruns"],
            status["drift_ppm"],
            status["latency"]
        );
    }
}

/// Waits until both have been in step for a while again; prints after what time from now on they were alike, how far apart
/// then, and since when they have been in step.
fn await_return(rig: &impl Pair, what: &str) {
    let begin = Instant::now();
    let (mut alike, mut since_s) = (None, None);
    // What is compared has to be later than now.
    std::thread::sleep(Duration::from_secs_f64(AGE_S));
    while begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
        let heard_s = begin.elapsed().as_secs_f64() - AGE_S;
        match rig.step(REACH_S).filter(|step| step.likeness > ALIKE) {
            Some(step) => {
                alike.get_or_insert((heard_s, step.late_frames / 48.0));
                if step.late_frames.abs() >= IN_STEP_FRAMES {
                    since_s = None;
                } else if heard_s - *since_s.get_or_insert(heard_s) > LASTING_S {
                    break;
                }
            }
            None => since_s = None,
        }
    }
    let (alike_s, late_ms) = alike.unwrap_or_else(|| panic!("{what}: never the same again"));
    let level = rig.step(REACH_S).map_or(0.0, |step| step.rms);
    println!(
        "{what}: alike after {alike_s:.1} s, {late_ms:.1} ms late; in step after {since_s:.1?} s; level {level:.3}"
    );
}

fn lose_the_daemon(rig: &mut impl Pair) {
    if wanted("daemon") {
        let (bed, _) = rig.second();
        bed.daemon.signal(Signal::SIGKILL);
        std::thread::sleep(Duration::from_millis(300));
        bed.restart_daemon(&options("two"));
        await_return(rig, "daemon killed, started 0.3 s later");
    }
}

fn lose_network_and_card(rig: &mut impl Pair) {
    for seconds in [0.3, 3.0, 30.0] {
        if wanted("network") {
            let (_, network) = rig.second();
            network.cut("two", true);
            std::thread::sleep(Duration::from_secs_f64(seconds));
            network.cut("two", false);
            await_return(rig, &format!("network gone for {seconds} s"));
        }
    }
    for seconds in [0.3, 3.0] {
        if wanted("card") {
            let (bed, _) = rig.second();
            bed.card.unplug();
            std::thread::sleep(Duration::from_secs_f64(seconds));
            bed.card.replug();
            await_return(rig, &format!("card unplugged for {seconds} s"));
        }
    }
}

#[test]
#[ignore = "takes minutes and root: tests/several.sh"]
fn rtp() {
    let mut rig = Rig::start();
    await_return(&rig, "start");
    measure(&rig, 60 * number("SEVERAL_MINUTES", 5));
    for round in 0..number("SEVERAL_ROUNDS", 1) {
        println!("round {round}");
        lose_the_daemon(&mut rig);
        if wanted("pipewire") {
            rig.speakers[1].session.kill_pipewire();
            rig.speakers[1].session.start_pipewire();
            await_return(&rig, "speaker's PipeWire killed, started at once");
        }
        if wanted("wireplumber") {
            rig.speakers[1].session.kill_wireplumber();
            rig.speakers[1].session.start_wireplumber();
            await_return(&rig, "speaker's WirePlumber killed, started at once");
        }
        lose_network_and_card(&mut rig);
        if wanted("xrun") {
            rig.speakers[1].card.force_xrun();
            await_return(&rig, "xrun");
        }
        if wanted("reload") {
            rig.speakers[1].daemon.reload("cylinder-wide");
            rig.speakers[1].daemon.reload("cylinder");
            await_return(&rig, "reload and back");
        }
        if wanted("pause") {
            rig.player = None;
            std::thread::sleep(Duration::from_secs(8));
            rig.player = Some(play_noise(&rig.sender, 10 + round));
            await_return(&rig, "player paused for 8 s");
        }
        if wanted("sender-end") {
            rig.player = None;
            rig.sender.end_pipewire();
            rig.sender.start_pipewire();
            rig.player = Some(play_noise(&rig.sender, 100 + round));
            await_return(&rig, "sender ended, started at once");
        }
        if wanted("sender-crash") {
            rig.player = None;
            rig.sender.kill_pipewire();
            rig.sender.start_pipewire();
            rig.player = Some(play_noise(&rig.sender, 1000 + round));
            await_return(&rig, "sender killed, started at once");
            std::thread::sleep(Duration::from_secs(30));
            await_return(&rig, "and 30 s later");
        }
    }
    measure(&rig, 10);
}
