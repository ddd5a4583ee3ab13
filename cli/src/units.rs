//! Numbers with units, as they are written on a command line.

use std::time::Duration;

/// Why a text is not a number with a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No duration.
    #[error("'{0}' is not a time: write a number and its unit, like 300ms, 5s, 2m or 1h")]
    Time(String),
    /// No size.
    #[error("'{0}' is not a size: write a number of bytes, or one with a unit like 64KiB or 8MiB")]
    Size(String),
    /// No rate.
    #[error("'{0}' is not a rate: write a number and its unit, like 500Mbit or 2.5Gbit")]
    Rate(String),
}

/// A time such as `300ms`, `5s`, `2m` or `1h`; the unit must be there.
///
/// # Errors
/// [`UnitError::Time`].
pub fn parse_time(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Time(text.into());
    let (number, unit) = split(text);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// A size in bytes such as `1400`, `64KiB`, `8MiB` or `1GiB` (powers of 1,024; the `iB` may be left out).
///
/// # Errors
/// [`UnitError::Size`].
pub fn parse_size(text: &str) -> Result<usize, UnitError> {
    let wrong = || UnitError::Size(text.into());
    let (number, unit) = split(text);
    let number: usize = number.parse().map_err(|_| wrong())?;
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(scale).ok_or_else(wrong)
}

/// A rate such as `800kbit`, `500Mbit` or `2.5Gbit` (powers of 1,000 bits a second), in bytes a second, at least 1.
///
/// # Errors
/// [`UnitError::Rate`].
pub fn parse_rate(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Rate(text.into());
    let (number, unit) = split(text);
    let scale = match unit.to_ascii_lowercase().as_str() {
        "bit" => 1,
        "kbit" => 1_000,
        "mbit" => 1_000_000,
        "gbit" => 1_000_000_000,
        _ => return Err(wrong()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 3 {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let thousandths: u64 = format!("{fraction:0<3}").parse().map_err(|_| wrong())?;
    let bits = whole.checked_mul(1_000).and_then(|w| w.checked_add(thousandths)?.checked_mul(scale));
    match bits.map(|bits| bits / 8_000) {
        Some(0) | None => Err(wrong()),
        Some(bytes) => Ok(bytes),
    }
}

/// The leading digits (and dot), and the unit behind them.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_their_unit() {
        assert_eq!(parse_time("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(parse_time("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_time("1h"), Ok(Duration::from_secs(3_600)));
        for wrong in ["5", "", "s", "-1s", "1.5s", "99999999999999999999s", "9999999999999999999h"] {
            assert_eq!(parse_time(wrong), Err(UnitError::Time(wrong.into())));
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("1400"), Ok(1_400));
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("8m"), Ok(8 << 20));
        for wrong in ["", "k", "1.5k", "-1", "1tib", "99999999999999999999", "18446744073709551615k"] {
            assert_eq!(parse_size(wrong), Err(UnitError::Size(wrong.into())));
        }
    }

    #[test]
    fn rates_become_bytes_a_second() {
        assert_eq!(parse_rate("8bit"), Ok(1));
        assert_eq!(parse_rate("100Mbit"), Ok(12_500_000));
        assert_eq!(parse_rate("2.5Gbit"), Ok(312_500_000));
        for wrong in ["", "100", "7bit", "1.Mbit", "1.2345Mbit", "0Mbit", "99999999999999999999Gbit"] {
            assert_eq!(parse_rate(wrong), Err(UnitError::Rate(wrong.into())));
        }
    }
}
