//! The last guard of what may not be shown. Nothing in the programs shows a ticket or a key on purpose; but a user may put one where
//! a name is expected, and an error repeats what it cannot use.

use std::borrow::Cow;

/// What tickets and key files begin with.
const PREFIXES: [&str; 2] = ["pasokey1", "paso1"];

/// Characters of a secret, with its beginning, that are worth hiding: 2^80 guesses are not made. A ticket has 167 or more.
const SHORTEST: usize = 24;

/// Letters and digits in a row that are a secret without its beginning, whoever cut it off. No name has so many.
const LONGEST_NAME: usize = 100;

/// The text with `paso1…` in the place of each ticket, be it cut or mistyped.
pub(crate) fn hidden(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut rest, mut kept) = (text, text);
    while let Some(first) = rest.chars().next() {
        if !first.is_ascii_alphanumeric() {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let word = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let Some((shown, length)) = secret(rest, word) else {
            rest = rest.get(word.len()..).unwrap_or_default();
            continue;
        };
        out.push_str(kept.strip_suffix(rest).unwrap_or_default());
        out.push_str(shown);
        out.push('…');
        rest = rest.get(length..).unwrap_or_default();
        kept = rest;
    }
    if out.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(out + kept) }
}

/// What to show of the secret that `text` begins with, `word` being its letters and digits, and how many bytes it has.
fn secret(text: &str, word: &str) -> Option<(&'static str, usize)> {
    let begins =
        |prefix: &&str| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if let Some(prefix) = PREFIXES.into_iter().find(|prefix| begins(prefix)) {
        // One that is mistyped may have anything in it.
        let end =
            text.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`')).unwrap_or(text.len());
        let digits = text.get(..end).unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).count();
        return (digits >= SHORTEST).then_some((prefix, end));
    }
    (word.len() >= LONGEST_NAME).then_some(("", word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_names_are_not() {
        let long = "abcdefgh234567xyz".repeat(10);
        for (text, expected) in [
            (
                format!("there is no file paso1{long}: check its name"),
                "there is no file paso1… check its name",
            ),
            (format!("'PASO1{long}' for '--x'"), "'paso1…' for '--x'"),
            (format!("paso1{}!{} and pasokey1{long}\n", &long[..20], &long[20..]), "paso1… and pasokey1…\n"),
            (format!("./paso1{}", &long[..40]), "./paso1…"),
        ] {
            assert_eq!(hidden(&text), expected);
        }
        assert_eq!(hidden(&format!("x/{long}")), "x/…");
        assert_eq!(hidden(&format!("xpaso1{long}.")), "….");
        for text in ["", "paso1.ticket", "paso1", "/home/µ/paso1.example: no file", "a paso10 b"] {
            assert!(matches!(hidden(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
