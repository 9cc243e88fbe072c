//! The exact split: what C takes, L′ and R′ lose.

/// The three output planes of a block or of a part of it.
pub(super) struct Outputs<'a> {
    pub left: &'a mut [f32],
    pub right: &'a mut [f32],
    pub center: &'a mut [f32],
}

impl Outputs<'_> {
    /// Chunk `index` of `frames` frames.
    pub fn chunk(&mut self, index: usize, frames: usize) -> Outputs<'_> {
        let range = index * frames..(index + 1) * frames;
        Outputs {
            left: &mut self.left[range.clone()],
            right: &mut self.right[range.clone()],
            center: &mut self.center[range],
        }
    }
}

/// Adding and subtracting this rounds values within ±1 to multiples of 2⁻²².
const GRID: f32 = 3.0;

/// L′ = L − C and R′ = R − C, as long as `outputs`; the inputs may be longer.
///
/// C is rounded to the grid of 24-bit audio (−143 dBFS): for 16 and 24-bit material the difference is then exact, so
/// L′ + C = L to the last bit.
pub(super) fn split(left: &[f32], right: &[f32], center: &[f32], outputs: Outputs) {
    let frames = outputs.center.len();
    let (left, right, center) = (&left[..frames], &right[..frames], &center[..frames]);
    let (out_left, out_right) = (&mut outputs.left[..frames], &mut outputs.right[..frames]);
    for n in 0..frames {
        let value = (center[n] + GRID) - GRID;
        outputs.center[n] = value;
        out_left[n] = left[n] - value;
        out_right[n] = right[n] - value;
    }
}
