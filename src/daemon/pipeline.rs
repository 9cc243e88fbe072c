//! Everything between the graph and the loudspeaker, built and taken down as one: sink, ring, writer, device. No call
//! waits but the dropping of it.

use std::sync::{Arc, mpsc};
use std::time::Instant;

use super::Instance;
use super::event::Event;
use super::health::Heartbeats;
use super::requests;
use crate::config::Config;
use crate::dsp::fir_matrix::Form;
use crate::dsp::{Chain, Latency, Switcher};
use crate::engine::join::PATIENCE;
use crate::engine::probe::Probe;
use crate::engine::ring::capacity_frames;
use crate::engine::{Counters, Pace, Player, handover, ring};
use crate::node::{self, Node, NodeError};
use crate::output::{self, OutputError, Params, Writer};
use crate::profile::Profile;

/// Why a pipeline cannot be built, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The device's side.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// PipeWire's side.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// No file descriptor, thread or memory left.
    #[error("the system has nothing left for {what}: raise its limits (ulimit -a)")]
    System {
        /// What was wanted.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread of ours has panicked: a bug.
    #[error("the {0} thread ended unexpectedly: please report this with the log")]
    Died(&'static str),
}

/// The running pipeline. Dropping it fades out and closes everything, within two seconds.
pub struct Pipeline {
    // Ended in this order: the writer fades out while the sink still delivers.
    writer: Option<Writer<Switcher>>,
    node: Option<Node>,
    chains: handover::Sender<Chain>,
    probes: handover::Sender<Probe>,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    request: output::Request,
    sink: node::Request,
    params: Option<Params>,
    form: Form,
    next_form: Form,
    latency: Latency,
    next_latency: Latency,
    published_frames: usize,
    seen_frames: usize,
    generation: u64,
}

impl Pipeline {
    /// Starts to play `chain`, which was built from `profile` for `rate_hz`. Device and sink come up by themselves; what
    /// happens to them comes as `events` of this `generation`.
    ///
    /// # Errors
    /// No thread or descriptor is left, or a name of the configuration cannot be a node's.
    pub fn start(
        config: &Config,
        instance: &Instance,
        profile: &Profile,
        chain: Box<Chain>,
        rate_hz: u32,
        events: &mpsc::Sender<Event>,
        generation: u64,
    ) -> Result<Pipeline, PipelineError> {
        let request = requests::device(config, rate_hz, profile.channels_needed());
        let sink = requests::sink(config, instance, rate_hz);
        let pace =
            Pace::new(rate_hz).map_err(|errno| PipelineError::System { what: "an eventfd", source: errno.into() })?;
        pace.set_quantum_frames(config.period_frames);
        let counters = Arc::new(Counters::default());
        let (ring_writer, ring_reader) = ring(capacity_frames(rate_hz));
        let (chains, receiver) = handover::handover();
        let (probes, sounds) = handover::handover();
        let (latency, form) = (chain.latency(), chain.form());
        let latency_frames = chain.latency_frames() + config.period_frames * config.periods;
        let player = Player::new(ring_reader, Switcher::new(chain), receiver, pace.clone(), counters.clone());
        let player = player.with_probes(sounds);
        let tell = {
            let events = events.clone();
            // The main loop is gone only when the process ends.
            Arc::new(move |event| drop(events.send(Event::Output(generation, event))))
        };
        let writer = Writer::spawn(player, request.clone(), pace.clone(), counters.clone(), tell)?;
        let tell = {
            let events = events.clone();
            Box::new(move |event| drop(events.send(Event::Node(generation, event))))
        };
        let shown = node::Shown { profile: profile.name.clone(), latency_frames };
        let node = Node::spawn(sink.clone(), shown, ring_writer, pace.clone(), counters.clone(), tell)?;
        Ok(Pipeline {
            writer: Some(writer),
            node: Some(node),
            chains,
            probes,
            pace,
            counters,
            request,
            sink,
            params: None,
            form,
            next_form: form,
            latency,
            next_latency: latency,
            published_frames: latency_frames,
            seen_frames: latency_frames,
            generation,
        })
    }

    /// Shows the sink as `config` wants it: where name, description, quantum or suspension changed, it is made anew.
    ///
    /// # Errors
    /// [`NodeError::Nul`]: it stays as it is.
    pub fn present(&mut self, config: &Config, instance: &Instance) -> Result<(), PipelineError> {
        let wanted = requests::sink(config, instance, self.rate_hz());
        if wanted != self.sink
            && let Some(node) = &self.node
        {
            node.present(wanted.clone())?;
            self.sink = wanted;
        }
        Ok(())
    }

    /// Hands `chain` to the writer, to be crossfaded in.
    ///
    /// # Errors
    /// Gives it back while another one waits.
    pub fn switch(&mut self, chain: Box<Chain>, profile: &str) -> Result<(), Box<Chain>> {
        let (latency, form) = (chain.latency(), chain.form());
        self.chains.send(chain)?;
        self.announce(latency, form, profile);
        Ok(())
    }

    /// Whether the device serves `config` and a profile of so many channels.
    pub fn serves(&self, config: &Config, channels: usize) -> bool {
        let wanted = requests::device(config, self.request.rate_hz, self.request.channels);
        channels <= self.channels() && wanted == self.request
    }

    /// Fades out, opens the device that `config` asks for, and plays `chain` of `profile` on it. See
    /// [`Writer::use_device`].
    pub fn use_device(&mut self, config: &Config, profile: &Profile, chain: Box<Chain>) {
        let request = requests::device(config, self.rate_hz(), profile.channels_needed());
        self.announce(chain.latency(), chain.form(), &profile.name);
        if let Some(writer) = &self.writer {
            writer.use_device(request, chain);
        }
    }

    /// From the next opening on, the device has to serve `config` and a profile of so many channels.
    pub fn open_later(&mut self, config: &Config, channels: usize) {
        self.request = requests::device(config, self.rate_hz(), channels);
        if let Some(writer) = &self.writer {
            writer.open_later(self.request.clone());
        }
    }

    /// The device of `config` is open for a profile of so many channels, on these terms.
    pub fn opened(&mut self, config: &Config, channels: usize, params: Params) {
        self.request = requests::device(config, self.rate_hz(), channels);
        self.params = Some(params);
    }

    /// A chain of `profile` is being switched to.
    fn announce(&mut self, latency: Latency, form: Form, profile: &str) {
        (self.next_latency, self.next_form) = (latency, form);
        self.show_profile(profile);
    }

    /// What was announced is not to be had.
    pub fn withdraw(&mut self) {
        (self.next_latency, self.next_form) = (self.latency, self.form);
    }

    /// Shows `profile` as the sink's.
    pub fn show_profile(&mut self, profile: &str) {
        if let Some(node) = &self.node {
            node.show_profile(profile);
        }
    }

    /// Shows `settings`, values by key, as the sink's.
    pub fn show_settings(&self, settings: Vec<(String, String)>) {
        if let Some(node) = &self.node {
            node.show_settings(settings);
        }
    }

    /// Hands `probe` to the writer, to be heard in place of the music.
    ///
    /// # Errors
    /// Gives it back while another one waits.
    pub fn sound(&mut self, probe: Box<Probe>) -> Result<(), Box<Probe>> {
        self.probes.send(probe)?;
        self.pace.wake();
        Ok(())
    }

    /// Channels of the device, or those that it was asked for until it is open.
    pub fn channels(&self) -> usize {
        self.params.as_ref().map_or(self.request.channels, |params| params.channels)
    }

    /// Drops what the writer is done with. True when a switch has ended.
    pub fn reclaim(&mut self) -> bool {
        let mut ended = false;
        while let Some(old) = self.chains.reclaim() {
            drop(old);
            (self.latency, self.form) = (self.next_latency, self.next_form);
            ended = true;
        }
        while self.probes.reclaim().is_some() {}
        ended
    }

    /// On what terms the device is open, or was last.
    pub fn params(&self) -> Option<&Params> {
        self.params.as_ref()
    }

    /// Which pipeline of this process it is: what an earlier one tells late is told from what this one tells.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The device's name, as it was asked for.
    pub fn pcm(&self) -> &str {
        &self.request.pcm
    }

    /// What is counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether our device's clock drives the graph.
    pub fn is_driving(&self) -> bool {
        self.pace.is_driving()
    }

    /// What the device's clock is off by against the system's, in parts per million; `None` until it has been measured.
    pub fn drift_ppm(&self) -> Option<f64> {
        self.pace.device_rate_offset().map(|offset| offset * 1e6)
    }

    /// Frames a second.
    pub fn rate_hz(&self) -> u32 {
        self.request.rate_hz
    }

    /// Which of the threads has died, if one has.
    pub fn died(&self) -> Option<PipelineError> {
        if self.writer.as_ref().is_some_and(Writer::is_finished) {
            return Some(PipelineError::Died("device"));
        }
        self.node.as_ref().is_some_and(Node::is_finished).then_some(PipelineError::Died("PipeWire"))
    }

    /// The heartbeats of the threads that carry sound.
    pub fn heartbeats(&self) -> Heartbeats {
        Heartbeats {
            turns: self.counters.turns(),
            data_turns: self.counters.data_turns(),
            cycles: self.counters.cycles(),
            waits_for_cycle: self.pace.is_driving() && self.pace.is_streaming() && self.pace.is_waiting_for_cycle(),
        }
    }

    /// Publishes the latency when it has moved by a quarter of a millisecond and stayed there for two calls.
    pub fn publish_latency(&mut self) {
        let tolerance_frames = self.rate_hz() as usize / 4000;
        let now_frames = self.latency_frames();
        let settled = now_frames.abs_diff(self.seen_frames) <= tolerance_frames;
        self.seen_frames = now_frames;
        if settled && now_frames.abs_diff(self.published_frames) > tolerance_frames {
            self.published_frames = now_frames;
            if let Some(node) = &self.node {
                node.publish_latency(now_frames);
            }
        }
    }

    /// How the FIR matrix of the chain that plays is computed.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The latency of the chain that plays, by stage.
    pub fn chain_latency(&self) -> Latency {
        self.latency
    }

    /// What players are told, in frames.
    pub fn published_frames(&self) -> usize {
        self.published_frames
    }

    /// Frames from the ring's input to the loudspeaker, as of the moment the writer last asked for a cycle: its clock
    /// stands for that moment, so nothing has aged.
    fn latency_frames(&self) -> usize {
        self.pace.latency_at_reading_frames()
    }

    /// Frames waiting in the device at that moment.
    pub fn device_frames(&self) -> usize {
        self.pace.device_delay_frames()
    }

    /// Frames a cycle waits for in the ring at that moment.
    pub fn ring_frames(&self) -> usize {
        self.pace.ring_wait_frames()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        if let Some(writer) = self.writer.take() {
            drop(writer.stop(deadline));
        }
        if let Some(node) = self.node.take() {
            // Also behind a writer that hangs, PipeWire is left in order.
            node.end(deadline.max(Instant::now() + PATIENCE / 5));
        }
    }
}
