//! Texts of others, as they may be shown to people: a terminal shows each character where it stands.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal shows each character where it stands: none moves the cursor, turns the direction of writing, or takes no room.
pub fn is_visible(text: &str) -> bool {
    let text = text.replace(['\'', '"', '\\'], "");
    text.escape_debug().eq(text.chars())
}

/// The text, with `?` for each character that is not [visible](is_visible).
pub fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, |out, _| out.push('?'))
}

/// The same JSON, in which each character of a text that is not [visible](is_visible) is an escape: a program reads the text as it was.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    replaced(json, |out, c| {
        // Within texts JSON has no line ends.
        if c == '\n' {
            out.push(c);
            return;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

/// The text, with what `replace` writes for each character that is not [visible](is_visible).
pub(crate) fn replaced(text: &str, mut replace: impl FnMut(&mut String, char)) -> Cow<'_, str> {
    if is_visible(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut letter = String::new();
    for (at, c) in text.char_indices() {
        letter.clear();
        // What stands above a letter needs one before it.
        if at > 0 {
            letter.push('x');
        }
        letter.push(c);
        if is_visible(&letter) { out.push(c) } else { replace(&mut out, c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_hides_is_a_question_mark() {
        for text in ["", "it's \"C:\\x\"", "größer 日本 ▁▂ …", "e\u{301}"] {
            assert_eq!(visible(text), text);
        }
        for (text, shown) in [
            ("a\x1b[2J\nb", "a?[2J?b"),
            ("a\u{9b}2J\u{7f}", "a?2J?"),
            ("web\u{202e}gpj\u{2066}", "web?gpj?"),
            ("a\u{200b}b\u{feff}c\u{ad}", "a?b?c?"),
            ("a\u{2028}b\u{a0}", "a?b?"),
            ("\u{301}e\u{301}\n", "?e\u{301}?"),
        ] {
            assert_eq!(visible(text), shown);
            assert!(!is_visible(text) && is_visible(&visible(text)), "{text:?}");
        }
    }

    #[test]
    fn json_says_the_same_and_has_nothing_that_is_not_visible() {
        for text in ["plain", "a\x1b[2J\u{9b}\u{202e}\n\u{e0001}\u{200b}"] {
            let json = serde_json::to_string_pretty(&[text, text]).unwrap();
            let shown = visible_json(&json);
            assert!(shown.lines().all(is_visible) && shown.lines().count() == 4, "{shown}");
            assert_eq!(serde_json::from_str::<[String; 2]>(&shown).unwrap(), [text, text]);
        }
    }
}
