//! What an upmix is built from.

use thiserror::Error;

/// How the center is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum UpmixMode {
    /// Conditional Wiener filter per bin, 512-sample synthesis window at 44.1 and 48 kHz (10.7 ms): the best split.
    #[default]
    Separation,
    /// The same with a 256-sample synthesis window (5.3 ms).
    SeparationShort,
    /// Two causal FIR filters that follow the same statistics, 1 ms.
    LowLatency,
    /// No upmix: L′ = L, R′ = R, C = 0.
    Off,
}

impl UpmixMode {
    /// Every mode, in the order of their latency, longest first.
    pub const ALL: [UpmixMode; 4] =
        [UpmixMode::Separation, UpmixMode::SeparationShort, UpmixMode::LowLatency, UpmixMode::Off];

    /// The name a profile uses.
    pub fn name(self) -> &'static str {
        match self {
            UpmixMode::Separation => "separation",
            UpmixMode::SeparationShort => "separation-short",
            UpmixMode::LowLatency => "low-latency",
            UpmixMode::Off => "off",
        }
    }

    /// The mode of that name, if there is one.
    pub fn from_name(name: &str) -> Option<UpmixMode> {
        UpmixMode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// Settings of an [`Upmix`](super::Upmix).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpmixSpec {
    /// How the center is found.
    pub mode: UpmixMode,
    /// Part of the center left in L′ and R′, 0 (none: the whole center goes to C) to 1 (all: C is silent).
    pub center_width: f32,
}

impl Default for UpmixSpec {
    fn default() -> Self {
        UpmixSpec { mode: UpmixMode::Separation, center_width: 0.0 }
    }
}

impl UpmixSpec {
    /// Checks every value; [`Upmix::new`](super::Upmix::new) does so itself.
    pub fn validate(&self) -> Result<(), UpmixError> {
        if (0.0..=1.0).contains(&self.center_width) { Ok(()) } else { Err(UpmixError::CenterWidth(self.center_width)) }
    }
}

/// Why an upmix can't be built.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum UpmixError {
    /// A rate the chain cannot run at.
    #[error("upmix: sample rate {0} Hz; give one from 8000 to 192000 Hz")]
    SampleRate(u32),
    /// A block that is no power of two, or out of range.
    #[error("upmix: block of {0} frames; give a power of two from 16 to 8192")]
    BlockFrames(usize),
    /// A width out of 0…1.
    #[error("upmix: center_width {0}; give a number from 0 (all of the center to C) to 1 (none)")]
    CenterWidth(f32),
}
