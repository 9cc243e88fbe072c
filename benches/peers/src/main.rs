//! The FIR matrix against other engines on the same job, interleaved in one process: `cargo run --release`.
//!
//! Every run times each engine in turn in processor time of this thread; the ratios are of neighbors in time, so that
//! what else the machine does falls on both. FIRs are noise, non-zero to the last tap: some engines trim quiet taps.

#[allow(dead_code, unused_imports)]
#[path = "../../../src/dsp/mod.rs"]
mod dsp;
mod engines;

use nix::time::{ClockId, clock_gettime};

use engines::{Convolver, Engine, Ours, Plain, Zita};

const RUNS: usize = 41;
/// Blocks that are timed one by one, in so many groups: an interruption by another program spoils one of them.
const BLOCKS: usize = 200;
const GROUPS: usize = 15;

/// This thread's processor time.
fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has a clock per thread");
    time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64
}

fn noise(frames: usize, seed: usize) -> Vec<f32> {
    let mut state = (seed as u32).wrapping_mul(747_796_405).wrapping_add(1);
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as i32 as f32 / i32::MAX as f32
        })
        .collect()
}

/// One job: `firs[input][output]`.
pub struct Job {
    inputs: usize,
    outputs: usize,
    taps: usize,
    block: usize,
    firs: Vec<Vec<Vec<f32>>>,
    mirrored: bool,
}

impl Job {
    fn new(inputs: usize, outputs: usize, taps: usize, block: usize) -> Job {
        let firs = (0..inputs).map(|i| (0..outputs).map(|o| noise(taps, 100 + i * 16 + o)).collect()).collect();
        Job { inputs, outputs, taps, block, firs, mirrored: false }
    }

    /// The same for a device whose left half mirrors its right one: spatiald finds that out by itself.
    fn mirrored(outputs: usize, taps: usize, block: usize) -> Job {
        let mut job = Job::new(3, outputs, taps, block);
        for output in 0..outputs {
            job.firs[1][outputs - 1 - output] = job.firs[0][output].clone();
            job.firs[2][outputs - 1 - output] = job.firs[2][output].clone();
        }
        Job { mirrored: true, ..job }
    }

    /// Error of an engine against direct convolution in double precision, in dB, over a block after warm-up.
    fn error_db(&self, engine: &mut dyn Engine) -> f64 {
        let blocks = self.taps.div_ceil(self.block) + 2;
        let x: Vec<Vec<f32>> = (0..self.inputs).map(|i| noise(blocks * self.block, i)).collect();
        let mut y = vec![vec![0.0; self.block]; self.outputs];
        for block in 0..blocks {
            let span = block * self.block..(block + 1) * self.block;
            let inputs: Vec<Vec<f32>> = x.iter().map(|x| x[span.clone()].to_vec()).collect();
            engine.process(&inputs, &mut y);
        }
        let (mut signal, mut error) = (0.0, 0.0);
        for (output, y) in y.iter().enumerate() {
            for (n, &y) in y.iter().enumerate().step_by(7) {
                let now = (blocks - 1) * self.block + n;
                let exact: f64 = (0..self.inputs)
                    .flat_map(|i| self.firs[i][output].iter().zip(x[i][..=now].iter().rev()))
                    .map(|(&h, &x)| f64::from(h) * f64::from(x))
                    .sum();
                signal += exact * exact;
                error += (f64::from(y) - exact).powi(2);
            }
        }
        10.0 * (error / signal).log10()
    }

    fn measure(&self) {
        let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Ours::new(self))];
        if let Some(zita) = Zita::new(self) {
            engines.push(Box::new(zita));
        }
        engines.push(Box::new(Plain::new(self)));
        engines.push(Box::new(Convolver::new(self)));
        let errors: Vec<f64> = engines.iter_mut().map(|engine| self.error_db(&mut **engine)).collect();

        let x: Vec<Vec<f32>> = (0..self.inputs).map(|i| noise(self.block, i)).collect();
        let mut y = vec![vec![0.0; self.block]; self.outputs];
        let calls = (9600 / self.block).max(2);
        let mut times = vec![Vec::new(); engines.len()];
        for _ in 0..RUNS {
            for (engine, times) in engines.iter_mut().zip(&mut times) {
                // Its data comes back into the caches first.
                engine.process(&x, &mut y);
                let start = cpu_ns();
                for _ in 0..calls {
                    engine.process(std::hint::black_box(&x), &mut y);
                }
                times.push((cpu_ns() - start) / (calls * self.block * self.outputs) as f64);
            }
        }
        let spreads: Vec<f64> = engines.iter_mut().map(|engine| spread(&mut **engine, &x, &mut y)).collect();
        for (index, engine) in engines.iter().enumerate() {
            let ratios = quartiles(times[index].iter().zip(&times[0]).map(|(peer, ours)| peer / ours).collect());
            let [_, median, _] = quartiles(times[index].clone());
            println!(
                "| {}x{}{} | {} | {} | {} | {median:.2} | {:.2} ({:.2}–{:.2}) | {:.0} | {:.2} |",
                self.inputs,
                self.outputs,
                if self.mirrored { " mirrored" } else { "" },
                self.taps,
                self.block,
                engine.name(),
                ratios[1],
                ratios[0],
                ratios[2],
                errors[index],
                spreads[index],
            );
        }
    }
}

/// 99th percentile of the time of one block over its median; the median of all groups.
fn spread(engine: &mut dyn Engine, x: &[Vec<f32>], y: &mut [Vec<f32>]) -> f64 {
    let mut group = || {
        let mut times = [(); BLOCKS].map(|()| {
            let start = cpu_ns();
            engine.process(std::hint::black_box(x), y);
            cpu_ns() - start
        });
        times.sort_by(f64::total_cmp);
        times[BLOCKS * 99 / 100] / times[BLOCKS / 2]
    };
    quartiles((0..GROUPS).map(|_| group()).collect())[1]
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[quarter * (values.len() - 1) / 4])
}

fn main() {
    println!("| job | taps | block | engine | ns/frame/driver | time / ours (quartiles) | error dB | p99/median |");
    println!("|---|---|---|---|---|---|---|---|");
    Job::new(3, 6, 2048, 256).measure();
    Job::mirrored(6, 2048, 256).measure();
    for block in [64, 256, 1024] {
        for taps in [1024, 2048, 4096] {
            if (taps, block) != (2048, 256) {
                Job::new(3, 6, taps, block).measure();
            }
        }
    }
    for outputs in [1, 2, 3, 4, 5, 7, 8] {
        Job::new(3, outputs, 2048, 256).measure();
    }
}
