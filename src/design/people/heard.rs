//! What heads hear of both side programs, through several sets of filters.

use std::f64::consts::PI;

use crate::acoustics::head::HeadAt;
use crate::acoustics::{Complex, Head, Incident, Listener, wave_number};

use super::super::device::Device;
use super::super::evaluate::PerOctave;
use super::super::evaluate::azimuth::{Differences, LEVEL_HZ, TIME_HZ, Thirds};
use super::super::evaluate::bands::{OCTAVES_HZ, db, octave};
use super::super::filter_set::FilterSet;
use super::super::fir::Bins;

/// Bins of an octave that are computed, in the middles of as many equal parts of it.
const BINS_PER_OCTAVE: usize = 32;
/// Points of the transform.
const TRANSFORM: usize = 16_384;

/// The frequencies used, and what the filters do there.
pub struct Grid {
    pub points: Vec<Point>,
}

/// One frequency.
pub struct Point {
    pub frequency_hz: f64,
    pub octave: usize,
    /// Width it stands for, Hz.
    pub width_hz: f64,
    /// Filters `[set][program][driver]`, left and right.
    pub filters: Vec<[Vec<Complex>; 2]>,
}

impl Grid {
    /// Of sets of filters of one length.
    pub fn new<'a>(sets: impl Iterator<Item = &'a FilterSet> + Clone, sample_rate_hz: u32) -> Self {
        let longest = sets.clone().map(FilterSet::taps).max().unwrap_or(0);
        let length = longest.next_power_of_two().max(TRANSFORM);
        let bins = Bins { length, sample_rate_hz: f64::from(sample_rate_hz) };
        let octaves = OCTAVES_HZ.iter().enumerate().flat_map(|(index, center)| {
            let range = octave(bins, *center);
            let parts = BINS_PER_OCTAVE.min(range.len());
            let width_hz = range.len() as f64 / parts.max(1) as f64 * bins.frequency_hz(1);
            (0..parts).map(move |part| (index, range.start + (2 * part + 1) * range.len() / (2 * parts), width_hz))
        });
        let octaves: Vec<(usize, usize, f64)> = octaves.collect();
        let point = |&(octave, bin, width_hz): &(usize, usize, f64)| Point {
            frequency_hz: bins.frequency_hz(bin),
            octave,
            width_hz,
            filters: Vec::new(),
        };
        let mut points: Vec<Point> = octaves.iter().map(point).collect();
        for set in sets {
            let responses = set.responses(bins);
            for (point, (_, bin, _)) in points.iter_mut().zip(&octaves) {
                let at = |input: usize| responses[input].iter().map(|spectrum| spectrum[*bin]).collect();
                point.filters.push([at(0), at(1)]);
            }
        }
        Self { points }
    }
}

/// Energies and interaural cross spectra of the left and the right program.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// `[program][ear]` by octave.
    energy: [[PerOctave; 2]; 2],
    /// What localizes each program.
    pub cues: [Cues; 2],
}

/// What localizes a sound: where the ears differ in time, and by how much in level.
#[derive(Debug, Clone, Default)]
pub struct Cues {
    /// Angular frequency and left*·right, where time differences count.
    cross: Vec<(f64, Complex)>,
    /// Pink-weighted energies of the ears where level differences count.
    levels: [f64; 2],
    thirds: Thirds,
}

impl Cues {
    /// Adds one frequency.
    pub fn add(&mut self, point: &Point, [left, right]: [Complex; 2]) {
        self.thirds.add(point.frequency_hz, point.width_hz, [left, right]);
        if TIME_HZ.contains(&point.frequency_hz) {
            self.cross.push((2.0 * PI * point.frequency_hz, left.conj() * right * point.width_hz));
        }
        if LEVEL_HZ.contains(&point.frequency_hz) {
            let weight = point.width_hz / point.frequency_hz;
            self.levels[0] += weight * left.norm_sqr();
            self.levels[1] += weight * right.norm_sqr();
        }
    }

    /// What tells an azimuth.
    pub fn differences(&self) -> Differences {
        let level_db = db(self.levels[0] / self.levels[1].max(1e-300));
        Differences { time_us: self.delay_us(), level_db, thirds: self.thirds.clone() }
    }

    /// Lag of the ears' largest correlation within ±0.9 ms, µs; positive if the left ear leads.
    fn delay_us(&self) -> f64 {
        const STEP_S: f64 = 2e-6;
        const STEPS: i32 = 450;
        let mut turning: Vec<(Complex, Complex)> = self
            .cross
            .iter()
            .map(|(w, c)| (c * Complex::cis(-w * STEP_S * f64::from(STEPS)), Complex::cis(w * STEP_S)))
            .collect();
        let correlations: Vec<f64> = (-STEPS..=STEPS)
            .map(|_| {
                let sum = turning.iter().map(|(c, _)| c.re).sum();
                turning.iter_mut().for_each(|(c, step)| *c *= *step);
                sum
            })
            .collect();
        let best = (0..correlations.len()).fold(0, |a, b| if correlations[b] > correlations[a] { b } else { a });
        (best as f64 - f64::from(STEPS)) * STEP_S * 1e6
    }
}

impl Heard {
    fn add(&mut self, point: &Point, ears: [[Complex; 2]; 2]) {
        for (program, pair) in ears.into_iter().enumerate() {
            for (ear, p) in pair.iter().enumerate() {
                self.energy[program][ear][point.octave] += p.norm_sqr();
            }
            self.cues[program].add(point, pair);
        }
    }

    /// XTC by octave, both programs together, dB.
    pub fn cancellation_db(&self) -> PerOctave {
        let [left, right] = &self.energy;
        std::array::from_fn(|o| db((left[0][o] + right[1][o]) / (left[1][o] + right[0][o]).max(1e-300)))
    }

    /// ILD of a program by octave, dB, positive towards its own side.
    pub fn level_difference_db(&self, program: usize) -> PerOctave {
        let ears = &self.energy[program];
        std::array::from_fn(|o| db(ears[program][o] / ears[1 - program][o].max(1e-300)))
    }
}

/// What every head hears at the design point through every set: `[head][set]`. The drivers' fields are computed once for
/// all heads, and each head's transfers once for all sets.
pub fn heard(device: &Device, grid: &Grid, heads: &[&Head], progress: &dyn Fn(f64)) -> Vec<Vec<Heard>> {
    let sets = grid.points.first().map_or(0, |point| point.filters.len());
    let mut all = vec![vec![Heard::default(); sets]; heads.len()];
    let listener = Listener::at([device.listener.distance_m, 0.0, 0.0]);
    for (done, point) in grid.points.iter().enumerate() {
        let k = wave_number(point.frequency_hz);
        let fields = device.drivers.iter().map(|driver| {
            let incident = driver.radiator.incident(k, listener.position);
            (incident, driver.wiring(point.frequency_hz) * incident.pressure)
        });
        let fields: Vec<(Incident, Complex)> = fields.collect();
        for (head, of_head) in heads.iter().zip(&mut all) {
            let mut head: HeadAt = head.at(k);
            let transfers: Vec<[Complex; 2]> = fields
                .iter()
                .map(|(incident, pressure)| head.response(incident, &listener).map(|h| h * pressure))
                .collect();
            for (filters, heard) in point.filters.iter().zip(of_head) {
                let ear =
                    |filters: &[Complex], ear: usize| filters.iter().zip(&transfers).map(|(h, c)| h * c[ear]).sum();
                heard.add(point, filters.each_ref().map(|filters| [ear(filters, 0), ear(filters, 1)]));
            }
        }
        progress((done + 1) as f64 / grid.points.len() as f64);
    }
    all
}
