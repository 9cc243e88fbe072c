//! The signal path: pure functions of samples, in `f32`, with no I/O and nothing allocated after construction.
//!
//! ```text
//! L, R ─ upmix ─ L′, R′, C ─ path delays ─ FIR matrix 3×N ─ per driver: gain, EQ, delay ─ limiter ─ N drivers
//! ```

pub mod biquad;
pub mod coefficients;
pub mod limiter;
pub mod spec;
pub mod upmix;

pub use biquad::{BiquadKind, BiquadSpec};
pub use coefficients::Coefficients;
pub use limiter::Limiter;
pub use spec::{ChainSpec, DriverSpec, LimiterSpec, SpecError, UpmixMode, UpmixSpec};
