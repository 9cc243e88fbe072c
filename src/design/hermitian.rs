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

    /// One entry of the diagonal.
    pub fn diagonal(&self, index: usize) -> f64 {
        self.entries[index * self.size + index].re
    }

    /// Sets an entry; what is across the diagonal is the caller's to keep conjugate.
    pub fn set(&mut self, row: usize, column: usize, value: Complex) {
        self.entries[row * self.size + column] = value;
    }

    /// The rows and columns of some indices.
    pub fn of(&self, indices: &[usize]) -> Hermitian {
        let entries =
            indices.iter().flat_map(|i| indices.iter().map(move |j| self.entries[i * self.size + j])).collect();
        Hermitian { size: indices.len(), entries }
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

    /// Adds weight · `other`.
    pub fn add(&mut self, other: &Hermitian, weight: f64) {
        self.entries.iter_mut().zip(&other.entries).for_each(|(a, b)| *a += b * weight);
    }

    /// D A D with the real diagonal `scales`.
    pub fn scaled(&self, scales: &[f64]) -> Hermitian {
        let at = |i: usize| scales[i / self.size] * scales[i % self.size];
        Hermitian { size: self.size, entries: self.entries.iter().enumerate().map(|(i, v)| v * at(i)).collect() }
    }

    /// Solves A x = b; `None` if A is not positive definite.
    pub fn solve(&self, b: &[Complex]) -> Option<Vec<Complex>> {
        self.factor().map(|factor| factor.solve(b))
    }

    /// A as L Lᴴ; `None` if it is not positive definite.
    pub fn factor(&self) -> Option<Factor> {
        let n = self.size;
        let mut lower = self.entries.clone();
        for column in 0..n {
            let mut pivot = lower[column * n + column].re;
            for k in 0..column {
                pivot -= lower[column * n + k].norm_sqr();
            }
            if !(pivot.is_finite() && pivot > 0.0) {
                return None;
            }
            let root = pivot.sqrt();
            lower[column * n + column] = Complex::from(root);
            for row in column + 1..n {
                let mut value = lower[row * n + column];
                for k in 0..column {
                    value -= lower[row * n + k] * lower[column * n + k].conj();
                }
                lower[row * n + column] = value / root;
            }
        }
        Some(Factor { size: n, lower })
    }
}

/// The Cholesky factor of a matrix.
#[derive(Debug, Clone)]
pub struct Factor {
    size: usize,
    lower: Vec<Complex>,
}

impl Factor {
    /// The solution of A x = b.
    pub fn solve(&self, b: &[Complex]) -> Vec<Complex> {
        let (n, lower) = (self.size, &self.lower);
        let mut x = b.to_vec();
        for row in 0..n {
            for k in 0..row {
                let known = x[k];
                x[row] -= lower[row * n + k] * known;
            }
            x[row] /= lower[row * n + row].re;
        }
        for row in (0..n).rev() {
            for k in row + 1..n {
                let known = x[k];
                x[row] -= lower[k * n + row].conj() * known;
            }
            x[row] /= lower[row * n + row].re;
        }
        x
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
        let x = a.solve(b).expect("positive definite");
        for (row, b) in a.entries.chunks(4).zip(b) {
            assert!((product(row, &x) - b).norm() < 1e-12);
        }
        assert!(a.quadratic_form(&x) > 0.0);
        (0..4).for_each(|i| a.add_diagonal(i, -1e3));
        assert!(a.solve(b).is_none());
    }
}
