//! The whole signal path of one profile: the one thing the daemon, `render` and the tests run.
//!
//! # Blocks
//!
//! Inside, everything works in blocks of the profile's `block_frames`. [`Chain::process`] takes any number of frames:
//! it collects a block while it gives out the one before, at a constant latency of one block. So the samples are the
//! same, bit for bit, whatever the length of the calls.
//!
//! # Rest
//!
//! After silence that outlasts every memory the chain resets itself and rests, at next to no cost. The first sample
//! that is not zero wakes it, and *its block grid begins on that sample*: what is played after silence gives the same
//! samples as the same music from a chain just built, wherever it fell between the quanta of the graph.

mod fold;
#[cfg(test)]
mod tests;

use super::biquad::Biquad;
use super::delay::Delay;
use super::error::SpecError;
use super::fir_matrix::{FirMatrix, Form};
use super::limiter::Limiter;
use super::limits::INPUTS;
use super::spec::ChainSpec;
use super::upmix::{Upmix, UpmixMode};
use fold::{Folded, Remaining};

/// Input beyond ± this is no music (24 dB over full scale) and is clamped.
const INPUT_LIMIT: f32 = 16.0;
/// Input below this (−300 dB) counts as zero, so that powers and products stay clear of denormals.
const INPUT_FLOOR: f32 = 1e-15;
/// Output below this (−200 dB) is a filter's tail that has faded.
const FADED: f32 = 1e-10;
/// Silence beyond the signal's memory before the chain rests, in seconds: by then the upmix's averages have decayed.
const REST_AFTER_S: f64 = 0.5;

/// Where a chain's latency comes from, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// Collecting a block.
    pub block_frames: usize,
    /// The upmix, beyond the block.
    pub upmix_frames: usize,
    /// Path delay and main peak of the FIR along the strongest path, and the longest delay of its driver and those as strong.
    pub filter_frames: usize,
    /// The limiter's look-ahead.
    pub limiter_frames: usize,
}

impl Latency {
    /// All of it.
    pub fn total_frames(&self) -> usize {
        self.block_frames + self.upmix_frames + self.filter_frames + self.limiter_frames
    }
}

/// Stereo in, one plane a driver out. See the module.
pub struct Chain {
    sample_rate_hz: u32,
    block_frames: usize,
    channels: Vec<usize>,
    latency: Latency,
    memory_frames: usize,
    /// Of all that is behind the path delays, EQ tails included.
    filters_memory_frames: usize,

    upmix: Upmix,
    path_delays: [Delay; INPUTS],
    /// How many of L′, R′, C enter the matrix.
    filtered_paths: usize,
    matrix: FirMatrix,
    drivers: Vec<Driver>,
    limiter: Option<Limiter>,

    /// The block being collected: left, right.
    input: [Vec<f32>; 2],
    /// L′, R′, C.
    paths: [Vec<f32>; INPUTS],
    /// The last block, one plane a driver, being given out.
    output: Vec<Vec<f32>>,
    /// Frames collected, and given out, of the current block.
    filled_frames: usize,
    /// Frames of silence that were processed.
    silent_frames: usize,
    resting: bool,
}

/// What could not be folded into the FIRs of one driver.
struct Driver {
    eq: Vec<Biquad>,
    delay: Delay,
}

impl Chain {
    /// Allocates a chain, at rest.
    ///
    /// # Errors
    /// [`SpecError`] where a value of `spec` is out of range, or two don't fit together.
    pub fn new(spec: &ChainSpec) -> Result<Chain, SpecError> {
        spec.validate()?;
        let block_frames = spec.block_frames;
        let upmix = Upmix::new(&spec.upmix, spec.sample_rate_hz, block_frames)?;
        let groups: Vec<usize> = spec.drivers.iter().map(|driver| driver.limiter_group).collect();
        let limiter = spec.limiter.as_ref().map(|limiter| Limiter::new(limiter, &groups, spec.sample_rate_hz));
        let folded = Folded::new(spec);
        // Without an upmix there is no center to filter.
        let filtered_paths = if spec.upmix.mode == UpmixMode::Off { INPUTS - 1 } else { INPUTS };
        let matrix = FirMatrix::new(block_frames, &folded.firs[..filtered_paths]);
        let latency = Latency {
            block_frames,
            upmix_frames: upmix.latency_frames(),
            filter_frames: fold::strongest_arrival_frames(spec, filtered_paths),
            limiter_frames: limiter.as_ref().map_or(0, Limiter::latency_frames),
        };
        let longest = |delays: &mut dyn Iterator<Item = usize>| delays.max().unwrap_or(0);
        let behind_frames = matrix.memory_frames()
            + longest(&mut folded.drivers.iter().map(|driver| driver.delay_frames))
            + limiter.as_ref().map_or(0, Limiter::memory_frames);
        let memory_frames = block_frames
            + upmix.latency_frames()
            + upmix.memory_frames()
            + longest(&mut folded.path_delay_frames.iter().copied())
            + behind_frames;
        let filters_memory_frames = behind_frames + longest(&mut folded.drivers.iter().map(Remaining::tail_frames));
        let plane = || vec![0.0; block_frames];
        Ok(Chain {
            sample_rate_hz: spec.sample_rate_hz,
            block_frames,
            channels: spec.drivers.iter().map(|driver| driver.channel).collect(),
            latency,
            memory_frames,
            filters_memory_frames,
            upmix,
            path_delays: folded.path_delay_frames.map(Delay::new),
            filtered_paths,
            matrix,
            drivers: folded.drivers.into_iter().map(Driver::new).collect(),
            limiter,
            input: std::array::from_fn(|_| plane()),
            paths: std::array::from_fn(|_| plane()),
            output: spec.drivers.iter().map(|_| plane()).collect(),
            filled_frames: 0,
            silent_frames: 0,
            resting: true,
        })
    }

    /// Plays `left` and `right` (equal lengths, any) into `out`: one plane a driver, each at least as long.
    ///
    /// What is not finite becomes 0, what is beyond ±16 is clamped.
    pub fn process(&mut self, left: &[f32], right: &[f32], out: &mut [&mut [f32]]) {
        let frames = left.len().min(right.len());
        let mut at = 0;
        while at < frames {
            at += if self.resting {
                self.rest(&left[at..frames], &right[at..frames], at, out)
            } else {
                self.collect(&left[at..frames], &right[at..frames], at, out)
            };
        }
    }

    /// Gives out silence up to the first sample that is not; wakes on it. Returns the frames given out.
    fn rest(&mut self, left: &[f32], right: &[f32], at: usize, out: &mut [&mut [f32]]) -> usize {
        let silent = left.iter().zip(right).take_while(|(l, r)| sane(**l) == 0.0 && sane(**r) == 0.0).count();
        self.resting = silent == left.len();
        for plane in out.iter_mut() {
            plane[at..at + silent].fill(0.0);
        }
        silent
    }

    /// Collects part of a block while giving out the last; processes the block when it is full. Returns the frames.
    fn collect(&mut self, left: &[f32], right: &[f32], at: usize, out: &mut [&mut [f32]]) -> usize {
        let frames = left.len().min(self.block_frames - self.filled_frames);
        let block = self.filled_frames..self.filled_frames + frames;
        for (collected, samples) in self.input.iter_mut().zip([left, right]) {
            for (collected, sample) in collected[block.clone()].iter_mut().zip(samples) {
                *collected = sane(*sample);
            }
        }
        for (plane, last) in out.iter_mut().zip(&self.output) {
            plane[at..at + frames].copy_from_slice(&last[block.clone()]);
        }
        self.filled_frames += frames;
        if self.filled_frames == self.block_frames {
            self.filled_frames = 0;
            self.process_block();
            self.rest_when_faded();
        }
        frames
    }

    /// The signal path, in the order it is drawn in [`crate::dsp`].
    fn process_block(&mut self) {
        let [left, right, center] = &mut self.paths;
        self.upmix.process(&self.input[0], &self.input[1], left, right, center);
        for (delay, path) in self.path_delays.iter_mut().zip(&mut self.paths) {
            delay.process(path);
        }
        let mut planes: [&mut [f32]; super::limits::MAX_DRIVERS] = Default::default();
        for (plane, output) in planes.iter_mut().zip(&mut self.output) {
            *plane = output;
        }
        let planes = &mut planes[..self.drivers.len()];
        self.matrix.process(&self.paths[..self.filtered_paths], planes);
        for (driver, plane) in self.drivers.iter_mut().zip(planes.iter_mut()) {
            driver.process(plane);
        }
        if let Some(limiter) = &mut self.limiter {
            limiter.process(planes);
        }
    }

    /// Rests when the block just processed was silent in and out for long enough.
    fn rest_when_faded(&mut self) {
        if self.input.iter().flatten().any(|&sample| sample != 0.0) {
            self.silent_frames = 0;
            return;
        }
        self.silent_frames += self.block_frames;
        let patience = self.memory_frames + (REST_AFTER_S * f64::from(self.sample_rate_hz)) as usize;
        if self.silent_frames >= patience && self.output.iter().flatten().all(|sample| sample.abs() < FADED) {
            self.reset();
        }
    }

    /// Back to the state after construction.
    pub fn reset(&mut self) {
        self.upmix.reset();
        self.path_delays.iter_mut().for_each(Delay::reset);
        self.matrix.reset();
        self.drivers.iter_mut().for_each(Driver::reset);
        if let Some(limiter) = &mut self.limiter {
            limiter.reset();
        }
        self.output.iter_mut().for_each(|plane| plane.fill(0.0));
        self.filled_frames = 0;
        self.silent_frames = 0;
        self.resting = true;
    }

    /// Takes over what `old` knows of the input it hears, as far as the settings are the same. Returns for how many
    /// frames this chain has to listen, too, until it plays as if it had always done.
    ///
    /// Where block and upmix are the same, which is so whenever only filters or controls change, the upmix goes on to the
    /// bit and what lies behind it is all that has to be filled.
    pub fn adopt(&mut self, old: &Chain) -> usize {
        if !self.upmix.adopt(&old.upmix) {
            return self.memory_frames;
        }
        for (plane, old) in self.input.iter_mut().zip(&old.input) {
            plane.copy_from_slice(old);
        }
        (self.filled_frames, self.silent_frames, self.resting) = (old.filled_frames, old.silent_frames, old.resting);
        if self.resting {
            // What has faded there would have faded here.
            return 0;
        }
        let mut delay_frames = 0;
        for (delay, old) in self.path_delays.iter_mut().zip(&old.path_delays) {
            if !delay.adopt(old) {
                delay_frames = delay_frames.max(delay.frames());
            }
        }
        (self.filters_memory_frames + delay_frames).min(self.memory_frames)
    }

    /// Frames a second.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// How many planes [`Chain::process`] fills.
    pub fn drivers(&self) -> usize {
        self.drivers.len()
    }

    /// How the FIR matrix is computed.
    pub fn form(&self) -> Form {
        self.matrix.form()
    }

    /// The device channel of each driver.
    pub fn channels(&self) -> &[usize] {
        &self.channels
    }

    /// Frames between a sample and its main peak at the strongest driver: constant.
    pub fn latency_frames(&self) -> usize {
        self.latency.total_frames()
    }

    /// The latency by stage.
    pub fn latency(&self) -> Latency {
        self.latency
    }

    /// Frames after which nothing of an input sample is left in the output, EQ tails apart.
    pub fn memory_frames(&self) -> usize {
        self.memory_frames
    }

    /// What the limiter takes from `driver` now, in dB, ≥ 0.
    pub fn gain_reduction_db(&self, driver: usize) -> f32 {
        self.limiter.as_ref().map_or(0.0, |limiter| limiter.gain_reduction_db(driver))
    }

    /// Whether silence has outlasted every memory.
    pub fn is_resting(&self) -> bool {
        self.resting
    }
}

impl Driver {
    fn new(remaining: Remaining) -> Driver {
        Driver { eq: remaining.eq.into_iter().map(Biquad::new).collect(), delay: Delay::new(remaining.delay_frames) }
    }

    fn process(&mut self, plane: &mut [f32]) {
        for section in &mut self.eq {
            section.process(plane);
        }
        self.delay.process(plane);
    }

    fn reset(&mut self) {
        self.eq.iter_mut().for_each(Biquad::reset);
        self.delay.reset();
    }
}

/// A sample the chain can work on.
pub(crate) fn sane(sample: f32) -> f32 {
    // Comparisons with NaN are false: it becomes 0.
    let sound = sample.abs() >= INPUT_FLOOR && sample.abs() < f32::INFINITY;
    if sound { sample.clamp(-INPUT_LIMIT, INPUT_LIMIT) } else { 0.0 }
}
