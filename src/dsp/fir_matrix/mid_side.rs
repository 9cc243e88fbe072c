//! What left/right symmetry saves: where every driver's mirror image is a driver, half of the products.
//!
//! With M = L + R and S = L − R, a driver d and its mirror image d̄ play E + O and E − O, where E, the part that both
//! share, hears M and the inputs of the middle, and O hears S, and of the middle what it has different for d and d̄:
//! nothing, as a rule.

/// The inputs that mirror each other.
const LEFT: usize = 0;
const RIGHT: usize = 1;

/// Two FIRs are equal when the energy of their difference lies this far below theirs: −140 dB, what single precision
/// leaves between two computations of the same. A device that was measured or matched by hand is not symmetric.
const EQUAL_ENERGY: f64 = 1e-14;

/// A mirror of the outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MidSide {
    /// Outputs d and d̄: the first is to hold E, the second O.
    pairs: Vec<(usize, usize)>,
}

impl MidSide {
    /// The mirror of `firs[input][output]`, and the FIRs from M, S and the others to E and O in their place.
    pub fn find(firs: &[Vec<Vec<f64>>]) -> Option<(MidSide, Vec<Vec<Vec<f64>>>)> {
        let [left, right, middle @ ..] = firs else { return None };
        let mirrors = |a: usize, b: usize| equal(&left[a], &right[b]) && equal(&right[a], &left[b]);
        let mut free: Vec<usize> = (0..left.len()).collect();
        let (mut pairs, mut even) = (Vec::new(), firs.to_vec());
        while !free.is_empty() {
            let output = free.remove(0);
            if let Some(place) = free.iter().position(|&other| mirrors(output, other)) {
                let other = free.remove(place);
                pairs.push((output, other));
                let own = mean(&left[output], &right[other], 1.0);
                let opposite = mean(&right[output], &left[other], 1.0);
                even[LEFT][output] = mean(&own, &opposite, 1.0);
                even[RIGHT][output].clear();
                even[LEFT][other].clear();
                even[RIGHT][other] = mean(&own, &opposite, -1.0);
                for (row, middle) in even[2..].iter_mut().zip(middle) {
                    let (a, b) = (&middle[output], &middle[other]);
                    row[output] = mean(a, b, 1.0);
                    row[other] = if equal(a, b) { Vec::new() } else { mean(a, b, -1.0) };
                }
            } else if mirrors(output, output) {
                even[LEFT][output] = mean(&left[output], &right[output], 1.0);
                even[RIGHT][output].clear();
            } else {
                return None;
            }
        }
        Some((MidSide { pairs }, even))
    }

    /// Instructions per eight samples, as [`Plan::cost`](super::plan::Plan::cost) counts them.
    pub fn cost(&self) -> usize {
        6 * (1 + self.pairs.len())
    }

    /// M and S of one block, to `mid` and `side`.
    pub fn split<I: AsRef<[f32]>>(&self, inputs: &[I], mid: &mut [f32], side: &mut [f32]) {
        let (left, right) = (inputs[LEFT].as_ref(), inputs[RIGHT].as_ref());
        for ((mid, side), (left, right)) in mid.iter_mut().zip(side).zip(left.iter().zip(right)) {
            *mid = left + right;
            *side = left - right;
        }
    }

    /// The outputs from E and O, in place.
    pub fn join<O: AsMut<[f32]>>(&self, outputs: &mut [O]) {
        for &(one, other) in &self.pairs {
            let [one, other] = match outputs.get_disjoint_mut([one, other]) {
                Ok(planes) => planes.map(AsMut::as_mut),
                // Cannot be: the outputs of a pair are two.
                Err(_) => continue,
            };
            for (one, other) in one.iter_mut().zip(other) {
                (*one, *other) = (*one + *other, *one - *other);
            }
        }
    }
}

/// `(a + sign · b) / 2`
fn mean(a: &[f64], b: &[f64], sign: f64) -> Vec<f64> {
    let tap = |fir: &[f64], tap: usize| fir.get(tap).copied().unwrap_or(0.0);
    (0..a.len().max(b.len())).map(|n| 0.5 * (tap(a, n) + sign * tap(b, n))).collect()
}

fn equal(a: &[f64], b: &[f64]) -> bool {
    let energy = |fir: &[f64]| fir.iter().map(|v| v * v).sum::<f64>();
    // Of the difference: twice the half.
    4.0 * energy(&mean(a, b, -1.0)) <= EQUAL_ENERGY * energy(a).min(energy(b))
}
