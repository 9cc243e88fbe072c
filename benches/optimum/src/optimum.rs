//! The convex program: least mean power over the sphere for a pressure of 1 on axis.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus,
    SupportedConeT::{SecondOrderConeT, ZeroConeT},
};
use spatiald::acoustics::Complex;

/// What the filters may cost at a pressure of 1 on axis.
pub struct Limits {
    /// Σ|h|².
    effort: f64,
    /// Σ wᵢ|hᵢ|², wᵢ the driver's own mean power: what drivers that differ at random radiate.
    mismatch: f64,
}

impl Limits {
    /// Those of given filters, times `slack`.
    pub fn of(filters: &[Complex], sphere: &[Vec<Complex>], slack: f64) -> Self {
        let effort = filters.iter().map(|h| h.norm_sqr()).sum::<f64>() * slack;
        let mismatch = filters.iter().zip(own_power(sphere)).map(|(h, w)| w * h.norm_sqr()).sum::<f64>() * slack;
        Self { effort, mismatch }
    }
}

/// Mean |p|² of each driver over the sphere; `sphere` is `[driver][direction]`.
fn own_power(sphere: &[Vec<Complex>]) -> impl Iterator<Item = f64> {
    sphere.iter().map(|p| p.iter().map(|p| p.norm_sqr()).sum::<f64>() / p.len() as f64)
}

/// Mean of conj(pᵢ)·pⱼ over the sphere.
fn correlation(sphere: &[Vec<Complex>], i: usize, j: usize) -> Complex {
    let sum: Complex = sphere[i].iter().zip(&sphere[j]).map(|(a, b)| a.conj() * b).sum();
    sum / sphere[i].len() as f64
}

/// hᴴWh.
pub fn mean_power(filters: &[Complex], sphere: &[Vec<Complex>]) -> f64 {
    let pairs = filters.iter().enumerate().flat_map(|a| filters.iter().enumerate().map(move |b| (a, b)));
    pairs.map(|((i, a), (j, b))| (a.conj() * correlation(sphere, i, j) * b).re).sum()
}

/// The filters h with the least hᴴWh for axisᵀh = 1 within the limits, W the mean of p*pᵀ over the sphere.
///
/// In real numbers x = [Re h, Im h]: ½xᵀPx with P = 2[[Re W, −Im W], [Im W, Re W]], two equations for the axis, and a
/// second-order cone for each limit.
pub fn least_power(axis: &[Complex], sphere: &[Vec<Complex>], limits: &Limits) -> Result<Vec<Complex>, String> {
    let n = axis.len();
    let w = |row: usize, column: usize| {
        let value = 2.0 * correlation(sphere, row % n, column % n);
        match (row < n, column < n) {
            (true, true) | (false, false) => value.re,
            (true, false) => -value.im,
            (false, true) => value.im,
        }
    };
    let square: Vec<Vec<f64>> = (0..2 * n).map(|row| (0..2 * n).map(|column| w(row, column)).collect()).collect();
    let on_axis = |real: bool| {
        let of = |c: &Complex, first: bool| match (real, first) {
            (true, true) | (false, false) => c.re,
            (true, false) => -c.im,
            (false, true) => c.im,
        };
        axis.iter().map(|c| of(c, true)).chain(axis.iter().map(|c| of(c, false))).collect::<Vec<f64>>()
    };
    let (mut rows, mut right) = (vec![on_axis(true), on_axis(false)], vec![1.0, 0.0]);
    let weights: Vec<f64> = own_power(sphere).map(f64::sqrt).collect();
    let cones = [(limits.effort, vec![1.0; n]), (limits.mismatch, weights)];
    for (limit, weights) in cones {
        // [√limit; weights·x] lies in the cone.
        rows.push(vec![0.0; 2 * n]);
        right.push(limit.sqrt());
        for index in 0..2 * n {
            let mut row = vec![0.0; 2 * n];
            row[index] = -weights[index % n];
            rows.push(row);
            right.push(0.0);
        }
    }
    let kinds = [ZeroConeT(2), SecondOrderConeT(2 * n + 1), SecondOrderConeT(2 * n + 1)];
    let settings = DefaultSettingsBuilder::default().verbose(false).build().map_err(|e| e.to_string())?;
    let (objective, constraints) = (CscMatrix::from(&square).to_triu(), CscMatrix::from(&rows));
    let mut solver = DefaultSolver::new(&objective, &vec![0.0; 2 * n], &constraints, &right, &kinds, settings)
        .map_err(|e| e.to_string())?;
    solver.solve();
    match solver.solution.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => {
            let x = &solver.solution.x;
            Ok((0..n).map(|i| Complex::new(x[i], x[n + i])).collect())
        }
        other => Err(format!("the solver ends as {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two monopoles a quarter wave apart on the axis, seen from far away.
    fn end_fire() -> (Vec<Complex>, Vec<Vec<Complex>>) {
        let toward = |cos: f64| [0.5, -0.5].map(|x: f64| Complex::cis(std::f64::consts::FRAC_PI_2 * x * cos));
        let all = (0..2000).map(|i| toward((f64::from(i) + 0.5) / 1000.0 - 1.0));
        let each: Vec<[Complex; 2]> = all.collect();
        (toward(1.0).to_vec(), vec![each.iter().map(|p| p[0]).collect(), each.iter().map(|p| p[1]).collect()])
    }

    #[test]
    fn without_limits_it_is_the_best_index_known_in_closed_form() {
        let (axis, sphere) = end_fire();
        let free = Limits { effort: 1e3, mismatch: 1e3 };
        let best = least_power(&axis, &sphere, &free).unwrap();
        // W⁻¹ by hand: the sources' correlation is sin(kd)/(kd) = 2/π.
        let s = std::f64::consts::FRAC_2_PI;
        let cross: f64 = (axis[0].conj() * axis[1]).re;
        let index = 2.0 * (1.0 - s * cross) / (1.0 - s * s);
        assert!((1.0 / mean_power(&best, &sphere) / index - 1.0).abs() < 1e-4, "{index}");
    }

    #[test]
    fn with_the_least_effort_it_is_the_matched_sum() {
        let (axis, sphere) = end_fire();
        let matched: Vec<Complex> = axis.iter().map(|c| c.conj() / 2.0).collect();
        let best = least_power(&axis, &sphere, &Limits::of(&matched, &sphere, 1.0001)).unwrap();
        best.iter().zip(&matched).for_each(|(a, b)| assert!((a - b).norm() < 0.02, "{a} {b}"));
    }
}
