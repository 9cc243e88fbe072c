//! The chain as a player's stage.

use super::player::Stage;
use crate::dsp::{Chain, Switcher};

impl Stage for Switcher {
    type Chain = Chain;

    fn process(&mut self, left: &[f32], right: &[f32], out: &mut [&mut [f32]]) {
        Switcher::process(self, left, right, out);
    }

    fn install(&mut self, next: Box<Chain>) -> Result<(), Box<Chain>> {
        Switcher::install(self, next)
    }

    fn is_switching(&self) -> bool {
        Switcher::is_switching(self)
    }

    fn take_retired(&mut self) -> Option<Box<Chain>> {
        Switcher::take_retired(self)
    }

    fn latency_frames(&self) -> usize {
        self.current().latency_frames()
    }

    fn drivers(&self) -> usize {
        self.current().drivers()
    }

    fn gain_reduction_db(&self, driver: usize) -> f32 {
        self.current().gain_reduction_db(driver)
    }

    fn is_resting(&self) -> bool {
        self.current().is_resting() && !Switcher::is_switching(self)
    }
}
