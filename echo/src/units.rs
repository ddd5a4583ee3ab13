//! Sizes and times as people write and read them.

use std::time::Duration;

/// Reads `4096`, `64k`, `5MB` (powers of 1000) or `64KiB`, `1GiB` (powers of 1024).
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(format!("`{unit}` is no unit of size: use B, kB, MB, GB, KiB, MiB or GiB")),
    };
    let number: u64 =
        number.parse().map_err(|_| "a size is a whole number and a unit, such as 5MB".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "too large".to_owned())
}

/// Reads `500us`, `20ms`, `2s` or `5m`; a number other than 0 needs its unit.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let wrong = || "a time is a number and a unit, such as 20ms or 2s".to_owned();
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "" if number == 0.0 => 0.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| "out of range".to_owned())
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// `5.00 MB`: three figures and a decimal unit.
pub(crate) fn show_size(bytes: u64) -> String {
    if bytes < 1_000 { format!("{bytes} B") } else { three_figures(bytes as f64, ["B", "kB", "MB", "GB"]) }
}

/// `812 Mbit/s`.
pub(crate) fn show_rate(bits_per_second: f64) -> String {
    three_figures(bits_per_second, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"])
}

/// `17.3 µs`, `1.20 ms`, `2.00 s`.
pub(crate) fn show_time(time: Duration) -> String {
    let nanoseconds = time.as_secs_f64() * 1e9;
    three_figures(nanoseconds, ["ns", "µs", "ms", "s"])
}

/// The number with three figures and the largest of `units`, each a thousand times the one before, that leaves it above 1.
fn three_figures(mut number: f64, units: [&str; 4]) -> String {
    let mut chosen = units[0];
    for unit in &units[1..] {
        // 999.5 would be shown as 1000.
        if number < 999.5 {
            break;
        }
        number /= 1_000.0;
        chosen = unit;
    }
    let decimals = if number < 9.995 { 2 } else { usize::from(number < 99.95) };
    format!("{number:.decimals$} {chosen}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("5MB"), Ok(5_000_000));
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        for wrong in ["", "MB", "1.5MB", "-1", "5 parsecs", "99999999999GB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_read() {
        assert_eq!(parse_time("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(parse_time("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse_time("0"), Ok(Duration::ZERO));
        for wrong in ["", "2", "s", "2 fortnights", "1e999s"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_have_three_figures() {
        assert_eq!(show_size(999), "999 B");
        assert_eq!(show_size(5_000_000), "5.00 MB");
        assert_eq!(show_rate(999_600.0), "1.00 Mbit/s");
        assert_eq!(show_rate(81_230_000.0), "81.2 Mbit/s");
        assert_eq!(show_time(Duration::from_nanos(17_340)), "17.3 µs");
    }
}
