//! What is shown: texts of others as they may be shown, jobs' output as it is.

use std::io::{self, Write};

use paso::visible;

use crate::node::words::{Heard, MemberInfo};
use crate::overlay::Name;
use crate::wire::Outcome;

/// Why nothing more is shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShowError {
    /// Whoever reads the output has enough: `peer hear | head`.
    #[error("nobody reads the output any more")]
    HasEnough,
    #[error("cannot write to standard output: {0}")]
    Io(io::Error),
}

impl From<io::Error> for ShowError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::HasEnough } else { Self::Io(error) }
    }
}

/// Shows a line.
pub(super) fn line(text: &str) -> Result<(), ShowError> {
    lines(&format!("{text}\n"))
}

/// Shows lines that end already.
pub(super) fn lines(text: &str) -> Result<(), ShowError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Shows a line to people, beside what programs read.
pub(super) fn error(text: &str) {
    // If nobody looks there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Shows what a job wrote. A terminal gets it as a text of somebody else.
pub(super) fn written(outcome: &Outcome, written: &[u8]) -> Result<(), ShowError> {
    let (out, errors) = written.split_at(outcome.stdout.min(written.len()));
    show(&mut io::stdout(), out)?;
    // If nobody looks there is nobody to tell.
    let _ = show(&mut io::stderr(), errors);
    Ok(())
}

/// Standard output for a file of somebody else, of which a terminal gets what it may show. A character that lies in two frames is shown as
/// one that is none.
#[derive(Debug, Default)]
pub(super) struct FileScreen {
    /// Whoever reads it reads it no more.
    pub(super) has_enough: bool,
}

impl Write for FileScreen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shown = show(&mut io::stdout(), bytes);
        self.has_enough |= shown.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        shown.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn show(to: &mut (impl Write + io::IsTerminal), bytes: &[u8]) -> io::Result<()> {
    if to.is_terminal() {
        to.write_all(as_text(bytes).as_bytes())?;
    } else {
        to.write_all(bytes)?;
    }
    to.flush()
}

/// Each line as it may be shown.
fn as_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => format!("{}\n", visible(line)),
            None => visible(line).into_owned(),
        })
        .collect()
}

/// Something that was heard, as a line.
pub(super) fn heard(heard: &Heard) -> String {
    match heard {
        Heard::Said { from, said, text } => format!("{}  {from}: {}", clock(*said), visible(text)),
        Heard::Lost { from, count } => {
            format!("* {count} posts of {from} are lost: nobody keeps them any more")
        }
        Heard::Came { name } => format!("* {name} is there"),
        Heard::Went { name } => format!("* {name} has gone"),
    }
}

/// The time of the day in UTC.
fn clock(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The nodes, as a table.
pub(super) fn members(me: &Name, members: &[MemberInfo]) -> String {
    let width = members.iter().map(|member| member.name.as_str().len()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}  link  at once  jobs  runs\n", "name");
    for member in members {
        let link = match (member.name == *me, member.is_linked) {
            (true, _) => "self",
            (false, true) => "yes",
            (false, false) => "-",
        };
        let capacity = member.capacity.map_or_else(|| "?".to_owned(), |capacity| capacity.to_string());
        let programs = member.programs.join(" ");
        let programs = if programs.is_empty() { "-" } else { &*visible(&programs) };
        text.push_str(&format!(
            "{:width$}  {link:4}  {capacity:>7}  {:>4}  {programs}\n",
            member.name, member.jobs
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_moves_the_cursor() {
        let from: Name = "ann".parse().unwrap();
        let said = Heard::Said { from: from.clone(), said: 3_723_000, text: "a\x1b[2J\nann: b".into() };
        assert_eq!(heard(&said), "01:02:03Z  ann: a?[2J?ann: b");
        assert_eq!(as_text(b"one\x1b[A\ntwo"), "one?[A\ntwo");
        let member = MemberInfo {
            name: from,
            is_linked: false,
            capacity: None,
            jobs: 0,
            programs: vec!["\x07".into()],
        };
        let bob = "bob".parse().unwrap();
        assert_eq!(
            members(&bob, &[member]),
            "name  link  at once  jobs  runs\nann   -           ?     0  ?\n"
        );
    }
}
