//! Two-channel Wiener filters by the block Levinson recursion (Whittle 1963; Wiggins and Robinson 1965).

/// Rows of lanes that keep the sums of dot products apart, so that they compile to vectors.
const LANES: usize = 4;

/// Solves `[[Tc+Ta+λI, Tc], [Tc, Tc+Tb+λI]]·[hl; hr] = [s; s]`, T· symmetric Toeplitz.
///
/// Interleaved, the matrix is block Toeplitz with symmetric 2×2 blocks `R_k = [[c_k+a_k, c_k], [c_k, c_k+b_k]]`
/// (λ on the diagonal of `R_0`), so the backward predictor is the forward one in reverse order and one set of
/// coefficients is enough. O(P²), nothing allocated.
pub(super) struct BlockLevinson {
    taps: usize,
    /// Forward predictor `X`, element (row, column) at `2·row + column`, order on order in place.
    forward: [Vec<f64>; 4],
    /// The same in reverse block order, moving one place to the left with each order.
    backward: [Vec<f64>; 4],
    /// `R_k` in reverse order: element k at `taps − k`.
    reversed: [Vec<f64>; 3],
    pub left: Vec<f64>,
    pub right: Vec<f64>,
}

type Matrix = [f64; 4];

impl BlockLevinson {
    pub fn new(taps: usize) -> BlockLevinson {
        let plane = |length: usize| vec![0.0; length];
        BlockLevinson {
            taps,
            forward: std::array::from_fn(|_| plane(taps)),
            backward: std::array::from_fn(|_| plane(2 * taps)),
            reversed: std::array::from_fn(|_| plane(taps + 1)),
            left: plane(taps),
            right: plane(taps),
        }
    }

    /// Solves for `left` and `right`. `blocks` are the planes `c+a`, `c`, `c+b` with λ already added to the first
    /// elements of the outer two, `target` is `s`; each `taps` long. Inlined into the caller's instruction set.
    #[inline(always)]
    pub fn solve(&mut self, blocks: [&[f64]; 3], target: &[f64]) {
        let taps = self.taps;
        let [p, c, q] = blocks.map(|plane| &plane[..taps]);
        for (reversed, plane) in self.reversed.iter_mut().zip([p, c, q]) {
            for (k, value) in plane.iter().enumerate() {
                reversed[taps - k] = *value;
            }
        }
        for plane in self.forward.iter_mut().chain(&mut self.backward) {
            plane.fill(0.0);
        }
        for diagonal in [0, 3] {
            self.forward[diagonal][0] = 1.0;
            self.backward[diagonal][taps] = 1.0;
        }
        let mut error: Matrix = [p[0], c[0], c[0], q[0]];
        let first = apply(&inverse(&error), [target[0], target[0]]);
        (self.left[0], self.right[0]) = (first[0], first[1]);
        for order in 1..taps {
            // Backward predictor of this order, not yet extended: places start+1 ..= start+order.
            let start = taps - order;
            let shifted = &self.backward;
            let own = |r: &[f64], plane: usize| dot(&r[1..][..order], &shifted[plane][start + 1..][..order]);
            let residual: Matrix =
                [own(p, 0) + own(c, 2), own(p, 1) + own(c, 3), own(c, 0) + own(q, 2), own(c, 1) + own(q, 3)];
            let reflection = product(&inverse(&error), &residual).map(|value| -value);
            self.extend(order, &reflection);
            let change = product(&residual, &reflection);
            for (element, change) in error.iter_mut().zip(change) {
                *element += change;
            }
            self.step(order, &error, target);
        }
    }

    /// `X ← X + Y·K`, `Y ← Y + X·K` with Y the backward predictor shifted by one block.
    #[inline(always)]
    fn extend(&mut self, order: usize, k: &Matrix) {
        let (start, count) = (self.taps - order, order + 1);
        for row in 0..2 {
            let (first, second) = (2 * row, 2 * row + 1);
            let [x0, x1] = rows(&mut self.forward, first, second);
            let [y0, y1] = rows(&mut self.backward, first, second);
            let (x0, x1) = (&mut x0[..count], &mut x1[..count]);
            let (y0, y1) = (&mut y0[start..][..count], &mut y1[start..][..count]);
            for i in 0..count {
                let (a0, a1, b0, b1) = (x0[i], x1[i], y0[i], y1[i]);
                x0[i] = a0 + (b0 * k[0] + b1 * k[2]);
                x1[i] = a1 + (b0 * k[1] + b1 * k[3]);
                y0[i] = b0 + (a0 * k[0] + a1 * k[2]);
                y1[i] = b1 + (a0 * k[1] + a1 * k[3]);
            }
        }
    }

    /// Brings the solution to `order` + 1 blocks.
    #[inline(always)]
    fn step(&mut self, order: usize, error: &Matrix, target: &[f64]) {
        let (start, count) = (self.taps - order, order + 1);
        let [p, c, q] = [0, 1, 2].map(|plane| &self.reversed[plane][start..][..order]);
        let (left, right) = (&self.left[..order], &self.right[..order]);
        let missing = [target[order] - (dot(p, left) + dot(c, right)), target[order] - (dot(c, left) + dot(q, right))];
        let gain = apply(&inverse(error), missing);
        (self.left[order], self.right[order]) = (0.0, 0.0);
        let [y00, y01, y10, y11] = &self.backward;
        let (y00, y01) = (&y00[start..][..count], &y01[start..][..count]);
        let (y10, y11) = (&y10[start..][..count], &y11[start..][..count]);
        let (left, right) = (&mut self.left[..count], &mut self.right[..count]);
        for i in 0..count {
            left[i] += y00[i] * gain[0] + y01[i] * gain[1];
            right[i] += y10[i] * gain[0] + y11[i] * gain[1];
        }
    }
}

#[inline(always)]
fn rows(planes: &mut [Vec<f64>; 4], first: usize, second: usize) -> [&mut [f64]; 2] {
    let (low, high) = planes.split_at_mut(second);
    [&mut low[first], &mut high[0]]
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + tail
}

#[inline(always)]
fn inverse(m: &Matrix) -> Matrix {
    let determinant = m[0] * m[3] - m[1] * m[2];
    // A positive definite matrix has a positive determinant; rounding must not turn it into a division by zero.
    let scale = if determinant > 0.0 { 1.0 / determinant } else { 0.0 };
    [m[3] * scale, -m[1] * scale, -m[2] * scale, m[0] * scale]
}

#[inline(always)]
fn product(a: &Matrix, b: &Matrix) -> Matrix {
    [a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2], a[2] * b[1] + a[3] * b[3]]
}

#[inline(always)]
fn apply(m: &Matrix, v: [f64; 2]) -> [f64; 2] {
    [m[0] * v[0] + m[1] * v[1], m[2] * v[0] + m[3] * v[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Autocorrelation of a few decaying oscillations.
    fn correlation(taps: usize, frequency: f64, decay: f64) -> Vec<f64> {
        (0..taps).map(|n| decay.powi(n as i32) * (frequency * n as f64).cos()).collect()
    }

    #[test]
    fn solves_the_normal_equations() {
        for taps in [1, 2, 3, 8, 37, 128] {
            let (c, a, b) = (correlation(taps, 0.3, 0.97), correlation(taps, 1.1, 0.9), correlation(taps, 2.2, 0.95));
            let mut p: Vec<f64> = c.iter().zip(&a).map(|(c, a)| c + a).collect();
            let mut q: Vec<f64> = c.iter().zip(&b).map(|(c, b)| c + b).collect();
            p[0] += 0.004;
            q[0] += 0.004;
            let delay = taps / 3;
            let target: Vec<f64> = (0..taps).map(|n| c[n.abs_diff(delay)]).collect();
            let mut solver = BlockLevinson::new(taps);
            for _ in 0..2 {
                solver.solve([&p, &c, &q], &target);
            }
            for n in 0..taps {
                let row = |own: &[f64], h_own: &[f64], h_other: &[f64]| -> f64 {
                    (0..taps).map(|m| own[n.abs_diff(m)] * h_own[m] + c[n.abs_diff(m)] * h_other[m]).sum()
                };
                let left = row(&p, &solver.left, &solver.right);
                let right = row(&q, &solver.right, &solver.left);
                assert!((left - target[n]).abs() < 1e-9, "P {taps}, row {n}: {left}, not {}", target[n]);
                assert!((right - target[n]).abs() < 1e-9, "P {taps}, row {n}: {right}, not {}", target[n]);
            }
        }
    }
}
