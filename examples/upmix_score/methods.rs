//! What is compared: the upmix's modes, and two simple methods beside them.

use spatiald::dsp::upmix::{Upmix, UpmixMode, UpmixSpec};

use crate::signal::RATE;

const BLOCK: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// C = (L + R)/2.
    Passive,
    /// Ten bands, C = M − g·S with g = E[MS]/E[S²] clipped to ±1, no latency.
    TenBands,
    Mode(UpmixMode),
}

impl Method {
    pub const ALL: [Method; 5] = [
        Method::Passive,
        Method::TenBands,
        Method::Mode(UpmixMode::LowLatency),
        Method::Mode(UpmixMode::SeparationShort),
        Method::Mode(UpmixMode::Separation),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Method::Passive => "passive (L+R)/2",
            Method::TenBands => "10 bands, C = M - gS",
            Method::Mode(mode) => mode.name(),
        }
    }

    /// Algorithmic latency, the separation modes' hop included.
    pub fn latency_ms(self) -> f64 {
        match self {
            Method::Passive | Method::TenBands => 0.0,
            Method::Mode(mode) => {
                let smallest = Upmix::new(&UpmixSpec { mode, center_width: 0.0 }, RATE, 16);
                let latency = smallest.map_or(0, |upmix| upmix.latency_frames());
                let block = if mode == UpmixMode::LowLatency { 0 } else { 16 };
                (latency + block) as f64 * 1e3 / f64::from(RATE)
            }
        }
    }

    /// C, in sync with the input.
    pub fn center(self, left: &[f32], right: &[f32]) -> Vec<f32> {
        match self {
            Method::Passive => left.iter().zip(right).map(|(l, r)| 0.5 * (l + r)).collect(),
            Method::TenBands => ten_bands(left, right),
            Method::Mode(mode) => run(mode, left, right),
        }
    }
}

fn run(mode: UpmixMode, left: &[f32], right: &[f32]) -> Vec<f32> {
    let Ok(mut upmix) = Upmix::new(&UpmixSpec { mode, center_width: 0.0 }, RATE, BLOCK) else { return Vec::new() };
    let latency = upmix.latency_frames();
    let total = (left.len() + latency).next_multiple_of(BLOCK);
    let (mut out_left, mut out_right) = ([0.0; BLOCK], [0.0; BLOCK]);
    let mut center = vec![0.0; total];
    for (start, out) in (0..total).step_by(BLOCK).zip(center.chunks_exact_mut(BLOCK)) {
        let block =
            |signal: &[f32]| -> [f32; BLOCK] { std::array::from_fn(|n| signal.get(start + n).copied().unwrap_or(0.0)) };
        upmix.process(&block(left), &block(right), &mut out_left, &mut out_right, out);
    }
    center[latency..latency + left.len()].to_vec()
}

fn ten_bands(left: &[f32], right: &[f32]) -> Vec<f32> {
    /// Two one-pole low-passes in a row; bands are their differences, so they add up to the input.
    #[derive(Clone, Copy, Default)]
    struct LowPass([f32; 2]);
    impl LowPass {
        fn next(&mut self, x: f32, a: f32) -> f32 {
            self.0[0] += a * (x - self.0[0]);
            self.0[1] += a * (self.0[0] - self.0[1]);
            self.0[1]
        }
    }
    let edges: Vec<f32> =
        (0..9).map(|band| 1.0 - (-std::f32::consts::TAU * 62.5 * 2f32.powi(band) / RATE as f32).exp()).collect();
    let average = 1.0 - (-1.0 / (0.03 * RATE as f32)).exp();
    let mut filters = [[LowPass::default(); 9]; 2];
    let mut statistics = [[0.0f32; 2]; 10];
    left.iter()
        .zip(right)
        .map(|(l, r)| {
            let (m, s) = (0.5 * (l + r), 0.5 * (l - r));
            let (mut m_low, mut s_low, mut center) = (0.0, 0.0, 0.0);
            for band in 0..10 {
                let (m_high, s_high) = match edges.get(band) {
                    Some(&edge) => (filters[0][band].next(m, edge), filters[1][band].next(s, edge)),
                    None => (m, s),
                };
                let (m_band, s_band) = (m_high - m_low, s_high - s_low);
                (m_low, s_low) = (m_high, s_high);
                let [cross, side] = &mut statistics[band];
                *cross += average * (m_band * s_band - *cross);
                *side += average * (s_band * s_band - *side);
                center += m_band - (*cross / (*side + 1e-12)).clamp(-1.0, 1.0) * s_band;
            }
            center
        })
        .collect()
}
