//! Dialogue tests: one exchange a line, `what happens => what the table answers, in order`.

use std::time::Duration;

use super::Violation;
use super::frame::Frame;

/// Runs a script: `step` does what stands before `=>` and returns what must stand after it.
#[track_caller]
pub(super) fn run(script: &str, mut step: impl FnMut(&str) -> Vec<String>) {
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (input, expected) = line.split_once("=>").expect("every line has an arrow");
        let answers = step(input.trim()).join(", ");
        assert_eq!(answers.trim(), expected.trim(), "in the line `{line}` of {script}");
    }
}

/// `+300ms` or `+5s`.
pub(super) fn wait(input: &str) -> Option<Duration> {
    let time = input.strip_prefix('+')?;
    let (number, unit) = match time.strip_suffix("ms") {
        Some(number) => (number, Duration::from_millis(1)),
        None => (time.strip_suffix('s')?, Duration::from_secs(1)),
    };
    number.parse().ok().map(|number: u32| unit * number)
}

/// Bytes as the scripts write them.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The bytes that a script writes as text, with `\xNN` for those that are none.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("two hex digits after \\x"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// The rule that a datagram broke.
pub(super) fn broken(violation: Violation) -> String {
    format!("breaks {}", violation.rule().name())
}

/// A control datagram; it must be a frame.
pub(super) fn control(datagram: &[u8]) -> String {
    Frame::parse(datagram).expect("a table sends only frames");
    text(datagram)
}
