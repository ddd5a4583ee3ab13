//! What the user sees: a line a step on stdout, and on a terminal what is being done just now.

use std::io::{self, IsTerminal, Write};

use cli::program::write_to_stdout;
use cli::terminal::{columns, marked};

use super::examine::Step;
use super::verdict::Verdict;

/// The screen.
#[derive(Debug)]
pub(super) struct Screen {
    /// Only the document is written.
    json: bool,
    marks: Marks,
    /// stderr is a terminal that can overwrite a line.
    shows_progress: bool,
    /// Characters of the line that stands there and is to be overwritten.
    shown: usize,
    /// Whether all could be written to stdout so far.
    written: io::Result<()>,
}

/// What stands before a step.
#[derive(Clone, Copy, Debug)]
struct Marks {
    good: &'static str,
    bad: &'static str,
    note: &'static str,
}

impl Marks {
    const UTF_8: Self = Self { good: "✓ ", bad: "✗ ", note: "· " };
    const ASCII: Self = Self { good: "ok ", bad: "no ", note: "-  " };

    fn of_process() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default();
        let is_utf8 = ["UTF-8", "utf8", "utf-8", "UTF8"].iter().any(|end| locale.ends_with(end));
        let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
        if is_utf8 && !is_dumb { Self::UTF_8 } else { Self::ASCII }
    }
}

impl Screen {
    /// For a document alone, or for a person.
    pub(super) fn new(json: bool) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let shows_progress = io::stderr().is_terminal() && !is_dumb;
        Self { json, marks: Marks::of_process(), shows_progress, shown: 0, written: Ok(()) }
    }

    /// Shows what is being done.
    pub(super) fn doing(&mut self, what: &str) {
        if self.shows_progress {
            self.clear();
            // A line that is wider cannot be overwritten.
            let text: String = format!("{what} ...").chars().take(columns().saturating_sub(1)).collect();
            // If the terminal is gone nobody wants to know.
            let _ = write!(io::stderr(), "{text}").and_then(|()| io::stderr().flush());
            self.shown = text.chars().count();
        }
    }

    /// Shows a step that was done.
    pub(super) fn step(&mut self, step: &Step) {
        if self.json {
            return;
        }
        let mark = match step.ok {
            Some(true) => self.marks.good,
            Some(false) => self.marks.bad,
            None => self.marks.note,
        };
        self.print(&marked(mark, &step.sentence));
    }

    /// Shows what it all means.
    pub(super) fn verdict(&mut self, verdict: &Verdict) {
        let mut text = format!("\n{}", marked("", &verdict.sentence));
        if let Some(next) = &verdict.next {
            text.push_str(&marked("", &format!("Next: {next}")));
        }
        self.print(&text);
    }

    /// Writes to stdout.
    pub(super) fn print(&mut self, text: &str) {
        self.clear();
        if self.written.is_ok() {
            self.written = write_to_stdout(text);
        }
    }

    /// Whether all could be written to stdout.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn finish(mut self) -> io::Result<()> {
        std::mem::replace(&mut self.written, Ok(()))
    }

    fn clear(&mut self) {
        if self.shown > 0 {
            let _ = write!(io::stderr(), "\r{:1$}\r", "", self.shown);
            self.shown = 0;
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
    }
}
