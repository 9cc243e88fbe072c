//! How many instructions the signal path takes, counted by valgrind: the same on every run and every machine with the
//! same instruction set, so a loss of speed shows here and nowhere else does noise.
//!
//! The counts are of a build as in a release (`benches/instructions`). A figure that has become better is recorded too:
//! then the next loss is seen.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is counted on an instruction set.
struct Record {
    job: &'static str,
    level: &'static str,
    /// Drivers the instructions of a frame are shared out to; 1 for what has none.
    drivers: f64,
    /// Instructions per frame and driver, measured on 25 November 2026 with Rust 1.95: FIRs of 2048 taps, blocks of 256
    /// frames, 48 kHz.
    recorded: f64,
    /// What it must never exceed, where that is promised.
    bound: Option<f64>,
}

const fn record(job: &'static str, level: &'static str, drivers: f64, recorded: f64, bound: Option<f64>) -> Record {
    Record { job, level, drivers, recorded, bound }
}

const RECORDS: [Record; 9] = [
    record("matrix", "avx2+fma", 6.0, 41.1, Some(65.0)),
    record("matrix", "sse2", 6.0, 134.4, None),
    record("mid-side", "avx2+fma", 6.0, 32.9, None),
    record("limiter", "avx2+fma", 6.0, 21.8, None),
    record("limiter", "sse2", 6.0, 46.6, None),
    record("upmix", "avx2+fma", 1.0, 266.1, Some(310.0)),
    record("upmix", "sse2", 1.0, 595.5, None),
    record("low-latency", "avx2+fma", 1.0, 4880.0, None),
    record("chain", "avx2+fma", 6.0, 97.3, None),
];
const FRAMES: f64 = 256.0;
/// The whole chain costs at most as much as so many of its FIR matrices.
const CHAIN_OVER_MATRIX: f64 = 2.5;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Builds the worker and returns its path.
fn worker() -> PathBuf {
    let target = root().join("target/instructions");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--manifest-path"])
        .arg(root().join("benches/instructions/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .unwrap();
    assert!(built.success(), "the worker does not build");
    target.join("release/instructions")
}

/// Instructions of one run, all of it.
fn count(worker: &Path, job: &str, level: &str, blocks: u32) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(worker)
        .args([job, level, &blocks.to_string()])
        .output()
        .expect("valgrind runs: packaging/requirements.sh names the package");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{job} on {level}: {log}");
    let collected = log.lines().find_map(|line| line.split_once("Collected : ")).unwrap_or_else(|| panic!("{log}"));
    collected.1.trim().parse().unwrap()
}

#[test]
fn no_stage_takes_more_instructions_than_recorded() {
    let worker = worker();
    let levels = Command::new(&worker).arg("levels").output().unwrap().stdout;
    let levels = String::from_utf8(levels).unwrap();
    let mut wrong = Vec::new();
    let mut per_frame = HashMap::new();
    for Record { job, level, drivers, recorded, bound } in RECORDS {
        if !levels.lines().any(|available| available == level) {
            println!("{job}: this machine has no {level}");
            continue;
        }
        // The difference leaves out building it all, and the first blocks.
        let blocks = count(&worker, job, level, 120) - count(&worker, job, level, 40);
        let found = blocks / (80.0 * FRAMES * drivers);
        per_frame.insert((job, level), found * drivers);
        println!("{job} on {level}: {found:.1} instructions per frame and driver, recorded {recorded:.1}");
        if (found / recorded - 1.0).abs() > 0.1 || bound.is_some_and(|bound| found > bound) {
            wrong.push(format!("{job} on {level}: {found:.1}, recorded {recorded:.1}, bound {bound:?}"));
        }
    }
    assert!(wrong.is_empty(), "beyond 10 % of the record, or over the bound:\n{}", wrong.join("\n"));
    let level = "avx2+fma";
    if let (Some(chain), Some(matrix)) = (per_frame.get(&("chain", level)), per_frame.get(&("matrix", level))) {
        let ratio = chain / matrix;
        println!("chain over matrix: {ratio:.2}");
        assert!(ratio <= CHAIN_OVER_MATRIX, "the chain costs {ratio:.2} of its FIR matrix");
    }
}
