//! The profile of a device: `File` (what was written) → [`Profile`] (validated); where it is searched; which one matches.
