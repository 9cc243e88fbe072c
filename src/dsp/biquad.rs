//! Second-order sections after Robert Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter coefficients",
//! run in transposed direct form II.

use std::f64::consts::PI;

/// The shapes a section can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BiquadKind {
    /// A bell of `gain_db` at `frequency_hz`.
    Peaking,
    /// `gain_db` below `frequency_hz`.
    LowShelf,
    /// `gain_db` above `frequency_hz`.
    HighShelf,
    /// Second-order low-pass; the gain is not used.
    LowPass,
    /// Second-order high-pass; the gain is not used.
    HighPass,
}

/// One equalizer section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BiquadSpec {
    /// Its shape.
    pub kind: BiquadKind,
    /// Center or corner frequency in Hz.
    pub frequency_hz: f32,
    /// Quality factor.
    pub q: f32,
    /// Gain in dB; the passes do not use it.
    pub gain_db: f32,
}

/// Normalized coefficients (a0 = 1) in double precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BiquadCoefficients {
    /// Numerator b0, b1, b2.
    pub b: [f64; 3],
    /// Denominator a1, a2.
    pub a: [f64; 2],
}

impl BiquadSpec {
    /// The section's coefficients at `sample_rate_hz`.
    pub fn coefficients(&self, sample_rate_hz: u32) -> BiquadCoefficients {
        let w = 2.0 * PI * f64::from(self.frequency_hz) / f64::from(sample_rate_hz);
        let (sin, cos) = w.sin_cos();
        let alpha = sin / (2.0 * f64::from(self.q));
        let amplitude = 10f64.powf(f64::from(self.gain_db) / 40.0);
        let (b, a) = match self.kind {
            BiquadKind::Peaking => (
                [1.0 + alpha * amplitude, -2.0 * cos, 1.0 - alpha * amplitude],
                [1.0 + alpha / amplitude, -2.0 * cos, 1.0 - alpha / amplitude],
            ),
            BiquadKind::LowShelf => shelf(amplitude, cos, alpha, 1.0),
            BiquadKind::HighShelf => shelf(amplitude, cos, alpha, -1.0),
            BiquadKind::LowPass => {
                ([(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
            }
            BiquadKind::HighPass => {
                ([(1.0 + cos) / 2.0, -(1.0 + cos), (1.0 + cos) / 2.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
            }
        };
        BiquadCoefficients { b: b.map(|v| v / a[0]), a: [a[1] / a[0], a[2] / a[0]] }
    }
}

/// Both shelves: they mirror each other about half the Nyquist frequency (`side` = 1 low, −1 high).
fn shelf(amplitude: f64, cos: f64, alpha: f64, side: f64) -> ([f64; 3], [f64; 3]) {
    let (up, down) = (amplitude + 1.0, amplitude - 1.0);
    let slope = 2.0 * amplitude.sqrt() * alpha;
    (
        [
            amplitude * (up - side * down * cos + slope),
            side * 2.0 * amplitude * (down - side * up * cos),
            amplitude * (up - side * down * cos - slope),
        ],
        [up + side * down * cos + slope, -side * 2.0 * (down + side * up * cos), up + side * down * cos - slope],
    )
}

impl BiquadCoefficients {
    /// The largest pole's magnitude: the section's memory fades as its powers.
    pub fn pole_radius(&self) -> f64 {
        let [a1, a2] = self.a;
        let discriminant = a1 * a1 / 4.0 - a2;
        if discriminant < 0.0 { a2.sqrt() } else { (a1 / 2.0).abs() + discriminant.sqrt() }
    }

    /// |H| at `frequency_hz`.
    pub fn magnitude(&self, frequency_hz: f64, sample_rate_hz: f64) -> f64 {
        let w = 2.0 * PI * frequency_hz / sample_rate_hz;
        let polynomial = |c: [f64; 3]| {
            let re = c[0] + c[1] * w.cos() + c[2] * (2.0 * w).cos();
            let im = c[1] * w.sin() + c[2] * (2.0 * w).sin();
            re.hypot(im)
        };
        polynomial(self.b) / polynomial([1.0, self.a[0], self.a[1]])
    }
}

/// A running section. State and arithmetic are double precision: at 48 kHz a 30 Hz section in single precision has
/// a noise floor well above 24 bits.
#[derive(Debug, Clone)]
pub struct Biquad {
    coefficients: BiquadCoefficients,
    state: [f64; 2],
}

impl Biquad {
    /// A section at rest.
    pub fn new(coefficients: BiquadCoefficients) -> Biquad {
        Biquad { coefficients, state: [0.0; 2] }
    }

    /// Filters `samples` in place.
    pub fn process(&mut self, samples: &mut [f32]) {
        self.filter(samples, f64::from, |y| y as f32);
    }

    /// The same on double precision.
    pub fn process_f64(&mut self, samples: &mut [f64]) {
        self.filter(samples, |x| x, |y| y);
    }

    #[inline(always)]
    fn filter<T: Copy>(&mut self, samples: &mut [T], widen: impl Fn(T) -> f64, narrow: impl Fn(f64) -> T) {
        let BiquadCoefficients { b, a } = self.coefficients;
        let [mut s1, mut s2] = self.state;
        for sample in samples {
            let x = widen(*sample);
            let y = b[0] * x + s1;
            s1 = b[1] * x - a[0] * y + s2;
            s2 = b[2] * x - a[1] * y;
            *sample = narrow(y);
        }
        // Far below the smallest f32: nothing audible is lost, and no denormal is ever reached.
        let settle = |s: f64| if s.abs() < 1e-60 { 0.0 } else { s };
        self.state = [settle(s1), settle(s2)];
    }

    /// Back to rest.
    pub fn reset(&mut self) {
        self.state = [0.0; 2];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::FRAC_1_SQRT_2;

    fn spec(kind: BiquadKind, frequency_hz: f32, q: f32, gain_db: f32) -> BiquadCoefficients {
        BiquadSpec { kind, frequency_hz, q, gain_db }.coefficients(48_000)
    }

    fn db(section: &BiquadCoefficients, frequency_hz: f64) -> f64 {
        20.0 * section.magnitude(frequency_hz, 48_000.0).log10()
    }

    #[test]
    fn shapes_have_their_gains() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 0.02, "{a} is not {b}");
        let bell = spec(BiquadKind::Peaking, 1000.0, 2.0, -6.0);
        close(db(&bell, 1000.0), -6.0);
        close(db(&bell, 10.0), 0.0);
        let low = spec(BiquadKind::LowShelf, 500.0, FRAC_1_SQRT_2, 4.0);
        close(db(&low, 5.0), 4.0);
        close(db(&low, 500.0), 2.0);
        close(db(&low, 20_000.0), 0.0);
        let high = spec(BiquadKind::HighShelf, 2000.0, FRAC_1_SQRT_2, -5.0);
        close(db(&high, 5.0), 0.0);
        close(db(&high, 2000.0), -2.5);
        close(db(&high, 23_900.0), -5.0);
        let pass = spec(BiquadKind::HighPass, 100.0, FRAC_1_SQRT_2, 0.0);
        close(db(&pass, 100.0), -3.01);
        close(db(&pass, 10_000.0), 0.0);
        assert!(db(&pass, 10.0) < -39.9);
        let pass = spec(BiquadKind::LowPass, 1000.0, FRAC_1_SQRT_2, 0.0);
        close(db(&pass, 1000.0), -3.01);
        close(db(&pass, 10.0), 0.0);
    }

    #[test]
    fn running_section_has_the_designed_response() {
        let section = spec(BiquadKind::Peaking, 1000.0, 1.0, 6.0);
        let mut impulse = vec![0.0; 8192];
        impulse[0] = 1.0;
        Biquad::new(section).process(&mut impulse);
        for frequency_hz in [100.0, 1000.0, 3000.0] {
            let w = 2.0 * PI * frequency_hz / 48_000.0;
            let (re, im) = impulse.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, &v)| {
                (re + f64::from(v) * (w * n as f64).cos(), im - f64::from(v) * (w * n as f64).sin())
            });
            assert!((re.hypot(im) / section.magnitude(frequency_hz, 48_000.0) - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn every_allowed_section_is_stable() {
        use BiquadKind::*;
        for kind in [Peaking, LowShelf, HighShelf, LowPass, HighPass] {
            for frequency_hz in [1.0, 30.0, 1000.0, 23_999.0] {
                for q in [0.05, 0.7, 50.0] {
                    for gain_db in [-40.0, 0.0, 40.0] {
                        let radius = spec(kind, frequency_hz, q, gain_db).pole_radius();
                        assert!(radius < 1.0, "{kind:?} {frequency_hz} {q} {gain_db}: {radius}");
                    }
                }
            }
        }
    }
}
