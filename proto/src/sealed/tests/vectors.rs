//! The test vectors of the specification, `proto/vectors/*.json`: this crate agrees with them, and so does PROTOCOL.md.
//!
//! They are computed by `tests/interop/sealed_vectors.py`, a second implementation that was written from the text.

mod frames;
mod handshake;
mod session;
mod tickets;

use serde_json::Value;
use std::collections::BTreeSet;

/// One file of vectors.
pub(in crate::sealed) struct Vectors(Value);

impl Vectors {
    /// The file with this name.
    pub(in crate::sealed) fn load(name: &str) -> Self {
        let (_, text) = FILES.iter().find(|(file, _)| *file == name).expect("a file of vectors");
        Self(serde_json::from_str(text).expect("JSON"))
    }

    /// What is at a place, as `/accepted/0/payload`.
    fn at(&self, place: &str) -> &Value {
        self.0.pointer(place).unwrap_or_else(|| panic!("nothing at {place}"))
    }

    /// The parts of a list, each as a file of its own.
    fn list(&self, place: &str) -> Vec<Self> {
        self.at(place).as_array().expect("a list").iter().map(|part| Self(part.clone())).collect()
    }

    fn number(&self, place: &str) -> u64 {
        self.at(place).as_u64().expect("a number")
    }

    fn text(&self, place: &str) -> &str {
        self.at(place).as_str().expect("text")
    }

    /// The bytes that the hexadecimal text at a place stands for.
    pub(in crate::sealed) fn bytes(&self, place: &str) -> Vec<u8> {
        unhex(self.text(place))
    }

    /// The same; `None` for `null`.
    pub(in crate::sealed) fn bytes_if_any(&self, place: &str) -> Option<Vec<u8>> {
        (!self.at(place).is_null()).then(|| self.bytes(place))
    }

    /// The steps of a handshake: their names, `h` and `ck`.
    pub(in crate::sealed) fn trace(&self, place: &str) -> Vec<[String; 3]> {
        let steps = self.list(place);
        steps.iter().map(|step| ["/step", "/h", "/ck"].map(|name| step.text(name).into())).collect()
    }
}

pub(in crate::sealed) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
    (0..text.len()).step_by(2).map(digits).collect()
}

const FILES: [(&str, &str); 4] = [
    ("frames", include_str!("../../../vectors/frames.json")),
    ("handshake", include_str!("../../../vectors/handshake.json")),
    ("session", include_str!("../../../vectors/session.json")),
    ("tickets", include_str!("../../../vectors/tickets.json")),
];

/// PROTOCOL.md from its vectors on.
fn page() -> &'static str {
    let page = include_str!("../../../PROTOCOL.md");
    page.split_once("\n### Vectors\n").expect("it has vectors").1
}

/// Bytes that are written out, or a ticket; not the words around them.
fn is_vector(text: &str) -> bool {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    is_hex && text.len() >= 16 || text.starts_with("paso1") && text.len() > 100
}

/// All texts in a value.
fn texts<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) => _ = found.insert(text),
        Value::Array(parts) => parts.iter().for_each(|part| texts(part, found)),
        Value::Object(parts) => parts.values().for_each(|part| texts(part, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn the_page_has_the_vectors_and_no_others() {
    let files = FILES.map(|(_, text)| serde_json::from_str::<Value>(text).unwrap());
    let mut known = BTreeSet::new();
    files.iter().for_each(|file| texts(file, &mut known));

    // Long ones are broken into lines there.
    let without_space: String = page().split_whitespace().collect();
    let missing: Vec<_> =
        known.iter().filter(|text| is_vector(text) && !without_space.contains(**text)).collect();
    assert!(missing.is_empty(), "not in PROTOCOL.md: {missing:#?}");
    let frames = Vectors::load("frames").list("/frames");
    let short = frames
        .iter()
        .map(|entry| entry.text("/frame"))
        .find(|frame| !page().contains(&format!("| `{frame}` |")));
    assert_eq!(short, None, "not in PROTOCOL.md");

    let known = known.into_iter().collect::<Vec<_>>().join(" ");
    let words = page().split(|c: char| c.is_whitespace() || c == '`');
    let strange: Vec<_> = words.filter(|word| is_vector(word) && !known.contains(word)).collect();
    assert!(strange.is_empty(), "in PROTOCOL.md alone: {strange:#?}");
}
