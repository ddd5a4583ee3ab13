//! Numbers with units, as they are written on a command line: one spelling for all programs.
//!
//! A number has digits and, if it needs them, a point and up to three more: `1.5s`, `2.5Gbit`. A blank before the unit is
//! allowed, so that what a program prints can be written back. The first letter of a unit may be of either case where that
//! changes nothing; `M` is no time (a minute is `m`) and `b` no byte (it is a bit elsewhere).

use std::num::NonZeroU64;
use std::time::Duration;

/// What the units are, for the end of a program's `--help`.
pub const HELP: &str = "\
TIME is a number and its unit: 300ms, 5s, 2m, 1h. SIZE is bytes, or has a unit: 64kB, 8MB, 1GB are powers of 1,000 \
(k, M, G too), 64KiB, 8MiB, 1GiB powers of 1,024 (Ki, Mi, Gi too).";

/// The same for rates.
pub const HELP_RATE: &str = "RATE is bits a second, in powers of 1,000: 800kbit, 500Mbit, 2.5Gbit.";

/// Why a text is not a number with a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No duration.
    #[error("'{0}' is not a time: write a number and its unit, like 300ms, 5s, 2m or 1h")]
    Time(String),
    /// No size.
    #[error("'{0}' is not a size: write a number of bytes, or one with a unit like 64kB, 64KiB, 8MB or 8MiB")]
    Size(String),
    /// No rate.
    #[error("'{0}' is not a rate: write a number and its unit, like 800kbit, 500Mbit or 2.5Gbit")]
    Rate(String),
    /// A rate that would never send a byte.
    #[error("'{0}' is less than a byte a second: write 8bit or more")]
    NoRate(String),
    /// More than can be counted.
    #[error("'{0}' is more than this program can count: write a smaller number")]
    TooLarge(String),
}

/// A time such as `300ms`, `5s`, `2m` or `1h`; the unit must be there.
///
/// # Errors
/// [`UnitError::Time`], [`UnitError::TooLarge`].
pub fn parse_time(text: &str) -> Result<Duration, UnitError> {
    let micros = |unit: &str| {
        Some(match unit {
            "ms" => 1_000,
            "s" | "S" => 1_000_000,
            "m" | "min" => 60_000_000,
            "h" | "H" => 3_600_000_000,
            _ => return None,
        })
    };
    parse(text, micros, UnitError::Time).map(Duration::from_micros)
}

/// A size in bytes such as `1400`, `64kB` (64,000) or `64KiB` (65,536), in the caller's type.
///
/// # Errors
/// [`UnitError::Size`], [`UnitError::TooLarge`].
pub fn parse_size<T: TryFrom<u64>>(text: &str) -> Result<T, UnitError> {
    let bytes = |unit: &str| {
        Some(match unit {
            "" | "B" => 1,
            "k" | "K" | "kB" | "KB" => 1_000,
            "m" | "M" | "mB" | "MB" => 1_000_000,
            "g" | "G" | "gB" | "GB" => 1_000_000_000,
            "ki" | "Ki" | "kiB" | "KiB" => 1 << 10,
            "mi" | "Mi" | "miB" | "MiB" => 1 << 20,
            "gi" | "Gi" | "giB" | "GiB" => 1 << 30,
            _ => return None,
        })
    };
    let size = parse(text, bytes, UnitError::Size)?;
    T::try_from(size).map_err(|_| UnitError::TooLarge(text.into()))
}

/// A rate such as `800kbit`, `500Mbit` or `2.5Gbit` (bits a second), in bytes a second, rounded down.
///
/// # Errors
/// [`UnitError::Rate`], [`UnitError::NoRate`], [`UnitError::TooLarge`].
pub fn parse_rate(text: &str) -> Result<NonZeroU64, UnitError> {
    let bits = |unit: &str| {
        Some(match unit.strip_suffix("/s").unwrap_or(unit) {
            "bit" => 1,
            "kbit" | "Kbit" => 1_000,
            "mbit" | "Mbit" => 1_000_000,
            "gbit" | "Gbit" => 1_000_000_000,
            _ => return None,
        })
    };
    let bits = parse(text, bits, UnitError::Rate)?;
    NonZeroU64::new(bits / 8).ok_or_else(|| UnitError::NoRate(text.into()))
}

/// A number of units, in the smallest unit: `scale` says how many of those a unit is. Parts of the smallest do not exist.
fn parse(
    text: &str,
    scale: impl FnOnce(&str) -> Option<u64>,
    wrong: fn(String) -> UnitError,
) -> Result<u64, UnitError> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = scale(unit.strip_prefix(' ').unwrap_or(unit)).ok_or_else(|| wrong(text.into()))?;
    let (whole, thousandths) = split_number(number).ok_or_else(|| wrong(text.into()))?;
    let too_large = || UnitError::TooLarge(text.into());
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let product = (u128::from(whole) * 1_000 + u128::from(thousandths)) * u128::from(scale);
    if product % 1_000 != 0 {
        return Err(wrong(text.into()));
    }
    u64::try_from(product / 1_000).map_err(|_| too_large())
}

/// The digits before the point, at least one, and the thousandths behind it.
fn split_number(number: &str) -> Option<(&str, u16)> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = match fraction {
        None => 0,
        Some(digits) if is_digits(digits) && digits.len() <= 3 => format!("{digits:0<3}").parse().ok()?,
        Some(_) => return None,
    };
    is_digits(whole).then_some((whole, thousandths))
}

/// `value`, if it is `least` or more; `name` is what to write then.
///
/// # Errors
/// What is wrong with `text`, in one sentence.
pub fn at_least<T: PartialOrd>(
    text: &str,
    value: Result<T, UnitError>,
    least: T,
    name: &str,
) -> Result<T, String> {
    let value = value.map_err(|error| error.to_string())?;
    if value < least {
        return Err(format!("'{text}' is too little: write {name} or more"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
