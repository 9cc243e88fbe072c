//! A coefficient set with everything around it that shapes the sound: gains, delays, equalizers.

use crate::acoustics::Complex;
use crate::dsp::biquad::BiquadSpec;
use crate::dsp::spec::ChainSpec;

use super::fir::{self, Bins};

/// Number of inputs: L′, R′, C.
pub const INPUTS: usize = 3;

/// Filters from three inputs to N drivers.
#[derive(Debug, Clone)]
pub struct FilterSet {
    /// Sample rate, Hz.
    pub sample_rate_hz: u32,
    /// Number of drivers N.
    pub drivers: usize,
    /// 3·N filters, input-major, `taps` samples each.
    pub firs: Vec<Vec<f64>>,
    /// Equalizers and crossovers of each driver.
    pub eq: Vec<Vec<BiquadSpec>>,
    /// Gain of each driver, dB.
    pub gain_db: Vec<f64>,
    /// Delay of each driver, samples.
    pub delay_frames: Vec<usize>,
    /// Delay of each input, samples.
    pub path_delay_frames: [usize; INPUTS],
    /// Gain of all drivers, dB.
    pub makeup_gain_db: f64,
    /// The RTF form: then the own driver's filter is the input's common equalizer.
    pub rtf: Option<[RtfPath; INPUTS]>,
}

/// An input's own driver in the RTF form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtfPath {
    /// Index of the driver that gets the equalized input as a pure delay.
    pub own: usize,
    /// That delay, samples.
    pub delay_frames: usize,
}

impl FilterSet {
    /// Length of the filters.
    pub fn taps(&self) -> usize {
        self.firs.first().map_or(0, Vec::len)
    }

    /// What a chain would play, from its specification (the RTF form folded into full filters).
    pub fn from_chain_spec(spec: &ChainSpec) -> Self {
        let drivers = spec.drivers.len();
        let firs = (0..INPUTS * drivers)
            .map(|i| spec.coefficients.fir(i / drivers, i % drivers).iter().map(|v| f64::from(*v)).collect())
            .collect();
        Self {
            sample_rate_hz: spec.sample_rate_hz,
            drivers,
            firs,
            eq: spec.drivers.iter().map(|d| d.eq.clone()).collect(),
            gain_db: spec.drivers.iter().map(|d| f64::from(d.gain_db)).collect(),
            delay_frames: spec.drivers.iter().map(|d| d.delay_frames).collect(),
            path_delay_frames: spec.path_delay_frames,
            makeup_gain_db: f64::from(spec.makeup_gain_db),
            rtf: None,
        }
    }

    /// The filters as they are heard, without gains and equalizers of drivers: of the RTF form, each input's equalizer
    /// and after it the own driver's delay or another's filter.
    pub fn folded_firs(&self) -> Vec<Vec<f64>> {
        let Some(paths) = self.rtf else { return self.firs.clone() };
        let rows = self.firs.chunks(self.drivers.max(1)).zip(paths);
        rows.flat_map(|(row, path)| {
            let common = &row[path.own];
            row.iter().enumerate().map(move |(driver, fir)| match driver == path.own {
                true => [vec![0.0; path.delay_frames], common.clone()].concat(),
                false => fir::convolved(common, fir),
            })
        })
        .collect()
    }

    /// Responses at all bins: `[input][driver][bin]`, without the make-up gain.
    pub fn responses(&self, bins: Bins) -> Vec<Vec<Vec<Complex>>> {
        let eq: Vec<Vec<Complex>> = (0..self.drivers).map(|d| self.driver_response(d, bins)).collect();
        let firs = self.folded_firs();
        (0..INPUTS)
            .map(|input| {
                let filters = &firs[input * self.drivers..(input + 1) * self.drivers];
                let mut spectra: Vec<Vec<Complex>> = filters.iter().map(|f| fir::response(f, bins)).collect();
                for (spectrum, eq) in spectra.iter_mut().zip(&eq) {
                    for (bin, value) in spectrum.iter_mut().enumerate() {
                        *value *= eq[bin] * fir::delay_phasor(bins, bin, self.path_delay_frames[input] as f64);
                    }
                }
                spectra
            })
            .collect()
    }

    fn driver_response(&self, driver: usize, bins: Bins) -> Vec<Complex> {
        let gain = 10f64.powf(self.gain_db[driver] / 20.0);
        let sections: Vec<_> = self.eq[driver].iter().map(|s| s.coefficients(self.sample_rate_hz)).collect();
        (0..bins.count())
            .map(|bin| {
                let z = fir::delay_phasor(bins, bin, 1.0);
                let section = sections.iter().map(|c| {
                    (Complex::from(c.b[0]) + z * c.b[1] + z * z * c.b[2]) / (Complex::ONE + z * c.a[0] + z * z * c.a[1])
                });
                section.product::<Complex>() * gain * fir::delay_phasor(bins, bin, self.delay_frames[driver] as f64)
            })
            .collect()
    }
}
