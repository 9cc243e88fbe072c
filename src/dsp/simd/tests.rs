use super::*;

/// Every operation on fixed vectors; results one after the other.
struct Everything<'a>(&'a mut Vec<[f32; 8]>);

impl Kernel for Everything<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let a = s.load(&[1.5, -2.25, 3.0, -4.5, 5.0, 6.5, -7.0, 8.25]);
        let b = s.load(&[-8.0, 7.5, 6.0, -5.0, 4.5, 3.0, 2.0, -1.25]);
        let c = s.splat(0.75);
        let (even, odd) = s.deinterleave(a, b);
        let (low, high) = s.interleave(a, b);
        let (back_low, back_high) = s.interleave(even, odd);
        for v in [
            s.add(a, b),
            s.sub(a, b),
            s.mul(a, b),
            s.mul_add(a, b, c),
            s.neg_mul_add(a, b, c),
            s.max(a, b),
            s.abs(a),
            s.reverse(a),
            s.with_first(a, b),
            even,
            odd,
            low,
            high,
            back_low,
            back_high,
        ] {
            let mut lanes = [0.0; 8];
            s.store(v, &mut lanes);
            self.0.push(lanes);
        }
        let rows: [[f32; 8]; 8] = std::array::from_fn(|row| std::array::from_fn(|column| (8 * row + column) as f32));
        let columns = s.load_transposed(rows.each_ref());
        for column in columns {
            let mut lanes = [0.0; 8];
            s.store(column, &mut lanes);
            self.0.push(lanes);
        }
        let mut back = [[0.0; 8]; 8];
        s.store_transposed(columns, back.each_mut());
        self.0.extend(back);
    }
}

#[test]
fn every_level_computes_what_scalar_does() {
    let results = |level: Level| {
        let mut results = Vec::new();
        level.run(Everything(&mut results));
        results
    };
    let expected = results(Level::Scalar(scalar::Scalar));
    assert_eq!(expected[9], [1.5, 3.0, 5.0, -7.0, -8.0, 6.0, 4.5, 2.0]);
    assert_eq!(expected[16], [1.0, 9.0, 17.0, 25.0, 33.0, 41.0, 49.0, 57.0]);
    assert_eq!(expected[24], [8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    assert_eq!(expected[11], [1.5, -8.0, -2.25, 7.5, 3.0, 6.0, -4.5, -5.0]);
    // The operands are short dyadic fractions: fused and separate roundings agree.
    for level in Level::available() {
        assert_eq!(results(level), expected, "{}", level.name());
    }
}
