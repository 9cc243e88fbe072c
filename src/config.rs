//! `spatiald.toml`: `File` (what was written) → `Config` (validated).
