//! What may be written to a terminal: escape sequences or none, and how many columns a line has.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};

/// Columns of a text: what every terminal has, and what is quoted in a mail.
pub const COLUMNS: usize = 80;

/// Whether escape sequences may be written there, colours and a bar that moves among them. `NO_COLOR` (no-color.org) says no, if it is not
/// blank, and so do a terminal that says it is dumb, `CLICOLOR=0` (bixense.com/clicolors), and a file or a pipe, but for
/// `CLICOLOR_FORCE`.
pub fn takes_escapes(to: &impl IsTerminal) -> bool {
    is_coloured(to.is_terminal(), |name| env::var_os(name))
}

fn is_coloured(is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is = |name, text: &str| variable(name).is_some_and(|value| value == text);
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    if is_set("NO_COLOR") {
        return false;
    }
    if is_set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") {
        return true;
    }
    // Windows has no such variable.
    let has_kind = variable("TERM").is_some() || cfg!(windows);
    is_terminal && has_kind && !is("TERM", "dumb") && !is("CLICOLOR", "0")
}

/// Columns of a table: those of the terminal, or else [`COLUMNS`].
pub fn columns() -> usize {
    terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0)).max(1)
}

/// A text as it is written there: where it is a terminal no line is wider than that, nor than [`COLUMNS`], and breaks are between words.
/// In a file or a pipe a sentence stays one line.
pub fn fitted(text: &str, to: &impl IsTerminal) -> String {
    if to.is_terminal() { wrapped(text, columns().min(COLUMNS)) } else { text.to_owned() }
}

/// A line behind a mark, like that of a list: where it goes on it begins below the text. Fitted to the terminal that stdout is, or else to
/// [`COLUMNS`].
pub fn marked(mark: &str, text: &str) -> String {
    let columns = if io::stdout().is_terminal() { columns().min(COLUMNS) } else { COLUMNS };
    marked_in(mark, text, columns)
}

fn marked_in(mark: &str, text: &str, columns: usize) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    wrap(&format!("{mark}{text}\n"), visible(mark), columns, &mut out);
    out
}

/// Breaks lines between words so that none has more than `columns` characters, if its words have not. A line that goes on begins
/// as far from the left as the line does.
fn wrapped(text: &str, columns: usize) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        wrap(line, indent, columns, &mut out);
    }
    out
}

/// Appends a line that goes on `indent` characters from the left.
fn wrap(line: &str, indent: usize, columns: usize, out: &mut String) {
    let mut width = 0;
    for (number, word) in line.split(' ').enumerate() {
        let word_width = visible(word);
        if number > 0 && width + 1 + word_width > columns && width > indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            width = indent;
        } else if number > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += word_width;
    }
}

/// Characters that take a column: no escape sequences, `ESC [ … letter`, and no line end.
fn visible(word: &str) -> usize {
    let (mut count, mut in_escape) = (0, false);
    for character in word.chars() {
        match character {
            '\u{1b}' => in_escape = true,
            _ if in_escape => in_escape = !character.is_ascii_alphabetic(),
            '\n' => {}
            _ => count += 1,
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_decide_about_escapes() {
        let coloured = |is_terminal, variables: &[(&str, &str)]| {
            let all = [&[("TERM", "xterm")], variables].concat();
            is_coloured(is_terminal, |name| {
                all.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| value.into())
            })
        };
        assert!(coloured(true, &[]) && coloured(true, &[("NO_COLOR", ""), ("CLICOLOR", "1")]));
        assert!(coloured(false, &[("CLICOLOR_FORCE", "1")]));
        for none in [("NO_COLOR", "1"), ("NO_COLOR", "0"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
            assert!(!coloured(true, &[none]), "{none:?}");
        }
        assert!(!coloured(false, &[]) && !coloured(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!coloured(true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
        assert!(!is_coloured(true, |_| None) || cfg!(windows));
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("error: one two\n", 80), "error: one two\n");
        assert_eq!(wrapped("one two three\n  four five six\n", 10), "one two\nthree\n  four\n  five six\n");
        assert_eq!(wrapped("a-word-that-is-too-long x\n\ny", 6), "a-word-that-is-too-long\nx\n\ny");
        assert_eq!(wrapped("\u{1b}[31mone\u{1b}[0m two", 7), "\u{1b}[31mone\u{1b}[0m two");
        assert_eq!(wrapped("μμμ μμμ", 7), "μμμ μμμ");
    }

    #[test]
    fn what_stands_behind_a_mark_goes_on_below_itself() {
        assert_eq!(marked_in("✓ ", "one two three", 80), "✓ one two three\n");
        assert_eq!(marked_in("✓ ", "one two three", 8), "✓ one\n  two\n  three\n");
        assert_eq!(marked_in("ok ", "one two", 6), "ok one\n   two\n");
        assert_eq!(marked_in("", "one two", 4), "one\ntwo\n");
        assert_eq!(marked_in("· ", "a-long-word", 6), "· a-long-word\n");
    }
}
