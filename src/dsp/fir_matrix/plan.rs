//! How the multiplications are laid out: which outputs are summed together, which partitions they need, and the FIRs'
//! spectra in the order the kernel reads them.

use rustfft::{FftPlanner, num_complex::Complex};

use super::Bins;
use crate::dsp::simd::Level;

/// Outputs that are summed together, because the same inputs reach them and their sums fit the registers.
pub(super) struct Pass {
    /// Which outputs.
    pub outputs: Vec<usize>,
    /// (input, partition) of every product, in the order of the spectra.
    terms: Vec<(usize, usize)>,
    /// Where each term's input spectrum lies in the history's row, for the current block.
    pub offsets: Vec<u32>,
    /// Blocks of bins that are summed at once, so that few outputs keep the multipliers busy too.
    pub groups: usize,
    /// The FIRs' spectra: `[blocks of bins, `groups` at a time][term][block of bins][output]`.
    pub spectra: Vec<Bins>,
}

/// Partitions of the longest FIR, at least 1.
pub(super) fn partitions(firs: &[Vec<Vec<f64>>], block_frames: usize) -> usize {
    firs.iter().flatten().map(|fir| fir.len().div_ceil(block_frames)).max().unwrap_or(0).max(1)
}

/// The passes that compute all outputs.
pub(super) fn passes(level: Level, block_frames: usize, firs: &[Vec<Vec<f64>>]) -> Vec<Pass> {
    let outputs = firs.first().map_or(0, Vec::len);
    let reached_by =
        |output: usize| -> Vec<bool> { firs.iter().map(|row| row[output].iter().any(|&v| v != 0.0)).collect() };
    let mut classes: Vec<(Vec<bool>, Vec<usize>)> = Vec::new();
    for output in 0..outputs {
        let inputs = reached_by(output);
        match classes.iter_mut().find(|(class, _)| *class == inputs) {
            Some((_, members)) => members.push(output),
            None => classes.push((inputs, vec![output])),
        }
    }
    let mut spectrum_of = SpectrumOf::new(block_frames);
    classes
        .iter()
        .flat_map(|(_, members)| {
            let passes = members.len().div_ceil(level.max_outputs());
            members.chunks(members.len().div_ceil(passes))
        })
        .map(|outputs| Pass::new(level, block_frames, firs, outputs, &mut spectrum_of))
        .collect()
}

impl Pass {
    fn new(
        level: Level,
        block_frames: usize,
        firs: &[Vec<Vec<f64>>],
        outputs: &[usize],
        spectrum_of: &mut SpectrumOf,
    ) -> Pass {
        let partition = |input: usize, output: usize, index: usize| -> &[f64] {
            let fir = &firs[input][output];
            let start = (index * block_frames).min(fir.len());
            &fir[start..(start + block_frames).min(fir.len())]
        };
        let terms: Vec<(usize, usize)> = (0..firs.len())
            .flat_map(|input| (0..partitions(firs, block_frames)).map(move |index| (input, index)))
            .filter(|&(input, index)| {
                outputs.iter().any(|&output| partition(input, output, index).iter().any(|&v| v != 0.0))
            })
            .collect();

        let blocks_of_bins = block_frames / 8;
        let groups = groups_at_once(level, outputs.len()).min(blocks_of_bins);
        let mut spectra = vec![Bins::default(); blocks_of_bins * terms.len() * outputs.len()];
        for (term, &(input, index)) in terms.iter().enumerate() {
            for (place, &output) in outputs.iter().enumerate() {
                for (block, bins) in spectrum_of.partition(partition(input, output, index)).enumerate() {
                    let row = block / groups * terms.len() + term;
                    spectra[(row * groups + block % groups) * outputs.len() + place] = bins;
                }
            }
        }
        Pass { outputs: outputs.to_vec(), offsets: vec![0; terms.len()], terms, groups, spectra }
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

/// Spectra of the FIRs' partitions, computed in double precision.
struct SpectrumOf {
    fft: std::sync::Arc<dyn rustfft::Fft<f64>>,
    buffer: Vec<Complex<f64>>,
}

impl SpectrumOf {
    fn new(block_frames: usize) -> SpectrumOf {
        let size = 2 * block_frames;
        SpectrumOf { fft: FftPlanner::new().plan_fft_forward(size), buffer: vec![Complex::default(); size] }
    }

    /// Packed bins of one partition, scaled for transforms that don't scale: the forward ones give twice the
    /// spectrum, the inverse ones `2 · block_frames` times the signal.
    fn partition(&mut self, samples: &[f64]) -> impl Iterator<Item = Bins> {
        let block_frames = self.buffer.len() / 2;
        self.buffer.fill(Complex::default());
        for (bin, &sample) in self.buffer.iter_mut().zip(samples) {
            bin.re = sample;
        }
        self.fft.process(&mut self.buffer);
        self.buffer[0].im = self.buffer[block_frames].re;
        let scale = 0.25 / block_frames as f64;
        // What is 400 dB down would only make denormal products.
        let single = move |v: f64| if v.abs() < 1e-20 { 0.0 } else { (v * scale) as f32 };
        self.buffer[..block_frames].chunks_exact(8).map(move |bins| Bins {
            re: std::array::from_fn(|lane| single(bins[lane].re)),
            im: std::array::from_fn(|lane| single(bins[lane].im)),
        })
    }
}
