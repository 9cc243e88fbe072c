//! How what fades goes: in half a raised cosine.

use std::f64::consts::PI;

/// (1 − cos πx) / 2: from 0, below x = 0, to 1, above x = 1.
pub fn raised_cosine(x: f64) -> f64 {
    0.5 - 0.5 * (PI * x.clamp(0.0, 1.0)).cos()
}
