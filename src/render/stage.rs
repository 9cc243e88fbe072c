//! What the input passes through: the whole chain, or its upmix alone.

use super::Tap;
use crate::dsp::chain::sane;
use crate::dsp::{Chain, ChainSpec, SpecError, Upmix};

/// The chain up to a tap.
pub(super) enum Stage {
    /// All of it.
    Chain { chain: Box<Chain>, names: Vec<String> },
    /// The upmix.
    Upmix(Box<UpmixStage>),
}

impl Stage {
    pub fn new(spec: &ChainSpec, tap: Tap) -> Result<Stage, SpecError> {
        let chain = Chain::new(spec)?;
        Ok(match tap {
            Tap::Drivers => Stage::Chain {
                chain: Box::new(chain),
                names: spec.drivers.iter().map(|driver| driver.name.clone()).collect(),
            },
            Tap::Upmix => Stage::Upmix(Box::new(UpmixStage::new(spec, chain)?)),
        })
    }

    pub fn channel_names(&self) -> Vec<String> {
        match self {
            Stage::Chain { names, .. } => names.clone(),
            Stage::Upmix(_) => ["left", "right", "center"].map(String::from).to_vec(),
        }
    }

    pub fn latency_frames(&self) -> usize {
        match self {
            Stage::Chain { chain, .. } => chain.latency_frames(),
            Stage::Upmix(stage) => stage.block_frames + stage.upmix.latency_frames(),
        }
    }

    pub fn memory_frames(&self) -> usize {
        match self {
            Stage::Chain { chain, .. } => chain.memory_frames(),
            Stage::Upmix(stage) => stage.block_frames + stage.upmix.memory_frames(),
        }
    }

    /// The most the limiter lowers any driver at the moment, in dB.
    pub fn max_gain_reduction_db(&self) -> f32 {
        match self {
            Stage::Chain { chain, .. } => {
                (0..chain.drivers()).map(|driver| chain.gain_reduction_db(driver)).fold(0.0, f32::max)
            }
            Stage::Upmix(_) => 0.0,
        }
    }

    /// Any number of frames, the same in every slice.
    pub fn process(&mut self, left: &[f32], right: &[f32], out: &mut [&mut [f32]]) {
        match self {
            Stage::Chain { chain, .. } => chain.process(left, right, out),
            Stage::Upmix(stage) => stage.process(left, right, out),
        }
    }
}

/// The upmix on the block grid that it has within a chain: the chain runs beside it and says when both rest.
pub(super) struct UpmixStage {
    upmix: Upmix,
    chain: Chain,
    block_frames: usize,
    /// The block being collected, left and right.
    collected: [Vec<f32>; 2],
    fill: usize,
    /// The block being given out: L′, R′, C.
    ready: [Vec<f32>; 3],
    /// What the chain gives out: nobody listens.
    unheard: Vec<Vec<f32>>,
}

impl UpmixStage {
    fn new(spec: &ChainSpec, chain: Chain) -> Result<UpmixStage, SpecError> {
        let block = || vec![0.0; spec.block_frames];
        Ok(UpmixStage {
            upmix: Upmix::new(&spec.upmix, spec.sample_rate_hz, spec.block_frames)?,
            block_frames: spec.block_frames,
            collected: [block(), block()],
            fill: 0,
            ready: [block(), block(), block()],
            unheard: vec![block(); chain.drivers()],
            chain,
        })
    }

    fn process(&mut self, left: &[f32], right: &[f32], out: &mut [&mut [f32]]) {
        let frames = left.len().min(right.len());
        let mut at = 0;
        while at < frames {
            let run = (frames - at).min(self.block_frames - self.fill);
            let (left, right) = (&left[at..at + run], &right[at..at + run]);
            if self.chain.is_resting() {
                let asleep = self.leading_silence(left, right);
                for plane in out.iter_mut() {
                    plane[at..at + asleep].fill(0.0);
                }
                at += asleep;
                if asleep > 0 {
                    continue;
                }
            }
            let block = self.fill..self.fill + run;
            for (plane, ready) in out.iter_mut().zip(&self.ready) {
                plane[at..at + run].copy_from_slice(&ready[block.clone()]);
            }
            for (collected, samples) in self.collected.iter_mut().zip([left, right]) {
                for (collected, &sample) in collected[block.clone()].iter_mut().zip(samples) {
                    *collected = sane(sample);
                }
            }
            self.run_chain(left, right);
            at += run;
            self.fill += run;
            if self.fill == self.block_frames {
                self.process_block();
            }
        }
    }

    fn leading_silence(&self, left: &[f32], right: &[f32]) -> usize {
        let silent = |(left, right): &(&f32, &f32)| sane(**left) == 0.0 && sane(**right) == 0.0;
        left.iter().zip(right).take_while(silent).count()
    }

    /// At most a block.
    fn run_chain(&mut self, left: &[f32], right: &[f32]) {
        let mut unheard: Vec<&mut [f32]> = self.unheard.iter_mut().map(|plane| &mut plane[..left.len()]).collect();
        self.chain.process(left, right, &mut unheard);
    }

    fn process_block(&mut self) {
        self.fill = 0;
        let [left, right, center] = &mut self.ready;
        self.upmix.process(&self.collected[0], &self.collected[1], left, right, center);
        if self.chain.is_resting() {
            self.upmix.reset();
            for plane in &mut self.ready {
                plane.fill(0.0);
            }
        }
    }
}
