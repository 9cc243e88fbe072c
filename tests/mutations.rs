//! Damaged files: what is good is flipped, cut, repeated and spliced, by the numbers of a fixed seed, and given to
//! everything that reads what others wrote. An error is an answer; a panic, a hang over 10 s or 500 MB are not.
//! The same readers are fuzzed at length, see docs/testing.md.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

#[path = "../fuzz/src/readers.rs"]
mod readers;

type Reader = fn(&Path, &[u8]) -> bool;

/// Processor time for one input.
const MAX_CPU: Duration = Duration::from_secs(10);
/// A reader that waits uses no processor; on a busy machine one that works may take long.
const MAX_WAIT: Duration = Duration::from_secs(120);
const MAX_MEMORY_KB: u64 = 500_000;

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// A place in `bytes`: half of them where headers are.
    fn place(&mut self, bytes: &[u8]) -> usize {
        let reach = if self.below(2) == 0 { bytes.len().min(512) } else { bytes.len() };
        self.below(reach)
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.place(bytes);
        start..(start + 1 + self.below(64)).min(bytes.len())
    }
}

/// `good` with one to four things done to it.
fn damaged(good: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    /// Where counts and sizes break: nothing, the largest, the sign.
    const EDGES: [u64; 6] = [0, u64::MAX, 0x7FFF_FFFF_7FFF_FFFF, 0x8000_0000_8000_0000, 0x0100_0000_0000_0001, 1];
    let mut bytes = good.to_vec();
    for _ in 0..1 + numbers.below(4) {
        let range = numbers.range(&bytes);
        match numbers.below(8) {
            _ if bytes.is_empty() => break,
            0 | 1 => bytes[range.start] ^= 1 << numbers.below(8),
            2 => bytes[range.start] = numbers.next() as u8,
            3 => {
                let edge = EDGES[numbers.below(EDGES.len())].to_le_bytes();
                let width = [1, 2, 4, 8][numbers.below(4)].min(bytes.len() - range.start);
                bytes[range.start..][..width].copy_from_slice(&edge[..width]);
            }
            4 => drop(bytes.drain(range)),
            5 => {
                let again = bytes[range.clone()].repeat(1 + numbers.below(16));
                bytes.splice(range.end..range.end, again);
            }
            6 => {
                let from = numbers.range(other);
                bytes.splice(range, other[from].iter().copied());
            }
            _ => bytes.truncate(numbers.place(&bytes)),
        }
    }
    bytes
}

fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a thread has a clock").into()
}

/// The most memory this process ever had.
fn memory_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it counts memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Gives `count` damaged ones of `files` to `reader`.
fn survives(reader: Reader, files: Vec<Vec<u8>>, count: usize) {
    let (said, heard) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let folder = tempfile::tempdir_in(scratch()).expect("a folder for temporary files");
        let (mut numbers, mut taken) = (Numbers(1), 0);
        for index in 0..count {
            let good = &files[index % files.len()];
            let bytes = damaged(good, &files[numbers.below(files.len())], &mut numbers);
            let before = cpu_time();
            taken += usize::from(reader(folder.path(), &bytes));
            let took = cpu_time() - before;
            assert!(took < MAX_CPU, "input {index} takes {took:?}");
            said.send(index).expect("somebody waits");
        }
        // Damage that is always noticed at once would test little.
        assert!(taken > count / 1000 && taken < count, "{taken} of {count} are taken for good");
    });
    let mut last = None;
    loop {
        match heard.recv_timeout(MAX_WAIT) {
            Ok(index) => last = Some(index),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the input after {last:?} is never done with"),
        }
    }
    worker.join().unwrap_or_else(|_| panic!("the input after {last:?} is not survived"));
    assert_eq!(last, Some(count - 1));
    assert!(memory_kb() < MAX_MEMORY_KB, "{} kB", memory_kb());
}

/// Many small files are written: into memory, where there is such a place.
fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(paths: &[&str]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| fs::read(in_repository(path)).expect(path)).collect()
}

/// Every file of that name one level below `folder`, or in it.
fn all(folder: &str, name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(in_repository(folder))
        .expect(folder)
        .map(|entry| entry.expect("an entry").path())
        .map(|path| if path.is_dir() { path.join(name) } else { path })
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

#[test]
fn a_damaged_configuration() {
    survives(readers::config, read(&["conf/spatiald.toml"]), 3000);
}

#[test]
fn a_damaged_profile() {
    let tied = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (before, behind) = text.split_once("[files]").expect("files are tied");
        // Else every one is refused for the coefficients that belong to it.
        [before, behind.split_once("\n\n").expect("a table ends").1].concat().into_bytes()
    };
    survives(readers::profile, all("conf/profiles", "profile.toml").into_iter().map(tied).collect(), 600);
}

#[test]
fn a_damaged_device_description() {
    survives(readers::device, all("conf/devices", ""), 2000);
}

#[test]
fn damaged_coefficients_and_responses() {
    survives(readers::wav, all("conf/profiles", "coefficients.wav"), 2000);
}

#[test]
fn damaged_music() {
    let names = ["chirp.aac", "chirp.flac", "chirp.m4a", "chirp.mp3", "chirp.ogg", "tone.ogg"];
    let mut files = read(&names.map(|name| format!("tests/fixtures/{name}")).each_ref().map(String::as_str));
    files.extend(read(&["conf/profiles/pair/coefficients.wav"]));
    survives(readers::audio, files, 700);
}

#[test]
fn a_damaged_sofa_file() {
    survives(readers::sofa, read(&["tests/fixtures/head.sofa", "tests/fixtures/driver.sofa"]), 400);
}

#[test]
fn a_damaged_line_of_the_control_socket() {
    let lines = [
        r#""status""#,
        r#"{"reload":"again"}"#,
        r#"{"reload":{"named":"bar"}}"#,
        r#"{"refused":{"reason":"no","causes":["a","b"]}}"#,
        r#"{"switched":{"from":"a","to":"b","took_ms":1.5,"requests":1,"latency_frames":900,"note":null}}"#,
    ];
    survives(readers::control, lines.map(|line| line.as_bytes().to_vec()).to_vec(), 20_000);
}
