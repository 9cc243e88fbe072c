//! How drivers radiate and heads hear: complex pressure over frequency. All in `f64`.
