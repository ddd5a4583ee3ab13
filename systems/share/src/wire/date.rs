//! The date that some clients send with each operation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whether a field is a date and no name: day, month and year, or year, month and day, with `/` or `-` between, a blank, and hours,
/// minutes and seconds. [`REGISTER`](super::operation::Operation::Register) refuses names of this form, so a field never means both.
pub fn is_date(field: &str) -> bool {
    let Some((day, time)) = field.split_once(' ') else { return false };
    let separator = if day.contains('/') { '/' } else { '-' };
    is_numbers(day, separator, &[&[1, 1, 4], &[4, 1, 1]]) && is_numbers(time, ':', &[&[1, 1, 1]])
}

/// Whether the text is numbers with this between them, of the lengths of one of the shapes: 4 is four digits, 1 is one or two.
fn is_numbers(text: &str, separator: char, shapes: &[&[usize]]) -> bool {
    let parts: Vec<&str> = text.split(separator).collect();
    let is_number = |part: &&str, length: usize| {
        let right_length = if length == 1 { matches!(part.len(), 1 | 2) } else { part.len() == length };
        right_length && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    shapes.iter().any(|shape| {
        parts.len() == shape.len() && parts.iter().zip(*shape).all(|(part, length)| is_number(part, *length))
    })
}

/// A moment as the course writes it, in UTC: `31/12/2026 23:59:59`.
pub fn written(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!("{day:02}/{month:02}/{year:04} {:02}:{:02}:{:02}", time / 3_600, time / 60 % 60, time % 60)
}

/// Year, month and day of a number of days after 1970-01-01. Years are counted from March, so that the leap day is their last.
fn civil(days: u64) -> (u64, u64, u64) {
    // Days from 0000-03-01 to 1970-01-01, and of 400, 100, 4 years and one.
    const TO_1970: u64 = 719_468;
    const ERA: u64 = 146_097;
    let days = days + TO_1970;
    let (era, of_era) = (days / ERA, days % ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_told_from_a_name() {
        for date in ["31/12/2026 23:59:59", "1/2/2024 8:00:00", "2077/06/01 12:00:00", "2024-05-01 10:11:12"]
        {
            assert!(is_date(date), "{date}");
        }
        for name in [
            "",
            "alice",
            "31/12/2026",
            "31/12/2026 ",
            "a/b/cccc 1:2:3",
            "31/12/2026 23:59",
            "1/2/2024 8:00:00 ",
        ] {
            assert!(!is_date(name), "{name}");
        }
    }

    #[test]
    fn a_moment_is_written_as_the_course_does() {
        let at = |seconds| written(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "01/01/1970 00:00:00");
        assert_eq!(at(951_782_400), "29/02/2000 00:00:00");
        assert_eq!(at(1_798_761_599), "31/12/2026 23:59:59");
        assert!(is_date(&at(4_102_444_800)));
    }
}
