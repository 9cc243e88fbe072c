//! A driver that takes the graph over.

use super::bed::Bed;
use super::wait::wait_until;

/// Another sink, whose clock goes before ours where both are linked.
pub struct OtherDriver<'b> {
    bed: &'b Bed,
    monitor: String,
}

impl OtherDriver<'_> {
    const NODE: &'static str = "{ factory.name=support.null-audio-sink node.name=other media.class=Audio/Sink
        object.linger=true audio.position=[FL FR] priority.driver=40000 priority.session=1 }";
    const PORT: &'static str = "other:playback_FL";

    pub fn create(bed: &Bed) -> OtherDriver<'_> {
        bed.session.text("pw-cli", &["create-node", "adapter", OtherDriver::NODE]);
        assert!(wait_until(|| bed.session.text("pw-link", &["-i"]).contains(OtherDriver::PORT)));
        OtherDriver { bed, monitor: format!("{}:monitor_FL", bed.daemon.sink()) }
    }

    pub fn we_drive(&self) -> bool {
        self.bed.daemon.status()["graph"]["driving"] == true
    }

    pub fn take_over(&self) {
        self.bed.session.text("pw-link", &[&self.monitor, OtherDriver::PORT]);
        assert!(wait_until(|| !self.we_drive()), "{}", self.bed.daemon.log());
    }

    pub fn give_back(&self) {
        self.bed.session.text("pw-link", &["-d", &self.monitor, OtherDriver::PORT]);
        assert!(wait_until(|| self.we_drive()), "{}", self.bed.daemon.log());
    }
}
