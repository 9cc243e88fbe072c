//! Saving power while nothing plays.

use super::super::request::Request;

/// What saves a device and its amplifier power, and what waking takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct PowerPolicy {
    pub suspend_after_ns: Option<u64>,
    pub amp_wake_frames: usize,
}

impl PowerPolicy {
    pub(super) fn of(request: &Request) -> PowerPolicy {
        PowerPolicy {
            suspend_after_ns: request.suspend_after.map(|time| time.as_nanos() as u64),
            amp_wake_frames: (request.amp_wake.as_secs_f64() * f64::from(request.rate_hz)) as usize,
        }
    }
}
