//! The signal path: pure functions of samples, in `f32`, with no I/O and nothing allocated after construction.
//!
//! ```text
//! L, R ─ upmix ─ L′, R′, C ─ path delays ─ FIR matrix 3×N ─ per driver: gain, EQ, delay ─ limiter ─ N drivers
//! ```
//!
//! [`Chain`] is the whole of it, built from a [`ChainSpec`]; a [`Switcher`] crossfades from one chain to the next.

pub mod biquad;
pub mod burst;
pub mod chain;
pub mod coefficients;
pub mod delay;
mod error;
pub mod fir_matrix;
pub mod limiter;
pub mod limits;
mod raised_cosine;
pub mod simd;
pub mod sinc;
pub mod spec;
pub mod switcher;
mod transform;
pub mod upmix;

pub use biquad::{BiquadKind, BiquadSpec};
pub use chain::{Chain, Latency};
pub use coefficients::Coefficients;
pub use error::SpecError;
pub use fir_matrix::FirMatrix;
pub use limiter::Limiter;
pub use raised_cosine::raised_cosine;
pub use spec::{ChainSpec, DriverSpec, LimiterSpec};
pub use switcher::Switcher;
pub use upmix::{Upmix, UpmixMode, UpmixSpec};
