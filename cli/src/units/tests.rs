use proptest::prelude::*;

use super::*;

#[test]
fn times() {
    for (text, micros) in [
        ("0s", 0),
        ("0.001ms", 1),
        ("300ms", 300_000),
        ("1.5s", 1_500_000),
        ("5S", 5_000_000),
        ("20 ms", 20_000),
        ("5m", 300_000_000),
        ("5min", 300_000_000),
        ("1h", 3_600_000_000),
        ("0.5H", 1_800_000_000),
    ] {
        assert_eq!(parse_time(text), Ok(Duration::from_micros(micros)), "{text}");
    }
    for wrong in
        ["", "0", "5", "s", "ms", "-1s", "+1s", "1.s", ".5s", "1.2345s", "0.0001ms", "1e3s", "1.5.5s", "5  s"]
    {
        assert_eq!(parse_time(wrong), Err(UnitError::Time(wrong.into())));
    }
    // Minutes are `m`: a capital is a million elsewhere. Microseconds and days are no units here.
    for wrong in ["5M", "5Ms", "5MS", "5us", "5d", "5sec", "5 fortnights", "5s "] {
        assert_eq!(parse_time(wrong), Err(UnitError::Time(wrong.into())));
    }
}

#[test]
fn sizes() {
    for (text, bytes) in [
        ("0", 0),
        ("1400", 1_400),
        ("1400B", 1_400),
        ("64k", 64_000),
        ("64K", 64_000),
        ("64kB", 64_000),
        ("64KB", 64_000),
        ("64Ki", 65_536),
        ("64KiB", 65_536),
        ("64kiB", 65_536),
        ("1M", 1_000_000),
        ("1m", 1_000_000),
        ("1MB", 1_000_000),
        ("5.00 MB", 5_000_000),
        ("1.5KiB", 1_536),
        ("8Mi", 8 << 20),
        ("8MiB", 8 << 20),
        ("2G", 2_000_000_000),
        ("2GB", 2_000_000_000),
        ("2Gi", 2 << 30),
        ("2giB", 2 << 30),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
    }
    for wrong in
        ["", "k", "B", "-1", "+1", "1.5", "0.001KiB", "1.k", ".5k", "1,000", "0x10", "1e6", "1_000", "many"]
    {
        assert_eq!(parse_size::<u64>(wrong), Err(UnitError::Size(wrong.into())));
    }
    // `b` is a bit, and there is nothing so large.
    for wrong in ["5b", "5kb", "5kib", "5mb", "5KIB", "5Kbit", "5TiB", "5T", "5 parsecs", "5s", "5MiBB"] {
        assert_eq!(parse_size::<u64>(wrong), Err(UnitError::Size(wrong.into())));
    }
}

#[test]
fn rates_become_bytes_a_second() {
    for (text, bytes) in [
        ("8bit", 1),
        ("15bit", 1),
        ("800kbit", 100_000),
        ("800Kbit", 100_000),
        ("100Mbit", 12_500_000),
        ("100mbit", 12_500_000),
        ("2.5Gbit", 312_500_000),
        ("812 Mbit/s", 101_500_000),
        ("0.001Gbit", 125_000),
    ] {
        assert_eq!(parse_rate(text).map(NonZeroU64::get), Ok(bytes), "{text}");
    }
    for wrong in
        ["", "100", "1.Mbit", "1.2345Mbit", "5MB", "5Mb", "5MBit", "5Mibit", "5Mbps", "5Tbit", "fast"]
    {
        assert_eq!(parse_rate(wrong), Err(UnitError::Rate(wrong.into())));
    }
    for little in ["0bit", "7bit", "0Mbit", "0.007kbit"] {
        assert_eq!(parse_rate(little), Err(UnitError::NoRate(little.into())));
    }
}

#[test]
fn what_is_too_large_is_no_number_that_wrapped() {
    let too_large = |text: &str| UnitError::TooLarge(text.into());
    for text in ["99999999999999999999s", "9999999999999999999h", "18446744073709551615ms"] {
        assert_eq!(parse_time(text), Err(too_large(text)));
    }
    for text in ["99999999999999999999", "18446744073709551616", "18446744073709551615k", "17179869184GiB"] {
        assert_eq!(parse_size::<u64>(text), Err(too_large(text)));
    }
    assert_eq!(parse_size::<u16>("65535"), Ok(u16::MAX));
    assert_eq!(parse_size::<u16>("64KiB"), Err(too_large("64KiB")));
    for text in ["99999999999999999999Gbit", "18446744074Gbit"] {
        assert_eq!(parse_rate(text), Err(too_large(text)));
    }
}

#[test]
fn errors_say_what_to_write() {
    for (error, words) in [
        (parse_time("5").unwrap_err(), "write a number and its unit, like 300ms, 5s, 2m or 1h"),
        (parse_size::<u64>("5mb").unwrap_err(), "like 64kB, 64KiB, 8MB or 8MiB"),
        (parse_rate("5").unwrap_err(), "like 800kbit, 500Mbit or 2.5Gbit"),
        (parse_rate("1bit").unwrap_err(), "write 8bit or more"),
        (parse_size::<u16>("1MB").unwrap_err(), "write a smaller number"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn the_help_gives_examples_that_are_read() {
    let words = |help: &'static str| help.split([' ', ',', ':', '.']).filter(|word| !word.is_empty());
    let starts = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let sizes = words(HELP).filter(starts).filter(|word| word.ends_with('B'));
    assert_eq!(sizes.filter_map(|word| parse_size::<u64>(word).ok()).count(), 6);
    let times = words(HELP).filter(starts).filter(|word| word.ends_with(['s', 'm', 'h']));
    assert_eq!(times.filter_map(|word| parse_time(word).ok()).count(), 4);
    let rates = words(HELP_RATE).filter(starts).filter(|word| word.ends_with("bit"));
    assert_eq!(rates.filter_map(|word| parse_rate(word).ok()).count(), 3);
}

proptest! {
    /// What a size is written as is that size, or too large; nothing wraps.
    #[test]
    fn a_size_is_its_number_times_its_unit(number: u64, unit in 0_usize..7) {
        let units = [("", 1), ("kB", 1_000), ("M", 1_000_000), ("GB", 1_000_000_000), ("Ki", 1 << 10),
            ("MiB", 1 << 20), ("GiB", 1 << 30)];
        let (name, scale) = units[unit];
        for number in [number, number >> 32] {
            let text = format!("{number}{name}");
            let expected = number.checked_mul(scale).ok_or_else(|| UnitError::TooLarge(text.clone()));
            prop_assert_eq!(parse_size::<u64>(&text), expected);
        }
    }

    #[test]
    fn a_time_in_milliseconds_comes_back(millis in 0..u64::MAX / 1_000, thousandths in 0_u64..1_000) {
        let text = format!("{millis}.{thousandths:03}ms");
        prop_assert_eq!(parse_time(&text), Ok(Duration::from_micros(millis * 1_000 + thousandths)));
    }

    #[test]
    fn no_text_is_a_panic(text: String, number in "[0-9.]{0,40}", unit in "[ a-zA-Z/]{0,6}") {
        for text in [text, format!("{number}{unit}")] {
            let _ = (parse_time(&text), parse_size::<usize>(&text), parse_rate(&text));
        }
    }
}
