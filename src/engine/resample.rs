//! A change of rate by a few hundred parts per million, for the time in which another device drives the graph.
//!
//! A 64-tap Kaiser-windowed sinc, tabulated at 512 phases with linear interpolation between them (Smith and Gossett, "A
//! Flexible Sampling-Rate Conversion Method", ICASSP 1984). At phase 0 its taps are the unit impulse: while the ratio
//! is exactly 1 the samples pass bit for bit, [`LATENCY_FRAMES`] later, so that it can stay in the path.

use crate::dsp::sinc::windowed_sinc;

/// Taps of the interpolation kernel.
const TAPS: usize = 64;
/// Tabulated phases between two frames.
const PHASES: usize = 512;
/// Shape of the Kaiser window: 110 dB of stop-band attenuation, and a passband to 21 kHz at 48 kHz.
const KAISER_BETA: f64 = 11.2;
/// Fastest return to phase 0, as an offset of the ratio.
const GLIDE: f64 = 50e-6;
/// Largest offset of the ratio from 1.
pub const MAX_OFFSET: f64 = 1e-3;
/// Delay at ratio 1.
pub const LATENCY_FRAMES: usize = TAPS / 2;

/// Two channels at a ratio near 1. Nothing is allocated after construction.
#[derive(Debug)]
pub struct Resampler {
    /// `PHASES + 1` rows; the last is the first, one frame later.
    table: Box<[[f32; TAPS]]>,
    /// Frames kept from call to call, then the new ones.
    window: [Box<[f32]>; 2],
    held: usize,
    /// Place of the next output frame between two input frames, in [0, 1[.
    fraction: f64,
    /// Input frames per output frame.
    step: f64,
    max_frames: usize,
}

impl Resampler {
    /// At ratio 1 and phase 0, for calls of at most `max_frames` output frames.
    pub fn new(max_frames: usize) -> Resampler {
        let window = || vec![0.0; TAPS + max_input_frames(max_frames)].into_boxed_slice();
        Resampler {
            table: (0..=PHASES).map(kernel).collect(),
            window: [window(), window()],
            held: TAPS - 1,
            fraction: 0.0,
            step: 1.0,
            max_frames,
        }
    }

    /// True while samples pass unchanged.
    pub fn is_transparent(&self) -> bool {
        self.fraction == 0.0 && self.step == 1.0
    }

    /// Takes `1 + offset` input frames per output frame, within ± [`MAX_OFFSET`].
    pub fn set_offset(&mut self, offset: f64) {
        self.step = 1.0 + offset.clamp(-MAX_OFFSET, MAX_OFFSET);
    }

    /// For the next call, of `frames` output frames: approaches phase 0 at ratio 1, and stays there.
    pub fn glide(&mut self, frames: usize) {
        if self.is_transparent() || frames == 0 {
            return;
        }
        let way = if self.fraction < 0.5 { -self.fraction } else { 1.0 - self.fraction };
        // What is left when the way is over is rounding, below 10⁻¹² frames.
        if way.abs() < 1e-9 {
            (self.fraction, self.step) = (0.0, 1.0);
            if way > 0.0 {
                self.drop_oldest(1);
            }
            return;
        }
        let move_by = way.clamp(-GLIDE * frames as f64, GLIDE * frames as f64);
        self.step = 1.0 + move_by / frames as f64;
    }

    /// Input frames the next [`Resampler::process`] takes for `frames` output frames.
    pub fn input_frames(&self, frames: usize) -> usize {
        let Some(last) = frames.checked_sub(1) else {
            return 0;
        };
        let needed = self.place(last).0 + TAPS;
        needed.max(self.place(frames).0 + TAPS - 1).saturating_sub(self.held)
    }

    /// Input frame and fraction of output frame `i` of the coming call.
    fn place(&self, i: usize) -> (usize, f64) {
        let place = self.fraction + i as f64 * self.step;
        (place as usize, place.fract())
    }

    /// Fills `out` (equal lengths, at most `max_frames`) from exactly [`Resampler::input_frames`] of `input`.
    pub fn process(&mut self, input: [&[f32]; 2], out: [&mut [f32]; 2]) {
        let frames = out[0].len().min(out[1].len()).min(self.max_frames);
        let new = self.input_frames(frames).min(input[0].len()).min(input[1].len());
        let filled = self.held + new;
        for ((window, input), out) in self.window.iter_mut().zip(input).zip(out) {
            window[self.held..filled].copy_from_slice(&input[..new]);
            if self.fraction == 0.0 && self.step == 1.0 {
                out[..frames].copy_from_slice(&window[TAPS / 2 - 1..][..frames]);
                continue;
            }
            for (i, out) in out[..frames].iter_mut().enumerate() {
                let place = self.fraction + i as f64 * self.step;
                let phase = place.fract() * PHASES as f64;
                let (row, between) = (phase as usize, phase.fract() as f32);
                *out = interpolate(&self.table[row..row + 2], between, &window[place as usize..][..TAPS]);
            }
        }
        let (taken, fraction) = self.place(frames);
        self.fraction = fraction;
        self.held = filled;
        self.drop_oldest(taken);
    }

    fn drop_oldest(&mut self, frames: usize) {
        for window in &mut self.window {
            window.copy_within(frames.min(self.held)..self.held, 0);
        }
        self.held -= frames.min(self.held);
    }
}

/// Input frames that `frames` output frames may take at most.
pub fn max_input_frames(frames: usize) -> usize {
    frames + (frames as f64 * MAX_OFFSET).ceil() as usize + 2
}

/// Both kernels at once: their difference is weighted by `between`.
fn interpolate(rows: &[[f32; TAPS]], between: f32, window: &[f32]) -> f32 {
    let [first, second, ..] = rows else {
        return 0.0;
    };
    // Eight sums side by side: a single one would wait for each addition.
    let mut sums = [0.0f32; 8];
    for ((a, b), x) in first.chunks_exact(8).zip(second.chunks_exact(8)).zip(window.chunks_exact(8)) {
        for (((sum, a), b), x) in sums.iter_mut().zip(a).zip(b).zip(x) {
            *sum += (a + between * (b - a)) * x;
        }
    }
    sums.iter().sum()
}

/// Taps of phase `phase / PHASES`, normalized to unity at DC; exact impulses at both ends.
fn kernel(phase: usize) -> [f32; TAPS] {
    let center = (TAPS / 2 - 1) as f64 + phase as f64 / PHASES as f64;
    let taps: [f64; TAPS] =
        std::array::from_fn(|tap| windowed_sinc(tap as f64 - center, (TAPS / 2) as f64, KAISER_BETA));
    let sum: f64 = taps.iter().sum();
    match phase {
        0 => std::array::from_fn(|tap| f32::from(tap == TAPS / 2 - 1)),
        PHASES => std::array::from_fn(|tap| f32::from(tap == TAPS / 2)),
        _ => taps.map(|tap| (tap / sum) as f32),
    }
}

/// Holds the ring's mean fill by a proportional-integral loop on it. The integral is the drift between the clocks.
#[derive(Debug, Default)]
pub struct RateLoop {
    /// After each of the two stages.
    smoothed_error_frames: [f64; 2],
    integral: f64,
    is_locked: bool,
}

/// Natural frequency of the loop, in rad/s, critically damped: slow enough to be inaudible, fast enough for a
/// 300 ppm step to cost less than 100 frames.
const LOOP_RAD_S: f64 = 0.15;
/// Time constant of each of two stages that take the jitter of wake-ups out of the error, in s. One alone, as slow as both,
/// leaves enough of it above 20 Hz to be the largest part of distortion and noise (−95 dB).
const SMOOTHING_S: f64 = 0.25;
/// Largest drift between two clocks that is believed.
const MAX_DRIFT: f64 = 5e-4;

impl RateLoop {
    /// Forgets the error, not the drift: the clocks stay what they are.
    pub fn release(&mut self) {
        self.is_locked = false;
    }

    /// Offset of the ratio for the next `time_s`, from the frames there are too many of.
    pub fn update(&mut self, error_frames: f64, rate_hz: f64, time_s: f64) -> f64 {
        if !self.is_locked {
            self.is_locked = true;
            self.smoothed_error_frames = [error_frames; 2];
        }
        let mut smoothed = error_frames;
        for stage in &mut self.smoothed_error_frames {
            *stage += (smoothed - *stage) * (time_s / SMOOTHING_S).min(1.0);
            smoothed = *stage;
        }
        let error_s = smoothed / rate_hz;
        let proportional = 2.0 * LOOP_RAD_S * error_s;
        let offset = (proportional + self.integral).clamp(-MAX_OFFSET, MAX_OFFSET);
        // While the output is at its limit, integrating would only have to be undone.
        if offset.abs() < MAX_OFFSET {
            let integral = self.integral + LOOP_RAD_S * LOOP_RAD_S * error_s * time_s;
            self.integral = integral.clamp(-MAX_DRIFT, MAX_DRIFT);
        }
        offset
    }

    /// The drift found so far: graph's clock over device's, minus one.
    pub fn drift(&self) -> f64 {
        self.integral
    }
}

#[cfg(test)]
mod tests;
