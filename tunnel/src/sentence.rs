//! Texts of the peer, for a log or a terminal.

use crate::visible::replaced;

/// A text without characters that a terminal would obey, or that would begin a line. Quotation marks stay: what is in them is to be
/// copied.
pub(crate) fn shown(sentence: &str) -> String {
    replaced(sentence, |out, c| out.extend(c.escape_debug())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_copied_and_a_terminal_obeys_nothing() {
        let command = "proxy2 ticket allow laptop 'listen:[::1]:*'";
        assert_eq!(shown(command), command);
        assert_eq!(shown("\u{1b}[2J\n\u{202e}x"), "\\u{1b}[2J\\n\\u{202e}x");
    }
}
