//! The test card (tests/card): built once, one folder a card, commanded and read through its `control` page.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::recording::Recording;

/// The words of tests/card/control.h, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Word {
    ClockPpm = 0,
    Unplugged,
    Busy,
    Stalled,
    XrunRequests,
    MutedRecord,
    OpenErrno,
    ConfigureErrno,
    StartErrno,
    OpenDelayMs,
    OnlyRateHz,
    Opens = 16,
    Closes,
    Refused,
    Starts,
    Stops,
    Xruns,
    ForcedXruns,
    FramesPlayed,
    StaleFrames,
    RecordingNumber,
    RecordedFrames,
    RateHz,
    Channels,
    Format,
    PeriodFrames,
    BufferFrames,
    State,
    FillFrames,
    MinFillFrames,
    MaxFillFrames,
    StartNs,
    StartFrame,
    HolderPid,
}

/// Compiles the card where its sources are newer; gives the ALSA configuration that knows it.
pub fn alsa_config() -> &'static Path {
    static CONFIG: OnceLock<PathBuf> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/card");
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("testcard");
        let config = out.join("asound.conf");
        let age = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
        let newest =
            std::fs::read_dir(&sources).expect("tests/card").filter_map(|entry| age(&entry.ok()?.path())).max();
        if age(&config) < newest {
            let built = Command::new(sources.join("build.sh")).arg(&out).output().expect("tests/card/build.sh");
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        }
        config
    })
}

/// Makes the card known to alsa-lib in this very process. Call it before anything else of ALSA.
pub fn use_in_this_process() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // SAFETY: the only writer of the environment in the test, once, before alsa-lib reads it for the first time.
        unsafe { std::env::set_var("ALSA_CONFIG_PATH", alsa_config()) }
    });
}

/// A card: a folder with its control page, its log and its recordings, gone when dropped.
pub struct Card {
    folder: TempDir,
    control: File,
    limits: String,
}

impl Card {
    /// A card that takes 2 to 16 channels at all its rates and formats.
    pub fn new() -> Card {
        Card::with_limits("")
    }

    /// A card with `limits` such as `CHANNELS=2/8,RATES=48000,FORMATS=S32_LE/S16_LE,ACCESS=RW_NONINTERLEAVED`.
    pub fn with_limits(limits: &str) -> Card {
        alsa_config();
        // In memory: a disk that writes back makes the card's clock wait, which is no fault of the daemon's.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("card.").tempdir_in(parent).expect("a temporary folder");
        let control = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.path().join("control"))
            .expect("the control page");
        control.set_len(4096).expect("the control page");
        Card { folder, control, limits: limits.to_owned() }
    }

    /// The name to open it by, with [`alsa_config`] in `ALSA_CONFIG_PATH`.
    pub fn pcm(&self) -> String {
        let mut name = format!("testcard:DIR={}", self.folder.path().display());
        if !self.limits.is_empty() {
            name += &format!(",{}", self.limits);
        }
        name
    }

    /// The environment in which a program finds the card.
    pub fn env() -> (&'static str, OsString) {
        ("ALSA_CONFIG_PATH", alsa_config().into())
    }

    pub fn get(&self, word: Word) -> i64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, word as u64 * 8).expect("the control page");
        i64::from_ne_bytes(bytes)
    }

    pub fn set(&self, word: Word, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), word as u64 * 8).expect("the control page");
    }

    pub fn set_clock_ppm(&self, ppm: i64) {
        self.set(Word::ClockPpm, ppm);
    }

    pub fn unplug(&self) {
        self.set(Word::Unplugged, 1);
    }

    pub fn replug(&self) {
        self.set(Word::Unplugged, 0);
    }

    pub fn force_xrun(&self) {
        self.set(Word::XrunRequests, self.get(Word::XrunRequests) + 1);
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `nanoseconds recorded-frames event`, a line each.
    pub fn events(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("events.log")).unwrap_or_default()
    }

    /// The current recording's file.
    pub fn recording_path(&self) -> PathBuf {
        self.folder.path().join(format!("recording-{}.wav", self.get(Word::RecordingNumber)))
    }

    /// What the DAC has played so far, in the current recording.
    pub fn recording(&self) -> Recording {
        Recording::read(&self.recording_path())
    }

    /// What the DAC played from frame `start` of the current recording on.
    pub fn recording_from(&self, start: usize) -> Recording {
        Recording::read_from(&self.recording_path(), start)
    }

    pub fn recorded_frames(&self) -> usize {
        self.get(Word::RecordedFrames) as usize
    }
}
