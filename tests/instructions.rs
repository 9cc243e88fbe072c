//! How many instructions the signal path takes, counted by valgrind: the same on every run and every machine with the
//! same instruction set, so a loss of speed shows here and nowhere else does noise.
//!
//! The counts are of a build as in a release (`benches/instructions`). A figure that has become better is recorded too:
//! then the next loss is seen.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Instructions per frame and driver: 3 inputs, 6 drivers, FIRs of 2048 taps, blocks of 256 frames, measured on
/// 25 November 2026 with Rust 1.95. `None` as the bound where only the record counts.
const RECORDS: [(&str, &str, f64, Option<f64>); 6] = [
    ("matrix", "avx2+fma", 41.6, Some(65.0)),
    ("matrix", "sse2", 135.1, None),
    ("mid-side", "avx2+fma", 33.4, None),
    ("limiter", "avx2+fma", 41.3, None),
    ("limiter", "sse2", 68.0, None),
    ("chain", "avx2+fma", 133.3, None),
];
const FRAMES: f64 = 256.0;
const DRIVERS: f64 = 6.0;

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
    for (job, level, recorded, bound) in RECORDS {
        if !levels.lines().any(|available| available == level) {
            println!("{job}: this machine has no {level}");
            continue;
        }
        // The difference leaves out building it all, and the first blocks.
        let blocks = count(&worker, job, level, 120) - count(&worker, job, level, 40);
        let found = blocks / (80.0 * FRAMES * DRIVERS);
        println!("{job} on {level}: {found:.1} instructions per frame and driver, recorded {recorded:.1}");
        if (found / recorded - 1.0).abs() > 0.1 || bound.is_some_and(|bound| found > bound) {
            wrong.push(format!("{job} on {level}: {found:.1}, recorded {recorded:.1}, bound {bound:?}"));
        }
    }
    assert!(wrong.is_empty(), "beyond 10 % of the record, or over the bound:\n{}", wrong.join("\n"));
}
