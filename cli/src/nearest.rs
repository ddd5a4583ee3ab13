//! What somebody meant who has mistyped a name.

/// Names that are less alike than this are not meant: 1 is the same, 0 has nothing in common. The least at which `tiket` is still
/// `ticket` and `port` no longer `publish`.
const LIKENESS: f64 = 0.8;

/// The name among `names` that is most like `text`, if one is like it.
pub fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase().replace('_', "-");
    let likeness = |name: &'a str| (strsim::jaro_winkler(&text, name), name);
    let alike = names.map(likeness).filter(|(likeness, _)| *likeness >= LIKENESS);
    alike.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_found_and_another_is_not() {
        let names = ["ticket", "ticket-file", "local", "publish", "when-down", "streams"];
        let near = |text| nearest(text, names.into_iter());
        assert_eq!(near("tiket"), Some("ticket"));
        assert_eq!(near("ticket_file"), Some("ticket-file"));
        assert_eq!(near("TicketFile"), Some("ticket-file"));
        assert_eq!(near("locals"), Some("local"));
        assert_eq!(near("stream"), Some("streams"));
        assert_eq!(near("port"), None);
        assert_eq!(near("colour"), None);
    }
}
