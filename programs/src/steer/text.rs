//! Numbers as people read them, and texts that fit.

use tunnel::visible::visible;

/// Bytes: `1.2 MB`.
pub(super) fn bytes(count: u64) -> String {
    scaled(count, ["B", "kB", "MB", "GB", "TB"])
}

/// Bits a second: `93 Mbit/s`.
pub(super) fn rate(bps: u64) -> String {
    scaled(bps, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
}

/// In powers of 1,000, with two digits at least.
fn scaled(count: u64, units: [&str; 5]) -> String {
    let (mut value, mut at) = (count as f64, 0);
    // What would be rounded to a thousand is one of the next unit.
    while value >= 999.5 && at + 1 < units.len() {
        value /= 1_000.0;
        at += 1;
    }
    let digits = usize::from(at > 0 && value < 9.95);
    format!("{value:.digits$} {}", units[at])
}

/// A time: `48 ms`, `5.2 s`, `2m 05s`, `3h 12m`, `4d 07h`.
pub(super) fn time(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        _ if micros < 9_950 => format!("{:.1} ms", micros as f64 / 1_000.0),
        _ if micros < 999_500 => format!("{:.0} ms", micros as f64 / 1_000.0),
        0..60 => format!("{:.1} s", micros as f64 / 1_000_000.0),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A share: `0.1 %`; `-` where it is not known.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".into(), |share| format!("{:.1} %", share * 100.0))
}

/// A text that cannot move the cursor, in at most so many columns.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    let clean: Vec<char> = visible(text).chars().collect();
    if clean.len() <= columns {
        return clean.into_iter().collect();
    }
    // The end of an address says more than its middle.
    let (head, tail) = (columns.saturating_sub(1) / 2, columns.saturating_sub(1).div_ceil(2));
    let head: String = clean.iter().take(head).collect();
    let tail: String = clean.iter().skip(clean.len() - tail).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_size() {
        let texts = [0, 999, 1_000, 9_949, 12_345, 999_499, 999_500, 1_500_000_000].map(bytes);
        assert_eq!(texts, ["0 B", "999 B", "1.0 kB", "9.9 kB", "12 kB", "999 kB", "1.0 MB", "1.5 GB"]);
        assert_eq!([rate(93_000_000), rate(5)], ["93 Mbit/s", "5 bit/s"]);
        assert!(bytes(u64::MAX).ends_with(" TB"));
        let times = [240, 48_200, 999_600, 65_000_000, 7_500_000_000, 180_000_000_000].map(time);
        assert_eq!(times, ["0.2 ms", "48 ms", "1.0 s", "1m 05s", "2h 05m", "2d 02h"]);
        assert_eq!([percent(Some(0.0123)), percent(None)], ["1.2 %", "-"]);
    }

    #[test]
    fn what_is_too_long_loses_its_middle_and_nothing_moves_the_cursor() {
        assert_eq!(fitted("short", 5), "short");
        assert_eq!(fitted("[2001:db8::1]:50000", 11), "[2001…50000");
        assert_eq!(fitted("a\x1b[2Jb\n", 20), "a?[2Jb?");
        assert_eq!(fitted("web\u{202e}gpj", 20), "web?gpj", "nor does one read another text than is there");
    }
}
