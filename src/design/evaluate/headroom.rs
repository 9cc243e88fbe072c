//! What the limiter has to do: the chain itself plays synthetic programs, and its limiter says how far it turns down.

use std::f64::consts::PI;

use serde::Serialize;

use crate::dsp::limiter::Limiter;
use crate::dsp::spec::{ChainSpec, DriverSpec};
use crate::dsp::{Chain, Coefficients, LimiterSpec, UpmixSpec};

use super::super::device::Device;
use super::super::file::Role;
use super::super::filter_set::FilterSet;

/// Loudness of the programs, LUFS.
const LOUD_LUFS: f64 = -14.0;
const QUIET_LUFS: f64 = -20.0;
/// Length of each program, and what of it counts: the upmix and the limiter settle first, s.
const LENGTH_S: f64 = 6.0;
const SETTLED_S: f64 = 1.0;
/// Most that make-up gain gives way to the limiter, dB.
const LARGEST_CUT_DB: f64 = 20.0;
/// Frames between two looks at the limiter.
const LOOK_FRAMES: usize = 128;
/// Partition of the chain, frames.
const BLOCK_FRAMES: usize = 256;

/// What the limiter does to synthetic programs, on average over them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Headroom {
    /// Mean gain reduction at −14 LUFS, dB.
    pub mean_reduction_db: f64,
    /// What it stays below for 95 % of the time, dB.
    pub most_reduction_db: f64,
    /// Mean at −20 LUFS, dB.
    pub mean_reduction_quiet_db: f64,
    /// 95 % at −20 LUFS, dB.
    pub most_reduction_quiet_db: f64,
}

/// What reaches the limiter, per program and driver, at 0 dB of make-up gain and −14 LUFS.
pub struct Played {
    programs: Vec<Vec<Vec<f32>>>,
    groups: Vec<usize>,
    sample_rate_hz: u32,
}

impl Played {
    /// Plays the programs. `None` where the filters fit no chain: then nothing plays them.
    pub fn new(device: &Device, set: &FilterSet) -> Option<Self> {
        Self::of(device, set, programs(f64::from(set.sample_rate_hz)))
    }

    /// Plays these.
    fn of(device: &Device, set: &FilterSet, programs: Vec<[Vec<f32>; 2]>) -> Option<Self> {
        let spec = chain_spec(device, set)?;
        let programs = programs.into_iter().map(|[left, right]| {
            let mut chain = Chain::new(&spec).ok()?;
            let mut planes = vec![vec![0.0f32; left.len()]; spec.drivers.len()];
            chain.process(&left, &right, &mut planes.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
            Some(planes)
        });
        Some(Self {
            programs: programs.collect::<Option<Vec<_>>>()?,
            groups: spec.drivers.iter().map(|d| d.limiter_group).collect(),
            sample_rate_hz: spec.sample_rate_hz,
        })
    }

    /// What the limiter does behind a make-up gain.
    pub fn headroom(&self, makeup_gain_db: f64) -> Headroom {
        let [loud, quiet] = [0.0, QUIET_LUFS - LOUD_LUFS].map(|level_db| self.reductions(makeup_gain_db + level_db));
        Headroom {
            mean_reduction_db: mean(&loud),
            most_reduction_db: percentile(&loud, 0.95),
            mean_reduction_quiet_db: mean(&quiet),
            most_reduction_quiet_db: percentile(&quiet, 0.95),
        }
    }

    /// The largest make-up gain up to `most_db` with which the limiter takes no more than `reduction_db` on average at
    /// −14 LUFS, dB, to a tenth.
    pub fn makeup_gain_db(&self, most_db: f64, reduction_db: f64) -> f64 {
        let fits = |gain_db: f64| mean(&self.reductions(gain_db)) <= reduction_db;
        if fits(most_db) {
            return most_db;
        }
        let (mut low, mut high) = (most_db - LARGEST_CUT_DB, most_db);
        while high - low > 0.05 {
            let middle = 0.5 * (low + high);
            if fits(middle) { low = middle } else { high = middle }
        }
        low
    }

    /// Gain reductions over time of all programs, of the driver that is turned down most, dB.
    fn reductions(&self, gain_db: f64) -> Vec<f64> {
        let gain = 10f64.powf(gain_db / 20.0) as f32;
        let settled = (SETTLED_S * f64::from(self.sample_rate_hz)) as usize;
        let mut reductions = Vec::new();
        for planes in &self.programs {
            let mut limiter = Limiter::new(&LimiterSpec::default(), &self.groups, self.sample_rate_hz);
            let frames = planes.first().map_or(0, Vec::len);
            let mut block = vec![vec![0.0f32; LOOK_FRAMES]; planes.len()];
            for start in (0..frames.saturating_sub(LOOK_FRAMES)).step_by(LOOK_FRAMES) {
                for (to, from) in block.iter_mut().zip(planes) {
                    to.iter_mut().zip(&from[start..]).for_each(|(to, from)| *to = from * gain);
                }
                limiter.process(&mut block.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
                if start >= settled {
                    let most = (0..planes.len()).map(|d| limiter.gain_reduction_db(d)).fold(0.0, f32::max);
                    reductions.push(f64::from(most));
                }
            }
        }
        reductions
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len().max(1) - 1) as f64 * part).round() as usize).copied().unwrap_or(0.0)
}

/// The chain of a filter set, without limiter and make-up gain.
fn chain_spec(device: &Device, set: &FilterSet) -> Option<ChainSpec> {
    let mut firs = set.folded_firs();
    let taps = firs.iter().map(Vec::len).max()?.min(crate::dsp::limits::MAX_TAPS);
    firs.iter_mut().for_each(|fir| fir.resize(taps, 0.0));
    let samples = firs.iter().flatten().map(|v| *v as f32).collect();
    let group = |i: usize| match &device.drivers[i] {
        d if d.is(Role::Array) => 0,
        d if d.is(Role::Woofer) => 1,
        _ => 2,
    };
    let drivers = (0..set.drivers).map(|i| DriverSpec {
        gain_db: set.gain_db[i] as f32,
        delay_frames: set.delay_frames[i],
        eq: set.eq[i].clone(),
        limiter_group: group(i),
        ..DriverSpec::flat(device.drivers[i].name.clone(), device.drivers[i].channel)
    });
    Some(ChainSpec {
        sample_rate_hz: set.sample_rate_hz,
        block_frames: BLOCK_FRAMES,
        upmix: UpmixSpec::default(),
        path_delay_frames: set.path_delay_frames,
        coefficients: Coefficients::new(set.drivers, taps, samples).ok()?,
        drivers: drivers.collect(),
        makeup_gain_db: 0.0,
        limiter: None,
    })
}

/// Two programs of −14 LUFS, stereo: a mix with half of its power in the middle, and one whose sides are twice as loud
/// as its middle. Middle and sides are independent pink noises that swell like syllables (4 Hz) and like beats (2 Hz).
fn programs(rate_hz: f64) -> Vec<[Vec<f32>; 2]> {
    let frames = (LENGTH_S * rate_hz) as usize;
    let voice = swelling(1, frames, rate_hz, 4.0);
    let sides = [swelling(2, frames, rate_hz, 2.0), swelling(3, frames, rate_hz, 2.0)];
    [1.0, std::f64::consts::FRAC_1_SQRT_2]
        .into_iter()
        .map(|middle| {
            let mut channels =
                sides.each_ref().map(|side| side.iter().zip(&voice).map(|(s, v)| s + middle * v).collect::<Vec<f64>>());
            let gain = 10f64.powf((LOUD_LUFS - loudness_lufs(&channels, rate_hz)) / 20.0);
            channels.iter_mut().flatten().for_each(|v| *v *= gain);
            channels.map(|channel| channel.into_iter().map(|v| v as f32).collect())
        })
        .collect()
}

/// Pink noise (Kellet's filter, −10 dB per decade within 0.5 dB) whose level swells between 0 and −12 dB.
fn swelling(seed: u64, frames: usize, rate_hz: f64, swells_hz: f64) -> Vec<f64> {
    let mut random = super::mismatch::Random::new(seed);
    let (mut a, mut b, mut c) = (0.0, 0.0, 0.0);
    (0..frames)
        .map(|i| {
            let white = random.normal();
            a = 0.997_65 * a + 0.099_046 * white;
            b = 0.963 * b + 0.296_516_4 * white;
            c = 0.57 * c + 1.052_691_3 * white;
            let swell = 0.625 + 0.375 * (2.0 * PI * swells_hz * i as f64 / rate_hz).cos();
            (a + b + c + 0.1848 * white) * swell
        })
        .collect()
}

/// Loudness after ITU-R BS.1770-5 without its gate, which a program without pauses does not need.
fn loudness_lufs(channels: &[Vec<f64>; 2], rate_hz: f64) -> f64 {
    // The two sections of the K weighting from their analog prototypes: a shelf of +4 dB and a high-pass.
    let shelf = {
        let (k, v) = ((PI * 1_681.974 / rate_hz).tan(), 10f64.powf(3.999_843_8 / 20.0));
        let (q, root) = (0.707_175_2, v.powf(0.499_666_8));
        let norm = 1.0 + k / q + k * k;
        [
            (v + root * k / q + k * k) / norm,
            2.0 * (k * k - v) / norm,
            (v - root * k / q + k * k) / norm,
            2.0 * (k * k - 1.0) / norm,
            (1.0 - k / q + k * k) / norm,
        ]
    };
    let high_pass = {
        let (k, q) = ((PI * 38.135_47 / rate_hz).tan(), 0.500_327);
        let norm = 1.0 + k / q + k * k;
        [1.0, -2.0, 1.0, 2.0 * (k * k - 1.0) / norm, (1.0 - k / q + k * k) / norm]
    };
    let power = |channel: &Vec<f64>| {
        let weighted = [shelf, high_pass].iter().fold(channel.clone(), |signal, c| filtered(&signal, c));
        weighted.iter().map(|v| v * v).sum::<f64>() / weighted.len().max(1) as f64
    };
    -0.691 + 10.0 * channels.iter().map(power).sum::<f64>().max(1e-30).log10()
}

/// One second-order section, b₀, b₁, b₂, a₁, a₂.
fn filtered(signal: &[f64], [b0, b1, b2, a1, a2]: &[f64; 5]) -> Vec<f64> {
    let (mut s1, mut s2) = (0.0, 0.0);
    signal
        .iter()
        .map(|x| {
            let y = b0 * x + s1;
            s1 = b1 * x - a1 * y + s2;
            s2 = b2 * x - a2 * y;
            y
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program as loud masters are: turned up into a clipper until it has `lufs`.
    fn mastered(program: &[Vec<f32>; 2], lufs: f64, rate_hz: f64) -> [Vec<f32>; 2] {
        let clipped = |gain_db: f64| {
            let gain = 10f64.powf(gain_db / 20.0) as f32;
            program.each_ref().map(|channel| channel.iter().map(|v| (gain * v).clamp(-0.9, 0.9)).collect::<Vec<f32>>())
        };
        let as_loud = |channels: &[Vec<f32>; 2]| {
            let channels = channels.each_ref().map(|channel| channel.iter().map(|v| f64::from(*v)).collect());
            loudness_lufs(&channels, rate_hz) >= lufs
        };
        (0..40).map(|half_db| clipped(0.5 * f64::from(half_db))).find(as_loud).expect("a clipper lets loudness grow")
    }

    #[test]
    fn loud_masters_do_not_pump() {
        let rate_hz = 48_000;
        let masters: Vec<_> =
            programs(f64::from(rate_hz)).iter().map(|program| mastered(program, -8.0, f64::from(rate_hz))).collect();
        for (device, design) in crate::design::tests::SHIPPED.iter() {
            let played = Played::of(device, &design.filters, masters.clone()).expect("filters that fit a chain");
            let reductions = played.reductions(design.filters.makeup_gain_db);
            let deviation =
                |second: &[f64]| mean(&second.iter().map(|db| (db - mean(second)).powi(2)).collect::<Vec<_>>()).sqrt();
            let deviations: Vec<f64> = reductions.chunks_exact(rate_hz as usize / LOOK_FRAMES).map(deviation).collect();
            let largest = deviations.iter().copied().fold(0.0, f64::max);
            println!(
                "{:<14} at -8 LUFS: mean reduction {:.1} dB, 95 % below {:.1} dB, deviation within a second {:.2} dB, at most {largest:.2}",
                device.name,
                mean(&reductions),
                percentile(&reductions, 0.95),
                mean(&deviations)
            );
            assert!(largest <= 1.5, "{}: {largest:.2} dB", device.name);
        }
    }

    #[test]
    fn a_sine_has_the_loudness_the_recommendation_says() {
        // BS.1770: 997 Hz at full scale in one channel is −3.01 LUFS.
        let rate_hz = 48_000.0;
        let sine: Vec<f64> = (0..480_000).map(|i| (2.0 * PI * 997.0 * f64::from(i) / rate_hz).sin()).collect();
        let got = loudness_lufs(&[sine, vec![0.0; 480_000]], rate_hz);
        assert!((got + 3.01).abs() < 0.02, "{got}");
    }
}
