//! How the multiplications are laid out: which outputs are summed together over which partitions, and the FIRs'
//! spectra in the order the kernel reads them.

use crate::dsp::simd::Level;
use crate::dsp::transform::{Bins, spectrum_f64};

/// Outputs that are summed together over the same partitions, as many as the registers hold.
pub(super) struct Pass {
    /// Which outputs.
    pub outputs: Vec<usize>,
    /// Whether an earlier pass has begun their sums.
    pub adds: bool,
    /// (input, partition) of every product, in the order of the spectra.
    terms: Vec<Term>,
    /// Where each term's input spectrum lies in the history's row, for the current block.
    pub offsets: Vec<u32>,
    /// Blocks of bins that are summed at once, so that few outputs keep the multipliers busy too.
    pub groups: usize,
    /// The FIRs' spectra: `[blocks of bins, `groups` at a time][term][block of bins][output]`.
    pub spectra: Vec<Bins>,
}

/// One input and one partition of its FIRs.
type Term = (usize, usize);

/// Which products are computed, and at what cost.
pub(super) struct Plan {
    rectangles: Vec<Rectangle>,
}

/// Every output of `outputs` is computed over every term: a zero among them costs as much as a product.
#[derive(Clone)]
struct Rectangle {
    outputs: Vec<usize>,
    terms: Vec<Term>,
}

/// Partitions of the longest FIR, at least 1.
pub(super) fn partitions(firs: &[Vec<Vec<f64>>], block_frames: usize) -> usize {
    firs.iter().flatten().map(|fir| fir.len().div_ceil(block_frames)).max().unwrap_or(0).max(1)
}

fn partition(fir: &[f64], index: usize, block_frames: usize) -> &[f64] {
    let start = (index * block_frames).min(fir.len());
    &fir[start..(start + block_frames).min(fir.len())]
}

impl Plan {
    /// Covers every partition that is not zero with few and full rectangles: terms that reach the same outputs first;
    /// then the two are merged that save most by it, as long as any do.
    pub fn new(level: Level, block_frames: usize, firs: &[Vec<Vec<f64>>]) -> Plan {
        let mut rectangles: Vec<Rectangle> = Vec::new();
        for (input, row) in firs.iter().enumerate() {
            for index in 0..partitions(firs, block_frames) {
                let reaches = |output: &usize| partition(&row[*output], index, block_frames).iter().any(|&v| v != 0.0);
                let outputs: Vec<usize> = (0..row.len()).filter(reaches).collect();
                match rectangles.iter_mut().find(|rectangle| rectangle.outputs == outputs) {
                    Some(rectangle) => rectangle.terms.push((input, index)),
                    None if outputs.is_empty() => {}
                    None => rectangles.push(Rectangle { outputs, terms: vec![(input, index)] }),
                }
            }
        }
        while let Some((one, other, merged)) = best_merger(level, &rectangles) {
            rectangles.swap_remove(other);
            rectangles[one] = merged;
        }
        // Wide ones begin the sums.
        rectangles.sort_by_key(|rectangle| std::cmp::Reverse(rectangle.outputs.len()));
        Plan { rectangles }
    }

    /// About as many instructions as a block of bins takes.
    pub fn cost(&self, level: Level) -> usize {
        self.rectangles.iter().map(|rectangle| rectangle.cost(level)).sum()
    }

    /// The passes, with the spectra of `firs`.
    pub fn passes(&self, level: Level, block_frames: usize, firs: &[Vec<Vec<f64>>]) -> Vec<Pass> {
        let mut begun = vec![false; firs.first().map_or(0, Vec::len)];
        let mut passes = Vec::new();
        for Rectangle { outputs, terms } in &self.rectangles {
            // Of one pass, all outputs have been begun before or none.
            let (old, new): (Vec<usize>, Vec<usize>) = outputs.iter().partition(|&&output| begun[output]);
            for (outputs, adds) in [(old, true), (new, false)] {
                let count = outputs.len().div_ceil(level.max_outputs()).max(1);
                for outputs in outputs.chunks(outputs.len().div_ceil(count).max(1)) {
                    passes.push(Pass::new(level, block_frames, firs, outputs, adds, terms));
                }
            }
            outputs.iter().for_each(|&output| begun[output] = true);
        }
        passes
    }
}

impl Rectangle {
    /// Loads, stores and multiplications for one block of bins.
    fn cost(&self, level: Level) -> usize {
        let (outputs, terms) = (self.outputs.len(), self.terms.len());
        let passes = outputs.div_ceil(level.max_outputs());
        passes * (10 + 4 * terms) + outputs * (4 + 6 * terms)
    }

    fn merged(&self, other: &Rectangle) -> Rectangle {
        let mut outputs: Vec<usize> = self.outputs.iter().chain(&other.outputs).copied().collect();
        outputs.sort_unstable();
        outputs.dedup();
        let mut terms: Vec<Term> = self.terms.iter().chain(&other.terms).copied().collect();
        terms.sort_unstable();
        terms.dedup();
        Rectangle { outputs, terms }
    }
}

/// The two rectangles whose merger saves most, and what becomes of them.
fn best_merger(level: Level, rectangles: &[Rectangle]) -> Option<(usize, usize, Rectangle)> {
    let mut best: Option<(usize, (usize, usize, Rectangle))> = None;
    for (other, b) in rectangles.iter().enumerate() {
        for (one, a) in rectangles[..other].iter().enumerate() {
            let merged = a.merged(b);
            let saved = (a.cost(level) + b.cost(level)).saturating_sub(merged.cost(level));
            if saved > best.as_ref().map_or(0, |(saved, _)| *saved) {
                best = Some((saved, (one, other, merged)));
            }
        }
    }
    best.map(|(_, merger)| merger)
}

impl Pass {
    fn new(
        level: Level,
        block_frames: usize,
        firs: &[Vec<Vec<f64>>],
        outputs: &[usize],
        adds: bool,
        terms: &[Term],
    ) -> Pass {
        let blocks_of_bins = block_frames / 8;
        let groups = groups_at_once(level, outputs.len()).min(blocks_of_bins);
        let mut spectra = vec![Bins::default(); blocks_of_bins * terms.len() * outputs.len()];
        for (term, &(input, index)) in terms.iter().enumerate() {
            for (place, &output) in outputs.iter().enumerate() {
                let spectrum = packed_spectrum(partition(&firs[input][output], index, block_frames), block_frames);
                for (block, bins) in spectrum.enumerate() {
                    let row = block / groups * terms.len() + term;
                    spectra[(row * groups + block % groups) * outputs.len() + place] = bins;
                }
            }
        }
        let offsets = vec![0; terms.len()];
        Pass { outputs: outputs.to_vec(), adds, offsets, terms: terms.to_vec(), groups, spectra }
    }

    /// Finds every term's input spectrum, now that the newest one is in slot `newest`.
    pub(super) fn locate(&mut self, slots: usize, newest: usize) {
        for (offset, &(input, partition)) in self.offsets.iter_mut().zip(&self.terms) {
            let slot = newest + partition;
            let slot = if slot < slots { slot } else { slot - slots };
            *offset = (input * slots + slot) as u32;
        }
    }

    pub(super) fn multiplied_partitions(&self) -> usize {
        self.terms.len() * self.outputs.len()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.spectra[..]) + size_of_val(&self.terms[..]) + size_of_val(&self.offsets[..])
    }
}

/// Enough independent sums to hide a multiplier's latency, no more than there are registers for.
fn groups_at_once(level: Level, outputs: usize) -> usize {
    match (level.max_outputs(), outputs) {
        (6.., 1) => 4,
        (6.., 2 | 3) => 2,
        (2.., 1) => 2,
        _ => 1,
    }
}

/// The bins of one partition, computed in double precision and scaled for transforms that don't scale.
fn packed_spectrum(samples: &[f64], block_frames: usize) -> impl Iterator<Item = Bins> {
    let scale = 1.0 / block_frames as f64;
    // What is 400 dB down would only make denormal products.
    let single = move |v: f64| if v.abs() < 1e-20 { 0.0 } else { (v * scale) as f32 };
    let spectrum = spectrum_f64(samples, block_frames);
    (0..block_frames / 8).map(move |block| Bins {
        re: std::array::from_fn(|lane| single(spectrum[8 * block + lane][0])),
        im: std::array::from_fn(|lane| single(spectrum[8 * block + lane][1])),
    })
}
