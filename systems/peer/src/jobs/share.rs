//! How equal shares are.

/// Jain's index of the shares: 1 if all are equal, `1/n` if one of `n` has everything; 1 of nothing.
pub fn jain_index(shares: &[f64]) -> f64 {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    let count = shares.iter().fold(0.0, |count, _| count + 1.0);
    if squares == 0.0 { 1.0 } else { sum * sum / (count * squares) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_is_one_and_everything_for_one_is_the_least() {
        assert!((jain_index(&[3.0, 3.0, 3.0]) - 1.0).abs() < 1e-9);
        assert!((jain_index(&[9.0, 0.0, 0.0]) - 1.0 / 3.0).abs() < 1e-9);
        assert!((jain_index(&[]) - 1.0).abs() < 1e-9);
    }
}
