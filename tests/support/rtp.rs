//! Several speakers on PipeWire's own RTP modules, as the shipped fragments of its configuration set them up.

use super::card::Card;
use super::session::{Session, Setup};
use super::source::Source;
use super::step::Noise;
use super::{Bed, Options};

const SENDER: &str = include_str!("../../conf/pipewire/rtp-sender.conf");
const RECEIVER: &str = include_str!("../../conf/pipewire/rtp-receiver.conf");

/// Where a group of speakers meets: no two groups of one machine hear each other.
#[derive(Clone, Debug)]
pub struct Group {
    address: String,
    port: u16,
    interface: String,
    source_ip: String,
}

impl Group {
    /// A group on this machine's loopback, told from others by `number` and the process.
    pub fn on_loopback(number: u8) -> Group {
        let id = std::process::id();
        Group {
            address: format!("239.255.{}.{}", id >> 8 & 0xff, id & 0xff),
            port: 20_000 + (id >> 16 & 0xff) as u16 * 16 + u16::from(number),
            interface: "lo".to_owned(),
            source_ip: "127.0.0.1".to_owned(),
        }
    }

    /// A group of a network of its own, on its interface `eth0`.
    pub fn on_ethernet() -> Group {
        Group {
            address: "239.255.77.1".to_owned(),
            port: 46_000,
            interface: "eth0".to_owned(),
            source_ip: "0.0.0.0".to_owned(),
        }
    }

    /// The shipped fragment, with this group's places in it.
    fn adapted(&self, fragment: &str, sink: &str) -> String {
        let port = |port: u16| format!("port = {port}");
        let announcements = format!("args = {{ sap.ip = \"{}\" sap.port = {} ", self.address, self.port + 4096);
        let changes = [
            ("239.255.77.1", &*self.address),
            ("port = 46000", &port(self.port)),
            ("\"0.0.0.0\"", &format!("\"{}\"", self.source_ip)),
            ("\"eth0\"", &format!("\"{}\"", self.interface)),
            ("spatiald.default", sink),
            ("args = {", &announcements),
        ];
        changes.into_iter().fold(fragment.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// The session of the machine that plays; its sink is `all-speakers`.
    pub fn sender(&self, launcher: &[String]) -> Session {
        let fragment = self.adapted(SENDER, "");
        Session::configured(Setup::default(), &[("pipewire/pipewire.conf.d/rtp-sender.conf", &fragment)], launcher)
    }

    /// A speaker whose card's clock is off by so much.
    pub fn speaker(&self, options: &Options, clock_ppm: i64, launcher: &[String]) -> Bed {
        let fragment = self.adapted(RECEIVER, &format!("spatiald.{}", options.instance));
        let files = [("pipewire/pipewire.conf.d/rtp-receiver.conf", &*fragment)];
        speaker(Session::configured(Setup::default(), &files, launcher), options, clock_ppm)
    }
}

/// A speaker in this session.
pub fn speaker(session: Session, options: &Options, clock_ppm: i64) -> Bed {
    let card = Card::with_limits("CHANNELS=8,FORMATS=S32_LE");
    card.set_clock_ppm(clock_ppm);
    Bed::in_session(session, card, options)
}

/// Plays noise, in the middle, into the sender's sink.
pub fn play_noise(sender: &Session, seed: u64) -> Source {
    sender.node_id("all-speakers");
    let mut noise = Noise::new(seed);
    Source::start(&sender.path("run/pipewire-0"), "all-speakers", 1024, move |left, right, _| {
        for (left, right) in left.iter_mut().zip(right) {
            *left = noise.next().unwrap_or_default();
            *right = *left;
        }
    })
}
