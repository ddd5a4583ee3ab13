//! Sizes, rates and times with three figures, as people read them.

use std::time::Duration;

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
    fn numbers_have_three_figures() {
        assert_eq!(show_size(999), "999 B");
        assert_eq!(show_size(5_000_000), "5.00 MB");
        assert_eq!(show_rate(999_600.0), "1.00 Mbit/s");
        assert_eq!(show_rate(81_230_000.0), "81.2 Mbit/s");
        assert_eq!(show_time(Duration::from_nanos(17_340)), "17.3 µs");
    }

    #[test]
    fn a_size_that_is_shown_can_be_written() {
        for bytes in [0, 999, 1_000, 5_000_000, 81_200_000, 312_000_000_000] {
            assert_eq!(cli::units::parse_size(&show_size(bytes)), Ok(bytes));
        }
    }
}
