//! Times in options.

use std::ops::RangeInclusive;
use std::time::Duration;

use paso_cli::units::{at_least, parse_time};

/// Reads times of so many seconds, as `90s` or `1.5m`.
pub fn time_within(
    seconds: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync {
    move |text| {
        let (least, most) = (*seconds.start(), *seconds.end());
        let time = at_least(text, parse_time(text), Duration::from_secs(least), &format!("{least}s"))?;
        if time > Duration::from_secs(most) {
            Err(format!("'{text}' is too much: write {most}s or less"))
        } else {
            Ok(time)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_said() {
        let parse = time_within(15..=600);
        assert_eq!(parse("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse("15s"), Ok(Duration::from_secs(15)));
        assert!(parse("1s").unwrap_err().ends_with("write 15s or more"));
        assert!(parse("1h").unwrap_err().ends_with("write 600s or less"));
        assert!(parse("15").is_err(), "of what?");
    }
}
