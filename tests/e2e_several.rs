//! Two speakers fed from one player through PipeWire's own RTP modules, as conf/pipewire sets them up.

mod support;

use support::analysis::rms;
use support::rtp::{Group, play_noise};
use support::step::{Step, check_finder, step};
use support::wait::wait_until;
use support::{Bed, Options, Session, Source, undisturbed};

/// In step: 15 ms, half of what an ear begins to take for an echo. PipeWire 0.3 wanders by up to 10 ms on a busy machine.
const IN_STEP_FRAMES: f64 = 720.0;
/// Who is delayed by so much is that later, but for what the two wander meanwhile.
const DELAY_MS: f64 = 50.0;
/// Of two quite different resamplings of one signal, each with its own rounding to the card's clock.
const ALIKE: f64 = 0.9;
/// How old must be what is compared.
const AGE_S: f64 = 0.8;
const CLOCKS_PPM: [i64; 2] = [60, -40];

struct Pair {
    player: Option<Source>,
    sender: Session,
    speakers: [Bed; 2],
}

fn options(instance: &'static str) -> Options {
    Options { instance, ..Options::default() }
}

impl Pair {
    fn start(group: u8) -> Pair {
        let group = Group::on_loopback(group);
        let sender = group.sender(&[]);
        let speaker = |name, ppm| group.speaker(&options(name), ppm, &[]);
        let speakers = [speaker("one", CLOCKS_PPM[0]), speaker("two", CLOCKS_PPM[1])];
        let player = Some(play_noise(&sender, 1));
        Pair { player, sender, speakers }
    }

    /// The second speaker against the first, a second ago.
    fn step(&self) -> Option<Step> {
        step(&self.speakers[0].card, &self.speakers[1].card, 0, AGE_S, 0.5)
    }

    /// Of the second speaker, over the next two seconds.
    fn level(&self) -> f64 {
        self.speakers[1].listen(1.0);
        rms(&self.speakers[1].heard(0, self.speakers[1].listen(2.0)))
    }

    fn assert_alike(&self, when: &str) -> Step {
        self.assert_within(f64::INFINITY, when)
    }

    fn assert_in_step(&self, when: &str) -> Step {
        self.assert_within(IN_STEP_FRAMES, when)
    }

    /// From now on, not before.
    fn assert_within(&self, frames: f64, when: &str) -> Step {
        self.speakers[0].listen(AGE_S);
        let mut last = None;
        let comes = wait_until(|| {
            self.speakers.iter().for_each(|speaker| speaker.daemon.assert_alive());
            last = self.step();
            last.is_some_and(|step| step.likeness > ALIKE && step.late_frames.abs() < frames)
        });
        assert!(comes, "{when}: {last:?}");
        last.expect("in step")
    }

    /// By how many frames one is late, in the middle of nine looks: PipeWire 0.3 wanders.
    fn middle_step(&self) -> f64 {
        let look = |_| {
            self.speakers[0].listen(0.3);
            self.step().expect("sound from both").late_frames
        };
        let mut looks = [0; 9].map(look);
        looks.sort_by(f64::total_cmp);
        looks[4]
    }
}

#[test]
fn the_finder_finds() {
    check_finder();
}

#[test]
fn two_speakers_play_in_step_and_one_can_be_delayed() {
    undisturbed(|| {
        let pair = Pair::start(1);
        pair.assert_in_step("at the start");
        for _ in 0..16 {
            pair.speakers[0].listen(0.5);
            let step = pair.step().expect("sound from both");
            assert!(step.likeness > ALIKE && step.late_frames.abs() < IN_STEP_FRAMES, "{step:?}");
        }
        let before = pair.middle_step();
        assert!(pair.speakers[1].daemon.ask(&["--set", &format!("delay_ms={DELAY_MS}")]).status.success());
        pair.speakers[0].listen(3.0);
        let after = pair.middle_step();
        assert!((after - before - 48.0 * DELAY_MS).abs() < 0.5 * IN_STEP_FRAMES, "{before} {after}");
    });
}

#[test]
fn whatever_is_lost_comes_back_in_step() {
    undisturbed(|| {
        let mut pair = Pair::start(2);
        pair.assert_in_step("at the start");
        let level = pair.level();
        pair.speakers[1].restart_daemon(&options("two"));
        pair.assert_alike("after the daemon's death");
        // What the network brought meanwhile is still in store: PipeWire 0.3 plays it off little by little, or at once
        // where nothing is sent for a moment.
        pair.player = None;
        pair.speakers[0].listen(1.0);
        pair.player = Some(play_noise(&pair.sender, 2));
        pair.assert_in_step("after the daemon's death and a pause");
        let two = &mut pair.speakers[1];
        two.session.kill_pipewire();
        two.session.start_pipewire();
        pair.assert_in_step("after the death of a speaker's PipeWire");
        pair.player = None;
        pair.sender.end_pipewire();
        pair.sender.start_pipewire();
        pair.player = Some(play_noise(&pair.sender, 3));
        pair.assert_in_step("after the sender has been started anew");
        // Played once, not twice by an old stream and a new one.
        let again = pair.level();
        assert!((again / level - 1.0).abs() < 0.2, "{level} before, {again} now");
    });
}
