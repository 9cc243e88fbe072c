//! The little vector algebra geometry needs.

/// A point or direction `[front, left, up]` in m.
pub type Vec3 = [f64; 3];

/// a − b.
pub fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// a · b.
pub fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// a × b, as in a right-handed frame.
pub fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// s · a.
pub fn scale(a: Vec3, s: f64) -> Vec3 {
    [a[0] * s, a[1] * s, a[2] * s]
}

/// |a|.
pub fn norm(a: Vec3) -> f64 {
    dot(a, a).sqrt()
}

/// a / |a|; the zero vector stays zero.
pub fn unit(a: Vec3) -> Vec3 {
    let length = norm(a);
    if length > 0.0 { scale(a, 1.0 / length) } else { a }
}

/// The unit vector at an azimuth (0° = towards the listener, positive to the listener's left) and elevation, in degrees.
pub fn direction(azimuth_deg: f64, elevation_deg: f64) -> Vec3 {
    let (sin_az, cos_az) = azimuth_deg.to_radians().sin_cos();
    let (sin_el, cos_el) = elevation_deg.to_radians().sin_cos();
    [cos_el * cos_az, cos_el * sin_az, sin_el]
}
