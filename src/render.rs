//! The chain over a file: the very same [`crate::dsp::Chain`] as the daemon runs, in sync with its input.
