//! From a device description to a coefficient set and its predicted figures. All in `f64`.
