//! Small Hermitian positive definite systems, by Cholesky factorization.

use crate::acoustics::Complex;

/// A Hermitian matrix, row-major, `size` × `size`.
#[derive(Debug, Clone)]
pub struct Hermitian {
    size: usize,
    entries: Vec<Complex>,
}

impl Hermitian {
    /// All zero.
    pub fn zero(size: usize) -> Self {
        Self { size, entries: vec![Complex::ZERO; size * size] }
    }

    /// Adds weight · v* vᵀ, whose quadratic form is weight · |vᵀh|².
    pub fn add_outer(&mut self, v: &[Complex], weight: f64) {
        for (row, a) in v.iter().enumerate() {
            for (column, b) in v.iter().enumerate() {
                self.entries[row * self.size + column] += a.conj() * b * weight;
            }
        }
    }

    /// Adds to one diagonal entry.
    pub fn add_diagonal(&mut self, index: usize, value: f64) {
        self.entries[index * self.size + index] += value;
    }

    /// Mean of the diagonal.
    pub fn mean_diagonal(&self) -> f64 {
        (0..self.size).map(|i| self.entries[i * self.size + i].re).sum::<f64>() / self.size.max(1) as f64
    }

    /// hᴴ A h.
    pub fn quadratic_form(&self, h: &[Complex]) -> f64 {
        let row = |i: usize| -> Complex { (0..self.size).map(|j| self.entries[i * self.size + j] * h[j]).sum() };
        (0..self.size).map(|i| (h[i].conj() * row(i)).re).sum()
    }

    /// Solves (A + shift·I) x = b; `None` if that is not positive definite.
    pub fn solve(&self, shift: f64, b: &[Complex]) -> Option<Vec<Complex>> {
        let n = self.size;
        let mut factor = self.entries.clone();
        for column in 0..n {
            let mut pivot = factor[column * n + column].re + shift;
            for k in 0..column {
                pivot -= factor[column * n + k].norm_sqr();
            }
            if !(pivot.is_finite() && pivot > 0.0) {
                return None;
            }
            let root = pivot.sqrt();
            factor[column * n + column] = Complex::from(root);
            for row in column + 1..n {
                let mut value = factor[row * n + column];
                for k in 0..column {
                    value -= factor[row * n + k] * factor[column * n + k].conj();
                }
                factor[row * n + column] = value / root;
            }
        }
        let mut x = b.to_vec();
        for row in 0..n {
            for k in 0..row {
                let known = x[k];
                x[row] -= factor[row * n + k] * known;
            }
            x[row] /= factor[row * n + row].re;
        }
        for row in (0..n).rev() {
            for k in row + 1..n {
                let known = x[k];
                x[row] -= factor[k * n + row].conj() * known;
            }
            x[row] /= factor[row * n + row].re;
        }
        Some(x)
    }
}

/// aᵀ b, not conjugated.
pub fn product(a: &[Complex], b: &[Complex]) -> Complex {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Σ|a|².
pub fn energy(a: &[Complex]) -> f64 {
    a.iter().map(|a| a.norm_sqr()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_solves_the_system() {
        let vectors: Vec<Vec<Complex>> = (0..5u32)
            .map(|i| {
                (0..4u32)
                    .map(|j| Complex::new(f64::from(i * 7 + j * 3 % 5).sin(), f64::from(i + j * j).cos()))
                    .collect()
            })
            .collect();
        let mut a = Hermitian::zero(4);
        vectors.iter().for_each(|v| a.add_outer(v, 0.5));
        a.add_diagonal(2, 0.25);
        let b = &vectors[0];
        let x = a.solve(0.1, b).expect("positive definite");
        for i in 0..4 {
            let row: Complex = (0..4).map(|j| a.entries[i * 4 + j] * x[j]).sum();
            assert!((row + x[i] * 0.1 - b[i]).norm() < 1e-12);
        }
        assert!(a.quadratic_form(&x) > 0.0);
        assert!(a.solve(-1e3, b).is_none());
    }
}
