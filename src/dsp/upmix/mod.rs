//! Stereo to left, right and center: C is what both channels share, and L′ + C = L, R′ + C = R always.
