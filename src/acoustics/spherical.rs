//! Spherical wave functions and the two series made of them.
//!
//! Both series are sums over Σ bₙ Pₙ(cos) with coefficients that depend on frequency and distance only, so they are
//! built once per frequency and distance and then summed for any number of directions.

use super::Complex;

/// Terms below this fraction of the largest one are left out.
const NEGLIGIBLE: f64 = 1e-13;
/// No series here needs more: ka of a 1 m sphere at 20 kHz is 366.
const MAX_ORDER: usize = 600;
/// Hankel functions grow without bound in order; beyond this the terms left are negligible.
const OVERFLOW: f64 = 1e280;

/// Spherical Hankel functions of the second kind h₀⁽²⁾…, upwards in order.
///
/// The upward recurrence is stable for h⁽²⁾, whose modulus grows with the order.
struct Hankel {
    x: f64,
    order: usize,
    previous: Complex,
    current: Complex,
}

impl Hankel {
    fn new(x: f64) -> Self {
        let outgoing = super::phasor(-x);
        // h₀ = j e^{−jx}/x; h₋₁ = e^{−jx}/x continues the recurrence downwards.
        Self { x, order: 0, previous: outgoing / x, current: Complex::i() * outgoing / x }
    }

    /// (hₙ, hₙ') of the present order, then a step up.
    fn next_with_derivative(&mut self) -> (Complex, Complex) {
        let n = self.order as f64;
        let value = self.current;
        let derivative = self.previous - value * ((n + 1.0) / self.x);
        self.current = value * ((2.0 * n + 1.0) / self.x) - self.previous;
        self.previous = value;
        self.order += 1;
        (value, derivative)
    }
}

/// Coefficients wₙ·hₙ⁽²⁾(kr)/hₙ⁽²⁾'(ka) for n = 0, 1, …, as many as matter at this frequency.
fn radial_ratios(ka: f64, kr: f64, weight: impl Fn(usize) -> f64) -> Vec<Complex> {
    let (mut outside, mut surface) = (Hankel::new(kr), Hankel::new(ka));
    let mut terms = Vec::with_capacity(32);
    // Of |term|²: a hypotenuse a term would take longer than all the rest.
    let (mut largest, mut small_in_a_row) = (0.0f64, 0);
    let is_small_enough = |value: Complex| value.re.abs().max(value.im.abs()) < OVERFLOW;
    for n in 0..MAX_ORDER {
        let (h, _) = outside.next_with_derivative();
        let (_, derivative) = surface.next_with_derivative();
        let term = h / derivative * weight(n);
        if !(is_small_enough(derivative) && is_small_enough(h) && term.is_finite()) {
            break;
        }
        terms.push(term);
        let size = term.norm_sqr();
        largest = largest.max(size);
        // Three in a row: single weights can vanish (a cap's are Legendre differences).
        small_in_a_row = if size < NEGLIGIBLE * NEGLIGIBLE * largest { small_in_a_row + 1 } else { 0 };
        if n as f64 > ka && small_in_a_row >= 3 {
            break;
        }
    }
    terms
}

/// Pressure on a rigid sphere relative to the free field at its center (Duda & Martens, JASA 104, 1998).
///
/// H = −(r/ka²)·e^{+jkr} Σ (2n+1) Pₙ(cos γ) hₙ⁽²⁾(kr)/hₙ⁽²⁾'(ka) for a point source at distance r.
#[derive(Debug, Clone)]
pub struct SphereHeadSeries {
    coefficients: Vec<Complex>,
}

impl SphereHeadSeries {
    /// For wave number `k` (rad/m), a sphere of `radius_m` and a source `distance_m` from its center.
    pub fn new(k: f64, radius_m: f64, distance_m: f64) -> Self {
        let scale = super::phasor(k * distance_m) * (-distance_m / (k * radius_m * radius_m));
        let mut coefficients = radial_ratios(k * radius_m, k * distance_m, |n| (2 * n + 1) as f64);
        coefficients.iter_mut().for_each(|b| *b *= scale);
        Self { coefficients }
    }

    /// The response at a point of the surface; γ is the angle between it and the source, whose cosine may be complex
    /// (an inhomogeneous wave).
    pub fn at(&self, cos_gamma: Complex) -> Complex {
        let (mut previous, mut current) = (Complex::ZERO, Complex::ONE);
        let mut sum = Complex::ZERO;
        for (n, b) in self.coefficients.iter().enumerate() {
            sum += b * current;
            let n = n as f64;
            let next = (cos_gamma * current * (2.0 * n + 1.0) - previous * n) / (n + 1.0);
            previous = current;
            current = next;
        }
        sum
    }
}

/// Pressure around a rigid sphere with a vibrating circular cap, at one distance from its center.
///
/// p = −1/(kR²) Σ (uₙ/u₀) Pₙ(cos θ) hₙ⁽²⁾(kr)/hₙ⁽²⁾'(kR), with uₙ = ½(Pₙ₋₁(cos α) − Pₙ₊₁(cos α)) the expansion of the
/// cap's velocity (Williams, *Fourier Acoustics*, §6; Aarts & Janssen, JASA 129, 2011), scaled to |p| → 1/r at low
/// frequency.
#[derive(Debug, Clone)]
pub struct CapSeries {
    coefficients: Vec<Complex>,
}

impl CapSeries {
    /// For wave number `k`, a sphere of `radius_m`, the cap's expansion from [`cap_velocity`], at `distance_m`.
    pub fn new(k: f64, radius_m: f64, velocity: &[f64], distance_m: f64) -> Self {
        let scale = -1.0 / (k * radius_m * radius_m);
        let weight = |n: usize| velocity.get(n).copied().unwrap_or(0.0) * scale;
        Self { coefficients: radial_ratios(k * radius_m, k * distance_m, weight) }
    }

    /// (p, ∂p/∂cos θ) at the angle θ from the cap's axis.
    pub fn at(&self, cos_theta: f64) -> (Complex, Complex) {
        let (mut previous, mut current) = (0.0, 1.0);
        let (mut slope_previous, mut slope) = (0.0, 0.0);
        let (mut pressure, mut derivative) = (Complex::ZERO, Complex::ZERO);
        for (n, b) in self.coefficients.iter().enumerate() {
            pressure += b * current;
            derivative += b * slope;
            let order = n as f64;
            let next = ((2.0 * order + 1.0) * cos_theta * current - order * previous) / (order + 1.0);
            // P'ₙ₊₁ = P'ₙ₋₁ + (2n+1) Pₙ.
            let slope_next = slope_previous + (2.0 * order + 1.0) * current;
            (previous, current) = (current, next);
            (slope_previous, slope) = (slope, slope_next);
        }
        (pressure, derivative)
    }
}

/// uₙ/u₀ of a cap of half-angle α on a sphere, n = 0…; α = 0 is a point on the surface.
pub fn cap_velocity(half_angle_rad: f64) -> Vec<f64> {
    if half_angle_rad <= 0.0 {
        return (0..MAX_ORDER).map(|n| (2 * n + 1) as f64).collect();
    }
    let x = half_angle_rad.cos();
    let mut legendre = vec![1.0, x];
    for n in 1..MAX_ORDER {
        let order = n as f64;
        legendre.push(((2.0 * order + 1.0) * x * legendre[n] - order * legendre[n - 1]) / (order + 1.0));
    }
    let u0 = 0.5 * (1.0 - x);
    std::iter::once(1.0).chain((1..MAX_ORDER).map(|n| 0.5 * (legendre[n - 1] - legendre[n + 1]) / u0)).collect()
}
