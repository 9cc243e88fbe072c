//! A stage that does no more than a wire: in place of the chain, where only the way to the device counts.

use super::player::Stage;

/// Fills a channel's plane from left and right.
pub type Route = fn(channel: usize, left: &[f32], right: &[f32], plane: &mut [f32]);

/// Routes its input at once, and switches to nothing.
pub struct Wires {
    /// How many drivers it says that it has.
    pub drivers: usize,
    /// What each channel gets.
    pub route: Route,
}

impl Wires {
    /// Silence on every channel.
    pub const SILENCE: Wires = Wires { drivers: 0, route: |_, _, _, plane| plane.fill(0.0) };
}

impl Stage for Wires {
    type Chain = ();

    fn process(&mut self, left: &[f32], right: &[f32], out: &mut [&mut [f32]]) {
        for (channel, plane) in out.iter_mut().enumerate() {
            (self.route)(channel, left, right, plane);
        }
    }

    fn install(&mut self, _next: Box<()>) -> Result<(), Box<()>> {
        Ok(())
    }

    fn is_switching(&self) -> bool {
        false
    }

    fn take_retired(&mut self) -> Option<Box<()>> {
        None
    }

    fn latency_frames(&self) -> usize {
        0
    }

    fn drivers(&self) -> usize {
        self.drivers
    }

    fn gain_reduction_db(&self, _driver: usize) -> f32 {
        0.0
    }

    fn is_resting(&self) -> bool {
        true
    }
}
