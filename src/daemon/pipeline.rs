//! Everything between the graph and the loudspeaker, built and taken down as one: sink, ring, writer, device.

use std::sync::{Arc, mpsc};

use super::Instance;
use super::event::{Event, forward};
use super::prepare::{Chosen, PrepareError, build, device_request};
use crate::config::Config;
use crate::dsp::fir_matrix::Form;
use crate::dsp::{Chain, Latency, Switcher};
use crate::engine::ring::DEFAULT_CAPACITY_FRAMES;
use crate::engine::{Counters, Pace, Player, RingWriter, handover, ring};
use crate::node::{self, Node, NodeError};
use crate::output::{self, OutputError, Params, Writer};
use crate::profile::Profile;

/// Rates tried, in this order, where the card refuses the profile's own.
const OTHER_RATES_HZ: [u32; 4] = [48_000, 44_100, 96_000, 192_000];

/// Why the pipeline does not stand.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The device.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// PipeWire.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The chain, at the rate the device runs at.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
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

/// The running pipeline. Dropping it fades out and closes everything.
pub struct Pipeline {
    // Dropped in this order: the writer fades out while the sink still delivers.
    writer: Option<Writer<Switcher>>,
    node: Option<Node>,
    ring: Option<RingWriter>,
    chains: handover::Sender<Chain>,
    pace: Arc<Pace>,
    counters: Arc<Counters>,
    request: output::Request,
    params: Params,
    node_request: node::Request,
    events: mpsc::Sender<Event>,
    form: Form,
    latency: Latency,
    next_latency: Latency,
    published_frames: usize,
    seen_frames: usize,
    generation: u64,
}

impl Pipeline {
    /// Opens the device, builds the chain at the device's rate, starts the writer and puts the sink into the graph.
    ///
    /// # Errors
    /// The device, PipeWire or the profile refuse: nothing is left running then.
    pub fn start(
        config: &Config,
        chosen: &Chosen,
        instance: &Instance,
        events: &mpsc::Sender<Event>,
    ) -> Result<Pipeline, PipelineError> {
        let profile = &chosen.profile;
        let device = open(config, profile.sample_rate_hz, profile.channels())?;
        let params = device.params().clone();
        let rate_hz = params.rate_hz;
        let chain = build(profile, rate_hz)?;
        let latency_frames = chain.latency_frames() + params.buffer_frames;
        let pace =
            Pace::new(rate_hz).map_err(|errno| PipelineError::System { what: "an eventfd", source: errno.into() })?;
        pace.set_quantum_frames(config.period_frames);
        let counters = Arc::new(Counters::default());
        let (ring_writer, ring_reader) = ring(DEFAULT_CAPACITY_FRAMES);
        let (chains, receiver) = handover::handover();
        let (latency, form) = (chain.latency(), chain.form());
        let player = Player::new(ring_reader, Switcher::new(chain), receiver, pace.clone(), counters.clone());
        let request = device_request(config, rate_hz, params.channels);
        let mut pipeline = Pipeline {
            node: None,
            writer: None,
            ring: Some(ring_writer),
            chains,
            pace,
            counters,
            request,
            params,
            node_request: node::Request {
                profile: profile.name.clone(),
                published_latency_frames: latency_frames,
                ..node_request(config, instance, rate_hz)
            },
            events: events.clone(),
            form,
            latency,
            next_latency: latency,
            published_frames: latency_frames,
            seen_frames: latency_frames,
            generation: 0,
        };
        pipeline.write_to(device, player)?;
        pipeline.connect()?;
        Ok(pipeline)
    }

    /// Puts the sink into the graph, again where PipeWire was gone.
    ///
    /// # Errors
    /// PipeWire cannot be reached or refuses.
    pub fn connect(&mut self) -> Result<(), PipelineError> {
        let Some(ring) = self.ring.take() else { return Ok(()) };
        let events = forward("node-events", self.events.clone(), Event::Node)
            .map_err(|source| PipelineError::System { what: "a thread", source })?;
        self.node_request.published_latency_frames = self.published_frames;
        match Node::spawn(self.node_request.clone(), ring, self.pace.clone(), self.counters.clone(), events) {
            Ok(node) => {
                self.node = Some(node);
                Ok(())
            }
            Err(failed) => {
                self.ring = failed.ring;
                if self.ring.is_none() {
                    return Err(PipelineError::Died("PipeWire"));
                }
                Err(failed.error.into())
            }
        }
    }

    /// Shows the sink as `config` wants it: where name, description, quantum or suspension changed, it is made anew.
    ///
    /// # Errors
    /// As for [`Pipeline::connect`] and [`Pipeline::disconnect`].
    pub fn present(&mut self, config: &Config, instance: &Instance) -> Result<(), PipelineError> {
        let wanted = node::Request {
            profile: self.node_request.profile.clone(),
            published_latency_frames: self.node_request.published_latency_frames,
            ..node_request(config, instance, self.rate_hz())
        };
        if wanted == self.node_request {
            return Ok(());
        }
        self.disconnect()?;
        self.node_request = wanted;
        self.connect()
    }

    /// PipeWire is gone: takes the dead sink down, keeps the ring for the next.
    ///
    /// # Errors
    /// The sink's thread had panicked.
    pub fn disconnect(&mut self) -> Result<(), PipelineError> {
        if let Some(node) = self.node.take() {
            self.ring = node.stop();
            if self.ring.is_none() {
                return Err(PipelineError::Died("PipeWire"));
            }
        }
        Ok(())
    }

    /// Whether the sink is in the graph.
    pub fn is_connected(&self) -> bool {
        self.node.is_some()
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

    /// A chain of `profile` is being switched to.
    fn announce(&mut self, latency: Latency, form: Form, profile: &str) {
        self.next_latency = latency;
        self.form = form;
        self.show_profile(profile);
    }

    /// Shows `profile` as the sink's.
    pub fn show_profile(&mut self, profile: &str) {
        self.node_request.profile = profile.to_owned();
        if let Some(node) = &self.node {
            node.show_profile(profile);
        }
    }

    /// Drops what the writer is done with. True when a switch has ended.
    pub fn reclaim(&mut self) -> bool {
        let mut ended = false;
        while let Some(old) = self.chains.reclaim() {
            drop(old);
            self.latency = self.next_latency;
            ended = true;
        }
        ended
    }

    /// Whether the open device serves `config` and a profile of so many channels.
    pub fn serves(&self, config: &Config, channels: usize) -> bool {
        let wanted = device_request(config, self.request.rate_hz, self.request.channels);
        channels <= self.params.channels && wanted == self.request
    }

    /// Fades out, opens the device that `config` asks for, switches to `chain` of `profile` unheard, and fades in: no
    /// sample of the old chain reaches the new device, whose channels may be other drivers.
    ///
    /// # Errors
    /// The new device cannot be had: the old one plays the old chain again.
    pub fn reopen(&mut self, config: &Config, profile: &Profile, chain: Box<Chain>) -> Result<(), PipelineError> {
        let channels = profile.channels();
        let Some(mut player) = self.writer.take().and_then(Writer::stop) else {
            return Err(PipelineError::Died("device"));
        };
        let old = self.request.clone();
        let wanted = device_request(config, old.rate_hz, channels);
        match output::open(&wanted) {
            Ok(device) => {
                self.params = device.params().clone();
                self.request = output::Request { channels: self.params.channels, ..wanted };
                self.announce(chain.latency(), chain.form(), &profile.name);
                if let Err(chain) = player.take_over(chain) {
                    // Cannot be: no switch is under way. It would be switched to like any other; the queue is empty.
                    drop(self.chains.send(chain));
                }
                self.write_to(device, player)
            }
            Err(error) => {
                // The old one was open a moment ago; should it not open now, the writer goes on trying.
                match output::open(&old) {
                    Ok(device) => self.write_to(device, player)?,
                    Err(_) => self.write_when_there(player)?,
                }
                Err(error.into())
            }
        }
    }

    fn write_to(&mut self, device: output::Device, player: Player<Switcher>) -> Result<(), PipelineError> {
        for note in device.notes() {
            log::warn!("{note}");
        }
        self.spawn_writer(Some(device), player)
    }

    fn write_when_there(&mut self, player: Player<Switcher>) -> Result<(), PipelineError> {
        self.spawn_writer(None, player)
    }

    fn spawn_writer(&mut self, device: Option<output::Device>, player: Player<Switcher>) -> Result<(), PipelineError> {
        self.generation += 1;
        let generation = self.generation;
        let events = forward("device-events", self.events.clone(), move |event| Event::Output(generation, event))
            .map_err(|source| PipelineError::System { what: "a thread", source })?;
        let (request, pace, counters) = (self.request.clone(), self.pace.clone(), self.counters.clone());
        self.writer = Some(Writer::spawn(device, player, request, pace, counters, events)?);
        Ok(())
    }

    /// The device was opened again, on these terms.
    pub fn set_params(&mut self, params: Params) {
        self.params = params;
    }

    /// On what terms the device was opened.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Counts the openings by [`Pipeline::start`] and [`Pipeline::reopen`]: what a device before the present one tells
    /// late is told from what the present one tells.
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

    /// Whether the writer's thread has died.
    pub fn is_broken(&self) -> bool {
        self.writer.as_ref().is_none_or(Writer::is_finished)
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

    /// How the FIR matrix of the latest chain is computed.
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

/// The sink that `config` asks for.
fn node_request(config: &Config, instance: &Instance, rate_hz: u32) -> node::Request {
    node::Request {
        node_name: config.node_name.clone().unwrap_or_else(|| instance.node_name()),
        description: config.description.clone(),
        rate_hz,
        latency_frames: u32::try_from(config.period_frames).unwrap_or(u32::MAX),
        suspend_seconds: config.suspend_seconds,
        profile: String::new(),
        published_latency_frames: 0,
        socket: None,
    }
}

/// Opens the device at the profile's rate, or at another where the card refuses that.
fn open(config: &Config, rate_hz: u32, channels: usize) -> Result<output::Device, OutputError> {
    match output::open(&device_request(config, rate_hz, channels)) {
        Err(OutputError::Rate { pcm, rate_hz, offered_hz }) => {
            match OTHER_RATES_HZ.into_iter().find(|rate| offered_hz.contains(rate)) {
                Some(other) => {
                    log::warn!("{pcm} does not run at {rate_hz} Hz: the profile is resampled to {other} Hz");
                    output::open(&device_request(config, other, channels))
                }
                None => Err(OutputError::Rate { pcm, rate_hz, offered_hz }),
            }
        }
        opened => opened,
    }
}
