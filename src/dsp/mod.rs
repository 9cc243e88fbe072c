//! The signal path: pure functions of samples, in `f32`, with no I/O and nothing allocated after construction.
//!
//! ```text
//! L, R ─ upmix ─ L′, R′, C ─ path delays ─ FIR matrix 3×N ─ per driver: gain, EQ, delay ─ limiter ─ N drivers
//! ```

pub mod upmix;
