//! A terminal: lines are edited, earlier ones come back, commands are completed. The home of rustyline.

use std::io;
use std::path::Path;
use std::thread;

use anyhow::Context as _;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, ExternalPrinter, Helper};
use tokio::sync::mpsc;

use super::conversation::Input;
use super::mode::Saved;
use super::output::Output;
use crate::commands::{COMMANDS, Command, Verb};
use crate::session::{LONGEST, commands_and_pages};

const PROMPT: &str = "> ";
/// Lines that are kept in a history.
const KEPT: usize = 1_000;

/// Starts to edit lines; `None`: the terminal cannot do that.
///
/// # Errors
/// There is a history that cannot be read.
pub(super) fn start(history: Option<&Path>, lines: mpsc::Sender<Input>) -> anyhow::Result<Option<Output>> {
    let mode = Saved::now();
    // Pasted lines are lines; and the mode for them would outlive a program that ends while a line is edited.
    let config = Config::builder()
        .max_history_size(KEPT)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .bracketed_paste(false)
        .build();
    let mut editor: Editor<Commands, FileHistory> = Editor::with_config(config)?;
    editor.set_helper(Some(Commands));
    let Ok(mut printer) = editor.create_external_printer() else { return Ok(None) };
    if let Some(file) = history
        && file.exists()
    {
        editor.load_history(file).with_context(|| format!("--history {}", file.display()))?;
    }
    let history = history.map(Path::to_owned);
    thread::spawn(move || edit(editor, history.as_deref(), &lines));
    Ok(Some(Output::start(Some(mode), move |line| printer.print(line).map_err(io::Error::other))))
}

/// Reads lines until the user or the session has enough.
fn edit(mut editor: Editor<Commands, FileHistory>, history: Option<&Path>, lines: &mpsc::Sender<Input>) {
    loop {
        let input = match editor.readline(PROMPT) {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) if line.len() > LONGEST => {
                Input::Fault(format!("a line has at most {LONGEST} bytes: this one was not sent"))
            }
            Ok(line) => {
                // A history that cannot be written keeps nobody from going on. It is written now, as nobody knows who ends first.
                let _ = editor.add_history_entry(line.as_str());
                let _ = history.map(|file| editor.append_history(file));
                Input::Line(line)
            }
            Err(ReadlineError::Interrupted) => Input::Fault("Ctrl-D or `quit` ends the session".into()),
            Err(_) => break,
        };
        let ends = matches!(&input, Input::Line(line) if is_quit(line));
        if lines.blocking_send(input).is_err() || ends {
            break;
        }
    }
}

fn is_quit(line: &str) -> bool {
    Command::named(line.trim()).is_some_and(|command| command.verb == Verb::Quit)
}

/// Completes commands, and what `help` knows.
struct Commands;

impl Completer for Commands {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(line.get(..at).unwrap_or_default()))
    }
}

impl Hinter for Commands {
    type Hint = String;
}

impl Highlighter for Commands {}
impl Validator for Commands {}
impl Helper for Commands {}

/// Where the word begins that ends the text, and what it may become.
fn complete(text: &str) -> (usize, Vec<String>) {
    let (begin, names): (usize, Vec<&str>) = match text.rsplit_once(' ') {
        None => (0, COMMANDS.iter().map(|command| command.name).collect()),
        Some((before, _)) if before.trim() == "help" => (before.len() + 1, commands_and_pages()),
        Some(_) => return (text.len(), Vec::new()),
    };
    let word = text.get(begin..).unwrap_or_default();
    (begin, names.into_iter().filter(|name| name.starts_with(word)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_completed_and_behind_help_pages_too() {
        assert_eq!(complete("wh"), (0, vec!["whoami".into(), "who".into()]));
        assert_eq!(complete("help chm"), (5, vec!["chmod".into()]));
        assert_eq!(complete("say wh"), (6, vec![]));
        assert_eq!(complete("").1.len(), COMMANDS.len());
    }
}
